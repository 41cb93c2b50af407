#include "base/json.h"
#include "server/http_server.h"

#include <stdlib.h>

enum { ROOM_MIN = 1024 }; /* less is not worth a read */

static char *must(void *memory)
{
	if (memory == NULL)
		abort();
	return memory;
}

struct http_desk *http_desk_get(struct http_server *server)
{
	struct http_desk *desk = server->desks;

	if (desk != NULL) {
		server->desks = desk->next;
		server->desk_count--;
	} else {
		desk = (struct http_desk *)must(calloc(1, sizeof(*desk)));
		desk->cap = HTTP_DESK_SIZE;
		desk->data = must(malloc(desk->cap + JSON_PADDING));
	}
	desk->begin = desk->pin = desk->at = desk->end = 0;
	desk->is_body_in_place = desk->is_streamed = false;
	desk->bodies = server->bodies;
	desk->limits = server->limits;
	http_parse_start(&desk->parse, &desk->limits, &desk->arena);
	return desk;
}

static void drop_body(struct http_desk *desk)
{
	buf_done(&desk->body);
	if (desk->body_taken > 0)
		budget_give(desk->bodies, desk->body_taken);
	desk->body_taken = 0;
}

void http_desk_free(struct http_desk *desk)
{
	if (desk == NULL)
		return;
	arena_done(&desk->arena);
	drop_body(desk);
	free(desk->data);
	free(desk);
}

void http_desk_put(struct http_server *server, struct http_desk *desk)
{
	if (desk == NULL)
		return;
	arena_clear(&desk->arena);
	drop_body(desk);
	if (server->desk_count == HTTP_DESKS_KEPT || desk->cap > HTTP_DESK_SIZE ||
		server->is_freed) {
		http_desk_free(desk);
		return;
	}
	desk->next = server->desks;
	server->desks = desk;
	server->desk_count++;
}

void http_desk_clear(struct http_desk *desk, const struct http_limits *limits)
{
	arena_clear(&desk->arena);
	if (desk->body.data != NULL)
		drop_body(desk);
	desk->is_body_in_place = desk->is_streamed = false;
	desk->begin = desk->pin = desk->at;
	if (desk->begin == desk->end)
		desk->begin = desk->pin = desk->at = desk->end = 0;
	desk->limits = *limits;
	http_parse_start(&desk->parse, &desk->limits, &desk->arena);
}

void http_desk_to_front(struct http_desk *desk)
{
	const size_t by = desk->begin;

	memmove(desk->data, desk->data + by, desk->end - by);
	desk->begin -= by;
	desk->pin -= by;
	desk->at -= by;
	desk->end -= by;
}

void http_desk_make_room(struct http_desk *desk)
{
	if (desk->cap - desk->end < ROOM_MIN && desk->begin > 0)
		http_desk_to_front(desk);
	if (desk->cap - desk->end >= ROOM_MIN)
		return;
	/* The parser's limits end this: it refuses before the head is longer than all of them
	 * together. */
	desk->cap *= 2;
	desk->data = must(realloc(desk->data, desk->cap + JSON_PADDING));
}

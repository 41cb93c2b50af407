/*
 * A request's body. Where it fits behind the head it stays there, uncopied; a longer one gets
 * memory of its own and is read straight into it; a chunked one is taken apart into the same
 * memory.
 */
#include "base/json.h"
#include "server/http_server.h"

static const char NO_BODY[JSON_PADDING];

static void body_room(struct http_desk *desk, size_t wanted)
{
	const size_t step = desk->body.len < HTTP_BODY_STEP ? HTTP_BODY_STEP : desk->body.len;

	if (desk->body.cap - desk->body.len <= JSON_PADDING)
		buf_reserve(&desk->body, (wanted < step ? wanted : step) + JSON_PADDING);
}

static const struct http_refusal USED_UP = {503, "too many large requests at once: come again later"};

/* What has come since. Memory that was only reserved is none yet. */
static bool pay_for_body(struct http_desk *desk)
{
	const size_t grown = desk->body.len - desk->body_taken;

	if (desk->bodies == NULL || grown == 0)
		return true;
	if (!budget_take(desk->bodies, grown))
		return false;
	desk->body_taken += grown;
	return true;
}

void http_body_start(struct http_conn *conn)
{
	struct http_desk *desk = conn->desk;
	const struct http_parse *parse = &desk->parse;
	const size_t head = desk->pin - desk->begin;

	if (parse->framing == HTTP_CHUNKED)
		http_chunked_start(&desk->chunked, conn->server->limits.body_max);
	if (parse->framing != HTTP_LENGTH)
		return;
	desk->is_body_in_place = parse->length <= desk->cap - head;
	if (desk->is_body_in_place && parse->length > desk->cap - desk->pin)
		http_desk_to_front(desk);
}

bool http_body_on_read(struct http_conn *conn, ssize_t got)
{
	if (got > 0) {
		HTTP_COUNT(conn->server->counters.bytes_in, (uint64_t)got);
		return true;
	}
	if (got == HTTP_IO_END)
		http_conn_refuse(
			conn, (struct http_refusal){400, "the connection ended inside the body"});
	else if (got == HTTP_IO_BROKEN)
		http_conn_break(conn);
	return false;
}

static enum http_parsed more_or_refused(const struct http_conn *conn)
{
	return conn->state == HTTP_CONN_BODY && !conn->is_broken ? HTTP_PARSED_MORE
								 : HTTP_PARSED_REFUSED;
}

static enum http_parsed take_in_place(struct http_conn *conn)
{
	struct http_desk *desk = conn->desk;
	const size_t whole = desk->pin + (size_t)desk->parse.length;

	while (desk->end < whole) {
		const ssize_t got =
			http_io_read(&conn->io, desk->data + desk->end, desk->cap - desk->end);

		if (!http_body_on_read(conn, got))
			return more_or_refused(conn);
		desk->end += (size_t)got;
	}
	desk->at = whole;
	return HTTP_PARSED_DONE;
}

static enum http_parsed refuse_body(struct http_conn *conn)
{
	http_conn_refuse(conn, USED_UP);
	return HTTP_PARSED_REFUSED;
}

static enum http_parsed take_long(struct http_conn *conn)
{
	struct http_desk *desk = conn->desk;
	struct buf *body = &desk->body;
	const size_t length = (size_t)desk->parse.length;

	if (desk->at < desk->end) {
		body_room(desk, length);
		buf_reserve(body, desk->end - desk->at + JSON_PADDING);
		buf_add(body, desk->data + desk->at, desk->end - desk->at);
		desk->at = desk->end = desk->pin;
	}
	while (body->len < length) {
		body_room(desk, length - body->len);
		const size_t room = body->cap - body->len - JSON_PADDING, left = length - body->len;
		const ssize_t got =
			http_io_read(&conn->io, body->data + body->len, room < left ? room : left);

		if (!http_body_on_read(conn, got))
			return more_or_refused(conn);
		body->len += (size_t)got;
		if (!pay_for_body(desk))
			return refuse_body(conn);
	}
	return HTTP_PARSED_DONE;
}

static enum http_parsed decode(struct http_conn *conn)
{
	struct http_desk *desk = conn->desk;
	enum http_parsed parsed = HTTP_PARSED_DATA;

	while (parsed == HTTP_PARSED_DATA) {
		struct str data;
		size_t used;

		parsed = http_chunked_next(&desk->chunked,
			(struct str){desk->data + desk->at, desk->end - desk->at}, &used, &data);
		desk->at += used;
		if (parsed == HTTP_PARSED_DATA) {
			buf_reserve(&desk->body, data.len + JSON_PADDING);
			buf_add_str(&desk->body, data);
			if (!pay_for_body(desk)) {
				desk->chunked.refusal = USED_UP;
				return HTTP_PARSED_REFUSED;
			}
		}
	}
	return parsed;
}

static enum http_parsed take_chunked(struct http_conn *conn)
{
	struct http_desk *desk = conn->desk;
	enum http_parsed parsed;

	while ((parsed = decode(conn)) == HTTP_PARSED_MORE) {
		desk->at = desk->end = desk->pin;
		http_desk_make_room(desk);
		const ssize_t got =
			http_io_read(&conn->io, desk->data + desk->end, desk->cap - desk->end);

		if (!http_body_on_read(conn, got))
			return more_or_refused(conn);
		desk->end += (size_t)got;
	}
	if (parsed == HTTP_PARSED_REFUSED)
		http_conn_refuse(conn, desk->chunked.refusal);
	return parsed;
}

enum http_parsed http_body_take(struct http_conn *conn)
{
	if (conn->desk->parse.framing == HTTP_NO_BODY)
		return HTTP_PARSED_DONE;
	if (conn->desk->parse.framing == HTTP_CHUNKED)
		return take_chunked(conn);
	return conn->desk->is_body_in_place ? take_in_place(conn) : take_long(conn);
}

struct str http_body_text(struct http_desk *desk, const struct http_parse *parse)
{
	if (desk->is_body_in_place) {
		if (desk->end == desk->at)
			memset(desk->data + desk->end, 0, JSON_PADDING);
		return (struct str){desk->data + desk->pin, (size_t)parse->length};
	}
	if (desk->body.len == 0)
		return (struct str){NO_BODY, 0};
	memset(desk->body.data + desk->body.len, 0, JSON_PADDING);
	return buf_str(&desk->body);
}

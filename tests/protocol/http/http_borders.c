/*
 * Says where the request parser sees requests end, for differential.py. Standard input has texts,
 * each behind its length as 4 bytes, least first; for each of them one line comes out: "METHOD
 * TARGET BODY" in hex for every request, separated by ';', then "refused STATUS" or "open".
 */
#include "server/http_parse.h"

#include <stdio.h>
#include <stdlib.h>

static void put_hex(struct str text)
{
	for (size_t i = 0; i < text.len; i++)
		printf("%02x", (unsigned char)text.data[i]);
}

/* Returns the status of a refusal, 0 where the body is whole, -1 where more is needed. */
static int take_chunked(const struct http_limits *limits, struct str *rest)
{
	struct http_chunked chunked;
	enum http_parsed parsed;

	http_chunked_start(&chunked, limits->body_max);
	do {
		struct str data;
		size_t used;

		parsed = http_chunked_next(&chunked, *rest, &used, &data);
		rest->data += used;
		rest->len -= used;
		if (parsed == HTTP_PARSED_DATA)
			put_hex(data);
	} while (parsed == HTTP_PARSED_DATA);
	if (parsed == HTTP_PARSED_REFUSED)
		return chunked.refusal.status;
	return parsed == HTTP_PARSED_DONE ? 0 : -1;
}

static int take_body(
	const struct http_limits *limits, const struct http_parse *parse, struct str *rest)
{
	if (parse->framing == HTTP_CHUNKED)
		return take_chunked(limits, rest);
	if (parse->length > rest->len)
		return -1;
	put_hex((struct str){rest->data, (size_t)parse->length});
	rest->data += parse->length;
	rest->len -= (size_t)parse->length;
	return 0;
}

/* As above; *ret_is_last where no further request is looked at. */
static int take_request(
	const struct http_limits *limits, struct arena *arena, struct str *rest, bool *ret_is_last)
{
	struct http_parse parse;

	http_parse_start(&parse, limits, arena);
	const enum http_parsed parsed = http_parse_head(&parse, rest->data, rest->len);
	if (parsed == HTTP_PARSED_REFUSED)
		return parse.refusal.status;
	if (parsed == HTTP_PARSED_MORE)
		return -1;
	if (!http_framing_limit(&parse, limits->body_max))
		return parse.refusal.status;
	put_hex((struct str){rest->data + parse.method_text.at, parse.method_text.len});
	putchar(' ');
	put_hex((struct str){rest->data + parse.target.at, parse.target.len});
	putchar(' ');
	rest->data += parse.at;
	rest->len -= parse.at;
	*ret_is_last = !http_parse_is_persistent(&parse);
	return take_body(limits, &parse, rest);
}

static void take_text(const struct http_limits *limits, struct str text)
{
	struct arena arena;
	bool is_last = false;
	int status = 0;

	arena_init(&arena);
	while (status == 0 && !is_last && text.len > 0) {
		status = take_request(limits, &arena, &text, &is_last);
		printf("%s", status == 0 ? ";" : "!");
		arena_clear(&arena);
	}
	arena_done(&arena);
	if (status > 0)
		printf("refused %d\n", status);
	else
		printf("open\n");
}

int main(void)
{
	struct http_limits limits;
	unsigned char length[4];

	http_limits_default(&limits);
	limits.body_max = 1024 * 1024;
	while (fread(length, 1, 4, stdin) == 4) {
		const size_t len = length[0] | length[1] << 8 | length[2] << 16;
		char *text = malloc(len + 1);

		if (text == NULL || fread(text, 1, len, stdin) != len)
			return 1;
		take_text(&limits, (struct str){text, len});
		free(text);
	}
	return fflush(stdout) == 0 ? 0 : 1;
}

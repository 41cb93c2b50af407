#pragma once
/*
 * The strict HTTP/1.1 request parser: pure state machines over bytes, no sockets, no events.
 *
 * Two parts: struct http_parse reads a request's head (request line and header section) from one
 * text that grows at its end; struct http_chunked takes a chunked body apart, piece by piece.
 *
 * Invariants: how the bytes are cut into pieces never changes the result (tests/fuzz/http.c holds
 * both to it). What is wrong is refused at the first byte that cannot belong to a valid request,
 * and nothing is parsed behind it: lines end in CRLF only, and a request whose length two readers
 * could see differently is not answered but refused. Sources: RFC 9112, RFC 9110,
 * docs/protocol/HTTP.md section 1.5 rules 1 and 3 to 8.
 */
#include "base/arena.h"
#include "base/str.h"
#include "server/http.h"

enum http_parsed {
	HTTP_PARSED_MORE,    /* all bytes were taken; more are needed */
	HTTP_PARSED_DONE,    /* complete; `at` or *ret_used says how far */
	HTTP_PARSED_DATA,    /* chunked bodies only: a run of the body's bytes */
	HTTP_PARSED_REFUSED, /* `refusal` says why */
};

struct http_refusal {
	int status;
	const char *message;
};

enum http_framing { HTTP_NO_BODY, HTTP_LENGTH, HTTP_CHUNKED };

/* Where a token stands in the text. The text may move while it grows, so offsets, not pointers. */
struct http_span {
	uint32_t at, len;
};

struct http_span_field {
	struct http_span name, value;
};

struct http_parse {
	const struct http_limits *limits;
	struct arena *arena; /* of `fields` */
	size_t at;           /* bytes taken */
	uint8_t step;
	uint8_t empty_lines;
	uint8_t version_at;
	uint8_t major, minor;
	bool has_host, has_length, has_coding;
	bool has_close, has_keep_alive, has_upgrade;
	bool is_expecting_continue, is_expecting_unknown;
	enum http_method method;
	struct http_span method_text, target, path, query;
	bool has_escapes;       /* of the path */
	struct http_span token; /* the one being read */
	size_t section_at;      /* where the header section starts */
	struct http_span_field *fields;
	uint32_t field_count, field_cap;
	enum http_framing framing;
	uint64_t length; /* of the body, where HTTP_LENGTH */
	struct http_refusal refusal;
};

void http_parse_start(
	struct http_parse *parse, const struct http_limits *limits, struct arena *arena);
/* `text` is all there is of this request so far, from its first byte; bytes already taken are not
 * looked at again. */
enum http_parsed http_parse_head(struct http_parse *parse, const char *text, size_t len);
/* After DONE: false with a refusal where the announced body is longer. Who takes a body says how long it may be, so the
 * head alone does not tell; a chunked one is measured while it comes. */
bool http_framing_limit(struct http_parse *parse, uint64_t body_max);
/* After DONE: may another request follow on this connection? */
bool http_parse_is_persistent(const struct http_parse *parse);

/* The target's path with its escapes decoded; a view where it has none. After DONE: the parser has
 * checked it. */
struct str http_path_decode(struct arena *arena, const char *text, const struct http_parse *parse);

/* http_framing.c, of use to http_parse.c: one header line, and the end of them; false: `refusal`
 * says why. */
bool http_framing_field(struct http_parse *parse, struct str name, struct str value);
bool http_framing_end(struct http_parse *parse);
/* http_target.c, of use to http_parse.c: splits a target that has the characters of one. */
bool http_target_split(struct http_parse *parse, const char *text);
/* RFC 9112 3.2: is it a Host value: name, IPv4 or [IPv6], with or without a port? */
bool http_host_is_valid(struct str host);

struct http_chunked {
	uint64_t body_max;
	uint8_t step;
	uint8_t digits;
	uint64_t left; /* bytes of this chunk that are still to come; while its size is read, the
			  size */
	uint64_t body; /* bytes of data so far */
	uint64_t overhead; /* bytes that are neither data nor trailers */
	uint32_t line;     /* bytes of this size line */
	uint32_t trailer;  /* bytes of the trailer section */
	struct http_refusal refusal;
};

void http_chunked_start(struct http_chunked *chunked, uint64_t body_max);
/* Takes bytes from `text`: *ret_used of them, and with HTTP_PARSED_DATA *ret_data is a view of the
 * last ones. */
enum http_parsed http_chunked_next(
	struct http_chunked *chunked, struct str text, size_t *ret_used, struct str *ret_data);

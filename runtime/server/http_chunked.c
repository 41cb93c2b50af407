/*
 * A chunked body (RFC 9112 7.1):
 *
 *	size { extension }* line end → data → line end → … → size 0 → { trailer line }* → end
 *
 * Size lines, extensions and trailers carry nothing that is used here; they are checked byte by
 *byte all the same, because a reader that is lax there sees other requests than its neighbour.
 *Their amount is limited.
 */
#include "base/percent.h"
#include "server/http_class.h"
#include "server/http_parse.h"

enum {
	SIZE_LINE_MAX = 256, /* of a size line */
	TRAILER_MAX = 8 * 1024,
	OVERHEAD_MAX = 16 * 1024, /* plus a part of the data; trailers have a limit of their own */
	OVERHEAD_SHARE = 4,
	SIZE_DIGITS_MAX = 16,
};

enum step {
	STEP_SIZE,
	STEP_SIZE_BLANKS,
	STEP_NAME_BLANKS,
	STEP_NAME,
	STEP_EQUALS_BLANKS,
	STEP_VALUE_BLANKS,
	STEP_VALUE,
	STEP_QUOTED,
	STEP_ESCAPED,
	STEP_VALUE_END,
	STEP_SIZE_LF,
	STEP_DATA,
	STEP_DATA_CR,
	STEP_DATA_LF,
	STEP_TRAILER_FIRST,
	STEP_TRAILER_NAME,
	STEP_TRAILER_VALUE,
	STEP_TRAILER_LF,
	STEP_END_LF,
	STEP_DONE,
	STEP_REFUSED,
};

void http_chunked_start(struct http_chunked *chunked, uint64_t body_max)
{
	*chunked = (struct http_chunked){.body_max = body_max};
}

static bool refuse(struct http_chunked *chunked, int status, const char *message)
{
	chunked->step = STEP_REFUSED;
	chunked->refusal = (struct http_refusal){status, message};
	return false;
}

static bool next(struct http_chunked *chunked, enum step step)
{
	chunked->step = (uint8_t)step;
	return true;
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

static bool malformed_size(struct http_chunked *chunked)
{
	return refuse(chunked, 400, "a malformed chunk size line");
}

/* What may follow a size or a whole extension: a blank only in front of ';' (RFC 9112 7.1.1, BWS).
 */
static bool take_size_end(struct http_chunked *chunked, char c)
{
	if (c == '\r')
		return next(chunked, STEP_SIZE_LF);
	if (c == ';')
		return next(chunked, STEP_NAME_BLANKS);
	if (is_blank(c))
		return next(chunked, STEP_SIZE_BLANKS);
	return malformed_size(chunked);
}

static bool take_size(struct http_chunked *chunked, char c)
{
	const int digit = hex_digit(c);

	if (digit < 0)
		return chunked->digits > 0 ? take_size_end(chunked, c) : malformed_size(chunked);
	if (chunked->digits == SIZE_DIGITS_MAX)
		return malformed_size(chunked);
	chunked->digits++;
	chunked->left = chunked->left * 16 + (uint64_t)digit;
	return true;
}

static bool take_extension(struct http_chunked *chunked, char c)
{
	switch ((enum step)chunked->step) {
	case STEP_SIZE_BLANKS:
		if (is_blank(c))
			return true;
		return c == ';' ? next(chunked, STEP_NAME_BLANKS) : malformed_size(chunked);
	case STEP_NAME_BLANKS:
		if (is_blank(c))
			return true;
		return http_is_token(c) ? next(chunked, STEP_NAME) : malformed_size(chunked);
	case STEP_NAME:
		if (http_is_token(c))
			return true;
		if (c == '=')
			return next(chunked, STEP_VALUE_BLANKS);
		return is_blank(c) ? next(chunked, STEP_EQUALS_BLANKS) : take_size_end(chunked, c);
	case STEP_EQUALS_BLANKS:
		if (is_blank(c))
			return true;
		if (c == '=')
			return next(chunked, STEP_VALUE_BLANKS);
		return c == ';' ? next(chunked, STEP_NAME_BLANKS) : malformed_size(chunked);
	case STEP_VALUE_BLANKS:
		if (is_blank(c))
			return true;
		if (c == '"')
			return next(chunked, STEP_QUOTED);
		return http_is_token(c) ? next(chunked, STEP_VALUE) : malformed_size(chunked);
	case STEP_VALUE:
		return http_is_token(c) || take_size_end(chunked, c);
	case STEP_QUOTED:
		if (c == '"')
			return next(chunked, STEP_VALUE_END);
		if (c == '\\')
			return next(chunked, STEP_ESCAPED);
		return http_is_value(c) || malformed_size(chunked);
	case STEP_ESCAPED:
		return http_is_value(c) ? next(chunked, STEP_QUOTED) : malformed_size(chunked);
	default:
		return take_size_end(chunked, c);
	}
}

static bool take_size_lf(struct http_chunked *chunked, char c)
{
	if (c != '\n')
		return malformed_size(chunked);
	if (chunked->left > chunked->body_max - chunked->body)
		return refuse(chunked, 413, "the body is too large");
	chunked->line = 0;
	chunked->digits = 0;
	return next(chunked, chunked->left > 0 ? STEP_DATA : STEP_TRAILER_FIRST);
}

/* Trailers are dropped: nothing in them may change a request that was framed without them (RFC
 * 9110 6.5.1). */
static bool take_trailer(struct http_chunked *chunked, char c)
{
	if (++chunked->trailer > TRAILER_MAX)
		return refuse(chunked, 431, "the trailer section is too large");
	switch ((enum step)chunked->step) {
	case STEP_TRAILER_FIRST:
		if (c == '\r')
			return next(chunked, STEP_END_LF);
		if (http_is_token(c))
			return next(chunked, STEP_TRAILER_NAME);
		break;
	case STEP_TRAILER_NAME:
		if (http_is_token(c))
			return true;
		if (c == ':')
			return next(chunked, STEP_TRAILER_VALUE);
		break;
	case STEP_TRAILER_VALUE:
		if (http_is_value(c))
			return true;
		if (c == '\r')
			return next(chunked, STEP_TRAILER_LF);
		break;
	default:
		if (c == '\n')
			return next(chunked,
				chunked->step == STEP_END_LF ? STEP_DONE : STEP_TRAILER_FIRST);
	}
	return refuse(chunked, 400, "a malformed trailer line");
}

static bool take_byte(struct http_chunked *chunked, char c)
{
	if (chunked->step < STEP_TRAILER_FIRST &&
		++chunked->overhead > OVERHEAD_MAX + chunked->body / OVERHEAD_SHARE)
		return refuse(chunked, 400, "more chunk framing than data");
	if (chunked->step <= STEP_SIZE_LF && ++chunked->line > SIZE_LINE_MAX)
		return refuse(chunked, 400, "a chunk size line is too long");

	if (chunked->step == STEP_SIZE)
		return take_size(chunked, c);
	if (chunked->step < STEP_SIZE_LF)
		return take_extension(chunked, c);
	if (chunked->step == STEP_SIZE_LF)
		return take_size_lf(chunked, c);
	if (chunked->step >= STEP_TRAILER_FIRST)
		return take_trailer(chunked, c);
	if (c != (chunked->step == STEP_DATA_CR ? '\r' : '\n'))
		return refuse(chunked, 400, "a chunk does not end where its size says");
	return next(chunked, chunked->step == STEP_DATA_CR ? STEP_DATA_LF : STEP_SIZE);
}

static void take_data(
	struct http_chunked *chunked, struct str text, size_t *used, struct str *ret_data)
{
	const size_t here = text.len - *used;
	const size_t len = chunked->left < here ? (size_t)chunked->left : here;

	*ret_data = (struct str){text.data + *used, len};
	*used += len;
	chunked->left -= len;
	chunked->body += len;
	if (chunked->left == 0)
		chunked->step = STEP_DATA_CR;
}

enum http_parsed http_chunked_next(
	struct http_chunked *chunked, struct str text, size_t *ret_used, struct str *ret_data)
{
	size_t used = 0;
	enum http_parsed parsed = HTTP_PARSED_MORE;

	if (chunked->step == STEP_REFUSED)
		parsed = HTTP_PARSED_REFUSED;
	while (used < text.len && parsed == HTTP_PARSED_MORE && chunked->step != STEP_DONE) {
		if (chunked->step == STEP_DATA) {
			take_data(chunked, text, &used, ret_data);
			parsed = HTTP_PARSED_DATA;
		} else if (!take_byte(chunked, text.data[used])) {
			parsed = HTTP_PARSED_REFUSED;
		} else {
			used++;
		}
	}
	if (parsed == HTTP_PARSED_MORE && chunked->step == STEP_DONE)
		parsed = HTTP_PARSED_DONE;
	*ret_used = used;
	return parsed;
}

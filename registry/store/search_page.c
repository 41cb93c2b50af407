/* Page tokens: base64 of {"offset": N}, as json.dumps writes it. */
#include "base/base64.h"
#include "store/search_clause.h"
#include "store/search_python.h"

#include <math.h>

static int sextet(char c)
{
	static const char ALPHABET[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	const char *place = c != '\0' ? strchr(ALPHABET, c) : NULL;

	return place != NULL ? (int)(place - ALPHABET) : -1;
}

/* As Python's b64decode: what is not of the alphabet is passed over, what stands behind the padding, too. */
static bool decode_base64(struct arena *arena, struct str text, struct str *ret)
{
	char *bytes = arena_alloc(arena, text.len + 1);
	size_t len = 0, pads = 0;
	unsigned place = 0, kept = 0;

	for (size_t i = 0; i < text.len; i++) {
		const int value = sextet(text.data[i]);

		if (text.data[i] == '=' && place >= 2 && place + ++pads >= 4) {
			place = 0;
			break;
		}
		if (value < 0)
			continue;
		pads = 0;
		kept = (kept << 6 | (unsigned)value) & 0xfff;
		/* Every sextet but the first of four completes a byte. */
		if (place > 0)
			bytes[len++] = (char)(kept >> (6 - 2 * place));
		place = (place + 1) % 4;
	}
	*ret = (struct str){bytes, len};
	return place == 0;
}

static bool is_false(const struct json *value)
{
	switch (json_type(value)) {
	case JSON_BOOL:
		return !value->boolean;
	case JSON_INTEGER:
		return value->integer == 0;
	case JSON_DOUBLE:
		return value->number == 0;
	case JSON_STRING:
	case JSON_ARRAY:
	case JSON_OBJECT:
		return value->size == 0;
	default:
		return true;
	}
}

/* As int(value). Offsets stay so small that no page's end overflows. */
static bool read_offset(const struct json *value, int64_t *ret)
{
	static const int64_t OFFSET_MAX = INT64_MAX / 4;

	if (json_type(value) == JSON_STRING) {
		if (!python_int(json_str(value), ret))
			return false;
	} else if (json_type(value) == JSON_DOUBLE) {
		if (!(fabs(value->number) < (double)OFFSET_MAX))
			return false;
		*ret = (int64_t)value->number;
	} else if (json_type(value) == JSON_INTEGER || json_type(value) == JSON_BOOL) {
		*ret = json_type(value) == JSON_BOOL ? 1 : value->integer;
	} else {
		return false;
	}
	return *ret <= OFFSET_MAX && *ret >= -OFFSET_MAX;
}

static bool read_token(struct search *search, struct str token, struct error *err)
{
	struct error ignored;
	struct json read;
	struct str text;

	if (!decode_base64(search->arena, token, &text))
		return search_fail(err, "Invalid page token, could not base64-decode");
	if (!json_read(search->arena, text, &read, &ignored) || json_type(&read) != JSON_OBJECT)
		return search_fail(err, "Invalid page token, decoded value=b%s",
			str_is_utf8(text) ? python_repr(search->arena, text) : "'…'");
	const struct json *offset = json_get(&read, STR("offset"));
	if (is_false(offset))
		return search_fail(err, "Invalid page token, parsed value=%.*s", STR_ARGS(text));
	if (read_offset(offset, &search->offset))
		return true;
	struct buf shown = {0};
	json_write(&shown, offset);
	search_fail(err, "Invalid page token, not stringable %s", buf_text(&shown));
	buf_done(&shown);
	return false;
}

/* One more than asked for, as far as there are numbers: of so many rows there is no next page. */
void search_limit(struct search *search)
{
	search_add(search, " LIMIT ? OFFSET ?");
	search_bind_int(search, search->max_results < INT64_MAX ? search->max_results + 1 : INT64_MAX);
	search_bind_int(search, search->offset);
}

bool search_page(struct search *search, int64_t max_results, struct str page_token, struct error *err)
{
	search->max_results = max_results;
	if (page_token.len > SEARCH_FILTER_MAX)
		return search_fail(err, "Invalid page token, longer than %d bytes", SEARCH_FILTER_MAX);
	if (page_token.len > 0 && !read_token(search, page_token, err))
		return false;
	search_limit(search);
	return true;
}

struct str search_next_token(struct search *search, size_t rows_read)
{
	if (rows_read <= (size_t)search->max_results)
		return STR("");
	const char *text =
		arena_printf(search->arena, "{\"offset\": %lld}", (long long)(search->offset + search->max_results));
	return base64_encode(search->arena, str_of(text));
}

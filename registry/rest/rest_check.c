#include "rest/rest_check.h"

#include <locale.h>
#include <stdlib.h>
#include <wctype.h>

static const char CHARACTERS[] = "Names may only contain alphanumerics, underscores (_), dashes (-), periods (.), spaces ( ), "
				 "colon(:) and slashes (/).";

static uint32_t code_point(const char *bytes, size_t size)
{
	static const unsigned char LEAD[] = {0, 0x7F, 0x1F, 0x0F, 0x07};
	uint32_t code = (unsigned char)bytes[0] & LEAD[size];

	for (size_t i = 1; i < size; i++)
		code = code << 6 | ((unsigned char)bytes[i] & 0x3F);
	return code;
}

static int compare_keys(const void *a, const void *b)
{
	const struct str left = json_str(&((const struct json_member *)a)->key);
	const struct str right = json_str(&((const struct json_member *)b)->key);
	const int order = memcmp(left.data, right.data, left.len < right.len ? left.len : right.len);

	return order != 0 ? order : (left.len > right.len) - (left.len < right.len);
}

static void add_sorted(struct buf *out, struct arena *arena, const struct json *value);

static void add_object(struct buf *out, struct arena *arena, const struct json *object)
{
	struct json_member *sorted = arena_array(arena, object->size, sizeof(*sorted));

	for (size_t i = 0; i < object->size; i++)
		sorted[i] = object->members[i];
	qsort(sorted, object->size, sizeof(*sorted), compare_keys);
	for (size_t i = 0; i < object->size; i++) {
		buf_add_char(out, i > 0 ? ',' : '{');
		json_write(out, &sorted[i].key);
		buf_add_char(out, ':');
		add_sorted(out, arena, &sorted[i].value);
	}
	buf_add_text(out, object->size > 0 ? "}" : "{}");
}

/* No further than any message goes. */
static void add_sorted(struct buf *out, struct arena *arena, const struct json *value)
{
	if (out->len > ERROR_TEXT_MAX)
		return;
	if (json_type(value) == JSON_OBJECT) {
		add_object(out, arena, value);
	} else if (json_type(value) == JSON_ARRAY) {
		buf_add_char(out, '[');
		for (size_t i = 0; i < value->size && out->len <= ERROR_TEXT_MAX; i++) {
			buf_add_text(out, i > 0 ? "," : "");
			add_sorted(out, arena, &value->items[i]);
		}
		buf_add_char(out, ']');
	} else {
		json_write(out, value);
	}
}

/* What is not ASCII is escaped, in pairs of surrogates beyond U+FFFF; DEL, too, as Python does. */
static void add_ascii(struct buf *out, struct str utf8)
{
	while (utf8.len > 0) {
		const size_t size = str_utf8_step(utf8);
		const uint32_t code = code_point(utf8.data, size);

		if (size == 1 && code != 0x7F)
			buf_add_char(out, utf8.data[0]);
		else if (code < 0x10000)
			buf_printf(out, "\\u%04x", (unsigned)code);
		else
			buf_printf(out, "\\u%04x\\u%04x", 0xD7C0 + (unsigned)(code >> 10), 0xDC00 + (unsigned)(code & 0x3FF));
		utf8 = (struct str){utf8.data + size, utf8.len - size};
	}
}

void rest_add_json(struct buf *out, const struct json *value)
{
	struct buf utf8 = {0};
	struct arena arena;

	arena_init(&arena);
	add_sorted(&utf8, &arena, value);
	add_ascii(out, buf_str(&utf8));
	arena_done(&arena);
	buf_done(&utf8);
}

/* `Invalid value "…" for parameter 'path' supplied: why`. False. */
static bool invalid_value(struct str value, const char *path, const char *why, struct error *err)
{
	const struct json json = json_string(value);
	struct buf shown;

	buf_init(&shown);
	rest_add_json(&shown, &json);
	error_set(err, ERR_INVALID_PARAMETER, "Invalid value %s for parameter '%s' supplied%s%s", buf_text(&shown), path,
		why != NULL ? ": " : ".", why != NULL ? why : "");
	buf_done(&shown);
	return false;
}

void rest_add_repr(struct buf *out, struct str text)
{
	const bool is_single = str_count(text, '\'') == 0 || str_count(text, '"') > 0;
	const char quote = is_single ? '\'' : '"';

	buf_add_char(out, quote);
	for (size_t i = 0; i < text.len; i++) {
		const char c = text.data[i];

		if (c == quote || c == '\\')
			buf_printf(out, "\\%c", c);
		else if (c == '\n' || c == '\r' || c == '\t')
			buf_printf(out, "\\%c", c == '\n' ? 'n' : c == '\r' ? 'r' : 't');
		else if ((unsigned char)c < ' ' || c == 0x7F)
			buf_printf(out, "\\x%02x", (unsigned char)c);
		else
			buf_add_char(out, c);
	}
	buf_add_char(out, quote);
}

/* Letters and digits of any script, as Python's \w; C.UTF-8 is part of the C library. */
static bool is_alphanumeric(uint32_t code)
{
	const locale_t utf8 = newlocale(LC_CTYPE_MASK, "C.UTF-8", (locale_t)0);

	if (utf8 == (locale_t)0)
		return true;
	const bool is_in = iswalnum_l((wint_t)code, utf8) != 0;
	freelocale(utf8);
	return is_in;
}

bool rest_has_only(struct str key, const char *marks)
{
	while (key.len > 0) {
		const size_t size = str_utf8_step(key);
		const char c = key.data[0];
		const bool is_letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');

		if (size == 0 || (size > 1 && !is_alphanumeric(code_point(key.data, size))))
			return false;
		if (size == 1 && !is_letter && (c == '\0' || strchr(marks, c) == NULL))
			return false;
		key = (struct str){key.data + size, key.len - size};
	}
	return true;
}

/* As posixpath.normpath: the last part of `out` behind `root` bytes is dropped by a "..". */
static void add_part(struct buf *out, size_t root, struct str part)
{
	size_t start = out->len;

	if (part.len == 0 || str_is(part, "."))
		return;
	while (start > root && out->data[start - 1] != '/')
		start--;
	const struct str last = {out->data + start, out->len - start};
	if (!str_is(part, "..") || (last.len == 0 && root == 0) || str_is(last, "..")) {
		if (last.len > 0)
			buf_add_char(out, '/');
		buf_add_str(out, part);
	} else {
		out->len = start > root ? start - 1 : root;
	}
}

static void add_normal_path(struct buf *out, struct str path)
{
	struct str part;
	size_t root = 0;
	bool is_more = true;

	while (root < path.len && path.data[root] == '/')
		root++;
	if (root > 2)
		root = 1;
	buf_add(out, "//", root);
	while (is_more) {
		is_more = str_cut(&path, '/', &part);
		add_part(out, root, part);
	}
	if (out->len == 0)
		buf_add_char(out, '.');
}

/* True where normpath changes nothing and the path stays below where it is. */
static bool is_normal_path(struct str path)
{
	struct str part;
	bool is_more = true;

	if (str_starts(path, STR("..")))
		return false;
	while (is_more) {
		is_more = str_cut(&path, '/', &part);
		if (part.len == 0 || str_is(part, ".") || str_is(part, ".."))
			return false;
	}
	return true;
}

bool rest_check_path(struct str name, const char *path, struct error *err)
{
	struct buf why, normal;

	if (is_normal_path(name))
		return true;
	buf_init(&why);
	buf_init(&normal);
	add_normal_path(&normal, name);
	buf_add_text(&why, "Names may be treated as files in certain cases, and must not resolve to other names when treated as "
			   "such. This name would resolve to ");
	rest_add_repr(&why, buf_str(&normal));
	invalid_value(name, path, buf_text(&why), err);
	buf_done(&normal);
	buf_done(&why);
	return false;
}

bool rest_check_key(struct str key, const char *path, struct error *err)
{
	if (!rest_has_only(key, "/_.- :"))
		return invalid_value(key, path, CHARACTERS, err);
	return rest_check_path(key, path, err);
}

/* Bytes of the first `max` characters. */
static size_t size_of_characters(struct str text, size_t max)
{
	size_t at = 0;

	if (text.len <= max)
		return text.len;
	for (size_t count = 0; at < text.len && count < max; count++) {
		const size_t step = str_utf8_step((struct str){text.data + at, text.len - at});

		at += step > 0 ? step : 1;
	}
	return at;
}

bool rest_check_length(struct str text, const char *path, size_t max, struct error *err)
{
	if (size_of_characters(text, max) == text.len)
		return true;
	return error_set(err, ERR_INVALID_PARAMETER, "'%s' exceeds the maximum length of %zu characters", path, max);
}

struct str rest_truncated(struct str text, size_t max)
{
	return (struct str){text.data, size_of_characters(text, max)};
}

bool rest_check_run_id(struct str run_id, struct error *err)
{
	bool is_fine = run_id.len > 0 && run_id.len <= 256;

	for (size_t i = 0; is_fine && i < run_id.len; i++) {
		const char c = run_id.data[i];
		const bool is_letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');

		is_fine = is_letter || (i > 0 && (c == '_' || c == '-'));
	}
	return is_fine || invalid_value(run_id, "run_id", NULL, err);
}

bool rest_check_max_results(int64_t max_results, struct error *err)
{
	if (max_results < 1)
		return error_set(err, ERR_INVALID_PARAMETER,
			"Invalid value %lld for parameter 'max_results' supplied. It must be a positive integer",
			(long long)max_results);
	if (max_results > REST_MAX_RESULTS_MAX)
		return error_set(err, ERR_INVALID_PARAMETER,
			"Invalid value %lld for parameter 'max_results' supplied. It must be at most %d", (long long)max_results,
			REST_MAX_RESULTS_MAX);
	return true;
}

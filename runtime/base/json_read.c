/*
 * The reader: recursive descent over values, at most JSON_DEPTH_MAX deep. Elements gather on a
 * scratch stack and move to the arena in one piece when their array or object closes, so nothing
 * there is ever reallocated.
 *
 * Strings are in json_read_string.c, numbers in json_read_number.c, equal keys in json_keys.c.
 */
#include "base/json_reader.h"
#include "base/json_scan.h"

#include <stdlib.h>

enum { STACK_FIRST = 256 };

static const char *read_value(struct json_reader *r, const char *p);
static const char *read_array(struct json_reader *r, const char *p);
static const char *read_object(struct json_reader *r, const char *p);

static __attribute__((noinline)) const char *skip_spaces(const struct json_reader *r, const char *p)
{
	unsigned count = JSON_BLOCK;

	for (; count == JSON_BLOCK && p < r->end; p += count)
		count = json_spaces16(p);
	return p < r->end ? p : r->end;
}

/* Compact text has none, and must not pay for it. */
static inline const char *skip_space(const struct json_reader *r, const char *p)
{
	return (unsigned char)*p > ' ' ? p : skip_spaces(r, p);
}

static inline bool is_at(const struct json_reader *r, const char *p, char c)
{
	return p < r->end && *p == c;
}

static const char *read_document(struct json_reader *r)
{
	const char *p = r->text;

	if (r->end - p >= 3 && memcmp(p, "\xEF\xBB\xBF", 3) == 0)
		p += 3;
	p = read_value(r, skip_space(r, p));
	if (p == NULL)
		return NULL;
	p = skip_space(r, p);
	return p == r->end ? p : json_refuse(r, p, "unexpected text behind the document");
}

static bool read_text(
	struct arena *arena, struct str text, bool is_wide, struct json *ret_value, struct error *err)
{
	struct json first[STACK_FIRST];
	struct json_reader r;

	if (text.len > JSON_SIZE_MAX)
		return error_set(err, ERR_TOO_LARGE, "JSON of %zu bytes is larger than %zu",
			text.len, JSON_SIZE_MAX);
	r.text = text.data;
	r.end = text.data + text.len;
	r.arena = arena;
	r.err = err;
	r.stack = r.top = first;
	r.limit = first + STACK_FIRST;
	r.is_stack_heap = false;
	r.is_wide = is_wide;
	r.decoded = r.decoded_end = NULL;
	r.depth = r.depth_seen = 0;

	const bool is_read =
		text.len > 0 ? read_document(&r) != NULL
			     : error_set(err, ERR_BAD_REQUEST, "empty text instead of JSON");
	if (is_read)
		*ret_value = *r.top;
	if (r.is_stack_heap)
		free(r.stack);
	return is_read;
}

static bool read_copy(
	struct arena *arena, struct str text, bool is_wide, struct json *ret_value, struct error *err)
{
	if (text.len > JSON_SIZE_MAX)
		return read_text(arena, text, is_wide, ret_value, err);
	char *copy = arena_alloc(arena, text.len + JSON_PADDING);

	if (text.len > 0)
		memcpy(copy, text.data, text.len);
	memset(copy + text.len, 0, JSON_PADDING);
	return read_text(arena, (struct str){copy, text.len}, is_wide, ret_value, err);
}

bool json_read_padded(
	struct arena *arena, struct str text, struct json *ret_value, struct error *err)
{
	return read_text(arena, text, false, ret_value, err);
}

bool json_read(struct arena *arena, struct str text, struct json *ret_value, struct error *err)
{
	return read_copy(arena, text, false, ret_value, err);
}

bool json_read_wide(struct arena *arena, struct str text, struct json *ret_value, struct error *err)
{
	return read_copy(arena, text, true, ret_value, err);
}

static const char *read_word(
	struct json_reader *r, const char *p, struct str word, struct json value)
{
	if ((size_t)(r->end - p) < word.len || memcmp(p, word.data, word.len) != 0)
		return json_refuse(r, p, "unknown word");
	value.at = (size_t)(p - r->text) & JSON_FIELD_MAX;
	*r->top = value;
	return p + word.len;
}

/* Reads the value at p to *r->top. */
static const char *read_value(struct json_reader *r, const char *p)
{
	if (p >= r->end)
		return json_refuse(r, p, "expected a value");
	switch (*p) {
	case '"':
		return json_read_string(r, p, r->top);
	case '{':
		return read_object(r, p);
	case '[':
		return read_array(r, p);
	case 't':
		return read_word(r, p, STR("true"), json_bool(true));
	case 'f':
		return read_word(r, p, STR("false"), json_bool(false));
	case 'n':
		return read_word(r, p, STR("null"), json_null());
	case 'N':
		return read_word(r, p, STR("NaN"), json_null());
	case 'I':
		return read_word(r, p, STR("Infinity"), json_null());
	default:
		if (*p == '-' || json_is_digit(*p))
			return json_read_number(r, p, r->top);
		return json_refuse(r, p, "expected a value");
	}
}

static __attribute__((noinline)) void grow_stack(struct json_reader *r)
{
	const size_t used = (size_t)(r->top - r->stack), cap = (size_t)(r->limit - r->stack) * 2;
	struct json *stack = realloc(r->is_stack_heap ? r->stack : NULL, cap * sizeof(*stack));

	if (stack == NULL)
		abort();
	if (!r->is_stack_heap)
		memcpy(stack, r->stack, used * sizeof(*stack));
	r->is_stack_heap = true;
	r->stack = stack;
	r->top = stack + used;
	r->limit = stack + cap;
}

/* Keeps the value at *r->top and makes room for two more. */
static inline void push(struct json_reader *r)
{
	if (++r->top + 2 > r->limit)
		grow_stack(r);
}

/* Moves what stands on the stack from `base` on to the arena. */
static inline struct json *pop(struct json_reader *r, size_t base, size_t *ret_count)
{
	struct json *from = r->stack + base;
	const size_t count = (size_t)(r->top - from);
	struct json *items = arena_alloc(r->arena, count * sizeof(*items));

	for (size_t i = 0; i < count; i++)
		items[i] = from[i];
	r->top = from;
	*ret_count = count;
	return items;
}

/* Goes one level deeper. Shapes of levels that were never entered are not initialised. */
static inline struct json_shape *enter(struct json_reader *r, const char *p)
{
	if (r->depth == JSON_DEPTH_MAX) {
		json_refuse(r, p, "more than 128 open arrays and objects");
		return NULL;
	}
	struct json_shape *shape = &r->shapes[r->depth++];

	if (r->depth > r->depth_seen) {
		r->depth_seen = r->depth;
		*shape = (struct json_shape){NULL, 0};
	}
	return shape;
}

static const char *read_array(struct json_reader *r, const char *p)
{
	const size_t base = (size_t)(r->top - r->stack);
	struct json array = json_value(r, JSON_ARRAY, p, 0);

	if (enter(r, p) == NULL)
		return NULL;
	p = skip_space(r, p + 1);
	while (!is_at(r, p, ']')) {
		p = read_value(r, p);
		if (p == NULL)
			return NULL;
		push(r);
		p = skip_space(r, p);
		if (is_at(r, p, ']'))
			break;
		if (!is_at(r, p, ','))
			return json_refuse(r, p, "expected ',' or ']'");
		p = skip_space(r, p + 1);
		if (is_at(r, p, ']'))
			return json_refuse(r, p, "expected a value behind ','");
	}
	if (r->top - r->stack > (ptrdiff_t)base) {
		size_t count;

		array.items = pop(r, base, &count);
		array.size = count & JSON_FIELD_MAX;
	}
	r->depth--;
	*r->top = array;
	return p + 1;
}

/*
 * Where the text at p repeats the key that an earlier object had in this place, that key is taken
 * instead of read: rows then share the pointers of their keys. A plain key stands in the text with
 * its closing quote behind it, which is compared as well, and so ends the new key where the old one
 * ended.
 */
static inline bool repeats(const struct json_reader *r, const char *p, const struct json *key)
{
	return key->is_plain && (size_t)(r->end - p) > key->size + 1u &&
	       memcmp(p + 1, key->text, key->size + 1u) == 0;
}

static inline const char *read_key(
	struct json_reader *r, const char *p, const struct json_shape *shape, size_t *known)
{
	const size_t at = (size_t)(p - r->text) & JSON_FIELD_MAX;

	if (!is_at(r, p, '"'))
		return json_refuse(r, p, "expected a member's name in quotes");
	if (*known < shape->count && repeats(r, p, &shape->members[*known].key)) {
		*r->top = shape->members[(*known)++].key;
		r->top->at = at & JSON_FIELD_MAX;
		p += r->top->size + 2u;
	} else {
		*known = SIZE_MAX;
		p = json_read_string(r, p, r->top);
		if (p == NULL)
			return NULL;
	}
	p = skip_space(r, p);
	if (!is_at(r, p, ':'))
		return json_refuse(r, p, "expected ':' behind a member's name");
	push(r);
	return skip_space(r, p + 1);
}

/* Reads members up to '}'. *ret_is_known tells that they are the first ones of the shape, and so
 * different. */
static const char *read_members(
	struct json_reader *r, const char *p, const struct json_shape *shape, bool *ret_is_known)
{
	size_t known = 0;

	for (;;) {
		p = read_key(r, p, shape, &known);
		if (p == NULL)
			return NULL;
		p = read_value(r, p);
		if (p == NULL)
			return NULL;
		push(r);
		p = skip_space(r, p);
		if (is_at(r, p, '}'))
			break;
		if (!is_at(r, p, ','))
			return json_refuse(r, p, "expected ',' or '}'");
		p = skip_space(r, p + 1);
	}
	*ret_is_known = known != SIZE_MAX;
	return p;
}

static const char *read_object(struct json_reader *r, const char *p)
{
	const size_t base = (size_t)(r->top - r->stack);
	struct json object = json_value(r, JSON_OBJECT, p, 0);

	struct json_shape *shape = enter(r, p);

	if (shape == NULL)
		return NULL;
	p = skip_space(r, p + 1);
	if (!is_at(r, p, '}')) {
		bool is_known = false;
		size_t slots;

		p = read_members(r, p, shape, &is_known);
		if (p == NULL)
			return NULL;
		object.members = (struct json_member *)pop(r, base, &slots);
		const size_t count = slots / 2;
		object.size = (is_known ? count : json_unite_keys(object.members, count)) &
			      JSON_FIELD_MAX;
		*shape = (struct json_shape){object.members, object.size};
	}
	r->depth--;
	*r->top = object;
	return p + 1;
}

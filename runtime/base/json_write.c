/*
 * The writer: compact and canonical text. One cursor runs through the buf's free bytes; every token
 * asks for room once. Values may be nested deeper than what the reader takes: what is written here
 * was made or checked by us.
 */
#include "base/json_double.h"
#include "base/json_scan.h"
#include "base/json_writer.h"

#include <stdlib.h>

struct writer {
	struct buf *out;
	char *end;
	bool is_canonical;
};

static char *put_value(struct writer *w, char *p, const struct json *value);

static __attribute__((noinline)) char *grow(struct writer *w, char *p, size_t need)
{
	w->out->len = (size_t)(p - w->out->data);
	p = buf_grow(w->out, need);
	w->end = w->out->data + w->out->cap;
	return p;
}

static inline char *room(struct writer *w, char *p, size_t need)
{
	return __builtin_expect((size_t)(w->end - p) >= need, 1) ? p : grow(w, p, need);
}

static char *begin(struct writer *w, struct buf *out, size_t need)
{
	*w = (struct writer){.out = out};
	char *p = buf_reserve(out, need);

	w->end = out->data + out->cap;
	return p;
}

static void finish(struct writer *w, char *p)
{
	w->out->len = (size_t)(p - w->out->data);
}

/* memcpy without a call for what is short. */
static inline char *put_bytes(char *to, const char *from, size_t len)
{
	if (len >= 8 && len <= 16) {
		uint64_t head, tail;

		memcpy(&head, from, 8);
		memcpy(&tail, from + len - 8, 8);
		memcpy(to, &head, 8);
		memcpy(to + len - 8, &tail, 8);
	} else if (len < 8) {
		for (size_t i = 0; i < len; i++)
			to[i] = from[i];
	} else {
		memcpy(to, from, len);
	}
	return to + len;
}

static char *put_escape(char *to, unsigned char c)
{
	static const char SHORT[128] = {
		['"'] = '"',
		['\\'] = '\\',
		['\b'] = 'b',
		['\f'] = 'f',
		['\n'] = 'n',
		['\r'] = 'r',
		['\t'] = 't',
	};

	*to++ = '\\';
	if (SHORT[c] != '\0') {
		*to++ = SHORT[c];
		return to;
	}
	memcpy(to, "u00", 3);
	to[3] = "0123456789abcdef"[c >> 4];
	to[4] = "0123456789abcdef"[c & 15];
	return to + 5;
}

/* One character that is not simply copied; returns the bytes that it took of `text`. */
static size_t put_special(char **to, const char *text, size_t left)
{
	char four[4] = {0};

	if ((unsigned char)*text < 0x80) {
		*to = put_escape(*to, (unsigned char)*text);
		return 1;
	}
	memcpy(four, text, left < 4 ? left : 4);
	const size_t size = json_utf8_size(four);
	if (size == 0) {
		*to = put_bytes(*to, "\xEF\xBF\xBD", 3);
		return 1;
	}
	memcpy(*to, four, 4);
	*to += size;
	return size;
}

/*
 * A string that may need escapes. Free bytes always suffice for the rest as it is and two blocks,
 * which is more than a block's surplus, an escape and the closing quote.
 */
static char *put_checked(struct writer *w, char *p, struct str text, bool is_roomy)
{
	p = room(w, p, text.len + 2 * JSON_BLOCK);
	*p++ = '"';
	while (text.len > 0) {
		const size_t block = text.len < JSON_BLOCK ? text.len : JSON_BLOCK;
		char tail[JSON_BLOCK];
		const char *from = text.data;

		if (block < JSON_BLOCK && !is_roomy) {
			memset(tail, 0, JSON_BLOCK);
			from = put_bytes(tail, text.data, block) - block;
		}
		json_copy16(p, from);
		const unsigned special = json_special16(from) & ((1u << block) - 1);
		size_t step = special != 0 ? (size_t)__builtin_ctz(special) : block;
		p += step;
		if (special != 0)
			step += put_special(&p, text.data + step, text.len - step);
		text.data += step;
		text.len -= step;
		if (special != 0)
			p = room(w, p, text.len + 2 * JSON_BLOCK);
	}
	*p++ = '"';
	return p;
}

static char *put_roomy(struct writer *w, char *p, const struct json *string)
{
	const char *from = string->text;
	const size_t len = string->size;

	p = room(w, p, len + 2 * JSON_BLOCK);
	*p++ = '"';
	if (len > 8 * JSON_BLOCK)
		memcpy(p, from, len);
	else
		for (size_t i = 0; i < len; i += JSON_BLOCK)
			json_copy16(p + i, from + i);
	p[len] = '"';
	return p + len + 1;
}

static inline char *put_string(struct writer *w, char *p, const struct json *string)
{
	if (!string->is_plain)
		return put_checked(
			w, p, (struct str){string->text, string->size}, string->is_roomy);
	if (string->is_roomy)
		return put_roomy(w, p, string);
	p = room(w, p, string->size + 2u);
	*p++ = '"';
	p = put_bytes(p, string->text, string->size);
	*p++ = '"';
	return p;
}

static inline char *put_char(struct writer *w, char *p, char c)
{
	p = room(w, p, 1);
	*p++ = c;
	return p;
}

static char *put_array(struct writer *w, char *p, const struct json *array)
{
	p = put_char(w, p, '[');
	for (size_t i = 0; i < array->size; i++) {
		if (i > 0)
			p = put_char(w, p, ',');
		p = put_value(w, p, &array->items[i]);
	}
	return put_char(w, p, ']');
}

static char *put_member(struct writer *w, char *p, const struct json_member *member, bool is_first)
{
	if (!is_first)
		p = put_char(w, p, ',');
	p = put_string(w, p, &member->key);
	p = put_char(w, p, ':');
	return put_value(w, p, &member->value);
}

static char *put_sorted(struct writer *w, char *p, const struct json *object)
{
	size_t count;
	const struct json_member **members = json_sorted_members(object, &count);

	p = put_char(w, p, '{');
	for (size_t i = 0; i < count; i++)
		p = put_member(w, p, members[i], i == 0);
	free(members);
	return put_char(w, p, '}');
}

static char *put_object(struct writer *w, char *p, const struct json *object)
{
	bool is_first = true;

	p = put_char(w, p, '{');
	for (size_t i = 0; i < object->size; i++) {
		if (object->members[i].value.type == JSON_ABSENT)
			continue;
		p = put_member(w, p, &object->members[i], is_first);
		is_first = false;
	}
	return put_char(w, p, '}');
}

/* Canonical text must not tell 1.0 from 1, as json_equal does not. */
static char *put_number(struct writer *w, char *p, double number)
{
	if (w->is_canonical && number >= -0x1p63 && number < 0x1p63 &&
		number == (double)(int64_t)number)
		return json_put_integer(p, (int64_t)number);
	return json_put_double(p, number);
}

static char *put_value(struct writer *w, char *p, const struct json *value)
{
	p = room(w, p, JSON_NUMBER_MAX);
	switch (value->type) {
	case JSON_BOOL:
		return value->boolean ? put_bytes(p, "true", 4) : put_bytes(p, "false", 5);
	case JSON_INTEGER:
		return json_put_integer(p, value->integer);
	case JSON_DOUBLE:
		return put_number(w, p, value->number);
	case JSON_STRING:
		return put_string(w, p, value);
	case JSON_ARRAY:
		return put_array(w, p, value);
	case JSON_OBJECT:
		return w->is_canonical ? put_sorted(w, p, value) : put_object(w, p, value);
	default: /* an absent element has a place that must not vanish */
		return put_bytes(p, "null", 4);
	}
}

void json_write(struct buf *out, const struct json *value)
{
	struct writer w;
	char *p = begin(&w, out, JSON_NUMBER_MAX);

	finish(&w, put_value(&w, p, value));
}

void json_write_canonical(struct buf *out, const struct json *value)
{
	struct writer w;
	char *p = begin(&w, out, JSON_NUMBER_MAX);

	w.is_canonical = true;
	finish(&w, put_value(&w, p, value));
}

void json_write_string(struct buf *out, struct str text)
{
	struct writer w;
	char *p = begin(&w, out, text.len + 2);

	finish(&w, put_checked(&w, p, text, false));
}

void json_write_integer(struct buf *out, int64_t value)
{
	char *p = buf_reserve(out, JSON_NUMBER_MAX);

	out->len += (size_t)(json_put_integer(p, value) - p);
}

void json_write_double(struct buf *out, double value)
{
	char *p = buf_reserve(out, JSON_NUMBER_MAX);

	out->len += (size_t)(json_put_double(p, value) - p);
}

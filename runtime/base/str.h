#pragma once
/*
 * str: a view of bytes that somebody else owns (not NUL-terminated).  buf: bytes that grow, on the heap.
 */
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct str {
	const char *data; /* may be NULL where len is 0 */
	size_t len;
};

#define STR(literal) ((struct str){(literal), sizeof(literal) - 1})
/* For printf("%.*s", STR_ARGS(s)). */
#define STR_ARGS(s) (int)(s).len, (s).data

static inline struct str str_of(const char *text)
{
	return (struct str){text, text != NULL ? strlen(text) : 0};
}

static inline bool str_eq(struct str a, struct str b)
{
	return a.len == b.len && (a.len == 0 || memcmp(a.data, b.data, a.len) == 0);
}

static inline bool str_is(struct str a, const char *text)
{
	return str_eq(a, str_of(text));
}

bool str_starts(struct str s, struct str prefix);
bool str_ends(struct str s, struct str suffix);
/* ASCII case only. */
bool str_eq_nocase(struct str a, struct str b);
/* Without leading and trailing spaces and tabs. */
struct str str_trim(struct str s);
/* Without any ASCII white space around: what Python's int() and float() strip. */
struct str str_trim_space(struct str s);
/* The longest beginning of at most `size_max` bytes that ends where a character of UTF-8 does. */
struct str str_clip(struct str s, size_t size_max);
size_t str_count(struct str s, char mark);
/* Up to the first `mark` into *ret_head; what follows it stays in *rest. False where no mark is left
 * (then *ret_head is all of *rest, and *rest is empty). */
bool str_cut(struct str *rest, char mark, struct str *ret_head);
/* At least one byte, and all of them '0' to '9'. */
bool str_is_digits(struct str s);
/* True where all of s is valid UTF-8 (RFC 3629: no overlong forms, no surrogates). */
bool str_is_utf8(struct str s);
/* Bytes of the valid UTF-8 sequence that s begins with, 1 to 4; 0 where there is none. */
size_t str_utf8_step(struct str s);

/*
 * struct buf: buf_init (or zero), append, buf_done. `data` is NULL before the first append and not NUL-terminated,
 * but buf_text() ends it. Out of memory aborts.
 */
struct buf {
	char *data;
	size_t len, cap;
};

void buf_init(struct buf *buf);
void buf_done(struct buf *buf);

char *buf_grow(struct buf *buf, size_t more);

/* Room for `more` bytes behind data + len; the caller writes there and adds to len. */
static inline char *buf_reserve(struct buf *buf, size_t more)
{
	if (buf->cap - buf->len < more)
		return buf_grow(buf, more);
	return buf->data + buf->len;
}

static inline void buf_add(struct buf *buf, const void *data, size_t len)
{
	if (len == 0)
		return;
	memcpy(buf_reserve(buf, len), data, len);
	buf->len += len;
}

static inline void buf_add_char(struct buf *buf, char c)
{
	*buf_reserve(buf, 1) = c;
	buf->len++;
}

static inline void buf_add_str(struct buf *buf, struct str s)
{
	buf_add(buf, s.data, s.len);
}

static inline void buf_add_text(struct buf *buf, const char *text)
{
	buf_add(buf, text, strlen(text));
}

/* For a person's terminal: control characters, marks of direction and what is not UTF-8 become \xNN, so that no escape
 * sequence gets through and nothing is reordered. */
void buf_add_visible(struct buf *buf, struct str text);
/* The same for JSON text as written by json_write, which stays the same JSON: such characters become \uNNNN. Control
 * characters of ASCII are not in strings any more; line ends stay. */
void buf_add_visible_json(struct buf *buf, struct str json);
void buf_printf(struct buf *buf, const char *format, ...) __attribute__((format(printf, 2, 3)));
void buf_vprintf(struct buf *buf, const char *format, va_list args) __attribute__((format(printf, 2, 0)));
/* Ends the bytes with a NUL that does not count, and returns them. */
const char *buf_text(struct buf *buf);

static inline struct str buf_str(const struct buf *buf)
{
	return (struct str){buf->data, buf->len};
}

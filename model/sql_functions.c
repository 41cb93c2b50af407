#include "model/sql_functions.h"

#include <stdlib.h>

static struct str text_of(sqlite3_value *value)
{
	const char *data = (const char *)sqlite3_value_text(value);

	return (struct str){data, data != NULL ? (size_t)sqlite3_value_bytes(value) : 0};
}

static struct str bytes_of(sqlite3_value *value)
{
	const char *data = sqlite3_value_blob(value);

	return (struct str){data, data != NULL ? (size_t)sqlite3_value_bytes(value) : 0};
}

static bool is_continuation(char c)
{
	return ((unsigned char)c & 0xC0) == 0x80;
}

/* Where a character begins: text that is not UTF-8 may begin with a continuation byte. */
static const char *find_characters(struct str text, struct str part)
{
	if (is_continuation(part.data[0]))
		return str_starts(text, part) ? text.data : NULL;
	return memmem(text.data, text.len, part.data, part.len);
}

static sqlite3_int64 position(struct str text, const char *found, bool is_text)
{
	sqlite3_int64 at = 1;

	if (!is_text)
		return found - text.data + 1;
	for (const char *c = text.data + 1; c <= found; c++)
		at += !is_continuation(*c);
	return at;
}

/* Counts characters, but bytes where both are blobs. */
static void instr(sqlite3_context *context, int count, sqlite3_value **values)
{
	const bool is_text = sqlite3_value_type(values[0]) != SQLITE_BLOB ||
			     sqlite3_value_type(values[1]) != SQLITE_BLOB;

	if (sqlite3_value_type(values[0]) == SQLITE_NULL ||
		sqlite3_value_type(values[1]) == SQLITE_NULL)
		return;

	const struct str text = is_text ? text_of(values[0]) : bytes_of(values[0]);
	const struct str part = is_text ? text_of(values[1]) : bytes_of(values[1]);
	const char *found = text.data;

	if (part.len > 0)
		found = is_text ? find_characters(text, part)
				: memmem(text.data, text.len, part.data, part.len);
	if (part.len == 0)
		sqlite3_result_int(context, 1);
	else
		sqlite3_result_int64(context, found != NULL ? position(text, found, is_text) : 0);
}

static void set_text(sqlite3_context *context, struct str text)
{
	sqlite3_result_text64(context, text.data != NULL ? text.data : "", text.len,
		SQLITE_TRANSIENT, SQLITE_UTF8);
}

static bool replace_all(struct buf *out, struct str text, struct str part, struct str with)
{
	const char *found;

	while ((found = memmem(text.data, text.len, part.data, part.len)) != NULL) {
		const size_t len = (size_t)(found - text.data);

		buf_add(out, text.data, len);
		buf_add_str(out, with);
		text.data += len + part.len;
		text.len -= len + part.len;
		if (out->len > SQL_VALUE_MAX)
			return false;
	}
	buf_add_str(out, text);
	return true;
}

static void replace(sqlite3_context *context, int count, sqlite3_value **values)
{
	const struct str text = text_of(values[0]), part = text_of(values[1]),
			 with = text_of(values[2]);
	struct buf out = {0};

	if (text.data == NULL || part.data == NULL)
		return;
	/* SQLite's also takes a part that begins with NUL for an empty one. */
	if (part.len == 0 || part.data[0] == '\0') {
		sqlite3_result_value(context, values[0]);
		return;
	}
	if (with.data == NULL)
		return;
	if (replace_all(&out, text, part, with))
		set_text(context, buf_str(&out));
	else
		sqlite3_result_error_toobig(context);
	buf_done(&out);
}

/* The characters that are trimmed, as SQLite splits text into them. */
struct character_set {
	bool has_byte[256]; /* of one byte */
	struct str *items;  /* of several, sorted */
	size_t count;
};

static int compare(const void *a, const void *b)
{
	const struct str *x = a, *y = b;
	const int order = memcmp(x->data, y->data, x->len < y->len ? x->len : y->len);

	return order != 0 ? order : (x->len > y->len) - (x->len < y->len);
}

static struct str first_character(struct str text)
{
	size_t len = 1;

	if ((unsigned char)text.data[0] >= 0xC0)
		while (len < text.len && is_continuation(text.data[len]))
			len++;
	return (struct str){text.data, len};
}

static struct str last_character(struct str text)
{
	size_t at = text.len - 1;

	while (at > 0 && is_continuation(text.data[at]))
		at--;
	if (first_character((struct str){text.data + at, text.len - at}).len != text.len - at)
		at = text.len - 1;
	return (struct str){text.data + at, text.len - at};
}

static bool set_make(struct character_set *ret, struct str text)
{
	*ret = (struct character_set){0};
	ret->items = sqlite3_malloc64((text.len / 2 + 1) * sizeof(*ret->items));
	if (ret->items == NULL)
		return false;
	while (text.len > 0) {
		const struct str character = first_character(text);

		if (character.len == 1)
			ret->has_byte[(unsigned char)character.data[0]] = true;
		else
			ret->items[ret->count++] = character;
		text.data += character.len;
		text.len -= character.len;
	}
	qsort(ret->items, ret->count, sizeof(*ret->items), compare);
	return true;
}

static bool set_has(const struct character_set *set, struct str character)
{
	if (character.len == 1)
		return set->has_byte[(unsigned char)character.data[0]];
	return bsearch(&character, set->items, set->count, sizeof(*set->items), compare) != NULL;
}

enum { TRIM_LEFT = 1, TRIM_RIGHT = 2 };

static void trim(sqlite3_context *context, int count, sqlite3_value **values)
{
	static const struct str BLANK = {" ", 1};
	const intptr_t sides = (intptr_t)sqlite3_user_data(context);
	struct str text = text_of(values[0]);
	const struct str characters = count > 1 ? text_of(values[1]) : BLANK;
	struct character_set set;

	if (text.data == NULL || characters.data == NULL)
		return;
	if (!set_make(&set, characters)) {
		sqlite3_result_error_nomem(context);
		return;
	}
	while ((sides & TRIM_LEFT) != 0 && text.len > 0 && set_has(&set, first_character(text))) {
		const size_t len = first_character(text).len;

		text.data += len;
		text.len -= len;
	}
	while ((sides & TRIM_RIGHT) != 0 && text.len > 0 && set_has(&set, last_character(text)))
		text.len -= last_character(text).len;
	sqlite3_free(set.items);
	set_text(context, text);
}

static const struct {
	const char *name;
	int argument_count;
	intptr_t data;
	void (*call)(sqlite3_context *context, int count, sqlite3_value **values);
} FUNCTIONS[] = {
	{"instr", 2, 0, instr},
	{"replace", 3, 0, replace},
	{"trim", 1, TRIM_LEFT | TRIM_RIGHT, trim},
	{"trim", 2, TRIM_LEFT | TRIM_RIGHT, trim},
	{"ltrim", 1, TRIM_LEFT, trim},
	{"ltrim", 2, TRIM_LEFT, trim},
	{"rtrim", 1, TRIM_RIGHT, trim},
	{"rtrim", 2, TRIM_RIGHT, trim},
	{"printf", -1, 0, sql_printf},
	{"format", -1, 0, sql_printf},
};

bool sql_functions_register(sqlite3 *db)
{
	const int flags = SQLITE_UTF8 | SQLITE_DETERMINISTIC | SQLITE_INNOCUOUS;

	for (size_t i = 0; i < sizeof(FUNCTIONS) / sizeof(*FUNCTIONS); i++)
		if (sqlite3_create_function_v2(db, FUNCTIONS[i].name, FUNCTIONS[i].argument_count,
			    flags, (void *)FUNCTIONS[i].data, FUNCTIONS[i].call, NULL, NULL,
			    NULL) != SQLITE_OK)
			return false;
	return true;
}

bool sql_function_is_unbounded(const char *name)
{
	return sqlite3_stricmp(name, "json_patch") == 0;
}

/*
 * Any bytes either fail with an error set, or give a tree that every form of text carries over
 * unchanged. What stands behind the text never matters.
 */
#include "base/json.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool is_true)
{
	if (!is_true)
		abort();
}

typedef void (*write_fn)(struct buf *out, const struct json *value);

/* What `write` makes of the value reads as the value again, and is written the same the second
 * time. */
static void survives(struct arena *arena, const struct json *value, write_fn write)
{
	struct buf first = {0}, second = {0};
	struct json again;
	struct error err = {0};

	write(&first, value);
	must(str_is_utf8(buf_str(&first)));
	must(json_read(arena, buf_str(&first), &again, &err));
	must(json_equal(value, &again));
	write(&second, &again);
	must(str_eq(buf_str(&first), buf_str(&second)));
	buf_done(&first);
	buf_done(&second);
}

/* Reads a copy with `padding` behind it, which must not change anything. */
static void same_padded(struct arena *arena, struct str text, char padding,
	const struct json *expected, const struct error *expected_err)
{
	char *copy = malloc(text.len + JSON_PADDING);
	struct json value;
	struct error err = {0};

	must(copy != NULL);
	if (text.len > 0)
		memcpy(copy, text.data, text.len);
	memset(copy + text.len, padding, JSON_PADDING);
	const bool is_read = json_read_padded(arena, (struct str){copy, text.len}, &value, &err);
	must(is_read == (expected != NULL));
	must(is_read ? json_equal(expected, &value) : strcmp(err.text, expected_err->text) == 0);
	free(copy);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char PADDINGS[] = "\"]}0e\\ \xBF";
	const struct str text = {(const char *)data, size};
	struct arena arena;
	struct json value;
	struct error err = {0};

	arena_init(&arena);
	const bool is_read = json_read(&arena, text, &value, &err);
	must(is_read == (err.code == ERR_NONE));
	must(str_is_utf8(str_of(err.text)));
	for (size_t i = 0; i < sizeof(PADDINGS); i++)
		same_padded(&arena, text, PADDINGS[i], is_read ? &value : NULL, &err);
	if (is_read) {
		const struct json copy = json_copy(&arena, &value);

		must(json_equal(&copy, &value));
		survives(&arena, &value, json_write);
		survives(&arena, &value, json_write_pretty);
		survives(&arena, &copy, json_write_canonical);
	}
	arena_done(&arena);
	return 0;
}

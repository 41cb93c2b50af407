/*
 * YAML of unknown origin: read, decoded as a configuration would be, written as JSON and read
 * again. Whatever is accepted must be a tree that the JSON writer and reader agree on, with lines
 * inside the text.
 */
#include "base/yaml.h"
#include "base/decode.h"

#include <stdlib.h>

struct part {
	struct str name;
	int64_t count;
};

struct whole {
	struct str title;
	bool is_on;
	int64_t count;
	double share;
	struct secret key;
	int color;
	struct decode_list words, list, map;
	struct json any;
	struct part object;
};

static const char *const COLORS[] = {"red", "green", NULL};

static const struct decode_field PART[] = {
	{.name = "name", .kind = DECODE_STRING, .offset = offsetof(struct part, name)},
	{.name = "count",
		.kind = DECODE_INTEGER,
		.offset = offsetof(struct part, count),
		.is_required = true,
		.min = 0,
		.max = 100},
	{0},
};

static const struct decode_field WHOLE[] = {
	{.name = "title", .kind = DECODE_STRING, .offset = offsetof(struct whole, title)},
	{.name = "is_on", .kind = DECODE_BOOL, .offset = offsetof(struct whole, is_on)},
	{.name = "count", .kind = DECODE_INTEGER, .offset = offsetof(struct whole, count)},
	{.name = "share", .kind = DECODE_DOUBLE, .offset = offsetof(struct whole, share)},
	{.name = "api_key", .kind = DECODE_SECRET, .offset = offsetof(struct whole, key)},
	{.name = "color",
		.kind = DECODE_ENUM,
		.offset = offsetof(struct whole, color),
		.choices = COLORS},
	{.name = "words", .kind = DECODE_STRINGS, .offset = offsetof(struct whole, words)},
	{.name = "list",
		.kind = DECODE_LIST,
		.offset = offsetof(struct whole, list),
		.fields = PART,
		.size = sizeof(struct part)},
	{.name = "map",
		.kind = DECODE_MAP,
		.offset = offsetof(struct whole, map),
		.fields = PART,
		.size = sizeof(struct part)},
	{.name = "any", .kind = DECODE_JSON, .offset = offsetof(struct whole, any)},
	{.name = "object",
		.kind = DECODE_OBJECT,
		.offset = offsetof(struct whole, object),
		.fields = PART},
	{0},
};

static bool expand(struct decoder *decoder, struct str text, struct str *ret)
{
	if (text.len % 2 == 0) {
		decode_problem(decoder, decoder->value, "even");
		return false;
	}
	*ret = str_starts(text, STR("${n")) ? STR("42") : STR("true");
	return true;
}

static void check_lines(const struct json *value, size_t lines)
{
	if (value->at > lines)
		abort();
	if (json_type(value) == JSON_ARRAY)
		for (size_t i = 0; i < value->size; i++)
			check_lines(&value->items[i], lines);
	if (json_type(value) == JSON_OBJECT)
		for (size_t i = 0; i < value->size; i++)
			check_lines(&value->members[i].value, lines);
}

static void check_json(struct arena *arena, const struct json *tree)
{
	struct buf text = {0};
	struct json again;

	json_write(&text, tree);
	if (!json_read(arena, buf_str(&text), &again, NULL) || !json_equal(tree, &again))
		abort();
	buf_done(&text);
}

static void check_decode(struct arena *arena, const struct json *tree)
{
	struct problems problems;
	struct decoder decoder;
	struct buf text = {0};
	struct whole whole = {0};

	problems_init(&problems, arena);
	decoder_init(&decoder, arena, &problems, "f");
	decoder.expand = expand;
	decode_object(&decoder, tree, WHOLE, &whole);
	if (decoder.path.len != 0 || decoder.marks.len != 0 || problems.count > PROBLEMS_MAX)
		abort();
	for (size_t i = 0; i < problems.count; i++)
		problem_write(&text, &problems.items[i]);
	if (!str_is_utf8(buf_str(&text)))
		abort();
	buf_done(&text);
	decoder_done(&decoder);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct str text = {(const char *)data, size};
	struct error err = {0};
	struct arena arena;
	struct json tree;
	size_t lines = 2; /* libyaml ends a text without a newline on the next line */

	arena_init(&arena);
	if (yaml_read(&arena, "f", text, &tree, &err)) {
		/* YAML 1.1 breaks lines at CR, NEL, LS and PS, too: each at least one byte. */
		for (size_t i = 0; i < size; i++)
			lines += data[i] == '\n' || data[i] == '\r' || data[i] >= 0x80;
		check_lines(&tree, lines);
		check_json(&arena, &tree);
		check_decode(&arena, &tree);
	} else if (err.code != ERR_INVALID_BUNDLE || err.text[0] == '\0') {
		abort();
	}
	arena_done(&arena);
	return 0;
}

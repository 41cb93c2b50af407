/* Decoding by tables: every kind, every mistake with file, line and path, and the table as
 * documents. */
#include "base/decode.h"
#include "base/yaml.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

struct point {
	struct str name;
	int64_t x;
};

struct thing {
	struct str title;
	bool is_on;
	int64_t count;
	double share;
	struct secret key;
	int color;
	struct decode_list words;
	struct json any;
	struct json shape;
	struct point home;
	struct decode_list stops;
	struct decode_list places;
	unsigned custom;
};

static const char *const COLORS[] = {"red", "green", NULL};

static void decode_custom(struct decoder *decoder, const struct json *value, void *ret)
{
	if (json_type(value) == JSON_NULL)
		*(unsigned *)ret = 7;
	else
		decode_problem(decoder, value, "no null");
}

static const struct decode_field POINT[] = {
	{.name = "name", .kind = DECODE_STRING, .offset = offsetof(struct point, name)},
	{.name = "x",
		.kind = DECODE_INTEGER,
		.offset = offsetof(struct point, x),
		.fallback = "-1",
		.is_required = true,
		.help = "where | it is"},
	{0},
};

static const struct decode_field THING[] = {
	{.name = "title",
		.kind = DECODE_STRING,
		.offset = offsetof(struct thing, title),
		.fallback = "untitled",
		.help = "what it is called"},
	{.name = "is_on",
		.kind = DECODE_BOOL,
		.offset = offsetof(struct thing, is_on),
		.fallback = "true"},
	{.name = "count",
		.kind = DECODE_INTEGER,
		.offset = offsetof(struct thing, count),
		.fallback = "3",
		.min = 1,
		.max = 10},
	{.name = "share",
		.kind = DECODE_DOUBLE,
		.offset = offsetof(struct thing, share),
		.fallback = "0.5",
		.min = 0,
		.max = 1},
	{.name = "api_key", .kind = DECODE_SECRET, .offset = offsetof(struct thing, key)},
	{.name = "color",
		.kind = DECODE_ENUM,
		.offset = offsetof(struct thing, color),
		.choices = COLORS,
		.fallback = "green"},
	{.name = "words",
		.kind = DECODE_STRINGS,
		.offset = offsetof(struct thing, words),
		.fallback = "a, b"},
	{.name = "any", .kind = DECODE_JSON, .offset = offsetof(struct thing, any)},
	{.name = "shape",
		.kind = DECODE_JSON,
		.offset = offsetof(struct thing, shape),
		.json_type = JSON_OBJECT},
	{.name = "home",
		.kind = DECODE_OBJECT,
		.offset = offsetof(struct thing, home),
		.fields = POINT},
	{.name = "stops",
		.kind = DECODE_LIST,
		.offset = offsetof(struct thing, stops),
		.fields = POINT,
		.size = sizeof(struct point)},
	{.name = "places",
		.kind = DECODE_MAP,
		.offset = offsetof(struct thing, places),
		.fields = POINT,
		.size = sizeof(struct point)},
	{.name = "custom",
		.kind = DECODE_CUSTOM,
		.offset = offsetof(struct thing, custom),
		.custom = decode_custom},
	{0},
};

struct fixture {
	struct arena arena;
	struct problems problems;
	struct decoder decoder;
	struct thing thing;
};

static int setup(void **state)
{
	struct fixture *fixture = calloc(1, sizeof(*fixture));

	problems_init(&fixture->problems, &fixture->arena);
	decoder_init(&fixture->decoder, &fixture->arena, &fixture->problems, "config.yaml");
	*state = fixture;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *fixture = *state;

	decoder_done(&fixture->decoder);
	arena_done(&fixture->arena);
	free(fixture);
	return 0;
}

static void decode(struct fixture *fixture, const char *yaml)
{
	struct json tree;
	struct error err;

	fixture->problems.count = 0;
	memset(&fixture->thing, 0, sizeof(fixture->thing));
	if (!yaml_read(&fixture->arena, "config.yaml", str_of(yaml), &tree, &err))
		fail_msg("%s", err.text);
	decode_object(&fixture->decoder, &tree, THING, &fixture->thing);
	assert_int_equal(fixture->decoder.path.len, 0);
}

static void assert_problem(struct fixture *fixture, size_t index, const char *text)
{
	struct buf out = {0};

	assert_true(index < fixture->problems.count);
	problem_write(&out, &fixture->problems.items[index]);
	assert_string_equal(buf_text(&out), text);
	buf_done(&out);
}

static void one_problem(struct fixture *fixture, const char *yaml, const char *text)
{
	decode(fixture, yaml);
	assert_problem(fixture, 0, text);
	assert_int_equal(fixture->problems.count, 1);
}

static void all_kinds(void **state)
{
	struct fixture *fixture = *state;
	struct thing *thing = &fixture->thing;

	decode(fixture,
		"title: t\nis_on: no\ncount: 10\nshare: 1\napi_key: hush\ncolor: red\nwords: [u, v, w]\n"
		"any: [1]\nshape: {type: object}\nhome: {x: 4}\nstops: [{x: 1}, {x: 2, name: two}]\n"
		"places: {here: {x: 5}, there: {x: 6}}\ncustom: null\n");
	assert_int_equal(fixture->problems.count, 0);
	assert_true(str_is(thing->title, "t"));
	assert_false(thing->is_on);
	assert_int_equal(thing->count, 10);
	assert_true(thing->share == 1.0);
	assert_true(str_is(secret_reveal(thing->key), "hush"));
	assert_int_equal(thing->color, 0);
	assert_int_equal(thing->words.count, 3);
	assert_true(str_is(((struct str *)thing->words.items)[2], "w"));
	assert_int_equal(json_type(&thing->any), JSON_ARRAY);
	assert_true(str_is(json_str(json_get(&thing->shape, STR("type"))), "object"));
	assert_int_equal(thing->home.x, 4);
	assert_int_equal(thing->stops.count, 2);
	assert_true(str_is(((struct point *)thing->stops.items)[1].name, "two"));
	assert_int_equal(thing->places.count, 2);
	assert_true(str_is(((struct point *)thing->places.items)[1].name, "there"));
	assert_int_equal(((struct point *)thing->places.items)[1].x, 6);
	assert_int_equal(thing->custom, 7);
}

static void fallbacks(void **state)
{
	struct fixture *fixture = *state;
	struct thing *thing = &fixture->thing;

	decode(fixture, "title: null\nany: ~\n");
	assert_int_equal(fixture->problems.count, 0);
	assert_true(str_is(thing->title, "untitled"));
	assert_true(thing->is_on);
	assert_int_equal(thing->count, 3);
	assert_true(thing->share == 0.5);
	assert_false(secret_is_set(thing->key));
	assert_int_equal(thing->color, 1);
	assert_int_equal(thing->words.count, 2);
	assert_true(str_is(((struct str *)thing->words.items)[1], "b"));
	assert_int_equal(json_type(&thing->any), JSON_NULL);
	assert_int_equal(json_type(&thing->shape), JSON_ABSENT);
	assert_int_equal(thing->home.x, -1);
	assert_int_equal(thing->stops.count, 0);
}

static void wrong_types(void **state)
{
	struct fixture *f = *state;

	one_problem(f, "\ntitle: 4",
		"config.yaml:2: title: expected a string, got the integer 4 (text that looks so needs "
		"quotes)");
	one_problem(f, "is_on: 'true'",
		"config.yaml:1: is_on: expected true or false, got the string 'true'");
	one_problem(
		f, "count: 1.5", "config.yaml:1: count: expected an integer, got the number 1.5");
	one_problem(
		f, "count: '2'", "config.yaml:1: count: expected an integer, got the string '2'");
	one_problem(f, "count: 11", "config.yaml:1: count: expected 1 to 10, got 11");
	one_problem(f, "share: -0.5", "config.yaml:1: share: expected 0 to 1, got -0.5");
	one_problem(f, "share: x", "config.yaml:1: share: expected a number, got the string 'x'");
	one_problem(f, "color: blue",
		"config.yaml:1: color: expected one of red, green, got the string 'blue'");
	one_problem(f, "words: [a, 1]",
		"config.yaml:1: words[1]: expected a string, got the integer 1 (text that looks so needs "
		"quotes)");
	one_problem(f, "custom: 1", "config.yaml:1: custom: no null");
	assert_int_equal(f->thing.custom, 0);
	decode(f, "words: a\nshape: []\nhome: 1\nstops: {}\nplaces: []\n");
	assert_int_equal(f->problems.count, 5);
	assert_int_equal(f->problems.items[4].line, 5);
	assert_string_equal(f->problems.items[2].path, "home");
	assert_int_equal(f->thing.home.x, -1);
}

static void secrets_do_not_show(void **state)
{
	struct fixture *f = *state;

	decode(f, "api_key: 12345");
	assert_int_equal(f->problems.count, 1);
	assert_null(strstr(f->problems.items[0].text, "12345"));
}

static void unknown_and_missing(void **state)
{
	struct fixture *f = *state;

	one_problem(f, "colour: red", "config.yaml:1: unknown key 'colour', did you mean 'color'?");
	one_problem(f, "zzzz: 1", "config.yaml:1: unknown key 'zzzz'");
	one_problem(
		f, "stops:\n  - x: 1\n  - name: n\n", "config.yaml:3: stops[1]: 'x' is missing");
	one_problem(f, "places:\n  a:\n    x: 1\n    nmae: b\n",
		"config.yaml:4: places.a: unknown key 'nmae', expected x");
	one_problem(f, "places:\n  a:\n    x: 1\n    xx: b\n",
		"config.yaml:4: places.a: unknown key 'xx', expected x");
	one_problem(f, "[]", "config.yaml:1: expected an object, got an array");
}

static void problems_are_capped(void **state)
{
	struct fixture *f = *state;
	struct buf yaml = {0};
	struct error err;

	for (int i = 0; i < 150; i++)
		buf_printf(&yaml, "unknown%d: 1\n", i);
	decode(f, buf_text(&yaml));
	buf_done(&yaml);
	assert_int_equal(f->problems.count, PROBLEMS_MAX);
	assert_int_equal(f->problems.left_out, 50);
	assert_false(problems_check(&f->problems, &err));
	assert_int_equal(err.code, ERR_INVALID_BUNDLE);
	assert_string_equal(err.text, "config.yaml:1: unknown key 'unknown0' (and 149 more)");
}

static bool expand(struct decoder *decoder, struct str text, struct str *ret)
{
	if (str_is(text, "${secret}") && decoder->field->kind != DECODE_SECRET) {
		decode_problem(decoder, decoder->value, "a secret may not stand here");
		return false;
	}
	*ret = str_is(text, "${number}") ? STR("4")
	       : str_is(text, "${true}") ? STR("true")
					 : STR("red");
	return true;
}

/* A bundle that fails gives its arena back before its problems are read. */
static void problems_keep_their_texts(void **state)
{
	char file[] = "recordings/a.jsonl", path[] = "request";
	struct arena arena;
	struct problems problems;
	struct error err;

	arena_init(&arena);
	problems_init(&problems, &arena);
	problems_add(&problems, file, 3, path, "%s", "what");
	memset(file, 'x', sizeof(file) - 1);
	memset(path, 'x', sizeof(path) - 1);
	assert_false(problems_check(&problems, &err));
	assert_string_equal(err.text, "recordings/a.jsonl:3: request: what");
	arena_done(&arena);
}

static void expansion(void **state)
{
	struct fixture *f = *state;

	f->decoder.expand = expand;
	decode(f, "title: ${x}\nis_on: ${true}\ncount: ${number}\ncolor: ${x}\n"
		  "api_key: ${secret}\nwords: ['${x}', y]\nany: {a: ['${x}', 1], b: same}\n");
	assert_int_equal(f->problems.count, 0);
	assert_true(str_is(f->thing.title, "red"));
	assert_int_equal(f->thing.count, 4);
	assert_int_equal(f->thing.color, 0);
	assert_true(str_is(secret_reveal(f->thing.key), "red"));
	assert_true(str_is(*(struct str *)f->thing.words.items, "red"));
	assert_true(str_is(json_str(json_at(&f->thing.any, STR("a.0"))), "red"));
	assert_true(str_is(json_str(json_at(&f->thing.any, STR("b"))), "same"));
}

static void expansion_that_fails(void **state)
{
	struct fixture *f = *state;

	f->decoder.expand = expand;
	one_problem(f, "title: ${secret}", "config.yaml:1: title: a secret may not stand here");
	assert_true(str_is(f->thing.title, "untitled"));
	one_problem(f, "any:\n- 1\n- ${secret}\n",
		"config.yaml:3: any[1]: a secret may not stand here");
	one_problem(f, "count: ${x}",
		"config.yaml:1: count: expected an integer, got the string 'red'");
	one_problem(f, "share: ${number}", "config.yaml:1: share: expected 0 to 1, got 4");
}

static void lines_from_json_offsets(void **state)
{
	struct fixture *f = *state;
	const struct str text = STR("{\n\"count\":\n99}");
	struct json tree;
	struct error err;

	assert_true(json_read(&f->arena, text, &tree, &err));
	f->decoder.lines_are_offsets = true;
	f->decoder.text = text;
	decode_object(&f->decoder, &tree, THING, &f->thing);
	assert_problem(f, 0, "config.yaml:3: count: expected 1 to 10, got 99");
}

static void nearest(void **state)
{
	static const char *const KNOWN[] = {"predict", "pack", "validate", "o", NULL};

	assert_string_equal(decode_nearest(STR("pakc"), KNOWN), "pack");
	assert_string_equal(decode_nearest(STR("pred1ct"), KNOWN), "predict");
	assert_string_equal(decode_nearest(STR("valdate"), KNOWN), "validate");
	assert_null(decode_nearest(STR("deploy"), KNOWN));
	assert_null(decode_nearest(STR(""), KNOWN));
	assert_null(decode_nearest(STR("x"), KNOWN));
}

static void schema(void **state)
{
	struct fixture *f = *state;
	const struct json schema = decode_schema(&f->arena, THING, false);
	const struct json *count = json_at(&schema, STR("properties.count"));

	assert_true(str_is(json_str(json_get(&schema, STR("$schema"))),
		"https://json-schema.org/draft/2020-12/schema"));
	assert_int_equal(json_get(count, STR("minimum"))->integer, 1);
	assert_int_equal(json_get(count, STR("default"))->integer, 3);
	assert_true(str_is(json_str(json_at(&schema, STR("properties.color.enum.1"))), "green"));
	assert_true(
		str_is(json_str(json_at(&schema, STR("properties.stops.items.required.0"))), "x"));
	assert_null(
		json_at(&schema, STR("properties.places.additionalProperties.properties.name")));
	assert_false(json_get(&schema, STR("additionalProperties"))->boolean);
}

static void schema_of_expanded(void **state)
{
	struct fixture *f = *state;
	const struct json schema = decode_schema(&f->arena, THING, true);
	const struct json *count = json_at(&schema, STR("properties.count"));

	assert_int_equal(json_at(count, STR("anyOf.0.maximum"))->integer, 10);
	assert_true(str_is(json_str(json_at(count, STR("anyOf.1.pattern"))), "\\$\\{"));
	assert_int_equal(json_get(count, STR("default"))->integer, 3);
	assert_true(str_is(json_str(json_at(&schema, STR("properties.title.type"))), "string"));
}

static void reference(void **state)
{
	struct buf out = {0};

	decode_reference(&out, THING, "");
	const char *text = buf_text(&out);
	assert_non_null(strstr(text, "| `title` | string | `untitled` | what it is called |\n"));
	assert_non_null(strstr(text, "| `count` | integer, 1 to 10 | `3` |  |\n"));
	assert_non_null(strstr(text, "| `color` | `red`, `green` | `green` |  |\n"));
	assert_non_null(strstr(text, "| `stops[].x` | integer | required | where \\| it is |\n"));
	assert_non_null(strstr(text, "| `places.NAME.x` |"));
	assert_null(strstr(text, "`places.NAME.name`"));
	buf_done(&out);
}

#define TEST(name_) cmocka_unit_test_setup_teardown(name_, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(all_kinds),
		TEST(fallbacks),
		TEST(wrong_types),
		TEST(secrets_do_not_show),
		TEST(unknown_and_missing),
		TEST(problems_are_capped),
		TEST(problems_keep_their_texts),
		TEST(expansion),
		TEST(expansion_that_fails),
		TEST(lines_from_json_offsets),
		TEST(nearest),
		TEST(schema),
		TEST(schema_of_expanded),
		TEST(reference),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

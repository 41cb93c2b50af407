/* YAML to the JSON tree: PyYAML's scalars, lines, and everything that is refused. */
#include "base/yaml.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

static struct arena arena;

static int setup(void **state)
{
	arena_init(&arena);
	return 0;
}

static int teardown(void **state)
{
	arena_done(&arena);
	return 0;
}

static const char *as_json(const char *yaml)
{
	struct error err;
	struct json value;
	struct buf out = {0};

	error_clear(&err);
	if (!yaml_read(&arena, "f.yaml", str_of(yaml), &value, &err))
		fail_msg("%s", err.text);
	json_write(&out, &value);
	const char *text = arena_memdup(&arena, out.data, out.len);
	buf_done(&out);
	return text;
}

#define IS(yaml_, json_) assert_string_equal(as_json(yaml_), json_)

static void refused(struct str yaml, const char *message)
{
	struct error err;
	struct json value;

	error_clear(&err);
	if (yaml_read(&arena, "f.yaml", yaml, &value, &err))
		fail_msg("accepted: %.*s", STR_ARGS(yaml));
	assert_int_equal(err.code, ERR_INVALID_BUNDLE);
	if (strstr(err.text, message) == NULL)
		fail_msg("'%s' does not say '%s'", err.text, message);
}

#define FAILS(yaml_, message_) refused(str_of(yaml_), message_)

static void scalars(void **state)
{
	static const struct {
		const char *yaml, *json;
	} CASES[] = {
		{"", "null"},
		{"~", "null"},
		{"null", "null"},
		{"NULL", "null"},
		{"nULL", "\"nULL\""},
		{"true", "true"},
		{"False", "false"},
		{"yes", "true"},
		{"OFF", "false"},
		{"y", "\"y\""},
		{"tRUE", "\"tRUE\""},
		{"on", "true"},
		{"0", "0"},
		{"-0", "0"},
		{"+12", "12"},
		{"1_000", "1000"},
		{"010", "8"},
		{"0o17", "\"0o17\""},
		{"08", "\"08\""},
		{"0x1F", "31"},
		{"-0x10", "-16"},
		{"0b101", "5"},
		{"0b2", "\"0b2\""},
		{"0x", "\"0x\""},
		{"0x_", "\"0x_\""},
		{"-", "[null]"},
		{"9223372036854775807", "9223372036854775807"},
		{"-9223372036854775808", "-9223372036854775808"},
		{"12:30", "\"12:30\""},
		{"1:30.5", "\"1:30.5\""},
		{"1.5", "1.5"},
		{"1.", "1.0"},
		{".5", "0.5"},
		{"-.5", "\"-.5\""},
		{".", "\".\""},
		{"1e3", "\"1e3\""},
		{"1.0e3", "\"1.0e3\""},
		{"1.0e+3", "1000.0"},
		{"6.02E-2", "0.0602"},
		{"1_0.2_5", "10.25"},
		{"1.5.2", "\"1.5.2\""},
		{"1.0e+", "\"1.0e+\""},
		{"2026-11-21", "\"2026-11-21\""},
		{"'12'", "\"12\""},
		{"\"\"", "\"\""},
		{"\"a\\u00e9\\0\"", "\"aé\\u0000\""},
		{"é", "\"é\""},
		{"a b", "\"a b\""},
	};

	for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
		const char *yaml = arena_printf(&arena, "- %s\n", CASES[i].yaml);
		const char *json = arena_printf(&arena, "[%s]", CASES[i].json);
		IS(yaml, json);
	}
}

static void numbers_out_of_range(void **state)
{
	FAILS("a: 9223372036854775808", "f.yaml:1: the number '9223372036854775808' is too large");
	FAILS("a: -9223372036854775809", "too large");
	FAILS("a: 0xffffffffffffffffff", "too large");
	FAILS("\n\na: 1.0e+999", "f.yaml:3: the number '1.0e+999' is too large");
	FAILS("a: .inf", "'.inf' is no number that JSON can carry");
	FAILS("a: -.Inf", "'-.Inf' is no number");
	FAILS("a: .NaN", "'.NaN' is no number");
}

static void containers(void **state)
{
	IS("a: 1\nb: [x, {c: d}]\nc:\n  - 1\n  - e: |\n      two\n      lines\n",
		"{\"a\":1,\"b\":[\"x\",{\"c\":\"d\"}],\"c\":[1,{\"e\":\"two\\nlines\\n\"}]}");
	IS("{}", "{}");
	IS("a: []\nb: {}\nc:\n", "{\"a\":[],\"b\":{},\"c\":null}");
	IS("on: 1\n1: 2\nnull: 3\n\"\": 4\n", "{\"on\":1,\"1\":2,\"null\":3,\"\":4}");
	IS("\"<<\": 1", "{\"<<\":1}");
	IS("text", "\"text\"");
	IS("\xEF\xBB\xBF"
	   "a: 1",
		"{\"a\":1}");
}

static void nothing_is_an_empty_object(void **state)
{
	IS("", "{}");
	IS("# only a comment\n", "{}");
	IS("---\n", "{}");
	IS("---\n...\n", "{}");
	IS("null", "null");
}

static void lines(void **state)
{
	struct error err;
	struct json value;

	assert_true(yaml_read(
		&arena, "f", STR("# c\na: 1\nb:\n  - x\n  - y: |\n      t\n"), &value, &err));
	assert_int_equal(json_at(&value, STR("a"))->at, 2);
	assert_int_equal(json_at(&value, STR("b.0"))->at, 4);
	assert_int_equal(json_at(&value, STR("b.1.y"))->at, 5);
	assert_int_equal(value.members[1].key.at, 3);
	assert_true(yaml_read(&arena, "f", STR("a: 1\nb:"), &value, &err));
	assert_int_equal(json_at(&value, STR("b"))->at, 2);
	assert_true(yaml_read(&arena, "f", STR("? b"), &value, &err));
	assert_int_equal(json_at(&value, STR("b"))->at, 1);
}

static void refuses_what_expands_or_hides(void **state)
{
	FAILS("a: &x 1", "f.yaml:1: anchors are not allowed");
	FAILS("a: &x [1]\nb: *x", "anchors are not allowed");
	FAILS("a: 1\nb: *x", "f.yaml:2: aliases are not allowed");
	FAILS("&k a: 1", "anchors are not allowed");
	FAILS("*k : 1", "a key must be text");
	FAILS("a: !!python/object:os.system x", "tags are not allowed");
	FAILS("a: ! x", "tags are not allowed");
	FAILS("!!str a: x", "tags are not allowed");
	FAILS("a: !!map {}", "tags are not allowed");
	FAILS("<<: {a: 1}", "merge keys are not allowed");
}

static void refuses_ambiguous_keys(void **state)
{
	FAILS("a: 1\nb: 2\n'a': 3\n", "f.yaml:3: the key 'a' is there twice");
	FAILS("x: {k: 1, k: 2}", "the key 'k' is there twice");
	FAILS("? [a]\n: 1", "a key must be text");
	FAILS("? {a: 1}\n: 1", "a key must be text");
	FAILS("? \n: 1\n", "a key is missing");
	FAILS("a: 1\n---\nb: 2\n", "f.yaml:2: a second document");
}

static void refuses_malformed(void **state)
{
	FAILS("a: [1\n",
		"f.yaml:2: did not find expected ',' or ']' while parsing a flow sequence from line 1");
	FAILS("a:\n\tb: 1", "f.yaml:2:");
	FAILS("a: 1\n b: 2\n", "f.yaml:2:");
	FAILS("a: 1\nb: \x01\n", "f.yaml:2: control characters are not allowed");
	FAILS("a: \"\\ud800\"", "invalid Unicode character");
	FAILS("a: 1\nb: \xff\n", "f.yaml:2: invalid UTF-8");
	refused((struct str){"\xff\xfe"
			     "a\0",
			4},
		"invalid UTF-8");
	refused((struct str){"a: \0", 4}, "f.yaml:1:");
}

static void depth_is_limited(void **state)
{
	struct buf yaml = {0};

	for (int i = 0; i < YAML_DEPTH_MAX; i++)
		buf_add_char(&yaml, '[');
	for (int i = 0; i < YAML_DEPTH_MAX; i++)
		buf_add_char(&yaml, ']');
	as_json(buf_text(&yaml));
	yaml.len = 0;
	for (int i = 0; i < 100000; i++)
		buf_add_char(&yaml, '[');
	refused(buf_str(&yaml), "nested deeper than 32 levels");
	buf_done(&yaml);
}

static void size_is_limited(void **state)
{
	struct buf yaml = {0};

	while (yaml.len <= YAML_SIZE_MAX)
		buf_add_text(&yaml, "# nothing but a comment, over and over\n");
	refused(buf_str(&yaml), "at most 1048576 are read");
	buf_done(&yaml);
}

static void many_keys(void **state)
{
	struct buf yaml = {0};
	struct json value;
	struct error err;

	for (int i = 0; i < 60000; i++)
		buf_printf(&yaml, "k%d: %d\n", i, i);
	assert_true(yaml_read(&arena, "f", buf_str(&yaml), &value, &err));
	assert_int_equal(value.size, 60000);
	assert_int_equal(value.members[59999].value.integer, 59999);
	buf_add_text(&yaml, "k17: again\n");
	refused(buf_str(&yaml), "f.yaml:60001: the key 'k17' is there twice");
	buf_done(&yaml);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(scalars, setup, teardown),
		cmocka_unit_test_setup_teardown(numbers_out_of_range, setup, teardown),
		cmocka_unit_test_setup_teardown(containers, setup, teardown),
		cmocka_unit_test_setup_teardown(nothing_is_an_empty_object, setup, teardown),
		cmocka_unit_test_setup_teardown(lines, setup, teardown),
		cmocka_unit_test_setup_teardown(refuses_what_expands_or_hides, setup, teardown),
		cmocka_unit_test_setup_teardown(refuses_ambiguous_keys, setup, teardown),
		cmocka_unit_test_setup_teardown(refuses_malformed, setup, teardown),
		cmocka_unit_test_setup_teardown(depth_is_limited, setup, teardown),
		cmocka_unit_test_setup_teardown(size_is_limited, setup, teardown),
		cmocka_unit_test_setup_teardown(many_keys, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

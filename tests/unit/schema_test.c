/* JSON Schema: what fits, what does not and how it is told, and which schemas are refused. */
#include "model/schema.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

struct fixture {
	struct arena arena;
	struct problems problems;
	struct decoder decoder;
};

static int set_up(void **state)
{
	static struct fixture fixture;

	arena_init(&fixture.arena);
	problems_init(&fixture.problems, &fixture.arena);
	decoder_init(&fixture.decoder, &fixture.arena, &fixture.problems, "config.yaml");
	*state = &fixture;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *fixture = *state;

	decoder_done(&fixture->decoder);
	arena_done(&fixture->arena);
	return 0;
}

static const struct json *parse(struct fixture *fixture, const char *text)
{
	struct json *value = arena_alloc(&fixture->arena, sizeof(*value));
	struct error err = {0};

	if (!json_read(&fixture->arena, str_of(text), value, &err))
		fail_msg("%s: %s", text, err.text);
	return value;
}

static const struct schema *compile(struct fixture *fixture, const char *text)
{
	const struct schema *schema = schema_compile(&fixture->decoder, parse(fixture, text));

	if (schema == NULL)
		fail_msg("%s: %s", text, fixture->problems.items[0].text);
	return schema;
}

/* `expected` NULL: the value fits. */
struct check {
	const char *schema, *value, *expected;
};

static const struct check CHECKS[] = {
	{"{}", "{\"a\":[1,null]}", NULL},
	{"true", "1", NULL},
	{"false", "1", "(root): no value is allowed here"},
	{"{\"type\":\"string\"}", "\"a\"", NULL},
	{"{\"type\":\"string\"}", "1", "(root): expected string, got an integer"},
	{"{\"type\":[\"string\",\"null\"]}", "null", NULL},
	{"{\"type\":[\"string\",\"null\"]}", "true",
		"(root): expected null or string, got a boolean"},
	{"{\"type\":\"integer\"}", "3.0", NULL},
	{"{\"type\":\"integer\"}", "3.5", "(root): expected integer, got a number"},
	{"{\"type\":\"number\"}", "3", NULL},
	{"{\"type\":\"boolean\"}", "0", "(root): expected boolean, got an integer"},
	{"{\"enum\":[\"a\",1,null]}", "1.0", NULL},
	{"{\"enum\":[\"a\",1]}", "\"b\"", "(root): expected one of [\"a\",1], got \"b\""},
	{"{\"const\":{\"a\":[1]}}", "{\"a\":[1]}", NULL},
	{"{\"const\":7}", "8", "(root): expected 7, got 8"},
	{"{\"minimum\":1,\"maximum\":3}", "3", NULL},
	{"{\"minimum\":1}", "0.5", "(root): expected at least 1, got 0.5"},
	{"{\"maximum\":9007199254740993}", "9007199254740994",
		"(root): expected at most 9007199254740993, got 9007199254740994"},
	{"{\"exclusiveMinimum\":1}", "1", "(root): expected more than 1, got 1"},
	{"{\"exclusiveMaximum\":1}", "1", "(root): expected less than 1, got 1"},
	{"{\"multipleOf\":0.1}", "0.3", NULL},
	{"{\"multipleOf\":0.01}", "19.99", NULL},
	{"{\"multipleOf\":0.01}", "0", NULL},
	{"{\"multipleOf\":0.01}", "19.995", "(root): expected a multiple of 0.01, got 19.995"},
	{"{\"multipleOf\":1.0}", "10000000000.5",
		"(root): expected a multiple of 1.0, got 10000000000.5"},
	{"{\"multipleOf\":3}", "9", NULL},
	{"{\"multipleOf\":3}", "10", "(root): expected a multiple of 3, got 10"},
	{"{\"minimum\":1}", "\"text has no size\"", NULL},
	{"{\"minLength\":2,\"maxLength\":2}", "\"äö\"", NULL},
	{"{\"minLength\":2}", "\"ä\"", "(root): expected at least 2 characters, got 1"},
	{"{\"maxLength\":1}", "\"ab\"", "(root): expected at most 1 characters, got 2"},
	{"{\"items\":{\"type\":\"integer\"}}", "[1,\"a\",2,null]",
		"/1: expected integer, got a string; /3: expected integer, got null"},
	{"{\"items\":false}", "[]", NULL},
	{"{\"minItems\":1}", "[]", "(root): expected at least 1 items, got 0"},
	{"{\"maxItems\":1}", "[1,2]", "(root): expected at most 1 items, got 2"},
	{"{\"uniqueItems\":true}", "[1,\"1\",true]", NULL},
	{"{\"uniqueItems\":true}", "[{\"a\":1,\"b\":2},3,{\"b\":2,\"a\":1.0}]",
		"(root): items 0 and 2 are equal, but must differ"},
	{"{\"properties\":{\"a\":{\"type\":\"string\"}}}", "{\"b\":1}", NULL},
	{"{\"properties\":{\"a\":{\"type\":\"string\"}}}", "{\"a\":1}",
		"/a: expected string, got an integer"},
	{"{\"properties\":{\"a/b~c\":{\"type\":\"string\"}}}", "{\"a/b~c\":1}",
		"/a~1b~0c: expected string, got an integer"},
	{"{\"required\":[\"a\",\"b\"]}", "{\"b\":null}",
		"(root): the required property 'a' is missing"},
	{"{\"properties\":{\"a\":{}},\"additionalProperties\":false}", "{\"a\":1,\"b\":2}",
		"/b: this property is not allowed"},
	{"{\"additionalProperties\":{\"type\":\"integer\"}}", "{\"a\":1,\"b\":\"x\"}",
		"/b: expected integer, got a string"},
	{"{\"anyOf\":[{\"type\":\"string\"},{\"minimum\":5}]}", "7", NULL},
	{"{\"anyOf\":[{\"type\":\"integer\",\"minimum\":9},{\"type\":\"integer\",\"maximum\":5}]}",
		"7",
		"(root): fits none of the 2 alternatives ([0] (root): expected at least 9, got 7; [1] (root): "
		"expected at most 5, got 7)"},
	{"{\"anyOf\":[{\"type\":\"null\"},{\"type\":\"object\",\"required\":[\"a\"]}]}", "{}",
		"(root): the required property 'a' is missing"},
	{"{\"oneOf\":[{\"minimum\":1},{\"maximum\":5}]}", "3",
		"(root): fits 2 alternatives of oneOf, but must fit exactly one"},
	{"{\"oneOf\":[{\"minimum\":1},{\"maximum\":0}]}", "3", NULL},
	{"{\"allOf\":[{\"minimum\":1},{\"maximum\":5}]}", "6", "(root): expected at most 5, got 6"},
	{"{\"$defs\":{\"n\":{\"type\":\"integer\"}},\"items\":{\"$ref\":\"#/$defs/n\"}}",
		"[1,\"x\"]", "/1: expected integer, got a string"},
	{"{\"$defs\":{\"t\":{\"properties\":{\"next\":{\"$ref\":\"#/$defs/t\"},\"v\":{\"type\":\"integer\"}}}},"
	 "\"$ref\":\"#/$defs/t\"}",
		"{\"next\":{\"next\":{\"v\":\"x\"}}}",
		"/next/next/v: expected integer, got a string"},
	{"{\"$defs\":{\"a\":{\"$ref\":\"#/$defs/b\"},\"b\":{\"$ref\":\"#/$defs/a\"}},\"$ref\":\"#/$defs/a\"}",
		"1", "(root): more than 32 references inside each other"},
	{"{\"items\":{\"type\":\"null\"}}", "[1,1,1,1,1,1,1,1,1,1]",
		"/0: expected null, got an integer; /1: expected null, got an integer; /2: expected null, got an "
		"integer; /3: expected null, got an integer; /4: expected null, got an integer; /5: expected null, "
		"got an integer; /6: expected null, got an integer; /7: expected null, got an integer; and 2 more"},
	{"{\"title\":\"t\",\"description\":\"d\",\"default\":1,\"examples\":[],\"$schema\":\"s\",\"$id\":\"i\","
	 "\"format\":\"email\"}",
		"\"no email\"", NULL},
};

static void test_values(void **state)
{
	struct fixture *fixture = *state;

	for (size_t i = 0; i < sizeof(CHECKS) / sizeof(*CHECKS); i++) {
		const struct check *check = &CHECKS[i];
		struct error err = {0};

		const struct schema *schema = compile(fixture, check->schema);
		const bool fits = schema_check(schema, parse(fixture, check->value), &err);

		if (fits != (check->expected == NULL))
			fail_msg("%s of %s: %s", check->schema, check->value,
				fits ? "fits" : err.text);
		if (fits)
			continue;
		assert_int_equal(err.code, ERR_INVALID_PARAMETER);
		assert_string_equal(err.text, check->expected);
	}
}

/* Work that doubles with every definition must end, and must not end in "fits". */
static void test_work_is_limited(void **state)
{
	struct fixture *fixture = *state;
	struct buf text = {0};
	struct error err = {0};

	buf_add_text(&text, "{\"$defs\":{\"d30\":{\"type\":\"integer\"}");
	for (int i = 0; i < 30; i++)
		buf_printf(&text,
			",\"d%d\":{\"allOf\":[{\"$ref\":\"#/$defs/d%d\"},{\"$ref\":\"#/$defs/d%d\"}]}",
			i, i + 1, i + 1);
	buf_add_text(&text, "},\"$ref\":\"#/$defs/d0\"}");
	const struct schema *schema = compile(fixture, buf_text(&text));
	assert_false(schema_check(schema, parse(fixture, "1"), &err));
	assert_non_null(strstr(err.text, "too complex to check"));
	buf_done(&text);
}

static bool check_text(
	struct fixture *fixture, const char *schema, struct buf *value, struct error *err)
{
	return schema_check(compile(fixture, schema), parse(fixture, buf_text(value)), err);
}

/* Items are sorted, not compared each with each: that many pairs would exceed the work. */
static void test_unique_items(void **state)
{
	static const char UNIQUE[] = "{\"uniqueItems\":true}";
	struct fixture *fixture = *state;
	struct buf text = {0};
	struct error err = {0};

	buf_add_char(&text, '[');
	for (int i = 0; i < 20000; i++)
		buf_printf(&text, "{\"b\":%d,\"a\":[]},", i);
	buf_add_text(&text, "0]");
	assert_true(check_text(fixture, UNIQUE, &text, &err));
	text.len -= strlen("0]");
	buf_add_text(&text, "{\"a\":[],\"b\":7.0},0,{\"a\":[],\"b\":3}]");
	assert_false(check_text(fixture, UNIQUE, &text, &err));
	assert_string_equal(err.text, "(root): items 7 and 20000 are equal, but must differ");
	buf_done(&text);
}

/* A comparison costs what it looks at. */
static void test_comparisons_are_charged(void **state)
{
	struct fixture *fixture = *state;
	struct buf list = {0}, schema = {0}, text = {0};
	struct error err = {0};

	buf_add_char(&list, '[');
	for (int i = 0; i < 1000; i++)
		buf_add_text(&list, "0,");
	buf_printf(&schema, "{\"items\":{\"const\":%s1]}}", buf_text(&list));
	buf_add_char(&text, '[');
	for (int i = 0; i < 1100; i++)
		buf_printf(&text, "%s%s1]", i > 0 ? "," : "", buf_text(&list));
	buf_add_char(&text, ']');
	assert_false(check_text(fixture, buf_text(&schema), &text, &err));
	assert_string_equal(err.text, "(root): too complex to check");
	buf_done(&list);
	buf_done(&schema);
	buf_done(&text);
}

/* However long keys and values are, what is told about them is short: it is written for each
 * alternative of each element. */
static void test_violations_are_short(void **state)
{
	struct fixture *fixture = *state;
	struct buf text = {0};
	struct error err = {0};

	buf_add_text(&text, "{\"");
	for (int i = 0; i < 500; i++)
		buf_add_text(&text, "~\xc3\xa9/");
	buf_add_text(&text, "\":[true,\"");
	for (int i = 0; i < 500; i++)
		buf_add_text(&text, "\xc3\xa9");
	buf_add_text(&text, "\"]}");
	assert_false(check_text(
		fixture, "{\"additionalProperties\":{\"items\":{\"enum\":[true]}}}", &text, &err));
	assert_true(strlen(err.text) < 300);
	assert_true(str_is_utf8(str_of(err.text)));
	assert_non_null(strstr(err.text, "/~0\xc3\xa9~1~0\xc3\xa9~1"));
	assert_non_null(strstr(err.text, "\xe2\x80\xa6/1: expected one of [true], got \"\xc3\xa9"));
	buf_done(&text);
}

struct refusal {
	const char *schema, *path, *text;
};

static const struct refusal REFUSED[] = {
	{"[]", "", "expected a JSON Schema (an object or a boolean), got an array"},
	{"{\"typ\":\"string\"}", "", "unknown JSON Schema keyword 'typ', did you mean 'type'?"},
	{"{\"pattern\":\"a+\"}", "", "unknown JSON Schema keyword 'pattern'"},
	{"{\"items\":{\"if\":true}}", "items", "unknown JSON Schema keyword 'if'"},
	{"{\"type\":\"strin\"}", "type", "unknown type 'strin', did you mean 'string'?"},
	{"{\"type\":[]}", "type", "an empty list of types fits no value"},
	{"{\"type\":7}", "type", "expected a type's name, got an integer"},
	{"{\"enum\":[]}", "enum", "an empty enum fits no value"},
	{"{\"enum\":1}", "enum", "expected an array of values, got an integer"},
	{"{\"properties\":[]}", "properties", "expected an object of schemas, got an array"},
	{"{\"properties\":{\"a\":{\"type\":1}}}", "properties.a.type",
		"expected a type's name, got an integer"},
	{"{\"required\":\"a\"}", "required", "expected an array of property names, got a string"},
	{"{\"required\":[1]}", "required", "expected a property's name, got an integer"},
	{"{\"properties\":{\"a\":{}},\"required\":[\"b\"],\"additionalProperties\":false}", "",
		"'b' is required, but not among the properties"},
	{"{\"items\":[]}", "items",
		"expected a JSON Schema (an object or a boolean), got an array"},
	{"{\"minItems\":-1}", "minItems", "expected an integer from 0, got an integer"},
	{"{\"minItems\":3,\"maxItems\":2}", "", "maxItems is less than minItems"},
	{"{\"minLength\":3,\"maxLength\":2}", "", "maxLength is less than minLength"},
	{"{\"uniqueItems\":1}", "uniqueItems", "expected a boolean, got an integer"},
	{"{\"minimum\":\"1\"}", "minimum", "expected a number, got a string"},
	{"{\"multipleOf\":0}", "multipleOf", "expected a number above 0"},
	{"{\"multipleOf\":-2.5}", "multipleOf", "expected a number above 0"},
	{"{\"anyOf\":[]}", "anyOf", "expected at least one schema"},
	{"{\"oneOf\":{}}", "oneOf", "expected an array of schemas, got an object"},
	{"{\"allOf\":[{\"type\":\"x\"}]}", "allOf[0].type", "unknown type 'x'"},
	{"{\"$ref\":\"#/$defs/a\"}", "$ref", "'#/$defs/a' is no '#/$defs/NAME' of this schema"},
	{"{\"$ref\":\"http://example.com/\"}", "$ref",
		"'http://example.com/' is no '#/$defs/NAME' of this schema"},
	{"{\"items\":{\"$defs\":{}}}", "items.$defs", "$defs stands at the schema's root only"},
	{"{\"$defs\":{\"a\":{\"type\":\"x\"}}}", "$defs.a.type", "unknown type 'x'"},
};

static void test_refused(void **state)
{
	struct fixture *fixture = *state;

	for (size_t i = 0; i < sizeof(REFUSED) / sizeof(*REFUSED); i++) {
		problems_init(&fixture->problems, &fixture->arena);
		assert_null(schema_compile(&fixture->decoder, parse(fixture, REFUSED[i].schema)));
		assert_int_equal(fixture->problems.count, 1);
		assert_string_equal(fixture->problems.items[0].path, REFUSED[i].path);
		assert_string_equal(fixture->problems.items[0].text, REFUSED[i].text);
	}
}

static void test_paths(void **state)
{
	const struct schema *schema = compile(*state,
		"{\"$defs\":{\"slide\":{\"properties\":{\"title\":{\"type\":\"string\"}}}},"
		"\"properties\":{\"slides\":{\"type\":\"array\",\"items\":{\"$ref\":\"#/$defs/slide\"}},"
		"\"free\":{\"type\":\"object\"},\"open\":{\"properties\":{\"a\":{}},\"additionalProperties\":true},"
		"\"maybe\":{\"anyOf\":[{\"type\":\"null\"},{\"$ref\":\"#/$defs/slide\"}]}}}");
	static const char *const known[] = {"slides", "slides.0", "slides.0.title",
		"free.any.thing", "open.b", "maybe.title", NULL};
	static const char *const unknown[] = {"slide", "slides.title", "slides.0.titel",
		"slides.0.title.x", "maybe.titel", "slides.0.0", NULL};

	for (size_t i = 0; known[i] != NULL; i++)
		if (!schema_knows(schema, str_of(known[i])))
			fail_msg("%s is not known", known[i]);
	for (size_t i = 0; unknown[i] != NULL; i++)
		if (schema_knows(schema, str_of(unknown[i])))
			fail_msg("%s is known", unknown[i]);
	assert_non_null(json_get(schema_tree(schema), STR("$defs")));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_values, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_work_is_limited, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_unique_items, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_comparisons_are_charged, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_violations_are_short, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_refused, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_paths, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

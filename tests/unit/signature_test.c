/* model/signature.h: everything MLflow writes into MLmodel is read, every mistake is named where it
 * stands, and the example made from a signature is a request that the signature accepts. */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/yaml.h"
#include "model/input.h"
#include "model/signature_decode.h"
#include "signature_of.h"

static struct arena arena;

static int set_up(void **state)
{
	arena_init(&arena);
	return 0;
}

static int tear_down(void **state)
{
	arena_done(&arena);
	return 0;
}

static const char *in_words(const struct sig_node *node)
{
	struct buf text = {0};

	sig_node_write(&text, node);
	const char *words = arena_memdup(&arena, text.data, text.len);
	buf_done(&text);
	return words;
}

/* The one column that `inputs` declares, in words. */
#define IS(given, words)                                                                           \
	do {                                                                                       \
		const struct signature signature_ = signature_of(&arena, given, NULL);             \
		assert_int_equal(signature_.inputs.count, 1);                                      \
		assert_string_equal(in_words(&signature_.inputs.columns[0].node), words);          \
	} while (0)

#define FAILS(given, given_params, part)                                                           \
	do {                                                                                       \
		struct signature signature_;                                                       \
		struct problems problems_;                                                         \
		struct error err_ = {0};                                                           \
		signature_of_text(&arena, given, given_params, &problems_, &signature_);           \
		assert_false(problems_check(&problems_, &err_));                                   \
		if (strstr(err_.text, part) == NULL)                                               \
			fail_msg("'%s' is not in '%s'", part, err_.text);                          \
	} while (0)

static void test_types(void **state)
{
	IS("[{\"type\":\"boolean\"}]", "boolean");
	IS("[{\"type\":\"integer\"}]", "integer");
	IS("[{\"type\":\"long\"}]", "long");
	IS("[{\"type\":\"float\"}]", "float");
	IS("[{\"type\":\"double\"}]", "double");
	IS("[{\"type\":\"string\"}]", "string");
	IS("[{\"type\":\"binary\"}]", "binary");
	IS("[{\"type\":\"datetime\"}]", "datetime");
	IS("[{\"type\":\"any\"}]", "any");
	IS("[{\"type\":\"array\",\"items\":{\"type\":\"array\",\"items\":{\"type\":\"long\"}}}]",
		"Array(Array(long))");
	IS("[{\"type\":\"map\",\"values\":{\"type\":\"any\"}}]", "Map(any)");
	IS("[{\"type\":\"object\",\"properties\":{\"city\":{\"type\":\"string\"},"
	   "\"zip\":{\"type\":\"string\",\"required\":false}}}]",
		"{city: string, zip: string (optional)}");
	IS("[{\"type\":\"tensor\",\"tensor-spec\":{\"dtype\":\"float32\",\"shape\":[-1,2]}}]",
		"tensor of float32, shape (-1, 2)");
	IS("[{\"type\":\"tensor\",\"tensor-spec\":{\"dtype\":\"datetime64[ns]\",\"shape\":[-1]}}]",
		"tensor of datetime64, shape (-1)");
}

static void test_required_has_two_spellings(void **state)
{
	const struct signature signature = signature_of(&arena,
		"[{\"type\":\"string\",\"name\":\"a\"},"
		"{\"type\":\"string\",\"name\":\"b\",\"required\":false},"
		"{\"type\":\"string\",\"name\":\"c\",\"optional\":true},"
		"{\"type\":\"string\",\"name\":\"d\",\"optional\":false}]",
		NULL);

	assert_true(signature.inputs.columns[0].is_required);
	assert_false(signature.inputs.columns[1].is_required);
	assert_false(signature.inputs.columns[2].is_required);
	assert_true(signature.inputs.columns[3].is_required);
}

static void test_what_a_schema_is(void **state)
{
	const struct signature none = signature_of(&arena, NULL, NULL);
	const struct signature unnamed = signature_of(&arena, "[{\"type\":\"string\"}]", NULL);
	const struct signature named = signature_of(&arena,
		"[{\"type\":\"array\",\"items\":{\"type\":\"any\"},\"name\":\"say \\\"a\\\"\"}]",
		NULL);

	assert_false(none.inputs.is_declared);
	assert_true(unnamed.inputs.is_declared);
	assert_false(unnamed.inputs.is_named);
	assert_null(unnamed.inputs.names[0].data);
	assert_true(named.inputs.is_named && named.inputs.has_nested && !named.inputs.is_tensor);
	assert_true(str_is(named.inputs.names[0], "say \"a\""));
	assert_true(str_is(named.inputs.keys[0], "\"say \\\"a\\\"\":"));
}

static void test_defaults_make_columns_optional(void **state)
{
	struct signature signature = signature_of(&arena,
		"[{\"type\":\"string\",\"name\":\"a\"},{\"type\":\"long\",\"name\":\"b\"}]", NULL);
	const struct sig_property *before = signature.inputs.columns;
	struct json defaults = json_object();

	signature_set_defaults(&arena, &signature, NULL);
	assert_ptr_equal(signature.inputs.columns, before);
	json_set(&arena, &defaults, STR("b"), json_integer(7));
	signature_set_defaults(&arena, &signature, &defaults);
	assert_true(signature.inputs.columns[0].is_required);
	assert_int_equal(json_type(&signature.inputs.columns[0].fallback), JSON_ABSENT);
	assert_false(signature.inputs.columns[1].is_required);
	assert_int_equal(signature.inputs.columns[1].fallback.integer, 7);
	assert_true(before[1].is_required);
}

static void test_params(void **state)
{
	const struct signature signature = signature_of(&arena, NULL,
		"[{\"name\":\"t\",\"default\":1,\"shape\":null,\"type\":\"double\"},"
		"{\"name\":\"s\",\"default\":[\"a\"],\"shape\":[-1],\"type\":\"string\"},"
		"{\"name\":\"w\",\"default\":\"2024-01-01\",\"dtype\":\"datetime\"},"
		"{\"name\":\"o\",\"default\":{\"a\":\"z\"},\"type\":\"object\","
		"\"properties\":{\"a\":{\"type\":\"string\"}}}]");

	assert_true(signature.has_params);
	assert_int_equal(signature.param_count, 4);
	assert_int_equal(signature.params[0].fallback.type, JSON_DOUBLE);
	assert_true(signature_param(&signature, STR("s"))->is_list);
	assert_int_equal(signature_param(&signature, STR("w"))->node.type, SIG_DATETIME);
	assert_null(signature_param(&signature, STR("x")));
}

static void test_mistakes_are_named_where_they_stand(void **state)
{
	FAILS("[{\"type\":\"string\"},{\"type\":\"string\"},"
	      "{\"type\":\"array\",\"items\":{\"type\":\"strin\"}}]",
		NULL, "signature.inputs[2].items.type: unknown type 'strin'");
	FAILS("{}", NULL, "signature.inputs: expected an array of columns, got an object");
	FAILS("[", NULL, "signature.inputs: ");
	FAILS("[5]", NULL, "signature.inputs[0]: expected an object with a type");
	FAILS("[{}]", NULL, "signature.inputs[0].type: expected the name of a type");
	FAILS("[{\"type\":\"array\"}]", NULL, "signature.inputs[0].items: expected an object");
	FAILS("[{\"type\":\"object\"}]", NULL, "properties: expected an object of at least one");
	FAILS("[{\"type\":\"sparkml_vector\"}]", NULL, "Spark ML vectors");
	FAILS("[{\"type\":\"string\",\"name\":5}]", NULL,
		"signature.inputs[0].name: expected a name");
	FAILS("[{\"type\":\"string\",\"required\":1}]", NULL, "expected true or false");
	FAILS("[{\"type\":\"string\",\"name\":\"a\"},{\"type\":\"long\",\"name\":\"a\"}]", NULL,
		"signature.inputs[1]: this name is there twice");
	FAILS("[{\"type\":\"string\",\"name\":\"a\"},{\"type\":\"long\"}]", NULL,
		"either all columns have a name or none");
	FAILS("[{\"type\":\"string\"},"
	      "{\"type\":\"tensor\",\"tensor-spec\":{\"dtype\":\"int8\",\"shape\":[-1]}}]",
		NULL, "tensors and columns cannot be mixed");
	FAILS("[{\"type\":\"tensor\",\"tensor-spec\":{\"dtype\":\"int9\",\"shape\":[-1]}}]", NULL,
		"signature.inputs[0].tensor-spec.dtype: unknown dtype 'int9'");
	FAILS("[{\"type\":\"tensor\",\"tensor-spec\":{\"dtype\":\"int8\",\"shape\":[]}}]", NULL,
		"expected an array of dimensions");
	FAILS("[{\"type\":\"tensor\",\"tensor-spec\":{\"dtype\":\"int8\",\"shape\":[-2]}}]", NULL,
		"a dimension is -1 or a length");
	FAILS("[{\"type\":\"array\",\"items\":{\"type\":\"tensor\","
	      "\"tensor-spec\":{\"dtype\":\"int8\",\"shape\":[1]}}}]",
		NULL, "a tensor stands at the top only");
	FAILS(NULL, "[{\"name\":\"t\",\"default\":\"x\",\"type\":\"double\"}]",
		"signature.params[0].default: param 't': expected double (a number), got \"x\"");
	FAILS(NULL, "[{\"name\":\"t\",\"default\":1,\"type\":\"double\",\"shape\":[2]}]",
		"signature.params[0].shape: expected null or [-1]");
	FAILS(NULL, "[{\"default\":1,\"type\":\"double\"}]", "a param needs a name");
	FAILS(NULL, "[{\"name\":\"t\",\"type\":\"double\"}]",
		"signature.params[0].default: is missing");
	FAILS(NULL,
		"[{\"name\":\"t\",\"default\":[],\"type\":\"array\",\"items\":{\"type\":\"any\"}}]",
		"a param is a scalar, a list of scalars or an object");
	/* Found by fuzzing: elements that are objects went to a table of scalars. */
	FAILS(NULL,
		"[{\"name\":\"o\",\"type\":\"object\",\"properties\":{\"a\":{\"type\":\"long\",\"required\":true}},"
		"\"shape\":[-1],\"default\":[{\"a\":1}]}]",
		"a param is a scalar, a list of scalars or an object");
}

static void test_depth_is_limited(void **state)
{
	struct buf text = {0};

	buf_add_char(&text, '[');
	for (int i = 0; i < SIG_DEPTH_MAX; i++)
		buf_add_text(&text, "{\"type\":\"array\",\"items\":");
	buf_add_text(&text, "{\"type\":\"long\"}");
	for (int i = 0; i < SIG_DEPTH_MAX; i++)
		buf_add_char(&text, '}');
	buf_add_char(&text, ']');
	FAILS(buf_text(&text), NULL, "nested too deep");
	buf_done(&text);
}

static void accepts_its_example(const struct signature *signature, const char *name)
{
	const struct json example = signature_example(&arena, signature);
	struct input input;
	struct error err = {0};
	struct buf text = {0};

	json_write(&text, &example);
	buf_reserve(&text, JSON_PADDING);
	if (!input_read(&arena, signature, INPUT_JSON, buf_str(&text), &input, &err))
		fail_msg("%s: %s", name, err.text);
	assert_int_equal(input_row_count(&input) > 0, 1);
	buf_done(&text);
}

static void load_model(const char *name, struct signature *ret)
{
	struct error err = {0};
	struct problems problems;
	struct decoder decoder;
	struct json mlmodel;
	char *text = arena_alloc(&arena, 65536);
	FILE *file = fopen(
		arena_printf(&arena, "%s/protocol/invocations/models/%s/MLmodel", TESTS_DIR, name),
		"rb");

	assert_non_null(file);
	const size_t len = fread(text, 1, 65536, file);
	fclose(file);
	assert_true(yaml_read(&arena, "MLmodel", (struct str){text, len}, &mlmodel, &err));
	problems_init(&problems, &arena);
	decoder_init(&decoder, &arena, &problems, "MLmodel");
	signature_decode(&decoder, json_get(&mlmodel, STR("signature")), ret);
	decoder_done(&decoder);
	assert_true(problems_check(&problems, &err));
}

/* Every bundle of the captured cases. */
static void test_examples_work(void **state)
{
	DIR *dir = opendir(TESTS_DIR "/protocol/invocations/models");
	struct dirent *entry;
	unsigned count = 0;

	assert_non_null(dir);
	while ((entry = readdir(dir)) != NULL) {
		struct signature signature;
		if (entry->d_name[0] == '.')
			continue;
		load_model(entry->d_name, &signature);
		if (!signature.inputs.is_declared)
			continue;
		accepts_its_example(&signature, entry->d_name);
		count++;
	}
	closedir(dir);
	assert_int_equal(count, 19);
}

static void test_huge_tensors_have_no_example(void **state)
{
	const struct signature signature = signature_of(&arena,
		"[{\"type\":\"tensor\",\"tensor-spec\":{\"dtype\":\"int8\","
		"\"shape\":[-1,9223372036854775807,9223372036854775807]}}]",
		NULL);

	assert_int_equal(signature_example(&arena, &signature).type, JSON_ABSENT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_types, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_required_has_two_spellings, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_what_a_schema_is, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			test_defaults_make_columns_optional, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_params, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			test_mistakes_are_named_where_they_stand, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_depth_is_limited, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_examples_work, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			test_huge_tensors_have_no_example, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

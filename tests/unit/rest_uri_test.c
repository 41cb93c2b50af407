/* URIs as Python's urllib.parse takes them apart, and models:/ URIs. What is wanted was computed with Python 3.11. */
#include "rest/rest_models_uri.h"
#include "rest/rest_uri.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static struct arena arena;

static struct rest_uri split(const char *text)
{
	struct rest_uri uri;

	assert_true(rest_uri_split(&arena, str_of(text), &uri));
	return uri;
}

#define SPLIT(text_, scheme_, authority_, path_)                                                                       \
	do {                                                                                                           \
		const struct rest_uri uri_ = split(text_);                                                             \
		assert_true(str_is(uri_.scheme, scheme_));                                                             \
		assert_true(str_is(uri_.authority, authority_));                                                       \
		assert_true(str_is(uri_.path, path_));                                                                 \
	} while (0)

static void uris_are_split(void **state)
{
	struct rest_uri uri;

	SPLIT("s3://bucket/a/b", "s3", "bucket", "/a/b");
	SPLIT("S3://Bucket/a?b=/c#d", "s3", "Bucket", "/a");
	SPLIT("runs:/r/p", "runs", "", "/r/p");
	SPLIT("models:x", "models", "", "x");
	SPLIT("/etc/passwd", "", "", "/etc/passwd");
	SPLIT("1x:/y", "", "", "1x:/y");
	SPLIT(":/y", "", "", ":/y");
	SPLIT(" \x01s3://b/x ", "s3", "b", "/x ");
	SPLIT("s\t3:/\n/b/x", "s3", "b", "/x");
	SPLIT("s3://b", "s3", "b", "");
	SPLIT("", "", "", "");
	assert_false(rest_uri_split(&arena, STR("s3://[b/x"), &uri));
	assert_false(rest_uri_split(&arena, STR("s3://b]/x"), &uri));
}

static void hosts_have_no_user_and_no_port(void **state)
{
	static const char *const CASES[][2] = {{"file://LocalHost:80/x", "localhost"}, {"file:///x", ""},
		{"http://a:b@c@host/x", "host"}, {"http://[::1]:80/x", "::1"}};

	for (size_t i = 0; i < sizeof(CASES) / sizeof(*CASES); i++) {
		const struct rest_uri uri = split(CASES[i][0]);
		assert_true(str_is(rest_uri_host(&arena, &uri), CASES[i][1]));
	}
}

static void escapes_are_undone_until_there_are_none(void **state)
{
	static const char *const CASES[][2] = {{"a%2fb", "a/b"}, {"%252e%25252E", ".."}, {"%2", "%2"},
		{"%zz%41", "%zzA"}, {"%%341", "A"}, {"a+b%2bc", "a b c"}, {"%25%32%65", "."}, {"", ""}};

	for (size_t i = 0; i < sizeof(CASES) / sizeof(*CASES); i++)
		assert_true(str_is(rest_uri_unescape(&arena, str_of(CASES[i][0]), true), CASES[i][1]));
	assert_true(str_is(rest_uri_unescape(&arena, STR("a+b"), false), "a+b"));
}

static bool is_within(const char *text, const char *root)
{
	const struct rest_uri uri = split(text), root_uri = split(root);

	return rest_uri_is_within(&arena, &uri, &root_uri);
}

static void what_is_below_a_root_is_within(void **state)
{
	assert_true(is_within("mlflow-artifacts:/1/r/artifacts", "mlflow-artifacts:/1/r/artifacts"));
	assert_true(is_within("mlflow-artifacts://Host/1//r/%61/x", "mlflow-artifacts://host/1/r/a"));
	assert_false(is_within("mlflow-artifacts:/1/r/artifactsx", "mlflow-artifacts:/1/r/artifacts"));
	assert_false(is_within("mlflow-artifacts:/1/r", "mlflow-artifacts:/1/r/artifacts"));
	assert_false(is_within("s3:/1/r", "mlflow-artifacts:/1/r"));
	assert_false(is_within("mlflow-artifacts://h/1/r", "mlflow-artifacts:/1/r"));
	assert_false(is_within("mlflow-artifacts:/1", "mlflow-artifacts:/"));
}

static void paths_are_made_normal(void **state)
{
	static const char *const CASES[][2] = {
		{"/a/./b//c/", "/a/b/c"}, {"/a/../../b", "/b"}, {"/", "/"}, {"/..", "/"}, {"/a/b/../..", "/"}};

	for (size_t i = 0; i < sizeof(CASES) / sizeof(*CASES); i++)
		assert_true(str_is(rest_uri_normal_path(&arena, str_of(CASES[i][0])), CASES[i][1]));
	assert_null(rest_uri_normal_path(&arena, STR("a/b")).data);
}

/* "id|name|version|stage|alias", or NULL. */
static const char *models_uri(const char *text)
{
	struct rest_models_uri uri;

	if (!rest_models_uri_parse(&arena, str_of(text), &uri))
		return "none";
	return arena_printf(&arena, "%.*s|%.*s|%.*s|%.*s|%.*s", STR_ARGS(uri.model_id), STR_ARGS(uri.name),
		STR_ARGS(uri.version), STR_ARGS(uri.stage), STR_ARGS(uri.alias));
}

static void models_uris_have_five_forms(void **state)
{
	static const char *const CASES[][2] = {{"models:/m-1", "m-1||||"}, {"models:/clf/3", "|clf|3||"},
		{"models:/clf/Staging", "|clf||Staging|"}, {"models:/clf/LATEST", "|clf|||"},
		{"models:/clf@prod", "|clf|||prod"}, {"models:/a@b@c", "|a@b|||c"}, {"models:/clf/1#x", "|clf||1#x|"},
		{"models:/clf/1?x", "|clf|1||"}, {"models:/clf/", "none"}, {"models:/clf@", "none"},
		{"models:/a/b/c", "none"}, {"models:/", "none"}, {"models:clf/1", "none"}, {"models:/ /1", "none"},
		{"models:/clf/ ", "none"}};

	for (size_t i = 0; i < sizeof(CASES) / sizeof(*CASES); i++)
		assert_string_equal(models_uri(CASES[i][0]), CASES[i][1]);
}

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

#define TEST(function_) cmocka_unit_test_setup_teardown(function_, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(uris_are_split),
		TEST(hosts_have_no_user_and_no_port),
		TEST(escapes_are_undone_until_there_are_none),
		TEST(what_is_below_a_root_is_within),
		TEST(paths_are_made_normal),
		TEST(models_uris_have_five_forms),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Requests of the registry: paths to rpcs, queries and bodies to fields, as MLflow's server reads them. */
#include "rest/rest_decode.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static const char *const STATES[] = {"RUNNING", "FINISHED", NULL};
static const struct rest_field METRIC[] = {
	{"key", REST_STRING, REST_REQUIRED, 0, NULL, NULL},
	{"value", REST_DOUBLE, REST_REQUIRED, 0, NULL, NULL},
	{"timestamp", REST_INT, REST_REQUIRED, 0, NULL, NULL},
	{0},
};
static const struct rest_field FIELDS[] = {
	{"run_id", REST_STRING, REST_REQUIRED, 0, NULL, NULL},
	{"max_results", REST_INT, REST_CHECKED, 100, NULL, NULL},
	{"order_by", REST_STRING, REST_REPEATED | REST_CHECKED, 0, NULL, NULL},
	{"status", REST_ENUM, 0, 0, NULL, STATES},
	{"state", REST_ENUM, REST_CHECKED, 0, NULL, STATES},
	{"metrics", REST_MESSAGE, REST_REPEATED | REST_CHECKED | REST_KEYED, 0, METRIC, NULL},
	{"allow_partial", REST_BOOL, 0, 0, NULL, NULL},
	{0},
};
static const struct rest_rpc RPC = REST_RPC("POST", "runs/x", PERMISSION_VIEW, FIELDS, NULL, DB_READ, "");

static struct arena arena;
static struct error err;

/* The fields as JSON text, or the error's. */
static const char *decode(const char *method, const char *query, const char *body)
{
	static struct buf out;
	const struct rest_request request = {
		.method = str_of(method), .query = str_of(query), .body = str_of(body)};
	struct json fields;

	out.len = 0;
	error_clear(&err);
	if (!rest_decode(&arena, &RPC, &request, &fields, &err))
		return err.text;
	json_write(&out, &fields);
	return arena_strdup(&arena, buf_text(&out));
}

#define BODY(body_, wanted_) assert_string_equal(decode("POST", "", body_), wanted_)
#define QUERY(query_, wanted_) assert_string_equal(decode("GET", query_, ""), wanted_)
#define MORE " See the API docs for more information about request parameters."

static void fields_are_taken_by_either_spelling(void **state)
{
	BODY("{\"run_id\":\"r\",\"max_results\":\"7\",\"unknown\":1}", "{\"run_id\":\"r\",\"max_results\":7}");
	BODY("{\"run_id\":\"r\",\"allowPartial\":true}", "{\"run_id\":\"r\",\"allow_partial\":true}");
	/* MLflow looks for what it requires in the first spelling alone. */
	BODY("{\"runId\":\"r\"}", "Missing value for required parameter 'run_id'." MORE);
	BODY("{\"run_id\":\"r\",\"maxResults\":7}", "{\"run_id\":\"r\",\"max_results\":7}");
	QUERY("run_id=r&allowPartial=true&runId=s", "{\"run_id\":\"r\"}");
	BODY("{\"runId\":\"r\",\"run_id\":\"r\"}", "Request specifies both 'run_id' and 'runId'; provide only one of them.");
	BODY("{\"run_uuid\":\"r\"}", "{\"run_id\":\"r\"}");
	BODY("{\"run_id\":\"\",\"run_uuid\":\"r\"}", "{\"run_id\":\"r\"}");
	BODY("\"{\\\"run_id\\\":\\\"r\\\"}\"", "{\"run_id\":\"r\"}");
}

static void what_is_missing_is_named(void **state)
{
	const char *missing = "Missing value for required parameter 'run_id'." MORE;

	BODY("", missing);
	BODY("{\"run_id\":null}", missing);
	BODY("{\"run_id\":\"\"}", missing);
	BODY("{\"runId\":\"r\"}", missing);
	BODY("not json", missing);
	BODY("{\"run_id\":\"r\",\"metrics\":[{\"key\":\"k\",\"value\":1,\"timestamp\":2},{\"key\":\"k\",\"value\":1}]}",
		"Missing value for required parameter 'metrics[1].timestamp'." MORE);
	BODY("[1]", "the body must be a JSON object, not an array");
}

static void wrong_types_are_told_where_mlflow_checks(void **state)
{
	BODY("{\"run_id\":31}", "Invalid value 31 for parameter 'run_id' supplied:  Hint: Value was of type 'int'." MORE);
	BODY("{\"run_id\":\"r\",\"max_results\":101}",
		"Invalid value 101 for parameter 'max_results' supplied:  Hint: Value was of type 'int'." MORE);
	BODY("{\"run_id\":\"r\",\"max_results\":true}",
		"Invalid value true for parameter 'max_results' supplied:  Hint: Value was of type 'bool'." MORE);
	BODY("{\"run_id\":\"r\",\"order_by\":\"5\"}",
		"Invalid value \"5\" for parameter 'order_by' supplied:  Hint: Value was of type 'str'." MORE);
	BODY("{\"run_id\":\"r\",\"order_by\":[1]}",
		"Invalid value [1] for parameter 'order_by' supplied:  Hint: Value was of type 'list'." MORE);
	BODY("{\"run_id\":\"r\",\"status\":\"NOPE\",\"allow_partial\":1}", "{\"run_id\":\"r\"}");
	BODY("{\"run_id\":\"r\",\"status\":1}", "{\"run_id\":\"r\",\"status\":\"FINISHED\"}");
	BODY("{\"run_id\":\"r\",\"state\":\"NOPE\"}", "{\"run_id\":\"r\"}");
	BODY("{\"run_id\":\"r\",\"state\":[]}",
		"Invalid value [] for parameter 'state' supplied:  Hint: Value was of type 'list'." MORE);
	BODY("{\"run_id\":\"r\",\"max_results\":9223372036854775808}",
		"Invalid value 9.223372036854776e+18 for parameter 'max_results' supplied:  Hint: Value was of type 'float'." MORE);
}

static void numbers_are_taken_as_proto3_json_has_them(void **state)
{
	BODY("{\"run_id\":\"r\",\"metrics\":[{\"key\":\"k\",\"value\":\"NaN\",\"timestamp\":\"12\"}]}",
		"{\"run_id\":\"r\",\"metrics\":[{\"key\":\"k\",\"value\":\"NaN\",\"timestamp\":12}]}");
	BODY("{\"run_id\":\"r\",\"metrics\":[{\"key\":\"k\",\"value\":\"-Infinity\",\"timestamp\":3.0}]}",
		"{\"run_id\":\"r\",\"metrics\":[{\"key\":\"k\",\"value\":\"-Infinity\",\"timestamp\":3}]}");
	BODY("{\"run_id\":\"r\",\"max_results\":\"1.5\"}",
		"Invalid value \"1.5\" for parameter 'max_results' supplied:  Hint: Value was of type 'str'." MORE);
}

static void queries_repeat_lists(void **state)
{
	QUERY("run_id=a+b%2Fc&order_by=x&order_by=y%20DESC&allow_partial=False",
		"{\"run_id\":\"a b/c\",\"order_by\":[\"x\",\"y DESC\"],\"allow_partial\":false}");
	QUERY("run_id=a&allow_partial=maybe", "Invalid boolean value: maybe, must be 'true' or 'false'.");
	QUERY("run_id=%zz", "a broken escape in the query near 'run_id'");
	QUERY("run_id=%ff", "a broken escape in the query near 'run_id'");
	QUERY("max_results=500&run_id=r",
		"Invalid value \"500\" for parameter 'max_results' supplied:  Hint: Value was of type 'str'." MORE);
}

static void other_media_are_refused(void **state)
{
	const struct rest_request request = {.method = STR("POST"), .content_type = STR("text/plain"), .body = STR("{}")};
	struct json fields;

	assert_false(rest_decode(&arena, &RPC, &request, &fields, &err));
	assert_string_equal(err.text, "Bad Request. Content-Type must be one of ['application/json'].");
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(fields_are_taken_by_either_spelling),
		cmocka_unit_test(what_is_missing_is_named),
		cmocka_unit_test(wrong_types_are_told_where_mlflow_checks),
		cmocka_unit_test(numbers_are_taken_as_proto3_json_has_them),
		cmocka_unit_test(queries_repeat_lists),
		cmocka_unit_test(other_media_are_refused),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}

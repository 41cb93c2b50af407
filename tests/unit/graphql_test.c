/* Queries as plans and as refusals; the answers on rows are in tests/system/graphql_test.py. */
#include "graphql/graphql_limits.h"
#include "graphql/graphql_plan.h"
#include "graphql/graphql_scan.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static struct arena arena;
static struct error error;

static bool plan_with(const char *query, const char *name, const char *variables, struct graphql_plan **ret)
{
	struct graphql_definition *document;
	struct json given = {0};

	error_clear(&error);
	if (variables != NULL)
		assert_true(json_read(&arena, str_of(variables), &given, &error));
	return graphql_parse(&arena, str_of(query), &document, &error) && graphql_check_limits(document, &error) &&
	       graphql_plan_make(&arena, document, str_of(name), &given, ret, &error);
}

/* The plan as text: key(argument){…} */
static void show(struct buf *out, const struct graphql_plan *plan)
{
	for (; plan != NULL; plan = plan->next) {
		buf_add_str(out, plan->key);
		if (plan->argument.type != JSON_ABSENT) {
			buf_add_char(out, '(');
			json_write(out, &plan->argument);
			buf_add_char(out, ')');
		}
		if (plan->fields != NULL) {
			buf_add_char(out, '{');
			show(out, plan->fields);
			buf_add_char(out, '}');
		}
		if (plan->next != NULL)
			buf_add_char(out, ' ');
	}
}

static void plan_is(const char *query, const char *name, const char *variables, const char *wanted)
{
	struct graphql_plan *plan;
	struct buf shown = {0};

	if (!plan_with(query, name, variables, &plan))
		fail_msg("%s: %s", query, error.text);
	show(&shown, plan);
	assert_string_equal(buf_text(&shown), wanted);
	buf_done(&shown);
}

static void refused_as(const char *query, const char *variables, const char *wanted)
{
	struct graphql_plan *plan;

	if (plan_with(query, "", variables, &plan))
		fail_msg("not refused: %s", query);
	assert_int_equal(error.code, ERR_BAD_REQUEST);
	if (strstr(error.text, wanted) == NULL)
		fail_msg("%s\nsays: %s\nwanted: %s", query, error.text, wanted);
}

#define RUN "mlflowGetRun(input:{runId:\"1\"})"

static void queries_become_plans(void **state)
{
	(void)state;
	plan_is("{test(inputString:\"a\"){x:output output}}", "", NULL, "test(\"a\"){x output}");
	plan_is("query q{test{output __typename}}query r{__typename}", "r", NULL, "__typename");
	plan_is("\xEF\xBB\xBF query a @component(name:\"x\"), { # all\r\n __typename }", "", NULL, "__typename");
	plan_is("mutation {mlflowSearchRuns(input:{experimentIds:\"1\", runViewType:ALL, maxResults:-0}){nextPageToken}}", "", NULL,
		"mlflowSearchRuns({\"experiment_ids\":[\"1\"],\"run_view_type\":\"ALL\",\"max_results\":0}){nextPageToken}");
	plan_is("{mlflowSearchModelVersions(input:{maxResults:\"12345678901\", filter:null}){nextPageToken}}", "", NULL,
		"mlflowSearchModelVersions({\"max_results\":12345678901}){nextPageToken}");
}

static void fields_of_one_name_are_merged(void **state)
{
	(void)state;
	plan_is("{" RUN "{run{info{runId}}} " RUN "{run{info{status runId} data{tags{key}}}}}", "", NULL,
		"mlflowGetRun({\"run_id\":\"1\"}){run{info{runId status} data{tags{key}}}}");
	plan_is("{" RUN "{...f ... on MlflowGetRunResponse{run{info{status}}} ...{apiError{code}}}}"
		"fragment f on MlflowGetRunResponse{run{info{runId}}}",
		"", NULL, "mlflowGetRun({\"run_id\":\"1\"}){run{info{runId status}} apiError{code}}");
	refused_as("{" RUN "{run{info{a:runId a:status}}}}", NULL, "Fields 'a' conflict because 'runId' and 'status' are different");
	refused_as("{test(inputString:\"a\"){output} test(inputString:\"b\"){output}}", NULL, "they have differing arguments");
}

static void variables_are_read(void **state)
{
	const char *query = "query q($i:MlflowGetRunInput!){mlflowGetRun(input:$i){run{info{runId}}}}";
	const char *page = "query q($n:LongString=7,$o:[String]){mlflowSearchModelVersions(input:{maxResults:$n,orderBy:$o})"
			   "{nextPageToken}}";

	(void)state;
	plan_is(query, "q", "{\"i\":{\"runId\":\"1\",\"runUuid\":null},\"other\":1}", "mlflowGetRun({\"run_id\":\"1\"}){run{info{runId}}}");
	plan_is(page, "", "{\"n\":\"9\",\"o\":\"a\"}",
		"mlflowSearchModelVersions({\"max_results\":9,\"order_by\":[\"a\"]}){nextPageToken}");
	plan_is(page, "", NULL, "mlflowSearchModelVersions({\"max_results\":7}){nextPageToken}");
	refused_as(query, "{}", "Variable '$i' of required type 'MlflowGetRunInput!' was not provided.");
	refused_as(query, "{\"i\":null}", "Variable '$i' of non-null type 'MlflowGetRunInput!' must not be null.");
	refused_as(query, "{\"i\":{\"foo\":1}}", "Field 'foo' is not defined by type 'MlflowGetRunInput'.");
	refused_as(query, "{\"i\":{\"runId\":1}}", "String cannot represent a non string value: 1");
	refused_as(page, "{\"n\":\"x\"}", "Variable '$n' got invalid value \"x\"; LongString cannot represent non-integer value: x");
	refused_as(page, "{\"n\":1.5}", "LongString cannot represent non-integer value: 1.5");
	refused_as("query q($i:Foo){" RUN "{run{info{runId}}}}", NULL, "Unknown type 'Foo'.");
	refused_as("query q($i:Int){" RUN "{run{info{runId}}}}", NULL, "Variable '$i' is never used.");
	refused_as("{test(inputString:$i){output}}", NULL, "Variable '$i' is not defined.");
	refused_as("query q($i:Int){test(inputString:$i){output}}", NULL,
		"Variable '$i' of type 'Int' used in position expecting type 'String'.");
}

static void mistakes_are_told(void **state)
{
	(void)state;
	refused_as("{foo}", NULL, "Cannot query field 'foo' on type 'Query'.");
	refused_as("{test(inputString:\"a\")}", NULL, "Field 'test' of type 'Test' must have a selection of subfields.");
	refused_as("{test{output{x}}}", NULL, "Field 'output' must not have a selection since type 'String' has no subfields.");
	refused_as("{test(x:1){output}}", NULL, "Unknown argument 'x' on field 'Query.test'.");
	refused_as("{test(inputString:1){output}}", NULL, "String cannot represent a non string value: 1");
	refused_as("{test(inputString:\"a\",inputString:\"a\"){output}}", NULL, "There can be only one argument named 'inputString'.");
	refused_as("{mlflowSearchRuns(input:{runViewType:FOO}){nextPageToken}}", NULL,
		"Value 'FOO' does not exist in 'MlflowViewType' enum.");
	refused_as("{mlflowSearchRuns(input:{maxResults:9999999999}){nextPageToken}}", NULL,
		"Int cannot represent non 32-bit signed integer value: 9999999999");
	refused_as("{test{...f}}", NULL, "Unknown fragment 'f'.");
	refused_as("{__typename} fragment f on Test{output}", NULL, "Fragment 'f' is never used.");
	refused_as("{test{...f}} fragment f on Test{...g} fragment g on Test{...f}", NULL, "Cannot spread fragment 'f' within itself.");
	refused_as("{test{...f}} fragment f on Query{__typename}", NULL,
		"Fragment 'f' cannot be spread here as objects of type 'Test' can never be of type 'Query'.");
	refused_as("query q @foo {__typename}", NULL, "Unknown directive '@foo'.");
	refused_as("{__typename @component(name:\"x\")}", NULL, "Directive '@component' may not be used on field.");
	refused_as("query q @component {__typename}", NULL, "Directive '@component' argument 'name'");
	refused_as("query a{__typename} query b{__typename}", NULL, "Must provide operation name");
	refused_as("query a{__typename} query a{__typename}", NULL, "There can be only one operation named 'a'.");
	refused_as("subscription {__typename}", NULL, "Schema is not configured to execute subscription operation.");
}

static const char *repeated(const char *before, const char *piece, size_t count, const char *after)
{
	struct buf text = {0};

	buf_add_text(&text, before);
	for (size_t i = 0; i < count; i++) {
		struct str rest = str_of(piece), head;

		/* '%' stands for the number. */
		const bool is_numbered = str_cut(&rest, '%', &head);
		buf_add_str(&text, head);
		if (is_numbered)
			buf_printf(&text, "%zu", i);
		buf_add_str(&text, rest);
	}
	buf_add_text(&text, after);
	const char *kept = arena_strdup(&arena, buf_text(&text));
	buf_done(&text);
	return kept;
}

/* Fragments that spread the next one twice each would open 2^count fields. */
static const char *bomb(size_t count)
{
	struct buf text = {0};

	buf_add_text(&text, "{test{...f0}}");
	for (size_t i = 0; i < count; i++)
		buf_printf(&text, "fragment f%zu on Test{...f%zu ...f%zu output}", i, i + 1, i + 1);
	buf_printf(&text, "fragment f%zu on Test{output}", count);
	const char *kept = arena_strdup(&arena, buf_text(&text));
	buf_done(&text);
	return kept;
}

static void limits_hold(void **state)
{
	struct graphql_plan *plan;

	(void)state;
	assert_true(plan_with(repeated("{", "a%:__typename ", 10, "}"), "", NULL, &plan));
	refused_as(repeated("{", "a%:__typename ", 11, "}"), NULL, "GraphQL queries should have at most 10 root fields, got 11 root fields.");
	assert_true(plan_with(repeated("{test{", "a%:output ", 10, "}}"), "", NULL, &plan));
	refused_as(repeated("{test{", "...{a%:output} ", 11, "}}"), NULL, "at most 10 aliases, got 11 aliases.");
	assert_true(plan_with(repeated("{test{", "output ", 999, "}}"), "", NULL, &plan));
	refused_as(repeated("{test{", "output ", 1000, "}}"), NULL, "Query exceeds maximum total selections of 1000");
	refused_as(repeated("{test{", "...{...{output}}", 1000, "}}"), NULL, "Query exceeds maximum total selections of 1000");
	refused_as(repeated("", "{a ", 11, "}}}}}}}}}}}"), NULL, "Query exceeds maximum depth of 10");
	refused_as("{...f} fragment f on Query{a{...f}}", NULL, "Query exceeds maximum depth of 10");
	refused_as(repeated("", "{a ", 1000, ""), NULL, "more than 64 levels");
	refused_as(repeated("{test(inputString:", "[", 1000, ""), NULL, "more than 64 levels");
	refused_as(repeated("query a($a:", "[", 1000, ""), NULL, "Syntax Error");
	refused_as(repeated("", "query a%{a} ", 101, ""), NULL, "Query exceeds maximum of 100 definitions");
	refused_as(repeated("{", "a ", 40000, "}"), NULL, "the query has more than 65536 bytes");
	assert_true(plan_with(bomb(90), "", NULL, &plan));
}

static void syntax_is_checked(void **state)
{
	(void)state;
	refused_as("", NULL, "Syntax Error: expected a query, a mutation or a fragment, found <EOF>");
	refused_as("{", NULL, "expected a name, found <EOF>");
	refused_as("{}", NULL, "expected a name, found '}' in line 1");
	refused_as("{\n\na(", NULL, "expected a name, found <EOF>");
	refused_as("{\n\na()", NULL, "expected a name, found ')' in line 3");
	refused_as("type A {a:Int}", NULL, "expected a query, a mutation or a fragment, found 'type'");
	refused_as("{test(inputString:\"a){output}}", NULL, "unterminated string");
	refused_as("{test(inputString:\"\\x\"){output}}", NULL, "invalid escape");
	refused_as("{test(inputString:\"\\ud800\"){output}}", NULL, "invalid Unicode escape");
	refused_as("{test(inputString:\"\\u{110000}\"){output}}", NULL, "invalid Unicode escape");
	refused_as("{test(inputString:01){output}}", NULL, "invalid number");
	refused_as("{test(inputString:1.){output}}", NULL, "invalid number");
	refused_as("{a ? b}", NULL, "unexpected character");
	refused_as("query q($a:Int=$b){a}", NULL, "expected a value, found '$'");
	refused_as("fragment on on Test{output}", NULL, "expected a fragment's name");
}

static void strings_say_what_they_say(void **state)
{
	(void)state;
	plan_is("{test(inputString:\"\\u00e4\\uD83D\\uDE00\\u{1F600}\\t\\/\"){output}}", "", NULL,
		"test(\"\xC3\xA4\xF0\x9F\x98\x80\xF0\x9F\x98\x80\\t/\"){output}");
	plan_is("{test(inputString:\"\"\"\n    a \"b\"\n      c\\\"\"\"\r\n\n  \"\"\"){output}}", "", NULL,
		"test(\"a \\\"b\\\"\\n  c\\\"\\\"\\\"\"){output}");
	plan_is("{test(inputString:\"\"){output}}", "", NULL, "test(\"\"){output}");
	plan_is("{test(inputString:\"\"\"\"\"\"){output}}", "", NULL, "test(\"\"){output}");
}

static int set_up(void **state)
{
	(void)state;
	arena_init(&arena);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	arena_done(&arena);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(queries_become_plans, set_up, tear_down),
		cmocka_unit_test_setup_teardown(fields_of_one_name_are_merged, set_up, tear_down),
		cmocka_unit_test_setup_teardown(variables_are_read, set_up, tear_down),
		cmocka_unit_test_setup_teardown(mistakes_are_told, set_up, tear_down),
		cmocka_unit_test_setup_teardown(limits_hold, set_up, tear_down),
		cmocka_unit_test_setup_teardown(syntax_is_checked, set_up, tear_down),
		cmocka_unit_test_setup_teardown(strings_say_what_they_say, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

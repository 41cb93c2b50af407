/* What clients send about endpoints: taken into one form, or refused with the field's name. */
#include "control/attributes.h"
#include "control/served_config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

struct fixture {
	struct arena arena;
	struct error err;
};

static int set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	arena_init(&f->arena);
	*state = f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;

	arena_done(&f->arena);
	free(f);
	return 0;
}

static struct json body_of(struct fixture *f, const char *text)
{
	struct json body;

	assert_true(json_read(&f->arena, str_of(text), &body, &f->err));
	return body;
}

static void assert_json(const struct json *value, const char *expected)
{
	struct buf text = {0};

	json_write_canonical(&text, value);
	assert_string_equal(buf_text(&text), expected);
	buf_done(&text);
}

static void assert_refused(struct fixture *f, bool is_fine, const char *words)
{
	assert_false(is_fine);
	assert_int_equal(f->err.code, ERR_INVALID_PARAMETER);
	if (strstr(f->err.text, words) == NULL)
		fail_msg("expected '%s' in '%s'", words, f->err.text);
}

/* ---- attributes ---- */

static bool read_new(struct fixture *f, const char *text, struct json *ret)
{
	struct attributes attributes = {.arena = &f->arena, .object = ret, .can_mail = true};
	const struct json body = body_of(f, text);
	struct str description = STR("");

	*ret = json_object();
	return attributes_read_new(&attributes, &body, &description, &f->err);
}

static void test_what_is_kept(void **state)
{
	struct fixture *f = *state;
	struct json kept;

	assert_true(read_new(f,
		"{\"name\":\"e\",\"tags\":[{\"key\":\"b\",\"value\":\"1\"},{\"key\":\"a\",\"value\":null}],\"route_optimized\":\"true\","
		"\"rate_limits\":[{\"calls\":\"10\"}],\"ai_gateway\":{\"usage_tracking_config\":{\"enabled\":true},\"rate_limits\":"
		"[{\"key\":\"user\",\"principal\":\"ann\",\"tokens\":5,\"renewal_period\":\"minute\"}]},\"email_notifications\":"
		"{\"on_update_failure\":[\"a@b.c\"]},\"budget_policy_id\":\"p\"}",
		&kept));
	assert_json(&kept,
		"{\"ai_gateway\":{\"rate_limits\":[{\"key\":\"user\",\"principal\":\"ann\",\"renewal_period\":\"minute\",\"tokens\":5}],"
		"\"usage_tracking_config\":{\"enabled\":true}},\"budget_policy_id\":\"p\",\"email_notifications\":{\"on_update_failure\":"
		"[\"a@b.c\"]},\"rate_limits\":[{\"calls\":10,\"key\":\"endpoint\",\"renewal_period\":\"minute\"}],\"route_optimized\":true,"
		"\"tags\":[{\"key\":\"b\",\"value\":\"1\"},{\"key\":\"a\"}]}");
}

static void test_what_says_nothing(void **state)
{
	struct fixture *f = *state;
	struct json kept;

	assert_true(read_new(f,
		"{\"name\":\"e\",\"tags\":null,\"rate_limits\":[],\"ai_gateway\":{\"guardrails\":{\"input\":{\"safety\":false,\"pii\":"
		"{\"behavior\":\"NONE\"},\"valid_topics\":[]},\"output\":null},\"fallback_config\":null},\"email_notifications\":{},"
		"\"telemetry_config\":{\"table_names\":{}},\"route_optimized\":null,\"budget_policy_id\":null,\"state\":{\"ready\":\"READY\"},"
		"\"id\":\"1\"}",
		&kept));
	assert_json(&kept, "{}");
}

static void test_refusals_name_the_field(void **state)
{
	static const struct {
		const char *body, *words;
	} CASES[] = {
		{"{}", "'name' is missing"},
		{"{\"name\":\"e\",\"tag\":[]}", "unknown key 'tag'"},
		{"{\"name\":\"e\",\"tags\":[{\"key\":\"\"}]}", "tags[0]: key ''"},
		{"{\"name\":\"e\",\"tags\":[{\"value\":\"x\"}]}", "tags[0]: 'key' is missing"},
		{"{\"name\":\"e\",\"tags\":{\"a\":\"b\"}}", "tags: "},
		{"{\"name\":\"e\",\"rate_limits\":[{\"calls\":1,\"renewal_period\":\"hour\"}]}", "rate_limits[0]: renewal_period 'hour'"},
		{"{\"name\":\"e\",\"rate_limits\":[{\"calls\":-1}]}", "rate_limits[0].calls: "},
		{"{\"name\":\"e\",\"rate_limits\":[{\"calls\":0}]}", "rate_limits[0].calls: "},
		{"{\"name\":\"e\",\"rate_limits\":[{\"key\":\"all\",\"calls\":1}]}", "rate_limits[0]: key 'all'"},
		{"{\"name\":\"e\",\"rate_limits\":[{\"key\":\"service_principal\",\"calls\":1}]}", "principal is missing"},
		{"{\"name\":\"e\",\"rate_limits\":[{\"principal\":\"p\",\"calls\":1}]}", "a limit of the endpoint has none"},
		{"{\"name\":\"e\",\"ai_gateway\":{\"usage_tracking_config\":{\"enabled\":\"yes\"}}}", "ai_gateway.usage_tracking_config: "},
		{"{\"name\":\"e\",\"ai_gateway\":{\"guardrails\":{\"output\":{\"pii\":{\"behavior\":\"MASK\"}}}}}",
			"ai_gateway.guardrails: is not done here"},
		{"{\"name\":\"e\",\"ai_gateway\":{\"inference_table_config\":{\"catalog_name\":\"c\"}}}",
			"ai_gateway.inference_table_config: is not done here"},
		{"{\"name\":\"e\",\"route_optimized\":\"perhaps\"}", "route_optimized: "},
		{"{\"name\":\"e\",\"email_notifications\":{\"on_update_success\":[\"x\"]}}", "email_notifications.on_update_success[0]: 'x'"},
	};
	struct fixture *f = *state;
	struct json kept;

	for (size_t i = 0; i < sizeof(CASES) / sizeof(*CASES); i++)
		assert_refused(f, read_new(f, CASES[i].body, &kept), CASES[i].words);
}

static void test_tags_are_merged(void **state)
{
	struct fixture *f = *state;
	struct json kept;

	assert_true(read_new(f, "{\"name\":\"e\",\"tags\":[{\"key\":\"a\",\"value\":\"1\"},{\"key\":\"b\"}]}", &kept));
	struct attributes attributes = {.arena = &f->arena, .object = &kept};
	struct json patch = body_of(f, "{\"add_tags\":[{\"key\":\"c\"},{\"key\":\"a\",\"value\":\"2\"}],\"delete_tags\":[\"b\",\"z\"]}");
	assert_true(attributes_patch_tags(&attributes, &patch, &f->err));
	assert_json(&kept, "{\"tags\":[{\"key\":\"a\",\"value\":\"2\"},{\"key\":\"c\"}]}");
	patch = body_of(f, "{\"delete_tags\":[\"a\",\"c\"]}");
	assert_true(attributes_patch_tags(&attributes, &patch, &f->err));
	assert_json(&kept, "{}");
}

static void test_an_endpoint_has_so_many_tags(void **state)
{
	struct fixture *f = *state;
	struct json kept = json_object();
	struct attributes attributes = {.arena = &f->arena, .object = &kept};
	bool is_fine = true;

	for (int i = 0; is_fine && i <= TAGS_MAX; i++) {
		const struct json patch = body_of(f, arena_printf(&f->arena, "{\"add_tags\":[{\"key\":\"k%d\"}]}", i));

		is_fine = attributes_patch_tags(&attributes, &patch, &f->err);
		assert_int_equal(is_fine, i < TAGS_MAX);
	}
	assert_refused(f, is_fine, "add_tags: 101 tags");
}

static void test_mail_needs_a_server(void **state)
{
	struct fixture *f = *state;
	struct json kept = json_object();
	struct attributes attributes = {.arena = &f->arena, .object = &kept};
	const struct json patch = body_of(f, "{\"email_notifications\":{\"on_update_success\":[\"a@b.c\"]}}");

	assert_refused(f, attributes_patch_notifications(&attributes, &patch, &f->err), "this server sends no mail");
}

/* ---- configs ---- */

static bool read_config(struct fixture *f, const char *text, struct served_config *ret)
{
	const struct served_config_context context = {STR("e"), STR("ann"), 7};
	const struct json body = body_of(f, text);

	return served_config_read(&f->arena, &body, &context, ret, &f->err);
}

#define ONE "\"entity_name\":\"main.default.m\",\"entity_version\":\"3\""

static void test_a_config_is_filled_in(void **state)
{
	struct fixture *f = *state;
	struct served_config config;

	assert_true(read_config(f, "{\"name\":\"e\",\"served_entities\":[{" ONE "}]}", &config));
	assert_int_equal(config.count, 1);
	assert_true(str_is(config.entities[0].name, "m-3"));
	assert_true(str_is(config.entities[0].workload_size, "Small"));
	assert_int_equal(config.entities[0].slots, 4);
	assert_int_equal(config.entities[0].percent, 100);
	assert_true(read_config(f, "{\"served_entities\":[{\"entity_name\":\"m\",\"entity_version\":12}]}", &config));
	assert_true(str_is(config.entities[0].version, "12"));
	assert_true(read_config(f, "{\"served_models\":[{\"model_name\":\"m@champion\",\"max_provisioned_concurrency\":\"9\"}]}", &config));
	assert_true(str_is(config.entities[0].alias, "champion"));
	assert_true(str_is(config.entities[0].name, "m-champion"));
	assert_int_equal(config.entities[0].slots, 9);
}

/* What is stored is read back as the same, and so is what answers show. */
static void test_a_config_comes_back(void **state)
{
	struct fixture *f = *state;
	struct served_config config, again;
	struct buf text = {0};

	assert_true(read_config(f,
		"{\"served_entities\":[{" ONE ",\"name\":\"a\",\"environment_vars\":{\"K\":\"{{secrets/s/k}}\"}},{\"entity_name\":\"m\","
		"\"entity_version\":\"@x\",\"name\":\"b\",\"scale_to_zero_enabled\":\"true\",\"workload_size\":\"large\"}],\"traffic_config\":"
		"{\"routes\":[{\"served_model_name\":\"a\",\"traffic_percentage\":\"100\"},{\"served_entity_name\":\"b\",\"traffic_percentage\":"
		"0,\"shadow_percentage\":5}],\"sticky\":{\"header\":\"x-user\"}}}",
		&config));
	const struct json stored = served_config_stored(&f->arena, &config);
	json_write(&text, &stored);
	assert_true(served_config_restore(&f->arena, buf_str(&text), &again, &f->err));
	const struct json twice = served_config_stored(&f->arena, &again);
	assert_true(json_equal(&stored, &twice));
	assert_int_equal(again.entities[1].slots, 64);
	assert_int_equal(again.entities[1].shadow_percent, 5);
	buf_done(&text);
}

static void test_configs_that_are_refused(void **state)
{
	static const struct {
		const char *body, *words;
	} CASES[] = {
		{"{\"served_entities\":[{\"entity_version\":\"1\"}]}", "served_entities[0]: entity_name: "},
		{"{\"served_entities\":[{\"entity_name\":\"m\",\"entity_version\":\"one\"}]}", "entity_version 'one'"},
		{"{\"served_entities\":[{\"entity_name\":\"m\",\"entity_version\":1.5}]}", "served_entities[0].entity_version: expected a version"},
		{"{\"served_entities\":[{\"entity_name\":\"m@a\",\"entity_version\":\"1\"}]}", "names an alias already"},
		{"{\"served_entities\":[{" ONE ",\"workload_size\":\"Tiny\"}]}", "workload_size 'Tiny'"},
		{"{\"served_entities\":[{" ONE ",\"min_provisioned_concurrency\":8,\"max_provisioned_concurrency\":4}]}", "is less than"},
		{"{\"served_entities\":[{" ONE ",\"environment_vars\":{\"K\":1}}]}", "environment_vars.K: expected text"},
		{"{\"served_entities\":[{" ONE "},{" ONE "}]}", "name 'm-3' is taken"},
		{"{\"served_entities\":[{" ONE "},{" ONE ",\"name\":\"b\"}]}", "routes must say how they share the traffic"},
		{"{\"served_entities\":[{" ONE "}],\"traffic_config\":{\"routes\":[{\"served_entity_name\":\"x\",\"traffic_percentage\":100}]}}",
			"traffic_config.routes[0]: 'x' is none of the served entities"},
		{"{\"served_entities\":[{" ONE "}],\"traffic_config\":{\"routes\":[{\"served_entity_name\":\"m-3\",\"traffic_percentage\":101}]}}",
			"traffic_config.routes[0].traffic_percentage: "},
		{"{\"served_entities\":[{" ONE "}],\"traffic_config\":{\"sticky\":{\"header\":\"h\",\"column\":\"c\"}}}", "a header or a column"},
		{"{\"name\":\"other\",\"served_entities\":[{" ONE "}]}", "name 'other'"},
		{"{\"served_entities\":[{" ONE ",\"gpu\":1}]}", "served_entities[0]: unknown key 'gpu'"},
	};
	struct fixture *f = *state;
	struct served_config config;

	for (size_t i = 0; i < sizeof(CASES) / sizeof(*CASES); i++)
		assert_refused(f, read_config(f, CASES[i].body, &config), CASES[i].words);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_what_is_kept),
		TEST(test_what_says_nothing),
		TEST(test_refusals_name_the_field),
		TEST(test_tags_are_merged),
		TEST(test_an_endpoint_has_so_many_tags),
		TEST(test_mail_needs_a_server),
		TEST(test_a_config_is_filled_in),
		TEST(test_a_config_comes_back),
		TEST(test_configs_that_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* sluice.yaml, and what goes into params and MLmodel when a bundle is logged. */
#include "cli/mlmodel_text.h"
#include "cli/pairs.h"
#include "cli/project.h"
#include "cli/settings_params.h"

#include "base/yaml.h"
#include "bundle_kit.h"

static const char *write_project(struct kit *kit, const char *text)
{
	const char *path = arena_printf(&kit->arena, "%s/sluice.yaml", kit->dir);
	FILE *file = fopen(path, "we");

	assert_non_null(file);
	assert_true(fputs(text, file) >= 0);
	assert_int_equal(fclose(file), 0);
	return path;
}

static void fails(struct kit *kit, const char *text, const char *part)
{
	struct error err = {0};
	struct project project;

	assert_false(project_read(&kit->arena, write_project(kit, text), NULL, &project, &err));
	assert_int_equal(err.code, ERR_USAGE);
	if (strstr(err.text, part) == NULL)
		fail_msg("'%s' lacks '%s'", err.text, part);
}

static void environments(void **state)
{
	struct kit kit;
	struct error err = {0};
	struct project project;

	kit_init(&kit);
	setenv("SLUICE_TEST_HOST", "127.0.0.1:5000", 1);
	const char *path = write_project(&kit,
		"registry: \"http://${env:SLUICE_TEST_HOST}\"\nexperiment: slides\nenvironments:\n"
		"  dev: {model_name: slides, stage: Staging, endpoint_name: slides-dev}\n"
		"  prod: {model_name: m.d.slides, alias: champion, workload_size: Large, scale_to_zero: true, registry: databricks-uc}\n"
		"  demo: {model_name: slides, needs_approval: false}\n");
	assert_true(project_read(&kit.arena, path, NULL, &project, &err));
	assert_true(str_is(project.registry, "http://127.0.0.1:5000"));
	const struct environment *dev = project_environment(&project, "dev", &err);
	const struct environment *prod = project_environment(&project, "prod", &err);
	const struct environment *demo = project_environment(&project, "demo", &err);
	assert_false(dev->needs_approval);
	assert_true(prod->needs_approval);
	assert_false(demo->needs_approval);
	assert_true(str_is(dev->stage, "Staging"));
	assert_true(str_is(prod->alias, "champion"));
	assert_string_equal(project_workload_sizes[prod->workload_size], "Large");
	assert_string_equal(project_workload_sizes[dev->workload_size], "Small");
	assert_true(prod->scale_to_zero);
	assert_null(project_environment(&project, "qa", &err));
	assert_non_null(strstr(err.text, "has dev, prod, demo"));
	kit_done(&kit);
}

static void only_the_environment_that_is_meant_needs_its_login(void **state)
{
	struct kit kit;
	struct error err = {0};
	struct project project;

	kit_init(&kit);
	const char *path = write_project(&kit,
		"environments:\n  dev: {model_name: slides}\n"
		"  prod: {model_name: slides, registry: \"http://ci:${env:SLUICE_TEST_UNSET}@models\"}\n");
	assert_true(project_read(&kit.arena, path, NULL, &project, &err));
	assert_true(project_read(&kit.arena, path, "dev", &project, &err));
	assert_false(project_read(&kit.arena, path, "prod", &project, &err));
	assert_non_null(strstr(err.text, "sluice.yaml:3: environments.prod.registry"));
	assert_non_null(strstr(err.text, "SLUICE_TEST_UNSET"));
	kit_done(&kit);
}

static void mistakes_are_named(void **state)
{
	struct kit kit;

	kit_init(&kit);
	fails(&kit, "regsitry: x\n", "sluice.yaml:1: unknown key 'regsitry', did you mean 'registry'?");
	fails(&kit, "environments:\n  dev: {endpoint_name: e}\n",
		"sluice.yaml:2: environments.dev: 'model_name' is missing");
	fails(&kit, "environments:\n  dev: {model_name: m, workload_size: Huge}\n", "Small");
	fails(&kit, "environments:\n  dev: {model_name: m, needs_approval: maybe}\n", "expected true or false");
	fails(&kit, "registry: \"${env:SLUICE_TEST_UNSET}\"\n", "SLUICE_TEST_UNSET");
	fails(&kit, "a: [\n", "sluice.yaml:");
	kit_done(&kit);
}

static void no_file_is_no_project(void **state)
{
	struct kit kit;
	struct error err = {0};
	struct project project = {.path = "something"};

	kit_init(&kit);
	assert_int_equal(chdir(kit.dir), 0);
	assert_true(project_read(&kit.arena, NULL, NULL, &project, &err));
	assert_null(project.path);
	assert_null(project_environment(&project, "dev", &err));
	assert_non_null(strstr(err.text, "there is no sluice.yaml here"));
	assert_false(project_read(&kit.arena, "elsewhere.yaml", NULL, &project, &err));
	assert_int_equal(chdir("/"), 0);
	kit_done(&kit);
}

static struct str get(struct client_tags tags, const char *key)
{
	for (size_t i = 0; i < tags.count; i++)
		if (str_is(tags.items[i].key, key))
			return tags.items[i].value;
	return STR("(none)");
}

static void pairs(void **state)
{
	static const char *const GOOD[] = {"a=1", "b=x=y", "c="};
	static const char *const BAD[][2] = {{"a", NULL}, {"=1", NULL}, {"a=1", "a=2"}, {"a=\xff", NULL}};
	struct client_tags tags = {0};
	struct arena arena;

	arena_init(&arena);
	assert_true(pairs_read(&arena, "--tag", GOOD, 3, &tags, NULL));
	assert_true(str_is(get(tags, "b"), "x=y"));
	assert_true(str_is(get(tags, "c"), ""));
	for (size_t i = 0; i < sizeof(BAD) / sizeof(BAD[0]); i++) {
		struct error err = {0};
		assert_false(pairs_read(&arena, "--tag", BAD[i], BAD[i][1] != NULL ? 2 : 1, &tags, &err));
		assert_int_equal(err.code, ERR_USAGE);
	}
	arena_done(&arena);
}

static struct json read_yaml(struct arena *arena, const char *text)
{
	struct error err = {0};
	struct json tree;

	if (!yaml_read(arena, "text", str_of(text), &tree, &err))
		fail_msg("%s in:\n%s", err.text, text);
	return tree;
}

static void settings_become_params(void **state)
{
	size_t left_out = 9;
	struct arena arena;

	arena_init(&arena);
	const struct json config = read_yaml(&arena,
		"models:\n  a b: {model: m, api_key: \"${secret:k}\", temperature: 0.3, price: {input: 1, output: null}}\n"
		"steps:\n  - name: one\n    llm: {model: a b, output: {type: object}}\n  - {name: two, tool: t}\n");
	const struct client_tags params = settings_params(&arena, &config, &left_out);
	assert_int_equal(left_out, 0);
	assert_int_equal(params.count, 6);
	assert_true(str_is(get(params, "models.a_b.model"), "m"));
	assert_true(str_is(get(params, "models.a_b.temperature"), "0.3"));
	assert_true(str_is(get(params, "models.a_b.price.input"), "1"));
	assert_true(str_is(get(params, "steps.one.llm.model"), "a b"));
	assert_true(str_is(get(params, "steps.one.llm.output"), "{\"type\":\"object\"}"));
	assert_true(str_is(get(params, "steps.two.tool"), "t"));
	arena_done(&arena);
}

static void params_have_limits(void **state)
{
	struct buf text = {0};
	size_t left_out = 0;
	struct arena arena;

	arena_init(&arena);
	buf_add_text(&text, "models:\n");
	for (int i = 0; i < PARAMS_MAX + 7; i++)
		buf_printf(&text, "  m%d: {model: x}\n", i);
	buf_add_text(&text, "steps: []\n");
	struct json config = read_yaml(&arena, buf_text(&text));
	assert_int_equal(settings_params(&arena, &config, &left_out).count, PARAMS_MAX);
	assert_int_equal(left_out, 7);

	text.len = 0;
	buf_add_text(&text, "models: {m: {model: \"");
	for (int i = 0; i < PARAM_VALUE_MAX; i++)
		buf_add_text(&text, "ä");
	buf_add_text(&text, "\"}}\n");
	config = read_yaml(&arena, buf_text(&text));
	const struct client_tags params = settings_params(&arena, &config, &left_out);
	assert_int_equal(params.items[0].value.len, PARAM_VALUE_MAX);
	assert_true(str_is_utf8(params.items[0].value));
	buf_done(&text);
	arena_done(&arena);
}

/* What is written reads back as the same tree, whatever is in it. */
static void mlmodel_reads_back(void **state)
{
	struct arena arena;
	struct buf out = {0};

	arena_init(&arena);
	struct json tree = read_yaml(&arena,
		"flavors: {sluice: {config: config.yaml}, empty: {}}\nno: \"it's \\\"quoted\\\"\"\nlist: [1, {a: null}]\n"
		"'1': \"true\"\nsignature: {inputs: '[{\"type\": \"string\"}]'}\nodd key: 'x: y # z'\n");
	json_set(&arena, &tree, STR("lines"),
		json_string(STR("a\nb\xE2\x80\xA8"
				"c\xC2\x85"
				"d\x7F")));
	mlmodel_write(&out, &tree);
	const struct json again = read_yaml(&arena, buf_text(&out));
	assert_true(json_equal(&tree, &again));
	assert_non_null(strstr(buf_text(&out), "  inputs: '[{\"type\": \"string\"}]'\n"));
	assert_non_null(strstr(buf_text(&out), "\\u2028"));
	assert_non_null(strstr(buf_text(&out), "\"1\": \"true\"\n"));
	buf_done(&out);
	arena_done(&arena);
}

static void mlmodel_gets_what_mlflow_writes(void **state)
{
	struct arena arena;
	struct buf out = {0};

	arena_init(&arena);
	const struct json mlmodel =
		read_yaml(&arena, "flavors: {sluice: {config: c.yaml}}\nmodel_id: null\nmetadata: {team: a}\n");
	const struct json example = read_yaml(&arena, "{columns: [q], data: [[1]]}");
	const struct mlmodel_text text = {.artifact_uri = STR("mlflow-artifacts:/1"),
		.model_id = STR("m-1"),
		.run_id = STR("r"),
		.now_us = 1764088262123456,
		.size = 7,
		.has_example = true,
		.has_serving_example = true,
		.digest = STR("d"),
		.example = &example};
	const struct json tree = mlmodel_annotate(&arena, &mlmodel, &text);

	json_write(&out, &tree);
	assert_string_equal(buf_text(&out),
		"{\"flavors\":{\"sluice\":{\"config\":\"c.yaml\"}},\"model_id\":\"m-1\",\"metadata\":{\"team\":\"a\",\"sluice_digest\":\"d\"},"
		"\"artifact_path\":\"mlflow-artifacts:/1\",\"run_id\":\"r\",\"model_uuid\":\"m-1\","
		"\"utc_time_created\":\"2025-11-25 16:31:02.123456\",\"model_size_bytes\":7,\"saved_input_example_info\":"
		"{\"artifact_path\":\"input_example.json\",\"type\":\"dataframe\",\"pandas_orient\":\"split\","
		"\"serving_input_path\":\"serving_input_example.json\"}}");
	assert_true(json_type(json_get(&mlmodel, STR("model_id"))) == JSON_NULL);
	buf_done(&out);
	arena_done(&arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(environments),
		cmocka_unit_test(only_the_environment_that_is_meant_needs_its_login),
		cmocka_unit_test(mistakes_are_named),
		cmocka_unit_test(no_file_is_no_project),
		cmocka_unit_test(pairs),
		cmocka_unit_test(settings_become_params),
		cmocka_unit_test(params_have_limits),
		cmocka_unit_test(mlmodel_reads_back),
		cmocka_unit_test(mlmodel_gets_what_mlflow_writes),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

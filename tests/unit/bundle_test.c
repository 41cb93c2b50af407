/* Bundles: layouts, MLmodel's mistakes, input examples in every shape, files that nobody names,
 * life time. */
#include "bundle_kit.h"

#include "base/hash.h"
#include "model/prompt.h"

#include <dirent.h>
#include <pthread.h>

static int set_up(void **state)
{
	static struct kit kit;

	kit_init(&kit);
	*state = &kit;
	return 0;
}

static int tear_down(void **state)
{
	kit_done(*state);
	return 0;
}

static bool load_mlmodel(struct kit *kit, const char *mlmodel)
{
	kit_write(kit, "MLmodel", mlmodel);
	kit_write(kit, "config.yaml", "version: 1\n");
	return kit_load(kit);
}

static void expect_example(struct kit *kit, const char *expected)
{
	struct buf text = {0};

	if (json_type(&kit->bundle->example) != JSON_ABSENT)
		json_write(&text, &kit->bundle->example);
	assert_string_equal(buf_text(&text), expected);
	buf_done(&text);
}

/* Layouts */

static void test_smallest(void **state)
{
	struct kit *kit = *state;

	assert_true(load_mlmodel(kit, KIT_MLMODEL));
	assert_string_equal(kit->bundle->dir, kit->dir);
	assert_string_equal(kit->bundle->name, kit->dir + strlen("/tmp/"));
	assert_string_equal(kit->bundle->digest, "");
	assert_int_equal(kit->bundle->signature.inputs.count, 2);
	assert_null(kit->bundle->recordings);
	expect_example(kit, "");
	bundle_check(kit->bundle, &kit->problems);
	kit_expect(kit, NULL);
}

static void test_name_of_folder(void **state)
{
	struct kit *kit = *state;
	struct bundle *bundle = NULL;

	assert_true(load_mlmodel(kit, KIT_MLMODEL));
	assert_true(bundle_load(arena_printf(&kit->arena, "%s///", kit->dir), &kit->options,
		&kit->problems, &bundle));
	assert_string_equal(bundle->name, kit->bundle->name);
	bundle_unref(bundle);
}

/* As MLflow 3.17.2 writes it for log_model(artifacts={"config": …, "prompts": …}). */
static void test_python_function(void **state)
{
	struct kit *kit = *state;

	kit_write(kit, "MLmodel",
		"flavors:\n  python_function:\n    artifacts:\n"
		"      config:\n        path: artifacts/config.yaml\n        uri: /home/me/config.yaml\n"
		"      prompts:\n        path: artifacts/prompts\n        uri: /home/me/prompts\n"
		"    cloudpickle_version: 3.1.2\n    code: null\n"
		"    env:\n      conda: conda.yaml\n      virtualenv: python_env.yaml\n"
		"    loader_module: mlflow.pyfunc.model\n    python_model: python_model.pkl\n"
		"mlflow_version: 3.17.2\nmodel_uuid: 2f4f8c24d7e54d69aa1cdd9ca900f4ad\n");
	kit_folder(kit, "artifacts");
	kit_folder(kit, "artifacts/prompts");
	kit_write(kit, "artifacts/config.yaml",
		"models: {m: {provider: recorded, model: x}}\nsteps: [{name: a, llm: {model: m, prompt: ask}}]\n");
	kit_write(kit, "artifacts/prompts/ask.txt", "{{q}}");
	kit_write(kit, "python_model.pkl", "not a pickle: nobody opens it");
	kit_write(kit, "conda.yaml", "name: mlflow-env\n");
	assert_true(kit_load(kit));
	assert_int_equal(prompts_count(kit->bundle->prompts), 1);
	assert_false(kit->bundle->signature.inputs.is_declared);
	kit_folder(kit, "recordings");
	bundle_check(kit->bundle, &kit->problems);
	kit_expect(kit,
		"artifacts/config.yaml:1: models.m: is answered by recordings, but the bundle has none in recordings/ or "
		"artifacts/recordings/",
		NULL);
}

static void test_prompts_yaml(void **state)
{
	struct kit *kit = *state;

	kit_write(kit, "prompts.yaml", "ask: 'Say {{question}}'\n");
	assert_true(load_mlmodel(kit, KIT_MLMODEL));
	assert_non_null(prompts_get(kit->bundle->prompts, STR("ask")));
}

static void test_digest(void **state)
{
	struct kit *kit = *state;
	const struct digest digest = digest_of(STR("{\"files\":[]}"));
	char hex[DIGEST_HEX_SIZE];

	kit_write(kit, "manifest.json", "{\"files\":[]}");
	assert_true(load_mlmodel(kit, KIT_MLMODEL));
	assert_string_equal(kit->bundle->digest, digest_hex(&digest, hex));
}

/* MLmodel's mistakes */

struct mistake {
	const char *mlmodel, *expected;
};

static const struct mistake MISTAKES[] = {
	{"", "MLmodel:…"},
	{"- a\n", "MLmodel:1: expected an object, got an array"},
	{"a: [\n", "MLmodel:…"},
	{"signature: null\n",
		"MLmodel:1: flavors: there is neither a flavor 'sluice' nor 'python_function'"},
	{"x: 1\nflavors:\n  sklearn: {}\n",
		"MLmodel:3: flavors: there is neither a flavor 'sluice' nor 'python_function'"},
	{"flavors:\n  sluice: {confg: config.yaml}\n",
		"MLmodel:2: flavors.sluice: unknown key 'confg', did you mean 'config'?"},
	{"flavors:\n  sluice: config.yaml\n",
		"MLmodel:2: flavors.sluice: expected an object, got the string 'config.yaml'"},
	{"flavors:\n  sluice: {config: ../config.yaml}\n",
		"MLmodel:2: flavors.sluice: config: '../config.yaml' is no path inside the bundle"},
	{"flavors:\n  sluice: {config: /etc/passwd}\n",
		"MLmodel:2: flavors.sluice: config: '/etc/passwd' is no path inside the bundle"},
	{"flavors:\n  sluice: {prompts: a//b}\n",
		"MLmodel:2: flavors.sluice: prompts: 'a//b' is no path inside the bundle"},
	{"flavors:\n  sluice: {config: none.yaml}\n", "none.yaml: no such file in the bundle"},
	{"flavors:\n  sluice: {prompts: none}\n", "none: no such file in the bundle"},
	{"flavors:\n  sluice:\n    runtime_version: 99.1\n",
		"MLmodel:3: flavors.sluice.runtime_version: expected a string, got the number 99.1 (text that looks so "
		"needs quotes)"},
	{"flavors:\n  sluice:\n    runtime_version: 99.0.1\n",
		"MLmodel:3: flavors.sluice.runtime_version: the bundle needs runtime version 99.0.1 or later, this is " SLUICE_VERSION},
	{"flavors:\n  sluice:\n    runtime_version: '1.x'\n",
		"MLmodel:3: flavors.sluice.runtime_version: '1.x' is no version"},
	{"flavors:\n  python_function:\n    loader_module: mlflow.sklearn\n",
		"MLmodel:3: flavors.python_function.artifacts: no artifact 'config'…"},
	{KIT_FLAVOR "signature:\n  inputs: '[{\"type\": \"strin\", \"name\": \"q\"}]'\n",
		"MLmodel:4: signature.inputs…"},
	{KIT_FLAVOR "signature: {inputs: 7}\n", "MLmodel:3: signature…"},
	{KIT_FLAVOR "saved_input_example_info: {artifact_path: ../x.json}\n",
		"MLmodel:3: saved_input_example_info: artifact_path: '../x.json' is no path inside the bundle"},
	{KIT_FLAVOR "saved_input_example_info: {artifact_path: none.json}\n",
		"none.json: no such file in the bundle"},
};

static void test_mistakes(void **state)
{
	struct kit *kit = *state;

	for (size_t i = 0; i < sizeof(MISTAKES) / sizeof(*MISTAKES); i++) {
		assert_false(load_mlmodel(kit, MISTAKES[i].mlmodel));
		if (kit->problems.count == 0)
			fail_msg("no problem: %s", MISTAKES[i].mlmodel);
		kit->problems.count = 1; /* what follows from the first one may differ */
		kit_expect(kit, MISTAKES[i].expected, NULL);
	}
}

static void test_fitting_versions(void **state)
{
	struct kit *kit = *state;
	static const char *const fitting[] = {
		"0.0.9", "0.1", "0", SLUICE_VERSION, "0.1.0-rc1", NULL};

	for (size_t i = 0; fitting[i] != NULL; i++)
		if (!load_mlmodel(kit,
			    arena_printf(&kit->arena,
				    "flavors:\n  sluice: {runtime_version: '%s'}\n", fitting[i])))
			fail_msg("%s: %s", fitting[i], kit_problem(kit, 0));
}

static void test_no_such_folder(void **state)
{
	struct kit *kit = *state;
	struct bundle *bundle = NULL;

	problems_init(&kit->problems, &kit->arena);
	assert_false(bundle_load("/nonexistent/bundle", &kit->options, &kit->problems, &bundle));
	kit_expect(kit, "MLmodel: no such file in the bundle", NULL);
	assert_null(bundle);
}

static void test_links_are_not_followed(void **state)
{
	struct kit *kit = *state;

	kit_write(kit, "MLmodel", KIT_MLMODEL);
	assert_int_equal(
		symlink("/etc/hostname", arena_printf(&kit->arena, "%s/config.yaml", kit->dir)), 0);
	assert_false(kit_load(kit));
	kit_expect(kit, "config.yaml: symbolic links are not read", NULL);
}

/* All mistakes of all files at once. */
static void test_all_are_told(void **state)
{
	struct kit *kit = *state;

	kit_write(kit, "MLmodel", KIT_FLAVOR "signature: {inputs: 7}\n");
	kit_write(kit, "config.yaml", "a: 1\n");
	kit_folder(kit, "prompts");
	kit_write(kit, "prompts/x.txt", "{{}}");
	kit_write(kit, "input_example.json", "{\n  \"a\": ]\n}");
	assert_false(kit_load(kit));
	kit_expect(kit, "MLmodel:3: signature…", "config.yaml:1: unknown key 'a'…",
		"prompts/x.txt:1: '{{'…", "input_example.json: …", NULL);
}

/* Input examples */

struct example {
	const char *info, *file, *text, *body;
};

static const struct example EXAMPLES[] = {
	/* by its shape alone */
	{"", "input_example.json", "{\"columns\":[\"question\"],\"data\":[[\"q\"]]}",
		"{\"dataframe_split\":{\"columns\":[\"question\"],\"data\":[[\"q\"]]}}"},
	{"", "input_example.json", "[{\"question\":\"q\"}]",
		"{\"dataframe_records\":[{\"question\":\"q\"}]}"},
	{"", "input_example.json", "{\"question\":\"q\"}",
		"{\"dataframe_records\":[{\"question\":\"q\"}]}"},
	{"", "input_example.json", "{\"dataframe_records\":[{\"question\":\"q\"}]}",
		"{\"dataframe_records\":[{\"question\":\"q\"}]}"},
	{"", "input_example.json", "{\"inputs\":[{\"question\":\"q\"}]}",
		"{\"inputs\":[{\"question\":\"q\"}]}"},
	{"", "input_example.json", "{\"messages\":[],\"question\":\"q\"}",
		"{\"messages\":[],\"question\":\"q\"}"},
	{"", "input_example.json", "[\"q\"]", "{\"inputs\":[\"q\"]}"},
	/* as MLflow says */
	{"saved_input_example_info: {artifact_path: in.json, pandas_orient: split, type: dataframe}\n",
		"in.json", "{\"columns\":[\"question\"],\"data\":[[\"q\"]]}",
		"{\"dataframe_split\":{\"columns\":[\"question\"],\"data\":[[\"q\"]]}}"},
	{"saved_input_example_info: {artifact_path: in.json, pandas_orient: records, type: dataframe}\n",
		"in.json", "[{\"question\":\"q\"}]",
		"{\"dataframe_records\":[{\"question\":\"q\"}]}"},
	{"saved_input_example_info: {artifact_path: in.json, pandas_orient: split, type: dataframe, params: 'true'}\n",
		"in.json",
		"{\"inputs\":{\"columns\":[\"question\"],\"data\":[[\"q\"]]},\"params\":{\"t\":1}}",
		"{\"dataframe_split\":{\"columns\":[\"question\"],\"data\":[[\"q\"]]},\"params\":{\"t\":1}}"},
	{"saved_input_example_info: {artifact_path: in.json, type: json_object}\n", "in.json",
		"[{\"question\":\"q\"}]", "{\"inputs\":[{\"question\":\"q\"}]}"},
	{"saved_input_example_info: {artifact_path: in.json, type: json_object, serving_input_path: body.json}\n",
		"body.json", "{\"dataframe_records\":[{\"question\":\"q\"}]}",
		"{\"dataframe_records\":[{\"question\":\"q\"}]}"},
	{"", "serving_input_example.json", "{\"inputs\":[{\"question\":\"q\"}]}",
		"{\"inputs\":[{\"question\":\"q\"}]}"},
};

static void test_examples(void **state)
{
	struct kit *kit = *state;

	for (size_t i = 0; i < sizeof(EXAMPLES) / sizeof(*EXAMPLES); i++) {
		kit_write(kit, "in.json", "{}");
		kit_write(kit, EXAMPLES[i].file, EXAMPLES[i].text);
		if (!load_mlmodel(
			    kit, arena_printf(&kit->arena, KIT_MLMODEL "%s", EXAMPLES[i].info)))
			fail_msg("%s: %s", EXAMPLES[i].text, kit_problem(kit, 0));
		expect_example(kit, EXAMPLES[i].body);
		assert_int_equal(
			remove(arena_printf(&kit->arena, "%s/%s", kit->dir, EXAMPLES[i].file)), 0);
	}
}

static void test_example_must_fit(void **state)
{
	struct kit *kit = *state;

	kit_write(kit, "input_example.json", "{\"question\":\"q\",\"max_slides\":\"many\"}");
	assert_true(load_mlmodel(kit, KIT_MLMODEL));
	bundle_check(kit->bundle, &kit->problems);
	kit_expect(kit,
		"input_example.json: the example does not fit the bundle's own signature: …", NULL);
}

/* Files */

static void test_files(void **state)
{
	struct kit *kit = *state;

	kit_folder(kit, "data");
	kit_folder(kit, "data/deep");
	kit_folder(kit, "prompts");
	kit_folder(kit, "prompts/old");
	kit_folder(kit, "code");
	kit_folder(kit, "other");
	kit_write(kit, "data/deep/x.csv", "a\n");
	kit_write(kit, "code/agent.py", "print()\n");
	kit_write(kit, "README.md", "# x\n");
	kit_write(kit, "requirements.txt", "mlflow\n");
	kit_write(kit, "prompts/a.txt", "a");
	kit_write(kit, "prompts/a.md", "a");
	kit_write(kit, "prompts/old/a.txt", "a");
	kit_write(kit, "config.yml", "version: 1\n");
	kit_write(kit, "other/config.yaml", "version: 1\n");
	kit_write(kit, ".hidden", "packing leaves it out");
	assert_int_equal(
		symlink("MLmodel", arena_printf(&kit->arena, "%s/data/link", kit->dir)), 0);
	assert_true(load_mlmodel(kit, KIT_MLMODEL));
	bundle_check(kit->bundle, &kit->problems);
	kit_expect(kit, "config.yml: nothing names this file…", "data/link: is no regular file",
		"other/config.yaml: nothing names this file…",
		"prompts/a.md: nothing names this file…",
		"prompts/old/a.txt: nothing names this file…", NULL);
}

/* A database in a model that was logged from Python, and one with rows that are in its log only. */
static void test_databases(void **state)
{
	static const char DATA[] = "data: {d: {sqlite: data/d.db}}\n";
	struct kit *kit = *state;

	kit_write(kit, "MLmodel", KIT_MLMODEL);
	kit_write(kit, "config.yaml", DATA);
	kit_folder(kit, "artifacts");
	kit_write(kit, "artifacts/d.db", "");
	assert_false(kit_load(kit));
	kit_expect(kit,
		"config.yaml:1: data.d: sqlite: 'data/d.db' is no file of the bundle, but artifacts/d.db is: "
		"write that",
		NULL);
	kit_folder(kit, "data");
	kit_write(kit, "data/d.db", "");
	assert_true(kit_load(kit));
	kit_write(kit, "data/d.db-wal", "");
	assert_false(kit_load(kit));
	kit_expect(kit,
		"config.yaml:1: data.d: sqlite: has a write-ahead log (data/d.db-wal), which is not read; "
		"run: sqlite3 data/d.db 'PRAGMA wal_checkpoint(TRUNCATE); PRAGMA journal_mode=DELETE'",
		NULL);
}

static void test_secret_folder(void **state)
{
	struct kit *kit = *state;

	kit_write(kit, "MLmodel", KIT_MLMODEL);
	kit_write(kit, "config.yaml", "version: 1\n");
	kit->options.secret_dir = "/nosuch/secrets";
	assert_false(kit_load(kit));
	kit_expect(kit,
		"the secret folder '/nosuch/secrets' cannot be read: No such file or directory",
		NULL);
	kit->options.secret_dir = arena_printf(&kit->arena, "%s/MLmodel", kit->dir);
	assert_false(kit_load(kit));
	kit_expect(kit, "the secret folder '…", NULL);
	kit->options.secret_dir = kit->dir;
	assert_true(kit_load(kit));
}

/* Life time */

static void *take_and_give(void *data)
{
	for (int i = 0; i < 10000; i++)
		bundle_unref(bundle_ref(data));
	return NULL;
}

static void test_references(void **state)
{
	struct kit *kit = *state;
	pthread_t threads[4];

	assert_true(load_mlmodel(kit, KIT_MLMODEL));
	for (size_t i = 0; i < 4; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, take_and_give, kit->bundle), 0);
	for (size_t i = 0; i < 4; i++)
		assert_int_equal(pthread_join(threads[i], NULL), 0);
	assert_int_equal(kit->bundle->references, 1);
	bundle_unref(NULL);
}

/* The bundles of the project */

static void expect_sound(struct kit *kit, const char *dir)
{
	struct bundle *bundle = NULL;

	problems_init(&kit->problems, &kit->arena);
	if (!bundle_load(dir, &kit->options, &kit->problems, &bundle))
		fail_msg("%s: %s", dir, kit_problem(kit, 0));
	bundle_check(bundle, &kit->problems);
	if (kit->problems.count > 0)
		fail_msg("%s: %s", dir, kit_problem(kit, 0));
	bundle_unref(bundle);
}

static void test_folder_of_bundles(struct kit *kit, const char *path, size_t least)
{
	DIR *folder = opendir(path);
	size_t count = 0;

	assert_non_null(folder);
	for (struct dirent *entry; (entry = readdir(folder)) != NULL;) {
		if (entry->d_name[0] == '.' || entry->d_type != DT_DIR)
			continue;
		expect_sound(kit, arena_printf(&kit->arena, "%s/%s", path, entry->d_name));
		count++;
	}
	closedir(folder);
	assert_true(count >= least);
}

static void test_examples_of_the_project(void **state)
{
	test_folder_of_bundles(*state, SOURCE_DIR "/examples", 1);
}

static void test_bundles_of_the_protocol(void **state)
{
	test_folder_of_bundles(*state, TESTS_DIR "/protocol/invocations/models", 21);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_smallest, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_name_of_folder, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_python_function, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_prompts_yaml, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_digest, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_mistakes, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_fitting_versions, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_no_such_folder, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_links_are_not_followed, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_all_are_told, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_examples, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_example_must_fit, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_databases, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_secret_folder, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_files, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_references, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_examples_of_the_project, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_bundles_of_the_protocol, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

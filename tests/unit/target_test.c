/* Targets: which registry, where, as whom: from URIs, variables and profiles. */
#include "client/target.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

/* "NAME=value", NULL at the end. */
static const char *const *variables;

static const char *env(const char *name)
{
	const size_t len = strlen(name);

	for (const char *const *at = variables; *at != NULL; at++)
		if (strncmp(*at, name, len) == 0 && (*at)[len] == '=')
			return *at + len + 1;
	return NULL;
}

struct scene {
	struct arena arena;
	struct target target;
	struct error err;
	char config[64];
	char config_variable[128];
};

static int setup(void **state)
{
	struct scene *scene = calloc(1, sizeof(*scene));

	strcpy(scene->config, "/tmp/target_test_XXXXXX");
	close(mkstemp(scene->config));
	snprintf(scene->config_variable, sizeof(scene->config_variable), "DATABRICKS_CONFIG_FILE=%s", scene->config);
	*state = scene;
	return 0;
}

static int teardown(void **state)
{
	struct scene *scene = *state;

	unlink(scene->config);
	arena_done(&scene->arena);
	free(scene);
	return 0;
}

static bool read_with(struct scene *scene, const char *uri, const char *const *with)
{
	const struct target_source source = {.uri = uri, .fallback = "http://127.0.0.1:8080", .env = env};

	variables = with;
	error_clear(&scene->err);
	return target_read(&scene->arena, &source, &scene->target, &scene->err);
}

#define ENV(...) ((const char *const[]){__VA_ARGS__, NULL})
#define NO_ENV   ((const char *const[]){NULL})

static void assert_login(const struct target_site *site, enum target_login login, const char *user, const char *secret)
{
	assert_int_equal(site->login, login);
	assert_true(str_is(site->user, user));
	assert_true(str_is(secret_reveal(site->secret), secret));
}

static void assert_fails(struct scene *scene, const char *uri, const char *const *with, const char *text)
{
	assert_false(read_with(scene, uri, with));
	assert_int_equal(scene->err.code, ERR_USAGE);
	if (strstr(scene->err.text, text) == NULL)
		fail_msg("'%s' is not in '%s'", text, scene->err.text);
}

static void test_nothing_said_is_the_local_one(void **state)
{
	struct scene *scene = *state;

	assert_true(read_with(scene, NULL, NO_ENV));
	assert_string_equal(scene->target.registry.url, "http://127.0.0.1:8080");
	assert_int_equal(scene->target.registry.kind, TARGET_MLFLOW);
	assert_login(&scene->target.registry, LOGIN_NONE, "", "");
	assert_true(scene->target.is_one_site);
}

static void test_endpoints_are_where_the_registry_is(void **state)
{
	struct scene *scene = *state;
	const struct target_source apart = {.uri = "http://r.example", .serving = "databricks-uc", .env = env};

	assert_true(read_with(scene, "http://r.example", NO_ENV));
	assert_string_equal(scene->target.serving.url, "http://r.example");
	assert_true(target_is_same(&scene->target.serving, &scene->target.registry));
	/* A catalog serves nothing: its workspace does. */
	assert_true(read_with(scene, "databricks-uc", ENV("DATABRICKS_HOST=https://w.example", "DATABRICKS_TOKEN=t")));
	assert_true(scene->target.serving.is_databricks);
	assert_true(target_is_same(&scene->target.serving, &scene->target.tracking));
	assert_string_equal(scene->target.serving.url, "https://w.example");
	assert_true(target_read(&scene->arena, &apart, &scene->target, &scene->err));
	assert_string_equal(scene->target.registry.url, "http://r.example");
	assert_string_equal(scene->target.serving.url, "https://w.example");
	assert_login(&scene->target.serving, LOGIN_BEARER, "", "t");
}

static void test_who_is_asked_first(void **state)
{
	struct scene *scene = *state;
	const char *const *both =
		ENV("MLFLOW_REGISTRY_URI=https://r.example/", "MLFLOW_TRACKING_URI=http://t.example:5000");

	assert_true(read_with(scene, NULL, both));
	assert_string_equal(scene->target.registry.url, "https://r.example");
	assert_string_equal(scene->target.tracking.url, "http://t.example:5000");
	assert_false(scene->target.is_one_site);
	assert_true(read_with(scene, NULL, ENV("MLFLOW_TRACKING_URI=http://t.example:5000")));
	assert_string_equal(scene->target.registry.url, "http://t.example:5000");
	assert_true(scene->target.is_one_site);
	assert_true(read_with(scene, NULL, ENV("MLFLOW_REGISTRY_URI=http://r.example", "MLFLOW_TRACKING_URI=")));
	assert_string_equal(scene->target.tracking.url, "http://r.example");
	/* Who names a registry means all of it. */
	assert_true(read_with(scene, "http://127.0.0.1:1/mlflow//", both));
	assert_string_equal(scene->target.registry.url, "http://127.0.0.1:1/mlflow");
	assert_string_equal(scene->target.tracking.url, "http://127.0.0.1:1/mlflow");
}

static void test_logins_of_mlflow(void **state)
{
	struct scene *scene = *state;
	const char *const *all =
		ENV("MLFLOW_TRACKING_TOKEN=tok", "MLFLOW_TRACKING_USERNAME=u", "MLFLOW_TRACKING_PASSWORD=pw", "HTTP=1");

	assert_true(read_with(scene, "http://h", all));
	assert_login(&scene->target.registry, LOGIN_BASIC, "u", "pw");
	assert_true(read_with(scene, "http://h", ENV("MLFLOW_TRACKING_TOKEN=tok", "MLFLOW_TRACKING_USERNAME=u")));
	assert_login(&scene->target.registry, LOGIN_BEARER, "", "tok");
	assert_true(read_with(scene, "http://me%40x:p%3aw@h:81/p", all));
	assert_login(&scene->target.registry, LOGIN_BASIC, "me@x", "p:w");
	assert_string_equal(scene->target.registry.url, "http://h:81/p");
	assert_string_equal(scene->target.registry.uri, "http://h:81/p");
}

static void test_this_machine(void **state)
{
	static const char *const LOCAL[] = {
		"http://127.0.0.1", "http://127.0.0.1:5000/x", "https://LOCALHOST:1", "http://u:p@[::1]:5"};
	static const char *const OTHER[] = {"http://127.0.0.1.example:5000", "http://localhost.example", "http://10.0.0.1"};
	struct scene *scene = *state;

	for (size_t i = 0; i < sizeof(LOCAL) / sizeof(LOCAL[0]); i++) {
		assert_true(read_with(scene, LOCAL[i], NO_ENV));
		assert_true(scene->target.registry.is_local);
	}
	for (size_t i = 0; i < sizeof(OTHER) / sizeof(OTHER[0]); i++) {
		assert_true(read_with(scene, OTHER[i], NO_ENV));
		assert_false(scene->target.registry.is_local);
	}
}

static void test_trust(void **state)
{
	struct scene *scene = *state;

	assert_true(read_with(scene, "https://h", ENV("MLFLOW_TRACKING_SERVER_CERT_PATH=/ca.pem")));
	assert_string_equal(scene->target.registry.ca_file, "/ca.pem");
	assert_true(read_with(scene, "https://h", ENV("MLFLOW_TRACKING_INSECURE_TLS=true")));
	assert_true(scene->target.registry.is_insecure);
	assert_fails(scene, "https://h",
		ENV("MLFLOW_TRACKING_INSECURE_TLS=true", "MLFLOW_TRACKING_SERVER_CERT_PATH=/ca.pem"),
		"exclude each other");
}

static void test_databricks_from_variables(void **state)
{
	struct scene *scene = *state;

	assert_true(read_with(
		scene, "databricks-uc", ENV("DATABRICKS_HOST=adb-1.example.net/?o=1", "DATABRICKS_TOKEN=dapi1")));
	assert_string_equal(scene->target.registry.url, "https://adb-1.example.net");
	assert_int_equal(scene->target.registry.kind, TARGET_UNITY);
	assert_int_equal(scene->target.tracking.kind, TARGET_MLFLOW);
	assert_string_equal(scene->target.tracking.url, "https://adb-1.example.net");
	assert_login(&scene->target.tracking, LOGIN_BEARER, "", "dapi1");
	assert_true(read_with(scene, "databricks",
		ENV("DATABRICKS_HOST=http://127.0.0.1:9/", "DATABRICKS_CLIENT_ID=cid",
			"DATABRICKS_CLIENT_SECRET=sec")));
	assert_login(&scene->target.registry, LOGIN_OAUTH, "cid", "sec");
	assert_string_equal(scene->target.registry.url, "http://127.0.0.1:9");
	assert_true(scene->target.is_one_site);
	/* MLflow's logins are not for Databricks. */
	assert_fails(scene, "databricks", ENV("DATABRICKS_HOST=h", "MLFLOW_TRACKING_TOKEN=t"), "neither a token nor");
}

static void write_config(struct scene *scene, const char *text)
{
	FILE *file = fopen(scene->config, "w");

	fputs(text, file);
	fclose(file);
}

static void test_profiles(void **state)
{
	struct scene *scene = *state;

	write_config(scene,
		"; ours\n[DEFAULT]\nhost = https://default.example\ntoken = dapiDEF\n\n[prod]\n# below\n"
		"host: prod.example/\nCLIENT_ID=pid\nclient_secret = p=s:c\n  continued\n\n[empty]\nhost = e.example\n");
	assert_true(read_with(scene, "databricks-uc", ENV(scene->config_variable)));
	assert_string_equal(scene->target.registry.url, "https://default.example");
	assert_login(&scene->target.registry, LOGIN_BEARER, "", "dapiDEF");
	assert_true(read_with(scene, "databricks-uc://prod", ENV(scene->config_variable)));
	assert_string_equal(scene->target.registry.url, "https://prod.example");
	assert_login(&scene->target.tracking, LOGIN_OAUTH, "pid", "p=s:c");
	assert_true(read_with(scene, "databricks", ENV(scene->config_variable, "DATABRICKS_CONFIG_PROFILE=prod")));
	assert_string_equal(scene->target.registry.url, "https://prod.example");
	assert_fails(scene, "databricks://empty", ENV(scene->config_variable), "profile 'empty' of '");
	assert_fails(scene, "databricks://none", ENV(scene->config_variable), "has no profile 'none'");
}

/* A token of one place must never go to the host of another. */
static void test_a_login_is_taken_whole(void **state)
{
	struct scene *scene = *state;

	write_config(
		scene, "[DEFAULT]\nhost=https://default.example\ntoken=dapiDEF\n[other]\nhost=https://o.example\n");
	assert_true(read_with(scene, "databricks",
		ENV(scene->config_variable, "DATABRICKS_HOST=https://env.example", "DATABRICKS_TOKEN=dapiENV")));
	assert_string_equal(scene->target.registry.url, "https://env.example");
	assert_login(&scene->target.registry, LOGIN_BEARER, "", "dapiENV");
	assert_fails(scene, "databricks", ENV(scene->config_variable, "DATABRICKS_HOST=https://env.example"),
		"DATABRICKS_HOST");
	assert_true(read_with(scene, "databricks", ENV(scene->config_variable, "DATABRICKS_TOKEN=dapiENV")));
	assert_login(&scene->target.registry, LOGIN_BEARER, "", "dapiDEF");
	assert_fails(scene, "databricks://other", ENV(scene->config_variable, "DATABRICKS_TOKEN=dapiENV"),
		"neither a token");
}

static void test_what_is_refused(void **state)
{
	struct scene *scene = *state;

	assert_fails(scene, "ftp://h", NO_ENV, "begins with none of");
	assert_fails(scene, "/mlruns", NO_ENV, "begins with none of");
	assert_fails(scene, "databricks-ucx", NO_ENV, "begins with none of");
	assert_fails(scene, "http:///x", NO_ENV, "names no host");
	assert_fails(scene, "http://h/?a=1", NO_ENV, "no '?'");
	assert_fails(scene, "http://h/ x", NO_ENV, "blank");
	assert_fails(scene, "databricks", ENV("HOME=/nowhere"), "set DATABRICKS_HOST and DATABRICKS_TOKEN");
	assert_fails(scene, "databricks://scope:key", NO_ENV, "secret scopes");
	assert_fails(scene, NULL,
		ENV("MLFLOW_REGISTRY_URI=http://h", "MLFLOW_TRACKING_URI=databricks-uc", "DATABRICKS_HOST=h",
			"DATABRICKS_TOKEN=t"),
		"runs are in 'databricks'");
	write_config(scene, "[DEFAULT]\nhost = h\ndapiSECRET\n");
	assert_fails(scene, "databricks", ENV(scene->config_variable), ":3: neither [profile] nor key = value");
	assert_null(strstr(scene->err.text, "dapiSECRET"));
	assert_fails(scene, "user:hunter2hunter2@host", NO_ENV, "begins with none of");
	assert_null(strstr(scene->err.text, "hunter2"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_nothing_said_is_the_local_one, setup, teardown),
		cmocka_unit_test_setup_teardown(test_endpoints_are_where_the_registry_is, setup, teardown),
		cmocka_unit_test_setup_teardown(test_who_is_asked_first, setup, teardown),
		cmocka_unit_test_setup_teardown(test_logins_of_mlflow, setup, teardown),
		cmocka_unit_test_setup_teardown(test_this_machine, setup, teardown),
		cmocka_unit_test_setup_teardown(test_trust, setup, teardown),
		cmocka_unit_test_setup_teardown(test_databricks_from_variables, setup, teardown),
		cmocka_unit_test_setup_teardown(test_profiles, setup, teardown),
		cmocka_unit_test_setup_teardown(test_a_login_is_taken_whole, setup, teardown),
		cmocka_unit_test_setup_teardown(test_what_is_refused, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

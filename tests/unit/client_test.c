/* The client's calls against a scripted server: retries, logins, errors, pages, dry runs. */
#include "client/search.h"
#include "client/tracking.h"

#include "async/fetch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <sys/resource.h>

#include <cmocka.h>

#include "endpoint.h"

enum { TEXT_SIZE = 8192 };

struct scene {
	struct endpoint endpoint;
	struct arena arena;
	struct loop *loop;
	struct target target;
	struct client_options options;
	struct client *client;
	struct error err;
	char planned[TEXT_SIZE], retried[TEXT_SIZE];
	unsigned retries;
};

static void on_retry(void *data, const char *text)
{
	struct scene *scene = data;

	snprintf(scene->retried, sizeof(scene->retried), "%s", text);
	scene->retries++;
}

static void on_planned(void *data, const struct client_planned *planned)
{
	struct scene *scene = data;
	const size_t len = strlen(scene->planned);
	struct buf body = {0};

	json_write(&body, planned->body);
	snprintf(scene->planned + len, sizeof(scene->planned) - len, "%s %s %s %s\n", planned->method,
		planned->url + strlen(scene->endpoint.url), buf_text(&body),
		planned->file != NULL ? planned->file : "-");
	buf_done(&body);
}

static struct scene *setup(const struct endpoint_answer *script, unsigned count)
{
	struct scene *scene = calloc(1, sizeof(*scene));

	endpoint_start(&scene->endpoint, script, count);
	scene->loop = loop_new();
	scene->target.registry =
		(struct target_site){.kind = TARGET_MLFLOW, .uri = "http://x", .url = scene->endpoint.url};
	scene->target.tracking = scene->target.registry;
	scene->target.is_one_site = true;
	scene->options = (struct client_options){
		.target = &scene->target,
		.user = "ann",
		.pause_ms = 1,
		.on_retry = on_retry,
		.on_planned = on_planned,
		.data = scene,
	};
	return scene;
}

#define SETUP(script_) setup(script_, sizeof(script_) / sizeof((script_)[0]))

static struct client *client_of(struct scene *scene)
{
	if (scene->client == NULL)
		scene->client = client_new(scene->loop, &scene->options, &scene->err);
	assert_non_null(scene->client);
	return scene->client;
}

static void teardown(struct scene *scene)
{
	client_free(scene->client);
	endpoint_stop(&scene->endpoint);
	arena_done(&scene->arena);
	loop_free(scene->loop);
	free(scene);
}

static bool wait_for(struct scene *scene, struct operation *operation)
{
	error_clear(&scene->err);
	return operation_wait(operation, NULL, &scene->err);
}

static bool call(struct scene *scene, const char *method, enum client_effect effect)
{
	const struct client_call what = {.method = method, .path = "/api/2.0/mlflow/x", .effect = effect};
	struct json answer;

	return wait_for(scene, client_call(client_of(scene), &scene->arena, &what, &answer));
}

static void assert_error(const struct scene *scene, enum error_code code, const char *text)
{
	assert_int_equal(scene->err.code, code);
	if (strstr(scene->err.text, text) == NULL)
		fail_msg("'%s' is not in '%s'", text, scene->err.text);
}

static const struct endpoint_answer BUSY_THEN_FINE[] = {
	{503, NULL, "busy", 0}, {500, NULL, "", 0}, {200, NULL, "{}", 0}};

static void test_reads_are_tried_again(void **state)
{
	struct scene *scene = SETUP(BUSY_THEN_FINE);

	assert_true(call(scene, "GET", CALL_READS));
	assert_int_equal(scene->endpoint.asked, 3);
	assert_int_equal(scene->retries, 2);
	assert_non_null(strstr(scene->retried, "HTTP 500"));
	assert_non_null(strstr(scene->retried, "(2 of 7)"));
	teardown(scene);
}

static void test_what_creates_is_not_made_twice(void **state)
{
	/* GET /version; then what a server that did nothing says; then what may have done something. */
	static const struct endpoint_answer SCRIPT[] = {{200, NULL, "3.17.2", 0}, {503, NULL, "busy", 0},
		{429, NULL, "", 0}, {500, NULL, "{\"error_code\":\"INTERNAL_ERROR\",\"message\":\"boom\"}", 0}};
	struct scene *scene = SETUP(SCRIPT);

	assert_false(call(scene, "POST", CALL_CREATES));
	assert_error(scene, ERR_UPSTREAM, "INTERNAL_ERROR: boom (POST http://");
	assert_int_equal(scene->endpoint.asked, 4);
	teardown(scene);
}

static void test_a_connection_that_breaks(void **state)
{
	static const struct endpoint_answer CUT[] = {{200, NULL, "3.17.2", 0}, {0, NULL, "", 0}, {200, NULL, "{}", 0}};
	struct scene *scene = SETUP(CUT);

	assert_false(call(scene, "POST", CALL_CREATES));
	assert_error(scene, ERR_UPSTREAM, "connection closed before an answer came");
	assert_int_equal(scene->endpoint.asked, 2);
	teardown(scene);
	scene = SETUP(CUT);
	assert_true(call(scene, "POST", CALL_CHANGES));
	assert_int_equal(scene->endpoint.asked, 3);
	teardown(scene);
}

static void test_nobody_listens(void **state)
{
	static const struct endpoint_answer NONE[] = {{200, NULL, "{}", 0}};
	struct scene *scene = SETUP(NONE);

	scene->target.registry.url = "http://127.0.0.1:1";
	assert_false(call(scene, "GET", CALL_READS));
	assert_error(scene, ERR_UNREACHABLE, "cannot connect");
	assert_int_equal(scene->retries, 2);
	teardown(scene);

	/* On this machine it is not a network that fails: nobody started it. */
	scene = SETUP(NONE);
	scene->target.registry.url = "http://127.0.0.1:1";
	scene->target.registry.is_local = true;
	assert_false(call(scene, "GET", CALL_READS));
	assert_error(scene, ERR_UNREACHABLE, "cannot connect");
	assert_int_equal(scene->retries, 0);
	teardown(scene);
}

static void test_retry_after_is_heard(void **state)
{
	static const struct endpoint_answer SCRIPT[] = {
		{429, "Retry-After: 1\r\n", "slow down", 0}, {200, NULL, "{}", 0}};
	struct scene *scene = SETUP(SCRIPT);
	struct timespec before, after;

	clock_gettime(CLOCK_MONOTONIC, &before);
	assert_true(call(scene, "GET", CALL_READS));
	clock_gettime(CLOCK_MONOTONIC, &after);
	assert_true((after.tv_sec - before.tv_sec) * 1000 + (after.tv_nsec - before.tv_nsec) / 1000000 >= 990);
	assert_non_null(strstr(scene->retried, "again in 1.0 s"));
	teardown(scene);
}

static void test_it_ends_after_so_many(void **state)
{
	static const struct endpoint_answer SCRIPT[] = {{502, NULL, "", 0}};
	struct scene *scene = SETUP(SCRIPT);

	scene->options.retries_max = 3;
	assert_false(call(scene, "GET", CALL_READS));
	assert_error(scene, ERR_UPSTREAM, "HTTP 502: the server says no more (GET http://");
	assert_int_equal(scene->endpoint.asked, 4);
	teardown(scene);
}

static void test_a_delete_whose_answer_was_lost(void **state)
{
	static const struct endpoint_answer SCRIPT[] = {{200, NULL, "3.17.2", 0}, {0, NULL, "", 0},
		{404, NULL, "{\"error_code\":\"RESOURCE_DOES_NOT_EXIST\",\"message\":\"gone\"}", 0}};
	struct scene *scene = SETUP(SCRIPT);

	assert_true(call(scene, "DELETE", CALL_CHANGES));
	/* Asked once, it was not there. */
	assert_false(call(scene, "DELETE", CALL_CHANGES));
	assert_error(scene, ERR_NOT_FOUND, "RESOURCE_DOES_NOT_EXIST: gone");
	teardown(scene);
}

static void test_what_errors_say(void **state)
{
	static const struct {
		struct endpoint_answer answer;
		enum error_code code;
		const char *text;
	} CASES[] = {
		{{400, NULL, "{\"error_code\":\"RESOURCE_ALREADY_EXISTS\",\"message\":\"m\\nn\"}", 0}, ERR_CONFLICT,
			"RESOURCE_ALREADY_EXISTS: m n"},
		{{400, NULL, "{\"error_code\":\"INVALID_PARAMETER_VALUE\",\"message\":\"m\"}", 0},
			ERR_INVALID_PARAMETER, "INVALID_PARAMETER_VALUE: m"},
		{{404, NULL, "{\"error_code\":\"NOT_FOUND\",\"message\":\"m\"}", 0}, ERR_NOT_FOUND, "NOT_FOUND: m"},
		{{404, NULL, "<html>Not Found</html>", 0}, ERR_NOT_IMPLEMENTED, "HTTP 404: the server says no more"},
		{{422, NULL, "{\"detail\":[{\"msg\":\"field required\"}]}", 0}, ERR_INVALID_PARAMETER,
			"field required"},
		{{401, NULL, "{\"error\":\"invalid_client\",\"error_description\":\"no\"}", 0}, ERR_UPSTREAM,
			"invalid_client: no (GET"},
		{{401, NULL, "", 0}, ERR_UPSTREAM, "set MLFLOW_TRACKING_TOKEN"},
		{{403, "Content-Type: text/plain\r\n", "Invalid Host header", 0}, ERR_UPSTREAM, "HTTP 403"},
		{{400, NULL, "{\"error\":{\"message\":\"openai\",\"type\":\"t\"}}", 0}, ERR_BAD_REQUEST, "t: openai"},
		{{302, "Location: /login\r\n", "", 0}, ERR_UPSTREAM, "HTTP 302"},
		{{200, NULL, "[]", 0}, ERR_UPSTREAM, "is an array, not an object"},
		{{200, NULL, "<html>", 0}, ERR_UPSTREAM, "GET http://"},
	};

	for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
		struct scene *scene = setup(&CASES[i].answer, 1);

		assert_false(call(scene, "GET", CALL_READS));
		assert_error(scene, CASES[i].code, CASES[i].text);
		teardown(scene);
	}
}

static void test_nothing_is_an_answer(void **state)
{
	static const struct endpoint_answer SCRIPT[] = {{200, NULL, "", 0}, {200, NULL, "200 OK", 0}};
	struct scene *scene = SETUP(SCRIPT);

	assert_true(call(scene, "GET", CALL_READS));
	assert_true(call(scene, "GET", CALL_READS));
	teardown(scene);
}

static void test_secrets_stay_where_they_are(void **state)
{
	static const struct endpoint_answer SCRIPT[] = {{403, NULL,
		"{\"error_code\":\"PERMISSION_DENIED\",\"message\":\"dapi-canary-1 may not: Bearer dapi-canary-1\"}",
		0}};
	struct scene *scene = SETUP(SCRIPT);

	scene->target.registry.login = LOGIN_BEARER;
	scene->target.registry.secret = secret_new(&scene->arena, STR("dapi-canary-1"));
	assert_false(call(scene, "GET", CALL_READS));
	assert_error(scene, ERR_UPSTREAM, "PERMISSION_DENIED: *** may not");
	assert_null(strstr(scene->err.text, "canary"));
	assert_non_null(strstr(scene->endpoint.requests[0], "\r\nAuthorization: Bearer dapi-canary-1\r\n"));
	teardown(scene);
}

static void test_basic(void **state)
{
	static const struct endpoint_answer SCRIPT[] = {{200, NULL, "{}", 0}};
	struct scene *scene = SETUP(SCRIPT);

	scene->target.registry.login = LOGIN_BASIC;
	scene->target.registry.user = STR("u");
	scene->target.registry.secret = secret_new(&scene->arena, STR("pw"));
	assert_true(call(scene, "GET", CALL_READS));
	assert_non_null(strstr(scene->endpoint.requests[0], "\r\nAuthorization: Basic dTpwdw==\r\n"));
	teardown(scene);
}

static void use_oauth(struct scene *scene)
{
	scene->target.registry.login = LOGIN_OAUTH;
	scene->target.registry.is_databricks = true;
	scene->target.registry.user = STR("cid");
	scene->target.registry.secret = secret_new(&scene->arena, STR("sec"));
}

static void test_a_token_is_asked_for_and_kept(void **state)
{
	static const struct endpoint_answer SCRIPT[] = {
		{200, NULL, "{\"access_token\":\"tok-1\",\"expires_in\":3600}", 0}, {200, NULL, "{}", 0}};
	struct scene *scene = SETUP(SCRIPT);

	use_oauth(scene);
	assert_true(call(scene, "POST", CALL_CREATES));
	assert_true(call(scene, "GET", CALL_READS));
	assert_int_equal(scene->endpoint.asked, 3);
	assert_non_null(strstr(scene->endpoint.requests[0], "POST /v1/oidc/v1/token HTTP/1.1\r\n"));
	assert_non_null(strstr(scene->endpoint.requests[0], "\r\nAuthorization: Basic Y2lkOnNlYw==\r\n"));
	assert_non_null(strstr(scene->endpoint.requests[0], "\r\nContent-Type: application/x-www-form-urlencoded\r\n"));
	assert_non_null(strstr(scene->endpoint.requests[0], "\r\n\r\ngrant_type=client_credentials&scope=all-apis"));
	assert_non_null(strstr(scene->endpoint.requests[2], "\r\nAuthorization: Bearer tok-1\r\n"));
	teardown(scene);
}

static void test_a_token_that_is_refused_is_renewed_once(void **state)
{
	static const struct endpoint_answer SCRIPT[] = {{200, NULL, "{\"access_token\":\"tok-1\"}", 0},
		{200, NULL, "{}", 0}, {401, NULL, "{\"error_code\":\"UNAUTHENTICATED\",\"message\":\"expired\"}", 0},
		{200, NULL, "{\"access_token\":\"tok-2\"}", 0}, {401, NULL, "{\"message\":\"tok-2 is no good\"}", 0}};
	struct scene *scene = SETUP(SCRIPT);

	use_oauth(scene);
	assert_true(call(scene, "GET", CALL_READS));
	assert_false(call(scene, "GET", CALL_READS));
	assert_int_equal(scene->endpoint.asked, 5);
	assert_non_null(strstr(scene->endpoint.requests[4], "\r\nAuthorization: Bearer tok-2\r\n"));
	assert_error(scene, ERR_UPSTREAM, "HTTP 401: ");
	teardown(scene);
}

static void test_a_login_that_fails(void **state)
{
	static const struct endpoint_answer SCRIPT[] = {{401, NULL,
		"{\"error\":\"invalid_client\",\"error_description\":\"Client authentication failed\"}", 0}};
	struct scene *scene = SETUP(SCRIPT);

	use_oauth(scene);
	assert_false(call(scene, "GET", CALL_READS));
	assert_error(scene, ERR_UPSTREAM, "invalid_client: Client authentication failed (POST http://");
	assert_int_equal(scene->endpoint.asked, 1);
	teardown(scene);
}

static void test_only_sluice_is_told_who_and_why(void **state)
{
	static const struct endpoint_answer SLUICE[] = {
		{200, "Server: sluice/0.1\r\n", "3.17.2", 0}, {200, "Server: sluice/0.1\r\n", "{}", 0}};
	static const struct endpoint_answer OTHER[] = {{200, "Server: uvicorn\r\n", "3.17.2", 0}, {200, NULL, "{}", 0}};
	struct scene *scene = SETUP(SLUICE);

	scene->options.reason = "a\r\nX-Evil: 1";
	assert_true(call(scene, "POST", CALL_CHANGES));
	assert_non_null(strstr(scene->endpoint.requests[0], "GET /v1/version HTTP/1.1\r\n"));
	assert_non_null(strstr(scene->endpoint.requests[1], "\r\nX-Sluice-User: ann\r\n"));
	assert_non_null(strstr(scene->endpoint.requests[1], "\r\nX-Sluice-Reason: a  X-Evil: 1\r\n"));
	assert_true(call(scene, "POST", CALL_CHANGES));
	assert_int_equal(scene->endpoint.asked, 3);
	teardown(scene);
	scene = SETUP(OTHER);
	assert_true(call(scene, "POST", CALL_CHANGES));
	assert_null(strstr(scene->endpoint.requests[1], "X-Sluice"));
	teardown(scene);
}

static void test_a_dry_run_reads_and_tells(void **state)
{
	static const struct endpoint_answer SCRIPT[] = {
		{404, NULL, "{\"error_code\":\"RESOURCE_DOES_NOT_EXIST\",\"message\":\"no\"}", 0}};
	struct scene *scene = SETUP(SCRIPT);
	struct client_experiment experiment;
	struct client_run run;

	scene->options.is_dry_run = true;
	assert_true(wait_for(
		scene, client_experiment_ensure(client_of(scene), &scene->arena, STR("E \"1\""), &experiment)));
	assert_true(str_is(experiment.id, "$EXPERIMENT_ID"));
	const struct client_run_spec spec = {.experiment_id = experiment.id, .name = STR("r")};
	assert_true(wait_for(scene, client_run_create(client_of(scene), &scene->arena, &spec, &run)));
	assert_true(str_is(run.id, "$RUN_ID"));
	assert_int_equal(scene->endpoint.asked, 1);
	assert_non_null(strstr(scene->endpoint.requests[0],
		"GET /v1/api/2.0/mlflow/experiments/get-by-name?experiment_name=E%20%221%22 HTTP/1.1\r\n"));
	assert_non_null(
		strstr(scene->planned, "POST /api/2.0/mlflow/experiments/create {\"name\":\"E \\\"1\\\"\"} -\n"));
	assert_non_null(
		strstr(scene->planned, "POST /api/2.0/mlflow/runs/create {\"experiment_id\":\"$EXPERIMENT_ID\""));
	teardown(scene);
}

static void test_pages_are_followed(void **state)
{
	static const struct endpoint_answer SCRIPT[] = {
		{200, NULL, "{\"registered_models\":[{\"name\":\"a\"},{\"name\":\"b\"}],\"next_page_token\":\"T=\"}",
			0},
		{200, NULL, "{\"registered_models\":[{\"name\":\"c\"}],\"next_page_token\":\"U\"}", 0},
		{200, NULL, "{}", 0}};
	struct scene *scene = SETUP(SCRIPT);
	struct client_models models;

	assert_true(wait_for(scene, client_models_search(client_of(scene), &scene->arena,
					    &(struct client_search){.order_by = STR("name")}, &models)));
	assert_int_equal(models.count, 3);
	assert_false(models.is_cut);
	assert_true(str_is(models.items[2].name, "c"));
	assert_non_null(
		strstr(scene->endpoint.requests[0], "filter=tag.%60mlflow.prompt.is_prompt%60%20%21%3D%20%27true%27"));
	assert_non_null(strstr(scene->endpoint.requests[1], "&page_token=T%3D "));
	teardown(scene);
	scene = SETUP(SCRIPT);
	assert_true(wait_for(scene,
		client_models_search(client_of(scene), &scene->arena, &(struct client_search){.max = 3}, &models)));
	assert_int_equal(models.count, 3);
	assert_true(models.is_cut);
	assert_int_equal(scene->endpoint.asked, 2);
	assert_non_null(strstr(scene->endpoint.requests[1], "max_results=1&"));
	teardown(scene);
}

static void test_a_server_that_gives_one_page_for_ever(void **state)
{
	static const struct endpoint_answer SCRIPT[] = {
		{200, NULL, "{\"registered_models\":[{\"name\":\"a\"}],\"next_page_token\":\"T\"}", 0}};
	struct scene *scene = SETUP(SCRIPT);
	struct client_models models;

	assert_false(wait_for(scene,
		client_models_search(client_of(scene), &scene->arena, &(struct client_search){.max = 0}, &models)));
	assert_error(scene, ERR_UPSTREAM, "the same page again");
	teardown(scene);
}

static void test_a_batch_is_cut_at_the_limits(void **state)
{
	static const struct endpoint_answer SCRIPT[] = {{200, NULL, "{}", 0}};
	static struct client_tag params[201];
	struct scene *scene = SETUP(SCRIPT);
	unsigned names[3] = {0};

	for (size_t i = 0; i < 201; i++)
		params[i] = (struct client_tag){str_of(arena_printf(&scene->arena, "p%zu", i)), STR("v")};
	const struct client_batch batch = {.params = {params, 201}, .tags = {params, 1}};
	assert_true(wait_for(scene, client_run_log(client_of(scene), &scene->arena, STR("R"), &batch)));
	assert_int_equal(scene->endpoint.asked, 4); /* with GET /version */
	for (unsigned i = 0; i < 3; i++)
		for (const char *at = scene->endpoint.requests[i + 1]; (at = strstr(at, "\"key\"")) != NULL; at++)
			names[i]++;
	assert_int_equal(names[0], 101);
	assert_int_equal(names[1], 100);
	assert_int_equal(names[2], 1);
	teardown(scene);
}

static void test_an_alias_that_is_not_there(void **state)
{
	static const struct endpoint_answer SCRIPT[] = {{400, NULL,
		"{\"error_code\":\"INVALID_PARAMETER_VALUE\",\"message\":\"Registered model alias prod not found.\"}",
		0}};
	struct scene *scene = SETUP(SCRIPT);
	struct client_version version;

	assert_false(
		wait_for(scene, client_version_find(client_of(scene), &scene->arena, STR("models:/m@prod"), &version)));
	assert_error(scene, ERR_NOT_FOUND, "Registered model alias prod not found.");
	assert_false(wait_for(scene, client_version_find(client_of(scene), &scene->arena, STR("a/b/c"), &version)));
	assert_error(scene, ERR_USAGE, "'a/b/c' is not NAME");
	assert_false(wait_for(scene, client_version_find(client_of(scene), &scene->arena, STR("@x"), &version)));
	assert_error(scene, ERR_USAGE, "is not NAME");
	assert_int_equal(scene->endpoint.asked, 1);
	teardown(scene);
}

struct cancelling {
	struct operation *operation;
	struct timer timer;
};

static void cancel_it(void *data)
{
	operation_cancel(((struct cancelling *)data)->operation);
}

/* At each of its waits: on an answer, in a pause. */
static void test_cancel(void **state)
{
	static const struct endpoint_answer SLOW[] = {{200, NULL, "{}", 300}};
	static const struct endpoint_answer PAUSE[] = {{503, "Retry-After: 60\r\n", "", 0}};
	const struct client_call what = {.method = "GET", .path = "/x", .effect = CALL_READS};

	for (int i = 0; i < 2; i++) {
		struct scene *scene = i == 0 ? SETUP(SLOW) : SETUP(PAUSE);
		struct cancelling cancelling = {
			client_call(client_of(scene), &scene->arena, &what, NULL), {.fn = NULL}};

		timer_init(&cancelling.timer, scene->loop, cancel_it, &cancelling);
		timer_start(&cancelling.timer, 50);
		assert_false(wait_for(scene, cancelling.operation));
		assert_error(scene, ERR_CANCELLED, "cancelled");
		timer_stop(&cancelling.timer);
		teardown(scene);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_reads_are_tried_again),
		cmocka_unit_test(test_what_creates_is_not_made_twice),
		cmocka_unit_test(test_a_connection_that_breaks),
		cmocka_unit_test(test_nobody_listens),
		cmocka_unit_test(test_retry_after_is_heard),
		cmocka_unit_test(test_it_ends_after_so_many),
		cmocka_unit_test(test_a_delete_whose_answer_was_lost),
		cmocka_unit_test(test_what_errors_say),
		cmocka_unit_test(test_nothing_is_an_answer),
		cmocka_unit_test(test_secrets_stay_where_they_are),
		cmocka_unit_test(test_basic),
		cmocka_unit_test(test_a_token_is_asked_for_and_kept),
		cmocka_unit_test(test_a_token_that_is_refused_is_renewed_once),
		cmocka_unit_test(test_a_login_that_fails),
		cmocka_unit_test(test_only_sluice_is_told_who_and_why),
		cmocka_unit_test(test_a_dry_run_reads_and_tells),
		cmocka_unit_test(test_pages_are_followed),
		cmocka_unit_test(test_a_server_that_gives_one_page_for_ever),
		cmocka_unit_test(test_a_batch_is_cut_at_the_limits),
		cmocka_unit_test(test_an_alias_that_is_not_there),
		cmocka_unit_test(test_cancel),
	};
	struct error err;

	if (!fetch_global_init(&err))
		return 1;
	const int failed = cmocka_run_group_tests(tests, NULL, NULL);
	fetch_global_done();
	return failed;
}

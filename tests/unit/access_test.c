/* Credentials, grants and the check of a request, on a registry of their own. */
#include "access/access.h"
#include "access/grant.h"
#include "access/oauth.h"
#include "access/oauth_token.h"
#include "access/secret_store.h"
#include "base/base64.h"
#include "base/clock.h"
#include "base/hash.h"
#include "model/sql.h"
#include "store/registry.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static struct arena arena;
static struct registry *registry;
static struct secret_store *secrets;
static struct access *access_;
static struct error err;
static struct principal who;
static char dir[64];
static const struct str EVERYTHING = {NULL, 0};
static const int64_t NOW = INT64_C(1700000000000);

static int setup(void **state)
{
	arena_init(&arena);
	error_clear(&err);
	snprintf(dir, sizeof(dir), "/tmp/access_test_XXXXXX");
	assert_non_null(mkdtemp(dir));
	assert_true(sql_global_init(&err));
	registry = registry_open(dir, &err);
	assert_non_null(registry);
	secrets = secret_store_new(arena_printf(&arena, "%s/secret.key", dir));
	access_ = access_new(secrets);
	assert_true(access_refresh(access_, registry, &err));
	return 0;
}

static int teardown(void **state)
{
	char command[128];

	arena_done(&arena);
	access_free(access_);
	secret_store_free(secrets);
	registry_close(registry);
	snprintf(command, sizeof(command), "rm -rf '%s'", dir);
	return system(command);
}

#define FAILED(expr_, code_, part_)                                                                                    \
	do {                                                                                                           \
		assert_false(expr_);                                                                                   \
		assert_int_equal(err.code, code_);                                                                     \
		if (strstr(err.text, part_) == NULL)                                                                   \
			fail_msg("'%s' is not in: %s", part_, err.text);                                               \
	} while (0)

static struct str last_id;

static bool try_issue(struct credential_row row, int64_t lifetime_s, struct secret *ret)
{
	struct db *db = db_begin(registry->db, DB_WRITE, &err);

	if (row.kind.data == NULL)
		row.kind = STR(CREDENTIAL_TOKEN);
	assert_non_null(db);
	if (!credential_issue(db, &arena, &row, lifetime_s, NOW, ret, &err)) {
		db_rollback(db);
		return false;
	}
	last_id = row.id;
	assert_true(db_commit(db, &err));
	assert_true(access_refresh(access_, registry, &err));
	return true;
}

static struct str issue(const char *name, const char *can, const char *endpoints, int64_t lifetime_s)
{
	struct secret value;

	assert_true(try_issue((struct credential_row){.principal = str_of(name), .can = str_of(can), .endpoints = str_of(endpoints)},
		lifetime_s, &value));
	return secret_reveal(value);
}

static bool identify_at(const char *scheme, struct str value, int64_t now_ms)
{
	return access_identify(access_, &arena, str_of(arena_printf(&arena, "%s %.*s", scheme, STR_ARGS(value))),
		(struct str){NULL, 0}, now_ms, &who, &err);
}

static bool bearer(struct str value)
{
	return identify_at("Bearer", value, NOW);
}

static enum right rights_on(const char *endpoint)
{
	return principal_rights(&who, str_of(endpoint));
}

static void everybody_may_until_there_is_a_token(void **state)
{
	assert_false(access_is_on(access_));
	assert_true(access_identify(access_, &arena, EVERYTHING, EVERYTHING, NOW, &who, &err));
	assert_true(access_check(&who, PERMISSION_MANAGE, EVERYTHING, &err));
	issue("root", "manage", NULL, 0);
	assert_true(access_is_on(access_));
	FAILED(access_identify(access_, &arena, EVERYTHING, EVERYTHING, NOW, &who, &err), ERR_UNAUTHENTICATED, "no token was sent");
}

static void the_first_must_manage_everything(void **state)
{
	struct secret value;

	FAILED(try_issue((struct credential_row){.principal = STR("a"), .can = STR("view")}, 0, &value), ERR_INVALID_STATE,
		"the first token");
	FAILED(try_issue((struct credential_row){.principal = STR("a"), .can = STR("manage"), .endpoints = STR("[]")}, 0, &value),
		ERR_INVALID_STATE, "the first token");
	FAILED(try_issue((struct credential_row){.principal = STR("a"), .can = STR("manage")}, 60, &value), ERR_INVALID_STATE,
		"the first token");
	assert_false(access_is_on(access_));
}

static void fields_are_checked(void **state)
{
	struct secret value;

	FAILED(try_issue((struct credential_row){.principal = STR("a"), .can = STR("write")}, 0, &value), ERR_INVALID_PARAMETER,
		"can 'write': expected none, query, view or manage");
	FAILED(try_issue((struct credential_row){.can = STR("manage")}, 0, &value), ERR_INVALID_PARAMETER, "needs the name");
	FAILED(try_issue((struct credential_row){.principal = STR("a\nb"), .can = STR("manage")}, 0, &value),
		ERR_INVALID_PARAMETER, "control character at byte 1");
	FAILED(try_issue((struct credential_row){.principal = STR("a"), .can = STR("manage")}, -1, &value),
		ERR_INVALID_PARAMETER, "lifetime_seconds -1");
	FAILED(try_issue((struct credential_row){.principal = STR("a"), .can = STR("manage"), .kind = STR("client")}, 0, &value),
		ERR_INVALID_PARAMETER, "service_principal");
	FAILED(try_issue((struct credential_row){.principal = STR("a"), .can = STR("manage"), .kind = STR("certificate")}, 0, &value),
		ERR_INVALID_PARAMETER, "common name");
	FAILED(try_issue((struct credential_row){.principal = STR("a"), .can = STR("manage"), .subject = STR("x")}, 0, &value),
		ERR_INVALID_PARAMETER, "certificate");
	FAILED(try_issue((struct credential_row){.principal = STR("a"), .can = STR("manage"), .kind = STR("key")}, 0, &value),
		ERR_INVALID_PARAMETER, "kind 'key'");
}

static void only_the_whole_value_is_good(void **state)
{
	const struct str good = issue("root", "manage", NULL, 0);
	char *bad = arena_memdup(&arena, good.data, good.len);

	assert_true(bearer(good));
	assert_true(str_is(who.name, "root"));
	for (size_t i = 0; i < good.len; i++) {
		bad[i] = good.data[i] == 'f' ? 'e' : 'f';
		FAILED(bearer((struct str){bad, good.len}), ERR_UNAUTHENTICATED, "unknown or was revoked");
		assert_null(strstr(err.text, bad + 30));
		bad[i] = good.data[i];
	}
	FAILED(bearer((struct str){good.data, good.len - 1}), ERR_UNAUTHENTICATED, "unknown");
	FAILED(bearer(STR("")), ERR_UNAUTHENTICATED, "unknown");
	FAILED(identify_at("Digest", good, NOW), ERR_UNAUTHENTICATED, "Bearer");
	assert_true(identify_at("bEaReR  ", good, NOW));
}

/* ---- time ---- */

enum { SAMPLES = 20000, BATCH = 4 };

static int compare_doubles(const void *a, const void *b)
{
	const double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* Of the fastest nine tenths: what the machine did meanwhile is not the code's. */
static void describe(double *samples, double *ret_mean, double *ret_variance)
{
	const size_t count = SAMPLES * 9 / 10;
	double sum = 0, squares = 0;

	qsort(samples, SAMPLES, sizeof(*samples), compare_doubles);
	for (size_t i = 0; i < count; i++)
		sum += samples[i];
	*ret_mean = sum / (double)count;
	for (size_t i = 0; i < count; i++)
		squares += (samples[i] - *ret_mean) * (samples[i] - *ret_mean);
	*ret_variance = squares / (double)(count - 1) / (double)count;
}

/* Welch's t of the times that two wrong values take, measured in turn. */
static double welch(const struct str *values)
{
	static double samples[2][SAMPLES];
	static char text[256]; /* at one address, or the caches would tell them apart */
	double mean[2], variance[2];
	struct arena own;

	arena_init(&own);
	for (size_t i = 0; i < 2 * SAMPLES; i++) {
		const size_t which = (i * 2654435761u >> 13) % 2, at = i / 2;
		const size_t chosen = i % 2 == 0 ? which : 1 - (((i - 1) * 2654435761u >> 13) % 2);

		memcpy(text, values[chosen].data, values[chosen].len);
		const uint64_t begun = clock_ns();
		for (size_t turn = 0; turn < BATCH; turn++)
			access_identify(access_, &own, (struct str){text, values[chosen].len}, (struct str){NULL, 0}, NOW, &who, &err);
		samples[chosen][at] = (double)(clock_ns() - begun);
		arena_clear(&own);
	}
	arena_done(&own);
	for (size_t i = 0; i < 2; i++)
		describe(samples[i], &mean[i], &variance[i]);
	const double t = (mean[0] - mean[1]) / sqrt(variance[0] + variance[1]);
	return t < 0 ? -t : t;
}

/* How much of a value is right does not show in how long it takes to refuse it (dudect's way). A machine that is busy
 * with something else may spoil a measurement: a difference must show each time. */
static void refusing_takes_the_same_time(void **state)
{
	const struct str good = issue("root", "manage", NULL, 0);
	struct str values[2];
	double t = 0;

	for (size_t i = 0; i < 2; i++) {
		char *bad = arena_printf(&arena, "Bearer %.*s", STR_ARGS(good));
		char *at = bad + strlen(bad) - (i == 0 ? CREDENTIAL_SECRET_LEN : 1);

		*at = *at == 'f' ? 'e' : 'f';
		values[i] = str_of(bad);
	}
	for (int attempt = 0; attempt < 5; attempt++) {
		t = welch(values);
		if (t < 4.5)
			return;
	}
	fail_msg("t = %.1f", t);
}

static void values_are_stored_as_digests(void **state)
{
	const struct str value = issue("root", "manage", NULL, 0);
	const struct digest digest = digest_of(value);
	struct credential_row row;
	char hex[DIGEST_HEX_SIZE];
	struct db *db = db_begin(registry->db, DB_READ, &err);

	assert_int_equal(credential_find(db, &arena, last_id, &row, &err), 1);
	db_rollback(db);
	assert_true(str_is(row.digest, digest_hex(&digest, hex)));
	assert_true(str_eq(credential_id(value), last_id));
}

static void basic_takes_the_user_token_or_the_name(void **state)
{
	const struct str value = issue("root", "manage", NULL, 0);
	static const struct {
		const char *user;
		bool is_good;
	} CASES[] = {{"token", true}, {"root", true}, {"alice", false}, {"", false}};

	for (size_t i = 0; i < sizeof(CASES) / sizeof(*CASES); i++) {
		const char *text = arena_printf(&arena, "%s:%.*s", CASES[i].user, STR_ARGS(value));

		assert_int_equal(identify_at("Basic", base64_encode(&arena, str_of(text)), NOW), CASES[i].is_good);
	}
	FAILED(identify_at("Basic", STR("%%%"), NOW), ERR_UNAUTHENTICATED, "Base64");
	FAILED(identify_at("Basic", base64_encode(&arena, STR("token")), NOW), ERR_UNAUTHENTICATED, "Base64");
}

static void levels_hold_those_before_them(void **state)
{
	static const struct {
		const char *can;
		enum right rights;
	} CASES[] = {{"none", RIGHT_NONE}, {"query", RIGHT_QUERY}, {"view", RIGHT_QUERY | RIGHT_VIEW}, {"manage", RIGHT_ALL}};

	issue("root", "manage", NULL, 0);
	for (size_t i = 0; i < sizeof(CASES) / sizeof(*CASES); i++) {
		assert_true(bearer(issue("alice", CASES[i].can, NULL, 0)));
		assert_int_equal(principal_rights(&who, EVERYTHING), CASES[i].rights);
		assert_int_equal(rights_on("any"), CASES[i].rights);
		for (int p = PERMISSION_PUBLIC; p <= PERMISSION_MANAGE; p++) {
			const enum right needed = permission_right((enum permission)p);

			assert_int_equal(access_check(&who, (enum permission)p, EVERYTHING, &err),
				(CASES[i].rights & needed) == needed);
		}
	}
	bearer(issue("alice", "view", NULL, 0));
	FAILED(access_check(&who, PERMISSION_MANAGE, STR("slides"), &err), ERR_PERMISSION_DENIED,
		"user 'alice' may not do that: the permission 'manage' on endpoint 'slides' is needed");
	FAILED(access_check(&who, PERMISSION_MANAGE, EVERYTHING, &err), ERR_PERMISSION_DENIED, "'manage' on everything");
}

static void undeclared_is_refused(void **state)
{
	assert_true(bearer(issue("alice", "manage", NULL, 0)));
	bearer(issue("bob", "view", NULL, 0));
	assert_false(access_check(&who, (enum permission)0, EVERYTHING, &err));
}

static void endpoints_limit_a_token(void **state)
{
	issue("root", "manage", NULL, 0);
	assert_true(bearer(issue("alice", "manage", "[\"a\",\"b\"]", 0)));
	assert_int_equal(rights_on("a"), RIGHT_ALL);
	assert_int_equal(rights_on("b"), RIGHT_ALL);
	assert_int_equal(rights_on("c"), RIGHT_NONE);
	assert_int_equal(rights_on(""), RIGHT_NONE);
	assert_int_equal(principal_rights(&who, EVERYTHING), RIGHT_NONE);
	assert_true(access_check(&who, PERMISSION_KNOWN, EVERYTHING, &err));
}

static void tokens_expire(void **state)
{
	issue("root", "manage", NULL, 0);
	const struct str value = issue("alice", "view", NULL, 60);

	assert_true(identify_at("Bearer", value, NOW + 59999));
	FAILED(identify_at("Bearer", value, NOW + 60000), ERR_UNAUTHENTICATED, "has expired");
}

static void revoked_at_once_and_never_open_again(void **state)
{
	const struct str value = issue("root", "manage", NULL, 0);

	assert_true(bearer(value));
	const struct principal before = who;
	struct db *db = db_begin(registry->db, DB_WRITE, &err);
	assert_true(credential_revoke(db, last_id, NOW, &err));
	assert_true(db_commit(db, &err));
	/* Another process's change: seen with the next refresh. */
	assert_true(bearer(value));
	assert_true(access_refresh(access_, registry, &err));
	FAILED(bearer(value), ERR_UNAUTHENTICATED, "revoked");
	FAILED(access_identify(access_, &arena, EVERYTHING, EVERYTHING, NOW, &who, &err), ERR_UNAUTHENTICATED, "no token");
	/* Who was in stays in for his request. */
	assert_int_equal(principal_rights(&before, EVERYTHING), RIGHT_ALL);
}

static void add_endpoint(const char *id, const char *name)
{
	struct db *db = db_begin(registry->db, DB_WRITE, &err);

	assert_true(db_run(db, &err, "INSERT INTO endpoints VALUES (?, ?, '', 0, 0, NULL, '', '{}', 0, 0, '', 0)", "ss",
		str_of(id), str_of(name)));
	assert_true(db_commit(db, &err));
}

static void grant(const char *id, const char *kind, const char *name, const char *level, bool replaces)
{
	const struct grant_row row = {str_of(kind), str_of(name), str_of(level)};
	struct db *db = db_begin(registry->db, DB_WRITE, &err);

	assert_true(grants_set(db, str_of(id), &row, 1, replaces, &err));
	assert_true(db_commit(db, &err));
	assert_true(access_refresh(access_, registry, &err));
}

static void grants_add_to_what_a_token_has(void **state)
{
	struct secret value;

	issue("root", "manage", NULL, 0);
	add_endpoint("id-a", "a");
	add_endpoint("id-b", "b");
	const struct str alice = issue("alice", "query", "[\"b\"]", 0);
	grant("id-a", "user", "alice", "CAN_QUERY", true);
	assert_true(bearer(alice));
	assert_int_equal(rights_on("a"), RIGHT_QUERY | RIGHT_VIEW);
	assert_int_equal(rights_on("b"), RIGHT_QUERY);
	assert_int_equal(rights_on("c"), RIGHT_NONE);
	grant("id-a", "user", "alice", "CAN_VIEW", false);
	assert_true(bearer(alice));
	assert_int_equal(rights_on("a"), RIGHT_VIEW);
	grant("id-a", "group", GROUP_USERS, "CAN_QUERY", true);
	assert_true(bearer(alice));
	assert_int_equal(rights_on("a"), RIGHT_QUERY | RIGHT_VIEW);
	/* A user's grant is not a service principal's of the same name. */
	grant("id-a", "service", "alice", "CAN_MANAGE", true);
	assert_true(bearer(alice));
	assert_int_equal(rights_on("a"), RIGHT_NONE);
	assert_true(try_issue((struct credential_row){.principal = STR("alice"), .is_service = true, .can = STR("none")}, 0, &value));
	assert_true(bearer(secret_reveal(value)));
	assert_int_equal(rights_on("a"), RIGHT_ALL);
	assert_int_equal(rights_on("b"), RIGHT_NONE);
}

static void grants_alone_ask_for_no_tokens(void **state)
{
	add_endpoint("id-a", "a");
	grant("id-a", "user", "alice", "CAN_QUERY", true);
	assert_false(access_is_on(access_));
	assert_true(access_identify(access_, &arena, EVERYTHING, EVERYTHING, NOW, &who, &err));
	assert_int_equal(principal_rights(&who, EVERYTHING), RIGHT_ALL);
}

/* ---- OAuth ---- */

static struct str client_id;
static struct str client_secret;

static void make_client(const char *can, const char *endpoints)
{
	struct secret value;

	issue("root", "manage", NULL, 0);
	assert_true(try_issue((struct credential_row){.principal = STR("ci"), .is_service = true, .can = str_of(can),
				      .endpoints = str_of(endpoints), .kind = STR(CREDENTIAL_CLIENT)},
		0, &value));
	client_id = last_id;
	client_secret = secret_reveal(value);
}

/* The answer's body, on the arena. */
static const char *ask(int wanted_status, const char *authorization, const char *form)
{
	const struct oauth_request request = {str_of(authorization), str_of(form), NOW};
	struct oauth_answer answer;

	assert_true(oauth_answer(access_, registry, &arena, &request, &answer, &err));
	const char *text = arena_strdup(&arena, buf_text(&answer.body));
	buf_done(&answer.body);
	if (answer.status != wanted_status)
		fail_msg("%d: %s", answer.status, text);
	return text;
}

static const char *basic(struct str id, struct str value)
{
	const struct str encoded =
		base64_encode(&arena, str_of(arena_printf(&arena, "%.*s:%.*s", STR_ARGS(id), STR_ARGS(value))));

	return arena_printf(&arena, "Basic %.*s", STR_ARGS(encoded));
}

static struct str token_in(const char *answer)
{
	static const char NAME[] = "\"access_token\":\"";
	const char *at = strstr(answer, NAME);

	assert_non_null(at);
	at += strlen(NAME);
	return (struct str){at, strcspn(at, "\"")};
}

#define CREDENTIALS "grant_type=client_credentials&scope=all-apis"

static void a_client_gets_a_token(void **state)
{
	make_client("view", NULL);
	const char *answer = ask(200, basic(client_id, client_secret), CREDENTIALS);

	assert_non_null(strstr(answer, "\"token_type\":\"Bearer\",\"expires_in\":3600"));
	const struct str token = token_in(answer);
	assert_true(bearer(token));
	assert_true(str_is(who.name, "ci"));
	assert_true(who.is_service);
	assert_int_equal(principal_rights(&who, EVERYTHING), RIGHT_QUERY | RIGHT_VIEW);
	assert_true(identify_at("Bearer", token, NOW + 3599 * 1000));
	FAILED(identify_at("Bearer", token, NOW + 3600 * 1000), ERR_UNAUTHENTICATED, "has expired");
	const char *form = arena_printf(&arena, CREDENTIALS "&client_id=%.*s&client_secret=%.*s", STR_ARGS(client_id),
		STR_ARGS(client_secret));
	assert_true(bearer(token_in(ask(200, NULL, form))));
}

static void altered_tokens_are_refused(void **state)
{
	make_client("manage", NULL);
	const struct str good = token_in(ask(200, basic(client_id, client_secret), CREDENTIALS));
	char *bad = arena_memdup(&arena, good.data, good.len);
	static const struct str NO_ALGORITHM = {"eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0.", 36};

	/* But the last character, of which two bits are nobody's. */
	for (size_t i = 0; i + 1 < good.len; i++) {
		bad[i] = good.data[i] == 'A' ? 'B' : 'A';
		if (bad[i] != good.data[i])
			assert_false(bearer((struct str){bad, good.len}));
		bad[i] = good.data[i];
	}
	for (size_t len = 0; len < good.len; len++)
		assert_false(bearer((struct str){good.data, len}));
	const char *dot = memchr(good.data, '.', good.len);
	const char *unsigned_token = arena_printf(&arena, "%.*s%.*s.", STR_ARGS(NO_ALGORITHM),
		(int)((const char *)memrchr(good.data, '.', good.len) - dot - 1), dot + 1);
	assert_false(bearer(str_of(unsigned_token)));
}

static void revoking_the_client_ends_its_tokens(void **state)
{
	make_client("manage", NULL);
	const struct str token = token_in(ask(200, basic(client_id, client_secret), CREDENTIALS));

	assert_true(bearer(token));
	struct db *db = db_begin(registry->db, DB_WRITE, &err);
	assert_true(credential_revoke(db, client_id, NOW, &err));
	assert_true(db_commit(db, &err));
	assert_true(access_refresh(access_, registry, &err));
	FAILED(bearer(token), ERR_UNAUTHENTICATED, "revoked");
	ask(401, basic(client_id, client_secret), CREDENTIALS);
}

static void refusals_are_those_of_the_standard(void **state)
{
	make_client("manage", NULL);
	const char *good = basic(client_id, client_secret);
	const struct {
		const char *authorization, *form;
		int status;
		const char *error;
	} CASES[] = {
		{basic(client_id, STR("wrong")), CREDENTIALS, 401, "invalid_client"},
		{basic(STR("0123456789abcdef"), client_secret), CREDENTIALS, 401, "invalid_client"},
		{"Basic %", CREDENTIALS, 401, "invalid_client"},
		{NULL, CREDENTIALS, 401, "invalid_client"},
		{good, "", 400, "invalid_request"},
		{good, "scope=all-apis", 400, "invalid_request"},
		{good, "grant_type=password", 400, "unsupported_grant_type"},
		{good, "grant_type=client_credentials&grant_type=client_credentials", 400, "invalid_request"},
		{good, "grant_type=client_credentials&scope=sql", 400, "invalid_scope"},
		{good, "grant_type=client_credentials&assume_group=x", 400, "invalid_request"},
		{good, "grant_type=%zz", 400, "invalid_request"},
		{good, CREDENTIALS "&authorization_details=x", 400, "invalid_request"},
		{NULL, "grant_type=urn:ietf:params:oauth:grant-type:jwt-bearer&assertion=x", 400, "invalid_grant"},
	};

	for (size_t i = 0; i < sizeof(CASES) / sizeof(*CASES); i++) {
		const char *answer = ask(CASES[i].status, CASES[i].authorization, CASES[i].form);

		if (strstr(answer, arena_printf(&arena, "{\"error\":\"%s\",\"error_description\":", CASES[i].error)) == NULL)
			fail_msg("%zu: %s", i, answer);
	}
}

#define DETAILS(path_)                                                                                                 \
	"&authorization_details=%%5B%%7B%%22type%%22%%3A%%22workspace_permission%%22%%2C%%22object_type%%22%%3A%%22serving-endpoints" \
	"%%22%%2C%%22object_path%%22%%3A%%22" path_ "%%22%%2C%%22actions%%22%%3A%%5B%%22query_inference_endpoint%%22%%5D%%7D%%5D"
#define HAND_ON "grant_type=urn%%3Aietf%%3Aparams%%3Aoauth%%3Agrant-type%%3Ajwt-bearer&assertion=%.*s"

static void a_token_for_one_endpoint(void **state)
{
	make_client("manage", NULL);
	add_endpoint("id-a", "a");
	add_endpoint("id-b", "b");
	const struct str wide = token_in(ask(200, basic(client_id, client_secret), CREDENTIALS));
	const struct str narrow =
		token_in(ask(200, NULL, arena_printf(&arena, HAND_ON DETAILS("/serving-endpoints/id-a"), STR_ARGS(wide))));

	assert_true(bearer(narrow));
	assert_int_equal(rights_on("a"), RIGHT_QUERY);
	assert_int_equal(rights_on("b"), RIGHT_NONE);
	assert_int_equal(principal_rights(&who, EVERYTHING), RIGHT_NONE);
	/* It does not widen by being handed on, nor last longer. */
	const char *again = ask(400, NULL, arena_printf(&arena, HAND_ON DETAILS("/serving-endpoints/b"), STR_ARGS(narrow)));
	assert_non_null(strstr(again, "another endpoint"));
	ask(400, NULL, arena_printf(&arena, HAND_ON, STR_ARGS(wide)));
	ask(400, NULL, arena_printf(&arena, HAND_ON DETAILS("/serving-endpoints/none"), STR_ARGS(wide)));
	struct key key;
	assert_true(access_oauth_key(access_, &key));
	const struct str old = oauth_token_write(
		&arena, &key, &(struct oauth_token){.client = client_id, .expires_s = NOW / 1000 + 10}, NOW / 1000);
	assert_non_null(strstr(ask(200, NULL, arena_printf(&arena, HAND_ON DETAILS("/serving-endpoints/a"), STR_ARGS(old))),
		"\"expires_in\":10,"));
}

static void certificates_have_rights_by_name(void **state)
{
	struct secret value;

	assert_true(access_identify(access_, &arena, EVERYTHING, STR("ci"), NOW, &who, &err));
	assert_true(str_is(who.name, "ci"));
	issue("root", "manage", NULL, 0);
	FAILED(access_identify(access_, &arena, EVERYTHING, STR("ci"), NOW, &who, &err), ERR_UNAUTHENTICATED, "was given no rights");
	const struct credential_row row = {
		.principal = STR("robot"), .is_service = true, .can = STR("view"), .kind = STR("certificate"), .subject = STR("ci")};
	assert_true(try_issue(row, 0, &value));
	assert_false(secret_is_set(value));
	assert_true(access_identify(access_, &arena, EVERYTHING, STR("ci"), NOW, &who, &err));
	assert_true(str_is(who.name, "robot"));
	assert_int_equal(who.rights, RIGHT_QUERY | RIGHT_VIEW);
	FAILED(try_issue(row, 0, &value), ERR_ALREADY_EXISTS, "certificate 'ci'");
}

static void a_clients_secret_is_no_token(void **state)
{
	struct secret value;

	issue("root", "manage", NULL, 0);
	assert_true(try_issue((struct credential_row){.principal = STR("ci"), .is_service = true, .can = STR("manage"),
				      .kind = STR(CREDENTIAL_CLIENT)},
		0, &value));
	FAILED(bearer(secret_reveal(value)), ERR_UNAUTHENTICATED, "unknown");
}

static void use_is_noted(void **state)
{
	const struct str value = issue("root", "manage", NULL, 0);
	struct credential_row row;

	assert_int_equal(access_used_ms(access_, last_id), 0);
	assert_true(identify_at("Bearer", value, NOW + 5));
	assert_int_equal(access_used_ms(access_, last_id), NOW + 5);
	access_watch(access_, registry);
	access_unwatch(access_);
	struct db *db = db_begin(registry->db, DB_READ, &err);
	assert_int_equal(credential_find(db, &arena, last_id, &row, &err), 1);
	db_rollback(db);
	assert_int_equal(row.used_ms, NOW + 5);
	/* It survives a change that makes another snapshot. */
	assert_true(identify_at("Bearer", value, NOW + 9));
	const struct str id = last_id;
	issue("alice", "view", NULL, 0);
	assert_int_equal(access_used_ms(access_, id), NOW + 9);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name_) cmocka_unit_test_setup_teardown(name_, setup, teardown)
		TEST(everybody_may_until_there_is_a_token),
		TEST(the_first_must_manage_everything),
		TEST(fields_are_checked),
		TEST(only_the_whole_value_is_good),
		TEST(refusing_takes_the_same_time),
		TEST(values_are_stored_as_digests),
		TEST(basic_takes_the_user_token_or_the_name),
		TEST(levels_hold_those_before_them),
		TEST(undeclared_is_refused),
		TEST(endpoints_limit_a_token),
		TEST(tokens_expire),
		TEST(revoked_at_once_and_never_open_again),
		TEST(grants_add_to_what_a_token_has),
		TEST(grants_alone_ask_for_no_tokens),
		TEST(a_client_gets_a_token),
		TEST(altered_tokens_are_refused),
		TEST(revoking_the_client_ends_its_tokens),
		TEST(refusals_are_those_of_the_standard),
		TEST(a_token_for_one_endpoint),
		TEST(certificates_have_rights_by_name),
		TEST(a_clients_secret_is_no_token),
		TEST(use_is_noted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Authorization fields and OAuth forms: whatever is sent, nobody gets in who holds nothing. */
#include "access/oauth.h"
#include "access/oauth_token.h"
#include "access/secret_store.h"
#include "model/sql.h"
#include "store/registry.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const int64_t NOW = INT64_C(1700000000000);
static struct registry *registry;
static struct access *access_;

static char dir[] = "/tmp/fuzz_access_XXXXXX";

static void clean(void)
{
	char command[sizeof(dir) + 16];

	snprintf(command, sizeof(command), "rm -rf '%s'", dir);
	if (system(command) != 0)
		fprintf(stderr, "%s stays\n", dir);
}

/* A token, an OAuth client and a certificate, whose values nobody keeps. */
static void set_up(void)
{
	static struct arena arena;
	struct credential_row rows[] = {
		{.kind = STR(CREDENTIAL_TOKEN), .principal = STR("root"), .can = STR("manage")},
		{.kind = STR(CREDENTIAL_CLIENT), .principal = STR("ci"), .is_service = true, .can = STR("manage")},
		{.kind = STR(CREDENTIAL_CERTIFICATE), .principal = STR("c"), .can = STR("manage"), .subject = STR("c")},
	};
	struct error err;
	struct secret value;

	arena_init(&arena);
	if (mkdtemp(dir) == NULL || !sql_global_init(&err) || (registry = registry_open(dir, &err)) == NULL)
		abort();
	atexit(clean);
	access_ = access_new(secret_store_new(arena_printf(&arena, "%s/key", dir)));
	struct db *db = db_begin(registry->db, DB_WRITE, &err);
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
		if (db == NULL || !credential_issue(db, &arena, &rows[i], 0, NOW, &value, &err))
			abort();
	if (!db_commit(db, &err) || !access_refresh(access_, registry, &err))
		abort();
	arena_done(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str authorization, form = {(const char *)data, size};
	struct oauth_answer answer;
	struct principal principal;
	struct arena arena;
	struct error err;

	if (registry == NULL)
		set_up();
	arena_init(&arena);
	str_cut(&form, '\n', &authorization);
	if (access_identify(access_, &arena, authorization, (struct str){NULL, 0}, NOW, &principal, &err))
		abort();
	const struct oauth_request request = {authorization, form, NOW};
	if (!oauth_answer(access_, registry, &arena, &request, &answer, &err) || answer.status < 400)
		abort();
	buf_done(&answer.body);
	arena_done(&arena);
	return 0;
}

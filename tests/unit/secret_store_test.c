/* Secrets in a registry of their own: what is on the disk, wrong and missing keys, damaged and moved rows. */
#include "access/secret_store.h"
#include "access/seal.h"
#include "base/base64.h"
#include "model/sql.h"
#include "store/registry.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static struct arena arena;
static struct registry *registry;
static struct secret_store *store;
static struct error err;
static struct secret secret;
static char dir[64], key_file[128];
static const struct str VALUE = {"canary-7f3a\0\xff", 13};

static int setup(void **state)
{
	arena_init(&arena);
	error_clear(&err);
	snprintf(dir, sizeof(dir), "/tmp/secret_store_test_XXXXXX");
	assert_non_null(mkdtemp(dir));
	snprintf(key_file, sizeof(key_file), "%s/keys/secret.key", dir);
	assert_true(sql_global_init(&err));
	registry = registry_open(dir, &err);
	assert_non_null(registry);
	store = secret_store_new(key_file);
	return 0;
}

static int teardown(void **state)
{
	char command[128];

	arena_done(&arena);
	secret_store_free(store);
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

static struct db *db;

static bool begin(void)
{
	db = db_begin(registry->db, DB_WRITE, &err);
	assert_non_null(db);
	return true;
}

static bool put(const char *scope, const char *key, struct str value)
{
	begin();
	if (secret_put(store, db, &arena, str_of(scope), str_of(key), value, 5, &err))
		return db_commit(db, &err);
	db_rollback(db);
	return false;
}

static bool create(const char *scope)
{
	begin();
	if (secret_scope_create(db, str_of(scope), STR("root"), 5, &err))
		return db_commit(db, &err);
	db_rollback(db);
	return false;
}

static bool read_back(const char *scope, const char *key)
{
	return secret_store_read(store, registry, &arena, str_of(scope), str_of(key), &secret, &err);
}

static void run(const char *sql)
{
	begin();
	assert_true(db_run(db, &err, sql, ""));
	assert_true(db_commit(db, &err));
}

static void what_is_put_is_read(void **state)
{
	struct stat info;

	assert_true(create("sc"));
	assert_true(put("sc", "k", VALUE));
	assert_true(read_back("sc", "k"));
	assert_true(str_eq(secret_reveal(secret), VALUE));
	assert_true(put("sc", "k", STR("other")));
	assert_true(read_back("sc", "k"));
	assert_true(str_is(secret_reveal(secret), "other"));
	assert_int_equal(stat(key_file, &info), 0);
	assert_int_equal(info.st_mode & 0777, 0600);
	assert_int_equal(stat(arena_printf(&arena, "%s/keys", dir), &info), 0);
	assert_int_equal(info.st_mode & 0777, 0700);
}

static void a_restart_finds_the_key(void **state)
{
	assert_true(create("sc"));
	assert_true(put("sc", "k", VALUE));
	secret_store_free(store);
	store = secret_store_new(key_file);
	assert_true(read_back("sc", "k"));
	assert_true(str_eq(secret_reveal(secret), VALUE));
}

static void what_is_missing(void **state)
{
	FAILED(put("no", "k", VALUE), ERR_NOT_FOUND, "Scope no does not exist!");
	assert_true(create("sc"));
	FAILED(create("sc"), ERR_ALREADY_EXISTS, "Scope sc already exists!");
	FAILED(read_back("sc", "k"), ERR_NOT_FOUND, "scope: sc and key: k");
	assert_true(put("sc", "k", VALUE));
	begin();
	assert_true(secret_scope_delete(db, STR("sc"), &err));
	assert_true(db_commit(db, &err));
	FAILED(read_back("sc", "k"), ERR_NOT_FOUND, "scope: sc");
	assert_true(create("sc"));
	FAILED(read_back("sc", "k"), ERR_NOT_FOUND, "scope: sc");
}

static void names_and_values_have_limits(void **state)
{
	static char long_name[SECRET_NAME_MAX + 2], long_value[SECRET_VALUE_MAX + 1];

	memset(long_name, 'a', SECRET_NAME_MAX + 1);
	FAILED(create(""), ERR_INVALID_PARAMETER, "scope ''");
	FAILED(create("a/b"), ERR_INVALID_PARAMETER, "scope 'a/b'");
	FAILED(create(long_name), ERR_INVALID_PARAMETER, "1 to 128");
	assert_true(create("a.b-c_d@e"));
	FAILED(put("a.b-c_d@e", "k k", VALUE), ERR_INVALID_PARAMETER, "key 'k k'");
	FAILED(put("a.b-c_d@e", "k", STR("")), ERR_INVALID_PARAMETER, "0 bytes");
	FAILED(put("a.b-c_d@e", "k", (struct str){long_value, sizeof(long_value)}), ERR_INVALID_PARAMETER, "131073 bytes");
	assert_true(put("a.b-c_d@e", "k", (struct str){long_value, SECRET_VALUE_MAX}));
}

static void wrong_and_missing_keys_are_said(void **state)
{
	assert_true(create("sc"));
	assert_true(put("sc", "k", VALUE));
	secret_store_free(store);
	store = secret_store_new(key_file);
	const char *moved = arena_printf(&arena, "%s.moved", key_file);
	assert_int_equal(rename(key_file, moved), 0);
	FAILED(read_back("sc", "k"), ERR_INVALID_STATE, "--secret-key: open the key file");
	/* No new key beside what an old one sealed. */
	FAILED(put("sc", "l", VALUE), ERR_INVALID_STATE, "--secret-key: open the key file");
	assert_int_equal(access(key_file, F_OK), -1);
	struct key other;
	assert_true(key_file_make(key_file, &other, &err));
	FAILED(read_back("sc", "k"), ERR_INVALID_STATE, "the secret 'sc/k': was sealed with another key");
	secret_store_free(store);
	store = secret_store_new(key_file);
	assert_int_equal(rename(moved, key_file), 0);
	assert_true(read_back("sc", "k"));
}

static void a_bad_key_file_is_said(void **state)
{
	assert_true(create("sc"));
	assert_true(put("sc", "k", VALUE));
	secret_store_free(store);
	store = secret_store_new(key_file);
	assert_int_equal(chmod(key_file, 0640), 0);
	FAILED(read_back("sc", "k"), ERR_INVALID_STATE, "chmod 600");
	assert_int_equal(chmod(key_file, 0600), 0);
	assert_int_equal(truncate(key_file, 30), 0);
	FAILED(read_back("sc", "k"), ERR_INVALID_STATE, "holds no key: expected 64 hex digits");
	assert_int_equal(unlink(key_file), 0);
	assert_int_equal(mkdir(key_file, 0700), 0);
	FAILED(read_back("sc", "k"), ERR_INVALID_STATE, "is no file");
}

static void rows_cannot_be_moved_or_altered(void **state)
{
	struct str text, sealed;

	assert_true(create("sc"));
	assert_true(put("sc", "k", VALUE));
	assert_true(put("sc", "l", STR("another")));
	run("UPDATE secrets SET sealed = (SELECT sealed FROM secrets WHERE key = 'k') WHERE key = 'l'");
	FAILED(read_back("sc", "l"), ERR_INTERNAL, "the secret 'sc/l': is damaged");
	begin();
	assert_int_equal(db_find_text(db, &err, &arena, &text, "SELECT sealed FROM secrets WHERE key = 'k'", ""), 1);
	db_rollback(db);
	assert_null(memmem(text.data, text.len, "canary", 6));
	assert_true(base64_decode(&arena, text, &sealed));
	assert_null(memmem(sealed.data, sealed.len, "canary", 6));
	for (size_t i = 0; i < sealed.len; i++) {
		char *bad = arena_memdup(&arena, sealed.data, sealed.len);

		bad[i] = (char)(bad[i] ^ 1);
		const struct str bad_text = base64_encode(&arena, (struct str){bad, sealed.len});
		begin();
		assert_true(db_run(db, &err, "UPDATE secrets SET sealed = ? WHERE key = 'k'", "s", bad_text));
		assert_true(db_commit(db, &err));
		assert_false(read_back("sc", "k"));
	}
}

static void each_sealing_has_a_nonce_of_its_own(void **state)
{
	struct key key = {{1}};
	struct buf a = {0}, b = {0};

	assert_true(seal(&a, &key, STR("l"), VALUE, &err));
	assert_true(seal(&b, &key, STR("l"), VALUE, &err));
	assert_int_equal(a.len, b.len);
	assert_memory_not_equal(a.data + 9, b.data + 9, a.len - 9);
	buf_done(&a);
	buf_done(&b);
}

static void derived_keys_differ_by_label(void **state)
{
	struct key a, b, again;

	begin();
	assert_true(secret_store_derive(store, db, "a", &a, &err));
	assert_true(secret_store_derive(store, db, "b", &b, &err));
	assert_true(secret_store_derive(store, db, "a", &again, &err));
	db_rollback(db);
	assert_memory_not_equal(a.bytes, b.bytes, KEY_SIZE);
	assert_memory_equal(a.bytes, again.bytes, KEY_SIZE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name_) cmocka_unit_test_setup_teardown(name_, setup, teardown)
		TEST(what_is_put_is_read),
		TEST(a_restart_finds_the_key),
		TEST(what_is_missing),
		TEST(names_and_values_have_limits),
		TEST(wrong_and_missing_keys_are_said),
		TEST(a_bad_key_file_is_said),
		TEST(rows_cannot_be_moved_or_altered),
		TEST(each_sealing_has_a_nonce_of_its_own),
		TEST(derived_keys_differ_by_label),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

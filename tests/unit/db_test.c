/* The registry's database: transactions, statements, what a second process and a broken file do. */
#include "store/db.h"

#include "model/sql.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>

#include <cmocka.h>

static char dir[] = "/tmp/sluice-db-XXXXXX";
static struct arena arena;
static struct error err;

static int64_t count(struct db_file *file)
{
	struct db *db = db_begin(file, DB_READ, &err);
	int64_t found = -1;

	assert_non_null(db);
	assert_int_equal(db_find(db, &err, &found, "SELECT count(*) FROM registered_models", ""), 1);
	assert_true(db_commit(db, &err));
	return found;
}

static bool insert(struct db *db, const char *name)
{
	return db_run(db, &err, "INSERT INTO registered_models VALUES (?, ?, ?, ?)", "siis", str_of(name), (int64_t)1,
		(int64_t)2, (struct str){NULL, 0});
}

static void a_commit_stays_and_a_rollback_does_not(void **state)
{
	struct db_file *file = db_open(dir, &err);

	assert_non_null(file);
	struct db *db = db_begin(file, DB_WRITE, &err);
	assert_true(insert(db, "kept"));
	assert_int_equal(count(file), 0); /* a reader sees the state before */
	assert_true(db_commit(db, &err));
	assert_int_equal(count(file), 1);
	db = db_begin(file, DB_WRITE, &err);
	assert_true(insert(db, "gone"));
	assert_false(insert(db, "kept"));
	assert_non_null(strstr(err.text, "UNIQUE constraint failed"));
	db_rollback(db);
	assert_int_equal(count(file), 1);
	db_close(file);

	file = db_open(dir, &err);
	assert_int_equal(count(file), 1);
	db_close(file);
}

static void columns_come_back_as_they_went_in(void **state)
{
	struct db_file *file = db_open(dir, &err);
	struct db *db = db_begin(file, DB_READ, &err);
	struct db_rows rows;
	const struct db_value values[] = {
		{.type = 's', .text = STR("a\0b")}, {.type = 'i', .integer = INT64_MIN}, {.type = 'd', .number = 0.1}};

	assert_true(db_start_text(&rows, db, &err, "SELECT ?, ?, ?, NULL", values, 3));
	assert_true(db_next(&rows));
	assert_true(str_eq(db_text(&rows, 0, &arena), STR("a\0b")));
	assert_int_equal(db_integer(&rows, 1), INT64_MIN);
	assert_true(db_double(&rows, 2) == 0.1);
	assert_true(db_text(&rows, 3, &arena).data == NULL);
	assert_false(db_next(&rows));
	assert_true(db_end(&rows));
	assert_false(db_start_text(&rows, db, &err, "SELECT nowhere FROM runs", NULL, 0));
	assert_string_equal(err.text, "registry database: SELECT nowhere FROM runs: no such column: nowhere");
	assert_int_equal(db_find(db, &err, NULL, "SELECT 1 WHERE ? = 2", "i", (int64_t)1), 0);
	db_rollback(db);
	db_close(file);
}

static void history_is_append_only(void **state)
{
	struct db_file *file = db_open(dir, &err);
	struct db *db = db_begin(file, DB_WRITE, &err);

	assert_true(db_run(db, &err, "INSERT INTO history VALUES (NULL, 1, 2, 'w', '', 'alias_set', 'm', 1, 'a', NULL, '1')", ""));
	assert_int_equal(db_last_id(db), 1);
	assert_false(db_run(db, &err, "DELETE FROM history", ""));
	assert_non_null(strstr(err.text, "history is append-only"));
	assert_false(db_run(db, &err, "UPDATE history SET who = 'x'", ""));
	db_rollback(db);
	db_close(file);
}

/* Of every file, from its first byte on. */
static void let_writes_fail(bool is_failing)
{
	struct rlimit limit;

	getrlimit(RLIMIT_FSIZE, &limit);
	limit.rlim_cur = is_failing ? 1 : limit.rlim_max;
	signal(SIGXFSZ, SIG_IGN);
	setrlimit(RLIMIT_FSIZE, &limit);
}

static void a_disk_that_fails_takes_no_writes_until_it_works(void **state)
{
	struct db_file *file = db_open(dir, &err);
	struct db *db = db_begin(file, DB_WRITE, &err);

	assert_true(insert(db, "before") && db_commit(db, &err));
	db = db_begin(file, DB_WRITE, &err);
	assert_true(insert(db, "lost"));
	let_writes_fail(true);
	assert_false(db_commit(db, &err));
	assert_int_equal(err.code, ERR_INTERNAL);
	assert_string_equal(err.text, "registry database: COMMIT: disk I/O error");
	assert_null(db_begin(file, DB_WRITE, &err));
	assert_int_equal(err.code, ERR_UNAVAILABLE);
	assert_string_equal(err.text, "nothing is written until the disk works again: "
				      "registry database: settle the journal: disk I/O error");
	assert_int_equal(count(file), 1);
	let_writes_fail(false);
	db = db_begin(file, DB_WRITE, &err);
	assert_true(insert(db, "after") && db_commit(db, &err));
	assert_int_equal(count(file), 2);
	db_close(file);

	file = db_open(dir, &err);
	assert_int_equal(count(file), 2);
	db_close(file);
}

static void what_is_no_database_is_refused(void **state)
{
	char path[64];

	snprintf(path, sizeof(path), "%s/registry.db", dir);
	FILE *file = fopen(path, "we");
	assert_true(file != NULL && fputs("this is no SQLite file, however long it may be: 0123456789", file) >= 0);
	fclose(file);
	assert_null(db_open(dir, &err));
	assert_non_null(strstr(err.text, "file is not a database"));
}

/* Without what later versions added, and the tables that version 3 made leaner as they were before, with rows. */
static void make_version_2(void)
{
	static const char *const SQL[] = {
		"DROP TABLE scorer_versions",
		"DROP TABLE scorers",
		"DROP TABLE eval_records",
		"DROP TABLE eval_dataset_experiments",
		"DROP TABLE eval_dataset_tags",
		"DROP TABLE eval_datasets",
		"DROP TABLE access_grants",
		"DROP TABLE access_credentials",
		"DROP TABLE access_state",
		"DROP TABLE secrets",
		"DROP TABLE secret_scopes",
		"DROP INDEX model_versions_by_stage",
		"CREATE INDEX model_versions_by_stage ON model_versions (name, current_stage, version)",
		"DROP TABLE history",
		"CREATE TABLE history (id INTEGER PRIMARY KEY AUTOINCREMENT, model INTEGER NOT NULL, time_us INTEGER NOT NULL,"
		" who TEXT NOT NULL, why TEXT NOT NULL, action TEXT NOT NULL, name TEXT NOT NULL, version INTEGER, alias TEXT,"
		" before TEXT, after TEXT)",
		"CREATE INDEX history_by_name ON history (name, id)",
		"CREATE INDEX history_by_model ON history (model, id)",
		"CREATE TRIGGER history_is_not_deleted BEFORE DELETE ON history BEGIN SELECT RAISE(ABORT, 'no'); END",
		"INSERT INTO history VALUES (1, 1, 10, 'ann', 'why', 'model_created', 'm', NULL, NULL, NULL, NULL)",
		"INSERT INTO history VALUES (2, 1, 20, 'bob', '', 'alias_set', 'm', 4, 'a', '3', '4')",
		"PRAGMA user_version = 2",
	};
	struct db_file *file = db_open(dir, &err);
	struct db *db = db_begin(file, DB_WRITE, &err);

	for (size_t i = 0; i < sizeof(SQL) / sizeof(*SQL); i++)
		assert_true(db_run(db, &err, SQL[i], ""));
	assert_true(db_commit(db, &err));
	db_close(file);
}

static void older_files_are_brought_up_with_their_history(void **state)
{
	struct str text;

	make_version_2();
	struct db_file *file = db_open(dir, &err);
	struct db *db = db_begin(file, DB_WRITE, &err);
	assert_int_equal(db_find_text(db, &err, &arena, &text,
				 "SELECT group_concat(id || who || action || quote(before) || quote(after), ' ') FROM history", ""),
		1);
	assert_true(str_is(text, "1annmodel_createdNULLNULL 2bobalias_set'3''4'"));
	assert_true(db_run(db, &err, "INSERT INTO history VALUES (NULL, 1, 30, 'w', '', 'alias_set', 'm', 1, 'a', NULL, '1')", ""));
	assert_int_equal(db_last_id(db), 3);
	assert_false(db_run(db, &err, "DELETE FROM history", ""));
	assert_int_equal(db_find(db, &err, NULL, "SELECT 1 FROM sqlite_sequence WHERE name = 'history'", ""), 0);
	db_rollback(db);
	db_close(file);
}

static void newer_schemas_are_refused(void **state)
{
	struct db_file *file = db_open(dir, &err);
	struct db *db = db_begin(file, DB_WRITE, &err);

	assert_true(db_run(db, &err, "PRAGMA user_version = 1000", ""));
	assert_true(db_commit(db, &err));
	db_close(file);
	assert_null(db_open(dir, &err));
	assert_non_null(strstr(err.text, "schema version 1000"));
}

static int set_up(void **state)
{
	strcpy(dir, "/tmp/sluice-db-XXXXXX");
	arena_init(&arena);
	return mkdtemp(dir) == NULL || !sql_global_init(&err);
}

static int tear_down(void **state)
{
	char command[128];

	arena_done(&arena);
	snprintf(command, sizeof(command), "rm -rf %s", dir);
	return system(command);
}

#define TEST(function_) cmocka_unit_test_setup_teardown(function_, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_commit_stays_and_a_rollback_does_not),
		TEST(columns_come_back_as_they_went_in),
		TEST(history_is_append_only),
		TEST(a_disk_that_fails_takes_no_writes_until_it_works),
		TEST(what_is_no_database_is_refused),
		TEST(older_files_are_brought_up_with_their_history),
		TEST(newer_schemas_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

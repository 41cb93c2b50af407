/* The model registry's history: what it says of a time, across renames and names that are used again. */
#include "store/history.h"

#include "model/sql.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static char dir[] = "/tmp/sluice-history-XXXXXX";
static struct arena arena;
static struct error err;
static struct db_file *file;
static struct db *db;

static const struct history_actor ANN = {{"ann", 3}, {"because", 7}};

/* A row as history_add writes it, at a time of the test's choice. */
static void row(int64_t id, int64_t model, int64_t time_us, const char *action, const char *name, const char *alias,
	const char *after)
{
	assert_true(db_run(db, &err,
		"INSERT INTO history (id, model, time_us, who, why, action, name, alias, after)"
		" VALUES (?, ?, ?, '', '', ?, ?, ?, ?)",
		"iiissss", id, model, time_us, str_of(action), str_of(name), str_of(alias), str_of(after)));
}

/* "3 as clf", or the error. */
static const char *at(const char *name, int64_t time_us)
{
	struct history_row found;
	struct str name_then;

	error_clear(&err);
	if (!history_alias_at(db, &arena, str_of(name), STR("champion"), time_us, &found, &name_then, &err))
		return err.code == ERR_NOT_FOUND ? strstr(err.text, "no ") : err.text;
	return arena_printf(&arena, "%.*s as %.*s", STR_ARGS(found.after), STR_ARGS(name_then));
}

#define AT(name_, time_, wanted_) assert_string_equal(at(name_, time_), wanted_)

static void a_time_selects_the_move_before_it(void **state)
{
	row(1, 1, 1000000, "model_created", "clf", NULL, NULL);
	row(2, 1, 2000000, "alias_set", "clf", "champion", "1");
	row(3, 1, 3000000, "alias_set", "clf", "other", "7");
	row(4, 1, 4000000, "alias_set", "clf", "champion", "2");
	row(5, 1, 5000000, "alias_deleted", "clf", "champion", NULL);
	row(6, 1, 6000000, "alias_set", "clf", "champion", "1");
	AT("clf", 999999, "no registered model 'clf' at 1970-01-01T00:00:00.999999Z");
	AT("clf", 1999999, "no alias 'champion' at 1970-01-01T00:00:01.999999Z");
	AT("clf", 2000000, "1 as clf");
	AT("clf", 3999999, "1 as clf");
	AT("clf", 4000000, "2 as clf");
	AT("clf", 5000000, "no alias 'champion' at 1970-01-01T00:00:05.000000Z");
	AT("clf", INT64_MAX, "1 as clf");
	AT("nope", 2000000, "no registered model 'nope' at 1970-01-01T00:00:02.000000Z");
}

/* 1: old, from 30 on new, gone at 60. 5: old from 40 on. 9: new from 70 on. */
static void names_are_not_models(void **state)
{
	row(1, 1, 10, "model_created", "old", NULL, NULL);
	row(2, 1, 20, "alias_set", "old", "champion", "1");
	row(3, 1, 30, "model_renamed", "new", NULL, "new");
	row(4, 1, 35, "alias_set", "new", "champion", "2");
	row(5, 5, 40, "model_created", "old", NULL, NULL);
	row(6, 5, 50, "alias_set", "old", "champion", "3");
	row(7, 1, 60, "alias_deleted", "new", "champion", NULL);
	row(8, 1, 60, "model_deleted", "new", NULL, NULL);
	row(9, 9, 70, "model_created", "new", NULL, NULL);
	row(10, 9, 80, "alias_set", "new", "champion", "1");
	AT("old", 25, "1 as old");
	AT("old", 38, "no registered model 'old' at 1970-01-01T00:00:00.000038Z");
	AT("old", 45, "no alias 'champion' at 1970-01-01T00:00:00.000045Z");
	AT("old", 55, "3 as old");
	AT("new", 36, "2 as new");
	AT("new", 59, "2 as new");
	AT("new", 60, "no registered model 'new' at 1970-01-01T00:00:00.000060Z");
	AT("new", 75, "no alias 'champion' at 1970-01-01T00:00:00.000075Z");
	AT("new", 90, "1 as new");
}

static void a_model_is_found_by_a_name_it_got_later(void **state)
{
	row(1, 1, 10, "model_created", "draft", NULL, NULL);
	row(2, 1, 20, "alias_set", "draft", "champion", "1");
	row(3, 1, 30, "model_renamed", "final", NULL, "final");
	AT("final", 25, "1 as draft");
	AT("final", 35, "1 as final");
	AT("draft", 35, "1 as final");
	AT("final", 5, "no registered model 'final' at 1970-01-01T00:00:00.000005Z");
}

static void add(enum history_action action, const char *name, const char *before)
{
	const struct history_move move = {
		.action = action, .name = str_of(name), .version = 4, .before = str_of(before), .after = STR("x")};

	assert_true(history_add(db, &ANN, &move, &err));
}

static void what_is_added_belongs_to_the_model_that_has_the_name(void **state)
{
	int64_t model = 0;
	struct history_row *rows;
	size_t count;
	const struct history_query query = {.name = STR("a"), .max = 10};

	add(HISTORY_MODEL_CREATED, "a", NULL);
	add(HISTORY_MODEL_RENAMED, "b", "a");
	add(HISTORY_MODEL_CREATED, "a", NULL);
	add(HISTORY_STAGE_CHANGED, "b", "None");
	assert_int_equal(db_find(db, &err, &model,
				 "SELECT group_concat(model, '') FROM (SELECT model FROM history ORDER BY id)", ""),
		1);
	assert_int_equal(model, 1131);

	/* Both models were called a. */
	assert_true(history_read(db, &arena, &query, &rows, &count, &err));
	assert_int_equal(count, 4);
	assert_true(str_is(rows[0].action, "stage_changed") && str_is(rows[0].before, "None") && rows[0].version == 4);
	assert_true(str_is(rows[0].who, "ann") && str_is(rows[0].why, "because") && rows[0].alias.data == NULL);
	assert_true(str_is(rows[3].action, "model_created") && rows[3].version == 0 && rows[3].id == 1);
	assert_true(rows[3].time_us > 0 && rows[3].time_us <= rows[0].time_us);
	assert_false(
		history_read(db, &arena, &(struct history_query){.name = STR("c"), .max = 1}, &rows, &count, &err));
	assert_string_equal(err.text, "no registered model was ever called 'c'");
}

static int set_up(void **state)
{
	arena_init(&arena);
	assert_true(sql_global_init(&err));
	strcpy(dir, "/tmp/sluice-history-XXXXXX");
	assert_non_null(mkdtemp(dir));
	file = db_open(dir, &err);
	assert_non_null(file);
	db = db_begin(file, DB_WRITE, &err);
	assert_non_null(db);
	return 0;
}

static int tear_down(void **state)
{
	char command[128];

	db_rollback(db);
	db_close(file);
	arena_done(&arena);
	snprintf(command, sizeof(command), "rm -rf %s", dir);
	return system(command);
}

#define TEST(function_) cmocka_unit_test_setup_teardown(function_, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_time_selects_the_move_before_it),
		TEST(names_are_not_models),
		TEST(a_model_is_found_by_a_name_it_got_later),
		TEST(what_is_added_belongs_to_the_model_that_has_the_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

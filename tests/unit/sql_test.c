/* SQL tools: what compiles, what is refused, types both ways, limits, interruption, threads. */
#include "base/clock.h"
#include "model/sql.h"
#include "model/sql_connection.h"

#include <pthread.h>
#include <setjmp.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

static const int64_t NOW_US = 1795301207123456; /* 2026-11-21T22:46:47.123456Z */

struct bench {
	struct arena arena;
	char dir[64];
	struct data_spec data;
	struct tool_spec tool;
	struct sql *sql;
	struct json result;
	struct error err;
};

static void create_database(const char *path)
{
	sqlite3 *db;

	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	assert_int_equal(
		sqlite3_exec(db,
			"CREATE TABLE member(id INTEGER PRIMARY KEY, name TEXT, balance REAL, photo BLOB);"
			"INSERT INTO member VALUES (1,'Ann',10.5,x'00ff10'),(2,'Bo',NULL,NULL),"
			"(3,CAST(x'ff' AS TEXT),9e999,x'');",
			NULL, NULL, NULL),
		SQLITE_OK);
	sqlite3_close(db);
}

static int setup(void **state)
{
	struct bench *bench = calloc(1, sizeof(*bench));

	arena_init(&bench->arena);
	snprintf(bench->dir, sizeof(bench->dir), "/tmp/sql_test.XXXXXX");
	assert_non_null(mkdtemp(bench->dir));
	create_database(arena_printf(&bench->arena, "%s/my %%23 db?.sqlite", bench->dir));
	bench->data =
		(struct data_spec){.name = STR("members"), .sqlite = STR("my %23 db?.sqlite")};
	bench->tool = (struct tool_spec){.name = STR("tool"), .has_sql = true};
	bench->tool.sql.max_rows = 100;
	bench->tool.sql.timeout_ms = 5000;
	*state = bench;
	return 0;
}

static int teardown(void **state)
{
	struct bench *bench = *state;

	unlink(arena_printf(&bench->arena, "%s/my %%23 db?.sqlite", bench->dir));
	/* Nothing is ever left beside a bundle's database. */
	assert_int_equal(rmdir(bench->dir), 0);
	arena_done(&bench->arena);
	free(bench);
	return 0;
}

static bool compile(struct bench *bench, const char *statement)
{
	bench->tool.sql.statement = str_of(statement);
	error_clear(&bench->err);
	bench->sql = sql_new(&bench->arena, bench->dir, &bench->tool, &bench->err);
	return bench->sql != NULL;
}

static bool run(struct bench *bench, const char *arguments)
{
	struct sql_stop never = SQL_STOP_INIT;
	struct json tree;

	error_clear(&bench->err);
	assert_true(json_read(&bench->arena, str_of(arguments), &tree, NULL));
	return sql_run(
		bench->sql, &bench->arena, &tree, NOW_US, &never, &bench->result, &bench->err);
}

static const char *result_text(struct bench *bench)
{
	struct buf out = {0};

	json_write(&out, &bench->result);
	const char *text = arena_strdup(&bench->arena, buf_text(&out));
	buf_done(&out);
	return text;
}

static void assert_says(const struct error *err, enum error_code code, const char *part)
{
	if (err->code != code || strstr(err->text, part) == NULL)
		fail_msg(
			"expected code %d and '%s', got %d '%s'", code, part, err->code, err->text);
}

static void test_refused(void **state)
{
	static const struct {
		const char *statement, *says;
	} CASES[] = {
		{"", "the statement is empty"},
		{"  -- nothing\n", "the statement is empty"},
		{"SELECT", "incomplete input"},
		{"SELECT 1 +\n1,\nnope", "statement line 3: no such column: nope"},
		{"SELECT * FROM membr", "no such table: membr"},
		{"SELECT \"text\"", "no such column"},
		{"SELECT 1; SELECT 2", "expected one statement"},
		{"SELECT 1; DROP TABLE member", "expected one statement"},
		{"SELECT 1; nonsense", "expected one statement"},
		{"SELECT ?", "has no name"},
		{"SELECT ?1", "has no name"},
		{"SELECT @a", "has no name"},
		{"SELECT $a", "has no name"},
		{"SELECT 1 AS a, 2 AS a", "two columns are called 'a'"},
		{"INSERT INTO member(name) VALUES ('x')",
			"not allowed in a tool: statements that write"},
		{"INSERT INTO member(name) VALUES ('x') RETURNING id", "statements that write"},
		{"UPDATE member SET name = 'x'", "statements that write"},
		{"DELETE FROM member", "statements that write"},
		{"CREATE TABLE t(x)", "statements that write"},
		{"CREATE TEMP TABLE t(x)", "statements that write"},
		{"CREATE TEMP VIEW t AS SELECT 1", "statements that write"},
		{"VACUUM INTO '/tmp/x'", "expected a statement that only reads"},
		{"ATTACH '/etc/passwd' AS p", "ATTACH and DETACH"},
		{"DETACH main", "ATTACH and DETACH"},
		{"PRAGMA journal_mode", "PRAGMA"},
		{"SELECT * FROM pragma_table_info('member')", "tables of SQLite's own state"},
		{"SELECT * FROM dbstat", "not allowed in a tool"},
		{"UPDATE sqlite_master SET sql = ''", "may not be modified"},
		{"DELETE FROM sqlite_master", "may not be modified"},
		{"BEGIN", "transactions"},
		{"SAVEPOINT a", "transactions"},
		{"REINDEX", "expected a statement that only reads"},
		{"ANALYZE", "not allowed in a tool"},
		{"SELECT load_extension('x')", "not allowed in a tool"},
		{"SELECT random()", "cannot be replayed"},
		{"SELECT json_patch('{}', '{}')", "may run for minutes"},
		{"SELECT hex(randomblob(4))", "cannot be replayed"},
		{"SELECT readfile('/etc/passwd')", "no such function"},
	};
	struct bench *bench = *state;

	bench->tool.data_spec = &bench->data;
	for (size_t i = 0; i < sizeof(CASES) / sizeof(*CASES); i++) {
		if (compile(bench, CASES[i].statement))
			fail_msg("compiled: %s", CASES[i].statement);
		assert_says(&bench->err, ERR_INVALID_BUNDLE, CASES[i].says);
	}
}

static void test_paths(void **state)
{
	static const char *const PATHS[] = {"/etc/passwd", "../x.db", "a/../../x.db"};
	struct bench *bench = *state;

	bench->tool.data_spec = &bench->data;
	for (size_t i = 0; i < sizeof(PATHS) / sizeof(*PATHS); i++) {
		bench->data.sqlite = str_of(PATHS[i]);
		assert_false(compile(bench, "SELECT 1"));
		assert_says(&bench->err, ERR_INVALID_BUNDLE, "expected a path inside the bundle");
	}
	bench->data.sqlite = STR("missing.db");
	assert_false(compile(bench, "SELECT 1"));
	assert_says(&bench->err, ERR_INVALID_BUNDLE, "unable to open");
}

static void test_no_database_file(void **state)
{
	struct bench *bench = *state;
	char *path = arena_printf(&bench->arena, "%s/text", bench->dir);
	FILE *file = fopen(path, "w");

	for (int i = 0; i < 1000; i++)
		fputs("this is no database ", file);
	fclose(file);
	bench->tool.data_spec = &bench->data;
	bench->data.sqlite = STR("text");
	assert_false(compile(bench, "SELECT * FROM member"));
	assert_says(&bench->err, ERR_INVALID_BUNDLE, "file is not a database");
	unlink(path);
}

static void test_types(void **state)
{
	static const struct {
		const char *statement, *arguments, *result;
	} CASES[] = {
		{"SELECT 1", "{}", "1"},
		{"SELECT 9223372036854775807", "{}", "9223372036854775807"},
		{"SELECT 0.1 + 0.2", "{}", "0.30000000000000004"},
		{"SELECT 2.0", "{}", "2.0"},
		{"SELECT 9e999", "{}", "null"},
		{"SELECT NULL", "{}", "null"},
		{"SELECT 'é\"'", "{}", "\"é\\\"\""},
		{"SELECT x'00ff10'", "{}", "\"AP8Q\""},
		{"SELECT x''", "{}", "\"\""},
		{"SELECT ''", "{}", "\"\""},
		{"SELECT typeof(:a)", "{\"a\":1}", "\"integer\""},
		{"SELECT typeof(:a)", "{\"a\":1.0}", "\"real\""},
		{"SELECT typeof(:a)", "{\"a\":\"x\"}", "\"text\""},
		{"SELECT typeof(:a)", "{\"a\":null}", "\"null\""},
		{"SELECT typeof(:a)", "{}", "\"null\""},
		{"SELECT :a", "{\"a\":true}", "1"},
		{"SELECT :a", "{\"a\":[1,{\"b\":null}]}", "\"[1,{\\\"b\\\":null}]\""},
		{"SELECT sum(value) FROM json_each(:a)", "{\"a\":[1,2,3]}", "6"},
		{"SELECT :a || :b || :a", "{\"a\":\"x\",\"b\":\"y\"}", "\"xyx\""},
		{"SELECT length(:a)", "{\"a\":\"\"}", "0"},
		{"WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x+1 FROM c WHERE x < 10) "
		 "SELECT sum(x) FROM c; -- the end\n ;",
			"{}", "55"},
		{"SELECT CURRENT_TIMESTAMP", "{}", "\"2026-11-21 22:46:47\""},
		{"SELECT strftime('%Y-%m-%d %H:%M:%f', 'now', '+1 day')", "{}",
			"\"2026-11-22 22:46:47.123\""},
		{"SELECT date(:a)", "{\"a\":\"2024-02-29\"}", "\"2024-02-29\""},
		{"SELECT 1 WHERE 0", "{}", "null"},
	};
	struct bench *bench = *state;

	bench->tool.sql.result = SQL_VALUE;
	for (size_t i = 0; i < sizeof(CASES) / sizeof(*CASES); i++) {
		if (!compile(bench, CASES[i].statement) || !run(bench, CASES[i].arguments))
			fail_msg("%s: %s", CASES[i].statement, bench->err.text);
		assert_string_equal(result_text(bench), CASES[i].result);
	}
}

static void test_rows_of_a_file(void **state)
{
	struct bench *bench = *state;

	bench->tool.data_spec = &bench->data;
	assert_true(compile(bench, "SELECT id, name, balance, photo FROM member WHERE id <= :id"));
	assert_true(run(bench, "{\"id\":2}"));
	assert_string_equal(result_text(bench),
		"[{\"id\":1,\"name\":\"Ann\",\"balance\":10.5,\"photo\":\"AP8Q\"},"
		"{\"id\":2,\"name\":\"Bo\",\"balance\":null,\"photo\":null}]");
	assert_true(run(bench, "{\"id\":0}"));
	assert_string_equal(result_text(bench), "[]");
	assert_false(run(bench, "{\"id\":3}"));
	assert_says(&bench->err, ERR_BAD_REQUEST, "column 'name' is text that is not UTF-8");

	bench->tool.sql.result = SQL_ROW;
	assert_true(run(bench, "{\"id\":2}"));
	assert_string_equal(result_text(bench),
		"{\"id\":1,\"name\":\"Ann\",\"balance\":10.5,\"photo\":\"AP8Q\"}");
	assert_true(run(bench, "{\"id\":-1}"));
	assert_string_equal(result_text(bench), "null");
}

/* A database that was written in WAL mode wants to make files beside itself; an immutable one does
 * not. */
static void test_wal_mode(void **state)
{
	struct bench *bench = *state;
	const char *path = arena_printf(&bench->arena, "%s/my %%23 db?.sqlite", bench->dir);
	sqlite3 *db;

	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	assert_int_equal(
		sqlite3_exec(db,
			"PRAGMA journal_mode=WAL; UPDATE member SET name = 'An' WHERE id = 1", NULL,
			NULL, NULL),
		SQLITE_OK);
	sqlite3_close(db);
	bench->tool.data_spec = &bench->data;
	bench->tool.sql.result = SQL_VALUE;
	assert_true(compile(bench, "SELECT name FROM member WHERE id = 1"));
	assert_true(run(bench, "{}"));
	assert_string_equal(result_text(bench), "\"An\"");
}

static void test_parameters(void **state)
{
	struct bench *bench = *state;
	size_t count;

	assert_true(compile(bench, "SELECT :b + :a + :b, 'not :this'"));
	const struct str *names = sql_parameters(bench->sql, &count);
	assert_int_equal(count, 2);
	assert_true(str_is(names[0], "b") && str_is(names[1], "a"));
}

static const char FOREVER[] =
	"WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c) SELECT x FROM c WHERE x < 0";

static void test_limits(void **state)
{
	struct bench *bench = *state;

	bench->tool.sql.max_rows = 3;
	assert_true(compile(bench, "SELECT value FROM json_each(:a)"));
	assert_true(run(bench, "{\"a\":[1,2,3]}"));
	assert_false(run(bench, "{\"a\":[1,2,3,4]}"));
	assert_says(&bench->err, ERR_BAD_REQUEST, "more than 3 rows");
	assert_true(run(bench, "{\"a\":[1]}"));

	bench->tool.sql.timeout_ms = 20;
	assert_true(compile(bench, FOREVER));
	assert_false(run(bench, "{}"));
	assert_says(&bench->err, ERR_DEADLINE, "longer than 20 ms");

	bench->tool.sql.timeout_ms = 60000;
	bench->tool.sql.result = SQL_VALUE;
	assert_true(compile(bench, "SELECT hex(zeroblob(:n))"));
	assert_false(run(bench, "{\"n\":100000000}"));
	assert_says(&bench->err, ERR_BAD_REQUEST, "too big");
	assert_true(run(bench, "{\"n\":2}"));
	assert_string_equal(result_text(bench), "\"0000\"");

	assert_true(compile(bench,
		"WITH RECURSIVE c(x, y) AS (SELECT 1, hex(zeroblob(1000000)) UNION ALL SELECT x + 1, y || x "
		"FROM c WHERE x < 1000) SELECT y FROM c ORDER BY length(y) DESC"));
	assert_false(run(bench, "{}"));
	assert_says(&bench->err, ERR_BAD_REQUEST, "wants more than 268435456 bytes");

	assert_true(compile(bench, "SELECT json_extract(:a, '$.x')"));
	assert_false(run(bench, "{\"a\":\"{\"}"));
	assert_says(&bench->err, ERR_BAD_REQUEST, "malformed JSON");
}

/* What replaces SQLite's own functions answers as they do. */
static void test_functions_answer_as_sqlite(void **state)
{
	static const char *const CALLS[] = {"instr(a, b)",
		"instr(CAST(a AS BLOB), CAST(b AS BLOB))", "instr(a, CAST(b AS BLOB))",
		"instr(a, a)", "instr(x'c3a9c3', x'a9')", "instr(NULL, 1)", "instr(12345, 34)",
		"instr(a, NULL)", "replace(a, b, 'é')", "replace(a, b, '')", "replace(a, a, b)",
		"replace(a, '', b)", "replace(a, NULL, b)", "replace(a, b, NULL)",
		"replace(NULL, a, b)", "replace(12321, 2, 0.5)", "trim(a)", "ltrim(a)", "rtrim(a)",
		"trim(a, b)", "ltrim(a, b)", "rtrim(a, b)", "trim(a, a)", "trim(a, a || b)",
		"trim(a, '')", "trim(NULL)", "trim(a, NULL)", "trim(' 12 ')", "trim(123, 13)",
		"trim(a, ' é€x😀')", "printf(a, b, 1)", "printf('%s', a)",
		"printf('(%10s|%-10s|%.2s|%!.2s|%!5s)', a, b, a, a, b)",
		"printf('%q %Q %w %z', a, a, a, a)", "printf('%q %Q %w %s')",
		"printf('%Q %q %w %s', NULL, NULL, NULL, NULL)",
		"printf('%d %i %u %x %X %o %p %r', 5, -5, -5, -255, 255, 8, 255, 22)",
		"printf('%05d %+d % d %,d %-5d| %5.3d %#x %#X %#o %!d', 7, 7, 7, 7654321, 7, 7, 255, 255, 8, 9)",
		("printf('%f %.2f %10.3f %-10.1f| %e %E %g %G %!g %!.20f %,f %#g', 1.5, 2.345, 3.14159, 2.25,"
		 " 12345.678, 1e-10, 1e20, 0.0001, 0.1, 0.1, 1234567.5, 1)"),
		"printf('%f %f %f %d', 1e999, -1e999, NULL, 9223372036854775807)",
		"printf('%*d|%-*d|%.*f|%*s|%*d', 5, 1, 5, 1, 3, 1.23456, 6, 'x', -6, 2)",
		"printf('%.*s|%.*d', -2, 'abc', -3, 5)", "printf('%c%c%c|', 'abc', 'é', '')",
		"printf('%5c|%-5c|%.3c|%6.3c|%-6.3c|', 'a', 'a', 'é', 'é', 'é')",
		"printf('%lld %ld %lu %llx', 1, 2, 3, 255)", "printf('100%%|%5%|%')",
		"printf('a%nb%d', 5)", "printf('a%yb', 5)", "printf('a%Tb', 5)", "printf('')",
		"printf(NULL)", "printf()", "printf('%--++  ##!!00,,5d', 5)", "printf('%', 1)",
		"printf('%5', 1)", "printf('%.', 1)", "printf('%l', 1)", "format('%s-%d', a, b)",
		"printf('%s %d %f', x'616263', '12abc', '1.5x')", "printf('%c', NULL)",
		"printf('%300.250f|%.30g|%.0f|%.f|%#.0f', 1.5, 0.1, 2.5, 2.5, 3.0)"};
	static const char *const VALUES[][2] = {{"", ""}, {"a", "a"}, {"  abc  ", "c "},
		{"ababab", "ab"}, {"aaa", "aaaa"}, {"€é€é", "é€"}, {"'x''\"%", "'"},
		{"%s %d%%", "5"}, {"x😀é", "😀"}, {"abcabd", "abd"}, {"\x80\xc3(", "\xc3"}};
	struct bench *bench = *state;
	sqlite3 *theirs;
	unsigned differences = 0;

	assert_int_equal(sqlite3_open(":memory:", &theirs), SQLITE_OK);
	for (size_t i = 0; i < sizeof(CALLS) / sizeof(*CALLS); i++)
		for (size_t k = 0; k < sizeof(VALUES) / sizeof(*VALUES); k++) {
			char *quoted = sqlite3_mprintf(
				"WITH v AS (SELECT %Q AS a, %Q AS b) SELECT quote(r) || typeof(r) || "
				"hex(r) FROM (SELECT %s AS r FROM v)",
				VALUES[k][0], VALUES[k][1], CALLS[i]);
			sqlite3_stmt *statement;

			assert_int_equal(sqlite3_prepare_v2(theirs, quoted, -1, &statement, NULL),
				SQLITE_OK);
			assert_int_equal(sqlite3_step(statement), SQLITE_ROW);

			struct sql_connection *ours =
				sql_connect(":memory:", str_of(quoted), &bench->err);

			if (ours == NULL)
				fail_msg("%s: %s", quoted, bench->err.text);
			assert_int_equal(sqlite3_step(ours->statement), SQLITE_ROW);
			if (strcmp((const char *)sqlite3_column_text(statement, 0),
				    (const char *)sqlite3_column_text(ours->statement, 0)) != 0)
				differences++, print_error("%s: expected %s, got %s\n", CALLS[i],
						       sqlite3_column_text(statement, 0),
						       sqlite3_column_text(ours->statement, 0));
			sqlite3_finalize(statement);
			sqlite3_free(quoted);
			sql_disconnect(ours);
		}
	sqlite3_close(theirs);
	assert_int_equal(differences, 0);
}

/* A function cannot be interrupted: whatever it is given, it must end soon. */
static void test_functions_end_soon(void **state)
{
	static const struct {
		const char *statement, *says;
	} CASES[] = {
		{"SELECT instr(:a, substr(:a, 500000) || 'b')", NULL},
		{"SELECT length(replace(:a, substr(:a, 500000) || 'b', ''))", NULL},
		{"SELECT length(replace(:a, substr(:a, 1, 100), :a))", "too big"},
		{"SELECT length(trim(:a, :b))", NULL},
		{"SELECT length(rtrim(:a, :b))", NULL},
		{"SELECT printf('%.*c', 2147483647, 'x')", "too large"},
		{"SELECT printf('%2147483647d', 1)", "too large"},
		{"SELECT printf('%.99999999999999999999f', 1)", "too large"},
		{"SELECT :a LIKE '%aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab'", NULL},
		{"SELECT :a LIKE '%aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab'",
			"pattern too complex"},
		{"SELECT length(:c)", "argument 'c': it has 1048579 bytes, more than 1048576"},
		{"SELECT length(:d)", "argument 'd': it has 1048577 bytes, more than 1048576"},
	};
	struct bench *bench = *state;
	struct json arguments = json_object(), list = json_array();
	char *a = arena_alloc(&bench->arena, SQL_ARGUMENT_MAX + 1);
	char *b = arena_alloc(&bench->arena, SQL_ARGUMENT_MAX);

	memset(a, 'a', SQL_ARGUMENT_MAX + 1);
	for (size_t i = 0; i < SQL_ARGUMENT_MAX; i++)
		b[i] = (char)('b' + i % 20);
	b[SQL_ARGUMENT_MAX - 1] = 'a';
	json_append(&bench->arena, &list, json_string((struct str){a, SQL_ARGUMENT_MAX - 1}));
	json_set(&bench->arena, &arguments, STR("a"),
		json_string((struct str){a, SQL_ARGUMENT_MAX}));
	json_set(&bench->arena, &arguments, STR("b"),
		json_string((struct str){b, SQL_ARGUMENT_MAX}));
	json_set(&bench->arena, &arguments, STR("c"), list);
	json_set(&bench->arena, &arguments, STR("d"),
		json_string((struct str){a, SQL_ARGUMENT_MAX + 1}));
	for (size_t i = 0; i < sizeof(CASES) / sizeof(*CASES); i++) {
		struct sql_stop stop = SQL_STOP_INIT;
		const uint64_t before = clock_ns();

		assert_true(compile(bench, CASES[i].statement));
		const bool is_done = sql_run(bench->sql, &bench->arena, &arguments, NOW_US, &stop,
			&bench->result, &bench->err);
		const uint64_t took_ms = (clock_ns() - before) / 1000000;

		/* The sanitizers and other tests may make it ten times what it is. */
		if (took_ms > 1500)
			fail_msg(
				"%s took %llu ms", CASES[i].statement, (unsigned long long)took_ms);
		assert_int_equal(is_done, CASES[i].says == NULL);
		if (!is_done)
			assert_says(&bench->err, ERR_BAD_REQUEST, CASES[i].says);
	}
}

/* What was a file when the bundle was loaded may be a link when a thread opens it anew. */
static void test_links_are_not_followed(void **state)
{
	struct bench *bench = *state;
	const char *path = arena_printf(&bench->arena, "%s/%s", bench->dir, "link.db");
	const char *folder = arena_printf(&bench->arena, "%s/folder", bench->dir);
	const char *above = arena_printf(&bench->arena, "%s.link", bench->dir);

	bench->tool.data_spec = &bench->data;
	assert_int_equal(symlink("my %23 db?.sqlite", path), 0);
	bench->data.sqlite = STR("link.db");
	assert_false(compile(bench, "SELECT 1 FROM member"));
	assert_says(&bench->err, ERR_INVALID_BUNDLE, "unable to open");
	unlink(path);

	assert_int_equal(symlink(".", folder), 0);
	bench->data.sqlite = STR("folder/my %23 db?.sqlite");
	assert_false(compile(bench, "SELECT 1 FROM member"));
	assert_says(&bench->err, ERR_INVALID_BUNDLE, "unable to open");
	unlink(folder);

	/* The bundle's own folder may be reached through one, as `current` often is. */
	assert_int_equal(symlink(bench->dir, above), 0);
	bench->data.sqlite = STR("my %23 db?.sqlite");
	bench->sql = sql_new(&bench->arena, above, &bench->tool, &bench->err);
	assert_non_null(bench->sql);
	unlink(above);
}

static void *interrupt_soon(void *data)
{
	usleep(20000);
	sql_stop(data);
	return NULL;
}

/* Few instructions, each on megabytes. */
static const char HEAVY[] =
	"WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c WHERE x < 1000) "
	"SELECT sum(length(hex(zeroblob(2000000 + x)))) FROM c";

static void test_interrupted(void **state)
{
	struct bench *bench = *state;
	const struct json nothing = json_object();
	pthread_t thread;

	for (int i = 0; i < 2; i++) {
		struct sql_stop stop = SQL_STOP_INIT;

		assert_true(compile(bench, i == 0 ? FOREVER : HEAVY));
		pthread_create(&thread, NULL, interrupt_soon, &stop);
		assert_false(sql_run(bench->sql, &bench->arena, &nothing, NOW_US, &stop,
			&bench->result, &bench->err));
		pthread_join(thread, NULL);
		assert_int_equal(bench->err.code, ERR_CANCELLED);
		/* Before it begins, too; and it harms no later run on the connection. */
		assert_false(sql_run(bench->sql, &bench->arena, &nothing, NOW_US, &stop,
			&bench->result, &bench->err));
		assert_int_equal(bench->err.code, ERR_CANCELLED);
		sql_stop(&stop);
	}
	assert_true(compile(bench, "SELECT 1"));
	assert_true(run(bench, "{}"));
}

/* The clock is looked at often enough even where each instruction takes milliseconds. */
static void test_time_of_heavy_instructions(void **state)
{
	struct bench *bench = *state;

	bench->tool.sql.timeout_ms = 50;
	assert_true(compile(bench, HEAVY));
	const int64_t before = clock_ms();
	assert_false(run(bench, "{}"));
	assert_says(&bench->err, ERR_DEADLINE, "longer than 50 ms");
	assert_true(clock_ms() - before < 2000);
}

/* Holds 2 MB a row until it has sorted them all. */
static const char HOARD[] =
	"WITH RECURSIVE c(x, y) AS (SELECT 1, hex(zeroblob(1000000)) UNION ALL SELECT x + 1, y "
	"FROM c WHERE x < :rows) SELECT max(n) FROM (SELECT length(y) AS n, y FROM c ORDER BY y, x)";

static void *hoard(void *data)
{
	struct bench *bench = data;

	for (int i = 0; i < 3 && bench->err.code == ERR_NONE; i++)
		run(bench, "{\"rows\":64}");
	return NULL;
}

/* Each holds more than half of what one statement may: it is the sum that must not matter. */
static void test_memory_is_a_statements_own(void **state)
{
	struct bench *bench = *state, others[3];
	pthread_t threads[3];

	bench->tool.sql.timeout_ms = 60000;
	assert_true(compile(bench, HOARD));
	for (size_t i = 0; i < 3; i++) {
		others[i] = *bench;
		arena_init(&others[i].arena);
		pthread_create(&threads[i], NULL, hoard, &others[i]);
	}
	for (size_t i = 0; i < 3; i++) {
		pthread_join(threads[i], NULL);
		arena_done(&others[i].arena);
		if (others[i].err.code != ERR_NONE)
			fail_msg("%s", others[i].err.text);
	}
	assert_false(run(bench, "{\"rows\":256}"));
	assert_says(&bench->err, ERR_BAD_REQUEST, "wants more than");
	assert_true(run(bench, "{\"rows\":2}"));
}

static void *run_many(void *data)
{
	struct bench *bench = data;
	struct json arguments = json_object();
	struct arena arena;

	struct sql_stop never = SQL_STOP_INIT;

	arena_init(&arena);
	json_set(&arena, &arguments, STR("id"), json_integer(2));
	for (unsigned i = 0; i < 300; i++) {
		struct json result;
		struct error err;

		assert_true(sql_run(bench->sql, &arena, &arguments, NOW_US, &never, &result, &err));
		assert_int_equal(result.integer, 2);
	}
	arena_done(&arena);
	return NULL;
}

static void test_threads(void **state)
{
	struct bench *bench = *state;
	pthread_t threads[4];

	bench->tool.data_spec = &bench->data;
	bench->tool.sql.result = SQL_VALUE;
	assert_true(compile(bench, "SELECT count(*) FROM member WHERE id <= :id"));
	for (size_t i = 0; i < 4; i++)
		pthread_create(&threads[i], NULL, run_many, bench);
	for (size_t i = 0; i < 4; i++)
		pthread_join(threads[i], NULL);
}

#define TEST(name_) cmocka_unit_test_setup_teardown(name_, setup, teardown)

int main(void)
{
	struct error err;
	const struct CMUnitTest tests[] = {
		TEST(test_refused),
		TEST(test_paths),
		TEST(test_no_database_file),
		TEST(test_types),
		TEST(test_rows_of_a_file),
		TEST(test_wal_mode),
		TEST(test_parameters),
		TEST(test_limits),
		TEST(test_functions_answer_as_sqlite),
		TEST(test_functions_end_soon),
		TEST(test_links_are_not_followed),
		TEST(test_interrupted),
		TEST(test_time_of_heavy_instructions),
		TEST(test_memory_is_a_statements_own),
		TEST(test_threads),
	};

	if (!sql_global_init(&err)) {
		fprintf(stderr, "%s\n", err.text);
		return 1;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* model/csv.h: docs/protocol/RULES.md V10, before types. */
#include "model/csv.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

/* As JSON: the names, then the rows. In memory of exactly its size. */
static bool read_csv(struct str text, struct buf *out, struct error *err)
{
	struct arena arena;
	struct csv csv;
	char *copy = malloc(text.len > 0 ? text.len : 1);

	assert_non_null(copy);
	memcpy(copy, text.data, text.len);
	arena_init(&arena);
	const bool is_read = csv_read(&arena, (struct str){copy, text.len}, &csv, err);
	for (size_t i = 0; is_read && i < csv.column_count; i++) {
		buf_add_char(out, i > 0 ? ',' : '[');
		json_write_string(out, csv.names[i]);
	}
	for (size_t i = 0; is_read && i < csv.row_count * csv.column_count; i++) {
		buf_add_text(out, i % csv.column_count == 0 ? "][" : ",");
		json_write(out, &csv.cells[i]);
	}
	if (is_read)
		buf_add_char(out, ']');
	arena_done(&arena);
	free(copy);
	return is_read;
}

static void is_csv(struct str text, const char *expected)
{
	struct buf out = {0};
	struct error err = {0};

	if (!read_csv(text, &out, &err))
		fail_msg("%s", err.text);
	assert_string_equal(buf_text(&out), expected);
	buf_done(&out);
}

static void is_refused(struct str text, enum error_code code, const char *part)
{
	struct buf out = {0};
	struct error err = {0};

	assert_false(read_csv(text, &out, &err));
	assert_int_equal(err.code, code);
	if (strstr(err.text, part) == NULL)
		fail_msg("'%s' is not in '%s'", part, err.text);
	buf_done(&out);
}

#define OK(text, expected)      is_csv(STR(text), expected)
#define FAILS(text, code, part) is_refused(STR(text), code, part)

static void test_lines(void **state)
{
	OK("a,b\n1,2\n", "[\"a\",\"b\"][\"1\",\"2\"]");
	OK("a\n1", "[\"a\"][\"1\"]");
	OK("a\r\n1\r\n", "[\"a\"][\"1\"]");
	OK("a\r1\r2", "[\"a\"][\"1\"][\"2\"]");
	OK("a\n\r\n\n 1\n\n", "[\"a\"][\" 1\"]");
	OK("\n \t\na\n  \n1\n", "[\"a\"][\"1\"]");
	OK("\xEF\xBB\xBF"
	   "a\n1\n",
		"[\"a\"][\"1\"]");
	OK("a,b\n", "[\"a\",\"b\"]");
	OK("a", "[\"a\"]");
	OK("a\nx\0y\n", "[\"a\"][\"x\\u0000y\"]");
}

static void test_cells(void **state)
{
	OK("a,b,c\n1,,3\n,\n", "[\"a\",\"b\",\"c\"][\"1\",null,\"3\"][null,null,null]");
	OK("a,b\n\"\",x\n", "[\"a\",\"b\"][null,\"x\"]");
	OK("a\n\"\"\n", "[\"a\"][null]");
	OK("a,b\n\"x,y\",\"he said \"\"hi\"\"\"\n",
		"[\"a\",\"b\"][\"x,y\",\"he said \\\"hi\\\"\"]");
	OK("\"a\nb\"\n\"1\r\n2\"\n", "[\"a\\nb\"][\"1\\r\\n2\"]");
	OK("a\nx\"y\n", "[\"a\"][\"x\\\"y\"]");
	OK("a\n\"x\"y\n", "[\"a\"][\"xy\"]");
	OK("a\n\"x\"\"\"z\"\n", "[\"a\"][\"x\\\"z\\\"\"]");
	OK("a\n\"\"\"\"", "[\"a\"][\"\\\"\"]");
}

static void test_refused(void **state)
{
	FAILS("", ERR_BAD_REQUEST, "no header");
	FAILS("\n \n", ERR_BAD_REQUEST, "no header");
	FAILS(",a\n", ERR_BAD_REQUEST, "empty name (column 0");
	FAILS("a,\n", ERR_BAD_REQUEST, "empty name (column 1");
	FAILS("a,b,a\n", ERR_BAD_REQUEST, "'a' twice");
	FAILS("a\n1\n1,2\n", ERR_BAD_REQUEST, "line 3: more cells");
	FAILS("a\n1,\n", ERR_BAD_REQUEST, "line 2: more cells");
	FAILS("a\n\"x\n", ERR_BAD_REQUEST, "a quoted cell does not end");
	FAILS("a\n\"", ERR_BAD_REQUEST, "a quoted cell does not end");
	FAILS("a\n\"x\"\"", ERR_BAD_REQUEST, "a quoted cell does not end");
	FAILS("a\n\xFF\n", ERR_BAD_REQUEST, "UTF-8");
}

/* A wide header times short rows must not ask for more than the request is worth. */
static void test_size_is_limited(void **state)
{
	struct buf text = {0};
	struct buf out = {0};
	struct error err = {0};

	for (int i = 0; i < 20000; i++)
		buf_printf(&text, "%sc%d", i > 0 ? "," : "", i);
	for (int i = 0; i < 1000; i++)
		buf_add_text(&text, "\nx");
	assert_false(read_csv(buf_str(&text), &out, &err));
	assert_int_equal(err.code, ERR_TOO_LARGE);
	buf_done(&text);
	buf_done(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lines),
		cmocka_unit_test(test_cells),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_size_is_limited),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

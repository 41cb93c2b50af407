/* Outputs: what answers hold, column by column. */
#include "cli/outputs.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void expect(const char *const *answers, const char *wanted)
{
	struct arena arena;
	struct outputs outputs;
	struct buf out = {0};

	arena_init(&arena);
	outputs_init(&outputs, &arena);
	for (; *answers != NULL; answers++) {
		struct json answer;
		struct error err = {0};

		if (!json_read(&arena, str_of(*answers), &answer, &err))
			fail_msg("%s", err.text);
		outputs_add(&outputs, &answer);
	}
	buf_printf(&out, "%zu rows, %zu failed\n", outputs.row_count, outputs.rows_failed);
	outputs_write(&out, &outputs);
	assert_string_equal(buf_text(&out), wanted);
	buf_done(&out);
	arena_done(&arena);
}

#define ANSWERS(...) ((const char *const[]){__VA_ARGS__, NULL})

static void outputs_of_rows(void **state)
{
	expect(ANSWERS("{\"predictions\":[{\"n\":3,\"x\":0.5,\"t\":\"größe\",\"error\":null},"
		       "{\"n\":5,\"x\":2,\"t\":null,\"error\":\"no\"}]}",
		       "{\"predictions\":[{\"n\":3,\"x\":1,\"t\":\"ab\",\"error\":null}]}"),
		"3 rows, 1 failed\n"
		"  n               integer  min 3  avg 3.667  max 5  values 3, 5\n"
		"  x               number   min 0.5  avg 1.16667  max 2\n"
		"  t               text     2 to 5 characters, avg 3.5; 1 of 3 null\n"
		"  error           text     2 to 2 characters, avg 2; 2 of 3 null\n");
}

static void outputs_of_other_shapes(void **state)
{
	expect(ANSWERS("{\"predictions\":[1,2]}"),
		"2 rows, 0 failed\n  prediction      integer  min 1  avg 1.5  max 2  values 1, 2\n");
	expect(ANSWERS("{\"predictions\":{\"a\":[1]}}"), "1 rows, 0 failed\n  a               object   \n");
	expect(ANSWERS("{\"choices\":[{\"message\":{\"content\":\"hi\"}}],\"usage\":{\"total_tokens\":7}}"),
		"1 rows, 0 failed\n  content         text     2 to 2 characters, avg 2\n"
		"  total_tokens    integer  min 7  avg 7  max 7  values 7\n");
	expect(ANSWERS("{\"predictions\":[]}"), "0 rows, 0 failed\n");
	expect(ANSWERS("{\"predictions\":[{\"v\":1},{\"v\":\"one\"}]}"),
		"2 rows, 0 failed\n  v               mixed    min 1  avg 1  max 1  values 1; 3 to 3 characters, avg 3\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(outputs_of_rows),
		cmocka_unit_test(outputs_of_other_shapes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

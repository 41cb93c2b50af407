/* Ready: who holds it, for what, and what /ready says then. */
#include "server/ready.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void on_change(void *data)
{
	++*(unsigned *)data;
}

static void assert_said(struct ready *ready, const char *wanted, bool is_ready)
{
	struct buf said = {0};

	assert_int_equal(ready_write(ready, &said), is_ready);
	assert_int_equal(ready_is(ready), is_ready);
	buf_add_char(&said, '\0');
	assert_string_equal(said.data, wanted);
	buf_done(&said);
}

static void test_every_hold_needs_its_release(void **state)
{
	unsigned changes = 0;
	struct ready ready;

	ready_init(&ready, on_change, &changes);
	assert_said(&ready, "{\"ready\":true,\"reasons\":[]}", true);
	ready_hold(&ready, "a");
	ready_hold(&ready, "b");
	ready_hold(&ready, "a");
	assert_said(&ready, "{\"ready\":false,\"reasons\":[\"a\",\"b\",\"a\"]}", false);
	ready_release(&ready, "a");
	assert_said(&ready, "{\"ready\":false,\"reasons\":[\"b\",\"a\"]}", false);
	ready_release(&ready, "a");
	ready_release(&ready, "b");
	assert_said(&ready, "{\"ready\":true,\"reasons\":[]}", true);
	assert_int_equal(changes, 6);
	ready_done(&ready);
}

static void test_all_places_can_be_taken(void **state)
{
	static const char *const REASONS[READY_REASONS_MAX] = {"a", "b", "c", "d", "e", "f", "g", "h"};
	unsigned changes = 0;
	struct ready ready;

	ready_init(&ready, on_change, &changes);
	for (int i = 0; i < READY_REASONS_MAX; i++)
		ready_hold(&ready, REASONS[i]);
	for (int i = 0; i < READY_REASONS_MAX; i++) {
		assert_false(ready_is(&ready));
		ready_release(&ready, REASONS[i]);
	}
	assert_true(ready_is(&ready));
	ready_done(&ready);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_hold_needs_its_release),
		cmocka_unit_test(test_all_places_can_be_taken),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

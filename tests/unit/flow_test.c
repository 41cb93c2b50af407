/* flow: steps in order, one end, and what a cancel does wherever it comes. */
#include "async/flow.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

/* What the flow waits for: a deferred call stands for any operation that completes later. */
struct trip {
	struct flow flow;
	struct loop *loop;
	struct loop_task operation;
	char log[64];
	size_t len;
	unsigned done_count, cancel_count, waits;
	bool is_ended_well, is_in_start, is_step_cancelling;
	struct error err;
};

static void note(struct trip *trip, char letter)
{
	assert_false(trip->is_in_start);
	trip->log[trip->len++] = letter;
}

static void on_operation(void *data)
{
	flow_resume(data);
}

static void operate(struct trip *trip)
{
	loop_defer(trip->loop, &trip->operation, on_operation, &trip->flow);
}

static struct next last_step(void *self)
{
	note(self, 'c');
	return next_done();
}

static struct next middle_step(void *self)
{
	note(self, 'b');
	return next_step(last_step);
}

static struct next first_step(void *self)
{
	struct trip *trip = self;

	note(trip, 'a');
	operate(trip);
	if (trip->is_step_cancelling)
		flow_cancel(&trip->flow);
	return next_wait(middle_step);
}

static struct next stubborn_step(void *self)
{
	struct trip *trip = self;

	note(trip, 's');
	if (++trip->waits == 4)
		return next_done();
	operate(trip);
	return next_wait(stubborn_step);
}

static struct next failing_step(void *self)
{
	struct trip *trip = self;

	error_set(&trip->flow.err, ERR_UPSTREAM, "it broke");
	return next_fail(&trip->flow, "ask '%s'", "advisor");
}

static struct next plainly_failing_step(void *self)
{
	struct trip *trip = self;

	error_set(&trip->flow.err, ERR_NOT_FOUND, "no such thing");
	return next_fail(&trip->flow, NULL);
}

static void on_cancel(void *self)
{
	((struct trip *)self)->cancel_count++;
}

static void on_done(void *self, const struct error *err)
{
	struct trip *trip = self;

	assert_false(trip->is_in_start);
	trip->done_count++;
	trip->is_ended_well = err == NULL;
	if (err != NULL)
		trip->err = *err;
	loop_stop(trip->loop);
}

static void begin(struct trip *trip, flow_step *first)
{
	*trip = (struct trip){.loop = loop_new(), .is_in_start = true};
	flow_start(&trip->flow, trip->loop, trip, first, on_cancel, on_done);
	trip->is_in_start = false;
}

static void end(struct trip *trip)
{
	assert_int_equal(trip->done_count, 1);
	flow_cancel(&trip->flow); /* too late: nothing happens */
	loop_free(trip->loop);
}

static void test_steps_run_in_order(void **state)
{
	struct trip trip;

	begin(&trip, first_step);
	loop_run(trip.loop);
	assert_string_equal(trip.log, "abc");
	assert_true(trip.is_ended_well);
	assert_int_equal(trip.cancel_count, 0);
	end(&trip);
}

static void test_failure_gets_context(void **state)
{
	struct trip trip;

	begin(&trip, failing_step);
	loop_run(trip.loop);
	assert_int_equal(trip.err.code, ERR_UPSTREAM);
	assert_string_equal(trip.err.text, "ask 'advisor': it broke");
	end(&trip);

	begin(&trip, plainly_failing_step);
	loop_run(trip.loop);
	assert_string_equal(trip.err.text, "no such thing");
	end(&trip);
}

static void test_cancel_before_the_first_step(void **state)
{
	struct trip trip;

	begin(&trip, first_step);
	trip.is_in_start = true;
	flow_cancel(&trip.flow);
	flow_cancel(&trip.flow);
	trip.is_in_start = false;
	loop_run(trip.loop);
	assert_string_equal(trip.log, "");
	assert_int_equal(trip.cancel_count, 0);
	assert_int_equal(trip.err.code, ERR_CANCELLED);
	end(&trip);
}

static void cancel_it(void *data)
{
	struct trip *trip = data;

	trip->is_in_start = true;
	flow_cancel(&trip->flow);
	trip->is_in_start = false;
}

static void test_cancel_while_it_waits(void **state)
{
	struct trip trip;
	struct loop_task task = {0};

	begin(&trip, first_step);
	loop_defer(trip.loop, &task, cancel_it, &trip);
	loop_run(trip.loop);
	/* The step that waited still runs: it sees what became of the operation. */
	assert_string_equal(trip.log, "abc");
	assert_int_equal(trip.cancel_count, 1);
	assert_false(trip.is_ended_well);
	assert_int_equal(trip.err.code, ERR_CANCELLED);
	end(&trip);
}

static void test_cancel_from_within_a_step(void **state)
{
	struct trip trip;

	begin(&trip, first_step);
	trip.is_step_cancelling = true;
	loop_run(trip.loop);
	assert_int_equal(trip.cancel_count, 1);
	assert_int_equal(trip.err.code, ERR_CANCELLED);
	end(&trip);
}

static void test_what_a_cancelled_flow_starts_is_cancelled_too(void **state)
{
	struct trip trip;
	struct loop_task task = {0};

	begin(&trip, stubborn_step);
	loop_defer(trip.loop, &task, cancel_it, &trip);
	loop_run(trip.loop);
	assert_string_equal(trip.log, "ssss");
	assert_int_equal(trip.cancel_count, 3);
	assert_int_equal(trip.err.code, ERR_CANCELLED);
	end(&trip);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_steps_run_in_order),
		cmocka_unit_test(test_failure_gets_context),
		cmocka_unit_test(test_cancel_before_the_first_step),
		cmocka_unit_test(test_cancel_while_it_waits),
		cmocka_unit_test(test_cancel_from_within_a_step),
		cmocka_unit_test(test_what_a_cancelled_flow_starts_is_cancelled_too),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

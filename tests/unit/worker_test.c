/* worker: every accepted work completes once on the loop's thread; the queue has an end; a cancel
 * reaches it anywhere. */
#include "async/worker.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

struct job {
	struct work work; /* first: a work is its job */
	struct scene *scene;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	bool is_open; /* a gated run() may return */
	bool is_interrupted;
	atomic_bool is_running;
	unsigned run_count, done_count, interrupt_count;
};

struct scene {
	struct loop *loop;
	struct worker_pool *pool;
	pthread_t loop_thread;
	unsigned done_count, done_wanted;
	bool is_in_call;
};

static void setup(struct scene *scene, unsigned threads, unsigned queue_max)
{
	*scene = (struct scene){.loop = loop_new(),
		.pool = worker_pool_new(threads, queue_max),
		.loop_thread = pthread_self()};
}

static void teardown(struct scene *scene)
{
	worker_pool_free(scene->pool);
	loop_free(scene->loop);
}

static void run_count(struct work *work)
{
	((struct job *)work)->run_count++;
}

static void run_failing(struct work *work)
{
	error_set(&work->err, ERR_NOT_FOUND, "no file 'x'");
}

static void run_gated(struct work *work)
{
	struct job *job = (struct job *)work;

	pthread_mutex_lock(&job->lock);
	job->run_count++;
	atomic_store(&job->is_running, true);
	while (!job->is_open)
		pthread_cond_wait(&job->changed, &job->lock);
	if (job->is_interrupted)
		error_set(&work->err, ERR_CANCELLED, "interrupted");
	pthread_mutex_unlock(&job->lock);
}

static void open_gate(struct job *job, bool is_interrupt)
{
	pthread_mutex_lock(&job->lock);
	job->is_open = true;
	job->is_interrupted |= is_interrupt;
	pthread_cond_signal(&job->changed);
	pthread_mutex_unlock(&job->lock);
}

static void interrupt(struct work *work)
{
	struct job *job = (struct job *)work;

	assert_true(pthread_equal(pthread_self(), job->scene->loop_thread));
	job->interrupt_count++;
	open_gate(job, true);
}

static void done(struct work *work)
{
	struct job *job = (struct job *)work;
	struct scene *scene = job->scene;

	assert_true(pthread_equal(pthread_self(), scene->loop_thread));
	assert_false(scene->is_in_call);
	job->done_count++;
	if (++scene->done_count == scene->done_wanted)
		loop_stop(scene->loop);
}

static void job_init(struct job *job, struct scene *scene, void (*run)(struct work *work))
{
	*job = (struct job){.work = {.run = run, .done = done, .interrupt = interrupt},
		.scene = scene,
		.lock = PTHREAD_MUTEX_INITIALIZER,
		.changed = PTHREAD_COND_INITIALIZER};
}

static bool submit(struct scene *scene, struct job *job, struct error *err)
{
	scene->is_in_call = true;
	const bool is_taken = worker_submit(scene->pool, scene->loop, &job->work, err);
	scene->is_in_call = false;
	return is_taken;
}

static void cancel(struct scene *scene, struct job *job)
{
	scene->is_in_call = true;
	worker_cancel(&job->work);
	scene->is_in_call = false;
}

static void run_until(struct scene *scene, unsigned done_wanted)
{
	scene->done_wanted = done_wanted;
	if (scene->done_count < done_wanted)
		loop_run(scene->loop);
	assert_int_equal(scene->done_count, done_wanted);
}

static void wait_until_it_runs(struct job *job)
{
	while (!atomic_load(&job->is_running))
		sched_yield();
}

static void test_many_works_complete_once(void **state)
{
	enum { COUNT = 500 };
	struct scene scene;
	struct error err;
	struct job *jobs = calloc(COUNT, sizeof(*jobs));

	setup(&scene, 3, COUNT);
	for (int i = 0; i < COUNT; i++) {
		job_init(&jobs[i], &scene, run_count);
		assert_true(submit(&scene, &jobs[i], &err));
	}
	run_until(&scene, COUNT);
	for (int i = 0; i < COUNT; i++) {
		assert_int_equal(jobs[i].run_count, 1);
		assert_int_equal(jobs[i].done_count, 1);
		assert_int_equal(jobs[i].work.err.code, ERR_NONE);
	}
	teardown(&scene);
	free(jobs);
}

static void test_failure_comes_back_and_a_work_can_be_used_again(void **state)
{
	struct scene scene;
	struct error err;
	struct job job;

	setup(&scene, 1, 1);
	job_init(&job, &scene, run_failing);
	assert_true(submit(&scene, &job, &err));
	run_until(&scene, 1);
	assert_int_equal(job.work.err.code, ERR_NOT_FOUND);
	job.work.run = run_count;
	assert_true(submit(&scene, &job, &err));
	run_until(&scene, 2);
	assert_int_equal(job.work.err.code, ERR_NONE);
	teardown(&scene);
}

static void test_a_full_queue_refuses_at_the_door(void **state)
{
	struct scene scene;
	struct error err = {0};
	struct job jobs[4];

	setup(&scene, 1, 2);
	for (int i = 0; i < 4; i++)
		job_init(&jobs[i], &scene, run_gated);
	assert_true(submit(&scene, &jobs[0], &err));
	assert_true(submit(&scene, &jobs[1], &err));
	assert_true(submit(&scene, &jobs[2], &err));
	assert_false(submit(&scene, &jobs[3], &err));
	assert_int_equal(err.code, ERR_UNAVAILABLE);
	assert_non_null(strstr(err.text, "1 worker threads are busy and 2 works wait"));
	for (int i = 0; i < 3; i++)
		open_gate(&jobs[i], false);
	run_until(&scene, 3);
	assert_int_equal(jobs[3].done_count, 0);
	assert_int_equal(jobs[3].run_count, 0);
	open_gate(&jobs[3], false);
	assert_true(submit(&scene, &jobs[3], &err));
	run_until(&scene, 4);
	teardown(&scene);
}

static void test_threads_work_side_by_side(void **state)
{
	struct scene scene;
	struct error err;
	struct job jobs[3];

	setup(&scene, 3, 0);
	for (int i = 0; i < 3; i++) {
		job_init(&jobs[i], &scene, run_gated);
		assert_true(submit(&scene, &jobs[i], &err));
	}
	for (int i = 0; i < 3; i++)
		wait_until_it_runs(&jobs[i]);
	for (int i = 0; i < 3; i++)
		open_gate(&jobs[i], false);
	run_until(&scene, 3);
	teardown(&scene);
}

static void test_cancel_of_a_waiting_work(void **state)
{
	struct scene scene;
	struct error err;
	struct job first, middle, last;

	setup(&scene, 1, 8);
	job_init(&first, &scene, run_gated);
	job_init(&middle, &scene, run_count);
	job_init(&last, &scene, run_count);
	assert_true(submit(&scene, &first, &err));
	wait_until_it_runs(&first);
	assert_true(submit(&scene, &middle, &err));
	assert_true(submit(&scene, &last, &err));
	cancel(&scene, &middle);
	cancel(&scene, &middle);
	run_until(&scene, 1);
	assert_int_equal(middle.work.err.code, ERR_CANCELLED);
	open_gate(&first, false);
	run_until(&scene, 3);
	assert_int_equal(middle.run_count, 0);
	assert_int_equal(middle.done_count, 1);
	assert_int_equal(middle.interrupt_count, 0);
	assert_int_equal(last.run_count, 1);
	teardown(&scene);
}

static void test_cancel_of_a_running_work_interrupts_it(void **state)
{
	struct scene scene;
	struct error err;
	struct job job;

	setup(&scene, 1, 0);
	job_init(&job, &scene, run_gated);
	assert_true(submit(&scene, &job, &err));
	wait_until_it_runs(&job);
	cancel(&scene, &job);
	run_until(&scene, 1);
	assert_int_equal(job.interrupt_count, 1);
	assert_int_equal(job.work.err.code, ERR_CANCELLED);
	cancel(&scene, &job); /* too late */
	assert_int_equal(job.done_count, 1);
	assert_int_equal(job.interrupt_count, 1);
	teardown(&scene);
}

static void test_cancel_of_a_work_that_cannot_be_interrupted(void **state)
{
	struct scene scene;
	struct error err;
	struct job job;

	setup(&scene, 1, 0);
	job_init(&job, &scene, run_gated);
	job.work.interrupt = NULL;
	cancel(&scene, &job); /* was never submitted */
	assert_true(submit(&scene, &job, &err));
	wait_until_it_runs(&job);
	cancel(&scene, &job);
	open_gate(&job, false);
	run_until(&scene, 1);
	assert_int_equal(job.work.err.code, ERR_NONE);
	teardown(&scene);
}

static atomic_uint order;

struct ordered {
	struct job job; /* first, for the same reason */
	unsigned place;
};

static void run_in_order(struct work *work)
{
	((struct ordered *)work)->place = atomic_fetch_add(&order, 1) + 1;
}

/* One has five works and came first; the others need not wait for all of them. */
static void test_owners_take_turns(void **state)
{
	static const unsigned PLACES[] = {1, 3, 5, 7, 8, 2, 4, 6};
	static const unsigned OWNERS[] = {0, 0, 0, 0, 0, 1, 1, 1};
	enum { COUNT = 8 };
	struct work_owner owners[2] = {0};
	struct ordered works[COUNT];
	struct scene scene;
	struct error err;
	struct job gate;

	setup(&scene, 1, COUNT + 1);
	atomic_store(&order, 0);
	job_init(&gate, &scene, run_gated);
	assert_true(submit(&scene, &gate, &err));
	wait_until_it_runs(&gate);
	for (int i = 0; i < COUNT; i++) {
		job_init(&works[i].job, &scene, run_in_order);
		works[i].job.work.owner = &owners[OWNERS[i]];
		assert_true(submit(&scene, &works[i].job, &err));
		assert_true(worker_is_waiting(&works[i].job.work));
	}
	open_gate(&gate, false);
	run_until(&scene, COUNT + 1);
	for (int i = 0; i < COUNT; i++)
		assert_int_equal(works[i].place, PLACES[i]);
	assert_false(worker_is_waiting(&works[0].job.work));
	teardown(&scene);
}

/* A cancelled work was its owner's last: the owner has no turn any more, and may come again. */
static void test_cancel_ends_an_owners_turn(void **state)
{
	struct work_owner owner = {0};
	struct scene scene;
	struct error err;
	struct job gate, job;

	setup(&scene, 1, 8);
	job_init(&gate, &scene, run_gated);
	assert_true(submit(&scene, &gate, &err));
	wait_until_it_runs(&gate);
	job_init(&job, &scene, run_count);
	job.work.owner = &owner;
	assert_true(submit(&scene, &job, &err));
	cancel(&scene, &job);
	run_until(&scene, 1);
	assert_true(submit(&scene, &job, &err));
	open_gate(&gate, false);
	run_until(&scene, 3);
	assert_int_equal(job.run_count, 1);
	teardown(&scene);
}

/* It is the first owner's turn, but two of three threads work for it already. */
static void test_an_owner_leaves_a_thread_to_who_waits(void **state)
{
	enum { COUNT = 5 };
	struct work_owner many = {0}, few = {0};
	struct work_owner *const owners[COUNT] = {&many, &many, NULL, &many, &few};
	struct job jobs[COUNT];
	struct scene scene;
	struct error err;

	setup(&scene, 3, 8);
	for (int i = 0; i < COUNT; i++) {
		job_init(&jobs[i], &scene, run_gated);
		jobs[i].work.owner = owners[i];
		assert_true(submit(&scene, &jobs[i], &err));
		if (i < 3)
			wait_until_it_runs(&jobs[i]);
	}
	open_gate(&jobs[2], false);
	run_until(&scene, 1);
	while (!atomic_load(&jobs[3].is_running) && !atomic_load(&jobs[4].is_running))
		sched_yield();
	assert_true(atomic_load(&jobs[4].is_running));
	assert_true(worker_is_waiting(&jobs[3].work));
	/* Where nobody else waits, it gets them all. */
	open_gate(&jobs[4], false);
	wait_until_it_runs(&jobs[3]);
	for (int i = 0; i < COUNT; i++)
		open_gate(&jobs[i], false);
	run_until(&scene, COUNT);
	teardown(&scene);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_many_works_complete_once),
		cmocka_unit_test(test_failure_comes_back_and_a_work_can_be_used_again),
		cmocka_unit_test(test_a_full_queue_refuses_at_the_door),
		cmocka_unit_test(test_threads_work_side_by_side),
		cmocka_unit_test(test_owners_take_turns),
		cmocka_unit_test(test_cancel_ends_an_owners_turn),
		cmocka_unit_test(test_an_owner_leaves_a_thread_to_who_waits),
		cmocka_unit_test(test_cancel_of_a_waiting_work),
		cmocka_unit_test(test_cancel_of_a_running_work_interrupts_it),
		cmocka_unit_test(test_cancel_of_a_work_that_cannot_be_interrupted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

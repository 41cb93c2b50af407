/* loop: order, turns, threads, timers. And its neighbour, the set of deadlines. */
#include "async/deadline.h"
#include "async/loop.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

enum { POSTERS = 4, POSTS = 2000 };

struct scene {
	struct loop *loop;
	char log[64];
	size_t len;
	struct loop_task tasks[4];
	struct timer timer;
	uint64_t seen_ns;
	unsigned count;
};

struct mark {
	struct scene *scene;
	char letter;
	struct loop_task task;
};

static void setup(struct scene *scene)
{
	*scene = (struct scene){.loop = loop_new()};
}

static void write_mark(void *data)
{
	struct mark *mark = data;

	mark->scene->log[mark->scene->len++] = mark->letter;
	if (mark->letter == '.')
		loop_stop(mark->scene->loop);
}

static void test_deferred_run_in_order_and_never_at_once(void **state)
{
	struct scene scene;
	struct mark marks[] = {
		{&scene, 'a', {0}}, {&scene, 'b', {0}}, {&scene, 'c', {0}}, {&scene, '.', {0}}};

	setup(&scene);
	for (size_t i = 0; i < 4; i++)
		loop_defer(scene.loop, &marks[i].task, write_mark, &marks[i]);
	/* A second call for a queued task changes nothing. */
	loop_defer(scene.loop, &marks[0].task, write_mark, &marks[0]);
	assert_int_equal(scene.len, 0);
	loop_run(scene.loop);
	assert_string_equal(scene.log, "abc.");
	loop_free(scene.loop);
}

static void test_undefer(void **state)
{
	struct scene scene;
	struct mark marks[] = {
		{&scene, 'a', {0}}, {&scene, 'b', {0}}, {&scene, 'c', {0}}, {&scene, '.', {0}}};

	setup(&scene);
	for (size_t i = 0; i < 3; i++)
		loop_defer(scene.loop, &marks[i].task, write_mark, &marks[i]);
	loop_undefer(scene.loop, &marks[2].task);
	loop_undefer(scene.loop, &marks[0].task);
	loop_undefer(scene.loop, &marks[0].task);
	loop_undefer(scene.loop, &marks[3].task);
	loop_defer(scene.loop, &marks[3].task, write_mark, &marks[3]);
	loop_run(scene.loop);
	assert_string_equal(scene.log, "b.");
	loop_free(scene.loop);
}

static void undefer_the_next(void *data)
{
	struct mark *mark = data;

	write_mark(mark);
	loop_undefer(mark->scene->loop, &mark[1].task);
}

static void test_undefer_within_the_turn(void **state)
{
	struct scene scene;
	struct mark marks[] = {{&scene, 'a', {0}}, {&scene, 'b', {0}}, {&scene, '.', {0}}};

	setup(&scene);
	loop_defer(scene.loop, &marks[0].task, undefer_the_next, &marks[0]);
	loop_defer(scene.loop, &marks[1].task, write_mark, &marks[1]);
	loop_defer(scene.loop, &marks[2].task, write_mark, &marks[2]);
	loop_run(scene.loop);
	assert_string_equal(scene.log, "a.");
	loop_free(scene.loop);
}

static void defer_for_ever(void *data)
{
	struct scene *scene = data;

	scene->count++;
	loop_defer(scene->loop, &scene->tasks[0], defer_for_ever, scene);
}

static void stop(void *data)
{
	struct scene *scene = data;

	loop_undefer(scene->loop, &scene->tasks[0]);
	loop_stop(scene->loop);
}

static void test_a_task_that_defers_itself_does_not_starve_timers(void **state)
{
	struct scene scene;

	setup(&scene);
	timer_init(&scene.timer, scene.loop, stop, &scene);
	timer_start(&scene.timer, 5);
	defer_for_ever(&scene);
	loop_run(scene.loop);
	assert_true(scene.count > 1);
	loop_free(scene.loop);
}

static void look_at_clock(void *data)
{
	struct scene *scene = data;
	const uint64_t first = loop_now_ns(scene->loop);

	for (int i = 0; i < 1000; i++)
		assert_int_equal(loop_now_ns(scene->loop), first);
	if (scene->seen_ns == 0) {
		scene->seen_ns = first;
		timer_start(&scene->timer, 20);
		return;
	}
	/* libevent's clock is a coarse one: a timer may come a few milliseconds early by this one.
	 */
	assert_true(first - scene->seen_ns >= 10 * UINT64_C(1000000));
	loop_stop(scene->loop);
}

static void test_clock_stands_within_a_turn_and_goes_on_between(void **state)
{
	struct scene scene;

	setup(&scene);
	timer_init(&scene.timer, scene.loop, look_at_clock, &scene);
	timer_start(&scene.timer, 0);
	loop_run(scene.loop);
	loop_free(scene.loop);
}

static void test_stop_before_run_is_kept(void **state)
{
	struct loop *loop = loop_new();

	loop_stop(loop);
	loop_run(loop);
	loop_free(loop);
}

static void test_timer_stop(void **state)
{
	struct scene scene;
	struct mark never = {&scene, 'x', {0}}, end = {&scene, '.', {0}};
	struct timer stopped, last, unused = {0};

	setup(&scene);
	timer_init(&stopped, scene.loop, write_mark, &never);
	timer_init(&last, scene.loop, write_mark, &end);
	timer_stop(&stopped);
	timer_stop(&unused);
	timer_start(&stopped, 1);
	timer_start(&last, 15);
	timer_stop(&stopped);
	loop_run(scene.loop);
	assert_string_equal(scene.log, ".");
	loop_free(scene.loop);
}

struct post {
	struct loop_task task;
	struct scene *scene;
};

static void count_post(void *data)
{
	struct scene *scene = ((struct post *)data)->scene;

	if (++scene->count == POSTERS * POSTS)
		loop_stop(scene->loop);
}

static struct post posts[POSTERS][POSTS];

static void *post_all(void *data)
{
	struct post *mine = data;

	for (int i = 0; i < POSTS; i++)
		loop_post(mine[i].scene->loop, &mine[i].task, count_post, &mine[i]);
	return NULL;
}

static void test_posts_from_threads_all_arrive_once(void **state)
{
	struct scene scene;
	pthread_t threads[POSTERS];

	setup(&scene);
	for (int i = 0; i < POSTERS; i++)
		for (int k = 0; k < POSTS; k++)
			posts[i][k] = (struct post){.scene = &scene};
	for (int i = 0; i < POSTERS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, post_all, posts[i]), 0);
	loop_run(scene.loop);
	for (int i = 0; i < POSTERS; i++)
		pthread_join(threads[i], NULL);
	assert_int_equal(scene.count, POSTERS * POSTS);
	loop_free(scene.loop);
}

struct repeated {
	struct loop_task task, last;
	struct loop *loop;
	unsigned run;
};

static void count_repeated(void *data)
{
	((struct repeated *)data)->run++;
}

static void stop_repeated(void *data)
{
	loop_stop(((struct repeated *)data)->loop);
}

static void *post_twice(void *data)
{
	struct repeated *repeated = data;

	loop_post(repeated->loop, &repeated->task, count_repeated, repeated);
	loop_post(repeated->loop, &repeated->task, count_repeated, repeated);
	return NULL;
}

/* Two signals close together post a worker's drain twice. */
static void test_a_task_posted_twice_runs_once(void **state)
{
	struct repeated repeated = {.loop = loop_new()};
	pthread_t thread;

	for (unsigned round = 1; round <= 3; round++) {
		assert_int_equal(pthread_create(&thread, NULL, post_twice, &repeated), 0);
		pthread_join(thread, NULL);
		loop_post(repeated.loop, &repeated.last, stop_repeated, &repeated);
		loop_run(repeated.loop);
		assert_int_equal(repeated.run, round);
	}
	loop_free(repeated.loop);
}

static void write_p(void *data)
{
	struct scene *scene = data;

	scene->log[scene->len++] = 'p';
}

static void post_and_stop(void *data)
{
	struct scene *scene = data;

	loop_post(scene->loop, &scene->tasks[0], write_p, scene);
	loop_stop(scene->loop);
}

/* A second signal, while a worker's end is under way. */
static void test_what_is_posted_before_the_stop_runs(void **state)
{
	struct scene scene;

	setup(&scene);
	loop_defer(scene.loop, &scene.tasks[1], post_and_stop, &scene);
	loop_run(scene.loop);
	assert_string_equal(scene.log, "p");
	loop_free(scene.loop);
}

static void *post_again_and_again(void *data)
{
	struct repeated *repeated = data;

	for (int i = 0; i < POSTS; i++)
		loop_post(repeated->loop, &repeated->task, count_repeated, repeated);
	loop_post(repeated->loop, &repeated->last, stop_repeated, repeated);
	return NULL;
}

/* While the loop runs it. What stopped the loop was posted last, so nothing is left behind. */
static void test_a_task_posted_again_and_again(void **state)
{
	struct repeated repeated = {.loop = loop_new()};
	pthread_t thread;

	assert_int_equal(pthread_create(&thread, NULL, post_again_and_again, &repeated), 0);
	loop_run(repeated.loop);
	pthread_join(thread, NULL);
	assert_in_range(repeated.run, 1, POSTS);
	assert_false(repeated.task.is_posted);
	loop_free(repeated.loop);
}

static void *stop_from_afar(void *data)
{
	loop_stop(data);
	return NULL;
}

static void test_stop_from_another_thread(void **state)
{
	struct loop *loop = loop_new();
	pthread_t thread;

	assert_int_equal(pthread_create(&thread, NULL, stop_from_afar, loop), 0);
	loop_run(loop);
	pthread_join(thread, NULL);
	loop_free(loop);
}

/* The model is a plain array that is searched. */
static void test_deadlines_come_in_order(void **state)
{
	enum { COUNT = 200 };
	struct deadline deadlines[COUNT] = {0};
	struct deadline_set set;
	unsigned seed = 7;

	deadline_set_init(&set);
	for (int round = 0; round < 20000; round++) {
		struct deadline *one = &deadlines[(unsigned)rand_r(&seed) % COUNT];

		if (rand_r(&seed) % 3 == 0)
			deadline_set_remove(&set, one);
		else
			deadline_set_put(&set, one, (uint64_t)rand_r(&seed) % 1000);

		const struct deadline *first = deadline_set_first(&set);
		size_t count = 0;
		for (int i = 0; i < COUNT; i++) {
			if (deadlines[i].at == 0)
				continue;
			count++;
			assert_true(first->due_ns <= deadlines[i].due_ns);
		}
		assert_int_equal(set.count, count);
		assert_true((first == NULL) == (count == 0));
	}
	deadline_set_done(&set);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_deferred_run_in_order_and_never_at_once),
		cmocka_unit_test(test_undefer),
		cmocka_unit_test(test_undefer_within_the_turn),
		cmocka_unit_test(test_a_task_that_defers_itself_does_not_starve_timers),
		cmocka_unit_test(test_clock_stands_within_a_turn_and_goes_on_between),
		cmocka_unit_test(test_stop_before_run_is_kept),
		cmocka_unit_test(test_timer_stop),
		cmocka_unit_test(test_posts_from_threads_all_arrive_once),
		cmocka_unit_test(test_a_task_posted_twice_runs_once),
		cmocka_unit_test(test_what_is_posted_before_the_stop_runs),
		cmocka_unit_test(test_a_task_posted_again_and_again),
		cmocka_unit_test(test_stop_from_another_thread),
		cmocka_unit_test(test_deadlines_come_in_order),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

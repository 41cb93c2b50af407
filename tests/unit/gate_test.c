/* gate: the bound holds over threads, turns come in order, whoever waits is told once, on his own
 * thread. */
#include "async/gate.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

struct guest {
	struct gate_pass pass;
	struct scene *scene;
	enum gate_door door;
	enum gate_turn turn;
	unsigned told, told_as; /* how often, and as which of all */
};

struct scene {
	struct loop *loop;
	struct gate *gate;
	pthread_t thread;
	struct guest guests[64];
	unsigned told, stop_at;
	bool is_in_call;
};

static void setup(struct scene *scene, const struct gate_limits *limits)
{
	memset(scene, 0, sizeof(*scene));
	scene->loop = loop_new();
	scene->gate = gate_new(limits);
	scene->thread = pthread_self();
	for (size_t i = 0; i < 64; i++)
		scene->guests[i].scene = scene;
}

static void teardown(struct scene *scene)
{
	const struct gate_state state = gate_state(scene->gate);

	assert_int_equal(state.in_use, 0);
	assert_int_equal(state.queued, 0);
	gate_free(scene->gate);
	loop_free(scene->loop);
}

static void on_turn(void *data, enum gate_turn turn)
{
	struct guest *guest = data;
	struct scene *scene = guest->scene;

	assert_true(pthread_equal(scene->thread, pthread_self()));
	assert_false(scene->is_in_call);
	guest->turn = turn;
	guest->told++;
	guest->told_as = ++scene->told;
	if (scene->told == scene->stop_at)
		loop_stop(scene->loop);
}

static void enter(struct scene *scene, size_t i, enum gate_door door)
{
	struct guest *guest = &scene->guests[i];

	scene->is_in_call = true;
	guest->door = gate_enter(scene->gate, &guest->pass, scene->loop, on_turn, guest);
	scene->is_in_call = false;
	assert_int_equal(guest->door, door);
}

static void leave(struct scene *scene, size_t i)
{
	scene->is_in_call = true;
	gate_leave(&scene->guests[i].pass);
	scene->is_in_call = false;
}

static void run_until_told(struct scene *scene, unsigned count)
{
	scene->stop_at = scene->told + count;
	loop_run(scene->loop);
}

static void assert_told(const struct scene *scene, size_t i, enum gate_turn turn, unsigned as)
{
	assert_int_equal(scene->guests[i].told, 1);
	assert_int_equal(scene->guests[i].turn, turn);
	assert_int_equal(scene->guests[i].told_as, as);
}

static void test_order(void **state)
{
	struct scene scene;

	setup(&scene, &(struct gate_limits){.slots = 2});
	enter(&scene, 0, GATE_ENTERED);
	enter(&scene, 1, GATE_ENTERED);
	for (size_t i = 2; i < 6; i++)
		enter(&scene, i, GATE_WAITS);
	leave(&scene, 1);
	/* The slot is spoken for: nobody overtakes while its owner is on his way. */
	enter(&scene, 6, GATE_WAITS);
	leave(&scene, 0);
	run_until_told(&scene, 2);
	assert_told(&scene, 2, GATE_TURN, 1);
	assert_told(&scene, 3, GATE_TURN, 2);
	assert_int_equal(gate_state(scene.gate).queued, 3);
	leave(&scene, 2);
	leave(&scene, 3);
	run_until_told(&scene, 2);
	assert_told(&scene, 5, GATE_TURN, 4);
	leave(&scene, 4);
	run_until_told(&scene, 1);
	assert_told(&scene, 6, GATE_TURN, 5);
	leave(&scene, 5);
	leave(&scene, 6);
	teardown(&scene);
}

static void test_cancel(void **state)
{
	struct scene scene;

	setup(&scene, &(struct gate_limits){.slots = 1});
	enter(&scene, 0, GATE_ENTERED);
	for (size_t i = 1; i < 5; i++)
		enter(&scene, i, GATE_WAITS);
	leave(&scene, 0);
	scene.is_in_call = true;
	gate_cancel(&scene.guests[1].pass); /* his turn is on its way already */
	gate_cancel(&scene.guests[3].pass);
	gate_cancel(&scene.guests[3].pass);
	gate_cancel(&scene.guests[4].pass);
	scene.is_in_call = false;
	run_until_told(&scene, 3);
	assert_int_equal(scene.guests[1].turn, GATE_TURN);
	assert_int_equal(scene.guests[3].turn, GATE_CANCELLED);
	assert_int_equal(scene.guests[4].turn, GATE_CANCELLED);
	leave(&scene, 1);
	run_until_told(&scene, 1);
	assert_told(&scene, 2, GATE_TURN, 4);
	leave(&scene, 2);
	teardown(&scene);
}

static void test_timeout(void **state)
{
	struct scene scene;

	setup(&scene, &(struct gate_limits){.slots = 1, .queue_timeout_ms = 5});
	enter(&scene, 0, GATE_ENTERED);
	enter(&scene, 1, GATE_WAITS);
	enter(&scene, 2, GATE_WAITS);
	run_until_told(&scene, 2);
	assert_told(&scene, 1, GATE_EXPIRED, 1);
	assert_told(&scene, 2, GATE_EXPIRED, 2);
	assert_int_equal(gate_state(scene.gate).expired, 2);
	leave(&scene, 0);
	teardown(&scene);
}

static void test_full(void **state)
{
	struct scene scene;

	setup(&scene, &(struct gate_limits){.slots = 1, .queue_max = 2});
	enter(&scene, 0, GATE_ENTERED);
	enter(&scene, 1, GATE_WAITS);
	enter(&scene, 2, GATE_WAITS);
	enter(&scene, 3, GATE_FULL);
	assert_int_equal(gate_state(scene.gate).refused, 1);
	assert_int_equal(gate_state(scene.gate).retry_after_s, 1);
	gate_cancel(&scene.guests[1].pass);
	enter(&scene, 3, GATE_WAITS);
	gate_cancel(&scene.guests[2].pass);
	gate_cancel(&scene.guests[3].pass);
	run_until_told(&scene, 3);
	leave(&scene, 0);
	teardown(&scene);
}

/* When overload begins, who waited longest is refused. */
static void test_shed(void **state)
{
	struct scene scene;

	setup(&scene, &(struct gate_limits){.slots = 1, .queue_max = 3, .sheds = true});
	enter(&scene, 0, GATE_ENTERED);
	for (size_t i = 1; i < 4; i++)
		enter(&scene, i, GATE_WAITS);
	enter(&scene, 4, GATE_FULL);
	assert_true(gate_state(scene.gate).is_overloaded);
	assert_int_equal(gate_state(scene.gate).refused, 3);
	run_until_told(&scene, 2);
	assert_told(&scene, 1, GATE_SHED, 1);
	assert_told(&scene, 2, GATE_SHED, 2);
	leave(&scene, 0);
	run_until_told(&scene, 1);
	assert_told(&scene, 3, GATE_TURN, 3);
	leave(&scene, 3);
	teardown(&scene);
}

static void test_change(void **state)
{
	struct scene scene;

	setup(&scene, &(struct gate_limits){.slots = 1});
	enter(&scene, 0, GATE_ENTERED);
	for (size_t i = 1; i < 6; i++)
		enter(&scene, i, GATE_WAITS);
	gate_change(scene.gate, &(struct gate_limits){.slots = 4});
	run_until_told(&scene, 3);
	assert_told(&scene, 3, GATE_TURN, 3);
	gate_change(scene.gate, &(struct gate_limits){.slots = 2});
	leave(&scene, 0);
	leave(&scene, 1);
	assert_int_equal(gate_state(scene.gate).in_use, 2);
	assert_int_equal(gate_state(scene.gate).queued, 2);
	leave(&scene, 2);
	leave(&scene, 3);
	run_until_told(&scene, 2);
	assert_told(&scene, 5, GATE_TURN, 5);
	leave(&scene, 4);
	leave(&scene, 5);
	teardown(&scene);
}

/* Threads: each has guests that enter, stay for a few turns of the loop, leave and come again; some
 * lose patience. */
enum { THREADS = 3, VISITORS = 12, VISITS = 200, SLOTS = 4 };

struct visitor {
	struct gate_pass pass;
	struct house *house;
	struct loop_task task;
	unsigned visits, turns_left;
	bool is_patient;
};

struct house {
	struct loop *loop;
	pthread_t thread;
	struct visitor visitors[VISITORS];
	unsigned present;
};

static struct gate *shared_gate;
static atomic_uint inside, inside_max, visits_made, lost_patience;

static void visit(struct visitor *visitor);

static void go_home(struct visitor *visitor)
{
	if (++visitor->visits < VISITS)
		visit(visitor);
	else if (--visitor->house->present == 0)
		loop_stop(visitor->house->loop);
}

static void stay(void *data)
{
	struct visitor *visitor = data;

	if (visitor->turns_left-- > 0) {
		loop_defer(visitor->house->loop, &visitor->task, stay, visitor);
		return;
	}
	atomic_fetch_sub(&inside, 1);
	atomic_fetch_add(&visits_made, 1);
	gate_leave(&visitor->pass);
	go_home(visitor);
}

static void go_in(struct visitor *visitor)
{
	const unsigned now = atomic_fetch_add(&inside, 1) + 1;
	unsigned max = atomic_load(&inside_max);

	while (now > max && !atomic_compare_exchange_weak(&inside_max, &max, now))
		;
	visitor->turns_left = visitor->visits % 4;
	loop_defer(visitor->house->loop, &visitor->task, stay, visitor);
}

static void on_visitor_turn(void *data, enum gate_turn turn)
{
	struct visitor *visitor = data;

	if (!pthread_equal(visitor->house->thread, pthread_self()))
		abort();
	if (turn == GATE_TURN) {
		go_in(visitor);
		return;
	}
	atomic_fetch_add(&lost_patience, 1);
	go_home(visitor);
}

static void visit(struct visitor *visitor)
{
	const enum gate_door door = gate_enter(
		shared_gate, &visitor->pass, visitor->house->loop, on_visitor_turn, visitor);

	if (door == GATE_ENTERED)
		go_in(visitor);
	else if (!visitor->is_patient)
		gate_cancel(&visitor->pass);
}

static void *keep_house(void *data)
{
	struct house *house = data;

	house->thread = pthread_self();
	house->present = VISITORS;
	for (size_t i = 0; i < VISITORS; i++)
		visit(&house->visitors[i]);
	loop_run(house->loop);
	return NULL;
}

static void test_threads(void **state)
{
	struct house houses[THREADS];
	pthread_t threads[THREADS];

	shared_gate = gate_new(&(struct gate_limits){.slots = SLOTS, .queue_timeout_ms = 60000});
	memset(houses, 0, sizeof(houses));
	for (size_t i = 0; i < THREADS; i++) {
		houses[i].loop = loop_new();
		for (size_t j = 0; j < VISITORS; j++) {
			houses[i].visitors[j].house = &houses[i];
			houses[i].visitors[j].is_patient = j % 3 != 0;
		}
	}
	for (size_t i = 0; i < THREADS; i++)
		pthread_create(&threads[i], NULL, keep_house, &houses[i]);
	for (size_t i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	assert_int_equal(inside_max, SLOTS);
	assert_int_equal(visits_made + lost_patience, THREADS * VISITORS * VISITS);
	assert_true(visits_made >= THREADS * VISITORS * VISITS * 2 / 3);
	assert_true(lost_patience > 0);
	assert_int_equal(gate_state(shared_gate).in_use, 0);
	assert_int_equal(gate_state(shared_gate).queued, 0);
	gate_free(shared_gate);
	for (size_t i = 0; i < THREADS; i++)
		loop_free(houses[i].loop);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_order),
		cmocka_unit_test(test_cancel),
		cmocka_unit_test(test_timeout),
		cmocka_unit_test(test_full),
		cmocka_unit_test(test_shed),
		cmocka_unit_test(test_change),
		cmocka_unit_test(test_threads),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

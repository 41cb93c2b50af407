/* Residents: loading, eviction, and who waits while one chases the other. */
#include "bundle_kit.h"

#include "serving/resident.h"

#include <semaphore.h>

struct asking {
	struct resident_waiter waiter;
	struct loop *loop;
	struct bundle *bundle;
	struct error err;
	unsigned *left; /* the loop ends with the last one */
};

static void on_loaded(struct resident_waiter *waiter, struct bundle *bundle, const struct error *err)
{
	struct asking *asking = (struct asking *)((char *)waiter - offsetof(struct asking, waiter));

	asking->bundle = bundle;
	if (err != NULL)
		asking->err = *err;
	if (--*asking->left == 0)
		loop_stop(asking->loop);
}

struct fixture {
	struct kit kit;
	struct loop *loop;
	struct worker_pool *pool;
	struct resident *resident;
	unsigned left;
};

static int set_up(void **state)
{
	static struct fixture fixture;

	fixture = (struct fixture){.loop = loop_new(), .pool = worker_pool_new(1, 16)};
	kit_init(&fixture.kit);
	kit_write(&fixture.kit, "MLmodel", KIT_MLMODEL);
	kit_write(&fixture.kit, "config.yaml", "version: 1\n");
	const struct resident_spec spec = {.dir = str_of(fixture.kit.dir), .name = STR("m"), .digest = STR("d")};
	fixture.resident = resident_new(&spec);
	*state = &fixture;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *fixture = *state;

	worker_pool_free(fixture->pool);
	/* The pool's last word may have come after the last waiter's turn. */
	loop_stop(fixture->loop);
	loop_run(fixture->loop);
	resident_unref(fixture->resident);
	loop_free(fixture->loop);
	kit_done(&fixture->kit);
	return 0;
}

static void ask(struct fixture *fixture, struct asking *asking)
{
	*asking = (struct asking){.waiter.on_loaded = on_loaded, .loop = fixture->loop, .left = &fixture->left};
	fixture->left++;
	resident_wait(fixture->resident, fixture->pool, fixture->loop, &asking->waiter);
}

static void test_wait(void **state)
{
	struct fixture *fixture = *state;
	struct asking first, second;

	ask(fixture, &first);
	ask(fixture, &second);
	loop_run(fixture->loop);
	assert_non_null(first.bundle);
	assert_ptr_equal(first.bundle, second.bundle);
	bundle_unref(first.bundle);
	bundle_unref(second.bundle);
}

struct barrier {
	struct work work;
	sem_t ran;
};

static void pass(struct work *work)
{
	sem_post(&((struct barrier *)work)->ran);
}

static void ignore(struct work *work)
{
}

/* The pool's one thread has run all that came before. */
static void wait_pool(struct fixture *fixture, struct barrier *barrier)
{
	struct error err;

	*barrier = (struct barrier){.work = {.run = pass, .done = ignore}};
	sem_init(&barrier->ran, 0, 0);
	assert_true(worker_submit(fixture->pool, fixture->loop, &barrier->work, &err));
	while (sem_wait(&barrier->ran) != 0)
		continue;
	sem_destroy(&barrier->ran);
}

/* Loaded, evicted, and asked for again before the loop hears of the load's end. */
static void test_evicted_meanwhile(void **state)
{
	struct fixture *fixture = *state;
	static struct barrier barrier; /* until the tear down */
	struct asking first, second;

	ask(fixture, &first);
	wait_pool(fixture, &barrier);
	assert_true(resident_evict(fixture->resident, INT64_MAX));
	ask(fixture, &second);
	loop_run(fixture->loop);
	assert_non_null(first.bundle);
	assert_non_null(second.bundle);
	assert_int_equal(second.err.code, ERR_NONE);
	bundle_unref(first.bundle);
	bundle_unref(second.bundle);
}

static void test_broken(void **state)
{
	struct fixture *fixture = *state;
	struct asking asking;

	kit_write(&fixture->kit, "MLmodel", "flavors: [\n");
	ask(fixture, &asking);
	loop_run(fixture->loop);
	assert_null(asking.bundle);
	assert_int_equal(asking.err.code, ERR_INVALID_BUNDLE);
}

static void test_keep(void **state)
{
	struct fixture *fixture = *state;
	struct error err;

	resident_keep(fixture->resident);
	assert_true(resident_load(fixture->resident, NULL, &err));
	assert_false(resident_evict(fixture->resident, INT64_MAX));
	resident_unkeep(fixture->resident);
	assert_true(resident_evict(fixture->resident, INT64_MAX));
	assert_null(resident_bundle(fixture->resident));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_wait, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_evicted_meanwhile, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_broken, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_keep, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

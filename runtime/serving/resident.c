#include "serving/resident.h"

#include "base/clock.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

struct resident {
	struct arena arena; /* of what follows */
	const char *dir, *name, *digest;
	struct bundle_variable *variables;
	size_t variable_count;
	const char *secret_dir;
	bundle_read_secret *read_secret;
	void *secret_data;
	_Atomic int references;
	_Atomic bool has_passed;
	_Atomic int keepers;

	pthread_mutex_t lock; /* of all below */
	pthread_cond_t loaded_or_failed;
	struct bundle *bundle;
	bool is_loading;
	int64_t used_ms;
	struct error failure; /* of the last load */
	STAILQ_HEAD(, resident_waiter) waiters;
	bool is_submitted; /* the pool's work is on its way; it holds a reference */
	struct work work;
};

struct resident *resident_new(const struct resident_spec *spec)
{
	struct resident *resident = calloc(1, sizeof(*resident));

	if (resident == NULL)
		abort();
	arena_init(&resident->arena);
	resident->references = 1;
	resident->dir = arena_memdup(&resident->arena, spec->dir.data, spec->dir.len);
	resident->name = arena_memdup(&resident->arena, spec->name.data, spec->name.len);
	resident->digest = arena_memdup(&resident->arena, spec->digest.data, spec->digest.len);
	resident->secret_dir = spec->secret_dir;
	resident->read_secret = spec->read_secret;
	resident->secret_data = spec->secret_data;
	resident->variable_count = spec->variable_count;
	resident->variables = arena_array(&resident->arena, spec->variable_count + 1, sizeof(*resident->variables));
	for (size_t i = 0; i < spec->variable_count; i++)
		resident->variables[i] = (struct bundle_variable){
			.name = arena_strdup(&resident->arena, spec->variables[i].name),
			.value = secret_new(&resident->arena, secret_reveal(spec->variables[i].value)),
			.is_secret = spec->variables[i].is_secret,
		};
	pthread_mutex_init(&resident->lock, NULL);
	pthread_cond_init(&resident->loaded_or_failed, NULL);
	STAILQ_INIT(&resident->waiters);
	return resident;
}

struct resident *resident_ref(struct resident *resident)
{
	atomic_fetch_add_explicit(&resident->references, 1, memory_order_relaxed);
	return resident;
}

void resident_unref(struct resident *resident)
{
	if (resident == NULL || atomic_fetch_sub_explicit(&resident->references, 1, memory_order_acq_rel) > 1)
		return;
	bundle_unref(resident->bundle);
	pthread_cond_destroy(&resident->loaded_or_failed);
	pthread_mutex_destroy(&resident->lock);
	arena_done(&resident->arena);
	free(resident);
}

bool resident_is(const struct resident *resident, const struct resident_spec *spec)
{
	if (!str_is(spec->digest, resident->digest) || !str_is(spec->dir, resident->dir) ||
		spec->variable_count != resident->variable_count)
		return false;
	for (size_t i = 0; i < spec->variable_count; i++) {
		const struct bundle_variable *a = &resident->variables[i], *b = &spec->variables[i];

		if (strcmp(a->name, b->name) != 0 || a->is_secret != b->is_secret ||
			!str_eq(secret_reveal(a->value), secret_reveal(b->value)))
			return false;
	}
	return true;
}

void resident_passed(struct resident *resident)
{
	atomic_store_explicit(&resident->has_passed, true, memory_order_relaxed);
}

bool resident_has_passed(const struct resident *resident)
{
	return atomic_load_explicit(&resident->has_passed, memory_order_relaxed);
}

/* ---- loading ---- */

static struct bundle *load(struct resident *resident, struct problems *problems, struct error *err)
{
	const struct bundle_options options = {
		.secret_dir = resident->secret_dir,
		.read_secret = resident->read_secret,
		.secret_data = resident->secret_data,
		.variables = resident->variables,
		.variable_count = resident->variable_count,
	};
	struct arena arena;
	struct problems own;
	struct bundle *bundle = NULL;

	arena_init(&arena);
	problems_init(&own, &arena);
	if (problems == NULL)
		problems = &own;
	if (bundle_load(resident->dir, &options, problems, &bundle)) {
		bundle->name = arena_strdup(&bundle->arena, resident->name);
		bundle->digest = arena_strdup(&bundle->arena, resident->digest);
	} else {
		problems_check(problems, err);
	}
	arena_done(&arena);
	return bundle;
}

static void on_waited(void *data)
{
	struct resident_waiter *waiter = data;

	waiter->on_loaded(waiter, waiter->bundle, waiter->bundle != NULL ? NULL : &waiter->err);
}

/* With the lock. */
static void tell_waiters(struct resident *resident)
{
	struct resident_waiter *waiter;

	while ((waiter = STAILQ_FIRST(&resident->waiters)) != NULL) {
		STAILQ_REMOVE_HEAD(&resident->waiters, entry);
		if (resident->bundle != NULL)
			waiter->bundle = bundle_ref(resident->bundle);
		else
			waiter->err = resident->failure;
		loop_post(waiter->loop, &waiter->task, on_waited, waiter);
	}
}

bool resident_load(struct resident *resident, struct problems *problems, struct error *err)
{
	struct error failure = {0};

	pthread_mutex_lock(&resident->lock);
	while (resident->is_loading)
		pthread_cond_wait(&resident->loaded_or_failed, &resident->lock);
	resident->used_ms = clock_ms();
	if (resident->bundle == NULL) {
		resident->is_loading = true;
		pthread_mutex_unlock(&resident->lock);
		struct bundle *bundle = load(resident, problems, &failure);
		pthread_mutex_lock(&resident->lock);
		resident->is_loading = false;
		resident->bundle = bundle;
		resident->failure = failure;
		tell_waiters(resident);
		pthread_cond_broadcast(&resident->loaded_or_failed);
	}
	const bool is_fine = resident->bundle != NULL;
	pthread_mutex_unlock(&resident->lock);
	if (!is_fine)
		*err = failure;
	return is_fine;
}

struct bundle *resident_bundle(struct resident *resident)
{
	struct bundle *bundle = NULL;

	pthread_mutex_lock(&resident->lock);
	if (resident->bundle != NULL) {
		bundle = bundle_ref(resident->bundle);
		resident->used_ms = clock_ms();
	}
	pthread_mutex_unlock(&resident->lock);
	return bundle;
}

bool resident_is_loaded(struct resident *resident)
{
	pthread_mutex_lock(&resident->lock);
	const bool is_loaded = resident->bundle != NULL;
	pthread_mutex_unlock(&resident->lock);
	return is_loaded;
}

/* ---- waiting ---- */

static struct resident *resident_of(struct work *work)
{
	return (struct resident *)((char *)work - offsetof(struct resident, work));
}

static void on_pool_done(struct work *work);

static void load_on_pool(struct work *work)
{
	struct error ignored; /* the waiters are told */

	resident_load(resident_of(work), NULL, &ignored);
}

/* With the lock. */
static void submit_load(struct resident *resident, struct worker_pool *pool, struct loop *loop)
{
	resident->work = (struct work){.run = load_on_pool, .done = on_pool_done};
	resident->is_submitted = true;
	resident_ref(resident);
	if (worker_submit(pool, loop, &resident->work, &resident->failure))
		return;
	resident->is_submitted = false;
	tell_waiters(resident);
	atomic_fetch_sub(&resident->references, 1); /* the caller has one */
}

static void on_pool_done(struct work *work)
{
	struct resident *resident = resident_of(work);

	pthread_mutex_lock(&resident->lock);
	/* Cancelled before it ran, or somebody else loaded it: nobody may be left waiting. */
	if (work->err.code != ERR_NONE)
		resident->failure = work->err;
	resident->is_submitted = false;
	if (resident->bundle != NULL || resident->failure.code != ERR_NONE)
		tell_waiters(resident);
	else if (!STAILQ_EMPTY(&resident->waiters))
		/* Who came after it was loaded and evicted again. */
		submit_load(resident, work->pool, work->loop);
	pthread_mutex_unlock(&resident->lock);
	resident_unref(resident);
}

void resident_wait(struct resident *resident, struct worker_pool *pool, struct loop *loop, struct resident_waiter *waiter)
{
	*waiter = (struct resident_waiter){.on_loaded = waiter->on_loaded, .loop = loop};
	pthread_mutex_lock(&resident->lock);
	STAILQ_INSERT_TAIL(&resident->waiters, waiter, entry);
	if (resident->bundle != NULL) {
		resident->used_ms = clock_ms();
		tell_waiters(resident);
	} else if (!resident->is_submitted) {
		submit_load(resident, pool, loop);
	}
	pthread_mutex_unlock(&resident->lock);
}

void resident_keep(struct resident *resident)
{
	atomic_fetch_add_explicit(&resident->keepers, 1, memory_order_relaxed);
}

void resident_unkeep(struct resident *resident)
{
	atomic_fetch_sub_explicit(&resident->keepers, 1, memory_order_relaxed);
}

bool resident_evict(struct resident *resident, int64_t unused_since_ms)
{
	struct bundle *gone = NULL;

	pthread_mutex_lock(&resident->lock);
	if (resident->bundle != NULL && resident->keepers == 0 && resident->used_ms < unused_since_ms) {
		gone = resident->bundle;
		resident->bundle = NULL;
	}
	pthread_mutex_unlock(&resident->lock);
	bundle_unref(gone);
	return gone != NULL;
}

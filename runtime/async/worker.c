/*
 * worker_submit → WAITING → { RUNNING → over → done() | cancelled → done() }
 *
 * One lock guards the queue and every work's state. A thread that ran a work posts its completion
 * to the loop of the work and never touches it again.
 */
#include "async/worker.h"

#include <assert.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>

enum work_state { WORK_IDLE, WORK_WAITING, WORK_RUNNING, WORK_OVER };

struct worker_pool {
	pthread_mutex_t lock;
	pthread_cond_t is_due;
	TAILQ_HEAD(, work_owner) turns; /* of those with works that wait */
	struct work_owner nobody;
	unsigned waiting, running, queue_max;
	pthread_t *threads;
	unsigned thread_count, thread_max;
	bool is_ending;
};

static void *thread_main(void *data);
static void on_over(void *data);

struct worker_pool *worker_pool_new(unsigned threads, unsigned queue_max)
{
	struct worker_pool *pool = calloc(1, sizeof(*pool));

	if (threads == 0)
		threads = 1;
	if (pool == NULL || (pool->threads = calloc(threads, sizeof(*pool->threads))) == NULL)
		abort();
	pthread_mutex_init(&pool->lock, NULL);
	pthread_cond_init(&pool->is_due, NULL);
	TAILQ_INIT(&pool->turns);
	pool->thread_max = threads;
	pool->queue_max = queue_max;
	return pool;
}

void worker_pool_free(struct worker_pool *pool)
{
	if (pool == NULL)
		return;
	pthread_mutex_lock(&pool->lock);
	assert(pool->waiting == 0);
	pool->is_ending = true;
	pthread_cond_broadcast(&pool->is_due);
	pthread_mutex_unlock(&pool->lock);
	for (unsigned i = 0; i < pool->thread_count; i++)
		pthread_join(pool->threads[i], NULL);
	pthread_cond_destroy(&pool->is_due);
	pthread_mutex_destroy(&pool->lock);
	free(pool->threads);
	free(pool);
}

static void push(struct worker_pool *pool, struct work *work)
{
	struct work_owner *owner = work->owner != NULL ? work->owner : &pool->nobody;

	if (owner->waiting.tqh_last == NULL)
		TAILQ_INIT(&owner->waiting);
	if (TAILQ_EMPTY(&owner->waiting))
		TAILQ_INSERT_TAIL(&pool->turns, owner, turn);
	TAILQ_INSERT_TAIL(&owner->waiting, work, entry);
	work->owner = owner;
	work->state = WORK_WAITING;
	pool->waiting++;
}

static void take(struct worker_pool *pool, struct work *work)
{
	struct work_owner *owner = work->owner;

	TAILQ_REMOVE(&owner->waiting, work, entry);
	if (TAILQ_EMPTY(&owner->waiting))
		TAILQ_REMOVE(&pool->turns, owner, turn);
	pool->waiting--;
}

/* Whose turn it is; behind it come the others. NULL: nobody waits. At most one owner has all
 * threads but one, so this looks at two. */
static struct work *next_work(struct worker_pool *pool)
{
	struct work_owner *owner;

	TAILQ_FOREACH(owner, &pool->turns, turn)
	if (owner->running + 1 < pool->thread_max)
		break;
	if (owner == NULL)
		owner = TAILQ_FIRST(&pool->turns);
	if (owner == NULL)
		return NULL;
	TAILQ_REMOVE(&pool->turns, owner, turn);
	TAILQ_INSERT_TAIL(&pool->turns, owner, turn);
	return TAILQ_FIRST(&owner->waiting);
}

/* Signals are the main thread's: a pool thread takes none. */
static bool start_thread(struct worker_pool *pool)
{
	sigset_t all, before;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	const int failed =
		pthread_create(&pool->threads[pool->thread_count], NULL, thread_main, pool);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (failed == 0)
		pool->thread_count++;
	return failed == 0;
}

/* Threads that have no work yet. A full process may refuse more of them: one is enough to go on. */
static bool has_thread(struct worker_pool *pool)
{
	if (pool->running + pool->waiting < pool->thread_count)
		return true;
	if (pool->thread_count < pool->thread_max && start_thread(pool))
		return true;
	return pool->thread_count > 0;
}

bool worker_submit(
	struct worker_pool *pool, struct loop *loop, struct work *work, struct error *err)
{
	bool is_taken = true;

	assert(work->state == WORK_IDLE || work->state == WORK_OVER);
	work->pool = pool;
	work->loop = loop;
	work->task = (struct loop_task){0};
	error_clear(&work->err);

	pthread_mutex_lock(&pool->lock);
	if (pool->waiting + pool->running >= pool->thread_max + pool->queue_max)
		is_taken = error_set(err, ERR_UNAVAILABLE,
			"all %u worker threads are busy and %u works wait", pool->thread_max,
			pool->queue_max);
	else if (!has_thread(pool))
		is_taken = error_set(err, ERR_UNAVAILABLE, "start a worker thread: refused");
	if (is_taken) {
		push(pool, work);
		pthread_cond_signal(&pool->is_due);
	}
	pthread_mutex_unlock(&pool->lock);
	return is_taken;
}

static void *thread_main(void *data)
{
	struct worker_pool *pool = data;

	pthread_mutex_lock(&pool->lock);
	while (true) {
		struct work *work = next_work(pool);

		if (work == NULL && pool->is_ending)
			break;
		if (work == NULL) {
			pthread_cond_wait(&pool->is_due, &pool->lock);
			continue;
		}
		take(pool, work);
		work->state = WORK_RUNNING;
		pool->running++;
		work->owner->running++;
		pthread_mutex_unlock(&pool->lock);

		work->run(work);

		pthread_mutex_lock(&pool->lock);
		pool->running--;
		work->owner->running--;
		work->state = WORK_OVER;
		loop_post(work->loop, &work->task, on_over, work);
	}
	pthread_mutex_unlock(&pool->lock);
	return NULL;
}

static void on_over(void *data)
{
	struct work *work = data;

	work->done(work);
}

void worker_cancel(struct work *work)
{
	struct worker_pool *pool = work->pool;

	if (pool == NULL)
		return;
	pthread_mutex_lock(&pool->lock);
	const int state = work->state;

	if (state == WORK_WAITING) {
		take(pool, work);
		work->state = WORK_OVER;
	}
	pthread_mutex_unlock(&pool->lock);

	if (state == WORK_WAITING) {
		error_set(&work->err, ERR_CANCELLED, "cancelled before it ran");
		loop_defer(work->loop, &work->task, on_over, work);
	} else if (state == WORK_RUNNING && work->interrupt != NULL) {
		work->interrupt(work);
	}
}

bool worker_is_waiting(const struct work *work)
{
	struct worker_pool *pool = work->pool;

	if (pool == NULL)
		return false;
	pthread_mutex_lock(&pool->lock);
	const bool is_waiting = work->state == WORK_WAITING;
	pthread_mutex_unlock(&pool->lock);
	return is_waiting;
}

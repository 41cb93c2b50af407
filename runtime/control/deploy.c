/*
 * start → begin (loop) → prepare (pool) → on_prepared (loop): self-tests → deployment_tested
 *       → finish (pool): commit and publish, or note why not → on_finished (loop): { waiters are told
 *                                                              | neither could be written: finish again in a second }
 */
#include "control/deploy_internal.h"

#include "base/clock.h"
#include "base/log.h"
#include "control/mailer.h"

#include <stdlib.h>

enum { POOL_THREADS = 2, POOL_QUEUE_MAX = 65536, AGAIN_MS = 1000 };

static void check_idle(void *data);

struct deployer *deployer_new(const struct deployer_options *options)
{
	struct deployer *deployer = calloc(1, sizeof(*deployer));

	if (deployer == NULL)
		abort();
	deployer->options = *options;
	deployer->pool = worker_pool_new(POOL_THREADS, POOL_QUEUE_MAX);
	pthread_mutex_init(&deployer->lock, NULL);
	pthread_mutex_init(&deployer->publishing, NULL);
	LIST_INIT(&deployer->deployments);
	LIST_INIT(&deployer->waiters);
	if (options->mailer != NULL)
		mailer_on_idle(options->mailer, check_idle, deployer);
	return deployer;
}

void deployer_free(struct deployer *deployer)
{
	struct deployment *deployment;

	if (deployer == NULL)
		return;
	worker_pool_free(deployer->pool);
	/* Of a start that failed: the loop never ran. */
	while ((deployment = LIST_FIRST(&deployer->deployments)) != NULL) {
		LIST_REMOVE(deployment, entry);
		deployment_free(deployment);
	}
	for (size_t i = 0; i < RECENT_MAX; i++)
		resident_unref(deployer->recent[i]);
	pthread_mutex_destroy(&deployer->lock);
	pthread_mutex_destroy(&deployer->publishing);
	free(deployer);
}

struct deployment *deployment_new(struct deployer *deployer, struct str endpoint_id, int64_t version)
{
	struct deployment *deployment = calloc(1, sizeof(*deployment));

	if (deployment == NULL)
		abort();
	arena_init(&deployment->arena);
	deployment->deployer = deployer;
	deployment->endpoint_id = arena_memdup(&deployment->arena, endpoint_id.data, endpoint_id.len);
	deployment->version = version;
	deployment->row.id = str_of(deployment->endpoint_id);
	return deployment;
}

void deployment_free(struct deployment *deployment)
{
	for (size_t i = 0; i < deployment->config.count && deployment->entities != NULL; i++) {
		if (deployment->entities[i].resident != NULL)
			resident_unkeep(deployment->entities[i].resident);
		resident_unref(deployment->entities[i].resident);
		buf_done(&deployment->entities[i].log);
	}
	arena_done(&deployment->arena);
	free(deployment);
}

static struct deployment *deployment_of(struct work *work)
{
	return (struct deployment *)((char *)work - offsetof(struct deployment, work));
}

/* ---- waiting for the end ---- */

/* With the lock. */
static bool is_deploying(const struct deployer *deployer, struct str endpoint_id)
{
	const struct deployment *deployment;

	LIST_FOREACH(deployment, &deployer->deployments, entry)
		if (str_is(endpoint_id, deployment->endpoint_id))
			return true;
	return false;
}

bool deployer_is_deploying(struct deployer *deployer, struct str endpoint_id)
{
	pthread_mutex_lock(&deployer->lock);
	const bool found = is_deploying(deployer, endpoint_id);
	pthread_mutex_unlock(&deployer->lock);
	return found;
}

/* On the waiter's loop: told by the deployer, or by its timer. */
static void end_wait(void *data)
{
	struct deployer_waiter *waiter = data;

	timer_stop(&waiter->timer);
	waiter->on_end(waiter);
}

static void on_patience_end(void *data)
{
	struct deployer_waiter *waiter = data;
	struct deployer *deployer = waiter->deployer;

	pthread_mutex_lock(&deployer->lock);
	const bool is_told = !waiter->is_listed;
	if (waiter->is_listed)
		LIST_REMOVE(waiter, entry);
	waiter->is_listed = false;
	pthread_mutex_unlock(&deployer->lock);
	/* Where it was told meanwhile, end_wait is on its way. */
	if (!is_told)
		waiter->on_end(waiter);
}

void deployer_wait(struct deployer *deployer, const char *endpoint_id, uint32_t max_ms, struct deployer_waiter *waiter)
{
	waiter->deployer = deployer;
	waiter->endpoint_id = endpoint_id;
	waiter->task = (struct loop_task){0};
	timer_init(&waiter->timer, waiter->loop, on_patience_end, waiter);
	timer_start(&waiter->timer, max_ms);
	pthread_mutex_lock(&deployer->lock);
	waiter->is_listed = is_deploying(deployer, str_of(endpoint_id));
	if (waiter->is_listed)
		LIST_INSERT_HEAD(&deployer->waiters, waiter, entry);
	else
		loop_post(waiter->loop, &waiter->task, end_wait, waiter);
	pthread_mutex_unlock(&deployer->lock);
}

/* With the lock. */
static void tell_waiters(struct deployer *deployer, const char *endpoint_id)
{
	struct deployer_waiter *waiter = LIST_FIRST(&deployer->waiters), *next;

	for (; waiter != NULL; waiter = next) {
		next = LIST_NEXT(waiter, entry);
		if (strcmp(waiter->endpoint_id, endpoint_id) != 0)
			continue;
		LIST_REMOVE(waiter, entry);
		waiter->is_listed = false;
		loop_post(waiter->loop, &waiter->task, end_wait, waiter);
	}
}

/* ---- a deployment ---- */

static void on_finished(struct work *work);

static void note_end(struct deployment *deployment)
{
	const struct str known = deployment->row.name.data != NULL ? deployment->row.name : deployment->row.id;
	const struct log_field name = LOG_STR("endpoint", known);
	const struct log_field version = LOG_INT("config_version", deployment->version);

	if (deployment->is_dropped)
		log_info("deploy.dropped", name, version);
	else if (deployment->err.code != ERR_NONE)
		log_error("deploy.failed", name, version, LOG_ERR(&deployment->err));
	else
		log_info("deploy.done", name, version);
}

/* False where the rows could not be written: a disk that is full. */
static bool note_failure(struct deployment *deployment)
{
	struct error err = {0};
	const bool is_noted = !deployment->is_dropped && deployment_fail(deployment, &err);

	if (!is_noted && !deployment->is_dropped)
		log_error("deploy.state", LOG_TEXT("endpoint_id", deployment->endpoint_id), LOG_ERR(&err));
	/* Who asks for an endpoint that never served hears why. */
	if (is_noted && deployment->row.config_version == 0)
		deployment_publish_nothing(deployment);
	return is_noted || deployment->is_dropped;
}

static void finish(struct work *work)
{
	struct deployment *deployment = deployment_of(work);
	struct deployer *deployer = deployment->deployer;

	deployment->is_noted = deployment->is_dropped;
	if (deployment->is_dropped || deployer->is_stopping)
		return;
	pthread_mutex_lock(&deployer->publishing);
	deployment->is_noted = deployment->err.code == ERR_NONE && deployment_commit(deployment, &deployment->err);
	if (deployment->is_noted)
		deployment_publish(deployment);
	else
		deployment->is_noted = note_failure(deployment);
	pthread_mutex_unlock(&deployer->publishing);
}

static void submit(struct deployment *deployment, void (*run)(struct work *work), void (*done)(struct work *work))
{
	struct deployer *deployer = deployment->deployer;

	deployment->work = (struct work){.run = run, .done = done};
	if (worker_submit(deployer->pool, deployer->options.loop, &deployment->work, &deployment->err))
		return;
	log_error("deploy.queue", LOG_TEXT("endpoint_id", deployment->endpoint_id), LOG_ERR(&deployment->err));
	on_finished(&deployment->work);
}

void deployment_tested(struct deployment *deployment)
{
	submit(deployment, finish, on_finished);
}

static void prepare(struct work *work)
{
	struct deployment *deployment = deployment_of(work);

	if (!deployment->deployer->is_stopping && deployment_read(deployment))
		deployment_prepare(deployment);
}

static void on_prepared(struct work *work)
{
	struct deployment *deployment = deployment_of(work);

	if (deployment->err.code != ERR_NONE || deployment->deployer->is_stopping)
		deployment_tested(deployment);
	else
		deployment_test(deployment);
}

static void check_idle(void *data)
{
	deployer_check_idle(data);
}

void deployer_check_idle(struct deployer *deployer)
{
	pthread_mutex_lock(&deployer->lock);
	const bool is_idle = LIST_EMPTY(&deployer->deployments);
	pthread_mutex_unlock(&deployer->lock);
	const bool is_mailing = deployer->options.mailer != NULL && !mailer_is_idle(deployer->options.mailer);
	if (!is_idle || is_mailing || deployer->is_watching || deployer->on_idle == NULL)
		return;
	void (*on_idle)(void *data) = deployer->on_idle;
	deployer->on_idle = NULL;
	on_idle(deployer->idle_data);
}

static void end(struct deployment *deployment)
{
	struct deployer *deployer = deployment->deployer;

	if (!deployer->is_stopping)
		note_end(deployment);
	deployment_notify(deployment);
	pthread_mutex_lock(&deployer->lock);
	LIST_REMOVE(deployment, entry);
	tell_waiters(deployer, deployment->endpoint_id);
	pthread_mutex_unlock(&deployer->lock);
	deployment_free(deployment);
	if (!deployer->is_stopping)
		deployer->options.on_deployed(deployer->options.data);
	check_idle(deployer);
}

static void finish_again(void *data)
{
	struct deployment *deployment = data;

	deployment->is_waiting = false;
	submit(deployment, finish, on_finished);
}

/* Clients wait for an end: what could not be written is written when the disk is well again. */
static void on_finished(struct work *work)
{
	struct deployment *deployment = deployment_of(work);
	struct deployer *deployer = deployment->deployer;

	if (deployment->is_noted || deployer->is_stopping) {
		end(deployment);
		return;
	}
	deployment->is_waiting = true;
	timer_init(&deployment->again, deployer->options.loop, finish_again, deployment);
	timer_start(&deployment->again, AGAIN_MS);
}

/* ---- beginning ---- */

/* On the loop: those that nobody began yet. */
static void begin(void *data)
{
	struct deployer *deployer = data;
	struct deployment *deployment;

	do {
		pthread_mutex_lock(&deployer->lock);
		LIST_FOREACH(deployment, &deployer->deployments, entry)
			if (!deployment->is_begun)
				break;
		if (deployment != NULL)
			deployment->is_begun = true;
		pthread_mutex_unlock(&deployer->lock);
		if (deployment != NULL)
			submit(deployment, prepare, on_prepared);
	} while (deployment != NULL);
}

void deployer_start(struct deployer *deployer, struct str endpoint_id, int64_t version)
{
	pthread_mutex_lock(&deployer->lock);
	/* Once it stops nobody waits for what is posted to the loop; the rows keep it for the next start. */
	if (!deployer->is_stopping) {
		struct deployment *deployment = deployment_new(deployer, endpoint_id, version);

		LIST_INSERT_HEAD(&deployer->deployments, deployment, entry);
		loop_post(deployer->options.loop, &deployer->begin_task, begin, deployer);
	}
	pthread_mutex_unlock(&deployer->lock);
}

/* ---- the end ---- */

void deployer_stop(struct deployer *deployer, void (*on_idle)(void *data), void *data)
{
	struct deployment *deployment, *next;

	deployer->on_idle = on_idle;
	deployer->idle_data = data;
	if (deployer->sweep.is_ready)
		timer_stop(&deployer->sweep);
	/* From then on the list only shrinks, on this thread. */
	pthread_mutex_lock(&deployer->lock);
	deployer->is_stopping = true;
	pthread_mutex_unlock(&deployer->lock);
	for (deployment = LIST_FIRST(&deployer->deployments); deployment != NULL; deployment = next) {
		next = LIST_NEXT(deployment, entry);
		if (deployment->batch != NULL)
			batch_cancel(deployment->batch);
		if (!deployment->is_waiting)
			continue;
		timer_stop(&deployment->again);
		end(deployment);
	}
	if (deployer->options.mailer != NULL)
		mailer_stop(deployer->options.mailer);
	check_idle(deployer);
}

#pragma once
/* One deployment on its way. Private to deploy*.c. */
#include "control/deploy.h"

#include "model/batch.h"

#include <pthread.h>

enum { RECENT_MAX = 32 };

struct deployer {
	struct deployer_options options;
	struct worker_pool *pool;
	pthread_mutex_t lock; /* of what follows */
	LIST_HEAD(, deployment) deployments;
	LIST_HEAD(, deployer_waiter) waiters;
	/* Held from the rows that say what serves to the table that serves it: what is published last is what was committed
	 * last. */
	pthread_mutex_t publishing;
	/* What was served lately comes back without loading: a rollback. */
	struct resident *recent[RECENT_MAX];
	unsigned recent_at;
	_Atomic bool is_stopping;
	/* the loop's: */
	void (*on_idle)(void *data);
	void *idle_data;
	struct timer sweep;
	struct work watch; /* what other processes changed */
	bool is_watching;  /* it is on its way */
	int64_t event_seen; /* the last one that the table knows; the work's while it is on its way */
	struct stats_minute process; /* microseconds of processors, and of time */
	struct loop_task begin_task;
};

/* One served entity of a deployment. */
struct deploying {
	const struct served_config_entity *entity;
	struct str version; /* resolved */
	const char *digest, *task;
	struct resident *resident;
	struct buf log;
};

struct deployment {
	LIST_ENTRY(deployment) entry;
	struct deployer *deployer;
	struct arena arena;
	struct work work;
	const char *endpoint_id;
	int64_t version;
	struct endpoint_row row;
	struct served_config config;
	struct json resolved; /* of the rows: what it stood for when it was deployed */
	struct deploying *entities;
	bool is_begun;
	bool is_restore; /* it served before: no self-test, and what does not load says so */
	bool is_dropped; /* the endpoint was deleted meanwhile */
	bool is_noted;   /* the rows have its end */
	bool is_waiting; /* for another try to note it */
	struct timer again;
	struct error err; /* why it failed; ERR_NONE */
	/* self-test: */
	size_t testing;
	struct bundle *bundle;
	struct arena test_arena;
	struct input input;
	struct batch *batch;
};

/* deploy_prepare.c; on a pool thread. False with deployment->err. */
bool deployment_read(struct deployment *deployment);
bool deployment_prepare(struct deployment *deployment);
void deployment_log(struct deploying *deploying, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* deploy_publish.c; on a pool thread. */
bool deployment_commit(struct deployment *deployment, struct error *err);
bool deployment_fail(struct deployment *deployment, struct error *err);
void deployment_publish(struct deployment *deployment);
/* That it does not serve, and why. */
void deployment_publish_nothing(struct deployment *deployment);
/* In memory, whether somebody asks or not. */
bool deployment_keeps(const struct deployment *deployment, const struct served_config_entity *entity);
struct endpoint *deployment_endpoint(struct deployment *deployment);
/* With the limits of the row; the counts of what stays limited go on. `old`, which may be NULL, serves until now. */
struct limiter *deployment_limiter(const struct endpoint_row *row, const struct endpoint *old);
/* deploy_test.c; on the loop's thread; then deployment_tested(). */
void deployment_test(struct deployment *deployment);
void deployment_tested(struct deployment *deployment);

/* deploy_notify.c; on the loop's thread. */
void deployment_notify(struct deployment *deployment);

/* On the loop's thread: the last work is over, maybe. */
void deployer_check_idle(struct deployer *deployer);

struct deployment *deployment_new(struct deployer *deployer, struct str endpoint_id, int64_t version);
void deployment_free(struct deployment *deployment);

#pragma once
/*
 * Deploy: from a config version in the rows to endpoints that serve it, or to the reason why they do not.
 *
 *	start ─▶ prepare (pool): resolve aliases → fetch and verify → resolve variables → load
 *	      ─▶ self-test (loop): each new bundle answers its input example
 *	      ─▶ commit (pool): one transaction: this version is active; then the swap (serving_put)
 *	      or fail: UPDATE_FAILED and why; what served goes on serving
 *
 * Invariants: one deployment an endpoint at a time (its row says IN_PROGRESS). The transaction decides: a process that is
 * killed before it starts with the old config and deploys the new one again, one that is killed after it starts with the
 * new one. Requests see the old config or the new one, never both. A bundle that hangs in its self-test holds up no other
 * deployment.
 *
 * Thread-safe where it says so.
 */
#include "control/served_config.h"
#include "control/rows.h"
#include "control/origin.h"
#include "model/seam.h"
#include "packaging/sign.h"
#include "serving/serving.h"

struct deployer;

struct deployer_options {
	struct registry *registry; /* its database has the rows */
	struct origin *origin;
	struct serving *serving;
	const struct trusted_keys *trusted; /* bundles must be signed by one of them; NULL: they need not */
	unsigned worker_count; /* for the counts of entities */
	const char *secret_dir;
	uint32_t self_test_ms; /* deadline of a bundle's self-test */
	unsigned queue_max, queue_timeout_ms; /* in front of each served entity: struct gate_limits */
	int64_t idle_ms;      /* bundles without traffic, and those that scale to zero, are unloaded after this */
	/* {{secrets/scope/key}}; on a pool thread. NULL: there is no store of secrets. */
	bool (*read_secret)(void *data, struct arena *arena, struct str scope, struct str key, struct secret *ret,
		struct error *err);
	/* Before a bundle runs on the loop: what it needs to call out. */
	bool (*ready_to_run)(void *data, const struct bundle *bundle, struct error *err);
	struct mailer *mailer; /* NULL: nobody gets mail */
	void (*on_deployed)(void *data); /* on the loop, after each deployment, however it ended */
	void *data;
	struct loop *loop; /* where self-tests run */
	const struct seam *seam; /* of that loop */
};

struct deployer *deployer_new(const struct deployer_options *options);
/* Stopped, or never used. */
void deployer_free(struct deployer *deployer);

/* At the start, and when another process has changed the rows: every endpoint serves what its rows say; those that cannot
 * say why. `is_alone`: deployments that nobody is at any more are begun again. Blocks; not on the loop's thread. */
bool deployer_sync(struct deployer *deployer, bool is_alone, struct error *err);
/* Before the loop runs: idle bundles are unloaded from now on. */
void deployer_run(struct deployer *deployer);

/* From any thread: the endpoint's pending version, which the rows hold. */
void deployer_start(struct deployer *deployer, struct str endpoint_id, int64_t version);
/* From any thread: the endpoint's rows changed in something that needs no deployment (stopped, started again, limits);
 * its active config is published anew, or why it has none. Blocks. */
bool deployer_refresh(struct deployer *deployer, struct str endpoint_id, struct error *err);

/* From any thread: the endpoint's rows are gone. Blocks. */
void deployer_remove(struct deployer *deployer, struct str name, struct str endpoint_id);

/* Of all processors, of this process, in the last minute. */
double deployer_cpu_percent(const struct deployer *deployer);

/* From any thread: in this process. */
bool deployer_is_deploying(struct deployer *deployer, struct str endpoint_id);

/* In the caller's memory until on_end, which is called once on the loop's thread: when the endpoint has no deployment any
 * more, or `max_ms` ran out. */
struct deployer_waiter {
	void (*on_end)(struct deployer_waiter *waiter);
	struct loop *loop;
	/* private: */
	LIST_ENTRY(deployer_waiter) entry;
	struct timer timer;
	struct loop_task task;
	struct deployer *deployer;
	bool is_listed;
	const char *endpoint_id; /* the caller's, too */
};
/* On the waiter's loop's thread. */
void deployer_wait(struct deployer *deployer, const char *endpoint_id, uint32_t max_ms, struct deployer_waiter *waiter);

/* On the loop's thread: no new deployments; those that run end soon, and begin again at the next start. on_idle is called
 * once when none is left. */
void deployer_stop(struct deployer *deployer, void (*on_idle)(void *data), void *data);

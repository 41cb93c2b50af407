/*
 * Every second: bundles that nobody needs give their memory back, the last minute's numbers are noted, and what another
 * process on the same rows has changed (a predecessor that works off what it had, a second server) is served here, too.
 */
#include "control/deploy_internal.h"

#include "base/clock.h"
#include "base/log.h"

#include <sys/resource.h>
#include <unistd.h>

enum { SWEEP_MS = 1000 };

static void tick_entity(const struct entity *entity, int64_t now_ms)
{
	uint64_t values[MINUTE_VALUES];

	entity_stats_minute_values(entity->stats, values);
	stats_tick(&entity->stats->minute, now_ms, values);
}

static void sweep_endpoints(struct deployer *deployer, int64_t now_ms)
{
	struct endpoint **endpoints;
	struct arena arena;

	arena_init(&arena);
	const size_t count = serving_list(deployer->options.serving, &arena, &endpoints);
	for (size_t i = 0; i < count; i++) {
		for (size_t j = 0; j < endpoints[i]->entity_count; j++) {
			resident_evict(endpoints[i]->entities[j].resident, now_ms - deployer->options.idle_ms);
			tick_entity(&endpoints[i]->entities[j], now_ms);
		}
	}
	arena_done(&arena);
}

static void process_values(uint64_t ret[static MINUTE_VALUES])
{
	struct rusage usage = {0};

	getrusage(RUSAGE_SELF, &usage);
	memset(ret, 0, MINUTE_VALUES * sizeof(*ret));
	ret[0] = (uint64_t)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1000000 +
		 (uint64_t)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec);
	ret[1] = clock_ns() / 1000;
}

double deployer_cpu_percent(const struct deployer *deployer)
{
	const long processors = sysconf(_SC_NPROCESSORS_ONLN);
	uint64_t values[MINUTE_VALUES], growth[MINUTE_VALUES];

	process_values(values);
	stats_growth(&deployer->process, clock_ms(), values, growth);
	if (growth[1] == 0 || growth[1] == values[1])
		return 0;
	return 100.0 * (double)growth[0] / (double)growth[1] / (double)(processors > 0 ? processors : 1);
}

/* ---- other processes ---- */

static struct deployer *deployer_of(struct work *work)
{
	return (struct deployer *)((char *)work - offsetof(struct deployer, watch));
}

/* Every change is an event. */
static void look(struct work *work)
{
	struct deployer *deployer = deployer_of(work);
	struct db *db = db_begin(deployer->options.registry->db, DB_READ, &work->err);
	int64_t last = 0;

	if (db == NULL)
		return;
	const int found = db_find(db, &work->err, &last, "SELECT coalesce(max(id), 0) FROM endpoint_events", "");
	db_rollback(db);
	if (found > 0 && last != deployer->event_seen && deployer_sync(deployer, false, &work->err))
		deployer->event_seen = last;
}

static void on_looked(struct work *work)
{
	struct deployer *deployer = deployer_of(work);

	if (work->err.code != ERR_NONE)
		log_warn("endpoints.watch", LOG_ERR(&work->err));
	deployer->is_watching = false;
	deployer_check_idle(deployer);
}

static void watch(struct deployer *deployer)
{
	struct error ignored; /* the next second comes */

	if (deployer->is_watching)
		return;
	deployer->watch = (struct work){.run = look, .done = on_looked};
	deployer->is_watching = worker_submit(deployer->pool, deployer->options.loop, &deployer->watch, &ignored);
}

/* ---- every second ---- */

static void on_sweep(void *data)
{
	struct deployer *deployer = data;
	const int64_t now_ms = clock_ms();
	uint64_t values[MINUTE_VALUES];

	sweep_endpoints(deployer, now_ms);
	pthread_mutex_lock(&deployer->lock);
	for (size_t i = 0; i < RECENT_MAX; i++)
		if (deployer->recent[i] != NULL)
			resident_evict(deployer->recent[i], now_ms - deployer->options.idle_ms);
	pthread_mutex_unlock(&deployer->lock);
	process_values(values);
	stats_tick(&deployer->process, now_ms, values);
	watch(deployer);
	timer_start(&deployer->sweep, SWEEP_MS);
}

void deployer_run(struct deployer *deployer)
{
	timer_init(&deployer->sweep, deployer->options.loop, on_sweep, deployer);
	timer_start(&deployer->sweep, SWEEP_MS);
}

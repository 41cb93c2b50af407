/* calm ──room is full──▶ overloaded ──a window without excess, or idle──▶ calm */
#include "async/gate_rule.h"

#include <math.h>
#include <stddef.h>

#define MS 1000000ull

enum {
	TURNS = 16,    /* of the slots that may wait in calm */
	ROOM_MIN = 32, /* one slot at 80 % load has longer queues once in 2000 arrivals */
	AVERAGED = 64, /* completions; calm is remembered longer */
	AVERAGED_CALM = 512,
	RETRY_AFTER_MAX_S = 60
};

static const uint64_t GROWTH_MIN_NS = 20 * MS, GROWTH_MAX_NS = 200 * MS;
static const uint64_t LOAD_MIN_NS = 100 * MS, LOAD_MAX_NS = 4000 * MS, IDLE_MIN_NS = 10 * MS;

static uint64_t clamp(double value, uint64_t min, uint64_t max)
{
	return value < (double)min ? min : value > (double)max ? max : (uint64_t)value;
}

/* How many can be served within the timeout. */
static double in_timeout(const struct gate_rule *rule)
{
	const struct gate_limits *limits = &rule->limits;

	if (limits->queue_timeout_ms == 0 || rule->service.mean_ns <= 0)
		return UINT32_MAX;
	return (double)(limits->queue_timeout_ms * MS) * limits->slots / rule->service.mean_ns;
}

/* Little's law: so many at once that are completed at that rate take so long. Where that is nearly
 * twice as long as with room around them, fewer would complete as much. */
static unsigned enough_at_once(const struct gate_rule *rule, unsigned limit, double rate)
{
	const double crowding = limit / rate / rule->calm.mean_ns;
	const unsigned enough = (unsigned)(limit / crowding * 1.25) + 1;

	return crowding < 1.8 || enough > limit ? limit : enough;
}

static bool knows_crowds(const struct gate_rule *rule)
{
	return rule->calm.count >= AVERAGED && rule->crowded.count >= AVERAGED;
}

/* How many at once complete as much as all slots, as far as is known. */
static unsigned useful_slots(const struct gate_rule *rule)
{
	const unsigned slots = rule->limits.slots;

	return knows_crowds(rule) ? enough_at_once(rule, slots, slots / rule->crowded.mean_ns)
				  : slots;
}

static unsigned room_in_calm(const struct gate_rule *rule)
{
	const struct gate_limits *limits = &rule->limits;
	const unsigned useful = useful_slots(rule), least = limits->slots < 4 ? limits->slots : 4;
	const unsigned turns = TURNS * (useful > least ? useful : least);
	unsigned room = turns < ROOM_MIN ? ROOM_MIN : turns;
	const double in_time = in_timeout(rule) / 2;

	if (in_time < room)
		room = (unsigned)in_time;
	return room < limits->slots ? limits->slots : room;
}

static void watch_growth(struct gate_rule *rule, uint64_t now_ns)
{
	rule->growth_ns = now_ns;
	rule->growth_from = rule->queued;
}

static void become_calm(struct gate_rule *rule, uint64_t now_ns)
{
	rule->is_overloaded = false;
	rule->was_burst = false;
	rule->limit = rule->limits.slots;
	rule->room = room_in_calm(rule);
	watch_growth(rule, now_ns);
}

void gate_rule_init(struct gate_rule *rule, const struct gate_limits *limits, uint64_t now_ns)
{
	*rule = (struct gate_rule){.limits = *limits, .idle_ns = now_ns};
	become_calm(rule, now_ns);
}

void gate_rule_change(struct gate_rule *rule, const struct gate_limits *limits, uint64_t now_ns)
{
	rule->limits = *limits;
	become_calm(rule, now_ns);
}

static enum gate_door take(struct gate_rule *rule, uint64_t now_ns)
{
	rule->in_use++;
	rule->start_sum += now_ns;
	return GATE_ENTERED;
}

static enum gate_door wait_in_line(struct gate_rule *rule)
{
	rule->queued++;
	return GATE_WAITS;
}

static double slow_service(const struct gate_time *time)
{
	return time->mean_ns + 2 * time->spread_ns;
}

/* How long somebody may wait under overload. */
static double patience(const struct gate_rule *rule)
{
	const double service = slow_service(&rule->service), least = rule->service.mean_ns / 8;
	const double calm = rule->calm.count > 0 ? slow_service(&rule->calm) : service;
	const double wait = (calm < service ? calm : service) * 3 / 2 - service;

	return wait > least ? wait : least;
}

static unsigned short_queue(const struct gate_rule *rule)
{
	const double mean = rule->service.mean_ns, share = mean > 0 ? patience(rule) / mean : 1;
	const double length = share * rule->limit;

	return length < 1 ? 1 : (unsigned)length;
}

/* With a short queue the k-th that waits gets the slot of the k-th that started. */
static bool waits_briefly(const struct gate_rule *rule, uint64_t now_ns)
{
	if (rule->queued >= short_queue(rule) || rule->in_use > rule->limit)
		return false;

	const double run = (double)(now_ns * rule->in_use - rule->start_sum) / rule->in_use;

	return run >= rule->service.mean_ns - patience(rule);
}

static void count_load(struct gate_rule *rule, uint64_t now_ns)
{
	const double service = rule->service.mean_ns, slots = rule->limit;
	const uint64_t window = now_ns - rule->load_ns;

	if (window < clamp(slots < 16 ? service * 16 / slots : service, LOAD_MIN_NS, LOAD_MAX_NS))
		return;
	/* Not compared with what was completed: few slots with a short queue do less than they
	 * could. */
	if (rule->went > 0 && (double)rule->came * service < 0.95 * slots * (double)window)
		become_calm(rule, now_ns);
	rule->load_ns = now_ns;
	rule->came = rule->went = 0;
}

static bool was_idle(const struct gate_rule *rule, uint64_t now_ns)
{
	return rule->in_use == 0 &&
	       now_ns - rule->idle_ns >= clamp(rule->service.mean_ns * 4, IDLE_MIN_NS, LOAD_MAX_NS);
}

/* Counts anew as soon as no more are in than may be. */
static void begin_step(struct gate_rule *rule)
{
	rule->step_ns = 0;
	rule->step_went = 0;
}

/* Between what would be lost if services were as quick with fewer at once, and nothing. */
static bool is_loss(const struct gate_rule *rule, double rate)
{
	return rule->rate_before > 0 &&
	       rate < rule->rate_before * sqrt((double)rule->limit / rule->limit_before);
}

static void lower_limit(struct gate_rule *rule, double rate)
{
	const unsigned enough = enough_at_once(rule, rule->limit, rate);

	begin_step(rule);
	if (enough >= rule->limit)
		return;
	rule->limit_before = rule->limit;
	rule->rate_before = rate;
	rule->limit = enough;
}

static void judge_step(struct gate_rule *rule, uint64_t now_ns)
{
	const double rate = (double)rule->step_went / (double)(now_ns - rule->step_ns);

	if (!is_loss(rule, rate)) {
		lower_limit(rule, rate);
		return;
	}
	rule->limit = rule->limit_before;
	rule->is_settled = true;
}

/* The more services differ, the more of them tell a rate. */
static uint64_t step_length(const struct gate_rule *rule)
{
	const double variation = rule->service.spread_ns / rule->service.mean_ns;
	const uint64_t length = (uint64_t)(8 + 100 * variation * variation);

	return length < rule->limit ? rule->limit : length;
}

static void watch_step(struct gate_rule *rule, uint64_t now_ns)
{
	if (rule->is_settled || rule->calm.count < AVERAGED || rule->in_use > rule->limit)
		return;
	if (rule->step_ns == 0)
		rule->step_ns = now_ns;
	else if (++rule->step_went >= step_length(rule))
		judge_step(rule, now_ns);
}

static void become_overloaded(struct gate_rule *rule, uint64_t now_ns, unsigned *ret_shed)
{
	rule->is_overloaded = true;
	rule->load_ns = now_ns;
	rule->came = rule->went = 0;
	rule->is_settled = false;
	rule->rate_before = 0;
	begin_step(rule);
	if (knows_crowds(rule))
		lower_limit(rule, rule->limit / rule->crowded.mean_ns);

	const unsigned kept = short_queue(rule);

	if (rule->queued > kept) {
		*ret_shed = rule->queued - kept;
		rule->queued = kept;
	}
}

/* Whether the queue grows by a burst: quickly, and it did not just before. */
static bool is_burst(struct gate_rule *rule, uint64_t now_ns)
{
	const unsigned much = (room_in_calm(rule) + 3) / 4;
	const unsigned grown =
		rule->queued > rule->growth_from ? rule->queued - rule->growth_from : 0;
	const uint64_t window = clamp(rule->service.mean_ns, GROWTH_MIN_NS, GROWTH_MAX_NS);

	if (now_ns - rule->growth_ns < window)
		return grown >= much && !rule->was_burst;
	/* A window that ended long ago is not "just before". */
	rule->was_burst = grown >= much && now_ns - rule->growth_ns < 2 * window;

	const unsigned needed = rule->queued + rule->queued / 2, calm = room_in_calm(rule);

	if (needed < rule->room)
		rule->room = needed > calm ? needed : calm;
	watch_growth(rule, now_ns);
	return false;
}

static bool is_too_long(const struct gate_rule *rule)
{
	const struct gate_limits *limits = &rule->limits;

	if (limits->queue_max != 0 && rule->queued >= limits->queue_max)
		return true;
	return limits->sheds && rule->queued >= in_timeout(rule);
}

static enum gate_door come_in_calm(struct gate_rule *rule, uint64_t now_ns, unsigned *ret_shed)
{
	if (rule->queued == 0)
		become_calm(rule, now_ns);

	const bool burst = is_burst(rule, now_ns), too_long = is_too_long(rule);

	if (burst && too_long)
		return GATE_FULL;
	if (burst && rule->room < rule->queued + 1 + rule->queued / 2)
		rule->room = rule->queued + 1 + rule->queued / 2;
	if (rule->queued < rule->room && !too_long)
		return wait_in_line(rule);
	become_overloaded(rule, now_ns, ret_shed);
	return waits_briefly(rule, now_ns) ? wait_in_line(rule) : GATE_FULL;
}

enum gate_door gate_rule_come(struct gate_rule *rule, uint64_t now_ns, unsigned *ret_shed)
{
	*ret_shed = 0;
	if (rule->is_overloaded) {
		rule->came++;
		count_load(rule, now_ns);
		if (was_idle(rule, now_ns))
			become_calm(rule, now_ns);
	}
	if (rule->in_use < rule->limit && rule->queued == 0)
		return take(rule, now_ns);
	if (!rule->limits.sheds)
		return is_too_long(rule) ? GATE_FULL : wait_in_line(rule);
	if (!rule->is_overloaded)
		return come_in_calm(rule, now_ns, ret_shed);
	return waits_briefly(rule, now_ns) && !is_too_long(rule) ? wait_in_line(rule) : GATE_FULL;
}

static void measure(struct gate_time *time, double value_ns, uint64_t averaged)
{
	const double count = (double)(++time->count < averaged ? time->count : averaged);
	const double off = value_ns - time->mean_ns;

	time->mean_ns += off / count;
	if (time->count > 1)
		time->spread_ns += ((off < 0 ? -off : off) - time->spread_ns) / count;
}

/* Overload begins in calm: its first services must not pass for calm ones. */
static double bounded(const struct gate_time *time, double value_ns)
{
	const double near = time->mean_ns / 2, far = 4 * time->spread_ns;
	const double most = time->mean_ns + (far > near ? far : near);

	return time->count < AVERAGED || value_ns < most ? value_ns : most;
}

void gate_rule_go(
	struct gate_rule *rule, uint64_t started_ns, enum gate_company company, uint64_t now_ns)
{
	const double service = (double)(now_ns - started_ns);

	measure(&rule->service, service, AVERAGED);
	if (company == GATE_ROOM && !rule->is_overloaded)
		measure(&rule->calm, bounded(&rule->calm, service), AVERAGED_CALM);
	if (company == GATE_CROWD)
		measure(&rule->crowded, service, AVERAGED);
	if (rule->is_overloaded) {
		rule->went++;
		watch_step(rule, now_ns);
	}
	rule->in_use--;
	rule->start_sum -= started_ns;
	if (rule->in_use == 0)
		rule->idle_ns = now_ns;
}

enum gate_company gate_rule_company(const struct gate_rule *rule)
{
	const unsigned slots = rule->limits.slots;

	if (rule->in_use <= (slots + 1) / 2)
		return GATE_ROOM;
	return rule->in_use < slots ? GATE_COMPANY : GATE_CROWD;
}

bool gate_rule_next(struct gate_rule *rule, uint64_t now_ns)
{
	if (rule->queued == 0 || rule->in_use >= rule->limit)
		return false;
	rule->queued--;
	take(rule, now_ns);
	return true;
}

void gate_rule_quit(struct gate_rule *rule)
{
	rule->queued--;
}

unsigned gate_rule_retry_after_s(const struct gate_rule *rule)
{
	const double wait = (rule->queued + 1) * rule->service.mean_ns / rule->limits.slots / 1e9;

	if (wait <= 1)
		return 1;
	return wait < RETRY_AFTER_MAX_S - 1 ? (unsigned)wait + 1 : RETRY_AFTER_MAX_S;
}

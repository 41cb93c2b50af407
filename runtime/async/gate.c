/*
 * One queue under one lock, held for a few pointer moves. Counting with atomics and a queue a
 * thread was the alternative: it needs a wake-up protocol between threads and is fair only by
 * turns.
 */
#include "async/gate.h"

#include "base/clock.h"

#include <assert.h>
#include <pthread.h>
#include <stdlib.h>

struct gate {
	pthread_mutex_t lock;
	struct gate_rule rule;
	struct gate_pass *first, *last;
	uint64_t refused, expired;
};

static void must(bool is_fine)
{
	if (!is_fine)
		abort();
}

struct gate *gate_new(const struct gate_limits *limits)
{
	struct gate *gate = calloc(1, sizeof(*gate));

	must(gate != NULL && limits->slots > 0);
	must(pthread_mutex_init(&gate->lock, NULL) == 0);
	gate_rule_init(&gate->rule, limits, clock_ns());
	return gate;
}

void gate_free(struct gate *gate)
{
	if (gate == NULL)
		return;
	assert(gate->first == NULL && gate->rule.in_use == 0);
	pthread_mutex_destroy(&gate->lock);
	free(gate);
}

static void append(struct gate *gate, struct gate_pass *pass)
{
	pass->next = NULL;
	pass->prev = gate->last;
	if (gate->last != NULL)
		gate->last->next = pass;
	else
		gate->first = pass;
	gate->last = pass;
	pass->is_queued = true;
}

static void unlink_pass(struct gate *gate, struct gate_pass *pass)
{
	if (pass->prev != NULL)
		pass->prev->next = pass->next;
	else
		gate->first = pass->next;
	if (pass->next != NULL)
		pass->next->prev = pass->prev;
	else
		gate->last = pass->prev;
	pass->is_queued = false;
}

static void tell(void *data)
{
	struct gate_pass *pass = data;

	timer_stop(&pass->timer);
	pass->on_turn(pass->data, pass->turn);
}

/* Under the lock: its owner must not take it for queued and free it before it is posted. */
static void send_first(struct gate *gate, enum gate_turn turn, uint64_t now_ns)
{
	struct gate_pass *pass = gate->first;

	unlink_pass(gate, pass);
	pass->turn = turn;
	pass->started_ns = now_ns;
	pass->company = gate_rule_company(&gate->rule);
	loop_post(pass->loop, &pass->task, tell, pass);
}

/* The slot goes straight to who waited longest: nobody that comes now can overtake. */
static void let_in(struct gate *gate, uint64_t now_ns)
{
	while (gate_rule_next(&gate->rule, now_ns))
		send_first(gate, GATE_TURN, now_ns);
}

void gate_change(struct gate *gate, const struct gate_limits *limits)
{
	must(limits->slots > 0);
	pthread_mutex_lock(&gate->lock);

	const uint64_t now_ns = clock_ns();

	gate_rule_change(&gate->rule, limits, now_ns);
	let_in(gate, now_ns);
	pthread_mutex_unlock(&gate->lock);
}

/* Takes it out of the queue; false: it is out of it already and on_turn() is on its way. */
static bool quit(struct gate_pass *pass, enum gate_turn turn)
{
	struct gate *gate = pass->gate;

	pthread_mutex_lock(&gate->lock);

	const bool was_queued = pass->is_queued;

	if (was_queued) {
		unlink_pass(gate, pass);
		gate_rule_quit(&gate->rule);
		pass->turn = turn;
		gate->expired += turn == GATE_EXPIRED;
	}
	pthread_mutex_unlock(&gate->lock);
	return was_queued;
}

static void on_timeout(void *data)
{
	struct gate_pass *pass = data;

	if (quit(pass, GATE_EXPIRED))
		tell(pass);
}

void gate_cancel(struct gate_pass *pass)
{
	if (quit(pass, GATE_CANCELLED))
		loop_defer(pass->loop, &pass->task, tell, pass);
}

static void prepare(struct gate *gate, struct gate_pass *pass, struct loop *loop,
	void (*on_turn)(void *data, enum gate_turn turn), void *data)
{
	pass->gate = gate;
	pass->loop = loop;
	pass->task = (struct loop_task){0};
	pass->timer.is_ready = false;
	pass->on_turn = on_turn;
	pass->data = data;
	pass->is_queued = false;
}

enum gate_door gate_enter(struct gate *gate, struct gate_pass *pass, struct loop *loop,
	void (*on_turn)(void *data, enum gate_turn turn), void *data)
{
	unsigned shed;

	prepare(gate, pass, loop, on_turn, data);
	pthread_mutex_lock(&gate->lock);

	/* Inside of the lock, so that the rule's time never runs backwards. */
	const uint64_t now_ns = clock_ns();
	const unsigned timeout_ms = gate->rule.limits.queue_timeout_ms;
	const enum gate_door door = gate_rule_come(&gate->rule, now_ns, &shed);

	gate->refused += shed + (door == GATE_FULL);
	while (shed-- > 0)
		send_first(gate, GATE_SHED, now_ns);
	pass->started_ns = now_ns;
	pass->company = gate_rule_company(&gate->rule);
	if (door == GATE_WAITS)
		append(gate, pass);
	let_in(gate, now_ns);
	pthread_mutex_unlock(&gate->lock);
	if (door == GATE_WAITS && timeout_ms != 0) {
		timer_init(&pass->timer, loop, on_timeout, pass);
		timer_start(&pass->timer, timeout_ms);
	}
	return door;
}

void gate_leave(struct gate_pass *pass)
{
	struct gate *gate = pass->gate;

	pthread_mutex_lock(&gate->lock);

	const uint64_t now_ns = clock_ns();

	gate_rule_go(&gate->rule, pass->started_ns, pass->company, now_ns);
	let_in(gate, now_ns);
	pthread_mutex_unlock(&gate->lock);
}

struct gate_state gate_state(struct gate *gate)
{
	pthread_mutex_lock(&gate->lock);

	const struct gate_rule *rule = &gate->rule;
	const struct gate_state state = {.slots = rule->limits.slots,
		.in_use = rule->in_use,
		.queued = rule->queued,
		.retry_after_s = gate_rule_retry_after_s(rule),
		.is_overloaded = rule->is_overloaded,
		.refused = gate->refused,
		.expired = gate->expired};

	pthread_mutex_unlock(&gate->lock);
	return state;
}

#pragma once
/*
 * Gate rule: who enters a gate at once, who waits, who is refused. Counts and times only: no lock, no thread, no clock of
 * its own, so that a simulation can prove it (tests/unit/gate_rule_test.c).
 *
 * Invariant: in_use never grows past slots; nobody waits while there is a place.
 *
 * A queue has two reasons, and they need opposite answers. Many clients that each wait for their answer before they ask
 * again (a closed loop) send a burst and then one request for each answer: all they need is patience, the queue cannot
 * grow. Clients that do not wait (an open loop) above capacity make any queue grow for ever: patience only makes every
 * answer late, and the slots are as busy with a short queue. So:
 *
 * CALM. The queue holds 16 requests a slot (of as many as are useful, see below; at least 32), and not more than half of the
 *	timeout's worth. A burst may
 *	exceed that: a window (one service time, 20 to 200 ms) that brings a quarter of this and follows one that did not; its
 *	room, with half as much again, stays while its queue does. What would wait longer than the timeout is refused.
 *	Who comes when all of this is full shows that arrivals exceed completions: OVERLOADED.
 * OVERLOADED. Who waited longest is refused until the queue is short. From now on one may wait while the estimated wait is
 *	below half of a slow service (its mean and twice its mean deviation): the queue holds fewer turns than that, and those
 *	that are in have run so long on average that they end in that time. Where services are slower than they were in calm
 *	(they share a processor), the wait shrinks by as much, down to an eighth of a service.
 *	Where they are nearly twice as slow, so many at once only hinder each other: fewer are let in, by Little's law as many as
 *	would complete as much if they were as quick as in calm, and a quarter more. Where that completes clearly less after
 *	all, it is taken back.
 *	It ends after a window (16 services, 0.1 to 4 s) in which less came, refused ones included, than 95 % of what the
 *	slots can do, or when nobody was in for four services.
 *
 * So what is accepted under overload takes about 3/2 of what it takes in calm, a refusal is told at the door, but for those
 * that wait when overload begins, and the slots stay busy. Services are averaged over 64, calm ones over 512.
 *
 * Akin: CoDel (RFC 8289) judges by standing delay, which a closed loop has without being overload; gradient limits (Envoy's
 * adaptive concurrency, Netflix's concurrency-limits) move the slots, which here are the operator's promise.
 */
#include <stdbool.h>
#include <stdint.h>

enum gate_door { GATE_ENTERED, GATE_WAITS, GATE_FULL };

struct gate_limits {
	unsigned slots;            /* at least 1 */
	unsigned queue_max;        /* 0: no bound */
	unsigned queue_timeout_ms; /* 0: none */
	bool sheds;                /* false: only the two bounds above refuse anybody */
};

struct gate_time {
	uint64_t count;
	double mean_ns, spread_ns; /* moving averages of the value and of its distance from the mean */
};

struct gate_rule {
	struct gate_limits limits;
	unsigned in_use, queued;
	uint64_t start_sum; /* of who is in, modulo 2^64 */
	uint64_t idle_ns;   /* since when nobody is in */
	struct gate_time service, calm, crowded; /* of all; in calm, of those with room; of those with none */

	uint64_t growth_ns; /* start of the window that watches the queue */
	unsigned growth_from, room;
	bool was_burst;

	bool is_overloaded;
	uint64_t load_ns; /* start of the window that counts */
	uint64_t came, went;
	unsigned limit;              /* at once: slots, or fewer under overload */
	uint64_t step_ns, step_went; /* since when no more are in; 0: not yet. What was completed since */
	unsigned limit_before;       /* the last step, */
	double rate_before;          /* and completions a nanosecond before it; 0: there was none */
	bool is_settled;             /* it was taken back: no more steps */
};

void gate_rule_init(struct gate_rule *rule, const struct gate_limits *limits, uint64_t now_ns);
/*
 * Somebody comes. GATE_ENTERED has taken a slot from now_ns on, GATE_WAITS is behind those that wait. *ret_shed: how many
 * of those that waited before, longest first, are refused now: they are out of the queue already.
 */
enum gate_door gate_rule_come(struct gate_rule *rule, uint64_t now_ns, unsigned *ret_shed);
/* Around who was just let in. What services cost with room, and what they cost with none, tells whether they hinder each
 * other. */
enum gate_company { GATE_ROOM /* half of the slots at most are taken */, GATE_COMPANY, GATE_CROWD /* all are */ };
enum gate_company gate_rule_company(const struct gate_rule *rule);
/* Somebody who started at started_ns in that company gives the slot back. */
void gate_rule_go(struct gate_rule *rule, uint64_t started_ns, enum gate_company company, uint64_t now_ns);
/* Other limits, from now on. */
void gate_rule_change(struct gate_rule *rule, const struct gate_limits *limits, uint64_t now_ns);
/* True: the slot of now_ns is for who waited longest. Ask until it says no, after each come, go and change. */
bool gate_rule_next(struct gate_rule *rule, uint64_t now_ns);
/* Somebody leaves the queue by himself. */
void gate_rule_quit(struct gate_rule *rule);
/* When a refused one may come again with hope: whole seconds, at least 1. */
unsigned gate_rule_retry_after_s(const struct gate_rule *rule);

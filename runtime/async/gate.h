#pragma once
/*
 * Gate: how many do something at once, over all threads of the process: the requests of a served entity, the calls of one
 * language model. In front of the slots is a queue; who may wait in it is gate_rule.h's decision.
 *
 * Invariants: at most `slots` are in at any moment, exactly (after slots were lowered: as those that are in leave). First
 * come, first served, whatever the thread. on_turn() runs exactly once for who waits, on the pass's own loop's thread, and
 * never inside of another call. All calls with a pass are made on its loop's thread.
 */
#include "async/gate_rule.h"
#include "async/loop.h"

struct gate;

enum gate_turn {
	GATE_TURN,      /* in: gate_leave() is owed */
	GATE_CANCELLED, /* by gate_cancel() */
	GATE_EXPIRED,   /* waited queue_timeout_ms */
	GATE_SHED       /* waited when overload began: answer as GATE_FULL */
};

/* In the caller's memory, which must stay until gate_leave(), or on_turn() with anything but GATE_TURN. */
struct gate_pass {
	struct gate_pass *next, *prev;
	struct gate *gate;
	struct loop *loop;
	struct loop_task task;
	struct timer timer;
	void (*on_turn)(void *data, enum gate_turn turn);
	void *data;
	uint64_t started_ns;
	enum gate_turn turn;
	enum gate_company company;
	bool is_queued; /* under the gate's lock */
};

struct gate *gate_new(const struct gate_limits *limits);
/* Nobody may be in, nor wait. */
void gate_free(struct gate *gate);
/* From any thread, at any time. Who waits keeps the timeout that he came with. */
void gate_change(struct gate *gate, const struct gate_limits *limits);

/* GATE_ENTERED: in, gate_leave() is owed. GATE_WAITS: on_turn() follows. GATE_FULL: refused, nothing follows. */
enum gate_door gate_enter(struct gate *gate, struct gate_pass *pass, struct loop *loop,
	void (*on_turn)(void *data, enum gate_turn turn), void *data);
/* Gives up waiting: on_turn() gets GATE_CANCELLED, or what was on its way to it already: after GATE_TURN, leave. */
void gate_cancel(struct gate_pass *pass);
void gate_leave(struct gate_pass *pass);

/* For metrics and for who was refused; from any thread. */
struct gate_state {
	unsigned slots, in_use, queued;
	unsigned retry_after_s; /* what a refusal should say */
	bool is_overloaded;
	uint64_t refused, expired;
};

struct gate_state gate_state(struct gate *gate);

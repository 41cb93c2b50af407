#include "server/http_deadline.h"

#define MS_NS 1000000ull

static void on_timer(void *data);

void http_deadlines_init(struct http_deadlines *deadlines, struct loop *loop,
	void (*on_expired)(struct http_deadline *deadline, enum http_deadline_kind kind))
{
	*deadlines = (struct http_deadlines){.loop = loop, .on_expired = on_expired};
	for (int kind = 0; kind < HTTP_DEADLINE_COUNT; kind++) {
		struct http_deadline *head = &deadlines->lists[kind];

		head->next = head->prev = head;
	}
	timer_init(&deadlines->timer, loop, on_timer, deadlines);
}

void http_deadlines_done(struct http_deadlines *deadlines)
{
	timer_stop(&deadlines->timer);
}

static void timer_at(struct http_deadlines *deadlines, uint64_t now_ns, uint64_t due_ns)
{
	const uint64_t coarse_ns = HTTP_DEADLINE_COARSE_MS * MS_NS;

	if (due_ns < now_ns + coarse_ns)
		due_ns = now_ns + coarse_ns;
	if (deadlines->timer_ns != 0 && deadlines->timer_ns <= due_ns)
		return;
	deadlines->timer_ns = due_ns;
	timer_start(&deadlines->timer, (due_ns - now_ns) / MS_NS + 1);
}

/* The first of a list is the next one due of its kind. */
static void timer_at_next(
	struct http_deadlines *deadlines, enum http_deadline_kind kind, uint64_t now_ns)
{
	const struct http_deadline *first = deadlines->lists[kind].next;

	if (first != &deadlines->lists[kind])
		timer_at(deadlines, now_ns, first->since_ns + deadlines->span_ns[kind]);
}

void http_deadlines_span(
	struct http_deadlines *deadlines, enum http_deadline_kind kind, uint64_t span_ms)
{
	deadlines->span_ns[kind] = span_ms * MS_NS;
	timer_at_next(deadlines, kind, loop_now_ns(deadlines->loop));
}

void http_deadline_clear(struct http_deadline *deadline)
{
	if (deadline->kind == HTTP_DEADLINE_NONE)
		return;
	deadline->next->prev = deadline->prev;
	deadline->prev->next = deadline->next;
	deadline->kind = HTTP_DEADLINE_NONE;
}

void http_deadline_set(struct http_deadlines *deadlines, struct http_deadline *deadline,
	enum http_deadline_kind kind)
{
	struct http_deadline *head = &deadlines->lists[kind];

	http_deadline_clear(deadline);
	if (kind == HTTP_DEADLINE_NONE)
		return;
	deadline->kind = kind;
	deadline->since_ns = loop_now_ns(deadlines->loop);
	deadline->next = head;
	deadline->prev = head->prev;
	head->prev->next = deadline;
	head->prev = deadline;
	timer_at(deadlines, deadline->since_ns, deadline->since_ns + deadlines->span_ns[kind]);
}

static void sweep(struct http_deadlines *deadlines, enum http_deadline_kind kind, uint64_t now_ns)
{
	struct http_deadline *head = &deadlines->lists[kind];

	while (head->next != head && head->next->since_ns + deadlines->span_ns[kind] <= now_ns) {
		struct http_deadline *deadline = head->next;

		http_deadline_clear(deadline);
		deadlines->on_expired(deadline, kind);
	}
}

static void on_timer(void *data)
{
	struct http_deadlines *deadlines = data;
	const uint64_t now_ns = loop_now_ns(deadlines->loop);

	deadlines->timer_ns = 0;
	for (int kind = HTTP_DEADLINE_NONE + 1; kind < HTTP_DEADLINE_COUNT; kind++)
		sweep(deadlines, (enum http_deadline_kind)kind, now_ns);
	for (int kind = HTTP_DEADLINE_NONE + 1; kind < HTTP_DEADLINE_COUNT; kind++)
		timer_at_next(deadlines, (enum http_deadline_kind)kind, now_ns);
}

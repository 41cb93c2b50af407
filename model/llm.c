/*
 * begin_model → take_slot → ask → on_reply → { answer | pause → take_slot | begin_model (fallback)
 * | fail }
 *
 * A pause or a slot that would not come before the row's deadline is not waited for: the call fails
 * at once and says so.
 */
#include "model/llm.h"

#include "model/recorder.h"
#include "model/seam.h"

#include <stdio.h>

enum { PAUSE_FIRST_MS = 250, PAUSE_MAX_MS = 8000, RETRY_AFTER_MAX_MS = 30000, NAME_SHOWN_MAX = 64 };

static struct next begin_model(void *self);
static struct next take_slot(void *self);
static struct next on_slot(void *self);
static struct next ask(void *self);
static struct next on_reply(void *self);
static struct next on_pause_over(void *self);

static const struct llm_provider *const PROVIDERS[] = {&LLM_OPENAI, &LLM_RECORDED};

const struct llm_provider *llm_provider(struct str name)
{
	for (size_t i = 0; i < sizeof(PROVIDERS) / sizeof(*PROVIDERS); i++)
		if (str_is(name, PROVIDERS[i]->name))
			return PROVIDERS[i];
	return NULL;
}

bool llm_status_is_retried(int status)
{
	static const int RETRIED[] = {408, 409, 429, 500, 502, 503, 504, 529};

	for (size_t i = 0; i < sizeof(RETRIED) / sizeof(*RETRIED); i++)
		if (status == RETRIED[i])
			return true;
	return false;
}

uint64_t llm_pause_ms(int64_t attempt, int64_t retry_after_ms, uint64_t random)
{
	if (retry_after_ms >= 0)
		return retry_after_ms > RETRY_AFTER_MAX_MS ? RETRY_AFTER_MAX_MS
							   : (uint64_t)retry_after_ms;

	uint64_t ceiling = PAUSE_FIRST_MS;

	while (--attempt > 0 && ceiling < PAUSE_MAX_MS)
		ceiling *= 2;
	return random % ((ceiling > PAUSE_MAX_MS ? PAUSE_MAX_MS : ceiling) + 1);
}

static void leave_slot(struct llm_call *call)
{
	if (call->has_slot)
		gate_leave(&call->pass);
	call->has_slot = false;
}

static void on_flow_done(void *self, const struct error *err)
{
	struct llm_call *call = self;

	leave_slot(call);
	timer_stop(&call->pause);
	call->done(call->data, err);
}

static void on_cancel(void *self)
{
	struct llm_call *call = self;

	switch (call->waits_for) {
	case LLM_WAIT_SLOT:
		gate_cancel(&call->pass);
		break;
	case LLM_WAIT_REPLY:
		call->provider->cancel(call);
		break;
	case LLM_WAIT_PAUSE:
		timer_start(&call->pause, 0);
		break;
	case LLM_WAIT_NOTHING:
		break;
	}
}

static void on_pause_timer(void *data)
{
	struct llm_call *call = data;

	flow_resume(&call->flow);
}

void llm_start(struct llm_call *call, struct arena *arena, const struct llm_context *context,
	const struct llm_question *question, void (*done)(void *data, const struct error *err),
	void *data)
{
	call->arena = arena;
	call->context = context;
	call->question = *question;
	call->model = question->model;
	call->waits_for = LLM_WAIT_NOTHING;
	call->has_slot = false;
	call->attempts = 0;
	call->fetch = NULL;
	call->stream = NULL;
	call->has_told = false;
	error_clear(&call->first);
	call->done = done;
	call->data = data;
	timer_init(&call->pause, context->seam->loop, on_pause_timer, call);
	flow_start(&call->flow, context->seam->loop, call, begin_model, on_cancel, on_flow_done);
}

void llm_cancel(struct llm_call *call)
{
	flow_cancel(&call->flow);
}

void llm_tell(const struct llm_call *call, char *ret, size_t size)
{
	static const char *const WAITS[] = {
		[LLM_WAIT_NOTHING] = "to ask",
		[LLM_WAIT_SLOT] = "for a free slot of",
		[LLM_WAIT_REPLY] = "for an answer of",
		[LLM_WAIT_PAUSE] = "to ask again after a failure:",
	};

	const struct str name = str_clip(call->model->name, NAME_SHOWN_MAX);

	snprintf(ret, size, "%s model '%.*s' (attempt %lld)", WAITS[call->waits_for],
		STR_ARGS(name), (long long)call->attempts + (call->waits_for != LLM_WAIT_REPLY));
}

static struct next begin_model(void *self)
{
	struct llm_call *call = self;

	call->provider = llm_provider(call->model->provider);
	call->attempts = 0;
	if (call->provider == NULL) {
		error_set(&call->flow.err, ERR_INVALID_BUNDLE, "unknown provider '%.*s'",
			STR_ARGS(call->model->provider));
		return next_fail(&call->flow, "model '%.*s'", STR_ARGS(call->model->name));
	}
	return next_step(take_slot);
}

static void on_turn(void *data, enum gate_turn turn)
{
	struct llm_call *call = data;

	call->has_slot = turn == GATE_TURN;
	flow_resume(&call->flow);
}

static struct next take_slot(void *self)
{
	struct llm_call *call = self;
	struct gate *gate = call->model->gate;

	if (gate == NULL || call->provider->is_instant)
		return next_step(ask);
	call->has_slot = gate_enter(gate, &call->pass, call->context->seam->loop, on_turn, call) ==
			 GATE_ENTERED;
	if (call->has_slot)
		return next_step(ask);
	call->waits_for = LLM_WAIT_SLOT;
	return next_wait(on_slot);
}

static struct next on_slot(void *self)
{
	struct llm_call *call = self;

	call->waits_for = LLM_WAIT_NOTHING;
	if (call->flow.is_cancelled) {
		error_set(&call->flow.err, ERR_CANCELLED,
			"cancelled while all %lld slots were taken",
			(long long)call->model->concurrency);
		return next_fail(&call->flow, "model '%.*s'", STR_ARGS(call->model->name));
	}
	return next_step(ask);
}

static struct next ask(void *self)
{
	struct llm_call *call = self;

	call->attempts++;
	if (call->attempts > 1)
		call->context->usage->retries++;
	call->reply = (struct llm_reply){.retry_after_ms = -1};
	error_clear(&call->flow.err);
	call->waits_for = LLM_WAIT_REPLY;
	return call->provider->ask(call, on_reply);
}

/* How the attempts went, in front of flow.err: model, where (fetch's own errors say it), how often.
 */
static void tell_attempts(struct llm_call *call)
{
	const int name_len = (int)call->model->name.len;
	const char *name = call->model->name.data, *s = call->attempts == 1 ? "" : "s";
	const long long attempts = call->attempts;

	if (call->provider->is_instant)
		error_wrap(&call->flow.err, "model '%.*s'", name_len, name);
	else if (call->reply.status == 0)
		error_wrap(&call->flow.err, "model '%.*s' (%lld attempt%s)", name_len, name,
			attempts, s);
	else
		error_wrap(&call->flow.err, "model '%.*s' (%.*s, %lld attempt%s)", name_len, name,
			(int)strcspn(call->url, "?"), call->url, attempts, s);
	if (call->first.code != ERR_NONE)
		error_wrap(&call->flow.err, "%s; then its fallback", call->first.text);
}

static struct next give_up(struct llm_call *call)
{
	const struct model_spec *fallback = call->model->fallback_spec;

	tell_attempts(call);
	leave_slot(call);
	/* A missing recording is a mistake in the bundle that a fallback would hide; and what a reader has of one answer
	 * is not the beginning of another. */
	if (fallback == NULL || call->flow.is_cancelled || call->has_told || call->flow.err.code == ERR_NOT_FOUND)
		return next_fail(&call->flow, NULL);
	call->first = call->flow.err;
	call->model = fallback;
	return next_step(begin_model);
}

/* Milliseconds to the row's deadline; UINT64_MAX where there is none. */
static uint64_t time_left_ms(const struct llm_call *call)
{
	const uint64_t now_ns = loop_now_ns(call->context->seam->loop);
	const uint64_t deadline_ns = call->context->deadline_ns;

	if (deadline_ns == 0)
		return UINT64_MAX;
	return deadline_ns > now_ns ? (deadline_ns - now_ns) / 1000000 : 0;
}

static struct next try_again(struct llm_call *call)
{
	const struct seam *seam = call->context->seam;

	leave_slot(call);
	if (call->flow.is_cancelled || call->has_told || call->attempts > call->model->retries)
		return give_up(call);
	if (call->provider->is_instant)
		return next_step(take_slot);

	const uint64_t pause_ms =
		llm_pause_ms(call->attempts, call->reply.retry_after_ms, seam->random(seam->data));

	if (pause_ms >= time_left_ms(call)) {
		error_wrap(&call->flow.err,
			"not tried again: the next attempt is due in %llu ms, after the row's deadline",
			(unsigned long long)pause_ms);
		return give_up(call);
	}
	timer_start(&call->pause, pause_ms);
	call->waits_for = LLM_WAIT_PAUSE;
	return next_wait(on_pause_over);
}

static struct next on_pause_over(void *self)
{
	struct llm_call *call = self;

	call->waits_for = LLM_WAIT_NOTHING;
	if (call->flow.is_cancelled)
		return give_up(call);
	return next_step(take_slot);
}

static struct next on_status(struct llm_call *call)
{
	const struct str excerpt =
		chat_excerpt(call->arena, call->reply.body, call->model->api_key);

	error_set(&call->flow.err, call->reply.status == 429 ? ERR_RATE_LIMITED : ERR_UPSTREAM,
		"status %d: '%.*s'", call->reply.status, STR_ARGS(excerpt));
	return llm_status_is_retried(call->reply.status) ? try_again(call) : give_up(call);
}

static struct next on_reply(void *self)
{
	struct llm_call *call = self;

	call->waits_for = LLM_WAIT_NOTHING;
	call->fetch = NULL;
	leave_slot(call);
	if (call->flow.is_cancelled)
		return give_up(call);
	if (call->context->recorder != NULL)
		recorder_add(call->context->recorder, call);
	if (call->reply.status == 0) {
		const enum error_code code = call->flow.err.code;
		const bool is_transient = code == ERR_UPSTREAM || code == ERR_DEADLINE || code == ERR_UNREACHABLE ||
					  code == ERR_NO_HOST;

		return is_transient ? try_again(call) : give_up(call);
	}
	if (call->reply.status < 200 || call->reply.status > 299)
		return on_status(call);

	/* Who asked for a limit has asked for what comes of it. */
	const bool takes_cut = call->question.takes_cut &&
			       json_type(json_get(&call->question.chat->sampling, STR("max_tokens"))) == JSON_INTEGER;
	const bool is_read = chat_reply_read(&call->answer, call->arena, call->reply.body,
		call->model->api_key, takes_cut, &call->flow.err);

	call->context->usage->model_calls++;
	usage_count(call->context->usage, &call->answer.usage, call->model);
	return is_read ? next_done() : give_up(call);
}

/*
 * One call's life.
 *
 * begin → { plan (dry run) | login_ask → on_token | /version → on_flavour | } send_it → on_reply
 *       → { answer | fail | pause → begin }
 *
 * What may be asked again when, client.h says.
 */
#include "client/call.h"

#include "base/clock.h"

#include <sys/random.h>
#include <time.h>

static struct next begin(void *self);
static struct next plan(struct call *call);
static struct next on_token(void *self);
static struct next on_flavour(void *self);
static struct next send_it(struct call *call);
static void on_fetched(void *data, const struct fetch_reply *reply, const struct error *err);
static struct next on_reply(void *self);
static struct next answer(struct call *call);
static struct next fail_or_pause(struct call *call);
static struct next on_pause_over(void *self);
static void on_pause_timer(void *data);
static void cancel(struct operation *self);

struct operation *call_start(struct client *client, struct arena *arena, const struct call_spec *spec, struct json *ret)
{
	struct call *call = operation_new(client, arena, sizeof(*call));

	call->spec = *spec;
	call->site = spec->call.is_tracking  ? client->tracking
		     : spec->call.is_serving ? client->serving
					     : client->registry;
	call->ret = ret;
	call->url = call_url(arena, call->site, spec);
	call->body = call_body(arena, spec);
	call->is_transfer = spec->file != NULL || spec->sink != NULL;
	call->op.cancel = cancel;
	timer_init(&call->pause, client->loop, on_pause_timer, call);
	return operation_start(&call->op, begin);
}

struct operation *client_call(
	struct client *client, struct arena *arena, const struct client_call *call, struct json *ret)
{
	return call_start(client, arena, &(struct call_spec){.call = *call}, ret);
}

/* Only Sluice's registry is told who and why, and only where something changes. */
static bool has_to_know_flavour(const struct call *call)
{
	return call->site->flavour == FLAVOUR_UNKNOWN && call->spec.call.effect != CALL_READS &&
	       call->spec.url == NULL && !call->spec.is_login;
}

static struct next begin(void *self)
{
	struct call *call = self;
	const struct call_spec version = {
		.call = {.method = "GET",
			.path = "/version",
			.effect = CALL_READS,
			.is_tracking = call->spec.call.is_tracking,
			.is_serving = call->spec.call.is_serving},
		.ret_body = &call->reply,
	};

	if (call->op.client->options.is_dry_run && call->spec.call.effect != CALL_READS)
		return plan(call);
	if (!login_is_ready(call))
		return operation_await(&call->op, login_ask(call), on_token);
	if (has_to_know_flavour(call))
		return operation_try(
			&call->op, call_start(call->op.client, call->op.arena, &version, NULL), on_flavour);
	return send_it(call);
}

static struct next plan(struct call *call)
{
	const struct call_spec *spec = &call->spec;
	const struct client_options *options = &call->op.client->options;
	const struct client_planned planned = {
		.method = spec->call.method,
		.url = call->url,
		.body = &spec->call.body,
		.file = spec->file_name,
		.file_size = spec->file != NULL ? spec->file->size : 0,
	};

	if (options->on_planned != NULL)
		options->on_planned(options->data, &planned);
	if (call->ret == NULL)
		return next_done();
	const char *text = spec->call.planned != NULL ? spec->call.planned : "{}";
	if (!json_read(call->op.arena, str_of(text), call->ret, &call->op.flow.err))
		return next_fail(&call->op.flow, "dry run");
	return next_done();
}

static struct next on_token(void *self)
{
	struct call *call = self;

	call->has_new_token = true;
	if (!login_take(call, &call->op.flow.err))
		return next_fail(&call->op.flow, NULL);
	return next_step(begin);
}

/* Any answer will do. */
static struct next on_flavour(void *self)
{
	struct call *call = self;

	if (call->site->flavour == FLAVOUR_UNKNOWN)
		return operation_fail_as_child(&call->op);
	return send_it(call);
}

/* A dry run shows what it reads, too, but for tokens that it is given on the way. */
static void tell_asked(const struct call *call)
{
	const struct client_options *options = &call->op.client->options;

	if (!options->is_dry_run || options->on_asked == NULL || call->attempt > 1 || call->spec.is_login)
		return;
	/* The query of a presigned URL is a login. */
	const size_t len = call->spec.url != NULL ? strcspn(call->url, "?") : strlen(call->url);
	options->on_asked(options->data, call->spec.call.method, arena_memdup(call->op.arena, call->url, len));
}

static struct next send_it(struct call *call)
{
	const struct call_spec *spec = &call->spec;

	call->attempt++;
	tell_asked(call);
	call->status = 0;
	if (spec->on_attempt != NULL && !spec->on_attempt(spec->stream_data, &call->op.flow.err))
		return next_fail(&call->op.flow, NULL);
	call->sent_ns = clock_ns();
	call->fetch = call_send(call, on_fetched);
	return next_wait(on_reply);
}

static int64_t now_unix_s(void)
{
	return (int64_t)time(NULL);
}

/* A proxy in between may answer for it when it is down; that does not make it another's. */
static void note_flavour(struct call *call, struct str server)
{
	struct site *site = call->site;

	if (site->target->is_databricks || call->spec.url != NULL || site->flavour == FLAVOUR_SLUICE)
		return;
	site->flavour = str_starts(server, STR("sluice/")) ? FLAVOUR_SLUICE : FLAVOUR_OTHER;
}

static void on_fetched(void *data, const struct fetch_reply *reply, const struct error *err)
{
	struct call *call = data;

	call->was_sent = fetch_was_sent(call->fetch);
	call->fetch = NULL;
	if (reply == NULL) {
		call->err = *err;
	} else {
		call->status = reply->status;
		call->reply = reply->body;
		call->reply_type = fetch_header_get(reply, "Content-Type");
		call->reply_served = fetch_header_get(reply, "served-model-name");
		/* Not the loop's time, which stands still for a turn: a local server may answer within one. */
		call->elapsed_ns = clock_ns() - call->sent_ns;
		call->retry_after_ms = fetch_retry_after_ms(reply, now_unix_s());
		note_flavour(call, fetch_header_get(reply, "Server"));
	}
	flow_resume(&call->op.flow);
}

/* For whoever wants to know how a server answers, not only what. */
static struct next tell_answer(struct call *call)
{
	struct client_answer *ret = call->spec.ret_answer;
	struct error ignored;

	*ret = (struct client_answer){.status = call->status,
		.body = call->reply,
		.served = call->reply_served,
		.elapsed_ns = call->elapsed_ns};
	if (!json_read_padded(call->op.arena, call->reply, &ret->tree, &ignored))
		ret->tree = (struct json){0};
	if (call->status >= 200 && call->status < 300)
		return next_done();
	ret->code = call->err.code;
	ret->problem = arena_strdup(call->op.arena, call->err.text);
	return next_done();
}

static struct next on_reply(void *self)
{
	struct call *call = self;

	if (call->status >= 200 && call->status < 300)
		return answer(call);
	if (call->status != 0)
		call_refused(call);
	/* Deleted by the attempt whose answer was lost. */
	if (call->status == 404 && call->may_have_happened && strcmp(call->spec.call.method, "DELETE") == 0)
		return next_done();
	if (call->status == 401 && call->site->target->login == LOGIN_OAUTH && !call->has_new_token &&
		!call->spec.is_login && call->spec.url == NULL) {
		login_drop(call->site);
		return next_step(begin);
	}
	if (call->status != 0 && call->spec.ret_answer != NULL)
		return tell_answer(call);
	return fail_or_pause(call);
}

/* MLflow's server answers some calls with nothing at all, or with this. */
static bool is_empty(struct str body)
{
	const struct str text = str_trim_space(body);

	return text.len == 0 || str_is(text, "200 OK");
}

static struct next answer(struct call *call)
{
	struct flow *flow = &call->op.flow;

	if (call->spec.ret_answer != NULL)
		return tell_answer(call);
	if (call->spec.ret_body != NULL) {
		*call->spec.ret_body = call->reply;
		return next_done();
	}
	if (call->ret == NULL)
		return next_done();
	if (is_empty(call->reply)) {
		*call->ret = json_object();
		return next_done();
	}
	if (!json_read_padded(call->op.arena, call->reply, call->ret, &flow->err))
		flow->err.code = ERR_UPSTREAM;
	else if (json_type(call->ret) != JSON_OBJECT)
		error_set(&flow->err, ERR_UPSTREAM, "the answer is %s, not an object", json_type_name(call->ret));
	else
		return next_done();
	return next_fail(flow, "%s %s", call->spec.call.method, call->url);
}

static bool is_status_retried(int status)
{
	static const int RETRIED[] = {408, 429, 500, 502, 503, 504};

	for (size_t i = 0; i < sizeof(RETRIED) / sizeof(RETRIED[0]); i++)
		if (status == RETRIED[i])
			return true;
	return false;
}

static bool may_repeat(const struct call *call)
{
	const bool is_safe = call->spec.call.effect != CALL_CREATES;

	if (call->spec.is_asked_once || call->attempt > call->op.client->options.retries_max)
		return false;
	if (call->status != 0)
		return is_status_retried(call->status) && (is_safe || call->status == 429 || call->status == 503);
	/* A name that is not known is mostly a mistyped one. */
	if (call->err.code != ERR_UPSTREAM && call->err.code != ERR_UNREACHABLE && call->err.code != ERR_DEADLINE)
		return false;
	/* Whoever forgot to start the local one should not wait to be told. */
	if (!call->was_sent && call->spec.url == NULL && call->site->target->is_local)
		return false;
	return call->was_sent ? is_safe : call->attempt <= RETRIES_REFUSED_MAX;
}

/* The first pause is short, as in urllib3's Retry, and never nothing: clients that failed together must not come back
 * together. */
static uint64_t pause_ms(const struct call *call)
{
	const uint64_t factor = call->op.client->options.pause_ms;
	uint64_t random = 0, pause = 0;

	if (call->status != 0 && call->retry_after_ms >= 0)
		return call->retry_after_ms < PAUSE_MAX_MS ? (uint64_t)call->retry_after_ms : PAUSE_MAX_MS;
	if (getrandom(&random, sizeof(random), 0) != (ssize_t)sizeof(random))
		random = 500;
	if (call->attempt > 1)
		pause = factor << (call->attempt - 1 < 16 ? call->attempt - 1 : 16);
	if (pause > PAUSE_MAX_MS)
		pause = PAUSE_MAX_MS;
	/* The jitter is a second where the factor is, as in tests, not much less. */
	return pause + random % ((factor < 1000 ? factor : 1000) + 1);
}

static void tell_retry(struct call *call, uint64_t ms)
{
	const struct client_options *options = &call->op.client->options;

	if (options->on_retry == NULL)
		return;
	options->on_retry(
		options->data, arena_printf(call->op.arena, "%s; again in %llu.%llu s (%u of %u)", call->err.text,
				       (unsigned long long)ms / 1000, (unsigned long long)ms % 1000 / 100,
				       call->attempt, options->retries_max));
}

static struct next fail_or_pause(struct call *call)
{
	/* A cancelled fetch must not be asked again, whatever it failed with. */
	if (call->op.flow.is_cancelled || !may_repeat(call)) {
		call->op.flow.err = call->err;
		return next_fail(&call->op.flow, NULL);
	}
	const uint64_t ms = pause_ms(call);

	call->may_have_happened |= call->was_sent && call->status != 429 && call->status != 503;
	tell_retry(call, ms);
	call->is_pausing = true;
	timer_start(&call->pause, ms);
	return next_wait(on_pause_over);
}

static void on_pause_timer(void *data)
{
	struct call *call = data;

	call->is_pausing = false;
	flow_resume(&call->op.flow);
}

static struct next on_pause_over(void *self)
{
	struct call *call = self;

	return call->op.flow.is_cancelled ? next_done() : next_step(begin);
}

static void cancel(struct operation *self)
{
	struct call *call = (struct call *)self;

	if (call->fetch != NULL)
		fetch_cancel(call->fetch);
	else if (call->is_pausing)
		timer_start(&call->pause, 0);
}

/* Provider "openai": POST {base_url}/chat/completions, as OpenAI and the many that speak its
 * protocol. */
#include "model/llm.h"

#include "model/chat_stream.h"
#include "model/seam.h"
#include "model/tap.h"

/* An answer of text is far smaller; what is larger is no answer. */
enum { REPLY_MAX = 4 * 1024 * 1024, PIECE_MAX = 16 * 1024 };

/* Azure's base_url ends in ?api-version=…: the path goes in front of the query. */
static const char *make_url(struct arena *arena, struct str base_url)
{
	static const struct str PATH = {"/chat/completions", sizeof("/chat/completions") - 1};
	struct str query = base_url, base;

	str_cut(&query, '?', &base);

	const size_t query_len = base_url.len - base.len;

	while (base.len > 0 && base.data[base.len - 1] == '/')
		base.len--;

	char *url = arena_alloc(arena, base.len + PATH.len + query_len + 1), *at = url;

	at = (char *)mempcpy(at, base.data, base.len);
	at = (char *)mempcpy(at, PATH.data, PATH.len);
	at = (char *)mempcpy(at, base_url.data + base_url.len - query_len, query_len);
	*at = '\0';
	return url;
}

static struct str make_authorization(struct arena *arena, struct secret key)
{
	static const struct str SCHEME = {"Bearer ", sizeof("Bearer ") - 1};
	const struct str text = secret_reveal(key);
	struct buf value = {0};

	buf_reserve(&value, SCHEME.len + text.len + 1); /* at once: nothing is left behind */
	buf_add(&value, SCHEME.data, SCHEME.len);
	buf_add(&value, text.data, text.len);
	const struct secret wiped = secret_new(arena, buf_str(&value));
	explicit_bzero(value.data, value.len);
	buf_done(&value);
	return secret_reveal(wiped);
}

/* Streams: the reply's events go to the tap as they come; its reader's back-pressure stops the fetch. */

static void on_text(void *data, struct str text)
{
	struct llm_call *call = data;

	call->has_told = true;
	call->question.tap->on_text(call->question.tap->data, text);
}

static void on_open(void *data)
{
	struct llm_call *call = data;

	if (call->fetch != NULL)
		fetch_resume(call->fetch);
}

static bool take_piece(void *data, struct str bytes, struct error *err)
{
	struct llm_call *call = data;
	struct tap *tap = call->question.tap;

	if (!chat_stream_feed(call->stream, bytes, err))
		return false;
	if (!tap->is_closed)
		return true;
	tap->on_open = on_open;
	tap->writer = call;
	fetch_pause(call->fetch);
	return true;
}

static void drop_stream(void *data)
{
	chat_stream_done(data);
}

static void begin_stream(struct llm_call *call)
{
	if (call->stream == NULL) {
		call->stream = arena_alloc(call->arena, sizeof(*call->stream));
		arena_on_end(call->arena, drop_stream, call->stream);
	} else {
		chat_stream_done(call->stream);
	}
	chat_stream_init(call->stream, call->model->api_key, REPLY_MAX, on_text, call);
}

/* A status that is no success came whole, as ever. */
static bool end_stream(struct llm_call *call, const struct fetch_reply *reply, struct str *ret_body, struct error *err)
{
	return reply->status > 299 || chat_stream_end(call->stream, call->arena, ret_body, err);
}

static void on_fetched(void *data, const struct fetch_reply *reply, const struct error *err)
{
	struct llm_call *call = data;
	const struct seam *seam = call->context->seam;
	struct str body = err == NULL ? reply->body : (struct str){0};

	if (call->question.tap != NULL)
		call->question.tap->on_open = NULL;
	if (err != NULL)
		call->flow.err = *err;
	else if (call->question.tap == NULL || end_stream(call, reply, &body, &call->flow.err))
		call->reply = (struct llm_reply){
			.status = reply->status,
			.body = body,
			.retry_after_ms = reply->status < 400
						  ? -1
						  : fetch_retry_after_ms(reply,
							    seam->now_us(seam->data) / 1000000),
		};
	flow_resume(&call->flow);
}

static struct next ask_openai(struct llm_call *call, flow_step *on_reply)
{
	const struct model_spec *model = call->model;
	struct fetch_header headers[2] = {{STR("Content-Type"), STR("application/json"), false}};
	size_t header_count = 1;
	struct buf body = {0};

	call->url = make_url(call->arena, model->base_url);
	if (call->context->seam->fetcher == NULL) {
		error_set(&call->flow.err, ERR_UNAVAILABLE,
			"outgoing calls are off here: use the provider 'recorded'");
		return next_step(on_reply);
	}
	if (secret_is_set(model->api_key))
		headers[header_count++] = (struct fetch_header){STR("Authorization"),
			make_authorization(call->arena, model->api_key), true};
	chat_write_request(&body, call->question.chat, model, call->question.schema, call->question.step,
		call->question.tap != NULL);
	if (call->question.tap != NULL)
		begin_stream(call);

	const struct fetch_request request = {
		.method = "POST",
		.url = call->url,
		.headers = headers,
		.header_count = header_count,
		.body = buf_str(&body),
		.connect_ms = (uint32_t)model->connect_timeout_ms,
		.first_byte_ms = (uint32_t)model->timeout_ms,
		.idle_ms = (uint32_t)model->timeout_ms,
		.total_ms = (uint32_t)model->timeout_ms,
		.body_max = REPLY_MAX,
		.is_repeatable = true,
		.sink = call->question.tap != NULL ? take_piece : NULL,
		.stream_data = call,
		.sink_size = PIECE_MAX,
	};

	call->fetch =
		fetch_start(call->context->seam->fetcher, call->arena, &request, on_fetched, call);
	buf_done(&body);
	return next_wait(on_reply);
}

static void cancel_openai(struct llm_call *call)
{
	if (call->fetch != NULL)
		fetch_cancel(call->fetch);
}

const struct llm_provider LLM_OPENAI = {
	.name = "openai",
	.ask = ask_openai,
	.cancel = cancel_openai,
};

/* What goes out: URL, headers, body. */
#include "client/call.h"

#include "base/percent.h"

enum { HEADERS_MAX = 16 };

void url_encode(struct buf *out, struct str text, bool is_path)
{
	percent_encode(out, text, is_path ? PERCENT_UNRESERVED "/" : PERCENT_UNRESERVED);
}

static void add_pair(struct buf *out, char *mark, struct str key, const struct json *value)
{
	struct buf text = {0};

	if (json_type(value) == JSON_STRING)
		buf_add_str(&text, json_str(value));
	else
		json_write(&text, value);
	buf_add_char(out, *mark);
	url_encode(out, key, false);
	buf_add_char(out, '=');
	url_encode(out, buf_str(&text), false);
	buf_done(&text);
	*mark = '&';
}

static void add_query(struct buf *out, const struct json *query)
{
	char mark = '?';

	if (json_type(query) != JSON_OBJECT)
		return;
	for (size_t i = 0; i < query->size; i++) {
		const struct str key = json_str(&query->members[i].key);
		const struct json *value = &query->members[i].value;

		if (json_type(value) != JSON_ARRAY)
			add_pair(out, &mark, key, value);
		for (size_t k = 0; json_type(value) == JSON_ARRAY && k < value->size; k++)
			add_pair(out, &mark, key, &value->items[k]);
	}
}

const char *call_url(struct arena *arena, const struct site *site, const struct call_spec *spec)
{
	struct buf out = {0};

	if (spec->url != NULL)
		return spec->url;
	buf_add_text(&out, site->target->url);
	buf_add_text(&out, spec->call.path);
	add_query(&out, &spec->call.query);
	const char *url = arena_memdup(arena, out.data, out.len);
	buf_done(&out);
	return url;
}

struct str call_body(struct arena *arena, const struct call_spec *spec)
{
	struct buf out = {0};

	if (spec->form.len > 0)
		return spec->form;
	if (json_type(&spec->call.body) == JSON_ABSENT)
		return (struct str){0};
	json_write(&out, &spec->call.body);
	const struct str body = {arena_memdup(arena, out.data, out.len), out.len};
	buf_done(&out);
	return body;
}

struct headers {
	struct fetch_header items[HEADERS_MAX];
	size_t count;
};

static void add_header(struct headers *headers, struct str name, struct str value, bool is_secret)
{
	if (value.len > 0 && headers->count < HEADERS_MAX)
		headers->items[headers->count++] = (struct fetch_header){name, value, is_secret};
}

static void add_headers(const struct call *call, struct headers *headers)
{
	const struct call_spec *spec = &call->spec;
	const struct client_options *options = &call->op.client->options;
	const struct secret who = secret_is_set(spec->authorization) ? spec->authorization : call->site->authorization;

	if (spec->form.len > 0)
		add_header(headers, STR("Content-Type"), STR("application/x-www-form-urlencoded"), false);
	else if (spec->file != NULL && spec->url == NULL)
		add_header(headers, STR("Content-Type"), STR("application/octet-stream"), false);
	else if (call->body.len > 0)
		add_header(headers, STR("Content-Type"), STR("application/json"), false);
	/* Whoever signed the URL says what else may go there. */
	for (size_t i = 0; i < spec->header_count; i++)
		add_header(headers, spec->headers[i].name, spec->headers[i].value, spec->headers[i].is_secret);
	if (spec->url != NULL)
		return;
	add_header(headers, STR("Authorization"), secret_reveal(who), true);
	if (call->site->flavour != FLAVOUR_SLUICE)
		return;
	add_header(headers, STR("X-Sluice-User"), str_of(options->user), false);
	add_header(headers, STR("X-Sluice-Reason"), str_of(options->reason), false);
}

struct fetch *call_send(struct call *call, fetch_done *done)
{
	const struct call_spec *spec = &call->spec;
	struct headers headers = {.count = 0};

	add_headers(call, &headers);
	const struct fetch_request request = {
		.method = spec->call.method,
		.url = call->url,
		.headers = headers.items,
		.header_count = headers.count,
		.body = call->body,
		.file = spec->file,
		.sink = spec->sink,
		.on_sent = spec->on_sent,
		.stream_data = spec->stream_data,
		.first_byte_ms = call->is_transfer ? TRANSFER_WAIT_MS : call->op.client->options.timeout_ms,
		.idle_ms = call->is_transfer ? TRANSFER_IDLE_MS : 0,
		.total_ms = call->is_transfer ? FETCH_NO_LIMIT_MS : call->op.client->options.timeout_ms,
		.body_max = spec->body_max != 0 ? spec->body_max : ANSWER_MAX,
		.is_repeatable = spec->call.effect != CALL_CREATES,
	};

	return fetch_start(call->site->fetcher, call->op.arena, &request, done, call);
}

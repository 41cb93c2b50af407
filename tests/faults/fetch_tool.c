/*
 * One fetch a line: reads JSON objects from standard input, one a line, and answers each with one
 *JSON line.
 *
 *	in:  {"url": "http://…", "method": "POST", "headers": {"A": "b"}, "body": "…", "connect_ms":
 *100, "first_byte_ms": …, "idle_ms": …, "total_ms": …, "body_max": …, "is_repeatable": true,
 *"cancel_ms": 50, "parallel": 16} out: {"status": 200, "body_len": 2, "body": "…", "headers":
 *[["A", "b"]], "retry_after_ms": -1, "elapsed_ms": 3, "done_count": 1, "rss_kib": 9000} or
 *{"error": "…", "code": "deadline", …}
 *
 * A line is answered when all its fetches are; with "parallel" the line tells of the last one, and
 *how many failed. Connections are kept from line to line. `--host-max N` and `--ca FILE` are
 *fetcher options.
 */
#include "async/fetch.h"
#include "base/json.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

enum { BODY_SHOWN_MAX = 4096 };

struct tool {
	struct loop *loop;
	struct fetcher *fetcher;
	struct arena arena; /* of a line */
	struct buf out;
	unsigned running, done_count, failed_count;
	struct fetch **fetches;
	struct timer cancel;
};

static void run_line(struct tool *tool, struct str line);

static uint64_t number(const struct json *line, const char *key)
{
	const struct json *value = json_get(line, str_of(key));

	return json_type(value) == JSON_INTEGER && value->integer > 0 ? (uint64_t)value->integer
								      : 0;
}

static const char *text(
	struct tool *tool, const struct json *line, const char *key, const char *fallback)
{
	const struct str value = json_str(json_get(line, str_of(key)));

	return value.data != NULL ? arena_memdup(&tool->arena, value.data, value.len) : fallback;
}

static void add_headers(struct tool *tool, const struct json *given, struct fetch_request *request)
{
	const size_t count = json_type(given) == JSON_OBJECT ? given->size : 0;
	struct fetch_header *headers = arena_array(&tool->arena, count + 1, sizeof(*headers));

	for (size_t i = 0; i < count; i++)
		headers[i] = (struct fetch_header){
			json_str(&given->members[i].key), json_str(&given->members[i].value), true};
	request->headers = headers;
	request->header_count = count;
}

static void write_reply(struct tool *tool, const struct fetch_reply *reply)
{
	struct str body = reply->body;

	for (size_t i = 0; i < JSON_PADDING; i++)
		if (body.data[body.len + i] != 0)
			abort();
	if (body.len > BODY_SHOWN_MAX)
		body.len = BODY_SHOWN_MAX;
	buf_printf(&tool->out,
		"{\"status\":%d,\"body_len\":%zu,\"retry_after_ms\":%lld,\"body\":", reply->status,
		reply->body.len, (long long)fetch_retry_after_ms(reply, 1700000000));
	json_write_string(&tool->out, str_is_utf8(body) ? body : STR("(not UTF-8)"));
	buf_add_text(&tool->out, ",\"headers\":[");
	for (size_t i = 0; i < reply->header_count && i < 100; i++) {
		buf_add_text(&tool->out, i > 0 ? ",[" : "[");
		json_write_string(&tool->out, reply->headers[i].name);
		buf_add_char(&tool->out, ',');
		json_write_string(&tool->out, reply->headers[i].value);
		buf_add_char(&tool->out, ']');
	}
	buf_printf(&tool->out, "],\"elapsed_ms\":%llu",
		(unsigned long long)reply->elapsed_ns / 1000000);
}

static void on_done(void *data, const struct fetch_reply *reply, const struct error *err)
{
	struct tool *tool = data;

	if ((reply == NULL) == (err == NULL))
		abort();
	tool->done_count++;
	tool->failed_count += err != NULL;
	tool->out.len = 0;
	if (err != NULL) {
		buf_printf(&tool->out, "{\"code\":\"%s\",\"error\":", error_info(err->code)->name);
		json_write_string(&tool->out, str_of(err->text));
	} else {
		write_reply(tool, reply);
	}
	if (--tool->running == 0)
		loop_stop(tool->loop);
}

static void on_cancel(void *data)
{
	struct tool *tool = data;

	for (size_t i = 0; tool->fetches[i] != NULL; i++)
		fetch_cancel(tool->fetches[i]);
}

static void run_line(struct tool *tool, struct str line)
{
	struct json value = json_null();
	struct error err;
	struct rusage usage;

	if (!json_read(&tool->arena, line, &value, &err)) {
		fprintf(stderr, "%s\n", err.text);
		exit(65);
	}
	struct fetch_request request = {
		.method = text(tool, &value, "method", "GET"),
		.url = text(tool, &value, "url", ""),
		.body = json_str(json_get(&value, STR("body"))),
		.connect_ms = (uint32_t)number(&value, "connect_ms"),
		.first_byte_ms = (uint32_t)number(&value, "first_byte_ms"),
		.idle_ms = (uint32_t)number(&value, "idle_ms"),
		.total_ms = (uint32_t)number(&value, "total_ms"),
		.body_max = number(&value, "body_max"),
	};
	const struct json *repeatable = json_get(&value, STR("is_repeatable"));
	const size_t count = number(&value, "parallel") > 0 ? number(&value, "parallel") : 1;

	request.is_repeatable = json_type(repeatable) == JSON_BOOL && repeatable->boolean;
	add_headers(tool, json_get(&value, STR("headers")), &request);
	tool->running = (unsigned)count;
	tool->done_count = tool->failed_count = 0;
	tool->fetches = arena_zalloc(&tool->arena, (count + 1) * sizeof(struct fetch *));
	for (size_t i = 0; i < count; i++)
		tool->fetches[i] =
			fetch_start(tool->fetcher, &tool->arena, &request, on_done, tool);
	if (tool->done_count != 0 || fetcher_active(tool->fetcher) != count)
		abort();
	if (number(&value, "cancel_ms") > 0)
		timer_start(&tool->cancel, number(&value, "cancel_ms"));
	loop_run(tool->loop);
	timer_stop(&tool->cancel);
	if (fetcher_active(tool->fetcher) != 0)
		abort();
	getrusage(RUSAGE_SELF, &usage);
	buf_printf(&tool->out, ",\"done_count\":%u,\"failed_count\":%u,\"rss_kib\":%ld}",
		tool->done_count, tool->failed_count, usage.ru_maxrss);
	puts(buf_text(&tool->out));
	fflush(stdout);
}

static void read_options(int argc, char **argv, struct fetcher_options *options)
{
	for (int i = 1; i + 1 < argc; i += 2) {
		if (strcmp(argv[i], "--host-max") == 0)
			options->connections_per_host_max =
				(unsigned)strtoul(argv[i + 1], NULL, 10);
		else if (strcmp(argv[i], "--ca") == 0)
			options->ca_file = argv[i + 1];
	}
}

int main(int argc, char **argv)
{
	struct tool tool = {0};
	struct fetcher_options options = {0};
	struct error err = {0};
	char *line = NULL;
	size_t size = 0;
	ssize_t len;

	read_options(argc, argv, &options);
	tool.loop = loop_new();
	if (!fetch_global_init(&err) ||
		(tool.fetcher = fetcher_new(tool.loop, &options, &err)) == NULL) {
		fprintf(stderr, "%s\n", err.text);
		return error_info(err.code)->exit_status;
	}
	timer_init(&tool.cancel, tool.loop, on_cancel, &tool);
	while ((len = getline(&line, &size, stdin)) > 0) {
		run_line(&tool, (struct str){line, (size_t)len});
		arena_clear(&tool.arena);
	}
	free(line);
	buf_done(&tool.out);
	arena_done(&tool.arena);
	fetcher_free(tool.fetcher);
	loop_free(tool.loop);
	fetch_global_done();
	return 0;
}

#include "cli/load.h"

#include <inttypes.h>
#include <stdlib.h>

struct sum {
	const char *name;
	double value;
	bool is_there;
};

enum { REQUESTS, CLIENT_ERRORS, SERVER_ERRORS, SLOTS, LATENCY_SUM, LATENCY_COUNT, QUEUE_SUM, QUEUE_COUNT, SUMS };

/* "name{labels} value": one sample of a served entity. */
static void add_line(struct sum sums[static SUMS], struct arena *arena, struct str line)
{
	const char *labels = memchr(line.data, '{', line.len);
	const size_t name_len = labels != NULL ? (size_t)(labels - line.data) : line.len;
	const char *space = memrchr(line.data, ' ', line.len);

	if (space == NULL || line.data[0] == '#')
		return;
	for (size_t i = 0; i < SUMS; i++) {
		if (!str_is((struct str){line.data, name_len}, sums[i].name))
			continue;
		sums[i].value +=
			strtod(arena_memdup(arena, space + 1, (size_t)(line.data + line.len - space - 1)), NULL);
		sums[i].is_there = true;
	}
}

static void set_count(struct arena *arena, struct json *load, const char *key, double value, bool is_there)
{
	if (is_there && value >= 0 && value < 9e15)
		json_set(arena, load, str_of(key), json_integer((int64_t)value));
}

static void set_mean(
	struct arena *arena, struct json *load, const char *key, const struct sum *sum, const struct sum *count)
{
	if (sum->is_there && count->value > 0)
		json_set(arena, load, str_of(key), json_double(sum->value / count->value));
}

struct json load_read(struct remote *remote, struct str name)
{
	struct sum sums[SUMS] = {
		[REQUESTS] = {"request_count_total", 0, false},
		[CLIENT_ERRORS] = {"request_4xx_count_total", 0, false},
		[SERVER_ERRORS] = {"request_5xx_count_total", 0, false},
		[SLOTS] = {"provisioned_concurrent_requests_total", 0, false},
		[LATENCY_SUM] = {"request_latency_ms_sum", 0, false},
		[LATENCY_COUNT] = {"request_latency_ms_count", 0, false},
		[QUEUE_SUM] = {"model_queue_time_ms_sum", 0, false},
		[QUEUE_COUNT] = {"model_queue_time_ms_count", 0, false},
	};
	struct arena *arena = remote->arena;
	struct json load = json_object();
	struct str text = {0}, line;
	struct error ignored;

	if (!remote_wait(remote, client_endpoint_metrics(remote->client, arena, name, &text), &ignored))
		return load;
	while (text.len > 0) {
		str_cut(&text, '\n', &line);
		if (line.len > 0)
			add_line(sums, arena, line);
	}
	set_count(arena, &load, "requests_last_minute", sums[REQUESTS].value, sums[REQUESTS].is_there);
	set_count(arena, &load, "failed_last_minute", sums[CLIENT_ERRORS].value + sums[SERVER_ERRORS].value,
		sums[CLIENT_ERRORS].is_there);
	set_count(arena, &load, "concurrency", sums[SLOTS].value, sums[SLOTS].is_there);
	set_mean(arena, &load, "latency_ms", &sums[LATENCY_SUM], &sums[LATENCY_COUNT]);
	set_mean(arena, &load, "queue_ms", &sums[QUEUE_SUM], &sums[QUEUE_COUNT]);
	return load;
}

static void write_mean(struct buf *out, const struct json *mean, const char *before)
{
	if (json_type(mean) == JSON_DOUBLE)
		buf_printf(out, "%s%.1f ms", before, mean->number);
}

void load_write(struct buf *out, const struct json *load)
{
	const struct json *requests = json_get(load, STR("requests_last_minute"));
	const struct json *failed = json_get(load, STR("failed_last_minute"));
	const struct json *slots = json_get(load, STR("concurrency"));

	if (json_type(requests) != JSON_INTEGER)
		return;
	buf_printf(out, "  load     %" PRId64 " requests in the last minute", requests->integer);
	if (json_type(failed) == JSON_INTEGER)
		buf_printf(out, ", %" PRId64 " failed", failed->integer);
	write_mean(out, json_get(load, STR("latency_ms")), "; on average ");
	write_mean(out, json_get(load, STR("queue_ms")), ", in the queue ");
	if (json_type(slots) == JSON_INTEGER)
		buf_printf(out, "; %" PRId64 " at once", slots->integer);
	buf_add_char(out, '\n');
}

#include "server/metrics.h"

#include "server/route.h"
#include "server/metrics_endpoints.h"
#include "server/server.h"

#include <stdio.h>
#include <unistd.h>

static const char *const LABELS[METRICS_LABEL_COUNT] = {
	[METRICS_NO_ROUTE] = "none",
	[METRICS_PING] = "ping",
	[METRICS_HEALTH] = "health",
	[METRICS_VERSION] = "version",
	[METRICS_METRICS] = "metrics",
	[METRICS_INVOCATIONS] = "invocations",
	[METRICS_SERVING] = "serving-endpoints",
	[METRICS_CONTROL] = "control",
	[METRICS_ACCESS] = "access",
	[METRICS_COMPLETIONS] = "completions",
	[METRICS_MODELS] = "models",
	[METRICS_REGISTRY] = "registry",
	[METRICS_ARTIFACTS] = "artifacts",
};
static const struct {
	const char *name, *help;
	double scale;
} COUNTERS[METRIC_COUNTER_COUNT] = {
	[METRIC_ROWS] = {"sluice_rows", "Rows received that fit the signature.", 1},
	[METRIC_ROWS_FAILED] = {"sluice_rows_failed", "Rows that ended with an error.", 1},
	[METRIC_MODEL_CALLS] = {"sluice_model_calls", "Calls that language models answered.",
		1},
	[METRIC_MODEL_CALLS_UNREPORTED] = {"sluice_model_calls_unreported",
		"Of them without usage: they count no tokens and no cost.", 1},
	[METRIC_MODEL_CALLS_UNPRICED] = {"sluice_model_calls_unpriced",
		"Of them of models without a price: they count no cost.", 1},
	[METRIC_MODEL_RETRIES] = {"sluice_model_retries", "Calls repeated after a failure, counted apart.", 1},
	[METRIC_TOOL_CALLS] = {"sluice_tool_calls", "Tool steps run.", 1},
	[METRIC_INPUT_TOKENS] = {"sluice_input_tokens", "Prompt tokens that models reported.", 1},
	[METRIC_CACHED_TOKENS] = {"sluice_cached_tokens", "Of them read from a provider's cache.", 1},
	[METRIC_OUTPUT_TOKENS] = {"sluice_output_tokens", "Completion tokens that models reported.",
		1},
	[METRIC_REASONING_TOKENS] = {"sluice_reasoning_tokens", "Of them spent on reasoning.", 1},
	[METRIC_COST_MICROUSD] = {"sluice_cost_usd",
		"Cost by the configured prices, for graphs only.", 1e-6},
};

/* What a scrape adds up, of all workers. */
struct totals {
	const struct server *server;
	struct exposition exposition;
	struct buf *out;
};

static uint64_t sum_at(const struct totals *totals, size_t offset)
{
	uint64_t sum = 0;

	for (unsigned i = 0; i < totals->server->worker_count; i++) {
		const char *metrics = (const char *)&totals->server->workers[i].metrics;
		const _Atomic uint64_t *counter = (const _Atomic uint64_t *)(metrics + offset);

		sum += atomic_load_explicit(counter, memory_order_relaxed);
	}
	return sum;
}
#define SUM(totals_, member_) sum_at(totals_, offsetof(struct metrics, member_))

static void put_family(const struct totals *totals, const char *name, const char *type, const char *help)
{
	exposition_family(&totals->exposition, name, type, help);
}

static void put_requests(const struct totals *totals)
{
	put_family(totals, "sluice_http_requests", "counter",
		"Requests answered, by route and status.");
	for (unsigned r = 0; r < METRICS_LABEL_COUNT; r++) {
		for (unsigned s = 0; s < STATS_STATUSES; s++) {
			const uint64_t value = SUM(totals, routes[r].by_status[s]);
			char status[16] = "other";

			if (value == 0)
				continue;
			if (stats_statuses[s] != 0)
				snprintf(status, sizeof(status), "%d", stats_statuses[s]);
			buf_printf(totals->out,
				"sluice_http_requests_total{route=\"%s\",code=\"%s\"} %lu\n",
				LABELS[r], status, value);
		}
	}
}

static void put_histogram(const struct totals *totals, unsigned r)
{
	const char *name = "sluice_http_request_duration_seconds", *label = LABELS[r];
	uint64_t seen = 0;

	for (unsigned b = 0; b <= STATS_BUCKETS; b++) {
		seen += SUM(totals, routes[r].buckets[b]);
		if (b < STATS_BUCKETS)
			buf_printf(totals->out, "%s_bucket{route=\"%s\",le=\"%g\"} %lu\n", name,
				label, stats_buckets[b], seen);
		else
			buf_printf(totals->out, "%s_bucket{route=\"%s\",le=\"+Inf\"} %lu\n", name,
				label, seen);
	}
	buf_printf(totals->out, "%s_sum{route=\"%s\"} %.9g\n", name, label,
		(double)SUM(totals, routes[r].sum_ns) * 1e-9);
	buf_printf(totals->out, "%s_count{route=\"%s\"} %lu\n", name, label, seen);
}

static void put_durations(const struct totals *totals)
{
	put_family(totals, "sluice_http_request_duration_seconds", "histogram",
		"From a request's first byte to its answer.");
	for (unsigned r = 0; r < METRICS_LABEL_COUNT; r++)
		put_histogram(totals, r);
}

static void put_counters(const struct totals *totals)
{
	for (unsigned c = 0; c < METRIC_COUNTER_COUNT; c++) {
		put_family(totals, COUNTERS[c].name, "counter", COUNTERS[c].help);
		buf_printf(totals->out, "%s_total %.15g\n", COUNTERS[c].name,
			(double)SUM(totals, counters[c]) * COUNTERS[c].scale);
	}
}

static void put_number(const struct totals *totals, const char *name, const char *type,
	const char *help, double value)
{
	const bool is_counter = strcmp(type, "counter") == 0;

	put_family(totals, name, type, help);
	buf_printf(totals->out, "%s%s %.15g\n", name, is_counter ? "_total" : "", value);
}

static void put_connections(const struct totals *totals)
{
	struct http_stats sum = {0};

	for (unsigned i = 0; i < totals->server->worker_count; i++) {
		struct http_stats stats;

		http_server_stats(totals->server->workers[i].http, &stats);
		sum.accepted += stats.accepted;
		sum.refused += stats.refused;
		sum.timeouts += stats.timeouts;
		sum.bytes_in += stats.bytes_in;
		sum.bytes_out += stats.bytes_out;
		sum.open += stats.open;
		sum.active += stats.active;
	}
	put_number(totals, "sluice_http_connections_accepted", "counter", "Connections accepted.",
		(double)sum.accepted);
	put_number(totals, "sluice_http_refused", "counter", "Requests refused by the HTTP rules.",
		(double)sum.refused);
	put_number(totals, "sluice_http_timeouts", "counter", "Connections ended by a deadline.",
		(double)sum.timeouts);
	put_number(totals, "sluice_http_received_bytes", "counter", "Bytes received.",
		(double)sum.bytes_in);
	put_number(
		totals, "sluice_http_sent_bytes", "counter", "Bytes sent.", (double)sum.bytes_out);
	put_number(totals, "sluice_http_connections_open", "gauge", "Connections open.", sum.open);
	put_number(totals, "sluice_http_requests_active", "gauge", "Requests being answered.",
		sum.active);
}

static double resident_bytes(void)
{
	long pages = 0;
	FILE *file = fopen("/proc/self/statm", "re");

	if (file != NULL) {
		if (fscanf(file, "%*s %ld", &pages) != 1)
			pages = 0;
		fclose(file);
	}
	return (double)pages * (double)sysconf(_SC_PAGESIZE);
}

static void put_process(const struct totals *totals)
{
	const struct bundle *bundle = totals->server->bundle;

	put_family(totals, "sluice_build_info", "gauge", "The running version.");
	buf_printf(totals->out, "sluice_build_info{version=\"%s\"} 1\n", SLUICE_VERSION);
	if (bundle != NULL) {
		put_family(totals, "sluice_bundle_info", "gauge", "The bundle that serves.");
		buf_printf(totals->out, "sluice_bundle_info{digest=\"%s\"} 1\n", bundle->digest);
	}
	put_number(totals, "process_resident_memory_bytes", "gauge", "Resident memory.",
		resident_bytes());
	put_number(totals, "process_start_time_seconds", "gauge", "Start, seconds since 1970.",
		(double)totals->server->started_unix_us * 1e-6);
	put_number(totals, "sluice_log_dropped", "counter",
		"Log records dropped because nobody read them.", (double)log_dropped());
}

void metrics_expose(struct buf *out, const struct server *server, bool is_openmetrics)
{
	const struct totals totals = {server, {out, is_openmetrics}, out};

	put_requests(&totals);
	put_durations(&totals);
	put_counters(&totals);
	metrics_endpoints(&totals.exposition, server->serving);
	put_connections(&totals);
	put_process(&totals);
	exposition_end(&totals.exposition);
}

void metrics_handle(struct exchange *exchange)
{
	const bool is_openmetrics = exposition_wants_openmetrics(http_field_get(exchange->request, "accept"));
	struct buf body = {0};

	metrics_expose(&body, exchange->worker->server, is_openmetrics);
	exchange_text(exchange, 200, exposition_content_type(&(struct exposition){&body, is_openmetrics}), buf_str(&body));
	buf_done(&body);
}

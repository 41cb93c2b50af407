#include "serving/exposition.h"

bool exposition_wants_openmetrics(struct str accept)
{
	return accept.data != NULL && memmem(accept.data, accept.len, "application/openmetrics-text", 28) != NULL;
}

const char *exposition_content_type(const struct exposition *exposition)
{
	return exposition->is_openmetrics ? "application/openmetrics-text; version=1.0.0; charset=utf-8"
					  : "text/plain; version=0.0.4; charset=utf-8";
}

void exposition_family(const struct exposition *exposition, const char *name, const char *type, const char *help)
{
	const bool is_total = strcmp(type, "counter") == 0 && !exposition->is_openmetrics;
	const char *suffix = is_total ? "_total" : "";

	buf_printf(exposition->out, "# HELP %s%s %s\n# TYPE %s%s %s\n", name, suffix, help, name, suffix, type);
}

void exposition_sample(const struct exposition *exposition, const char *name, const char *labels, double value)
{
	if (labels != NULL)
		buf_printf(exposition->out, "%s{%s} %.15g\n", name, labels, value);
	else
		buf_printf(exposition->out, "%s %.15g\n", name, value);
}

void exposition_histogram(const struct exposition *exposition, const char *name, const char *labels,
	const struct stats_requests *stats, double scale)
{
	uint64_t seen = 0;

	for (unsigned b = 0; b <= STATS_BUCKETS; b++) {
		seen += stats_read(&stats->buckets[b]);
		if (b < STATS_BUCKETS)
			buf_printf(exposition->out, "%s_bucket{%s,le=\"%g\"} %lu\n", name, labels, stats_buckets[b] * scale, seen);
		else
			buf_printf(exposition->out, "%s_bucket{%s,le=\"+Inf\"} %lu\n", name, labels, seen);
	}
	buf_printf(exposition->out, "%s_sum{%s} %.9g\n", name, labels, (double)stats_read(&stats->sum_ns) * 1e-9 * scale);
	buf_printf(exposition->out, "%s_count{%s} %lu\n", name, labels, seen);
}

void exposition_end(const struct exposition *exposition)
{
	if (exposition->is_openmetrics)
		buf_add_text(exposition->out, "# EOF\n");
}

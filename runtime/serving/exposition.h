#pragma once
/*
 * Exposition: what Prometheus scrapes: its text format 0.0.4, or OpenMetrics 1.0, which names a counter's family without
 * _total and ends with "# EOF".
 */
#include "base/str.h"
#include "serving/stats.h"

struct exposition {
	struct buf *out;
	bool is_openmetrics;
};

bool exposition_wants_openmetrics(struct str accept);
const char *exposition_content_type(const struct exposition *exposition);
/* Once, before its samples. `type`: "counter", "gauge", "histogram"; a counter's name is without _total. */
void exposition_family(const struct exposition *exposition, const char *name, const char *type, const char *help);
/* `labels`: `a="b",c="d"`, with values escaped; NULL: none. A counter's name is with _total here. */
void exposition_sample(const struct exposition *exposition, const char *name, const char *labels, double value);
/* Its durations, in seconds times `scale`. */
void exposition_histogram(const struct exposition *exposition, const char *name, const char *labels,
	const struct stats_requests *stats, double scale);
void exposition_end(const struct exposition *exposition);

#pragma once
/* Load: what an endpoint has to do, from its metrics, by the names that sluiced and Databricks have for them. */
#include "cli/endpoint.h"

/* {"requests_last_minute", "failed_last_minute", "concurrency", "latency_ms", "queue_ms"}: what there is of them, the
 * two last ones on average; empty where the server does not tell. */
struct json load_read(struct remote *remote, struct str name);
void load_write(struct buf *out, const struct json *load);

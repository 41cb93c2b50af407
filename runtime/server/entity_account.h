#pragma once
/*
 * What a request did to the served entity that it went to: its counts (serving/stats.h) and its log
 * (serving/entity_log.h). All of these do nothing where no entity was asked.
 */
#include "model/batch.h"
#include "server/route.h"

/* Once, when it is answered. */
void entity_account_end(const struct exchange *exchange, int status, uint64_t elapsed_ns);
/* When its rows have run, since `started_ns` (clock_ns). `err` NULL: they did. */
void entity_account_rows(
	const struct exchange *exchange, const struct batch_usage *usage, uint64_t started_ns, const struct error *err);
/* One row failed. */
void entity_account_row_error(const struct exchange *exchange, size_t row, const struct error *err);
/* The usage alone: of shadows, too. */
void entity_count_usage(struct entity_counts *counts, const struct batch_usage *usage);

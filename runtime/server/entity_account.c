#include "server/entity_account.h"

#include "base/clock.h"
#include "serving/entity_log.h"

static struct entity_counts *counts_of(const struct exchange *exchange)
{
	return &exchange->entity->stats->by_worker[exchange->worker->index];
}

void entity_count_usage(struct entity_counts *counts, const struct batch_usage *usage)
{
	stats_add(&counts->counters[STATS_MODEL_CALLS], usage->model_calls);
	stats_add(&counts->counters[STATS_INPUT_TOKENS], usage->input_tokens);
	stats_add(&counts->counters[STATS_OUTPUT_TOKENS], usage->output_tokens);
	stats_add(&counts->counters[STATS_COST_MICROUSD], (uint64_t)usage->cost_microusd);
}

void entity_account_end(const struct exchange *exchange, int status, uint64_t elapsed_ns)
{
	if (exchange->entity == NULL)
		return;
	struct entity_counts *counts = counts_of(exchange);
	const struct entity_record record = {
		.time_us = clock_wall_us(),
		.duration_us = elapsed_ns / 1000,
		.status = status,
		.rows = exchange->rows,
		.rows_failed = exchange->rows_failed,
	};

	stats_answered(&counts->requests, status, elapsed_ns);
	stats_add(&counts->counters[STATS_ROWS], exchange->rows);
	stats_add(&counts->counters[STATS_ROWS_FAILED], exchange->rows_failed);
	if (exchange->error_code != ERR_NONE)
		stats_add(&counts->errors[exchange->error_code], 1);
	entity_log_add(exchange->entity->stats->log, exchange->worker->index, &record, exchange->error);
}

void entity_account_rows(
	const struct exchange *exchange, const struct batch_usage *usage, uint64_t started_ns, const struct error *err)
{
	if (exchange->entity == NULL)
		return;
	const int status = err != NULL ? error_info(err->code)->http_status : 200;

	stats_answered(&counts_of(exchange)->model, status, clock_ns() - started_ns);
	if (usage != NULL)
		entity_count_usage(counts_of(exchange), usage);
}

void entity_account_row_error(const struct exchange *exchange, size_t row, const struct error *err)
{
	if (exchange->entity == NULL)
		return;
	const struct entity_record record = {.time_us = clock_wall_us(), .rows = row};

	stats_add(&counts_of(exchange)->row_errors[err->code], 1);
	/* A batch of thousands that all fail must not push out everything else. */
	if (exchange->rows_failed <= ENTITY_LOG_ROWS_MAX)
		entity_log_add(exchange->entity->stats->log, exchange->worker->index, &record, err->text);
}

/* What is counted of served entities, the last minute of it, their logs, and how Prometheus sees it. */
#include "serving/entity_log.h"
#include "serving/exposition.h"
#include "serving/stats.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static const struct gate_limits LIMITS = {.slots = 4, .queue_max = 4, .queue_timeout_ms = 1000};

static struct entity_stats *new_stats(unsigned workers)
{
	return entity_stats_new(workers, &LIMITS, "slides-3", "slides", "3");
}

static void test_workers_add_up(void **state)
{
	struct entity_stats *stats = new_stats(3);
	uint64_t values[MINUTE_VALUES];
	struct entity_counts total;

	stats_answered(&stats->by_worker[0].requests, 200, 2000000);
	stats_answered(&stats->by_worker[1].requests, 429, 3000000);
	stats_answered(&stats->by_worker[2].requests, 503, 4000000);
	stats_add(&stats->by_worker[2].counters[STATS_ROWS], 7);
	stats_add(&stats->by_worker[0].errors[ERR_DEADLINE], 2);
	entity_stats_total(stats, &total);
	assert_int_equal(stats_requests_count(&total.requests), 3);
	assert_int_equal(stats_read(&total.requests.sum_ns), 9000000);
	assert_int_equal(stats_read(&total.counters[STATS_ROWS]), 7);
	assert_int_equal(stats_read(&total.errors[ERR_DEADLINE]), 2);
	entity_stats_minute_values(stats, values);
	assert_int_equal(values[0], 3);
	assert_int_equal(values[1], 1);
	assert_int_equal(values[2], 1);
	entity_stats_unref(stats);
}

static uint64_t growth(const struct stats_minute *minute, int64_t now_ms, uint64_t value)
{
	const uint64_t values[MINUTE_VALUES] = {value};
	uint64_t ret[MINUTE_VALUES];

	stats_growth(minute, now_ms, values, ret);
	return ret[0];
}

/* One request a second for five minutes, then none. */
static void test_the_last_minute(void **state)
{
	struct stats_minute minute = {0};

	assert_int_equal(growth(&minute, 1000, 5), 5);
	for (int64_t second = 0; second < 300; second++) {
		const uint64_t values[MINUTE_VALUES] = {(uint64_t)second};

		stats_tick(&minute, second * 1000, values);
		const uint64_t grown = growth(&minute, second * 1000, (uint64_t)second);
		if (second < 60)
			assert_int_equal(grown, second);
		else
			assert_in_range(grown, 60, 65);
	}
	for (int64_t second = 300; second < 365; second++)
		stats_tick(&minute, second * 1000, (const uint64_t[MINUTE_VALUES]){299});
	assert_int_equal(growth(&minute, 365000, 299), 0);
	/* Nobody ticked for an hour: nothing is known of the last minute but what is. */
	assert_int_equal(growth(&minute, 3965000, 299), 299);
}

static void add(struct entity_log *log, unsigned worker, int64_t time_us, const char *text)
{
	entity_log_add(log, worker, &(struct entity_record){.time_us = time_us, .status = 200}, text);
}

static void test_a_log_keeps_the_last_ones_in_order(void **state)
{
	struct entity_log *log = entity_log_new(2);
	struct entity_record *records;

	assert_int_equal(entity_log_read(log, &records), 0);
	free(records);
	for (int64_t i = 0; i < 1000; i++)
		add(log, i % 2 == 0, i, NULL);
	assert_int_equal(entity_log_read(log, &records), 2 * ENTITY_LOG_MAX);
	for (int64_t i = 0; i < 2 * ENTITY_LOG_MAX; i++)
		assert_int_equal(records[i].time_us, 1000 - 2 * ENTITY_LOG_MAX + i);
	free(records);
	entity_log_free(log);
}

static void test_a_log_grows_without_losing(void **state)
{
	for (int64_t count = 1; count <= ENTITY_LOG_MAX + 3; count++) {
		struct entity_log *log = entity_log_new(1);
		struct entity_record *records;
		const int64_t kept = count < ENTITY_LOG_MAX ? count : ENTITY_LOG_MAX;

		for (int64_t i = 0; i < count; i++)
			add(log, 0, i, "x");
		assert_int_equal(entity_log_read(log, &records), kept);
		for (int64_t i = 0; i < kept; i++)
			assert_int_equal(records[i].time_us, count - kept + i);
		free(records);
		entity_log_free(log);
	}
}

static void test_a_long_text_is_cut_at_a_character(void **state)
{
	struct entity_log *log = entity_log_new(1);
	struct entity_record *records;
	char text[1000];

	for (size_t i = 0; i + 2 < sizeof(text); i += 2)
		memcpy(text + i, "ä", 3);
	add(log, 0, 1, text);
	entity_log_read(log, &records);
	assert_int_equal(strlen(records[0].text), ENTITY_LOG_TEXT_MAX - 1);
	assert_true(str_is_utf8(str_of(records[0].text)));
	free(records);
	entity_log_free(log);
}

static void *write_many(void *data)
{
	struct entity_log *log = data;

	for (int64_t i = 0; i < 20000; i++)
		add(log, 1, i, "row");
	return NULL;
}

static void test_a_log_is_read_while_it_is_written(void **state)
{
	struct entity_log *log = entity_log_new(2);
	struct entity_record *records;
	pthread_t thread;

	assert_int_equal(pthread_create(&thread, NULL, write_many, log), 0);
	for (int i = 0; i < 200; i++) {
		const size_t count = entity_log_read(log, &records);

		for (size_t j = 1; j < count; j++)
			assert_int_equal(records[j].time_us, records[j - 1].time_us + 1);
		free(records);
	}
	pthread_join(thread, NULL);
	entity_log_free(log);
}

static void test_exposition(void **state)
{
	struct stats_requests stats = {0};
	struct buf out = {0};
	const struct exposition text = {&out, false}, openmetrics = {&out, true};

	stats_answered(&stats, 200, 2000000);
	exposition_family(&text, "a", "counter", "help");
	exposition_sample(&text, "a_total", "x=\"1\"", 3);
	exposition_sample(&text, "b", NULL, 0.5);
	assert_string_equal(buf_text(&out), "# HELP a_total help\n# TYPE a_total counter\na_total{x=\"1\"} 3\nb 0.5\n");
	out.len = 0;
	exposition_family(&openmetrics, "a", "counter", "help");
	exposition_end(&openmetrics);
	assert_string_equal(buf_text(&out), "# HELP a help\n# TYPE a counter\n# EOF\n");
	out.len = 0;
	exposition_histogram(&text, "ms", "x=\"1\"", &stats, 1000);
	assert_non_null(strstr(buf_text(&out), "ms_bucket{x=\"1\",le=\"1\"} 0\nms_bucket{x=\"1\",le=\"2.5\"} 1\n"));
	assert_non_null(strstr(buf_text(&out), "ms_bucket{x=\"1\",le=\"+Inf\"} 1\nms_sum{x=\"1\"} 2\nms_count{x=\"1\"} 1\n"));
	buf_done(&out);
	assert_true(exposition_wants_openmetrics(STR("application/openmetrics-text;version=1.0.0,text/plain;q=0.5")));
	assert_false(exposition_wants_openmetrics((struct str){NULL, 0}));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_workers_add_up),
		cmocka_unit_test(test_the_last_minute),
		cmocka_unit_test(test_a_log_keeps_the_last_ones_in_order),
		cmocka_unit_test(test_a_log_grows_without_losing),
		cmocka_unit_test(test_a_long_text_is_cut_at_a_character),
		cmocka_unit_test(test_a_log_is_read_while_it_is_written),
		cmocka_unit_test(test_exposition),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

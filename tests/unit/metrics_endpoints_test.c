/* Series of served entities: those that were asked, at most so many, the rest as one. */
#include "server/metrics_endpoints.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static const struct gate_limits LIMITS = {.slots = 4, .queue_max = 4, .queue_timeout_ms = 1000};

static void put_endpoint(struct serving *serving, unsigned number, unsigned requests)
{
	char name[32];

	snprintf(name, sizeof(name), "e%04u", number);
	struct endpoint *endpoint = endpoint_new(name, "id");
	struct entity *entity = arena_zalloc(&endpoint->arena, sizeof(*entity));

	entity->name = "m-1";
	entity->model = "m";
	entity->version = "1";
	entity->stats = entity_stats_new(1, &LIMITS, "m-1", "m", "1");
	for (unsigned i = 0; i < requests; i++)
		stats_answered(&entity->stats->by_worker[0].requests, 200, 1000000);
	endpoint->entities = entity;
	endpoint->entity_count = 1;
	serving_put(serving, endpoint);
}

static struct str expose(struct serving *serving, struct buf *out)
{
	out->len = 0;
	metrics_endpoints(&(struct exposition){out, false}, serving);
	return str_of(buf_text(out));
}

static size_t lines_with(struct str text, const char *words)
{
	size_t count = 0;

	for (const char *at = strstr(text.data, words); at != NULL; at = strstr(at + 1, words))
		count++;
	return count;
}

static void test_who_was_not_asked_has_none(void **state)
{
	struct serving *serving = serving_new();
	struct buf out = {0};

	assert_int_equal(expose(serving, &out).len, 0);
	put_endpoint(serving, 1, 0);
	assert_int_equal(expose(serving, &out).len, 0);
	put_endpoint(serving, 2, 3);
	const struct str text = expose(serving, &out);
	assert_int_equal(lines_with(text, "\nsluice_endpoint_requests_total{"), 1);
	assert_non_null(strstr(text.data,
		"\nsluice_endpoint_requests_total{endpoint=\"e0002\",served_entity=\"m-1\",entity_version=\"1\",code=\"200\"} 3\n"));
	buf_done(&out);
	serving_free(serving);
}

static void test_there_are_at_most_so_many(void **state)
{
	struct serving *serving = serving_new();
	struct buf out = {0};

	for (unsigned i = 0; i < METRICS_ENTITIES_MAX + 10; i++)
		put_endpoint(serving, i, 2);
	const struct str text = expose(serving, &out);
	assert_int_equal(lines_with(text, "\nsluice_endpoint_requests_total{"), METRICS_ENTITIES_MAX + 1);
	assert_int_equal(lines_with(text, "\nsluice_endpoint_request_duration_seconds_count{"), METRICS_ENTITIES_MAX + 1);
	assert_non_null(strstr(text.data, "endpoint=\"e0249\""));
	assert_null(strstr(text.data, "endpoint=\"e0250\""));
	assert_non_null(strstr(text.data, "\nsluice_endpoint_requests_total{endpoint=\"_other\",served_entity=\"_other\","
					  "entity_version=\"\",code=\"200\"} 20\n"));
	/* Each family once, all of its samples behind it. */
	assert_int_equal(lines_with(text, "# TYPE sluice_endpoint_requests_total counter\n"), 1);
	buf_done(&out);
	serving_free(serving);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_who_was_not_asked_has_none),
		cmocka_unit_test(test_there_are_at_most_so_many),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

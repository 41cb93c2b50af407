#include "serving/entity_log.h"

#include <pthread.h>
#include <stdlib.h>

enum { FIRST = 8 };

struct ring {
	pthread_mutex_t lock; /* its writer, and now and then a reader */
	struct entity_record *records;
	size_t cap, count, next;
};

struct entity_log {
	unsigned worker_count;
	struct ring by_worker[];
};

struct entity_log *entity_log_new(unsigned worker_count)
{
	struct entity_log *log = calloc(1, sizeof(*log) + worker_count * sizeof(log->by_worker[0]));

	if (log == NULL)
		abort();
	log->worker_count = worker_count;
	for (unsigned i = 0; i < worker_count; i++)
		pthread_mutex_init(&log->by_worker[i].lock, NULL);
	return log;
}

void entity_log_free(struct entity_log *log)
{
	if (log == NULL)
		return;
	for (unsigned i = 0; i < log->worker_count; i++) {
		pthread_mutex_destroy(&log->by_worker[i].lock);
		free(log->by_worker[i].records);
	}
	free(log);
}

/* Only while it is not full, so it never was turned over. */
static void grow(struct ring *ring)
{
	const size_t cap = ring->cap > 0 ? 2 * ring->cap : FIRST;
	struct entity_record *records = realloc(ring->records, cap * sizeof(*records));

	if (records == NULL)
		abort();
	ring->records = records;
	ring->cap = cap;
	ring->next = ring->count;
}

static void set_text(struct entity_record *record, const char *text)
{
	const struct str clipped = str_clip(str_of(text), ENTITY_LOG_TEXT_MAX);

	if (clipped.len > 0)
		memcpy(record->text, clipped.data, clipped.len);
	record->text[clipped.len] = '\0';
}

void entity_log_add(struct entity_log *log, unsigned worker, const struct entity_record *record, const char *text)
{
	struct ring *ring = &log->by_worker[worker];

	pthread_mutex_lock(&ring->lock);
	if (ring->count == ring->cap && ring->cap < ENTITY_LOG_MAX)
		grow(ring);
	struct entity_record *at = &ring->records[ring->next];
	*at = *record;
	set_text(at, text);
	ring->next = (ring->next + 1) % ring->cap;
	if (ring->count < ring->cap)
		ring->count++;
	pthread_mutex_unlock(&ring->lock);
}

static int by_time(const void *a, const void *b)
{
	const struct entity_record *x = a, *y = b;

	return (x->time_us > y->time_us) - (x->time_us < y->time_us);
}

size_t entity_log_read(struct entity_log *log, struct entity_record **ret)
{
	struct entity_record *all = calloc((size_t)log->worker_count * ENTITY_LOG_MAX + 1, sizeof(*all));
	size_t count = 0;

	if (all == NULL)
		abort();
	for (unsigned i = 0; i < log->worker_count; i++) {
		struct ring *ring = &log->by_worker[i];

		pthread_mutex_lock(&ring->lock);
		for (size_t j = 0; j < ring->count; j++)
			all[count++] = ring->records[(ring->next + ring->cap - ring->count + j) % ring->cap];
		pthread_mutex_unlock(&ring->lock);
	}
	qsort(all, count, sizeof(*all), by_time);
	*ret = all;
	return count;
}

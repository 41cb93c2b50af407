/* put, remove → new table → store the pointer → a task for each loop → the last one frees the old table */
#include "serving/serving.h"

#include <pthread.h>
#include <stdlib.h>
#include <sys/queue.h>

enum { LOOPS_MAX = 256 };

struct table {
	size_t count, mask; /* slots are mask + 1, a power of two, at most half full */
	struct endpoint *slots[];
};

/* An old table on its way out. */
struct retired {
	LIST_ENTRY(retired) entry;
	struct serving *serving;
	struct table *table;
	size_t waiting; /* loops that did not turn yet; under the lock */
	struct loop_task tasks[];
};

struct serving {
	_Atomic(struct table *) table;
	pthread_mutex_t lock; /* of changes, and of what follows */
	struct loop *loops[LOOPS_MAX];
	size_t loop_count;
	LIST_HEAD(, retired) retired;
};

/* ---- tables ---- */

static struct table *table_new(size_t capacity)
{
	size_t slots = 8;

	while (slots < 2 * capacity)
		slots *= 2;
	struct table *table = calloc(1, sizeof(*table) + slots * sizeof(table->slots[0]));
	if (table == NULL)
		abort();
	table->mask = slots - 1;
	return table;
}

static void table_free(struct table *table)
{
	for (size_t i = 0; i <= table->mask; i++)
		endpoint_unref(table->slots[i]);
	free(table);
}

/* FNV-1a: names come from operators, not from attackers. */
static size_t hash_of(struct str name)
{
	uint64_t hash = 0xcbf29ce484222325u;

	for (size_t i = 0; i < name.len; i++)
		hash = (hash ^ (unsigned char)name.data[i]) * 0x100000001b3u;
	return (size_t)(hash ^ hash >> 32);
}

/* Its slot, or the free one where it would be. */
static struct endpoint **table_slot(struct table *table, struct str name)
{
	size_t i = hash_of(name) & table->mask;

	while (table->slots[i] != NULL && !str_is(name, table->slots[i]->name))
		i = (i + 1) & table->mask;
	return &table->slots[i];
}

static void table_add(struct table *table, struct endpoint *take_endpoint)
{
	struct endpoint **slot = table_slot(table, str_of(take_endpoint->name));

	if (*slot == NULL)
		table->count++;
	endpoint_unref(*slot);
	*slot = take_endpoint;
}

static struct table *table_copy(const struct table *old, size_t more, struct str except)
{
	struct table *table = table_new(old->count + more);

	for (size_t i = 0; i <= old->mask; i++)
		if (old->slots[i] != NULL && !str_is(except, old->slots[i]->name))
			table_add(table, endpoint_ref(old->slots[i]));
	return table;
}

/* ---- publishing ---- */

static void end_retired(struct retired *retired)
{
	table_free(retired->table);
	free(retired);
}

static void on_turn(void *data)
{
	struct retired *retired = data;
	struct serving *serving = retired->serving;

	pthread_mutex_lock(&serving->lock);
	const bool is_last = --retired->waiting == 0;
	if (is_last)
		LIST_REMOVE(retired, entry);
	pthread_mutex_unlock(&serving->lock);
	if (is_last)
		end_retired(retired);
}

/* With the lock. */
static void publish(struct serving *serving, struct table *table)
{
	struct table *old = atomic_exchange_explicit(&serving->table, table, memory_order_acq_rel);
	struct retired *retired = calloc(1, sizeof(*retired) + serving->loop_count * sizeof(retired->tasks[0]));

	if (retired == NULL)
		abort();
	retired->serving = serving;
	retired->table = old;
	retired->waiting = serving->loop_count;
	if (serving->loop_count == 0) {
		end_retired(retired);
		return;
	}
	LIST_INSERT_HEAD(&serving->retired, retired, entry);
	for (size_t i = 0; i < serving->loop_count; i++)
		loop_post(serving->loops[i], &retired->tasks[i], on_turn, retired);
}

void serving_put_all(struct serving *serving, struct endpoint **take_endpoints, size_t count)
{
	pthread_mutex_lock(&serving->lock);
	struct table *old = atomic_load_explicit(&serving->table, memory_order_relaxed);
	struct table *table = table_copy(old, count, STR(""));

	for (size_t i = 0; i < count; i++)
		table_add(table, take_endpoints[i]);
	publish(serving, table);
	pthread_mutex_unlock(&serving->lock);
}

void serving_put(struct serving *serving, struct endpoint *take_endpoint)
{
	serving_put_all(serving, &take_endpoint, 1);
}

void serving_remove(struct serving *serving, struct str name)
{
	pthread_mutex_lock(&serving->lock);
	publish(serving, table_copy(atomic_load_explicit(&serving->table, memory_order_relaxed), 0, name));
	pthread_mutex_unlock(&serving->lock);
}

/* ---- reading ---- */

struct endpoint *serving_find(struct serving *serving, struct str name)
{
	struct table *table = atomic_load_explicit(&serving->table, memory_order_acquire);
	struct endpoint *found = *table_slot(table, name);

	return found != NULL ? endpoint_ref(found) : NULL;
}

struct endpoint *serving_get(struct serving *serving, struct str name)
{
	pthread_mutex_lock(&serving->lock);
	struct endpoint *found = serving_find(serving, name);
	pthread_mutex_unlock(&serving->lock);
	return found;
}

static void unref(void *data)
{
	endpoint_unref(data);
}

size_t serving_list(struct serving *serving, struct arena *arena, struct endpoint ***ret)
{
	size_t count = 0;

	pthread_mutex_lock(&serving->lock);
	const struct table *table = atomic_load_explicit(&serving->table, memory_order_relaxed);
	struct endpoint **list = arena_array(arena, table->count + 1, sizeof(struct endpoint *));
	for (size_t i = 0; i <= table->mask; i++) {
		if (table->slots[i] == NULL)
			continue;
		list[count] = endpoint_ref(table->slots[i]);
		arena_on_end(arena, unref, list[count++]);
	}
	pthread_mutex_unlock(&serving->lock);
	*ret = list;
	return count;
}

/* ---- life ---- */

struct serving *serving_new(void)
{
	struct serving *serving = calloc(1, sizeof(*serving));

	if (serving == NULL)
		abort();
	pthread_mutex_init(&serving->lock, NULL);
	LIST_INIT(&serving->retired);
	atomic_store(&serving->table, table_new(0));
	return serving;
}

void serving_attach(struct serving *serving, struct loop *loop)
{
	pthread_mutex_lock(&serving->lock);
	if (serving->loop_count == LOOPS_MAX)
		abort();
	serving->loops[serving->loop_count++] = loop;
	pthread_mutex_unlock(&serving->lock);
}

void serving_free(struct serving *serving)
{
	struct retired *retired;

	if (serving == NULL)
		return;
	while ((retired = LIST_FIRST(&serving->retired)) != NULL) {
		LIST_REMOVE(retired, entry);
		end_retired(retired);
	}
	table_free(atomic_load(&serving->table));
	pthread_mutex_destroy(&serving->lock);
	free(serving);
}

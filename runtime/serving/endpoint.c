#include "serving/endpoint.h"

#include "base/hash.h"

#include <stdlib.h>

struct endpoint *endpoint_new(const char *name, const char *id)
{
	struct endpoint *endpoint = calloc(1, sizeof(*endpoint));

	if (endpoint == NULL)
		abort();
	arena_init(&endpoint->arena);
	endpoint->references = 1;
	endpoint->name = arena_strdup(&endpoint->arena, name);
	endpoint->id = arena_strdup(&endpoint->arena, id);
	return endpoint;
}

static const char *copy(struct endpoint *endpoint, const char *text)
{
	return text != NULL ? arena_strdup(&endpoint->arena, text) : NULL;
}

static void copy_entity(struct endpoint *endpoint, const struct entity *from, struct entity *ret)
{
	*ret = *from;
	ret->name = copy(endpoint, from->name);
	ret->model = copy(endpoint, from->model);
	ret->version = copy(endpoint, from->version);
	ret->alias = copy(endpoint, from->alias);
	ret->resident = resident_ref(from->resident);
	ret->stats = entity_stats_ref(from->stats);
	ret->is_kept = !from->is_scaling_to_zero && !endpoint->is_stopped && from->percent + from->shadow_percent > 0;
	if (ret->is_kept)
		resident_keep(ret->resident);
}

struct endpoint *endpoint_copy(const struct endpoint *endpoint, bool is_stopped)
{
	struct endpoint *made = endpoint_new(endpoint->name, endpoint->id);

	made->is_stopped = is_stopped;
	made->config_version = endpoint->config_version;
	made->task = copy(made, endpoint->task);
	made->sticky = endpoint->sticky;
	made->sticky_by = copy(made, endpoint->sticky_by);
	made->not_ready = copy(made, endpoint->not_ready);
	made->is_coming = endpoint->is_coming;
	made->entity_count = endpoint->entity_count;
	made->entities = arena_zalloc(&made->arena, (made->entity_count + 1) * sizeof(*made->entities));
	for (size_t i = 0; i < made->entity_count; i++)
		copy_entity(made, &endpoint->entities[i], &made->entities[i]);
	return made;
}

struct endpoint *endpoint_ref(struct endpoint *endpoint)
{
	atomic_fetch_add_explicit(&endpoint->references, 1, memory_order_relaxed);
	return endpoint;
}

void endpoint_unref(struct endpoint *endpoint)
{
	if (endpoint == NULL || atomic_fetch_sub_explicit(&endpoint->references, 1, memory_order_acq_rel) > 1)
		return;
	for (size_t i = 0; i < endpoint->entity_count; i++) {
		if (endpoint->entities[i].is_kept)
			resident_unkeep(endpoint->entities[i].resident);
		resident_unref(endpoint->entities[i].resident);
		entity_stats_unref(endpoint->entities[i].stats);
	}
	limiter_unref(endpoint->limiter);
	arena_done(&endpoint->arena);
	free(endpoint);
}

struct entity *endpoint_entity(const struct endpoint *endpoint, struct str name)
{
	for (size_t i = 0; i < endpoint->entity_count; i++)
		if (str_is(name, endpoint->entities[i].name))
			return &endpoint->entities[i];
	return NULL;
}

static struct entity *at_percent(const struct endpoint *endpoint, unsigned percent)
{
	for (size_t i = 0; i < endpoint->entity_count; i++) {
		if (percent < endpoint->entities[i].percent)
			return &endpoint->entities[i];
		percent -= endpoint->entities[i].percent;
	}
	return NULL;
}

/* 61 and 100 have no common divisor: 100 tickets in a row visit every percent once, neighbours far apart. */
enum { STRIDE = 61, SHADOW_STRIDE = 37, SHARES = 100 };

struct entity *endpoint_pick(const struct endpoint *endpoint, uint64_t ticket)
{
	return at_percent(endpoint, (unsigned)(ticket % SHARES * STRIDE % SHARES));
}

struct entity *endpoint_pick_sticky(const struct endpoint *endpoint, struct str value)
{
	const struct digest digest = digest_of(value);
	uint64_t number;

	memcpy(&number, digest.bytes, sizeof(number));
	return at_percent(endpoint, (unsigned)(number % SHARES));
}

bool entity_shadows(const struct entity *entity, uint64_t ticket)
{
	return ticket % SHARES * SHADOW_STRIDE % SHARES < entity->shadow_percent;
}

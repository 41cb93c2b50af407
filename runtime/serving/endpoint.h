#pragma once
/*
 * Endpoint: one config version of a serving endpoint, as requests see it: its served entities and how its traffic is
 * shared between them. Immutable and reference-counted: a request keeps what it was given until it has answered, so that
 * an update, a rollback or a deletion never pulls it away.
 */
#include "base/json.h"
#include "serving/limiter.h"
#include "serving/resident.h"
#include "serving/stats.h"

struct entity {
	const char *name;    /* "slides-3": unique in the endpoint */
	const char *model;   /* "slides" */
	const char *version; /* "3": what an alias stood for when it was deployed */
	const char *alias;   /* "champion" where it follows one, else NULL */
	struct resident *resident;
	struct entity_stats *stats;
	unsigned slots;      /* requests at once */
	unsigned percent;    /* of the traffic */
	unsigned shadow_percent; /* of the traffic that it is asked, too, and answers to nobody */
	bool is_scaling_to_zero;
	bool is_kept;        /* in memory (resident_keep); else it is unloaded after a while without requests */
};

/* The same value goes to the same entity, as long as the shares stay. */
enum endpoint_sticky { STICKY_NONE, STICKY_HEADER, STICKY_COLUMN };

struct endpoint {
	const char *name, *id, *task; /* task NULL: a plain model */
	int64_t config_version;       /* 0: it never had a config that worked */
	struct entity *entities;
	size_t entity_count;
	enum endpoint_sticky sticky;
	const char *sticky_by; /* the header's or the column's name */
	struct limiter *limiter; /* calls and tokens a minute; NULL where nothing is served */
	bool is_stopped;
	const char *not_ready; /* why nothing is served; NULL: it is */
	bool is_coming;        /* … and that soon it may be: its first config is being deployed */
	/* private: */
	struct arena arena;
	_Atomic int references;
};

/* Empty, to be filled on its arena before it is published. References of entities are given back at the end. */
struct endpoint *endpoint_new(const char *name, const char *id);
/* The same config, stopped or not, without a limiter; to be changed before it is published. */
struct endpoint *endpoint_copy(const struct endpoint *endpoint, bool is_stopped);
struct endpoint *endpoint_ref(struct endpoint *endpoint);
void endpoint_unref(struct endpoint *endpoint);

/* By name; NULL where there is none. */
struct entity *endpoint_entity(const struct endpoint *endpoint, struct str name);
/* The one whose turn it is: of every 100 tickets in a row each entity gets its percent exactly, well mixed. NULL where no
 * entity has traffic. */
struct entity *endpoint_pick(const struct endpoint *endpoint, uint64_t ticket);
/* The one that the value sticks to. */
struct entity *endpoint_pick_sticky(const struct endpoint *endpoint, struct str value);
/* Whether this ticket's request is shown to the entity as well. */
bool entity_shadows(const struct entity *entity, uint64_t ticket);

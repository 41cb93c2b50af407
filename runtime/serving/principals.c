#include "serving/principals.h"

#include <stdlib.h>
#include <sys/random.h>

enum { BUCKETS_FIRST = 16, FORGOTTEN_AT_ONCE = 2 };

static const uint64_t REMEMBERED_NS = (RATE_WINDOW_S + 1) * 1000000000ull;

struct principal {
	LIST_ENTRY(principal) in_bucket;
	TAILQ_ENTRY(principal) by_age;
	uint64_t hash, seen_ns;
	struct usage usage;
	bool is_service_principal;
	size_t len;
	char name[];
};

static void *must(void *memory)
{
	if (memory == NULL)
		abort();
	return memory;
}

void principals_init(struct principals *principals, size_t count_max)
{
	*principals = (struct principals){.bucket_count = BUCKETS_FIRST, .count_max = count_max};
	principals->buckets = must(calloc(BUCKETS_FIRST, sizeof(*principals->buckets)));
	TAILQ_INIT(&principals->ages);
	if (getrandom(&principals->seed, sizeof(principals->seed), 0) != sizeof(principals->seed))
		abort();
}

static void forget(struct principals *principals, struct principal *principal)
{
	LIST_REMOVE(principal, in_bucket);
	TAILQ_REMOVE(&principals->ages, principal, by_age);
	principals->count--;
	free(principal);
}

void principals_clear(struct principals *principals)
{
	while (!TAILQ_EMPTY(&principals->ages))
		forget(principals, TAILQ_FIRST(&principals->ages));
}

void principals_done(struct principals *principals)
{
	principals_clear(principals);
	free(principals->buckets);
}

/* FNV-1a from a random start. */
static uint64_t hash_of(
	const struct principals *principals, struct str name, bool is_service_principal)
{
	uint64_t hash = principals->seed ^ is_service_principal;

	for (size_t i = 0; i < name.len; i++)
		hash = (hash ^ (unsigned char)name.data[i]) * 0x100000001b3ull;
	return hash ^ hash >> 32;
}

static struct principal_bucket *bucket_of(struct principals *principals, uint64_t hash)
{
	return &principals->buckets[hash & (principals->bucket_count - 1)];
}

static void grow(struct principals *principals)
{
	struct principal *principal;

	free(principals->buckets);
	principals->bucket_count *= 2;
	principals->buckets = must(calloc(principals->bucket_count, sizeof(*principals->buckets)));
	TAILQ_FOREACH(principal, &principals->ages, by_age)
	LIST_INSERT_HEAD(bucket_of(principals, principal->hash), principal, in_bucket);
}

static void make_space(struct principals *principals, uint64_t now_ns)
{
	for (unsigned i = 0; i < FORGOTTEN_AT_ONCE; i++) {
		struct principal *oldest = TAILQ_FIRST(&principals->ages);

		if (oldest == NULL || oldest->seen_ns + REMEMBERED_NS > now_ns)
			break;
		forget(principals, oldest);
	}
	if (principals->count >= principals->count_max)
		forget(principals, TAILQ_FIRST(&principals->ages));
	if (principals->count >= principals->bucket_count)
		grow(principals);
}

static struct principal *add(
	struct principals *principals, struct str name, bool is_service_principal, uint64_t hash)
{
	struct principal *principal = must(calloc(1, sizeof(*principal) + name.len));

	principal->hash = hash;
	principal->is_service_principal = is_service_principal;
	principal->len = name.len;
	if (name.len > 0)
		memcpy(principal->name, name.data, name.len);
	LIST_INSERT_HEAD(bucket_of(principals, hash), principal, in_bucket);
	principals->count++;
	return principal;
}

static bool is_called(const struct principal *principal, struct str name, bool is_service_principal)
{
	return principal->is_service_principal == is_service_principal &&
	       str_eq((struct str){principal->name, principal->len}, name);
}

struct usage *principals_usage(
	struct principals *principals, struct str name, bool is_service_principal, uint64_t now_ns)
{
	const uint64_t hash = hash_of(principals, name, is_service_principal);
	struct principal *principal;

	LIST_FOREACH(principal, bucket_of(principals, hash), in_bucket)
	if (principal->hash == hash && is_called(principal, name, is_service_principal))
		break;
	if (principal != NULL) {
		TAILQ_REMOVE(&principals->ages, principal, by_age);
	} else {
		make_space(principals, now_ns);
		principal = add(principals, name, is_service_principal, hash);
	}
	TAILQ_INSERT_TAIL(&principals->ages, principal, by_age);
	principal->seen_ns = now_ns;
	return &principal->usage;
}

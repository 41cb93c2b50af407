/*
 * Equal keys of one object: the last value wins, at the first place.
 *
 * Small objects compare keys pairwise, but only those whose cheap sketch was seen before. Large
 * ones use a hash table under SipHash-1-3 (Aumasson and Bernstein, 2012) with a random key, so that
 * no document can be made to collide.
 */
#include "base/json_reader.h"

#include <stdlib.h>
#include <sys/random.h>

enum { PAIRWISE_MAX = 16 };

static struct str key_of(const struct json_member *member)
{
	return (struct str){member->key.text, member->key.size};
}

/* Equal keys have equal sketches, 0 to 63. */
static unsigned sketch(struct str key)
{
	if (key.len == 0)
		return 0;
	const unsigned char first = (unsigned char)key.data[0];
	const unsigned char middle = (unsigned char)key.data[key.len / 2];
	const unsigned char last = (unsigned char)key.data[key.len - 1];

	return (unsigned)(first * 7u + middle * 5u + last * 3u + key.len) & 63;
}

static size_t unite_pairwise(struct json_member *members, size_t count)
{
	size_t kept = 0;
	uint64_t seen = 0;

	for (size_t i = 0; i < count; i++) {
		const struct str key = key_of(&members[i]);
		const uint64_t bit = (uint64_t)1 << sketch(key);
		size_t place = kept;

		if (seen & bit) {
			place = 0;
			while (place < kept && !str_eq(key_of(&members[place]), key))
				place++;
		}
		seen |= bit;
		if (place < kept)
			members[place].value = members[i].value;
		else
			members[kept++] = members[i];
	}
	return kept;
}

struct sip {
	uint64_t v0, v1, v2, v3;
};

static inline uint64_t rotate(uint64_t x, unsigned by)
{
	return x << by | x >> (64 - by);
}

static inline void sip_round(struct sip *s)
{
	s->v0 += s->v1;
	s->v1 = rotate(s->v1, 13) ^ s->v0;
	s->v0 = rotate(s->v0, 32);
	s->v2 += s->v3;
	s->v3 = rotate(s->v3, 16) ^ s->v2;
	s->v0 += s->v3;
	s->v3 = rotate(s->v3, 21) ^ s->v0;
	s->v2 += s->v1;
	s->v1 = rotate(s->v1, 17) ^ s->v2;
	s->v2 = rotate(s->v2, 32);
}

static inline void sip_add(struct sip *s, uint64_t word)
{
	s->v3 ^= word;
	sip_round(s);
	s->v0 ^= word;
}

static uint64_t hash(const uint64_t seed[2], struct str key)
{
	struct sip s = {seed[0] ^ 0x736f6d6570736575u, seed[1] ^ 0x646f72616e646f6du,
		seed[0] ^ 0x6c7967656e657261u, seed[1] ^ 0x7465646279746573u};
	uint64_t tail = (uint64_t)key.len << 56, word;

	for (; key.len >= 8; key.data += 8, key.len -= 8) {
		memcpy(&word, key.data, 8);
		sip_add(&s, word);
	}
	for (size_t i = 0; i < key.len; i++)
		tail |= (uint64_t)(unsigned char)key.data[i] << (8 * i);
	sip_add(&s, tail);
	s.v2 ^= 0xFF;
	for (int i = 0; i < 3; i++)
		sip_round(&s);
	return s.v0 ^ s.v1 ^ s.v2 ^ s.v3;
}

static size_t unite_hashed(struct json_member *members, size_t count)
{
	size_t kept = 0, mask = 63;
	uint64_t seed[2];

	while (mask < count * 2)
		mask = mask * 2 + 1;
	uint32_t *table = calloc(mask + 1, sizeof(*table)); /* place + 1, 0 where free */
	if (table == NULL || getrandom(seed, sizeof(seed), 0) != sizeof(seed))
		abort();
	for (size_t i = 0; i < count; i++) {
		const struct str key = key_of(&members[i]);
		size_t slot = (size_t)hash(seed, key) & mask;

		while (table[slot] != 0 && !str_eq(key_of(&members[table[slot] - 1]), key))
			slot = (slot + 1) & mask;
		if (table[slot] != 0) {
			members[table[slot] - 1].value = members[i].value;
			continue;
		}
		members[kept++] = members[i];
		table[slot] = (uint32_t)kept;
	}
	free(table);
	return kept;
}

size_t json_unite_keys(struct json_member *members, size_t count)
{
	if (count < 2)
		return count;
	return count <= PAIRWISE_MAX ? unite_pairwise(members, count)
				     : unite_hashed(members, count);
}

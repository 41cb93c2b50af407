/*
 * Hosts: how many fetches run against one "scheme://authority", and which wait for their turn.
 *
 * libcurl could limit connections by itself, but looks at every waiting transfer whenever one ends:
 * a thousand waiting calls tripled the cost of each. Waiting here costs nothing, and is not taken
 * for a slow connect either.
 */
#include "async/fetch_internal.h"

#include <stdlib.h>
#include <strings.h>

struct fetch_host {
	struct fetch_host *next;     /* in its bucket */
	struct fetch *first, **last; /* waiting */
	unsigned running;
	size_t bucket, key_len;
	char key[];
};

static size_t key_length(const char *url)
{
	const size_t scheme = (size_t)(strstr(url, "://") + 3 - url);

	return scheme + strcspn(url + scheme, "/?#");
}

static size_t hash(const char *key, size_t len)
{
	size_t value = 5381;

	for (size_t i = 0; i < len; i++)
		value = value * 33 + ((unsigned char)key[i] | 0x20);
	return value;
}

struct fetch_host *fetch_host_get(struct fetcher *fetcher, const char *url)
{
	const size_t len = key_length(url), bucket = hash(url, len) % FETCH_HOST_BUCKETS;
	struct fetch_host *host = fetcher->hosts[bucket];

	for (; host != NULL; host = host->next)
		if (host->key_len == len && strncasecmp(host->key, url, len) == 0)
			return host;
	host = calloc(1, sizeof(*host) + len);
	if (host == NULL)
		abort();
	memcpy(host->key, url, len);
	host->key_len = len;
	host->last = &host->first;
	host->bucket = bucket;
	host->next = fetcher->hosts[bucket];
	fetcher->hosts[bucket] = host;
	return host;
}

void fetch_host_push(struct fetch_host *host, struct fetch *fetch)
{
	fetch->next = NULL;
	*host->last = fetch;
	host->last = &fetch->next;
}

void fetch_host_remove(struct fetch_host *host, struct fetch *fetch)
{
	struct fetch **link = &host->first;

	while (*link != fetch)
		link = &(*link)->next;
	*link = fetch->next;
	if (fetch->next == NULL)
		host->last = link;
}

struct fetch *fetch_host_first(const struct fetch_host *host, unsigned running_max)
{
	return host->running < running_max ? host->first : NULL;
}

void fetch_host_begin(struct fetch_host *host, struct fetch *fetch)
{
	host->running++;
	fetch_host_remove(host, fetch);
}

void fetch_host_end(struct fetch_host *host)
{
	host->running--;
}

void fetch_host_drop(struct fetcher *fetcher, struct fetch_host *host)
{
	struct fetch_host **link = &fetcher->hosts[host->bucket];

	if (host->running > 0 || host->first != NULL)
		return;
	while (*link != host)
		link = &(*link)->next;
	*link = host->next;
	free(host);
}

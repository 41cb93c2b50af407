/* The fetcher: what the fetches of one loop share. */
#include "async/fetch_internal.h"

#include <assert.h>
#include <stdlib.h>

static const struct fetcher_options DEFAULTS = {
	.connect_ms = 5000,
	.first_byte_ms = 60000,
	.idle_ms = 30000,
	.total_ms = 120000,
	.connections_max = 1024,
	.connections_per_host_max = 256,
};

bool fetch_global_init(struct error *err)
{
	if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
		return error_set(err, ERR_INTERNAL, "libcurl cannot be initialised");
	const curl_version_info_data *info = curl_version_info(CURLVERSION_NOW);
	if ((info->features & CURL_VERSION_ASYNCHDNS) == 0)
		return error_set(err, ERR_INTERNAL,
			"libcurl %s resolves names without threads, which would block the loop",
			info->version);
	return true;
}

void fetch_global_done(void)
{
	curl_global_cleanup();
}

static unsigned or_default(unsigned value, unsigned fallback)
{
	return value != 0 ? value : fallback;
}

static void set_options(struct fetcher *fetcher, const struct fetcher_options *options)
{
	const struct fetcher_options none = {0}, *from = options != NULL ? options : &none;
	struct fetcher_options *to = &fetcher->options;

	to->connect_ms = or_default(from->connect_ms, DEFAULTS.connect_ms);
	to->first_byte_ms = or_default(from->first_byte_ms, DEFAULTS.first_byte_ms);
	to->idle_ms = or_default(from->idle_ms, DEFAULTS.idle_ms);
	to->total_ms = or_default(from->total_ms, DEFAULTS.total_ms);
	to->connections_max = or_default(from->connections_max, DEFAULTS.connections_max);
	to->connections_per_host_max =
		or_default(from->connections_per_host_max, DEFAULTS.connections_per_host_max);
	to->is_unverified = from->is_unverified;
	if (from->ca_file != NULL && (to->ca_file = strdup(from->ca_file)) == NULL)
		abort();
}

struct fetcher *fetcher_new(
	struct loop *loop, const struct fetcher_options *options, struct error *err)
{
	struct fetcher *fetcher = calloc(1, sizeof(*fetcher));

	if (fetcher == NULL)
		abort();
	fetcher->loop = loop;
	set_options(fetcher, options);
	fetcher->pattern = fetch_pattern_new(&fetcher->options);
	deadline_set_init(&fetcher->deadlines);
	timer_init(&fetcher->deadline_timer, loop, fetch_on_deadline, fetcher);
	if (fetch_pump_init(&fetcher->pump, loop, &fetcher->options, fetch_on_result)) {
		fetch_pump_watch(&fetcher->pump, fetcher->pattern);
		return fetcher;
	}
	free((char *)fetcher->options.ca_file);
	curl_easy_cleanup(fetcher->pattern);
	free(fetcher);
	error_set(err, ERR_INTERNAL, "libcurl cannot make a multi handle");
	return NULL;
}

void fetcher_free(struct fetcher *fetcher)
{
	if (fetcher == NULL)
		return;
	assert(fetcher->active == 0);
	while (fetcher->handles != NULL) {
		struct fetch_handle *handle = fetcher->handles;

		fetcher->handles = handle->next;
		fetch_handle_free(handle);
	}
	fetch_pump_done(&fetcher->pump);
	timer_stop(&fetcher->deadline_timer);
	deadline_set_done(&fetcher->deadlines);
	free((char *)fetcher->options.ca_file);
	curl_easy_cleanup(fetcher->pattern);
	free(fetcher);
}

unsigned fetcher_active(const struct fetcher *fetcher)
{
	return fetcher->active;
}

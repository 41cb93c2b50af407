/*
 * A registry's URI and ~/.databrickscfg: what people write, and what must not come out again in messages. The first line is
 * the URI, the rest is the file.
 */
#include "client/profile.h"
#include "client/target.h"

#include <stdlib.h>
#include <strings.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char uri[4096];

static const char *env(const char *name)
{
	/* A login, so that a Databricks URI without a profile gets as far as it can. */
	if (strcmp(name, "DATABRICKS_HOST") == 0)
		return "host.example";
	return strcmp(name, "DATABRICKS_TOKEN") == 0 ? "dapi-canary" : NULL;
}

static void check_site(const struct target_site *site)
{
	if (site->url == NULL || strncasecmp(site->url, "http", 4) != 0)
		abort();
	for (const char *at = site->url; *at != '\0'; at++)
		if ((unsigned char)*at <= ' ')
			abort();
	/* User info is a login, and no part of what is shown. */
	if (site->login == LOGIN_BASIC && strchr(strstr(site->url, "://"), '@') != NULL &&
		strchr(strstr(site->url, "://"), '@') < strchr(strstr(site->url, "://") + 3, '/'))
		abort();
}

static void read_target(struct arena *arena)
{
	const struct target_source source = {.uri = uri, .env = env};
	struct target target;
	struct error err = {0};

	if (target_read(arena, &source, &target, &err)) {
		check_site(&target.registry);
		check_site(&target.tracking);
	} else if (err.code != ERR_USAGE) {
		abort();
	} else if (strstr(err.text, "dapi-canary") != NULL && strstr(uri, "dapi-canary") == NULL) {
		abort(); /* a fuzzer finds the word, and writes it where a profile's name stands */
	}
}

static void read_profile(struct arena *arena, struct str text)
{
	struct profile profile;
	struct error err = {0};

	if (!profile_parse(arena, "cfg", text, STR("prod"), &profile, &err)) {
		if (err.code != ERR_USAGE || strncmp(err.text, "cfg:", 4) != 0)
			abort();
	} else if (!profile.is_found && (profile.host.len > 0 || secret_is_set(profile.token))) {
		abort();
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str rest = {(const char *)data, size}, line;
	struct arena arena;

	arena_init(&arena);
	str_cut(&rest, '\n', &line);
	const size_t len = line.len < sizeof(uri) - 1 ? line.len : sizeof(uri) - 1;
	if (len > 0)
		memcpy(uri, line.data, len);
	uri[len] = '\0';
	read_target(&arena);
	read_profile(&arena, rest);
	arena_done(&arena);
	return 0;
}

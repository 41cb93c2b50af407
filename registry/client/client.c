/* What the calls of one client share. */
#include "client/call.h"

#include <assert.h>
#include <errno.h>
#include <pwd.h>
#include <stdlib.h>
#include <unistd.h>

static bool is_same_trust(const struct target_site *a, const struct target_site *b)
{
	return a->is_insecure == b->is_insecure && str_eq(str_of(a->ca_file), str_of(b->ca_file));
}

/* A number of the environment that MLflow's client reads; 0 where there is none that makes sense. */
static unsigned env_number(const char *name, unsigned max)
{
	const char *text = getenv(name);
	char *end;

	if (text == NULL || *text < '0' || *text > '9')
		return 0;
	const unsigned long number = strtoul(text, &end, 10);
	return *end == '\0' ? (unsigned)(number < max ? number : max) : 0;
}

static unsigned first_of(unsigned a, unsigned b, unsigned c)
{
	return a != 0 ? a : b != 0 ? b : c;
}

/* Headers must not hold line ends, and nobody has to read them from there. */
static const char *one_line(struct arena *arena, const char *text)
{
	if (text == NULL)
		return NULL;
	char *line = arena_strdup(arena, text);
	for (char *at = line; *at != '\0'; at++)
		if ((unsigned char)*at < ' ' || *at == 0x7F)
			*at = ' ';
	return line;
}

static const char *local_user(void)
{
	const struct passwd *entry = getpwuid(getuid());

	return entry != NULL ? entry->pw_name : getenv("USER");
}

static void set_options(struct client *client, const struct client_options *from)
{
	struct client_options *to = &client->options;

	*to = *from;
	to->user = one_line(&client->arena, from->user != NULL ? from->user : local_user());
	to->reason = one_line(&client->arena, from->reason);
	to->retries_max = first_of(from->retries_max, env_number("MLFLOW_HTTP_REQUEST_MAX_RETRIES", 10), RETRIES_MAX);
	to->pause_ms =
		first_of(from->pause_ms, 1000 * env_number("MLFLOW_HTTP_REQUEST_BACKOFF_FACTOR", 120), PAUSE_FACTOR_MS);
	to->timeout_ms =
		first_of(from->timeout_ms, 1000 * env_number("MLFLOW_HTTP_REQUEST_TIMEOUT", 86400), TIMEOUT_MS);
	to->transfers_max = first_of(from->transfers_max, 0, TRANSFERS_MAX);
}

static bool open_site(struct client *client, struct site *site, const struct target_site *target, struct error *err)
{
	const struct fetcher_options options = {.ca_file = target->ca_file, .is_unverified = target->is_insecure};

	site->target = target;
	site->flavour = target->is_databricks ? FLAVOUR_OTHER : FLAVOUR_UNKNOWN;
	/* libcurl would say so once a call fails, and not which file. */
	if (target->ca_file != NULL && access(target->ca_file, R_OK) != 0)
		return error_set_errno(err, ERR_USAGE, errno, "file of trusted certificates '%s'", target->ca_file);
	for (struct site *known = client->sites; known < site && site->fetcher == NULL; known++)
		if (known->fetcher != NULL && is_same_trust(target, known->target))
			site->fetcher = known->fetcher;
	if (site->fetcher == NULL)
		site->fetcher = fetcher_new(client->loop, &options, err);
	if (site->fetcher == NULL)
		return false;
	login_init(client, site);
	return true;
}

/* Sites that are the same share connections and login. A caller's target may have no serving site. */
static void choose_sites(struct client *client, const struct target *target)
{
	client->registry = &client->sites[0];
	client->tracking = target->is_one_site ? client->registry : &client->sites[1];
	if (target->serving.url == NULL || target_is_same(&target->serving, &target->registry))
		client->serving = client->registry;
	else if (target_is_same(&target->serving, &target->tracking))
		client->serving = client->tracking;
	else
		client->serving = &client->sites[2];
}

static bool open_sites(struct client *client, const struct target *target, struct error *err)
{
	return open_site(client, client->registry, &target->registry, err) &&
	       (client->tracking == client->registry || open_site(client, client->tracking, &target->tracking, err)) &&
	       (client->serving == client->registry || client->serving == client->tracking ||
		       open_site(client, client->serving, &target->serving, err));
}

struct client *client_new(struct loop *loop, const struct client_options *options, struct error *err)
{
	struct client *client = calloc(1, sizeof(*client));
	const struct target *target = options->target;

	if (client == NULL)
		abort();
	client->loop = loop;
	choose_sites(client, target);
	set_options(client, options);
	if (open_sites(client, target, err))
		return client;
	client_free(client);
	return NULL;
}

void client_free(struct client *client)
{
	if (client == NULL)
		return;
	assert(client->active == 0);
	for (size_t i = 0; i < sizeof(client->sites) / sizeof(*client->sites); i++) {
		struct fetcher *fetcher = client->sites[i].fetcher;

		for (size_t j = 0; j < i && fetcher != NULL; j++)
			if (client->sites[j].fetcher == fetcher)
				fetcher = NULL;
		fetcher_free(fetcher);
	}
	arena_done(&client->arena);
	free(client);
}

bool client_is_unity(const struct client *client)
{
	return client->registry->target->kind == TARGET_UNITY;
}

struct str client_tag_find(const struct json *tree, struct str key)
{
	const struct json *list = json_get(tree, STR("tags"));

	for (size_t i = 0; json_type(list) == JSON_ARRAY && i < list->size; i++)
		if (str_eq(json_str(json_get(&list->items[i], STR("key"))), key))
			return json_str(json_get(&list->items[i], STR("value")));
	return STR("");
}

/* target_read → pick the URIs → read_site (http: user info, variables; databricks: profile or variables) */
#include "client/target.h"

#include "base/percent.h"
#include "client/profile.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

struct reader {
	struct arena *arena;
	const char *(*env)(const char *name);
};

static bool read_site(const struct reader *reader, const char *uri, struct target_site *ret, struct error *err);

static const char *env_of(const char *name)
{
	return getenv(name);
}

/* An empty variable counts as unset. */
static const char *env(const struct reader *reader, const char *name)
{
	const char *value = reader->env(name);

	return value != NULL && *value != '\0' ? value : NULL;
}

static bool is_true(const char *text)
{
	return text != NULL && (strcasecmp(text, "true") == 0 || strcmp(text, "1") == 0);
}

/* "databricks" of "databricks-uc://profile" where that is its scheme, and what follows it. */
static bool has_scheme(const char *uri, const char *scheme, const char **ret_rest)
{
	const size_t len = strlen(scheme);

	if (strncasecmp(uri, scheme, len) != 0)
		return false;
	if (uri[len] == '\0')
		*ret_rest = NULL;
	else if (strncmp(uri + len, "://", 3) == 0)
		*ret_rest = uri + len + 3;
	else
		return false;
	return true;
}

/* Runs, experiments, artifacts and serving endpoints of a Unity Catalog are its workspace's. */
static const char *workspace_of(struct arena *arena, const char *registry)
{
	const char *profile;

	if (!has_scheme(registry, "databricks-uc", &profile))
		return registry;
	return profile != NULL ? arena_printf(arena, "databricks://%s", profile) : "databricks";
}

bool target_is_same(const struct target_site *a, const struct target_site *b)
{
	return a->kind == b->kind && strcmp(a->url, b->url) == 0 && a->login == b->login && str_eq(a->user, b->user) &&
	       str_eq(secret_reveal(a->secret), secret_reveal(b->secret));
}

bool target_read(struct arena *arena, const struct target_source *source, struct target *ret, struct error *err)
{
	const struct reader reader = {arena, source->env != NULL ? source->env : env_of};
	const char *registry = source->uri, *tracking = env(&reader, "MLFLOW_TRACKING_URI");
	const char *serving;

	if (registry == NULL)
		registry = env(&reader, "MLFLOW_REGISTRY_URI");
	if (registry == NULL)
		registry = tracking;
	if (registry == NULL)
		registry = source->fallback;
	if (registry == NULL)
		return error_set(err, ERR_USAGE, "no registry is named: --registry URI or MLFLOW_REGISTRY_URI");
	if (source->uri != NULL || tracking == NULL)
		tracking = workspace_of(arena, registry);
	serving = workspace_of(arena, source->serving != NULL ? source->serving : registry);

	if (!read_site(&reader, registry, &ret->registry, err))
		return error_wrap(err, "registry");
	if (!read_site(&reader, tracking, &ret->tracking, err))
		return error_wrap(err, "tracking server");
	if (!read_site(&reader, serving, &ret->serving, err))
		return error_wrap(err, "serving");
	if (ret->tracking.kind == TARGET_UNITY)
		return error_set(
			err, ERR_USAGE, "tracking server: 'databricks-uc' is a registry; runs are in 'databricks'");
	ret->is_one_site = target_is_same(&ret->registry, &ret->tracking);
	return true;
}

static bool is_printable(const char *text)
{
	for (; *text != '\0'; text++)
		if ((unsigned char)*text <= ' ' || *text == 0x7F)
			return false;
	return true;
}

static struct secret decode_secret(struct arena *arena, const char *from, size_t len)
{
	char *plain = malloc(len + 1);

	if (plain == NULL)
		abort();
	const size_t decoded = percent_decode(plain, (struct str){from, len});
	const struct secret made = secret_new(arena, (struct str){plain, decoded});
	explicit_bzero(plain, len + 1);
	free(plain);
	return made;
}

/* "user:password@" in front of the host. A user alone is one without a password. */
static void take_user_info(struct arena *arena, const char *info, size_t len, struct target_site *ret)
{
	const char *colon = memchr(info, ':', len);
	const size_t user_len = colon != NULL ? (size_t)(colon - info) : len;
	char *user = arena_alloc(arena, user_len + 1);

	ret->login = LOGIN_BASIC;
	ret->user = (struct str){user, percent_decode(user, (struct str){info, user_len})};
	if (colon != NULL)
		ret->secret = decode_secret(arena, colon + 1, len - user_len - 1);
}

static const char *without_slash(struct arena *arena, const char *scheme, size_t scheme_len, const char *rest)
{
	size_t len = strlen(rest);

	while (len > 0 && rest[len - 1] == '/')
		len--;
	return arena_printf(arena, "%.*s%.*s", (int)scheme_len, scheme, (int)len, rest);
}

static void read_variables(const struct reader *reader, struct target_site *ret)
{
	const char *user = env(reader, "MLFLOW_TRACKING_USERNAME"), *password = env(reader, "MLFLOW_TRACKING_PASSWORD");
	const char *token = env(reader, "MLFLOW_TRACKING_TOKEN");

	if (ret->login != LOGIN_NONE)
		return;
	if (user != NULL && password != NULL) {
		ret->login = LOGIN_BASIC;
		ret->user = str_of(arena_strdup(reader->arena, user));
		ret->secret = secret_new(reader->arena, str_of(password));
	} else if (token != NULL) {
		ret->login = LOGIN_BEARER;
		ret->secret = secret_new(reader->arena, str_of(token));
	}
}

/* "localhost", "127.0.0.1", "[::1]", with or without a port. */
static bool is_loopback(const char *host)
{
	static const char *const NAMES[] = {"localhost", "127.0.0.1", "[::1]"};

	for (size_t i = 0; i < sizeof(NAMES) / sizeof(NAMES[0]); i++) {
		const size_t len = strlen(NAMES[i]);

		if (strncasecmp(host, NAMES[i], len) == 0 && strchr(":/", host[len]) != NULL)
			return true;
	}
	return false;
}

static bool read_http(const struct reader *reader, const char *uri, struct target_site *ret, struct error *err)
{
	const size_t scheme = (size_t)(strstr(uri, "://") + 3 - uri);
	const char *rest = uri + scheme;
	const size_t authority = strcspn(rest, "/?#");
	const char *at = memrchr(rest, '@', authority);
	const char *ca_file = env(reader, "MLFLOW_TRACKING_SERVER_CERT_PATH");

	ret->is_insecure = is_true(env(reader, "MLFLOW_TRACKING_INSECURE_TLS"));
	ret->ca_file = ca_file != NULL ? arena_strdup(reader->arena, ca_file) : NULL;
	if (at != NULL) {
		take_user_info(reader->arena, rest, (size_t)(at - rest), ret);
		rest = at + 1;
	}
	ret->uri = ret->url = without_slash(reader->arena, uri, scheme, rest);
	ret->is_local = is_loopback(rest);
	if (!is_printable(rest))
		return error_set(err, ERR_USAGE, "URI holds a blank or a control character");
	if (strcspn(rest, "/?#:") == 0)
		return error_set(err, ERR_USAGE, "URI names no host");
	if (strpbrk(rest, "?#") != NULL)
		return error_set(err, ERR_USAGE, "a registry's URI has no '?' and no '#'");
	if (ret->is_insecure && ret->ca_file != NULL)
		return error_set(err, ERR_USAGE,
			"MLFLOW_TRACKING_INSECURE_TLS and MLFLOW_TRACKING_SERVER_CERT_PATH exclude each other");
	read_variables(reader, ret);
	return true;
}

/* "adb-1.azuredatabricks.net/?o=1" and the like: what is behind the host does not belong to it. */
static bool take_host(
	struct arena *arena, struct str host, const char *from, struct target_site *ret, struct error *err)
{
	const char *text = arena_memdup(arena, host.data, host.len);
	const bool has_http = strncasecmp(text, "http://", 7) == 0 || strncasecmp(text, "https://", 8) == 0;
	const char *rest = has_http ? strstr(text, "://") + 3 : text;
	const size_t len = strcspn(rest, "/?#");

	ret->url = arena_printf(
		arena, "%.*s%.*s", has_http ? (int)(rest - text) : 8, has_http ? text : "https://", (int)len, rest);
	if (len == 0 || !is_printable(ret->url) || memchr(rest, '@', len) != NULL)
		return error_set(err, ERR_USAGE, "%s: its host is none", from);
	return true;
}

struct login {
	const char *from; /* for messages: "DATABRICKS_HOST", "profile 'x' of '/y'" */
	struct str host, client_id;
	struct secret token, client_secret;
};

static bool take_login(struct arena *arena, const struct login *login, struct target_site *ret, struct error *err)
{
	if (!take_host(arena, login->host, login->from, ret, err))
		return false;
	if (secret_is_set(login->token)) {
		ret->login = LOGIN_BEARER;
		ret->secret = login->token;
		return true;
	}
	if (login->client_id.len > 0 && secret_is_set(login->client_secret)) {
		ret->login = LOGIN_OAUTH;
		ret->user = login->client_id;
		ret->secret = login->client_secret;
		return true;
	}
	return error_set(
		err, ERR_USAGE, "%s has a host, but neither a token nor a client id and a client secret", login->from);
}

static const char *profile_path(const struct reader *reader)
{
	const char *path = env(reader, "DATABRICKS_CONFIG_FILE"), *home = env(reader, "HOME");

	if (path != NULL && strncmp(path, "~/", 2) != 0)
		return path;
	return arena_printf(
		reader->arena, "%s/%s", home != NULL ? home : "", path != NULL ? path + 2 : ".databrickscfg");
}

static bool read_profile(
	const struct reader *reader, const char *name, bool is_named, struct target_site *ret, struct error *err)
{
	const char *path = profile_path(reader);
	struct profile profile;

	if (!profile_read(reader->arena, path, str_of(name), &profile, err))
		return false;
	if (!profile.is_found && !is_named)
		return error_set(err, ERR_USAGE,
			"no login for Databricks: set DATABRICKS_HOST and DATABRICKS_TOKEN (or DATABRICKS_CLIENT_ID and "
			"DATABRICKS_CLIENT_SECRET), or write a profile '%s' to '%s'",
			name, path);
	if (!profile.is_found)
		return error_set(err, ERR_USAGE, "'%s' has no profile '%s'", path, name);
	const struct login login = {
		.from = arena_printf(reader->arena, "profile '%s' of '%s'", name, path),
		.host = profile.host,
		.client_id = profile.client_id,
		.token = profile.token,
		.client_secret = profile.client_secret,
	};
	return take_login(reader->arena, &login, ret, err);
}

static struct str env_text(const struct reader *reader, const char *name)
{
	const char *value = env(reader, name);

	return value != NULL ? str_of(arena_strdup(reader->arena, value)) : (struct str){0};
}

static struct secret env_secret(const struct reader *reader, const char *name)
{
	return secret_new(reader->arena, str_of(env(reader, name)));
}

static bool read_databricks(
	const struct reader *reader, const char *profile, struct target_site *ret, struct error *err)
{
	const char *named = env(reader, "DATABRICKS_CONFIG_PROFILE");
	const struct login login = {
		.from = "DATABRICKS_HOST",
		.host = env_text(reader, "DATABRICKS_HOST"),
		.client_id = env_text(reader, "DATABRICKS_CLIENT_ID"),
		.token = env_secret(reader, "DATABRICKS_TOKEN"),
		.client_secret = env_secret(reader, "DATABRICKS_CLIENT_SECRET"),
	};
	const bool is_whole = login.host.len > 0 && (secret_is_set(login.token) || secret_is_set(login.client_secret));

	ret->is_databricks = true;
	if (profile != NULL && strchr(profile, ':') != NULL)
		return error_set(err, ERR_USAGE, "secret scopes ('scope:prefix') are for notebooks: name a profile");
	if (profile != NULL && *profile != '\0')
		return read_profile(reader, profile, true, ret, err);
	if (is_whole || (login.host.len > 0 && named == NULL))
		return take_login(reader->arena, &login, ret, err);
	return read_profile(reader, named != NULL ? named : "DEFAULT", named != NULL, ret, err);
}

static bool read_site(const struct reader *reader, const char *uri, struct target_site *ret, struct error *err)
{
	const char *profile;

	*ret = (struct target_site){.kind = TARGET_MLFLOW, .uri = uri};
	if (strncasecmp(uri, "http://", 7) == 0 || strncasecmp(uri, "https://", 8) == 0)
		return read_http(reader, uri, ret, err);
	ret->uri = arena_strdup(reader->arena, uri);
	if (has_scheme(uri, "databricks-uc", &profile)) {
		ret->kind = TARGET_UNITY;
		return read_databricks(reader, profile, ret, err);
	}
	if (has_scheme(uri, "databricks", &profile))
		return read_databricks(reader, profile, ret, err);
	/* What was written may be a password in the wrong place. */
	return error_set(err, ERR_USAGE,
		"URI begins with none of http://, https://, databricks, databricks-uc; for example http://127.0.0.1:5000");
}

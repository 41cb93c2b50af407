#include "rest/rest_location.h"

#include "rest/rest_check.h"
#include "rest/rest_uri.h"

#include <errno.h>
#include <limits.h>
#include <unistd.h>

enum { LOCATION_MAX = 2048 };

bool rest_location_check_host(struct rest_call *call, struct str uri, const char *field, struct error *err)
{
	static const char *const SCHEMES[] = {
		"ftp", "sftp", "hdfs", "viewfs", "http", "https", "mlflow-artifacts", "r2", "b2", "abfss"};
	struct rest_uri parts;

	rest_uri_split(call->arena, uri, &parts);
	/* mlflow-artifacts:/path is this server. */
	if (str_is(parts.scheme, "mlflow-artifacts") && parts.authority.len == 0)
		return true;
	for (size_t i = 0; i < sizeof(SCHEMES) / sizeof(*SCHEMES); i++)
		if (str_is(parts.scheme, SCHEMES[i]))
			return error_set(err, ERR_INVALID_PARAMETER,
				"'%s' cannot use the '%s' scheme: the '%s' scheme addresses a host other than the tracking "
				"server's configured artifact storage, so the server would connect to the host named in the URI. "
				"Set the MLFLOW_ALLOWED_HOST_ADDRESSED_ARTIFACT_SCHEMES environment variable on the server to "
				"allow it.",
				field, SCHEMES[i], SCHEMES[i]);
	return true;
}

/* However often it was escaped. */
static bool check_query(struct rest_call *call, struct str query, struct error *err)
{
	query = rest_uri_unescape(call->arena, query, false);
	for (size_t i = 0; i + 1 < query.len; i++)
		if (query.data[i] == '.' && query.data[i + 1] == '.')
			return error_set(err, ERR_INVALID_PARAMETER, "Invalid query string");
	return true;
}

/* ";x" behind the last '/'; urllib knows params of paths, and of schemes that are refused anyway. */
static bool has_params(const struct rest_uri *uri)
{
	struct str rest = uri->path, part = {NULL, 0}, name;

	while (rest_uri_next_part(&rest, &part))
		continue;
	return uri->scheme.len == 0 && str_cut(&part, ';', &name) && part.len > 0;
}

static bool check_length(struct str location, struct error *err)
{
	const struct str clipped = rest_truncated(location, LOCATION_MAX);

	return clipped.len == location.len ||
	       error_set(err, ERR_INVALID_PARAMETER,
		       "Invalid artifact path length. The length of the artifact path cannot be greater than %d characters. To "
		       "configure this limit, please set the MLFLOW_ARTIFACT_LOCATION_MAX_LENGTH environment variable.",
		       LOCATION_MAX);
}

static bool check(struct rest_call *call, struct str location, struct error *err)
{
	struct rest_uri uri;
	struct str query, fragment, head;

	rest_uri_split(call->arena, location, &uri);
	fragment = uri.tail;
	if ((str_cut(&fragment, '#', &query) && fragment.len > 0) || has_params(&uri))
		return error_set(err, ERR_INVALID_PARAMETER, "'artifact_location' URL can't include fragments or params.");
	str_cut(&query, '?', &head);
	if (!check_query(call, query, err) || !rest_location_check_host(call, location, "artifact_location", err))
		return false;
	if (str_starts(location, STR("runs:")))
		return error_set(err, ERR_INVALID_PARAMETER, "Artifact location cannot be a runs:/ URI. Given: '%.*s'",
			STR_ARGS(location));
	return check_length(location, err);
}

/* As pathlib joins: without "." and empty parts. */
static bool make_absolute(struct rest_call *call, struct str path, struct str *ret, struct error *err)
{
	char cwd[PATH_MAX];
	struct buf out = {0};
	struct str part;
	bool is_more = true;

	if (getcwd(cwd, sizeof(cwd)) == NULL)
		return error_set_errno(err, ERR_INTERNAL, errno, "find the working directory");
	buf_add_text(&out, strcmp(cwd, "/") == 0 ? "" : cwd);
	while (is_more) {
		is_more = str_cut(&path, '/', &part);
		if (part.len == 0 || str_is(part, "."))
			continue;
		buf_add_char(&out, '/');
		buf_add_str(&out, part);
	}
	*ret = (struct str){arena_memdup(call->arena, out.data, out.len), out.len};
	buf_done(&out);
	return true;
}

bool rest_location_read(struct rest_call *call, struct str sent, struct str *ret, struct error *err)
{
	*ret = STR("");
	if (sent.len == 0)
		return true;
	if (!check(call, sent, err))
		return false;
	*ret = sent;
	struct rest_uri uri;
	rest_uri_split(call->arena, sent, &uri);
	if (uri.scheme.len > 0 || sent.data[0] == '/')
		return true;
	return make_absolute(call, sent, ret, err) && check_length(*ret, err);
}

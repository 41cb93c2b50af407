#include "rest/rest_location.h"

#include "rest/rest_check.h"
#include "rest/rest_decode.h"

#include <errno.h>
#include <limits.h>
#include <unistd.h>

enum { LOCATION_MAX = 2048, DECODINGS_MAX = 10 };

struct str rest_location_scheme(struct str uri)
{
	struct str scheme;

	if (!str_cut(&uri, ':', &scheme) || scheme.len == 0)
		return (struct str){"", 0};
	for (size_t i = 0; i < scheme.len; i++) {
		const char c = (char)(scheme.data[i] | 0x20);
		const bool is_letter = c >= 'a' && c <= 'z';

		if (!is_letter && (i == 0 || scheme.data[i] == '\0' || strchr("0123456789+-.", scheme.data[i]) == NULL))
			return (struct str){"", 0};
	}
	return scheme;
}

bool rest_location_check_host(struct str uri, const char *field, struct error *err)
{
	static const char *const SCHEMES[] = {
		"ftp", "sftp", "hdfs", "viewfs", "http", "https", "mlflow-artifacts", "r2", "b2", "abfss"};
	const struct str scheme = rest_location_scheme(uri);

	for (size_t i = 0; i < sizeof(SCHEMES) / sizeof(*SCHEMES); i++) {
		const struct str rest = {uri.data + scheme.len + 1, uri.len - scheme.len - (scheme.len > 0)};
		const bool has_host = str_starts(rest, STR("//")) && rest.len > 2 && rest.data[2] != '/';

		if (!str_eq_nocase(scheme, str_of(SCHEMES[i])) || (strcmp(SCHEMES[i], "mlflow-artifacts") == 0 && !has_host))
			continue;
		return error_set(err, ERR_INVALID_PARAMETER,
			"'%s' cannot use the '%s' scheme: the '%s' scheme addresses a host other than the tracking server's "
			"configured artifact storage, so the server would connect to the host named in the URI. Set the "
			"MLFLOW_ALLOWED_HOST_ADDRESSED_ARTIFACT_SCHEMES environment variable on the server to allow it.",
			field, SCHEMES[i], SCHEMES[i]);
	}
	return true;
}

static bool has_dots(struct str text)
{
	for (size_t i = 0; i + 1 < text.len; i++)
		if (text.data[i] == '.' && text.data[i + 1] == '.')
			return true;
	return false;
}

/* However often it was escaped. */
static bool check_query(struct rest_call *call, struct str query, struct error *err)
{
	bool is_fine = !has_dots(query);

	for (int i = 0; is_fine && i < DECODINGS_MAX; i++) {
		struct str decoded;

		if (!rest_unescape(call->arena, query, false, &decoded) || str_eq(decoded, query))
			break;
		query = decoded;
		is_fine = !has_dots(query);
	}
	return is_fine || error_set(err, ERR_INVALID_PARAMETER, "Invalid query string");
}

/* "#x" and, in a path, ";x" behind the last '/'. */
static bool has_fragment_or_params(struct str uri)
{
	struct str fragment = uri, rest;
	const bool has_fragment = str_cut(&fragment, '#', &uri) && fragment.len > 0;
	struct str params = uri;

	str_cut(&uri, '?', &rest);
	for (size_t i = 0; i < rest.len; i++)
		if (rest.data[i] == '/')
			params = (struct str){rest.data + i + 1, rest.len - i - 1};
	struct str name;
	return has_fragment || (rest_location_scheme(rest).len == 0 && str_cut(&params, ';', &name) && params.len > 0);
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
	struct str query = location, path;

	if (has_fragment_or_params(location))
		return error_set(err, ERR_INVALID_PARAMETER, "'artifact_location' URL can't include fragments or params.");
	str_cut(&query, '?', &path);
	if (!check_query(call, query, err) || !rest_location_check_host(location, "artifact_location", err))
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
	*ret = (struct str){NULL, 0};
	if (sent.len == 0)
		return true;
	if (!check(call, sent, err))
		return false;
	*ret = sent;
	if (rest_location_scheme(sent).len > 0 || sent.data[0] == '/')
		return true;
	return make_absolute(call, sent, ret, err) && check_length(*ret, err);
}

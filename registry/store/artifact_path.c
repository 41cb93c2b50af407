/*
 * Paths of artifacts: what clients send, made the one spelling of the table.
 *
 * Refuses before it makes anything simpler, and decodes first, so that nothing gets through in a disguise that a later
 * reader takes off. Sources: MLflow 3.17.2 utils/uri.py validate_path_is_safe, store/artifact/local_artifact_repo.py.
 */
#include "store/artifacts.h"

#include "base/percent.h"

enum { DECODES_MAX = 10 };

static bool invalid(struct error *err)
{
	return error_set(err, ERR_INVALID_PARAMETER, "Invalid path");
}

static bool decode_all(struct arena *arena, struct str *text, struct error *err)
{
	for (int i = 0; i < DECODES_MAX; i++) {
		char *to = arena_alloc(arena, text->len + 1);
		const struct str decoded = {to, percent_decode(to, *text)};

		if (decoded.len == text->len)
			return true;
		*text = decoded;
	}
	return invalid(err);
}

/* Control characters become literal escapes: nothing decodes them again. */
static struct str escape_controls(struct arena *arena, struct str text)
{
	char *to = arena_alloc(arena, 3 * text.len + 1);
	size_t len = 0;

	for (size_t i = 0; i < text.len; i++) {
		const unsigned char c = (unsigned char)text.data[i];

		if (c >= 0x20 && c != 0x7F) {
			to[len++] = text.data[i];
			continue;
		}
		to[len++] = '%';
		to[len++] = "0123456789abcdef"[c >> 4];
		to[len++] = "0123456789abcdef"[c & 15];
	}
	return (struct str){to, len};
}

static bool is_slash(char c)
{
	return c == '/' || c == '\\';
}

/* As POSIX and Windows see it, and file: URIs. */
static bool is_absolute(struct str path)
{
	const char *at = path.data;

	if (path.len > 0 && at[0] == '/')
		return true;
	if (path.len > 1 && is_slash(at[0]) && is_slash(at[1]))
		return true;
	if (path.len > 2 && at[1] == ':' && is_slash(at[2]))
		return true;
	return path.len >= 5 && str_eq_nocase((struct str){at, 5}, STR("file:"));
}

static bool has_dots(struct str path)
{
	struct str part;
	bool is_more = true;

	while (is_more) {
		is_more = str_cut(&path, '/', &part);
		if (str_is(part, ".."))
			return true;
	}
	return false;
}

bool artifact_path_check(struct arena *arena, struct str text, struct str *ret, struct error *err)
{
	if (!decode_all(arena, &text, err))
		return false;
	text = escape_controls(arena, text);
	if (text.len > 0 && memchr(text.data, '#', text.len) != NULL)
		return invalid(err);
	if (is_absolute(text) || has_dots(text) || !str_is_utf8(text))
		return invalid(err);
	*ret = text;
	return true;
}

bool artifact_path_normalise(struct arena *arena, struct str path, struct str *ret, struct error *err)
{
	char *to = arena_alloc(arena, path.len + 1);
	size_t len = 0;
	struct str part;
	bool is_more = true;

	while (is_more) {
		is_more = str_cut(&path, '/', &part);
		if (part.len == 0 || str_is(part, "."))
			continue;
		if (part.len > ARTIFACT_NAME_MAX)
			return error_set(err, ERR_INVALID_PARAMETER,
				"Invalid path: a part of it has %zu bytes, at most %d can be a file's name", part.len,
				ARTIFACT_NAME_MAX);
		if (len > 0)
			to[len++] = '/';
		memcpy(to + len, part.data, part.len);
		len += part.len;
	}
	if (len > ARTIFACT_PATH_MAX)
		return error_set(err, ERR_INVALID_PARAMETER, "Invalid path: %zu bytes, at most %d are taken", len,
			ARTIFACT_PATH_MAX);
	/* "./c:/x" is harmless as it stands, but not without the ".". */
	if (is_absolute((struct str){to, len}))
		return invalid(err);
	*ret = (struct str){to, len};
	return true;
}

bool artifact_path_read(struct arena *arena, struct str text, struct str *ret, struct error *err)
{
	struct str path = {NULL, 0};

	return artifact_path_check(arena, text, &path, err) && artifact_path_normalise(arena, path, ret, err);
}

/* Behind "scheme:" and, where there is one, "//host". */
static struct str path_of(struct str rest)
{
	if (!str_starts(rest, STR("//")))
		return rest;
	rest = (struct str){rest.data + 2, rest.len - 2};
	const char *slash = rest.len > 0 ? memchr(rest.data, '/', rest.len) : NULL;
	if (slash == NULL)
		return STR("");
	return (struct str){slash, rest.len - (size_t)(slash - rest.data)};
}

/* A registry's own URL is a name of its artifacts, too. */
static bool cut_route(struct str *path)
{
	static const struct str ROUTE = STR("/api/2.0/mlflow-artifacts/artifacts");
	const char *at = path->len > 0 ? memmem(path->data, path->len, ROUTE.data, ROUTE.len) : NULL;

	if (at == NULL)
		return false;
	at += ROUTE.len;
	*path = (struct str){at, path->len - (size_t)(at - path->data)};
	return path->len == 0 || path->data[0] == '/';
}

bool artifact_path_of_uri(struct arena *arena, struct str uri, struct str below, struct str *ret, struct error *err)
{
	struct str scheme, rest = uri, root = {NULL, 0};

	bool is_ours = str_cut(&rest, ':', &scheme);
	struct str path = path_of(rest);
	if (str_eq_nocase(scheme, STR("http")) || str_eq_nocase(scheme, STR("https")))
		is_ours = is_ours && cut_route(&path);
	else
		is_ours = is_ours && str_eq_nocase(scheme, STR("mlflow-artifacts"));
	if (!is_ours)
		return error_set(err, ERR_INVALID_PARAMETER, "the artifacts of '%.*s' are not kept in this registry",
			STR_ARGS(uri));
	while (path.len > 0 && path.data[0] == '/')
		path = (struct str){path.data + 1, path.len - 1};
	if (!artifact_path_read(arena, path, &root, err))
		return false;
	const char *joined = arena_printf(arena, "%.*s/%.*s", STR_ARGS(root), STR_ARGS(below));
	return artifact_path_normalise(arena, str_of(joined), ret, err);
}

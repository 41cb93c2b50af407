/* words → version; where there is none: the model's versions and aliases → the models' names */
#include "cli/named.h"

#include "client/search.h"

#include <unistd.h>

static const struct str MODELS = {"models:/", 8};

static bool fail_model(struct remote *remote, struct str name, struct error *err)
{
	struct arena *arena = remote->arena;
	const struct client_search all = {.max = 10000};
	struct client_models models;

	if (!remote_wait(remote, client_models_search(remote->client, arena, &all, &models), err))
		return false;
	const char **names = arena_array(arena, models.count + 1, sizeof(*names));
	for (size_t i = 0; i < models.count; i++)
		names[i] = arena_memdup(arena, models.items[i].name.data, models.items[i].name.len);
	names[models.count] = NULL;
	const char *nearest = decode_nearest(name, names);
	return error_set(err, ERR_NOT_FOUND, "no model '%.*s' at %s%s%s%s", STR_ARGS(name), remote->target.registry.uri,
		nearest != NULL ? ", did you mean '" : " (sluice search lists those there are)",
		nearest != NULL ? nearest : "", nearest != NULL ? "'?" : "");
}

static void write_aliases(struct buf *out, const struct client_aliases *aliases)
{
	buf_add_text(out, aliases->count > 0 ? "; it has " : "; it has none");
	for (size_t i = 0; i < aliases->count; i++)
		buf_printf(out, "%s%.*s (%.*s)", i > 0 ? ", " : "", STR_ARGS(aliases->items[i].alias),
			STR_ARGS(aliases->items[i].version));
}

static bool fail_alias(struct remote *remote, struct str name, struct str alias, struct error *err)
{
	struct client_aliases aliases;
	struct buf known = {0};

	if (!remote_wait(remote, client_aliases_list(remote->client, remote->arena, name, &aliases), err))
		return err->code == ERR_NOT_FOUND ? fail_model(remote, name, err) : false;
	write_aliases(&known, &aliases);
	error_set(err, ERR_NOT_FOUND, "model '%.*s' has no alias '%.*s'%s", STR_ARGS(name), STR_ARGS(alias),
		buf_text(&known));
	buf_done(&known);
	return false;
}

static bool fail_version(struct remote *remote, struct str name, struct str version, struct error *err)
{
	struct client_versions versions;

	if (!remote_wait(remote, client_versions_of(remote->client, remote->arena, name, 1, &versions), err))
		return err->code == ERR_NOT_FOUND ? fail_model(remote, name, err) : false;
	if (versions.count == 0)
		return error_set(err, ERR_NOT_FOUND, "model '%.*s' has no versions yet", STR_ARGS(name));
	return error_set(err, ERR_NOT_FOUND, "model '%.*s' has no version %.*s; the latest is %.*s", STR_ARGS(name),
		STR_ARGS(version), STR_ARGS(versions.items[0].version));
}

/* At the last '@' or '/': neither is in names of aliases and versions. */
static char split(struct str what, struct str *ret_name, struct str *ret_mark)
{
	for (size_t at = what.len; at > 0; at--) {
		if (what.data[at - 1] != '@' && what.data[at - 1] != '/')
			continue;
		*ret_name = (struct str){what.data, at - 1};
		*ret_mark = (struct str){what.data + at, what.len - at};
		return what.data[at - 1];
	}
	*ret_name = what;
	*ret_mark = STR("");
	return '\0';
}

bool named_find(struct remote *remote, const char *what, struct named *ret, struct error *err)
{
	struct str text = str_of(what), name, mark;
	struct error why;

	if (str_starts(text, MODELS))
		text = (struct str){text.data + MODELS.len, text.len - MODELS.len};
	const char kind = split(text, &name, &mark);
	if (name.len == 0 || mark.len == 0 || (kind == '/' && !str_is_digits(mark) && !str_is(mark, "latest")))
		return error_set(err, ERR_USAGE, "'%s': expected MODEL/VERSION, MODEL@ALIAS or MODEL/latest%s", what,
			access(what, F_OK) == 0 ? "; a bundle is registered first: sluice register DIR --name MODEL" : "");
	ret->alias = kind == '@' && !str_is(mark, "latest") ? mark : STR("");
	if (remote_wait(remote, client_version_find(remote->client, remote->arena, text, &ret->version), &why))
		return true;
	*err = why;
	if (why.code != ERR_NOT_FOUND)
		return false;
	return kind == '@' ? fail_alias(remote, name, mark, err) : fail_version(remote, name, mark, err);
}

#include "rest/rest_models_uri.h"

#include "rest/rest_model_check.h"
#include "rest/rest_uri.h"

static bool parse_suffixed(struct str name, struct str suffix, struct rest_models_uri *ret)
{
	if (str_trim_space(suffix).len == 0 || str_count(suffix, '/') > 0)
		return false;
	ret->name = name;
	if (str_is_digits(suffix))
		ret->version = suffix;
	else if (!str_eq_nocase(suffix, STR("latest")))
		ret->stage = suffix;
	return true;
}

bool rest_models_uri_parse(struct arena *arena, struct str text, struct rest_models_uri *ret)
{
	struct rest_uri uri;
	struct str rest, first, alias;

	*ret = (struct rest_models_uri){0};
	if (!rest_uri_split(arena, text, &uri) || !str_starts(uri.path, STR("/")))
		return false;
	/* A # is a character like others here. */
	str_cut(&uri.tail, '?', &rest);
	while (str_starts(rest, STR("/")))
		rest = (struct str){rest.data + 1, rest.len - 1};
	const bool has_suffix = str_cut(&rest, '/', &first);
	if (str_trim_space(first).len == 0)
		return false;
	if (has_suffix)
		return parse_suffixed(first, rest, ret);
	if (str_count(first, '@') == 0) {
		ret->model_id = first;
		return true;
	}
	/* The last @: a name may have one, an alias not. */
	size_t at = first.len;
	while (first.data[at - 1] != '@')
		at--;
	alias = (struct str){first.data + at, first.len - at};
	ret->name = (struct str){first.data, at - 1};
	ret->alias = alias;
	return str_trim_space(alias).len > 0;
}

/* The newest version of a model, or of a stage of it. */
static bool find_newest(
	struct rest_call *call, const struct rest_models_uri *uri, int64_t *ret_version, struct error *err)
{
	int stage = 0;

	if (uri->stage.data != NULL && !rest_check_stage(uri->stage, &stage, err))
		return false;
	const struct str wanted = uri->stage.data != NULL ? str_of(rest_stages[stage]) : (struct str){NULL, 0};
	const int found = db_find(call->db, err, ret_version,
		"SELECT version FROM model_versions WHERE name = ?1 AND current_stage <> 'Deleted_Internal'"
		" AND (?2 IS NULL OR current_stage = ?2) ORDER BY version DESC LIMIT 1",
		"ss", uri->name, wanted);
	if (found != 0)
		return found > 0;
	if (wanted.data == NULL)
		return error_set(
			err, ERR_NOT_FOUND, "No versions of model with name '%.*s' found", STR_ARGS(uri->name));
	return error_set(err, ERR_NOT_FOUND, "No versions of model with name '%.*s' and stage '%.*s' found",
		STR_ARGS(uri->name), STR_ARGS(uri->stage));
}

bool rest_models_uri_version(
	struct rest_call *call, const struct rest_models_uri *uri, int64_t *ret_version, struct error *err)
{
	if (uri->version.data != NULL)
		return rest_check_version(uri->version, ret_version, err);
	if (uri->alias.data == NULL)
		return find_newest(call, uri, ret_version, err);
	if (!rest_check_alias(uri->alias, err))
		return false;
	if (str_eq_nocase(uri->alias, STR("latest")))
		return find_newest(call, uri, ret_version, err);
	const int found = db_find(call->db, err, ret_version,
		"SELECT version FROM registered_model_aliases WHERE name = ? AND alias = ?", "ss", uri->name,
		uri->alias);
	return found > 0 || (found == 0 && error_set(err, ERR_INVALID_PARAMETER,
						   "Registered model alias %.*s not found.", STR_ARGS(uri->alias)));
}

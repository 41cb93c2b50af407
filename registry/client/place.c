/* Where files are: from what servers call it to the calls for a file and for a folder. */
#include "client/place.h"

struct str path_join(struct arena *arena, struct str a, struct str b)
{
	if (a.len == 0 || b.len == 0)
		return a.len == 0 ? b : a;
	return text_format(arena, "%.*s/%.*s", STR_ARGS(a), STR_ARGS(b));
}

static struct str without_slashes(struct str text)
{
	while (text.len > 0 && text.data[0] == '/')
		text = (struct str){text.data + 1, text.len - 1};
	while (text.len > 0 && text.data[text.len - 1] == '/')
		text.len--;
	return text;
}

static bool cut_prefix(struct str text, struct str prefix, struct str *ret_rest)
{
	if (!str_starts(text, prefix))
		return false;
	*ret_rest = (struct str){text.data + prefix.len, text.len - prefix.len};
	return true;
}

static bool read_unity(struct arena *arena, struct str rest, struct place *ret, struct error *err)
{
	struct str parts[4], left = without_slashes(rest);

	for (size_t i = 0; i < 4; i++)
		if (str_cut(&left, '/', &parts[i]) != (i < 3) || parts[i].len == 0)
			return error_set(err, ERR_INVALID_PARAMETER,
				"'unity:%.*s' is not unity:/catalog/schema/model/version", STR_ARGS(rest));
	ret->kind = PLACE_UNITY;
	ret->root = text_format(arena, "Models/%.*s", STR_ARGS(without_slashes(rest)));
	ret->model = text_format(arena, "%.*s.%.*s.%.*s", STR_ARGS(parts[0]), STR_ARGS(parts[1]), STR_ARGS(parts[2]));
	ret->version = parts[3];
	return true;
}

/* "6/R/artifacts/sub" and "6/logged_models/m-X/artifacts/sub", as a workspace names them. */
static bool read_workspace(struct str rest, struct place *ret)
{
	struct str experiment, folder;

	if (!str_cut(&rest, '/', &experiment) || !str_cut(&rest, '/', &ret->id))
		return false;
	ret->kind = PLACE_RUN;
	if (str_is(ret->id, "logged_models")) {
		ret->kind = PLACE_LOGGED_MODEL;
		str_cut(&rest, '/', &ret->id);
	}
	str_cut(&rest, '/', &folder);
	ret->root = rest;
	return experiment.len > 0 && ret->id.len > 0 && str_is(folder, "artifacts");
}

bool place_read(struct client *client, struct arena *arena, struct str uri, struct place *ret, struct error *err)
{
	struct str rest;

	*ret = (struct place){.kind = PLACE_PROXY};
	if (cut_prefix(uri, STR("unity:"), &rest))
		return read_unity(arena, rest, ret, err);
	if (cut_prefix(uri, STR("mlflow-artifacts:"), &rest) && !str_starts(rest, STR("//"))) {
		ret->root = without_slashes(rest);
		return true;
	}
	if (cut_prefix(uri, STR("dbfs:/databricks/mlflow-tracking/"), &rest) &&
		client->tracking->target->is_databricks && read_workspace(without_slashes(rest), ret))
		return true;
	if (str_starts(uri, STR("mlflow-artifacts:")))
		return error_set(err, ERR_NOT_IMPLEMENTED, "artifacts at '%.*s' are another server's", STR_ARGS(uri));
	if (client->tracking->target->is_databricks)
		return error_set(err, ERR_NOT_IMPLEMENTED,
			"artifacts at '%.*s' are in a store that this client does not know: register the bundle itself in Unity "
			"Catalog, which keeps its files",
			STR_ARGS(uri));
	return error_set(err, ERR_NOT_IMPLEMENTED,
		"artifacts at '%.*s' are in a store that only its own tools reach: let the MLflow server serve them "
		"(mlflow server --serve-artifacts)",
		STR_ARGS(uri));
}

bool place_of_unity(struct arena *arena, struct str model, struct str version, struct str *ret, struct error *err)
{
	struct str parts[3], left = model;

	for (size_t i = 0; i < 3; i++)
		if (str_cut(&left, '.', &parts[i]) != (i < 2) || parts[i].len == 0)
			return error_set(err, ERR_INVALID_PARAMETER,
				"model '%.*s' of Unity Catalog is not catalog.schema.model", STR_ARGS(model));
	*ret = text_format(arena, "unity:/%.*s/%.*s/%.*s/%.*s", STR_ARGS(parts[0]), STR_ARGS(parts[1]),
		STR_ARGS(parts[2]), STR_ARGS(version));
	return true;
}

static const char *file_path(struct arena *arena, const struct place *place, struct str path)
{
	struct buf out = {0};

	buf_add_text(&out, place->kind == PLACE_PROXY ? "/api/2.0/mlflow-artifacts/artifacts/" : "/api/2.0/fs/files/");
	url_encode(&out, path_join(arena, place->root, path), true);
	const char *text = arena_memdup(arena, out.data, out.len);
	buf_done(&out);
	return text;
}

void place_put(struct arena *arena, const struct place *place, struct str path, struct client_call *ret)
{
	*ret = (struct client_call){
		.method = "PUT",
		.path = file_path(arena, place, path),
		.effect = CALL_CHANGES,
		.is_tracking = place_is_tracking(place),
	};
	if (place->kind == PLACE_UNITY)
		args_text(arena, &ret->query, "overwrite", STR("true"));
}

void place_get(struct arena *arena, const struct place *place, struct str path, struct client_call *ret)
{
	*ret = (struct client_call){
		.method = "GET",
		.path = file_path(arena, place, path),
		.effect = CALL_READS,
		.is_tracking = place_is_tracking(place),
	};
}

static const char *list_path(struct arena *arena, const struct place *place, struct str whole)
{
	struct buf out = {0};

	if (place->kind == PLACE_PROXY)
		return "/api/2.0/mlflow-artifacts/artifacts";
	if (place->kind == PLACE_RUN)
		return "/api/2.0/mlflow/artifacts/list";
	if (place->kind == PLACE_LOGGED_MODEL)
		return arena_printf(
			arena, "/api/2.0/mlflow/logged-models/%.*s/artifacts/directories", STR_ARGS(place->id));
	buf_add_text(&out, "/api/2.0/fs/directories/");
	url_encode(&out, whole, true);
	const char *path = arena_memdup(arena, out.data, out.len);
	buf_done(&out);
	return path;
}

void place_list(
	struct arena *arena, const struct place *place, struct str path, struct str page, struct client_call *ret)
{
	const struct str whole = path_join(arena, place->root, path);

	*ret = (struct client_call){
		.method = "GET",
		.path = list_path(arena, place, whole),
		.effect = CALL_READS,
		.is_tracking = place_is_tracking(place),
	};
	if (place->kind == PLACE_RUN)
		args_text(arena, &ret->query, "run_id", place->id);
	if (place->kind == PLACE_LOGGED_MODEL)
		args_text(arena, &ret->query, "artifact_directory_path", whole);
	else if (place->kind != PLACE_UNITY)
		args_text(arena, &ret->query, "path", whole);
	args_text(arena, &ret->query, "page_token", page);
}

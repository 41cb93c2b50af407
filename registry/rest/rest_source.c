/*
 * check: placeholder of a prompt | host → models:/name/… resolved → no tricks in the path → belongs to the run or model
 * locate: models:/… → where those artifacts are
 */
#include "rest/rest_source.h"

#include "rest/rest_location.h"
#include "rest/rest_model_check.h"
#include "rest/rest_model_view.h"
#include "rest/rest_models_uri.h"
#include "rest/rest_uri.h"

static const char NOT_ABSOLUTE[] =
	"If supplying a source as an http, https, local file path, ftp, objectstore, or mlflow-artifacts uri, an absolute path "
	"must be provided without relative path references present. Please provide an absolute path.";

static bool fail(struct str source, const char *why, struct error *err)
{
	return error_set(err, ERR_INVALID_PARAMETER, "Invalid model version source: '%.*s'. %s", STR_ARGS(source), why);
}

static bool fail_not_in(struct str source, const char *id_name, struct error *err)
{
	return error_set(err, ERR_INVALID_PARAMETER,
		"Invalid model version source: '%.*s'. The %s request parameter must identify the resource that contains the "
		"source.",
		STR_ARGS(source), id_name);
}

static bool check_no_tricks(struct rest_call *call, struct str source, struct error *err)
{
	struct str unescaped = rest_uri_unescape(call->arena, source, true), rest = unescaped, part;
	struct rest_uri uri;
	const bool is_absolute = rest_uri_split(call->arena, unescaped, &uri) && str_starts(uri.path, STR("/"));
	bool is_fine = is_absolute && str_count(uri.path, '\0') == 0, is_named = false;

	while (rest_uri_next_part(&rest, &part))
		is_fine = is_fine && !str_is(part, "..");
	for (rest = uri.path; is_fine && rest_uri_next_part(&rest, &part); is_named = true)
		is_fine = !str_is(part, ".");
	return (is_fine && is_named) || fail(source, NOT_ABSOLUTE, err);
}

/* 1: a path or a file: of this machine. 0: another scheme. -1: a file of another machine. */
static int is_local(struct rest_call *call, const struct rest_uri *uri, struct str source, struct error *err)
{
	if (str_is(source, "databricks"))
		return 0;
	if (uri->scheme.len == 0)
		return 1;
	if (!str_is(uri->scheme, "file"))
		return 0;
	const struct str host = rest_uri_host(call->arena, uri);
	if (host.len == 0 || str_is(host, ".") || str_starts(host, STR("localhost")) ||
		str_starts(host, STR("127.0.0.1")))
		return 1;
	error_set(err, ERR_INVALID_PARAMETER,
		"%.*s is not a valid remote uri. For remote access on windows, please consider using a different scheme such as "
		"SMB (e.g. smb://<hostname>/<path>).",
		STR_ARGS(source));
	return -1;
}

/* What contains a source: a run or a logged model. */
struct owner {
	const char *id_name;
	struct str id;
	const char *sql; /* its artifact_uri */
};

static struct owner run_of(struct str run_id)
{
	return (struct owner){"run_id", run_id, "SELECT artifact_uri FROM runs WHERE run_id = ?"};
}

static struct owner model_of(struct str model_id)
{
	return (struct owner){"model_id", model_id,
		"SELECT artifact_uri FROM logged_models WHERE model_id = ? AND lifecycle_stage <> 'deleted'"};
}

static bool find_root(struct rest_call *call, const struct owner *owner, struct str source, struct str *ret_text,
	struct rest_uri *ret, struct error *err)
{
	const int found = db_find_text(call->db, err, call->arena, ret_text, owner->sql, "s", owner->id);

	if (found < 0)
		return false;
	return (found > 0 && rest_uri_split(call->arena, *ret_text, ret)) || fail_not_in(source, owner->id_name, err);
}

/* The path that a local URI names. */
static struct str local_path(struct rest_call *call, const struct rest_uri *uri)
{
	return rest_uri_normal_path(call->arena, rest_uri_unescape(call->arena, uri->path, false));
}

/* By their names: the server does not look at files that clients name. */
static bool check_local(struct rest_call *call, const struct owner *owner, struct str source,
	const struct rest_uri *uri, struct error *err)
{
	struct rest_uri root;
	struct str root_text;

	if (owner->id.len > 0) {
		if (!find_root(call, owner, source, &root_text, &root, err))
			return false;
		const struct str path = local_path(call, uri), root_path = local_path(call, &root);
		const bool is_local_root = root.scheme.len == 0 || str_is(root.scheme, "file");
		if (is_local_root && root_path.data != NULL && str_starts(path, root_path) &&
			(path.len == root_path.len || path.data[root_path.len] == '/'))
			return true;
		/* MLflow shows the path it compared. */
		if (path.data != NULL)
			source = path;
	}
	return error_set(err, ERR_INVALID_PARAMETER,
		"Invalid model version source: '%.*s'. To use a local path as a model version source, the %s request parameter "
		"has to be specified and the local path has to be contained within the artifact directory of the run specified "
		"by the %s.",
		STR_ARGS(source), owner->id_name, owner->id_name);
}

/* runs:/ belongs to the run of its path, models:/m- to that logged model. */
static bool check_named(struct rest_call *call, const struct owner *owner, struct str source,
	const struct rest_uri *uri, struct error *err)
{
	const bool is_run = strcmp(owner->id_name, "run_id") == 0;
	struct rest_models_uri models;
	struct str path = uri->path, run_id = {0};

	if (str_is(uri->scheme, "runs")) {
		if (!is_run || uri->authority.len > 0 || !rest_uri_next_part(&path, &run_id))
			return fail_not_in(source, owner->id_name, err);
		return str_eq(run_id, owner->id) || fail_not_in(source, "run_id", err);
	}
	if (uri->authority.len > 0 || !rest_models_uri_parse(call->arena, source, &models))
		return fail_not_in(source, "model_id", err);
	if (models.model_id.data == NULL)
		return true;
	return (!is_run && str_eq(models.model_id, owner->id)) || fail_not_in(source, "model_id", err);
}

static bool check_owner(struct rest_call *call, const struct owner *owner, struct str source, struct error *err)
{
	struct str root_text;
	struct rest_uri uri, root;

	if (!rest_uri_split(call->arena, source, &uri))
		return fail(source, NOT_ABSOLUTE, err);
	const int local = is_local(call, &uri, source, err);
	if (local != 0)
		return local > 0 && check_local(call, owner, source, &uri, err);
	if (!check_no_tricks(call, source, err))
		return false;
	if (str_is(uri.scheme, "runs") || str_is(uri.scheme, "models"))
		return check_named(call, owner, source, &uri, err);
	if (!str_is(uri.scheme, "mlflow-artifacts"))
		return true;
	if (owner->id.len > 0 && !find_root(call, owner, source, &root_text, &root, err))
		return false;
	return (owner->id.len > 0 && rest_uri_is_within(call->arena, &uri, &root)) ||
	       fail_not_in(source, owner->id_name, err);
}

/* A copy of a registered version has its run; that it came from a logged model is not passed on, as in MLflow. */
static bool resolve_copy(
	struct rest_call *call, const struct rest_models_uri *models, struct rest_source *source, struct error *err)
{
	struct str run_id;
	int64_t version;

	if (!rest_model_find(call, models->name, err))
		return false;
	const int is_prompt = rest_is_prompt(call, models->name, err);
	if (is_prompt != 0)
		return is_prompt > 0 &&
		       fail(source->text, "Prompt versions cannot be used as model version sources.", err);
	if (!rest_models_uri_version(call, models, &version, err) ||
		!rest_version_find(call, models->name, version, err) ||
		db_find_text(call->db, err, call->arena, &run_id,
			"SELECT run_id FROM model_versions WHERE name = ? AND version = ?", "si", models->name,
			version) < 0)
		return false;
	if ((rest_has(call, "run_id") && !str_eq(source->run_id, run_id)) || source->model_id.len > 0)
		return fail(source->text,
			"The run_id and model_id request parameters must match the referenced model version.", err);
	source->run_id = run_id;
	source->text =
		str_of(arena_printf(call->arena, "models:/%.*s/%lld", STR_ARGS(models->name), (long long)version));
	return true;
}

static bool resolve(struct rest_call *call, struct rest_source *source, struct error *err)
{
	struct rest_models_uri models;
	struct rest_uri uri;

	if (!rest_uri_split(call->arena, source->text, &uri) || !str_is(uri.scheme, "models"))
		return true;
	if (uri.authority.len > 0)
		return fail(source->text, "Registered model sources must use the active model registry.", err);
	if (!rest_models_uri_parse(call->arena, source->text, &models))
		return fail_not_in(source->text, "model_id", err);
	return models.model_id.data != NULL || resolve_copy(call, &models, source, err);
}

bool rest_source_check(struct rest_call *call, bool is_prompt, struct rest_source *ret, struct error *err)
{
	*ret = (struct rest_source){
		.text = rest_str(call, "source"),
		.run_id = rest_str_or_empty(call, "run_id"),
		.model_id = rest_str_or_empty(call, "model_id"),
	};
	if (is_prompt && !str_is(ret->text, "dummy-source") && !str_is(ret->text, "prompt-template"))
		return error_set(err, ERR_INVALID_PARAMETER,
			"Invalid prompt source: '%.*s'. Prompt sources must use an MLflow placeholder.",
			STR_ARGS(ret->text));
	/* It comes from no model, but a run may be found by one. */
	if (is_prompt && ret->run_id.len > 0)
		ret->model_id = STR("");
	if (is_prompt)
		return true;
	if (!rest_location_check_host(call, ret->text, "source", err) || !resolve(call, ret, err))
		return false;
	const struct owner owner = ret->model_id.len > 0 ? model_of(ret->model_id) : run_of(ret->run_id);
	return check_owner(call, &owner, ret->text, err);
}

static bool read_model(struct rest_call *call, struct str model_id, struct str *ret_location, struct str *ret_run_id,
	struct error *err)
{
	struct db_rows rows;

	if (!db_start(&rows, call->db, err,
		    "SELECT artifact_uri, source_run_id FROM logged_models WHERE model_id = ? AND lifecycle_stage <> 'deleted'",
		    "s", model_id))
		return false;
	const bool is_found = db_next(&rows);
	if (is_found) {
		*ret_location = db_text(&rows, 0, call->arena);
		*ret_run_id = db_text(&rows, 1, call->arena);
	}
	if (!db_end(&rows))
		return false;
	return is_found || error_set(err, ERR_NOT_FOUND, "Logged model with ID '%.*s' not found.", STR_ARGS(model_id));
}

/* Where the artifacts of a registered version are stays known when that version is deleted. */
static bool locate_copy(
	struct rest_call *call, const struct rest_models_uri *models, struct rest_source *source, struct error *err)
{
	int64_t version;

	return rest_check_version(models->version, &version, err) &&
	       db_find_text(call->db, err, call->arena, &source->location,
		       "SELECT storage_location FROM model_versions WHERE name = ? AND version = ?", "si", models->name,
		       version) >= 0;
}

bool rest_source_locate(struct rest_call *call, struct rest_source *source, struct error *err)
{
	struct str model_location = {0}, model_run = {0};
	struct rest_models_uri models = {0};
	struct rest_uri uri;

	source->location = source->text;
	if (rest_uri_split(call->arena, source->text, &uri) && str_is(uri.scheme, "models") &&
		!rest_models_uri_parse(call->arena, source->text, &models))
		return fail_not_in(source->text, "model_id", err);
	if (models.name.data != NULL && !locate_copy(call, &models, source, err))
		return false;
	if (models.model_id.data != NULL) {
		struct error why;

		if (!read_model(call, models.model_id, &model_location, &model_run, &why))
			return error_set(err, why.code,
				"Unable to fetch model from model URI source artifact location '%.*s'.Error: %s",
				STR_ARGS(source->text), why.text);
		source->location = model_location;
	} else if (source->model_id.len > 0 && !read_model(call, source->model_id, &model_location, &model_run, err)) {
		return false;
	}
	if (source->run_id.len == 0 && model_run.len > 0)
		source->run_id = model_run;
	return true;
}

/* The tag as it becomes: `[{"name": "clf", "version": 1}, …]`; data NULL where the version is in it already. */
static struct str versions_tag(struct rest_call *call, struct str old, struct str name, int64_t version)
{
	struct json list = json_array();
	struct buf out = {0};

	if (old.len > 0 && (!json_read(call->arena, old, &list, NULL) || list.type != JSON_ARRAY))
		list = json_array();
	for (size_t i = 0; i < list.size; i++) {
		const struct json *number = json_get(&list.items[i], STR("version"));
		if (str_eq(json_str(json_get(&list.items[i], STR("name"))), name) &&
			json_type(number) == JSON_INTEGER && number->integer == version)
			return (struct str){NULL, 0};
	}
	/* What clients wrote there stays as it is, but for its last bracket. */
	old = str_trim_space(old);
	buf_add_text(&out, "[");
	if (list.size > 0) {
		buf_add(&out, old.data + 1, old.len - 2);
		buf_add_text(&out, ", ");
	}
	buf_add_text(&out, "{\"name\": ");
	json_write_string(&out, name);
	buf_printf(&out, ", \"version\": %lld}]", (long long)version);
	const struct str tag = {arena_memdup(call->arena, out.data, out.len), out.len};
	buf_done(&out);
	return tag;
}

bool rest_source_note(
	struct rest_call *call, const struct rest_source *source, struct str name, int64_t version, struct error *err)
{
	struct str old = {0};

	if (source->model_id.len == 0)
		return true;
	if (db_find_text(call->db, err, call->arena, &old,
		    "SELECT value FROM logged_model_tags WHERE model_id = ? AND key = 'mlflow.modelVersions'", "s",
		    source->model_id) < 0)
		return false;
	const struct str tag = versions_tag(call, old, name, version);
	return tag.data == NULL ||
	       db_run(call->db, err,
		       "INSERT OR REPLACE INTO logged_model_tags (model_id, key, value) VALUES (?, 'mlflow.modelVersions', ?)",
		       "ss", source->model_id, tag);
}

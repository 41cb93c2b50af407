#include "cli/source.h"

#include "cli/logged.h"
#include "cli/record.h"
#include "packaging/pack.h"
#include "packaging/temporary.h"

#include <sys/stat.h>

enum { LOGGED_ID_LEN = 34 };

static const struct str MODELS = {"models:/", 8}, RUNS = {"runs:/", 6};

static struct str without(struct str text, struct str prefix)
{
	return str_starts(text, prefix) ? (struct str){text.data + prefix.len, text.len - prefix.len} : text;
}

static bool is_logged_id(struct str text)
{
	bool is_hex = text.len == LOGGED_ID_LEN && str_starts(text, STR("m-"));

	for (size_t i = 2; is_hex && i < text.len; i++)
		is_hex = strchr("0123456789abcdef", text.data[i]) != NULL;
	return is_hex;
}

/* What is written as a file's name, whether it is there or not: a model's name has no slash but before its version. */
static bool is_file_name(struct str text)
{
	struct str stem;
	const bool is_placed = text.len > 0 && memchr("/.~", text.data[0], 3) != NULL;

	return is_placed || str_count(text, '/') > 1 || pack_is_archive_name(text.data, &stem);
}

enum source_kind source_kind_of(const char *what)
{
	const struct str text = str_of(what);
	struct stat st;

	if (str_starts(text, RUNS))
		return SOURCE_RUN;
	if (str_starts(text, MODELS))
		return is_logged_id(without(text, MODELS)) ? SOURCE_LOGGED : SOURCE_VERSION;
	return is_file_name(text) || stat(what, &st) == 0 ? SOURCE_LOCAL : SOURCE_VERSION;
}

static void use_logged(struct source *source, const struct client_logged_model *model)
{
	const struct json *info = json_get(&model->tree, STR("info"));

	source->model_id = model->id;
	source->run_id = model->source_run_id;
	source->place = model->artifact_uri;
	source->path = STR("");
	source->digest = client_tag_find(info != NULL ? info : &model->tree, STR(DIGEST_TAG));
}

static bool find_logged(struct remote *remote, struct source *source, struct error *err)
{
	struct client_logged_model model;

	if (!remote_wait(remote,
		    client_logged_model_get(remote->client, remote->arena, without(source->uri, MODELS), &model), err))
		return false;
	use_logged(source, &model);
	return true;
}

/* MLflow 3 keeps what log_model(name=p) logs at the logged model, and still calls it runs:/R/p (MLFLOW_REST A.3). */
static bool find_of_run(
	struct remote *remote, struct source *source, const struct client_run *run, struct str name, struct error *err)
{
	struct arena *arena = remote->arena;
	struct json body = json_object(), ids = json_array(), answer;
	struct client_logged_model model;

	json_append(arena, &ids, json_string(run->experiment_id));
	json_set(arena, &body, STR("experiment_ids"), ids);
	json_set(
		arena, &body, STR("filter"), json_string(str_of(arena_printf(arena, "name = '%.*s'", STR_ARGS(name)))));
	const struct client_call call = {.method = "POST",
		.path = "/api/2.0/mlflow/logged-models/search",
		.body = body,
		.effect = CALL_READS,
		.is_tracking = true};
	if (!remote_wait(remote, client_call(remote->client, arena, &call, &answer), err))
		return false;
	const struct json *list = json_get(&answer, STR("models"));
	for (size_t i = 0; json_type(list) == JSON_ARRAY && i < list->size; i++) {
		const struct json *info = json_get(&list->items[i], STR("info"));
		if (!str_eq(json_str(json_get(info, STR("source_run_id"))), run->id))
			continue;
		if (!remote_wait(remote,
			    client_logged_model_get(
				    remote->client, arena, json_str(json_get(info, STR("model_id"))), &model),
			    err))
			return false;
		use_logged(source, &model);
		return true;
	}
	return error_set(err, ERR_NOT_FOUND, "run '%.*s' has no files and no logged model '%.*s'", STR_ARGS(run->id),
		STR_ARGS(name));
}

static bool find_run(struct remote *remote, struct source *source, struct error *err)
{
	struct str path = without(source->uri, RUNS), id;
	struct file_list files = {0};
	struct client_run run;

	if (!str_cut(&path, '/', &id) || id.len == 0 || path.len == 0)
		return error_set(err, ERR_USAGE, "'%s': expected runs:/RUN_ID/PATH", source->what);
	if (!remote_wait(remote, client_run_get(remote->client, remote->arena, id, &run), err))
		return false;
	source->run_id = id;
	source->place = run.artifact_uri;
	source->path = path;
	source->digest = client_tag_find(json_get(&run.tree, STR("data")), STR(DIGEST_TAG));
	if (!remote_wait(remote, client_files_list(remote->client, remote->arena, run.artifact_uri, path, &files), err))
		return false;
	if (files.count > 0)
		return true;
	/* The server takes a logged model's id beside models:/ only. */
	if (!find_of_run(remote, source, &run, path, err))
		return false;
	source->uri = str_of(arena_printf(remote->arena, "models:/%.*s", STR_ARGS(source->model_id)));
	return true;
}

static bool find_version(struct remote *remote, struct source *source, struct error *err)
{
	struct client_version *version = &source->version;

	if (!remote_wait(remote, client_version_find(remote->client, remote->arena, source->uri, version), err))
		return false;
	/* An alias may move, and a version that was copied from it would not. */
	source->uri = str_of(
		arena_printf(remote->arena, "models:/%.*s/%.*s", STR_ARGS(version->name), STR_ARGS(version->version)));
	source->run_id = version->run_id;
	source->digest = client_tag_find(&version->tree, STR(DIGEST_TAG));
	source->path = STR("");
	return remote_wait(remote,
		client_version_place(remote->client, remote->arena, version->name, version->version, &source->place),
		err);
}

bool source_find(struct remote *remote, const char *what, struct source *ret, struct error *err)
{
	*ret = (struct source){.kind = source_kind_of(what), .what = what, .uri = str_of(what)};
	switch (ret->kind) {
	case SOURCE_LOCAL:
		ret->uri = STR("");
		return true;
	case SOURCE_RUN:
		return find_run(remote, ret, err);
	case SOURCE_LOGGED:
		return find_logged(remote, ret, err);
	case SOURCE_VERSION:
		return find_version(remote, ret, err);
	}
	return error_set(err, ERR_INTERNAL, "unknown kind of source '%s'", what);
}

static bool download(struct remote *remote, const struct source *source, struct str path, const char **ret_folder,
	struct client_downloaded *ret, struct error *err)
{
	struct client_download download = {.place = source->place,
		.path = path,
		.is_bundle_only = true,
		.on_progress = remote_progress,
		.data = remote};

	remote->doing = "download";
	return temporary_folder(remote->arena, ret_folder, &download.dir_fd, err) &&
	       remote_wait(remote, client_download(remote->client, remote->arena, &download, ret), err);
}

static bool check_digest(const struct source *source, const char *digest, struct error *err)
{
	if (source->digest.len == 0 || str_is(source->digest, digest))
		return true;
	return error_set(err, ERR_INVALID_BUNDLE, "'%s': the registry names digest %.*s, its files have %s",
		source->what, STR_ARGS(source->digest), digest);
}

static bool fetch_archive(
	struct remote *remote, const struct source *source, const char *archive, struct fetched *ret, struct error *err)
{
	struct arena *arena = remote->arena;
	const struct str folder = source->path.len > 0
					  ? str_of(arena_printf(arena, "%.*s/" LOGGED_FOLDER, STR_ARGS(source->path)))
					  : STR(LOGGED_FOLDER);
	struct client_downloaded downloaded;
	const char *path;

	if (!download(remote, source, folder, &path, &downloaded, err))
		return false;
	const char *file = arena_printf(arena, "%s%s", path, archive + sizeof(LOGGED_FOLDER) - 1);
	if (!package_open(arena, file, NULL, NULL, &ret->package, err))
		return error_wrap(err, "the bundle of '%s'", source->what);
	ret->is_verified = true;
	return check_digest(source, ret->package.digest, err);
}

static bool fetch_files(struct remote *remote, const struct source *source, struct fetched *ret, struct error *err)
{
	struct client_downloaded downloaded;
	const char *path;

	if (!download(remote, source, source->path, &path, &downloaded, err) ||
		!package_open(remote->arena, path, NULL, NULL, &ret->package, err))
		return error_wrap(err, "the files of '%s'", source->what);
	ret->is_verified = downloaded.has_manifest;
	return !ret->is_verified || check_digest(source, ret->package.digest, err);
}

bool source_fetch(struct remote *remote, const struct source *source, struct fetched *ret, struct error *err)
{
	struct file_list files = {0};

	*ret = (struct fetched){0};
	if (!remote_wait(
		    remote, client_files_list(remote->client, remote->arena, source->place, source->path, &files), err))
		return false;
	const struct file *archive = logged_archive(&files);
	return archive != NULL ? fetch_archive(remote, source, archive->path, ret, err)
			       : fetch_files(remote, source, ret, err);
}

bool source_split(
	struct remote *remote, const char *what, struct str *ret_name, struct str *ret_version, struct error *err)
{
	const struct str text = without(str_of(what), MODELS);
	struct client_version version;

	*ret_name = text;
	*ret_version = STR("");
	if (memchr(text.data, '@', text.len) == NULL && memchr(text.data, '/', text.len) == NULL)
		return text.len > 0 || error_set(err, ERR_USAGE, "expected a model's name, got ''");
	if (!remote_wait(remote, client_version_find(remote->client, remote->arena, text, &version), err))
		return false;
	*ret_name = version.name;
	*ret_version = version.version;
	return true;
}

/* experiment → run → params → logged model → files → READY → FINISHED */
#include "cli/logged.h"

#include "cli/folders.h"
#include "cli/mlmodel_text.h"
#include "cli/pairs.h"
#include "cli/record.h"
#include "cli/settings_params.h"
#include "model/bundle_files.h"
#include "model/mlmodel.h"
#include "model/seam.h"
#include "packaging/manifest.h"
#include "packaging/temporary.h"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

enum { MODEL_NAME_MAX = 250 };

static const char MODEL_TYPE[] = "sluice", EXAMPLE[] = "input_example.json",
		  SERVING_EXAMPLE[] = "serving_input_example.json";

struct making {
	struct remote *remote;
	const struct prepared *prepared;
	const struct logging *logging;
	struct mlmodel mlmodel;
	struct client_tags params, tags;
	struct logged *logged;
};

static bool describe(struct making *making, struct error *err);
static bool begin_run(struct making *making, struct error *err);
static bool make_model(struct making *making, struct error *err);
static bool stage_files(struct making *making, struct error *err);
static bool send_files(struct making *making, struct error *err);
static bool end(struct making *making, struct error *err);
static void give_up(struct making *making);

bool logged_make(struct remote *remote, const struct prepared *prepared, const struct logging *logging,
	struct logged *ret, struct error *err)
{
	struct making making = {.remote = remote, .prepared = prepared, .logging = logging, .logged = ret};

	*ret = (struct logged){.digest = prepared->opened.package.digest, .dir_fd = -1};
	if (!describe(&making, err) || !begin_run(&making, err))
		return false;
	if (make_model(&making, err) && stage_files(&making, err) && send_files(&making, err) && end(&making, err))
		return true;
	give_up(&making);
	return false;
}

bool logged_stage(struct remote *remote, const struct prepared *prepared, struct logged *ret, struct error *err)
{
	const struct logging logging = {.experiment = NULL};
	struct making making = {.remote = remote, .prepared = prepared, .logging = &logging, .logged = ret};

	*ret = (struct logged){.digest = prepared->opened.package.digest, .dir_fd = -1};
	return describe(&making, err) && stage_files(&making, err);
}

/* Params and tags, before anything is made on the server. */
static bool describe(struct making *making, struct error *err)
{
	struct arena *arena = making->remote->arena;
	const struct opened *opened = &making->prepared->opened;
	struct client_tag *digest = arena_alloc(arena, sizeof(*digest));
	struct problems problems;
	struct decoder decoder;
	struct json config;
	size_t left_out;

	problems_init(&problems, arena);
	decoder_init(&decoder, arena, &problems, "MLmodel");
	mlmodel_decode(&decoder, &opened->bundle->mlmodel, &making->mlmodel);
	decoder_done(&decoder);
	const struct str path = making->mlmodel.config;
	if (!bundle_yaml_read(arena, opened->package.dir, arena_memdup(arena, path.data, path.len), &config, &problems))
		return problems_check(&problems, err);
	making->params = pairs_join(arena, making->logging->params, settings_params(arena, &config, &left_out));
	if (left_out > 0)
		console_notice(
			making->remote->console, "%zu settings do not fit into params and are left out", left_out);
	*digest = (struct client_tag){STR(DIGEST_TAG), str_of(making->logged->digest)};
	making->tags = pairs_join(arena, (struct client_tags){digest, 1}, making->logging->tags);
	return true;
}

static struct str experiment_of(const struct making *making)
{
	const char *of_mlflow = getenv("MLFLOW_EXPERIMENT_NAME");

	if (making->logging->experiment != NULL)
		return str_of(making->logging->experiment);
	if (making->remote->project.experiment.len > 0)
		return making->remote->project.experiment;
	return of_mlflow != NULL && of_mlflow[0] != '\0' ? str_of(of_mlflow) : STR("Default");
}

static bool begin_run(struct making *making, struct error *err)
{
	struct remote *remote = making->remote;
	struct client_experiment experiment;

	if (!remote_wait(remote,
		    client_experiment_ensure(remote->client, remote->arena, experiment_of(making), &experiment), err))
		return false;
	const struct client_run_spec spec = {
		.experiment_id = experiment.id, .name = str_of(making->logging->run_name), .tags = making->tags};
	return remote_wait(remote, client_run_create(remote->client, remote->arena, &spec, &making->logged->run), err);
}

/* MLflow takes none of / : . % " ' in a logged model's name. */
static struct str model_name(struct making *making)
{
	const char *wanted = making->logging->name != NULL ? making->logging->name : making->prepared->name;
	char *name = arena_strdup(making->remote->arena, wanted);

	for (char *p = name; *p != '\0'; p++)
		if (strchr("/:.%\"'", *p) != NULL)
			*p = '_';
	return str_clip(str_of(name), MODEL_NAME_MAX);
}

static bool make_model(struct making *making, struct error *err)
{
	struct remote *remote = making->remote;
	struct logged *logged = making->logged;
	const struct client_batch batch = {.params = making->params};
	const struct client_logged_model_spec spec = {
		.experiment_id = logged->run.experiment_id,
		.name = model_name(making),
		.model_type = STR(MODEL_TYPE),
		.run_id = logged->run.id,
		.params = making->params,
		.tags = making->tags,
	};

	logged->param_count = making->params.count;
	return remote_wait(remote, client_run_log(remote->client, remote->arena, logged->run.id, &batch), err) &&
	       remote_wait(
		       remote, client_logged_model_create(remote->client, remote->arena, &spec, &logged->model), err) &&
	       remote_wait(
		       remote, client_run_output(remote->client, remote->arena, logged->run.id, logged->model.id), err);
}

static bool stage_mlmodel(
	struct making *making, const struct file_list *files, const struct json *example, struct error *err)
{
	struct arena *arena = making->remote->arena;
	const struct logged *logged = making->logged;
	const struct mlmodel_text text = {
		.artifact_uri = logged->model.artifact_uri,
		.model_id = logged->model.id,
		.run_id = logged->run.id,
		.now_us = seam_real_now_us(NULL),
		.size = files->total,
		.has_example = json_type(example) != JSON_ABSENT,
		.has_serving_example = json_type(&making->prepared->opened.bundle->example) != JSON_ABSENT,
		.digest = str_of(logged->digest),
		.example = example,
	};
	const struct json tree = mlmodel_annotate(arena, &making->prepared->opened.bundle->mlmodel, &text);
	struct buf out = {0};

	mlmodel_write(&out, &tree);
	const bool is_written = folder_write(logged->dir_fd, "MLmodel", buf_str(&out), err);
	buf_done(&out);
	return is_written;
}

/* The example as it is saved, which is not the request that the bundle makes of it; absent where there is none. */
static bool read_example(struct making *making, struct json *ret, struct error *err)
{
	struct arena *arena = making->remote->arena;
	const char *dir = making->prepared->opened.package.dir;
	const struct str named = making->mlmodel.example;
	const char *path = named.len > 0 ? arena_memdup(arena, named.data, named.len) : EXAMPLE;
	struct str text;

	*ret = (struct json){0};
	if (bundle_file_kind(dir, path) == BUNDLE_FILE_NONE)
		return true;
	return bundle_file_read(arena, dir, path, BUNDLE_EXAMPLE_MAX, &text, err) &&
	       (json_read_padded(arena, text, ret, err) || error_wrap(err, "%s", path));
}

static bool stage_serving_example(struct making *making, struct error *err)
{
	const struct bundle *bundle = making->prepared->opened.bundle;
	struct buf out = {0};

	if (json_type(&bundle->example) == JSON_ABSENT || making->mlmodel.serving_example.len > 0 ||
		bundle_file_kind(bundle->dir, SERVING_EXAMPLE) != BUNDLE_FILE_NONE)
		return true;
	json_write(&out, &bundle->example);
	const bool is_written = folder_write(making->logged->dir_fd, SERVING_EXAMPLE, buf_str(&out), err);
	buf_done(&out);
	return is_written;
}

static bool stage_archive(struct making *making, struct error *err)
{
	const struct prepared *prepared = making->prepared;
	struct arena *arena = making->remote->arena;
	const char *manifest = arena_printf(arena, "%s/%s", prepared->opened.package.dir, MANIFEST_NAME);
	const int dir_fd = making->logged->dir_fd;

	return folder_take(prepared->archive, dir_fd,
		       arena_printf(arena, "%s/%s", LOGGED_FOLDER, prepared->archive_name), err) &&
	       folder_take(manifest, dir_fd, LOGGED_FOLDER "/" LOGGED_MANIFEST, err);
}

/* MLmodel is written anew, the rest is copied. */
static bool copy_files(struct making *making, int from_fd, struct file_list *ret_files, struct error *err)
{
	const struct files_walk walk = {.limits = &archive_limits_default};
	struct arena *arena = making->remote->arena;
	struct file_list copied = {0};

	if (!files_walk(arena, from_fd, &walk, ret_files, err))
		return false;
	for (size_t i = 0; i < ret_files->count; i++)
		if (strcmp(ret_files->items[i].path, "MLmodel") != 0)
			files_add(arena, &copied, ret_files->items[i]);
	return folder_copy(from_fd, &copied, making->logged->dir_fd, err);
}

static bool stage_files(struct making *making, struct error *err)
{
	const struct files_walk walk = {.limits = &archive_limits_default};
	struct arena *arena = making->remote->arena;
	struct logged *logged = making->logged;
	struct file_list files = {0};
	struct json example;
	const char *path;

	const int from_fd = open(making->prepared->opened.package.dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (from_fd < 0)
		return error_set(err, ERR_INTERNAL, "open '%s'", making->prepared->opened.package.dir);
	const bool is_copied =
		temporary_folder(arena, &path, &logged->dir_fd, err) && copy_files(making, from_fd, &files, err);
	close(from_fd);
	return is_copied && read_example(making, &example, err) && stage_mlmodel(making, &files, &example, err) &&
	       stage_serving_example(making, err) && stage_archive(making, err) &&
	       files_walk(arena, logged->dir_fd, &walk, &logged->files, err);
}

static bool send_files(struct making *making, struct error *err)
{
	struct remote *remote = making->remote;
	const struct client_upload upload = {
		.place = making->logged->model.artifact_uri,
		.path = STR(""),
		.dir_fd = making->logged->dir_fd,
		.files = &making->logged->files,
		.on_progress = remote_progress,
		.data = remote,
	};

	remote->doing = "upload";
	return remote_wait(remote, client_upload(remote->client, remote->arena, &upload), err);
}

static bool end(struct making *making, struct error *err)
{
	struct remote *remote = making->remote;
	struct logged *logged = making->logged;
	const struct str model_id = logged->model.id;

	return remote_wait(remote,
		       client_logged_model_finish(remote->client, remote->arena, model_id, true, &logged->model),
		       err) &&
	       remote_wait(remote, client_run_end(remote->client, remote->arena, logged->run.id, "FINISHED"), err);
}

/* What went wrong is told already; where the server is gone, this fails too. */
static void give_up(struct making *making)
{
	struct remote *remote = making->remote;
	struct logged *logged = making->logged;
	struct error ignored = {0};

	if (logged->model.id.len > 0)
		remote_wait(remote,
			client_logged_model_finish(
				remote->client, remote->arena, logged->model.id, false, &logged->model),
			&ignored);
	remote_wait(remote, client_run_end(remote->client, remote->arena, logged->run.id, "FAILED"), &ignored);
}

struct json logged_record(struct arena *arena, const struct logged *logged)
{
	struct json record = json_object();

	json_set(arena, &record, STR("run_id"), json_string(logged->run.id));
	json_set(arena, &record, STR("run_name"), json_string(logged->run.name));
	json_set(arena, &record, STR("experiment_id"), json_string(logged->run.experiment_id));
	json_set(arena, &record, STR("model_id"), json_string(logged->model.id));
	json_set(arena, &record, STR("model_name"), json_string(logged->model.name));
	json_set(arena, &record, STR("digest"), json_string(str_of(logged->digest)));
	json_set(arena, &record, STR("files"), json_integer((int64_t)logged->files.count));
	json_set(arena, &record, STR("size"), json_integer((int64_t)logged->files.total));
	json_set(arena, &record, STR("params"), json_integer((int64_t)logged->param_count));
	json_set(arena, &record, STR("artifact_uri"), json_string(logged->model.artifact_uri));
	return record;
}

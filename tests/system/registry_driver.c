/*
 * registry_driver: one operation of the registry's client a run, for the tests beside it. The answer is JSON on
 * standard output, calls of a dry run are lines on standard error, and so is an error: "not_found: text", with exit
 * status 1.
 */
#include "async/fetch.h"
#include "client/search.h"
#include "client/tracking.h"
#include "packaging/archive.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

struct driver {
	struct arena arena;
	struct loop *loop;
	struct client *client;
	char **args;
	struct json answer;
	struct error err;
};

static bool await(struct driver *driver, struct operation *operation)
{
	return operation_wait(operation, NULL, &driver->err);
}

static struct str arg(const struct driver *driver, int index)
{
	return str_of(driver->args[index]);
}

static void put(struct driver *driver, const char *key, struct str value)
{
	json_set(&driver->arena, &driver->answer, str_of(key), json_string(value));
}

static bool do_experiment(struct driver *driver)
{
	struct client_experiment experiment;

	if (!await(driver, client_experiment_ensure(driver->client, &driver->arena, arg(driver, 0), &experiment)))
		return false;
	put(driver, "id", experiment.id);
	return true;
}

static bool do_run(struct driver *driver)
{
	const struct client_run_spec spec = {.experiment_id = arg(driver, 0), .name = arg(driver, 1)};
	struct client_run run;

	if (!await(driver, client_run_create(driver->client, &driver->arena, &spec, &run)))
		return false;
	put(driver, "id", run.id);
	put(driver, "artifact_uri", run.artifact_uri);
	return true;
}

static struct client_tags pairs(struct driver *driver, int count)
{
	struct client_tag *tags = arena_array(&driver->arena, (size_t)count + 1, sizeof(*tags));

	for (int i = 0; i < count; i++)
		tags[i] = (struct client_tag){str_of(arena_printf(&driver->arena, "p%03d", i)), STR("v")};
	return (struct client_tags){tags, (size_t)count};
}

static bool do_log(struct driver *driver)
{
	static const struct client_metric METRICS[] = {{STR("loss"), 0.5, 1000, 1}, {STR("loss"), 0.25, 2000, 2}};
	const int count = atoi(driver->args[1]);
	const struct client_batch batch = {
		.params = pairs(driver, count), .tags = pairs(driver, count), .metrics = METRICS, .metric_count = 2};

	return await(driver, client_run_log(driver->client, &driver->arena, arg(driver, 0), &batch));
}

static bool do_end(struct driver *driver)
{
	return await(driver, client_run_end(driver->client, &driver->arena, arg(driver, 0), driver->args[1]));
}

static bool do_model(struct driver *driver)
{
	const struct client_logged_model_spec spec = {
		.experiment_id = arg(driver, 0),
		.name = arg(driver, 1),
		.run_id = arg(driver, 2),
		.model_type = STR("sluice"),
		.params = pairs(driver, atoi(driver->args[3])),
	};
	struct client_logged_model model;

	if (!await(driver, client_logged_model_create(driver->client, &driver->arena, &spec, &model)) ||
		!await(driver, client_run_output(driver->client, &driver->arena, spec.run_id, model.id)))
		return false;
	put(driver, "id", model.id);
	put(driver, "artifact_uri", model.artifact_uri);
	return true;
}

static bool do_finish(struct driver *driver)
{
	const bool is_ready = strcmp(driver->args[1], "ready") == 0;
	struct client_logged_model model;

	return await(
		driver, client_logged_model_finish(driver->client, &driver->arena, arg(driver, 0), is_ready, &model));
}

static bool walk(struct driver *driver, const char *dir, int *ret_fd, struct file_list *ret)
{
	const struct files_walk how = {.limits = &archive_limits_default};

	*ret_fd = open(dir, O_RDONLY | O_DIRECTORY);
	if (*ret_fd < 0)
		return error_set(&driver->err, ERR_USAGE, "no folder '%s'", dir);
	/* The walk leaves out what describes the list: a registry gets it, too. */
	if (!files_walk(&driver->arena, *ret_fd, &how, ret, &driver->err))
		return false;
	const int fd = files_open(*ret_fd, "manifest.json");
	if (fd < 0)
		return true;
	files_add(&driver->arena, ret, (struct file){"manifest.json", (uint64_t)lseek(fd, 0, SEEK_END), {{0}}});
	close(fd);
	files_sort(ret);
	return true;
}

static void on_progress(void *data, const struct client_progress *progress)
{
	*(struct client_progress *)data = *progress;
}

static bool put_progress(struct driver *driver, const struct client_progress *progress)
{
	json_set(&driver->arena, &driver->answer, STR("files"), json_integer((int64_t)progress->files_done));
	json_set(&driver->arena, &driver->answer, STR("bytes"), json_integer((int64_t)progress->bytes_done));
	return progress->files_done == progress->files && progress->bytes_done == progress->bytes;
}

static bool do_upload(struct driver *driver)
{
	struct client_progress progress = {0};
	struct client_upload upload = {
		.place = arg(driver, 0), .path = arg(driver, 1), .on_progress = on_progress, .data = &progress};
	struct file_list files;

	if (!walk(driver, driver->args[2], &upload.dir_fd, &files))
		return false;
	upload.files = &files;
	const bool is_fine = await(driver, client_upload(driver->client, &driver->arena, &upload)) &&
			     (put_progress(driver, &progress) ||
				     error_set(&driver->err, ERR_INTERNAL, "progress ends before the upload"));
	close(upload.dir_fd);
	return is_fine;
}

static void put_files(struct driver *driver, const struct file_list *files)
{
	struct json list = json_array();

	for (size_t i = 0; i < files->count; i++) {
		struct json file = json_object();

		json_set(&driver->arena, &file, STR("path"), json_string(str_of(files->items[i].path)));
		json_set(&driver->arena, &file, STR("size"), json_integer((int64_t)files->items[i].size));
		json_append(&driver->arena, &list, file);
	}
	json_set(&driver->arena, &driver->answer, STR("files"), list);
}

static bool do_list(struct driver *driver)
{
	struct file_list files;

	if (!await(driver, client_files_list(driver->client, &driver->arena, arg(driver, 0), arg(driver, 1), &files)))
		return false;
	put_files(driver, &files);
	return true;
}

static bool do_download(struct driver *driver)
{
	struct client_progress progress;
	struct client_download download = {
		.place = arg(driver, 0),
		.path = arg(driver, 1),
		.dir_fd = open(driver->args[2], O_RDONLY | O_DIRECTORY),
		.is_bundle_only = strcmp(driver->args[3], "bundle") == 0,
		.on_progress = on_progress,
		.data = &progress,
	};
	struct client_downloaded downloaded;
	char hex[DIGEST_HEX_SIZE];

	const bool is_fine = await(driver, client_download(driver->client, &driver->arena, &download, &downloaded));
	close(download.dir_fd);
	if (!is_fine)
		return false;
	put_files(driver, &downloaded.files);
	if (downloaded.has_manifest)
		put(driver, "digest", str_of(arena_strdup(&driver->arena, digest_hex(&downloaded.digest, hex))));
	return true;
}

static bool do_read(struct driver *driver)
{
	struct str text;

	if (!await(driver,
		    client_file_read(driver->client, &driver->arena, arg(driver, 0), arg(driver, 1), 1000, &text)))
		return false;
	put(driver, "text", text);
	return true;
}

static bool do_ensure(struct driver *driver)
{
	struct client_model model;

	if (!await(driver, client_model_ensure(driver->client, &driver->arena, arg(driver, 0), arg(driver, 1),
				   pairs(driver, 1), &model)))
		return false;
	driver->answer = model.tree;
	return true;
}

static bool do_version(struct driver *driver)
{
	struct client_version_spec spec = {
		.name = arg(driver, 0),
		.source = arg(driver, 1),
		.model_id = arg(driver, 2),
		.run_id = arg(driver, 3),
		.description = STR("by the driver"),
		.tags = pairs(driver, 1),
		.dir_fd = -1,
	};
	struct client_version version;
	struct file_list files;

	if (driver->args[4][0] != '\0' && !walk(driver, driver->args[4], &spec.dir_fd, &files))
		return false;
	if (spec.dir_fd >= 0)
		spec.files = &files;
	const bool is_fine = await(driver, client_version_create(driver->client, &driver->arena, &spec, &version));
	if (spec.dir_fd >= 0)
		close(spec.dir_fd);
	if (is_fine)
		driver->answer = version.tree;
	return is_fine;
}

static bool do_find(struct driver *driver)
{
	struct client_version version;

	if (!await(driver, client_version_find(driver->client, &driver->arena, arg(driver, 0), &version)))
		return false;
	driver->answer = version.tree;
	return true;
}

static bool do_place(struct driver *driver)
{
	struct str place;

	if (!await(driver,
		    client_version_place(driver->client, &driver->arena, arg(driver, 0), arg(driver, 1), &place)))
		return false;
	put(driver, "place", place);
	return true;
}

static void put_versions(struct driver *driver, const struct client_versions *versions)
{
	struct json list = json_array();

	for (size_t i = 0; i < versions->count; i++)
		json_append(&driver->arena, &list, versions->items[i].tree);
	json_set(&driver->arena, &driver->answer, STR("versions"), list);
	json_set(&driver->arena, &driver->answer, STR("is_cut"), json_bool(versions->is_cut));
}

static bool do_versions(struct driver *driver)
{
	const size_t max = (size_t)atoi(driver->args[1]);
	struct client_versions versions;

	if (!await(driver, client_versions_of(driver->client, &driver->arena, arg(driver, 0), max, &versions)))
		return false;
	put_versions(driver, &versions);
	return true;
}

static bool do_search(struct driver *driver)
{
	const struct client_search search = {.filter = arg(driver, 0)};
	struct client_models models;
	struct json list = json_array();

	if (!await(driver, client_models_search(driver->client, &driver->arena, &search, &models)))
		return false;
	for (size_t i = 0; i < models.count; i++)
		json_append(&driver->arena, &list, json_string(models.items[i].name));
	json_set(&driver->arena, &driver->answer, STR("names"), list);
	return true;
}

static bool do_delete(struct driver *driver)
{
	return await(driver, client_version_delete(driver->client, &driver->arena, arg(driver, 0), arg(driver, 1)));
}

static bool do_delete_model(struct driver *driver)
{
	return await(driver, client_model_delete(driver->client, &driver->arena, arg(driver, 0)));
}

static bool do_describe(struct driver *driver)
{
	return await(driver, client_version_describe(
				     driver->client, &driver->arena, arg(driver, 0), arg(driver, 1), arg(driver, 2)));
}

static bool do_stage(struct driver *driver)
{
	struct client_version version;

	return await(driver, client_version_stage(driver->client, &driver->arena, arg(driver, 0), arg(driver, 1),
				     arg(driver, 2), true, &version));
}

static bool do_alias_set(struct driver *driver)
{
	return await(driver,
		client_alias_set(driver->client, &driver->arena, arg(driver, 0), arg(driver, 1), arg(driver, 2)));
}

static bool do_alias_delete(struct driver *driver)
{
	return await(driver, client_alias_delete(driver->client, &driver->arena, arg(driver, 0), arg(driver, 1)));
}

static bool do_aliases(struct driver *driver)
{
	struct client_aliases aliases;

	if (!await(driver, client_aliases_list(driver->client, &driver->arena, arg(driver, 0), &aliases)))
		return false;
	for (size_t i = 0; i < aliases.count; i++)
		json_set(
			&driver->arena, &driver->answer, aliases.items[i].alias, json_string(aliases.items[i].version));
	return true;
}

static bool do_tag(struct driver *driver)
{
	const struct client_tag tag = {arg(driver, 2), arg(driver, 3)};

	return await(driver, client_tag_set(driver->client, &driver->arena, arg(driver, 0), arg(driver, 1), tag));
}

static bool do_untag(struct driver *driver)
{
	return await(driver,
		client_tag_delete(driver->client, &driver->arena, arg(driver, 0), arg(driver, 1), arg(driver, 2)));
}

static bool do_prompt(struct driver *driver)
{
	struct client_prompt prompt;

	if (!await(driver, client_prompt_load(driver->client, &driver->arena, arg(driver, 0), &prompt)))
		return false;
	put(driver, "uri", prompt.uri);
	put(driver, "text", prompt.text);
	json_set(&driver->arena, &driver->answer, STR("is_chat"), json_bool(prompt.is_chat));
	return true;
}

static bool do_history(struct driver *driver)
{
	struct json history;

	if (!await(driver, client_history(driver->client, &driver->arena, arg(driver, 0), arg(driver, 1), 0, &history)))
		return false;
	json_set(&driver->arena, &driver->answer, STR("history"), history);
	return true;
}

static bool do_alias_at(struct driver *driver)
{
	return await(driver, client_alias_at(driver->client, &driver->arena, arg(driver, 0), arg(driver, 1),
				     arg(driver, 2), &driver->answer));
}

static const struct {
	const char *name;
	int args;
	bool (*run)(struct driver *driver);
} VERBS[] = {
	{"experiment", 1, do_experiment},
	{"run", 2, do_run},
	{"log", 2, do_log},
	{"end", 2, do_end},
	{"model", 4, do_model},
	{"finish", 2, do_finish},
	{"upload", 3, do_upload},
	{"list", 2, do_list},
	{"download", 4, do_download},
	{"read", 2, do_read},
	{"ensure", 2, do_ensure},
	{"version", 5, do_version},
	{"find", 1, do_find},
	{"place", 2, do_place},
	{"versions", 2, do_versions},
	{"search", 1, do_search},
	{"delete", 2, do_delete},
	{"delete-model", 1, do_delete_model},
	{"describe", 3, do_describe},
	{"stage", 3, do_stage},
	{"alias-set", 3, do_alias_set},
	{"alias-rm", 2, do_alias_delete},
	{"aliases", 1, do_aliases},
	{"tag", 4, do_tag},
	{"untag", 3, do_untag},
	{"prompt", 1, do_prompt},
	{"history", 2, do_history},
	{"alias-at", 3, do_alias_at},
};

static void on_planned(void *data, const struct client_planned *planned)
{
	struct buf body = {0};

	json_write(&body, planned->body);
	fprintf(stderr, "%s %s %s %s\n", planned->method, planned->url, buf_text(&body),
		planned->file != NULL ? planned->file : "-");
	buf_done(&body);
}

static bool run(struct driver *driver, int argc, char **argv)
{
	driver->args = argv + 2;
	for (size_t i = 0; i < sizeof(VERBS) / sizeof(VERBS[0]); i++)
		if (argc >= 2 && strcmp(argv[1], VERBS[i].name) == 0 && argc - 2 == VERBS[i].args)
			return VERBS[i].run(driver);
	return error_set(&driver->err, ERR_USAGE, "no such verb, or not so many arguments");
}

static bool drive(struct driver *driver, int argc, char **argv)
{
	struct target target;
	struct client_options options = {
		.target = &target,
		.reason = getenv("DRIVER_REASON"),
		.pause_ms = 10,
		.is_dry_run = getenv("DRIVER_DRY_RUN") != NULL,
		.on_planned = on_planned,
	};

	if (!target_read(&driver->arena, &(struct target_source){.uri = NULL}, &target, &driver->err))
		return false;
	driver->loop = loop_new();
	driver->client = client_new(driver->loop, &options, &driver->err);
	const bool is_fine = driver->client != NULL && run(driver, argc, argv);
	client_free(driver->client);
	loop_free(driver->loop);
	return is_fine;
}

int main(int argc, char **argv)
{
	struct driver driver = {.answer = json_object()};
	struct buf out = {0};

	if (!fetch_global_init(&driver.err))
		return 2;
	const bool is_fine = drive(&driver, argc, argv);
	json_write(&out, &driver.answer);
	if (is_fine)
		puts(buf_text(&out));
	else
		fprintf(stderr, "%s: %s\n", error_info(driver.err.code)->name, driver.err.text);
	buf_done(&out);
	arena_done(&driver.arena);
	fetch_global_done();
	return is_fine ? 0 : 1;
}

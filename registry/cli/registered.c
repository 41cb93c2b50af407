#include "cli/registered.h"

#include "cli/pairs.h"
#include "cli/record.h"
#include "packaging/temporary.h"

static bool make(struct remote *remote, struct client_version_spec *spec, const struct registering *registering,
	struct str digest, struct client_version *ret, struct error *err)
{
	struct client *client = remote->client;
	struct arena *arena = remote->arena;
	const struct client_tag own = {STR(DIGEST_TAG), digest};
	const struct client_tags digests = {&own, digest.len > 0};
	struct client_model model;

	spec->name = registering->name;
	spec->description = registering->description;
	spec->tags = pairs_join(arena, digests, registering->tags);
	spec->on_progress = remote_progress;
	spec->data = remote;
	remote->doing = "upload";
	if (!remote_wait(remote,
		    client_model_ensure(client, arena, registering->name, STR(""), (struct client_tags){0}, &model),
		    err) ||
		!remote_wait(remote, client_version_create(client, arena, spec, ret), err))
		return false;
	return registering->alias.len == 0 ||
	       remote_wait(remote, client_alias_set(client, arena, ret->name, registering->alias, ret->version), err);
}

bool registered_from_logged(struct remote *remote, const struct logged *logged, const struct registering *registering,
	struct client_version *ret, struct error *err)
{
	const struct str id = logged->model.id;
	struct client_version_spec spec = {
		.source = str_of(arena_printf(remote->arena, "models:/%.*s", STR_ARGS(id))),
		.model_id = id,
		.run_id = logged->run.id,
		.dir_fd = logged->dir_fd,
		.files = &logged->files,
	};

	return make(remote, &spec, registering, str_of(logged->digest), ret, err);
}

static bool register_staged(struct remote *remote, const struct prepared *prepared, const struct registering *registering,
	struct client_version *ret, struct error *err)
{
	struct logged staged;

	if (!logged_stage(remote, prepared, &staged, err))
		return false;
	/* The catalog wants to know where the files were; who has them finds them by their digest. */
	struct client_version_spec spec = {
		.source = str_of(arena_printf(remote->arena, "sluice:%s", staged.digest)),
		.dir_fd = staged.dir_fd,
		.files = &staged.files,
	};
	return make(remote, &spec, registering, str_of(staged.digest), ret, err);
}

bool registered_from_local(struct remote *remote, const struct prepared *prepared, const struct logging *logging,
	const struct registering *registering, struct client_version *ret, struct error *err)
{
	struct logged logged;

	if (client_is_unity(remote->client) && logging->experiment == NULL && logging->run_name == NULL)
		return register_staged(remote, prepared, registering, ret, err);
	return logged_make(remote, prepared, logging, &logged, err) &&
	       registered_from_logged(remote, &logged, registering, ret, err);
}

/* Everything as it lies there: the archive stays beside the files. */
static bool fetch_all(
	struct remote *remote, const struct source *source, int *ret_fd, struct file_list *ret, struct error *err)
{
	struct client_download download = {
		.place = source->place, .path = source->path, .on_progress = remote_progress, .data = remote};
	struct client_downloaded downloaded;
	const char *path;

	remote->doing = "download";
	if (!temporary_folder(remote->arena, &path, &download.dir_fd, err) ||
		!remote_wait(remote, client_download(remote->client, remote->arena, &download, &downloaded), err))
		return false;
	*ret_fd = download.dir_fd;
	*ret = downloaded.files;
	return true;
}

bool registered_from_source(struct remote *remote, const struct source *source, const struct registering *registering,
	struct client_version *ret, struct error *err)
{
	struct client_version_spec spec = {
		.source = source->uri, .model_id = source->model_id, .run_id = source->run_id, .dir_fd = -1};
	struct file_list files = {0};

	if (client_is_unity(remote->client)) {
		if (!fetch_all(remote, source, &spec.dir_fd, &files, err))
			return false;
		spec.files = &files;
	}
	return make(remote, &spec, registering, source->digest, ret, err);
}

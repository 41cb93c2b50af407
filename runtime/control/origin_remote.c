/*
 * version → its place and its files' names → in the store already
 *                                          | the archive that sluice logged: downloaded, verified by its digest
 *                                          | the files themselves, verified where they have a manifest
 *
 * Each call has a loop and a client of its own on the pool's thread.
 */
#include "control/origin_remote.h"

#include "async/fetch.h"
#include "client/models.h"
#include "client/target.h"
#include "packaging/logged_files.h"
#include "packaging/temporary.h"

struct remote {
	struct origin *origin;
	struct arena *arena;
	struct loop *loop;
	struct client *client;
	struct operation *operation;
	struct timer timer;
	struct error err;
	bool is_fine;
};

/* A deployment waits for it, and the end of the server for that. */
enum { CALL_TIMEOUT_MS = 30000, RETRIES_MAX = 2, LOOK_MS = 100 };

static bool remote_init(struct remote *remote, struct origin *origin, struct arena *arena, struct error *err)
{
	const struct client_options options = {
		.target = origin->target, .timeout_ms = CALL_TIMEOUT_MS, .retries_max = RETRIES_MAX};

	*remote = (struct remote){.origin = origin, .arena = arena};
	if (!fetch_global_init(err))
		return false;
	remote->loop = loop_new();
	remote->client = client_new(remote->loop, &options, err);
	return remote->client != NULL;
}

static void remote_done(struct remote *remote)
{
	if (remote->loop == NULL)
		return;
	client_free(remote->client);
	loop_free(remote->loop);
	fetch_global_done();
}

static void on_over(void *data, const struct error *err)
{
	struct remote *remote = data;

	remote->is_fine = err == NULL;
	if (err != NULL)
		remote->err = *err;
	loop_stop(remote->loop);
}

static void on_look(void *data)
{
	struct remote *remote = data;

	if (remote->origin->is_stopping)
		operation_cancel(remote->operation);
	else
		timer_start(&remote->timer, LOOK_MS);
}

static bool wait_for(struct remote *remote, struct operation *operation, struct error *err)
{
	remote->operation = operation;
	operation_then(operation, on_over, remote);
	timer_init(&remote->timer, remote->loop, on_look, remote);
	timer_start(&remote->timer, LOOK_MS);
	loop_run(remote->loop);
	timer_stop(&remote->timer);
	if (!remote->is_fine)
		*err = remote->err;
	return remote->is_fine;
}

bool origin_remote_alias(struct origin *origin, struct arena *arena, struct str model, struct str alias, struct str *ret,
	struct error *err)
{
	const struct str what = str_of(arena_printf(arena, "%.*s@%.*s", STR_ARGS(model), STR_ARGS(alias)));
	struct client_version version;
	struct remote remote;

	const bool is_fine =
		remote_init(&remote, origin, arena, err) &&
		wait_for(&remote, client_version_find(remote.client, arena, what, &version), err);
	remote_done(&remote);
	if (is_fine)
		*ret = version.version;
	return is_fine;
}

/* ---- fetching ---- */

struct fetching {
	struct remote *remote;
	struct client_version version;
	struct str place;
	struct file_list files;
	struct client_downloaded downloaded;
	bool anew;
	struct fetched_bundle *ret;
};

static bool take(struct fetching *fetching, const struct stored *stored, bool has_manifest, struct error *err)
{
	const struct str tagged = client_tag_find(&fetching->version.tree, STR(DIGEST_TAG));

	*fetching->ret = (struct fetched_bundle){
		.dir = stored->dir, .was_present = stored->was_present, .has_manifest = has_manifest};
	digest_hex(&stored->digest, fetching->ret->digest);
	if (!has_manifest || tagged.len == 0 || str_is(tagged, fetching->ret->digest))
		return true;
	return error_set(err, ERR_INVALID_BUNDLE, "the registry names digest %.*s, its files have %s", STR_ARGS(tagged),
		fetching->ret->digest);
}

static bool download(struct fetching *fetching, struct str path, int dir_fd, struct error *err)
{
	const struct client_download wanted = {
		.place = fetching->place, .path = path, .dir_fd = dir_fd, .is_bundle_only = true};
	struct remote *remote = fetching->remote;

	return wait_for(
		remote, client_download(remote->client, remote->arena, &wanted, &fetching->downloaded), err);
}

static bool fetch_archive(struct fetching *fetching, const char *archive, struct error *err)
{
	struct arena *arena = fetching->remote->arena;
	struct stored stored;
	const char *folder;
	int dir_fd;

	if (!temporary_folder(arena, &folder, &dir_fd, err) ||
		!download(fetching, STR(LOGGED_FOLDER), dir_fd, err))
		return false;
	const char *file = arena_printf(arena, "%s%s", folder, archive + sizeof(LOGGED_FOLDER) - 1);
	return store_add(arena, fetching->remote->origin->store, file, &archive_limits_default, &stored, err) &&
	       take(fetching, &stored, true, err);
}

static bool fill(void *data, int dir_fd, struct error *err)
{
	return download(data, STR(""), dir_fd, err);
}

static bool fetch_files(struct fetching *fetching, struct error *err)
{
	struct remote *remote = fetching->remote;
	struct stored stored;

	return store_add_files(remote->arena, remote->origin->store, fill, fetching, &stored, err) &&
	       take(fetching, &stored, fetching->downloaded.has_manifest, err);
}

static bool fetch(struct fetching *fetching, struct str model, struct str version, struct error *err)
{
	struct remote *remote = fetching->remote;
	struct arena *arena = remote->arena;
	struct digest digest;
	struct stored stored;

	if (!wait_for(remote, client_version_get(remote->client, arena, model, version, &fetching->version), err))
		return false;
	if (!fetching->anew && digest_parse(client_tag_find(&fetching->version.tree, STR(DIGEST_TAG)), &digest) &&
		store_find(arena, remote->origin->store, &digest, &stored))
		return take(fetching, &stored, true, err);
	if (!wait_for(remote, client_version_place(remote->client, arena, model, version, &fetching->place), err) ||
		!wait_for(remote,
			client_files_list(remote->client, arena, fetching->place, STR(""), &fetching->files), err))
		return false;
	const struct file *archive = logged_archive(&fetching->files);
	return archive != NULL ? fetch_archive(fetching, archive->path, err) : fetch_files(fetching, err);
}

bool origin_remote_fetch(struct origin *origin, struct arena *arena, struct str model, struct str version,
	bool anew, struct fetched_bundle *ret, struct error *err)
{
	struct remote remote;
	struct fetching fetching = {.remote = &remote, .anew = anew, .ret = ret};
	const bool is_fine = remote_init(&remote, origin, arena, err) && fetch(&fetching, model, version, err);

	remote_done(&remote);
	return is_fine || error_wrap(err, "version %.*s of '%.*s'", STR_ARGS(version), STR_ARGS(model));
}

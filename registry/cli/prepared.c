#include "cli/prepared.h"

#include "cli/pinned.h"
#include "model/prompt_lock.h"
#include "packaging/pack.h"
#include "packaging/temporary.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>

static void on_left_out(void *data, const char *path, const char *why)
{
	console_notice(data, "left out: %s (%s)", path, why);
}

/* Folder → archive, as `sluice pack` makes it. */
static bool pack(struct remote *remote, const char *dir, const char **ret_archive, struct error *err)
{
	static const struct opened_options SOURCE = {.is_offline = true, .is_checked = true, .is_source = true};
	const struct files_walk walk = {
		.limits = &archive_limits_default, .notice = on_left_out, .notice_data = remote->console};
	struct arena *arena = remote->arena;
	struct decode_list missing;
	struct pack_result packed;
	const char *asked = dir, *folder;
	struct opened opened;
	int folder_fd;

	prompt_lock_missing(arena, dir, &missing);
	if (missing.count > 0 && !pinned_copy(remote, dir, &walk, &missing, &dir, err))
		return false;
	if (!opened_read(arena, dir, &SOURCE, &opened, err) || !opened_report(remote->console, arena, asked, &opened, err) ||
		!temporary_folder(arena, &folder, &folder_fd, err))
		return false;
	*ret_archive = arena_printf(arena, "%s/bundle.tar.gz", folder);
	return pack_folder(arena, dir, *ret_archive, &walk, &packed, err);
}

static const char *name_of(struct arena *arena, const char *path)
{
	char *real = realpath(path, NULL);
	const char *whole = real != NULL ? arena_strdup(arena, real) : path;
	const char *slash = strrchr(whole, '/'), *name = slash != NULL && slash[1] != '\0' ? slash + 1 : whole;
	struct str stem;

	free(real);
	return pack_is_archive_name(name, &stem) ? arena_memdup(arena, stem.data, stem.len) : name;
}

bool prepared_read(struct remote *remote, const char *path, struct prepared *ret, struct error *err)
{
	static const struct opened_options CHECKED = {.is_offline = true, .is_checked = true};
	struct arena *arena = remote->arena;
	struct prepared prepared = {.name = name_of(arena, path), .archive = path, .archive_name = "bundle.tar.gz"};
	struct stat st;
	struct str stem;

	if (stat(path, &st) != 0)
		return error_set_errno(err, ERR_NOT_FOUND, errno, "bundle '%s'", path);
	if (S_ISDIR(st.st_mode) && !pack(remote, path, &prepared.archive, err))
		return false;
	if (!opened_read(arena, prepared.archive, &CHECKED, &prepared.opened, err) ||
		!opened_report(remote->console, arena, path, &prepared.opened, err))
		return false;
	if (!S_ISDIR(st.st_mode))
		prepared.archive_name = pack_is_archive_name(path, &stem)
						? arena_printf(arena, "bundle%s", path + stem.len)
						: "bundle.archive";
	*ret = prepared;
	return true;
}

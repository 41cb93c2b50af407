#include "cli/command.h"
#include "cli/folders.h"
#include "cli/record.h"
#include "cli/source.h"
#include "packaging/manifest.h"
#include "packaging/pack.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

struct download_options {
	struct remote_options remote;
	const char *output;
	bool is_json;
};

/* What a walk leaves out as it describes the list belongs to what was downloaded. */
static void add_own(struct arena *arena, int dir_fd, const char *name, struct file_list *files)
{
	struct stat st;

	if (fstatat(dir_fd, name, &st, AT_SYMLINK_NOFOLLOW) != 0 || !S_ISREG(st.st_mode))
		return;
	files_add(arena, files, (struct file){.path = name, .size = (uint64_t)st.st_size});
}

static bool write_folder(
	struct arena *arena, const struct package *package, const char *output, size_t *ret_count, struct error *err)
{
	const struct files_walk walk = {.limits = &archive_limits_default};
	struct file_list files = {0};
	const int dir_fd = open(package->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (dir_fd < 0)
		return error_set_errno(err, ERR_INTERNAL, errno, "open '%s'", package->dir);
	bool is_fine = files_walk(arena, dir_fd, &walk, &files, err);
	if (is_fine) {
		add_own(arena, dir_fd, MANIFEST_NAME, &files);
		add_own(arena, dir_fd, SIGNATURE_NAME, &files);
		is_fine = folder_publish(arena, dir_fd, &files, output, err);
	}
	*ret_count = files.count;
	close(dir_fd);
	return is_fine;
}

/* The archive anew: the same files have the same digest, whatever compression. */
static bool write_archive(
	struct arena *arena, const struct package *package, const char *output, size_t *ret_count, struct error *err)
{
	const struct files_walk walk = {.limits = &archive_limits_default};
	struct pack_result packed;

	if (!pack_folder(arena, package->dir, output, &walk, &packed, err))
		return false;
	*ret_count = packed.files.count;
	return true;
}

static bool answer(struct remote *remote, const char *what, const char *output, const struct fetched *fetched,
	const char *digest, size_t count, struct error *err)
{
	struct arena *arena = remote->arena;
	struct json record = json_object();
	struct buf out = {0};

	json_set(arena, &record, STR("what"), json_string(str_of(what)));
	json_set(arena, &record, STR("output"), json_string(str_of(output)));
	json_set(arena, &record, STR("digest"), json_string(str_of(digest)));
	json_set(arena, &record, STR("verified"), json_bool(fetched->is_verified));
	json_set(arena, &record, STR("files"), json_integer((int64_t)count));
	console_style(&out, remote->console->has_out_color, STYLE_GOOD, "downloaded");
	buf_add_char(&out, ' ');
	buf_add_visible(&out, str_of(what));
	buf_add_char(&out, '\n');
	record_write(&out, arena, &record);
	if (!fetched->is_verified)
		console_notice(remote->console,
			"'%s' was not logged by sluice: there is no manifest to verify its files by", what);
	const bool is_written = remote_answer(remote, &record, &out, err);
	buf_done(&out);
	return is_written;
}

static bool run(struct console *console, struct arena *arena, const void *data, const struct options_result *arguments,
	struct error *err)
{
	const struct download_options *options = data;
	const char *what = arguments->arguments[0], *digest;
	struct remote *remote = arena_alloc(arena, sizeof(*remote));
	struct fetched fetched;
	struct source source;
	size_t count = 0;

	if (source_kind_of(what) == SOURCE_LOCAL)
		return error_set(err, ERR_USAGE, "'%s' is a file or folder here already (models:/%s is the registry's)",
			what, what);
	if (!remote_open(remote, console, arena, &options->remote, err) || !source_find(remote, what, &source, err))
		return false;
	if (remote->is_dry_run)
		return remote_answer(remote, NULL, NULL, err);
	if (!source_fetch(remote, &source, &fetched, err) ||
		!(pack_is_archive_name(options->output, NULL) ? write_archive : write_folder)(
			arena, &fetched.package, options->output, &count, err) ||
		!package_digest(arena, &fetched.package, &digest, err))
		return false;
	return answer(remote, what, options->output, &fetched, digest, count, err);
}

static const struct option OPTIONS[] = {
	{"output", 'o', OPTION_STRING, offsetof(struct download_options, output), .value = "DIR|FILE",
		.is_required = true, .is_argument_only = true,
		.help = "a new folder, or an archive: .tar.gz, .tar.zst, .tar, .zip"},
	OPTION_REGISTRY(struct download_options),
	OPTION_PROJECT(struct download_options),
	OPTION_DRY_RUN(struct download_options),
	OPTION_JSON(struct download_options),
	{0},
};

static const char *const EXAMPLES[] = {"sluice download slides@champion -o slides",
	"sluice download slides/3 -o slides.tar.gz", "sluice download runs:/2c8bb7…/slides -o slides", NULL};

static const struct options_spec SPEC = {
	.program = "sluice download",
	.summary = "downloads a bundle and verifies it",
	.about =
		"What sluice logged is taken from its archive: the manifest must fit every file, and the digest must be the one "
		"that the registry has. What others logged is checked where it has a manifest.",
	.arguments = "MODEL@ALIAS|MODEL/VERSION|models:/m-ID|runs:/RUN/PATH",
	.arguments_min = 1,
	.arguments_max = 1,
	.options = OPTIONS,
	.examples = EXAMPLES,
};

const struct command cmd_download = {
	.name = "download",
	.area = AREA_REGISTRY,
	.spec = &SPEC,
	.options_size = sizeof(struct download_options),
	.json_offset = offsetof(struct download_options, is_json),
	.run = run,
};

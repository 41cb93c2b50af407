#include "cli/opened.h"

#include <errno.h>
#include <sys/stat.h>

static void release(void *data)
{
	bundle_unref(data);
}

static bool open_package(struct arena *arena, const char *path,
	const struct opened_options *options, struct package *ret, struct error *err)
{
	struct stat st;

	if (!options->is_source)
		return package_open(arena, path, options->state_dir, NULL, ret, err);
	if (stat(path, &st) != 0)
		return error_set_errno(err, ERR_NOT_FOUND, errno, "bundle '%s'", path);
	if (!S_ISDIR(st.st_mode)) {
		error_set(err, ERR_USAGE, "'%s' is no folder", path);
		return package_fail_file(arena, path, err);
	}
	*ret = (struct package){.dir = path, .name = path, .digest = ""};
	return true;
}

bool opened_read(struct arena *arena, const char *path, const struct opened_options *options,
	struct opened *ret, struct error *err)
{
	const struct bundle_options bundle_options = {
		.secret_dir = options->secret_dir, .is_offline = options->is_offline};
	struct opened opened = {0};

	if (!open_package(arena, path, options, &opened.package, err))
		return false;

	problems_init(&opened.problems, arena);
	if (bundle_load(opened.package.dir, &bundle_options, &opened.problems, &opened.bundle)) {
		arena_on_end(arena, release, opened.bundle);
		opened.bundle->name = opened.package.name;
		if (options->is_checked)
			bundle_check(opened.bundle, &opened.problems);
	} else {
		opened.bundle = NULL;
	}
	*ret = opened;
	return true;
}

bool opened_report(struct console *console, struct arena *arena, const char *path,
	const struct opened *opened, struct error *err)
{
	const size_t total = opened->problems.count + opened->problems.left_out;

	if (total == 0)
		return true;
	if (console->is_json) {
		struct json answer = json_object();
		json_set(arena, &answer, STR("ok"), json_bool(false));
		json_set(arena, &answer, STR("bundle"), json_string(str_of(path)));
		json_set(arena, &answer, STR("problems"),
			console_problems_json(arena, &opened->problems));
		json_set(arena, &answer, STR("problem_count"), json_integer((int64_t)total));
		console_write_json(console, &answer, err);
	} else {
		struct buf out = {0};
		console_problems(console, &out, path, &opened->problems);
		console_write(console, buf_str(&out), err);
		buf_done(&out);
	}
	/* Told already. */
	error_set(err, ERR_INVALID_BUNDLE, "%s", "");
	return false;
}

#include "cli/command.h"
#include "cli/opened.h"
#include "cli/pinned.h"
#include "model/prompt_lock.h"
#include "packaging/pack.h"

#include <inttypes.h>

struct pack_options {
	struct remote_options remote;
	const char *output;
	bool is_json;
};

struct left_out {
	struct console *console;
	struct arena *arena;
	struct json list; /* with --json */
};

static void on_left_out(void *data, const char *path, const char *why)
{
	struct left_out *left_out = data;
	struct arena *arena = left_out->arena;

	if (!left_out->console->is_json) {
		console_notice(left_out->console, "left out: %s (%s)", path, why);
		return;
	}
	struct json row = json_object();
	json_set(arena, &row, STR("path"), json_string(str_of(arena_strdup(arena, path))));
	json_set(arena, &row, STR("why"), json_string(str_of(arena_strdup(arena, why))));
	json_append(arena, &left_out->list, row);
}

static bool write_json(struct console *console, struct arena *arena, const char *file,
	const struct pack_result *packed, struct json left_out, struct error *err)
{
	struct json answer = json_object();
	char hex[DIGEST_HEX_SIZE];

	json_set(arena, &answer, STR("file"), json_string(str_of(file)));
	json_set(arena, &answer, STR("size"), json_integer((int64_t)packed->archive_size));
	json_set(arena, &answer, STR("digest"),
		json_string(str_of(digest_hex(&packed->digest, hex))));
	json_set(arena, &answer, STR("files"), json_integer((int64_t)packed->files.count));
	json_set(arena, &answer, STR("left_out"), left_out);
	return console_write_json(console, &answer, err);
}

static bool write_text(struct console *console, const char *file, const struct pack_result *packed,
	struct error *err)
{
	struct buf out = {0};
	char hex[DIGEST_HEX_SIZE];

	console_style(&out, console->has_out_color, STYLE_GOOD, "packed");
	buf_add_char(&out, ' ');
	buf_add_visible(&out, str_of(file));
	buf_printf(&out, "\n  %-8s %zu\n  %-8s %" PRIu64 " bytes\n  %-8s sha256:%s\n", "files",
		packed->files.count, "size", packed->archive_size, "digest",
		digest_hex(&packed->digest, hex));
	const bool is_written = console_write(console, buf_str(&out), err);
	buf_done(&out);
	return is_written;
}

/* A registry is asked only where a step's prompt is there. */
static bool pin_prompts(struct console *console, struct arena *arena, const struct remote_options *options,
	const struct files_walk *walk, const char **dir, struct error *err)
{
	struct remote *remote = arena_alloc(arena, sizeof(*remote));
	struct decode_list missing;

	prompt_lock_missing(arena, *dir, &missing);
	return missing.count == 0 ||
	       (remote_open(remote, console, arena, options, err) &&
		       pinned_copy(remote, *dir, walk, &missing, dir, err));
}

static bool run(struct console *console, struct arena *arena, const void *data,
	const struct options_result *arguments, struct error *err)
{
	const struct pack_options *options = data;
	const struct opened_options how = {
		.is_offline = true, .is_checked = true, .is_source = true};
	struct left_out left_out = {.console = console, .arena = arena, .list = json_array()};
	const struct files_walk walk = {
		.limits = &archive_limits_default, .notice = on_left_out, .notice_data = &left_out};
	const char *dir = arguments->arguments[0];
	struct opened opened;
	struct pack_result packed;

	if (!pack_is_archive_name(options->output, NULL))
		return error_set(err, ERR_USAGE,
			"--output '%s': the name must end in .tar.gz, .tgz, .tar.zst, .tar or .zip",
			options->output);
	if (!pin_prompts(console, arena, &options->remote, &walk, &dir, err) ||
		!opened_read(arena, dir, &how, &opened, err))
		return false;
	if (!opened_report(console, arena, dir, &opened, err))
		return false;
	if (!pack_folder(arena, opened.package.dir, options->output, &walk, &packed, err))
		return false;
	return console->is_json
		       ? write_json(console, arena, options->output, &packed, left_out.list, err)
		       : write_text(console, options->output, &packed, err);
}

static const struct option OPTIONS[] = {
	{"output", 'o', OPTION_STRING, offsetof(struct pack_options, output), .value = "FILE",
		.is_required = true,
		.help = "archive to write; its name tells the format: .tar.gz, .tar.zst, .tar, .zip"},
	OPTION_REGISTRY(struct pack_options),
	OPTION_PROJECT(struct pack_options),
	OPTION_JSON(struct pack_options),
	{0},
};

static const char *const EXAMPLES[] = {
	"sluice pack examples/slide_generator -o slides.tar.gz", NULL};

static const struct options_spec SPEC = {
	.program = "sluice pack",
	.summary = "makes a bundle's folder an archive; the same files give the same bytes",
	.about = "Prompts that a registry keeps (prompt: prompts:/NAME@alias) are read from there, and stand in the archive with "
		 "their version and text: whoever runs it asks no registry.",
	.arguments = "DIR",
	.arguments_min = 1,
	.arguments_max = 1,
	.options = OPTIONS,
	.examples = EXAMPLES,
};

const struct command cmd_pack = {
	.name = "pack",
	.area = AREA_BUNDLES,
	.spec = &SPEC,
	.options_size = sizeof(struct pack_options),
	.json_offset = offsetof(struct pack_options, is_json),
	.run = run,
};

#include "cli/command.h"
#include "cli/compare.h"
#include "cli/source.h"

struct diff_options {
	struct remote_options remote;
	bool is_json;
};

static bool open_local(struct arena *arena, const char *what, const char **ret_dir, struct error *err)
{
	struct package package;

	if (!package_open(arena, what, NULL, NULL, &package, err))
		return false;
	*ret_dir = package.dir;
	return true;
}

static bool open_remote(struct remote *remote, const char *what, const char **ret_dir, struct error *err)
{
	struct fetched fetched;
	struct source source;

	if (!source_find(remote, what, &source, err) || !source_fetch(remote, &source, &fetched, err))
		return false;
	*ret_dir = fetched.package.dir;
	return true;
}

/* Two folders need no registry, and are not to fail for one. */
static bool open_both(struct remote *remote, const struct diff_options *options, const char *const *words,
	struct compared *ret, struct error *err)
{
	struct console *console = remote->console;
	struct arena *arena = remote->arena;
	bool is_open = false;

	for (size_t i = 0; i < 2; i++) {
		const bool is_local = source_kind_of(words[i]) == SOURCE_LOCAL;

		ret[i].name = words[i];
		if (!is_local && !is_open && !remote_open(remote, console, arena, &options->remote, err))
			return false;
		is_open = is_open || !is_local;
		if (is_local ? !open_local(arena, words[i], &ret[i].dir, err)
			     : !open_remote(remote, words[i], &ret[i].dir, err))
			return false;
	}
	return true;
}

static bool run(struct console *console, struct arena *arena, const void *data, const struct options_result *arguments,
	struct error *err)
{
	const struct diff_options *options = data;
	struct remote *remote = arena_alloc(arena, sizeof(*remote));
	struct compared compared[2];
	struct buf out = {0};
	struct json answer;

	*remote = (struct remote){.console = console, .arena = arena};
	if (!open_both(remote, options, arguments->arguments, compared, err))
		return false;
	bool is_fine = compare_bundles(arena, &compared[0], &compared[1], console->has_out_color, &out, &answer, err);
	if (is_fine && out.len == 0)
		buf_add_text(&out, "no difference\n");
	is_fine = is_fine && remote_answer(remote, &answer, &out, err);
	buf_done(&out);
	return is_fine;
}

static const struct option OPTIONS[] = {
	OPTION_REGISTRY(struct diff_options),
	OPTION_PROJECT(struct diff_options),
	OPTION_DRY_RUN(struct diff_options),
	OPTION_JSON(struct diff_options),
	{0},
};

static const char *const EXAMPLES[] = {"sluice diff slides@champion slides@challenger", "sluice diff slides/2 ./slides",
	"sluice diff old.tar.gz new.tar.gz --json", NULL};

static const struct options_spec SPEC = {
	.program = "sluice diff",
	.summary = "shows how two bundles differ: signature, config, prompts",
	.about =
		"Each is a folder, an archive, or what a registry has. The signature is compared column by column, MLmodel key "
		"by key, every other text line by line.",
	.arguments = "BUNDLE BUNDLE",
	.arguments_min = 2,
	.arguments_max = 2,
	.options = OPTIONS,
	.examples = EXAMPLES,
};

const struct command cmd_diff = {
	.name = "diff",
	.area = AREA_BUNDLES,
	.spec = &SPEC,
	.options_size = sizeof(struct diff_options),
	.json_offset = offsetof(struct diff_options, is_json),
	.run = run,
};

#include "cli/command.h"
#include "cli/completion.h"

struct completion_options {
	bool is_json;
};

static const struct {
	const char *shell;
	void (*write)(struct buf *out);
} SHELLS[] = {{"bash", completion_write_bash}, {"zsh", completion_write_zsh}};

static bool run(struct console *console, struct arena *arena, const void *options,
	const struct options_result *arguments, struct error *err)
{
	const char *wanted = arguments->arguments[0];
	struct buf out = {0};

	for (size_t i = 0; out.len == 0 && i < sizeof(SHELLS) / sizeof(SHELLS[0]); i++)
		if (strcmp(SHELLS[i].shell, wanted) == 0)
			SHELLS[i].write(&out);
	if (out.len == 0)
		return error_set(err, ERR_USAGE, "unknown shell '%s': expected bash or zsh", wanted);
	struct json answer = json_object();
	json_set(arena, &answer, STR("shell"), json_string(str_of(wanted)));
	json_set(arena, &answer, STR("script"), json_string(buf_str(&out)));
	const bool is_written = console->is_json ? console_write_json(console, &answer, err)
						 : console_write(console, buf_str(&out), err);
	buf_done(&out);
	return is_written;
}

static const struct option OPTIONS[] = {OPTION_JSON(struct completion_options), {0}};

static const char *const EXAMPLES[] = {"source <(sluice completion bash)",
	"sluice completion bash > ~/.local/share/bash-completion/completions/sluice",
	"sluice completion zsh > ~/.zfunc/_sluice  # a folder of $fpath", NULL};

static const struct options_spec SPEC = {
	.program = "sluice completion",
	.summary = "prints a shell's completion script",
	.arguments = "bash|zsh",
	.arguments_min = 1,
	.arguments_max = 1,
	.options = OPTIONS,
	.examples = EXAMPLES,
};

const struct command cmd_completion = {
	.name = "completion",
	.area = AREA_TOOL,
	.spec = &SPEC,
	.options_size = sizeof(struct completion_options),
	.json_offset = offsetof(struct completion_options, is_json),
	.run = run,
};

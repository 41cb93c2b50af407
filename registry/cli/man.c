#include "cli/man.h"

#include "base/options_value.h"

/* The character that a sequence of valid UTF-8 of `len` bytes is. */
static unsigned code_point(const char *text, size_t len)
{
	unsigned code = (unsigned char)text[0] & (0xFFu >> (len + 1));

	for (size_t i = 1; i < len; i++)
		code = code << 6 | ((unsigned char)text[i] & 0x3Fu);
	return code;
}

/* A line of text may not begin with a dot or a quote, a minus is \-, a backslash \e, and what is not ASCII \[uXXXX]. */
static void add(struct buf *out, const char *text)
{
	for (; *text != '\0'; text++) {
		const size_t len = str_utf8_step(str_of(text));

		if (len > 1) {
			buf_printf(out, "\\[u%04X]", code_point(text, len));
			text += len - 1;
			continue;
		}
		if ((*text == '.' || *text == '\'') && (out->len == 0 || out->data[out->len - 1] == '\n'))
			buf_add_text(out, "\\&");
		if (*text == '\\')
			buf_add_text(out, "\\e");
		else if (*text == '-')
			buf_add_text(out, "\\-");
		else
			buf_add_char(out, *text);
	}
}

static void section(struct buf *out, const char *name)
{
	buf_printf(out, ".SH %s\n", name);
}

const char *man_name(struct arena *arena, const struct command *command)
{
	if (command == NULL)
		return "sluice";
	char *name = arena_printf(arena, "sluice-%s", command->name);
	for (char *p = name; *p != '\0'; p++)
		if (*p == ' ')
			*p = '-';
	return name;
}

static void head(struct buf *out, const char *name, const char *summary)
{
	buf_add_text(out, ".TH \"");
	for (const char *p = name; *p != '\0'; p++)
		buf_add_char(out, *p >= 'a' && *p <= 'z' ? (char)(*p - 'a' + 'A') : *p);
	buf_add_text(out, "\" 1 \"\" \"sluice " SLUICE_VERSION "\" \"Sluice\"\n");
	section(out, "NAME");
	add(out, name);
	buf_add_text(out, " \\- ");
	add(out, summary);
	buf_add_char(out, '\n');
}

static void option_row(struct buf *out, struct arena *arena, const struct option *option)
{
	const char *fallback = option_fallback(option, arena);

	buf_add_text(out, ".TP\n");
	if (option->letter != 0)
		buf_printf(out, "\\fB\\-%c\\fR, ", option->letter);
	buf_add_text(out, "\\fB\\-\\-");
	add(out, option->name);
	buf_add_text(out, "\\fR");
	if (option->kind != OPTION_FLAG) {
		buf_add_text(out, " \\fI");
		add(out, option->value != NULL ? option->value : "VALUE");
		buf_add_text(out, "\\fR");
	}
	buf_add_char(out, '\n');
	add(out, option->help != NULL ? option->help : "");
	for (size_t i = 0; option->choices != NULL && option->choices[i] != NULL; i++) {
		buf_add_text(out, i > 0 ? ", " : ": ");
		add(out, option->choices[i]);
	}
	if (fallback != NULL) {
		buf_add_text(out, " (default: ");
		add(out, fallback);
		buf_add_char(out, ')');
	}
	buf_add_text(out, option->is_required ? " (required)\n" : "\n");
	if (!option->is_argument_only) {
		buf_add_text(out, ".br\nEnvironment: ");
		add(out, option_env_name(arena, option->name));
		buf_add_char(out, '\n');
	}
}

static void options(struct buf *out, struct arena *arena, const struct options_spec *spec)
{
	static const struct option HELP = {
		"help", 'h', OPTION_FLAG, 0, .help = "show the options", .is_argument_only = true};
	static const struct option CONFIG = {"config", 0, OPTION_STRING, 0, .value = "FILE", .is_argument_only = true,
		.help = "read options from a YAML file (key: name with underscores); command line and environment win"};

	section(out, "OPTIONS");
	for (const struct option *option = spec->options; option != NULL && option->name != NULL; option++)
		option_row(out, arena, option);
	option_row(out, arena, &CONFIG);
	option_row(out, arena, &HELP);
}

/* Codes that share a status share a row. */
static void exit_statuses(struct buf *out)
{
	section(out, "EXIT STATUS");
	buf_add_text(out, ".TP\n\\fB0\\fR\nsuccess\n");
	for (int status = 1; status < 128; status++) {
		const char *mark = "";

		for (int code = ERR_NONE + 1; code < ERR_COUNT; code++) {
			const struct error_info *info = error_info((enum error_code)code);
			if (info->exit_status != status)
				continue;
			if (mark[0] == '\0')
				buf_printf(out, ".TP\n\\fB%d\\fR\n", status);
			buf_add_text(out, mark);
			add(out, info->help);
			mark = "; ";
		}
		if (mark[0] != '\0')
			buf_add_char(out, '\n');
	}
}

static void write_command(struct buf *out, struct arena *arena, const struct command *command)
{
	const struct options_spec *spec = command->spec;

	head(out, man_name(arena, command), spec->summary);
	section(out, "SYNOPSIS");
	buf_add_text(out, ".B ");
	add(out, spec->program);
	buf_add_text(out, "\n[\\fIOPTIONS\\fR] ");
	add(out, spec->arguments != NULL ? spec->arguments : "");
	buf_add_char(out, '\n');
	if (spec->about != NULL) {
		section(out, "DESCRIPTION");
		add(out, spec->about);
		buf_add_char(out, '\n');
	}
	options(out, arena, spec);
	exit_statuses(out);
	if (spec->examples != NULL && spec->examples[0] != NULL)
		section(out, "EXAMPLES");
	for (size_t i = 0; spec->examples != NULL && spec->examples[i] != NULL; i++) {
		buf_add_text(out, ".PP\n.nf\n");
		add(out, spec->examples[i]);
		buf_add_text(out, "\n.fi\n");
	}
	section(out, "SEE ALSO");
	buf_add_text(out, ".BR sluice (1)\n");
}

static void write_all(struct buf *out, struct arena *arena)
{
	head(out, "sluice", "packs, checks and runs bundles, and keeps them in registries");
	section(out, "SYNOPSIS");
	buf_add_text(out, ".B sluice\n\\fICOMMAND\\fR [\\fIOPTIONS\\fR] ...\n");
	for (int area = 0; area < AREA_COUNT; area++) {
		section(out, command_areas[area]);
		for (size_t i = 0; commands[i] != NULL; i++) {
			if (commands[i]->area != (enum command_area)area)
				continue;
			buf_add_text(out, ".TP\n.BR ");
			add(out, man_name(arena, commands[i]));
			buf_add_text(out, " (1)\n");
			add(out, commands[i]->spec->summary);
			buf_add_char(out, '\n');
		}
	}
	exit_statuses(out);
}

void man_write(struct buf *out, const struct command *command)
{
	struct arena arena;

	arena_init(&arena);
	if (command != NULL)
		write_command(out, &arena, command);
	else
		write_all(out, &arena);
	arena_done(&arena);
}

#include "cli/completion.h"

#include "cli/command.h"

#include <stdio.h>

static const struct option CONFIG = {
	"config", 0, OPTION_STRING, 0, .value = "FILE", .help = "read options from a YAML file"};
static const struct option HELP = {"help", 'h', OPTION_FLAG, 0, .help = "show this command's page"};

/* Of command `index`: its own options, then what every program has; NULL behind the last one. */
static const struct option *option_at(const struct command *command, size_t index)
{
	const struct option *own = command->spec->options;
	size_t count = 0;

	while (own != NULL && own[count].name != NULL)
		count++;
	if (index < count)
		return &own[index];
	return index == count ? &CONFIG : index == count + 1 ? &HELP : NULL;
}

/* True for the first command of its group, and for every command without one. */
static bool begins_word(size_t index, struct str *ret_word)
{
	const struct str group = command_group_name(commands[index]);

	*ret_word = group.len > 0 ? group : str_of(commands[index]->name);
	return group.len == 0 || index == 0 || !str_eq(group, command_group_name(commands[index - 1]));
}

static const char *verb_of(const struct command *command)
{
	return command->name + command_group_name(command).len + 1;
}

/* bash */

static void bash_words(struct buf *out)
{
	struct str word;

	buf_add_text(out,
		"\tcase \"$COMP_CWORD $command\" in\n\t\"1 \"*|\"2 help\"|\"2 man\")\n\t\tCOMPREPLY=($(compgen -W \"");
	for (size_t i = 0; commands[i] != NULL; i++)
		if (begins_word(i, &word))
			buf_printf(out, "%s%.*s", i > 0 ? " " : "", STR_ARGS(word));
	buf_add_text(out, "\" -- \"$cur\"))\n\t\treturn;;\n\tesac\n");
	for (const struct command_group *group = command_groups; group->name != NULL; group++) {
		const char *mark = "";

		buf_printf(out,
			"\tif [ \"$COMP_CWORD\" -eq 2 ] && [ \"${COMP_WORDS[1]}\" = %s ]; then\n\t\tCOMPREPLY=($(compgen -W \"",
			group->name);
		for (size_t i = 0; commands[i] != NULL; i++) {
			if (!str_is(command_group_name(commands[i]), group->name))
				continue;
			buf_printf(out, "%s%s", mark, verb_of(commands[i]));
			mark = " ";
		}
		buf_add_text(out, "\" -- \"$cur\"))\n\t\treturn\n\tfi\n");
	}
}

static void bash_choices(struct buf *out, const struct command *command)
{
	for (size_t i = 0; option_at(command, i) != NULL; i++) {
		const struct option *option = option_at(command, i);

		if (option->choices == NULL)
			continue;
		buf_printf(out, "\t\"%s --%s\")\n\t\tCOMPREPLY=($(compgen -W \"", command->name, option->name);
		for (size_t j = 0; option->choices[j] != NULL; j++)
			buf_printf(out, "%s%s", j > 0 ? " " : "", option->choices[j]);
		buf_add_text(out, "\" -- \"$cur\"))\n\t\treturn;;\n");
	}
}

static void bash_options(struct buf *out, const struct command *command)
{
	buf_printf(out, "\t\"%s\") options=\"", command->name);
	for (size_t i = 0; option_at(command, i) != NULL; i++) {
		const struct option *option = option_at(command, i);

		buf_printf(out, "%s--%s", i > 0 ? " " : "", option->name);
		if (option->letter != 0)
			buf_printf(out, " -%c", option->letter);
	}
	buf_add_text(out, "\";;\n");
}

void completion_write_bash(struct buf *out)
{
	buf_add_text(out,
		"# bash completion of sluice, made by `sluice completion bash` from the tool's own tables.\n"
		"_sluice()\n{\n\tlocal cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]} command=${COMP_WORDS[1]} options=\n"
		"\tCOMPREPLY=()\n");
	bash_words(out);
	buf_add_text(out, "\tcase $command in\n\t");
	for (const struct command_group *group = command_groups; group->name != NULL; group++)
		buf_printf(out, "%s%s", group == command_groups ? "" : "|", group->name);
	buf_add_text(out, ") command=\"$command ${COMP_WORDS[2]}\";;\n\tesac\n\tcase \"$command $prev\" in\n");
	for (size_t i = 0; commands[i] != NULL; i++)
		bash_choices(out, commands[i]);
	buf_add_text(out, "\tesac\n\tcase $cur in -*) ;; *) return;; esac\n\tcase $command in\n");
	for (size_t i = 0; commands[i] != NULL; i++)
		bash_options(out, commands[i]);
	buf_add_text(out,
		"\tesac\n\tCOMPREPLY=($(compgen -W \"$options\" -- \"$cur\"))\n}\ncomplete -o default -F _sluice sluice\n");
}

/* zsh */

/* Inside '…' of a spec: quotes, and the marks of _arguments and _describe. */
static void zsh_text(struct buf *out, struct str text)
{
	for (size_t i = 0; i < text.len; i++) {
		if (text.data[i] == '\'')
			buf_add_text(out, "'\\''");
		else if (strchr(":[]\\", text.data[i]) != NULL)
			buf_printf(out, "\\%c", text.data[i]);
		else
			buf_add_char(out, text.data[i]);
	}
}

static void zsh_row(struct buf *out, struct str word, const char *summary)
{
	buf_add_text(out, "\t\t'");
	zsh_text(out, word);
	buf_add_char(out, ':');
	zsh_text(out, str_of(summary));
	buf_add_text(out, "'\n");
}

static void zsh_value(struct buf *out, const struct option *option)
{
	if (option->kind == OPTION_FLAG)
		return;
	buf_add_char(out, ':');
	zsh_text(out, str_of(option->value != NULL ? option->value : "VALUE"));
	buf_add_char(out, ':');
	if (option->choices == NULL) {
		buf_add_text(out, "_files");
		return;
	}
	for (size_t i = 0; option->choices[i] != NULL; i++)
		buf_printf(out, "%s%s", i > 0 ? " " : "(", option->choices[i]);
	buf_add_char(out, ')');
}

static void zsh_option(struct buf *out, const struct option *option, const char *spelling)
{
	buf_printf(out, " \\\n\t\t\t'%s%s[", option->kind == OPTION_STRINGS ? "*" : "", spelling);
	zsh_text(out, str_of(option->help != NULL ? option->help : ""));
	buf_add_char(out, ']');
	zsh_value(out, option);
	buf_add_char(out, '\'');
}

static void zsh_options(struct buf *out, const struct command *command)
{
	char spelling[64];

	buf_printf(out, "\t'%s')\n\t\t_arguments", command->name);
	for (size_t i = 0; option_at(command, i) != NULL; i++) {
		const struct option *option = option_at(command, i);

		snprintf(spelling, sizeof(spelling), "--%s", option->name);
		zsh_option(out, option, spelling);
		if (option->letter == 0)
			continue;
		snprintf(spelling, sizeof(spelling), "-%c", option->letter);
		zsh_option(out, option, spelling);
	}
	buf_add_text(out, command->spec->arguments != NULL ? " \\\n\t\t\t'*:argument:_files';;\n" : ";;\n");
}

void completion_write_zsh(struct buf *out)
{
	struct str word;

	buf_add_text(out,
		"#compdef sluice\n# zsh completion of sluice, made by `sluice completion zsh` from the tool's own tables.\n"
		"_sluice()\n{\n\tlocal command=$words[2]\n\tlocal -a rows\n\tif (( CURRENT == 2 )); then\n\t\trows=(\n");
	for (size_t i = 0; commands[i] != NULL; i++) {
		if (!begins_word(i, &word))
			continue;
		const bool is_single = command_group_name(commands[i]).len == 0;
		char name[32];
		snprintf(name, sizeof(name), "%.*s", STR_ARGS(word));
		zsh_row(out, word, is_single ? commands[i]->spec->summary : command_group_find(name)->summary);
	}
	buf_add_text(out, "\t\t)\n\t\t_describe command rows\n\t\treturn\n\tfi\n");
	for (const struct command_group *group = command_groups; group->name != NULL; group++) {
		buf_printf(out, "\tif [[ $command == %s ]]; then\n\t\trows=(\n", group->name);
		for (size_t i = 0; commands[i] != NULL; i++)
			if (str_is(command_group_name(commands[i]), group->name))
				zsh_row(out, str_of(verb_of(commands[i])), commands[i]->spec->summary);
		buf_add_text(out, "\t\t)\n\t\tif (( CURRENT == 3 )); then _describe verb rows; return; fi\n"
				  "\t\tcommand=\"$command $words[3]\"\n\t\tshift words\n\t\t(( CURRENT-- ))\n\tfi\n");
	}
	buf_add_text(out, "\tshift words\n\t(( CURRENT-- ))\n\tcase $command in\n");
	for (size_t i = 0; commands[i] != NULL; i++)
		zsh_options(out, commands[i]);
	buf_add_text(out, "\tesac\n}\n_sluice \"$@\"\n");
}

#include "cli/man.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "packaging/files.h"

struct man_options {
	const char *output;
	bool is_json;
};

static bool write_page(
	struct arena *arena, int dir_fd, const struct command *command, struct json *names, struct error *err)
{
	const char *name = arena_printf(arena, "%s.1", man_name(arena, command));
	struct buf page = {0};
	const int fd = openat(dir_fd, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

	man_write(&page, command);
	const bool is_written = fd >= 0 && files_write_all(fd, buf_str(&page));
	const int why = errno;
	buf_done(&page);
	if (fd >= 0)
		close(fd);
	json_append(arena, names, json_string(str_of(name)));
	return is_written || error_set_errno(err, ERR_INTERNAL, why, "write '%s'", name);
}

static bool write_pages(struct console *console, struct arena *arena, const char *folder, struct error *err)
{
	struct json answer = json_object(), names = json_array();

	if (mkdir(folder, 0755) != 0 && errno != EEXIST)
		return error_set_errno(err, ERR_USAGE, errno, "--output '%s'", folder);
	const int dir_fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir_fd < 0)
		return error_set_errno(err, ERR_USAGE, errno, "--output '%s'", folder);
	bool is_fine = write_page(arena, dir_fd, NULL, &names, err);
	for (size_t i = 0; is_fine && commands[i] != NULL; i++)
		is_fine = write_page(arena, dir_fd, commands[i], &names, err);
	close(dir_fd);
	json_set(arena, &answer, STR("pages"), names);
	if (is_fine && console->is_json)
		return console_write_json(console, &answer, err);
	return is_fine;
}

static bool run(struct console *console, struct arena *arena, const void *data, const struct options_result *arguments,
	struct error *err)
{
	const struct man_options *options = data;
	const struct command *command = NULL;
	struct buf page = {0};
	size_t used = 0;

	if (options->output != NULL && arguments->argument_count == 0)
		return write_pages(console, arena, options->output, err);
	if (options->output != NULL)
		return error_set(err, ERR_USAGE, "--output DIR writes all pages: name no command");
	if (arguments->argument_count > 0) {
		command = command_find(arguments->arguments, arguments->argument_count, &used, err);
		if (command == NULL)
			return false;
		if (used < arguments->argument_count)
			return error_set(err, ERR_USAGE, "'%s' has no verbs", command->name);
	}
	man_write(&page, command);
	struct json answer = json_object();
	json_set(arena, &answer, STR("page"), json_string(buf_str(&page)));
	const bool is_written = console->is_json ? console_write_json(console, &answer, err)
						 : console_write(console, buf_str(&page), err);
	buf_done(&page);
	return is_written;
}

static const struct option OPTIONS[] = {
	{"output", 'o', OPTION_STRING, offsetof(struct man_options, output), .value = "DIR", .is_argument_only = true,
		.help = "write all pages here, for a folder of MANPATH: …/man/man1"},
	OPTION_JSON(struct man_options),
	{0},
};

static const char *const EXAMPLES[] = {"sluice man register | man -l -", "sluice man alias set > sluice-alias-set.1",
	"sluice man -o ~/.local/share/man/man1", NULL};

static const struct options_spec SPEC = {
	.program = "sluice man",
	.summary = "prints a command's manual page, or writes those of all",
	.arguments = "[COMMAND [VERB]]",
	.arguments_max = 2,
	.options = OPTIONS,
	.examples = EXAMPLES,
};

const struct command cmd_man = {
	.name = "man",
	.area = AREA_TOOL,
	.spec = &SPEC,
	.options_size = sizeof(struct man_options),
	.json_offset = offsetof(struct man_options, is_json),
	.run = run,
};

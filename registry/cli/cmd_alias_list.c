#include "cli/command.h"
#include "cli/remote.h"
#include "cli/table.h"
#include "client/models.h"

struct list_options {
	struct remote_options remote;
	bool is_json;
};

static bool run(struct console *console, struct arena *arena, const void *data, const struct options_result *arguments,
	struct error *err)
{
	static const char *const HEADERS[] = {"ALIAS", "VERSION", NULL};
	const struct list_options *options = data;
	struct json answer = json_object(), list = json_object();
	struct remote *remote = arena_alloc(arena, sizeof(*remote));
	struct client_aliases aliases;
	struct table table;
	struct buf out = {0};

	if (!remote_open(remote, console, arena, &options->remote, err) ||
		!remote_wait(remote,
			client_aliases_list(remote->client, arena, str_of(arguments->arguments[0]), &aliases), err))
		return false;
	table_init(&table, arena, HEADERS);
	for (size_t i = 0; i < aliases.count; i++) {
		const struct str cells[] = {aliases.items[i].alias, aliases.items[i].version};
		table_add(&table, cells);
		json_set(arena, &list, cells[0], json_string(cells[1]));
	}
	table_write(&out, &table, console->has_out_color);
	json_set(arena, &answer, STR("name"), json_string(str_of(arguments->arguments[0])));
	json_set(arena, &answer, STR("aliases"), list);
	const bool is_written = remote_answer(remote, &answer, &out, err);
	buf_done(&out);
	return is_written;
}

static const struct option OPTIONS[] = {
	OPTION_REGISTRY(struct list_options),
	OPTION_PROJECT(struct list_options),
	OPTION_DRY_RUN(struct list_options),
	OPTION_JSON(struct list_options),
	{0},
};

static const char *const EXAMPLES[] = {"sluice alias list slides", NULL};

static const struct options_spec SPEC = {
	.program = "sluice alias list",
	.summary = "lists a model's aliases",
	.arguments = "MODEL",
	.arguments_min = 1,
	.arguments_max = 1,
	.options = OPTIONS,
	.examples = EXAMPLES,
};

const struct command cmd_alias_list = {
	.name = "alias list",
	.area = AREA_REGISTRY,
	.spec = &SPEC,
	.options_size = sizeof(struct list_options),
	.json_offset = offsetof(struct list_options, is_json),
	.run = run,
};

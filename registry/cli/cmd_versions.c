#include "cli/command.h"
#include "cli/record.h"
#include "cli/remote.h"
#include "cli/table.h"
#include "client/search.h"

struct versions_options {
	struct remote_options remote;
	int64_t max;
	bool is_json;
};

enum { DIGEST_SHOWN = 12 };

static void add_row(struct table *table, struct arena *arena, const struct json *record)
{
	const struct str digest = record_cell(arena, record, STR("digest"));
	const struct str cells[] = {
		record_cell(arena, record, STR("version")),
		record_cell(arena, record, STR("aliases")),
		record_cell(arena, record, STR("stage")),
		record_cell(arena, record, STR("status")),
		{digest.data, digest.len < DIGEST_SHOWN ? digest.len : DIGEST_SHOWN},
		record_cell(arena, record, STR("created")),
		record_cell(arena, record, STR("description")),
	};

	table_add(table, cells);
}

static bool run(struct console *console, struct arena *arena, const void *data, const struct options_result *arguments,
	struct error *err)
{
	static const char *const HEADERS[] = {
		"VERSION", "ALIASES", "STAGE", "STATUS", "DIGEST", "CREATED", "DESCRIPTION", NULL};
	const struct versions_options *options = data;
	struct json answer = json_object(), list = json_array();
	struct remote *remote = arena_alloc(arena, sizeof(*remote));
	struct client_versions versions;
	struct client_aliases aliases;
	struct table table;
	struct buf out = {0};

	if (!remote_open(remote, console, arena, &options->remote, err) ||
		!remote_wait(remote,
			client_versions_of(remote->client, arena, str_of(arguments->arguments[0]), (size_t)options->max,
				&versions),
			err) ||
		!remote_wait(remote,
			client_aliases_list(remote->client, arena, str_of(arguments->arguments[0]), &aliases), err))
		return false;
	table_init(&table, arena, HEADERS);
	for (size_t i = 0; i < versions.count; i++) {
		struct json record = record_version(arena, &versions.items[i]);
		record_set_aliases(arena, &record, &aliases);
		json_append(arena, &list, record);
		add_row(&table, arena, &record);
	}
	table_write(&out, &table, console->has_out_color);
	json_set(arena, &answer, STR("versions"), list);
	json_set(arena, &answer, STR("more"), json_bool(versions.is_cut));
	const bool is_written = remote_answer(remote, &answer, &out, err);
	buf_done(&out);
	if (versions.is_cut && !console->is_json)
		console_notice(console, "there are more: see --max");
	return is_written;
}

static const struct option OPTIONS[] = {
	{"max", 'm', OPTION_INTEGER, offsetof(struct versions_options, max), .value = "N", .fallback = "100", .min = 1,
		.max = 100000, .help = "at most this many, the highest ones"},
	OPTION_REGISTRY(struct versions_options),
	OPTION_PROJECT(struct versions_options),
	OPTION_DRY_RUN(struct versions_options),
	OPTION_JSON(struct versions_options),
	{0},
};

static const char *const EXAMPLES[] = {"sluice versions slides", "sluice versions slides --json", NULL};

static const struct options_spec SPEC = {
	.program = "sluice versions",
	.summary = "lists a model's versions, the highest first",
	.arguments = "MODEL",
	.arguments_min = 1,
	.arguments_max = 1,
	.options = OPTIONS,
	.examples = EXAMPLES,
};

const struct command cmd_versions = {
	.name = "versions",
	.area = AREA_REGISTRY,
	.spec = &SPEC,
	.options_size = sizeof(struct versions_options),
	.json_offset = offsetof(struct versions_options, is_json),
	.run = run,
};

/* alias log and alias at: what sluiced's registry remembers. */
#include "cli/command.h"
#include "cli/record.h"
#include "cli/remote.h"
#include "cli/table.h"
#include "client/search.h"

struct log_options {
	struct remote_options remote;
	const char *alias;
	int64_t max;
	bool is_json;
};

struct at_options {
	struct remote_options remote;
	const char *time;
	bool is_json;
};

static bool run_log(struct console *console, struct arena *arena, const void *data,
	const struct options_result *arguments, struct error *err)
{
	static const char *const HEADERS[] = {
		"TIME", "ACTION", "ALIAS", "VERSION", "BEFORE", "AFTER", "WHO", "WHY", NULL};
	static const char *const KEYS[] = {"time", "action", "alias", "version", "before", "after", "who", "why"};
	const struct log_options *options = data;
	struct remote *remote = arena_alloc(arena, sizeof(*remote));
	struct json answer = json_object(), moves = json_array();
	struct str cells[TABLE_COLUMNS_MAX];
	struct table table;
	struct buf out = {0};

	if (!remote_open(remote, console, arena, &options->remote, err) ||
		!remote_wait(remote,
			client_history(remote->client, arena, str_of(arguments->arguments[0]), str_of(options->alias),
				(size_t)options->max, &moves),
			err))
		return false;
	table_init(&table, arena, HEADERS);
	for (size_t i = 0; json_type(&moves) == JSON_ARRAY && i < moves.size; i++) {
		for (size_t j = 0; j < sizeof(KEYS) / sizeof(KEYS[0]); j++)
			cells[j] = record_cell(arena, &moves.items[i], str_of(KEYS[j]));
		table_add(&table, cells);
	}
	table_write(&out, &table, console->has_out_color);
	json_set(arena, &answer, STR("moves"), moves);
	const bool is_written = remote_answer(remote, &answer, &out, err);
	buf_done(&out);
	return is_written;
}

static bool run_at(struct console *console, struct arena *arena, const void *data,
	const struct options_result *arguments, struct error *err)
{
	const struct at_options *options = data;
	struct str alias = str_of(arguments->arguments[0]), name;
	struct remote *remote = arena_alloc(arena, sizeof(*remote));
	struct buf out = {0};
	struct json record;

	if (!str_cut(&alias, '@', &name) || name.len == 0 || alias.len == 0)
		return error_set(err, ERR_USAGE, "expected MODEL@ALIAS, got '%s'", arguments->arguments[0]);
	if (!remote_open(remote, console, arena, &options->remote, err) ||
		!remote_wait(remote,
			client_alias_at(remote->client, arena, name, alias, str_of(options->time), &record), err))
		return false;
	record_write(&out, arena, &record);
	const bool is_written = remote_answer(remote, &record, &out, err);
	buf_done(&out);
	return is_written;
}

static const struct option LOG_OPTIONS[] = {
	{"alias", 'a', OPTION_STRING, offsetof(struct log_options, alias), .value = "ALIAS",
		.help = "only this one's moves; without it stages and version changes, too"},
	{"max", 'm', OPTION_INTEGER, offsetof(struct log_options, max), .value = "N", .fallback = "100", .min = 1,
		.max = 100000, .help = "at most this many, the newest ones"},
	OPTION_REGISTRY(struct log_options),
	OPTION_PROJECT(struct log_options),
	OPTION_DRY_RUN(struct log_options),
	OPTION_JSON(struct log_options),
	{0},
};

static const char *const LOG_EXAMPLES[] = {"sluice alias log slides", "sluice alias log slides --alias champion", NULL};

static const struct options_spec LOG_SPEC = {
	.program = "sluice alias log",
	.summary = "shows what moved, when, by whom and why (sluiced's registry only)",
	.arguments = "MODEL",
	.arguments_min = 1,
	.arguments_max = 1,
	.options = LOG_OPTIONS,
	.examples = LOG_EXAMPLES,
};

const struct command cmd_alias_log = {
	.name = "alias log",
	.area = AREA_REGISTRY,
	.spec = &LOG_SPEC,
	.options_size = sizeof(struct log_options),
	.json_offset = offsetof(struct log_options, is_json),
	.run = run_log,
};

static const struct option AT_OPTIONS[] = {
	{"time", 't', OPTION_STRING, offsetof(struct at_options, time), .value = "TIME", .is_required = true,
		.help = "RFC 3339 (2026-03-03T12:00:00Z), or milliseconds since 1970"},
	OPTION_REGISTRY(struct at_options),
	OPTION_PROJECT(struct at_options),
	OPTION_DRY_RUN(struct at_options),
	OPTION_JSON(struct at_options),
	{0},
};

static const char *const AT_EXAMPLES[] = {"sluice alias at slides@champion --time 2026-03-03T12:00:00Z", NULL};

static const struct options_spec AT_SPEC = {
	.program = "sluice alias at",
	.summary = "tells which version an alias pointed at then (sluiced's registry only)",
	.arguments = "MODEL@ALIAS",
	.arguments_min = 1,
	.arguments_max = 1,
	.options = AT_OPTIONS,
	.examples = AT_EXAMPLES,
};

const struct command cmd_alias_at = {
	.name = "alias at",
	.area = AREA_REGISTRY,
	.spec = &AT_SPEC,
	.options_size = sizeof(struct at_options),
	.json_offset = offsetof(struct at_options, is_json),
	.run = run_at,
};

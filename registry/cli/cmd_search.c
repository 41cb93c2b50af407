#include "cli/command.h"
#include "cli/record.h"
#include "cli/remote.h"
#include "cli/table.h"
#include "client/search.h"

struct search_options {
	struct remote_options remote;
	const char *filter, *order_by;
	int64_t max;
	bool is_versions, is_json;
};

struct found {
	struct json list;
	struct table table;
	bool is_cut;
};

static bool search_models(
	struct remote *remote, const struct client_search *search, struct found *found, struct error *err)
{
	static const char *const HEADERS[] = {"MODEL", "LATEST", "ALIASES", "UPDATED", "DESCRIPTION", NULL};
	struct arena *arena = remote->arena;
	struct client_models models;

	if (!remote_wait(remote, client_models_search(remote->client, arena, search, &models), err))
		return false;
	table_init(&found->table, arena, HEADERS);
	found->is_cut = models.is_cut;
	for (size_t i = 0; i < models.count; i++) {
		const struct json record = record_model(arena, &models.items[i]);
		const struct str cells[] = {
			record_cell(arena, &record, STR("name")),
			record_cell(arena, &record, STR("latest")),
			record_cell(arena, &record, STR("aliases")),
			record_cell(arena, &record, STR("updated")),
			record_cell(arena, &record, STR("description")),
		};
		json_append(arena, &found->list, record);
		table_add(&found->table, cells);
	}
	return true;
}

static bool search_versions(
	struct remote *remote, const struct client_search *search, struct found *found, struct error *err)
{
	static const char *const HEADERS[] = {"MODEL", "VERSION", "STAGE", "STATUS", "CREATED", "DESCRIPTION", NULL};
	struct arena *arena = remote->arena;
	struct client_versions versions;

	if (!remote_wait(remote, client_versions_search(remote->client, arena, search, &versions), err))
		return false;
	table_init(&found->table, arena, HEADERS);
	found->is_cut = versions.is_cut;
	for (size_t i = 0; i < versions.count; i++) {
		const struct json record = record_version(arena, &versions.items[i]);
		const struct str cells[] = {
			record_cell(arena, &record, STR("name")),
			record_cell(arena, &record, STR("version")),
			record_cell(arena, &record, STR("stage")),
			record_cell(arena, &record, STR("status")),
			record_cell(arena, &record, STR("created")),
			record_cell(arena, &record, STR("description")),
		};
		json_append(arena, &found->list, record);
		table_add(&found->table, cells);
	}
	return true;
}

static bool run(struct console *console, struct arena *arena, const void *data, const struct options_result *arguments,
	struct error *err)
{
	const struct search_options *options = data;
	const struct client_search search = {
		.filter = str_of(options->filter), .order_by = str_of(options->order_by), .max = (size_t)options->max};
	struct remote *remote = arena_alloc(arena, sizeof(*remote));
	struct found found = {.list = json_array()};
	struct json answer = json_object();
	struct buf out = {0};

	if (!remote_open(remote, console, arena, &options->remote, err) ||
		!(options->is_versions ? search_versions : search_models)(remote, &search, &found, err))
		return false;
	table_write(&out, &found.table, console->has_out_color);
	json_set(arena, &answer, options->is_versions ? STR("versions") : STR("models"), found.list);
	json_set(arena, &answer, STR("more"), json_bool(found.is_cut));
	const bool is_written = remote_answer(remote, &answer, &out, err);
	buf_done(&out);
	if (found.is_cut && !console->is_json)
		console_notice(console, "there are more: see --max");
	return is_written;
}

#define AT(field_) offsetof(struct search_options, field_)

static const struct option OPTIONS[] = {
	{"filter", 'f', OPTION_STRING, AT(filter), .value = "TEXT",
		.help = "MLflow's: name LIKE 'slide%', tags.team = 'search'; of versions also version_number, run_id, "
			"source_path"},
	{"order-by", 0, OPTION_STRING, AT(order_by), .value = "TEXT",
		.help = "name DESC, last_updated_timestamp DESC, …"},
	{"max", 'm', OPTION_INTEGER, AT(max), .value = "N", .fallback = "100", .min = 1, .max = 100000,
		.help = "at most this many"},
	{"versions", 0, OPTION_FLAG, AT(is_versions), .help = "search versions, not models"},
	OPTION_REGISTRY(struct search_options),
	OPTION_PROJECT(struct search_options),
	OPTION_DRY_RUN(struct search_options),
	OPTION_JSON(struct search_options),
	{0},
};

static const char *const EXAMPLES[] = {"sluice search --filter \"name LIKE 'slide%'\" --order-by 'name DESC'",
	"sluice search --versions --filter \"name = 'slides'\" --max 5 --json", NULL};

static const struct options_spec SPEC = {
	.program = "sluice search",
	.summary = "finds models, or versions, with MLflow's filters",
	.options = OPTIONS,
	.examples = EXAMPLES,
};

const struct command cmd_search = {
	.name = "search",
	.area = AREA_REGISTRY,
	.spec = &SPEC,
	.options_size = sizeof(struct search_options),
	.json_offset = offsetof(struct search_options, is_json),
	.run = run,
};

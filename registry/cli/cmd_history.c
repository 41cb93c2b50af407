#include "cli/command.h"
#include "cli/endpoint.h"
#include "cli/record.h"
#include "cli/table.h"

#include <inttypes.h>

struct history_options {
	struct remote_options remote;
	int64_t max;
	bool is_json;
};

/* ---- sluiced: every config ---- */

static void set_text(struct arena *arena, struct json *record, const char *key, struct str text)
{
	if (text.len > 0)
		json_set(arena, record, str_of(key), json_string(text));
}

/* "slides/4 90, slides@champion → 3 10" */
static struct str serves_text(struct arena *arena, const struct json *config)
{
	const struct json *entities = endpoint_entities(config), traffic = endpoint_traffic(arena, config);
	struct buf out = {0};

	for (size_t i = 0; entities != NULL && i < entities->size; i++) {
		const struct json *entity = &entities->items[i];
		const struct json *percent = json_get(&traffic, json_str(json_get(entity, STR("name"))));
		const struct str version = json_str(json_get(entity, STR("entity_version")));
		const struct str resolved = json_str(json_get(entity, STR("resolved_entity_version")));

		buf_printf(&out, "%s%.*s%s%.*s", i > 0 ? ", " : "",
			STR_ARGS(json_str(json_get(entity, STR("entity_name")))),
			str_starts(version, STR("@")) ? "" : "/", STR_ARGS(version));
		if (resolved.len > 0 && !str_eq(resolved, version))
			buf_printf(&out, " → %.*s", STR_ARGS(resolved));
		if (entities->size > 1 && percent != NULL)
			buf_printf(&out, " %" PRId64 " %%", percent->integer);
	}
	const struct str text = {arena_memdup(arena, out.data, out.len), out.len};
	buf_done(&out);
	return text;
}

static struct json config_record(struct arena *arena, const struct json *config)
{
	struct json record = json_object();

	json_set(arena, &record, STR("config_version"), *json_get(config, STR("config_version")));
	record_set_time(arena, &record, STR("time"), json_get(config, STR("creation_timestamp")));
	record_set_time(arena, &record, STR("served"), json_get(config, STR("served_timestamp")));
	set_text(arena, &record, "state", json_str(json_get(config, STR("state"))));
	json_set(arena, &record, STR("serves"), json_string(serves_text(arena, config)));
	json_set(arena, &record, STR("traffic"), endpoint_traffic(arena, config));
	set_text(arena, &record, "who", json_str(json_get(config, STR("who"))));
	set_text(arena, &record, "why", json_str(json_get(config, STR("why"))));
	set_text(arena, &record, "message", json_str(json_get(config, STR("message"))));
	return record;
}

/* A config that failed says why; its reason was what somebody wanted. */
static struct str reason(const struct json *record)
{
	const struct str message = json_str(json_get(record, STR("message")));

	return str_is(json_str(json_get(record, STR("state"))), "failed") && message.len > 0
		       ? message
		       : json_str(json_get(record, STR("why")));
}

static bool show_configs(struct remote *remote, struct str name, int64_t max, struct error *err)
{
	static const char *const HEADERS[] = {"CONFIG", "TIME", "STATE", "SERVES", "WHO", "WHY", NULL};
	struct arena *arena = remote->arena;
	struct json history, answer = json_object(), list = json_array();
	struct table table;
	struct buf out = {0};

	if (!remote_wait(remote, client_endpoint_history(remote->client, arena, name, (size_t)max, &history), err))
		return false;
	table_init(&table, arena, HEADERS);
	for (size_t i = 0; i < history.size; i++) {
		const struct json record = config_record(arena, &history.items[i]);
		const struct str cells[] = {record_cell(arena, &record, STR("config_version")),
			record_cell(arena, &record, STR("time")), json_str(json_get(&record, STR("state"))),
			json_str(json_get(&record, STR("serves"))), json_str(json_get(&record, STR("who"))),
			reason(&record)};

		table_add(&table, cells);
		json_append(arena, &list, record);
	}
	table_write(&out, &table, remote->console->has_out_color);
	json_set(arena, &answer, STR("configs"), list);
	const bool is_written = remote_answer(remote, &answer, &out, err);
	buf_done(&out);
	return is_written;
}

/* ---- Databricks: only what happened ---- */

static struct json event_record(struct arena *arena, const struct json *event)
{
	struct json record = json_object();

	record_set_time(arena, &record, STR("time"), json_get(event, STR("timestamp")));
	set_text(arena, &record, "type", json_str(json_get(event, STR("type"))));
	set_text(arena, &record, "who", json_str(json_get(event, STR("who"))));
	set_text(arena, &record, "message", json_str(json_get(event, STR("message"))));
	return record;
}

static bool show_events(struct remote *remote, struct str name, int64_t max, struct error *err)
{
	static const char *const HEADERS[] = {"TIME", "EVENT", "WHO", "MESSAGE", NULL};
	struct arena *arena = remote->arena;
	struct json events, answer = json_object(), list = json_array();
	struct table table;
	struct buf out = {0};

	if (!remote_wait(remote, client_endpoint_events(remote->client, arena, name, &events), err))
		return false;
	table_init(&table, arena, HEADERS);
	for (size_t i = 0; i < events.size && i < (size_t)max; i++) {
		const struct json record = event_record(arena, &events.items[i]);
		const struct str cells[] = {record_cell(arena, &record, STR("time")),
			json_str(json_get(&record, STR("type"))), json_str(json_get(&record, STR("who"))),
			json_str(json_get(&record, STR("message")))};

		table_add(&table, cells);
		json_append(arena, &list, record);
	}
	table_write(&out, &table, remote->console->has_out_color);
	json_set(arena, &answer, STR("events"), list);
	const bool is_written = remote_answer(remote, &answer, &out, err);
	buf_done(&out);
	if (is_written && !remote->console->is_json)
		console_notice(remote->console, "Databricks keeps no earlier configs: these are the endpoint's events");
	return is_written;
}

static bool run(struct console *console, struct arena *arena, const void *data, const struct options_result *arguments,
	struct error *err)
{
	const struct history_options *options = data;
	const struct str name = str_of(arguments->arguments[0]);
	struct remote *remote = arena_alloc(arena, sizeof(*remote));
	struct json endpoint;

	if (!remote_open(remote, console, arena, &options->remote, err) || !endpoint_find(remote, name, &endpoint, err))
		return false;
	return remote->target.serving.is_databricks ? show_events(remote, name, options->max, err)
						    : show_configs(remote, name, options->max, err);
}

static const struct option OPTIONS[] = {
	{"max", 'm', OPTION_INTEGER, offsetof(struct history_options, max), .value = "N", .fallback = "50", .min = 1,
		.max = 100000, .help = "at most this many, the newest ones"},
	OPTIONS_SERVING(struct history_options),
	{0},
};

static const char *const EXAMPLES[] = {"sluice history slides", "sluice history slides --max 5 --json", NULL};

static const struct options_spec SPEC = {
	.program = "sluice history",
	.summary = "shows what an endpoint served, since when, who deployed it and why; of Databricks its events",
	.arguments = "ENDPOINT",
	.arguments_min = 1,
	.arguments_max = 1,
	.options = OPTIONS,
	.examples = EXAMPLES,
};

const struct command cmd_history = {
	.name = "history",
	.area = AREA_SERVING,
	.spec = &SPEC,
	.options_size = sizeof(struct history_options),
	.json_offset = offsetof(struct history_options, is_json),
	.run = run,
};

#include "cli/command.h"
#include "cli/endpoint.h"
#include "cli/load.h"
#include "cli/record.h"
#include "cli/table.h"

#include <inttypes.h>

struct status_options {
	struct remote_options remote;
	bool is_json;
};

/* "slides/4, slides/3": of all served entities. */
static struct str serves_of(struct arena *arena, const struct json *record)
{
	const struct json *entities = json_get(record, STR("entities"));
	struct buf out = {0};

	for (size_t i = 0; i < entities->size; i++) {
		const struct str version = json_str(json_get(&entities->items[i], STR("version")));
		const struct str follows = json_str(json_get(&entities->items[i], STR("follows")));

		buf_printf(&out, "%s%.*s%.*s%s%.*s", i > 0 ? ", " : "",
			STR_ARGS(json_str(json_get(&entities->items[i], STR("model")))), STR_ARGS(follows),
			version.len > 0 ? (follows.len > 0 ? " → " : "/") : "", STR_ARGS(version));
	}
	const struct str text = {arena_memdup(arena, out.data, out.len), out.len};
	buf_done(&out);
	return text;
}

/* The list of Databricks tells no traffic. */
static struct str traffic_of(struct arena *arena, const struct json *record)
{
	const struct json *entities = json_get(record, STR("entities"));
	struct buf out = {0};

	for (size_t i = 0; i < entities->size; i++) {
		const struct json *traffic = json_get(&entities->items[i], STR("traffic"));
		if (traffic != NULL)
			buf_printf(&out, "%s%" PRId64, out.len > 0 ? "," : "", traffic->integer);
	}
	const struct str text = {arena_memdup(arena, out.data, out.len), out.len};
	buf_done(&out);
	return text;
}

static bool run_all(struct remote *remote, struct error *err)
{
	static const char *const HEADERS[] = {"ENDPOINT", "STATE", "UPDATE", "SERVES", "TRAFFIC", "UPDATED", NULL};
	struct arena *arena = remote->arena;
	struct json list, answer = json_object(), records = json_array();
	struct table table;
	struct buf out = {0};

	if (!remote_wait(remote, client_endpoints_list(remote->client, arena, &list), err))
		return false;
	table_init(&table, arena, HEADERS);
	for (size_t i = 0; i < list.size; i++) {
		const struct json record = endpoint_record(remote, &list.items[i]);
		const struct str cells[] = {json_str(json_get(&record, STR("name"))),
			json_str(json_get(&record, STR("state"))), json_str(json_get(&record, STR("update"))),
			serves_of(arena, &record), traffic_of(arena, &record),
			record_cell(arena, &record, STR("updated"))};

		table_add(&table, cells);
		json_append(arena, &records, record);
	}
	table_write(&out, &table, remote->console->has_out_color);
	json_set(arena, &answer, STR("endpoints"), records);
	const bool is_written = remote_answer(remote, &answer, &out, err);
	buf_done(&out);
	return is_written;
}

static void write_line(struct buf *out, const char *name, struct str text)
{
	if (text.len == 0)
		return;
	buf_printf(out, "  %-8s ", name);
	buf_add_visible(out, text);
	buf_add_char(out, '\n');
}

static void write_pending(struct buf *out, struct remote *remote, const struct json *record)
{
	const struct json *pending = json_get(record, STR("pending"));

	if (pending == NULL)
		return;
	buf_printf(out, "\n%s:\n",
		str_is(json_str(json_get(record, STR("update"))), "IN_PROGRESS") ? "being deployed" : "not deployed");
	endpoint_write_entities(out, remote, pending);
}

static void write_one(struct buf *out, struct remote *remote, const struct json *record)
{
	struct arena *arena = remote->arena;
	const struct json *version = json_get(record, STR("config_version"));
	const struct str state = json_str(json_get(record, STR("state")));

	buf_add_visible(out, json_str(json_get(record, STR("name"))));
	buf_add_text(out, "  ");
	console_style(out, remote->console->has_out_color, str_is(state, "READY") ? STYLE_GOOD : STYLE_BAD,
		arena_memdup(arena, state.data, state.len));
	buf_add_char(out, '\n');
	write_line(out, "update", json_str(json_get(record, STR("update"))));
	write_line(out, "failure", json_str(json_get(record, STR("failure"))));
	if (version != NULL)
		write_line(out, "config", str_of(arena_printf(arena, "version %" PRId64, version->integer)));
	write_line(out, "updated", record_cell(arena, record, STR("updated")));
	write_line(out, "task", json_str(json_get(record, STR("task"))));
	load_write(out, json_get(record, STR("load")));
	write_line(out, "url", json_str(json_get(record, STR("url"))));
	buf_add_char(out, '\n');
	endpoint_write_entities(out, remote, record);
	write_pending(out, remote, record);
}

static bool run_one(struct remote *remote, const char *name, struct error *err)
{
	struct buf out = {0};
	struct json endpoint;

	if (!endpoint_find(remote, str_of(name), &endpoint, err))
		return false;
	struct json record = endpoint_record(remote, &endpoint);
	const struct json load = load_read(remote, str_of(name));
	if (load.size > 0)
		json_set(remote->arena, &record, STR("load"), load);
	write_one(&out, remote, &record);
	const bool is_written = remote_answer(remote, &record, &out, err);
	buf_done(&out);
	return is_written;
}

static bool run(struct console *console, struct arena *arena, const void *data, const struct options_result *arguments,
	struct error *err)
{
	const struct status_options *options = data;
	struct remote *remote = arena_alloc(arena, sizeof(*remote));

	if (!remote_open(remote, console, arena, &options->remote, err))
		return false;
	return arguments->argument_count > 0 ? run_one(remote, arguments->arguments[0], err) : run_all(remote, err);
}

static const struct option OPTIONS[] = {
	OPTIONS_SERVING(struct status_options),
	{0},
};

static const char *const EXAMPLES[] = {
	"sluice status", "sluice status slides", "sluice status slides --target databricks", NULL};

static const struct options_spec SPEC = {
	.program = "sluice status",
	.summary = "lists the endpoints, or shows one: what it serves, its traffic, why it is not ready",
	.arguments = "[ENDPOINT]",
	.arguments_max = 1,
	.options = OPTIONS,
	.examples = EXAMPLES,
};

const struct command cmd_status = {
	.name = "status",
	.area = AREA_SERVING,
	.spec = &SPEC,
	.options_size = sizeof(struct status_options),
	.json_offset = offsetof(struct status_options, is_json),
	.run = run,
};

/* What happened to an endpoint: events, how deployments went, the last requests of a served entity. */
#include "control/control.h"

#include "base/datetime.h"
#include "serving/entity_log.h"

#include <stdlib.h>

enum { EVENTS_MAX = 200 };

static bool run_events(struct control_call *call, struct error *err)
{
	struct endpoint_row row;
	struct json list;

	if (!control_endpoint(call, &row, err) || !rows_events(call->db, call->arena, row.id, EVENTS_MAX, &list, err))
		return false;
	json_set(call->arena, &call->out, STR("events"), list);
	return true;
}

static bool run_build_logs(struct control_call *call, struct error *err)
{
	struct endpoint_row row;
	int64_t version = 0;
	struct str log;

	if (!control_query_number(call, "config_version", &version, err) || !control_endpoint(call, &row, err))
		return false;
	const int found = rows_log_read(call->db, call->arena, row.id, version, call->ids[1], &log, err);
	if (found > 0)
		json_set(call->arena, &call->out, STR("logs"), json_string(log));
	if (found != 0)
		return found > 0;
	if (version > 0)
		return error_set(err, ERR_NOT_FOUND,
			"endpoint '%.*s' has no build logs of a served entity '%.*s' in config version %lld", STR_ARGS(row.name),
			STR_ARGS(str_clip(call->ids[1], 100)), (long long)version);
	return error_set(err, ERR_NOT_FOUND, "endpoint '%.*s' has no build logs of a served entity '%.*s'",
		STR_ARGS(row.name), STR_ARGS(str_clip(call->ids[1], 100)));
}

/* ---- the log of a served entity: its endpoint's events and its requests, in the order of time ---- */

struct log_lines {
	struct buf *out;
	const struct json *events; /* newest first */
	size_t events_left;
	int64_t config_version; /* only its events; 0: all */
};

static void put_time(struct buf *out, int64_t time_us)
{
	char text[DATETIME_TEXT_MAX];

	buf_printf(out, "[%.*sZ] ", (int)datetime_format(time_us * 1000, text), text);
}

static struct str text_of(const struct json *event, const char *name)
{
	return json_str(json_get(event, str_of(name)));
}

static int64_t number_of(const struct json *event, const char *name)
{
	const struct json *value = json_get(event, str_of(name));

	return json_type(value) == JSON_INTEGER ? value->integer : 0;
}

static void put_event(struct buf *out, const struct json *event)
{
	const struct str who = text_of(event, "who"), message = text_of(event, "message");

	put_time(out, number_of(event, "timestamp") * 1000);
	buf_printf(out, "[EVENT] %.*s config_version=%lld", STR_ARGS(text_of(event, "type")),
		(long long)number_of(event, "config_version"));
	if (who.len > 0)
		buf_printf(out, " by %.*s", STR_ARGS(who));
	if (message.len > 0)
		buf_printf(out, ": %.*s", STR_ARGS(message));
	buf_add_char(out, '\n');
}

/* Those before the moment. */
static void put_events(struct log_lines *lines, int64_t before_us)
{
	while (lines->events_left > 0) {
		const struct json *event = &lines->events->items[lines->events_left - 1];

		if (number_of(event, "timestamp") * 1000 > before_us)
			return;
		lines->events_left--;
		if (lines->config_version == 0 || number_of(event, "config_version") == lines->config_version)
			put_event(lines->out, event);
	}
}

static void put_record(struct buf *out, const struct entity_record *record)
{
	put_time(out, record->time_us);
	if (record->status == 0)
		buf_printf(out, "[ERROR] row %llu: ", (unsigned long long)record->rows);
	else
		buf_printf(out, "[%s] %d in %llu.%03llu ms, rows=%llu rows_failed=%llu%s",
			record->status < 400 ? "INFO" : "ERROR", record->status,
			(unsigned long long)record->duration_us / 1000, (unsigned long long)record->duration_us % 1000,
			(unsigned long long)record->rows, (unsigned long long)record->rows_failed,
			record->text[0] != '\0' ? ": " : "");
	buf_add_visible(out, str_of(record->text));
	buf_add_char(out, '\n');
}

static void put_records(struct log_lines *lines, const struct entity *entity)
{
	struct entity_record *records;
	const size_t count = entity_log_read(entity->stats->log, &records);

	for (size_t i = 0; i < count; i++) {
		put_events(lines, records[i].time_us);
		put_record(lines->out, &records[i]);
	}
	free(records);
}

static void put_log(struct control_call *call, const struct endpoint *endpoint, const struct entity *entity,
	const struct json *events, int64_t config_version)
{
	struct buf out = {0};
	struct log_lines lines = {&out, events, events->size, config_version};

	/* What was requested is of the config that serves. */
	if (entity != NULL && (config_version == 0 || config_version == endpoint->config_version))
		put_records(&lines, entity);
	put_events(&lines, INT64_MAX);
	json_set(call->arena, &call->out, STR("logs"),
		json_string((struct str){arena_memdup(call->arena, out.data, out.len), out.len}));
	buf_done(&out);
}

static bool run_logs(struct control_call *call, struct error *err)
{
	struct endpoint_row row;
	struct json events;
	int64_t version = 0;
	struct str log;

	if (!control_query_number(call, "config_version", &version, err) || !control_endpoint(call, &row, err) ||
		!rows_events(call->db, call->arena, row.id, EVENTS_MAX, &events, err))
		return false;
	struct endpoint *endpoint = serving_get(call->control->serving, row.name);
	const struct entity *entity = endpoint != NULL ? endpoint_entity(endpoint, call->ids[1]) : NULL;
	/* One that does not serve has at least been deployed once. */
	const int found =
		entity != NULL ? 1 : rows_log_read(call->db, call->arena, row.id, version, call->ids[1], &log, err);
	if (found > 0)
		put_log(call, endpoint, entity, &events, version);
	endpoint_unref(endpoint);
	return found > 0 ||
	       (found == 0 && error_set(err, ERR_NOT_FOUND, "endpoint '%.*s' has no served entity '%.*s'",
				      STR_ARGS(row.name), STR_ARGS(str_clip(call->ids[1], 100))));
}

const struct control_rpc control_logs[] = {
	CONTROL_RPC("GET", "serving-endpoints/{name}/events", PERMISSION_VIEW, run_events, DB_READ, "what happened to it, newest first", NULL),
	CONTROL_RPC("GET", "serving-endpoints/{name}/served-models/{served}/logs", PERMISSION_VIEW, run_logs, DB_READ,
		"the last requests of a served entity, why they or their rows failed, and the endpoint's events; "
		"`config_version`: of that one", NULL),
	CONTROL_RPC("GET", "serving-endpoints/{name}/served-models/{served}/build-logs", PERMISSION_VIEW, run_build_logs, DB_READ,
		"how the last deployment of a served entity went, or that of a `config_version`", NULL),
	{0},
};

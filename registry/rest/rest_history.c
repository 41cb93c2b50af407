/* What MLflow's registry forgets (history.h): its own calls, below sluice/. */
#include "rest/rest_model_check.h"
#include "rest/rest_model_view.h"
#include "rest/rest_tables.h"

#include "base/datetime.h"

enum { MAX_RESULTS = 1000 };

static const struct rest_field HISTORY_FIELDS[] = {
	{"name", REST_STRING, REST_REQUIRED, 0, NULL, NULL},
	{"alias", REST_STRING, REST_CHECKED, 0, NULL, NULL},
	{"max_results", REST_INT, REST_CHECKED, MAX_RESULTS, NULL, NULL},
	{"page_token", REST_INT, REST_CHECKED, 0, NULL, NULL},
	{0},
};

static const struct rest_field ALIAS_AT_FIELDS[] = {
	{"name", REST_STRING, REST_REQUIRED, 0, NULL, NULL},
	{"alias", REST_STRING, REST_REQUIRED, 0, NULL, NULL},
	{"time", REST_STRING, REST_REQUIRED, 0, NULL, NULL},
	{0},
};

static struct json view_of(struct rest_call *call, const struct history_row *row)
{
	struct json view = json_object();

	rest_set_int(call, &view, "id", row->id);
	rest_set_str(call, &view, "time", history_time_text(call->arena, row->time_us));
	rest_set_str(call, &view, "who", row->who);
	rest_set_str(call, &view, "why", row->why);
	rest_set_str(call, &view, "action", row->action);
	rest_set_str(call, &view, "name", row->name);
	if (row->version != 0)
		rest_set_str(call, &view, "version", rest_number_text(call, row->version));
	rest_set_str(call, &view, "alias", row->alias);
	rest_set_str(call, &view, "before", row->before);
	rest_set_str(call, &view, "after", row->after);
	return view;
}

/* A page begins below the last row of the one before: rows that come meanwhile shift nothing. */
static bool run_history(struct rest_call *call, struct error *err)
{
	const int64_t max = rest_int(call, "max_results", 100);
	const struct str alias = rest_str(call, "alias");
	struct json list = json_array();
	struct history_row *rows;
	size_t count;

	if (max < 1)
		return error_set(err, ERR_INVALID_PARAMETER, "'max_results' must be a positive integer, not %lld",
			(long long)max);
	const struct history_query query = {.name = rest_str(call, "name"),
		.alias = alias.len > 0 ? alias : (struct str){NULL, 0},
		.below_id = rest_int(call, "page_token", 0),
		.max = max + 1};
	if (!history_read(call->db, call->arena, &query, &rows, &count, err))
		return false;
	for (size_t i = 0; i < count && (int64_t)i < max; i++)
		json_append(call->arena, &list, view_of(call, &rows[i]));
	rest_set(call, &call->out, "history", list);
	if ((int64_t)count > max)
		rest_set_str(call, &call->out, "next_page_token", rest_number_text(call, rows[max - 1].id));
	return true;
}

/* RFC 3339, or milliseconds since 1970: of these the whole millisecond. */
static bool read_time(struct str text, int64_t *ret_us, struct error *err)
{
	struct error ignored;
	int64_t number;

	if (datetime_parse(text, &number)) {
		*ret_us = number / 1000;
		return true;
	}
	if (rest_check_version(text, &number, &ignored) && number >= 0 && number < INT64_MAX / 1000) {
		*ret_us = number * 1000 + 999;
		return true;
	}
	return error_set(err, ERR_INVALID_PARAMETER,
		"'time' is neither RFC 3339 (2026-03-03T09:30:00Z) nor milliseconds since 1970: '%.*s'",
		STR_ARGS(text));
}

static bool run_alias_at(struct rest_call *call, struct error *err)
{
	const struct str alias = rest_str(call, "alias");
	struct history_row row;
	struct str name;
	int64_t time_us;

	if (!read_time(rest_str(call, "time"), &time_us, err) ||
		!history_alias_at(call->db, call->arena, rest_str(call, "name"), alias, time_us, &row, &name, err))
		return false;
	rest_set_str(call, &call->out, "name", name);
	rest_set_str(call, &call->out, "alias", alias);
	rest_set_str(call, &call->out, "version", row.after);
	rest_set_str(call, &call->out, "since", history_time_text(call->arena, row.time_us));
	rest_set_int(call, &call->out, "id", row.id);
	return true;
}

const struct rest_rpc rest_history[] = {
	REST_RPC("GET", "sluice/history", PERMISSION_VIEW, HISTORY_FIELDS, run_history, DB_READ,
		"who moved what when: aliases, stages, versions, names; newest first"),
	REST_RPC("GET", "sluice/alias-at", PERMISSION_VIEW, ALIAS_AT_FIELDS, run_alias_at, DB_READ,
		"the version that an alias pointed to at a time"),
	{0},
};

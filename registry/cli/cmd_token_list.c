/* token list and token revoke */
#include "cli/command.h"
#include "cli/remote.h"
#include "cli/table.h"

struct token_options {
	struct remote_options remote;
	bool is_json;
};

/* ---- list ---- */

static struct str member(const struct json *info, const char *name)
{
	return json_str(json_get(info, str_of(name)));
}

static int64_t time_of(const struct json *info, const char *name)
{
	const struct json *value = json_get(info, str_of(name));

	return json_type(value) == JSON_INTEGER ? value->integer : 0;
}

static struct str endpoints_of(struct arena *arena, const struct json *info)
{
	const struct json *list = json_get(info, STR("endpoints"));
	struct buf text = {0};

	if (json_type(list) != JSON_ARRAY)
		return STR("everything");
	for (size_t i = 0; i < list->size; i++) {
		buf_add_text(&text, i > 0 ? "," : "");
		buf_add_str(&text, json_str(&list->items[i]));
	}
	const struct str copy = {arena_memdup(arena, text.data, text.len), text.len};
	buf_done(&text);
	return copy;
}

static void add_row(struct table *table, struct arena *arena, const struct json *info)
{
	const struct str user = member(info, "user");
	const struct str cells[] = {
		member(info, "token_id"),
		user.len > 0 ? user : member(info, "service_principal"),
		member(info, "kind"),
		member(info, "can"),
		endpoints_of(arena, info),
		table_time(arena, time_of(info, "expiry_time")),
		table_time(arena, time_of(info, "last_used_time")),
		member(info, "comment"),
	};

	table_add(table, cells);
}

static bool run_list(struct console *console, struct arena *arena, const void *data,
	const struct options_result *arguments, struct error *err)
{
	static const char *const HEADERS[] = {"ID", "WHO", "KIND", "CAN", "ON", "EXPIRES", "USED", "COMMENT", NULL};
	const struct token_options *options = data;
	const struct client_call call = {.method = "GET", .path = "/api/2.0/token/list", .effect = CALL_READS};
	struct remote *remote = arena_alloc(arena, sizeof(*remote));
	struct json answer;
	struct table table;
	struct buf out = {0};

	if (!remote_open(remote, console, arena, &options->remote, err) ||
		!remote_wait(remote, client_call(remote->client, arena, &call, &answer), err))
		return false;
	const struct json *infos = json_get(&answer, STR("token_infos"));
	table_init(&table, arena, HEADERS);
	for (size_t i = 0; json_type(infos) == JSON_ARRAY && i < infos->size; i++)
		add_row(&table, arena, &infos->items[i]);
	table_write(&out, &table, console->has_out_color);
	const bool is_written = remote_answer(remote, &answer, &out, err);
	buf_done(&out);
	return is_written;
}

/* ---- revoke ---- */

/* Whoever has lost a token to others has its value at hand, not its id. */
static struct str id_of(struct str text)
{
	static const struct str VALUE = {"sluice_", 7};
	struct str rest = text, id;

	if (!str_starts(text, VALUE))
		return text;
	rest = (struct str){text.data + VALUE.len, text.len - VALUE.len};
	return str_cut(&rest, '_', &id) ? id : text;
}

static bool run_revoke(struct console *console, struct arena *arena, const void *data,
	const struct options_result *arguments, struct error *err)
{
	const struct token_options *options = data;
	const struct str id = id_of(str_of(arguments->arguments[0]));
	struct client_call call = {
		.method = "POST", .path = "/api/2.0/token/delete", .body = json_object(), .effect = CALL_CHANGES};
	struct remote *remote = arena_alloc(arena, sizeof(*remote));
	struct json answer, record = json_object();
	struct buf out = {0};

	json_set(arena, &call.body, STR("token_id"), json_string(id));
	if (!remote_open(remote, console, arena, &options->remote, err) ||
		!remote_wait(remote, client_call(remote->client, arena, &call, &answer), err))
		return false;
	json_set(arena, &record, STR("token_id"), json_string(id));
	console_style(&out, console->has_out_color, STYLE_GOOD, "revoked");
	buf_add_char(&out, ' ');
	buf_add_visible(&out, id);
	buf_add_char(&out, '\n');
	const bool is_written = remote_answer(remote, &record, &out, err);
	buf_done(&out);
	return is_written;
}

/* ---- the commands ---- */

static const struct option OPTIONS[] = {
	OPTION_REGISTRY(struct token_options),
	OPTION_PROJECT(struct token_options),
	OPTION_DRY_RUN(struct token_options),
	OPTION_JSON(struct token_options),
	{0},
};

static const char *const LIST_EXAMPLES[] = {"sluice token list", NULL};

static const struct options_spec LIST_SPEC = {
	.program = "sluice token list",
	.summary = "lists tokens: all of them for who manages everything, else one's own",
	.options = OPTIONS,
	.examples = LIST_EXAMPLES,
};

const struct command cmd_token_list = {
	.name = "token list",
	.area = AREA_SERVING,
	.spec = &LIST_SPEC,
	.options_size = sizeof(struct token_options),
	.json_offset = offsetof(struct token_options, is_json),
	.run = run_list,
};

static const char *const REVOKE_EXAMPLES[] = {"sluice token revoke 5f3a9c0e12b47d68", NULL};

static const struct options_spec REVOKE_SPEC = {
	.program = "sluice token revoke",
	.summary = "takes a token, an OAuth client or a certificate's rights back, at once",
	.arguments = "ID|TOKEN",
	.arguments_min = 1,
	.arguments_max = 1,
	.options = OPTIONS,
	.examples = REVOKE_EXAMPLES,
};

const struct command cmd_token_revoke = {
	.name = "token revoke",
	.area = AREA_SERVING,
	.spec = &REVOKE_SPEC,
	.options_size = sizeof(struct token_options),
	.json_offset = offsetof(struct token_options, is_json),
	.run = run_revoke,
};

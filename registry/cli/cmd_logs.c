#include "cli/command.h"
#include "cli/endpoint.h"

struct logs_options {
	struct remote_options remote;
	const char *entity;
	bool is_build, is_json;
};

struct logging_out {
	struct remote *remote;
	const struct logs_options *options;
	struct str endpoint;
	struct json list;
	struct buf text;
};

static bool has_name(const struct json *names, struct str name)
{
	for (size_t i = 0; i < names->size; i++)
		if (str_eq(json_str(&names->items[i]), name))
			return true;
	return false;
}

/* What serves, and what is or was to serve. */
static struct json names_of(struct arena *arena, const struct json *endpoint)
{
	static const char *const CONFIGS[] = {"config", "pending_config"};
	struct json names = json_array();

	for (size_t i = 0; i < 2; i++) {
		const struct json *entities = endpoint_entities(json_get(endpoint, str_of(CONFIGS[i])));
		for (size_t j = 0; entities != NULL && j < entities->size; j++) {
			const struct json *name = json_get(&entities->items[j], STR("name"));
			if (json_type(name) == JSON_STRING && !has_name(&names, json_str(name)))
				json_append(arena, &names, *name);
		}
	}
	return names;
}

static bool read_one(struct logging_out *out, struct str name, bool is_alone, struct error *err)
{
	struct remote *remote = out->remote;
	struct json record = json_object();
	struct str log;

	if (!remote_wait(remote,
		    client_endpoint_logs(
			    remote->client, remote->arena, out->endpoint, name, out->options->is_build, &log),
		    err))
		return false;
	json_set(remote->arena, &record, STR("entity"), json_string(name));
	json_set(remote->arena, &record, STR("logs"), json_string(log));
	json_append(remote->arena, &out->list, record);
	if (!is_alone)
		buf_printf(&out->text, "%s==> %.*s <==\n", out->text.len > 0 ? "\n" : "", STR_ARGS(name));
	buf_add_str(&out->text, log);
	if (log.len > 0 && log.data[log.len - 1] != '\n')
		buf_add_char(&out->text, '\n');
	return true;
}

static bool read_all(struct logging_out *out, struct error *err)
{
	struct json endpoint;

	if (!endpoint_find(out->remote, out->endpoint, &endpoint, err))
		return false;
	if (out->options->entity != NULL)
		return read_one(out, str_of(out->options->entity), true, err);
	const struct json names = names_of(out->remote->arena, &endpoint);
	if (names.size == 0)
		return error_set(err, ERR_NOT_FOUND, "endpoint '%.*s' has no served entities", STR_ARGS(out->endpoint));
	for (size_t i = 0; i < names.size; i++)
		if (!read_one(out, json_str(&names.items[i]), names.size == 1, err))
			return false;
	return true;
}

static bool run(struct console *console, struct arena *arena, const void *data, const struct options_result *arguments,
	struct error *err)
{
	const struct logs_options *options = data;
	struct remote *remote = arena_alloc(arena, sizeof(*remote));
	struct logging_out out = {.remote = remote,
		.options = options,
		.endpoint = str_of(arguments->arguments[0]),
		.list = json_array()};
	struct json answer = json_object();

	bool is_fine = remote_open(remote, console, arena, &options->remote, err) && read_all(&out, err);
	json_set(arena, &answer, STR("entities"), out.list);
	is_fine = is_fine && remote_answer(remote, &answer, &out.text, err);
	buf_done(&out.text);
	return is_fine;
}

static const struct option OPTIONS[] = {
	{"build", 'b', OPTION_FLAG, offsetof(struct logs_options, is_build), .is_argument_only = true,
		.help = "how its last deployment went, instead of what it wrote while it served"},
	{"entity", 0, OPTION_STRING, offsetof(struct logs_options, entity), .value = "NAME",
		.help = "only this served entity; without it all"},
	OPTIONS_SERVING(struct logs_options),
	{0},
};

static const char *const EXAMPLES[] = {"sluice logs slides", "sluice logs slides --build --entity slides-4", NULL};

static const struct options_spec SPEC = {
	.program = "sluice logs",
	.summary = "shows what the served entities of an endpoint wrote, or how they were deployed",
	.arguments = "ENDPOINT",
	.arguments_min = 1,
	.arguments_max = 1,
	.options = OPTIONS,
	.examples = EXAMPLES,
};

const struct command cmd_logs = {
	.name = "logs",
	.area = AREA_SERVING,
	.spec = &SPEC,
	.options_size = sizeof(struct logs_options),
	.json_offset = offsetof(struct logs_options, is_json),
	.run = run,
};

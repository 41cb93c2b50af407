/* secret put, whose scope is made where it is missing */
#include "base/base64.h"
#include "cli/command.h"
#include "cli/remote.h"
#include "cli/secret_input.h"
#include "cli/secret_name.h"

struct put_options {
	struct remote_options remote;
	const char *file;
	bool is_json;
};

static bool call_with(
	struct remote *remote, const char *path, struct json body, enum client_effect effect, struct error *err)
{
	const struct client_call call = {.method = "POST", .path = path, .body = body, .effect = effect};
	struct json ignored;

	return remote_wait(remote, client_call(remote->client, remote->arena, &call, &ignored), err);
}

static bool put(struct remote *remote, const struct secret_name *name, struct secret value, struct error *err)
{
	struct arena *arena = remote->arena;
	const struct str text = secret_reveal(value);
	struct json body = json_object(), scope = json_object();

	json_set(arena, &scope, STR("scope"), json_string(name->scope));
	json_set(arena, &body, STR("scope"), json_string(name->scope));
	json_set(arena, &body, STR("key"), json_string(name->key));
	if (str_is_utf8(text))
		json_set(arena, &body, STR("string_value"), json_string(text));
	else
		json_set(arena, &body, STR("bytes_value"), json_string(base64_encode(arena, text)));
	if (call_with(remote, "/api/2.0/secrets/put", body, CALL_CHANGES, err))
		return true;
	return err->code == ERR_NOT_FOUND && call_with(remote, "/api/2.0/secrets/scopes/create", scope, CALL_CHANGES,
		err) &&
	       call_with(remote, "/api/2.0/secrets/put", body, CALL_CHANGES, err);
}

static bool run(struct console *console, struct arena *arena, const void *data, const struct options_result *arguments,
	struct error *err)
{
	const struct put_options *options = data;
	struct remote *remote = arena_alloc(arena, sizeof(*remote));
	struct json record = json_object();
	struct secret_name name;
	struct secret value;
	struct buf out = {0};

	if (!secret_name_read(arguments->arguments[0], true, &name, err) ||
		!secret_input(console, arena, options->file, &value, err) ||
		!remote_open(remote, console, arena, &options->remote, err) || !put(remote, &name, value, err))
		return false;
	json_set(arena, &record, STR("scope"), json_string(name.scope));
	json_set(arena, &record, STR("key"), json_string(name.key));
	console_style(&out, console->has_out_color, STYLE_GOOD, "kept");
	buf_add_text(&out, " {{secrets/");
	buf_add_visible(&out, str_of(arguments->arguments[0]));
	buf_add_text(&out, "}}\n");
	const bool is_written = remote_answer(remote, &record, &out, err);
	buf_done(&out);
	return is_written;
}

/* No dry run: it would print what must not be seen. */
static const struct option OPTIONS[] = {
	{"file", 'f', OPTION_STRING, offsetof(struct put_options, file), .value = "FILE",
		.help = "the value is this file's content; without it standard input's, or asked for",
			.is_argument_only = true},
	OPTION_REGISTRY(struct put_options),
	OPTION_PROJECT(struct put_options),
	OPTION_JSON(struct put_options),
	{0},
};

static const char *const EXAMPLES[] = {
	"sluice secret put openai/key", "sluice secret put openai/key < key.txt",
		"sluice secret put gcp/account --file account.json", NULL};

static const struct options_spec SPEC = {
	.program = "sluice secret put",
	.summary = "keeps a secret on the server, sealed, for environment_vars and configurations",
	.arguments = "SCOPE/KEY",
	.arguments_min = 1,
	.arguments_max = 1,
	.options = OPTIONS,
	.examples = EXAMPLES,
};

const struct command cmd_secret_put = {
	.name = "secret put",
	.area = AREA_SERVING,
	.spec = &SPEC,
	.options_size = sizeof(struct put_options),
	.json_offset = offsetof(struct put_options, is_json),
	.run = run,
};

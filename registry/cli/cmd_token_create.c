/* token create: by the server's REST API, or directly in a state folder before a server was ever started on it. */
#include "access/credential.h"
#include "base/clock.h"
#include "base/json.h"
#include "cli/command.h"
#include "cli/remote.h"
#include "model/sql.h"
#include "store/registry.h"

#include <pwd.h>
#include <unistd.h>

struct create_options {
	struct remote_options remote;
	const char *user, *service_principal, *comment, *certificate, *state_dir;
	struct decode_list endpoints; /* of const char * */
	int can;
	int64_t days;
	bool is_oauth, is_json;
};

static const char *const LEVELS[] = {"none", "query", "view", "manage", NULL};

static const char *kind_of(const struct create_options *options)
{
	return options->is_oauth                ? CREDENTIAL_CLIENT
	       : options->certificate != NULL ? CREDENTIAL_CERTIFICATE
					      : CREDENTIAL_TOKEN;
}

/* ---- by the server ---- */

static void set_text(struct arena *arena, struct json *object, const char *name, const char *text)
{
	if (text != NULL)
		json_set(arena, object, str_of(name), json_string(str_of(text)));
}

static struct json endpoints_of(struct arena *arena, const struct create_options *options)
{
	const char *const *names = options->endpoints.items;
	struct json list = json_array();

	for (size_t i = 0; i < options->endpoints.count; i++)
		json_append(arena, &list, json_string(str_of(names[i])));
	return list;
}

static bool create_remotely(struct remote *remote, const struct create_options *options, struct json *ret,
	struct error *err)
{
	struct arena *arena = remote->arena;
	struct client_call call = {
		.method = "POST", .path = "/api/2.0/token/create", .body = json_object(), .effect = CALL_CREATES};

	set_text(arena, &call.body, "user", options->user);
	set_text(arena, &call.body, "service_principal", options->service_principal);
	set_text(arena, &call.body, "comment", options->comment);
	set_text(arena, &call.body, "can", LEVELS[options->can]);
	set_text(arena, &call.body, "kind", kind_of(options));
	set_text(arena, &call.body, "certificate", options->certificate);
	if (options->endpoints.count > 0)
		json_set(arena, &call.body, STR("endpoints"), endpoints_of(arena, options));
	if (options->days > 0)
		json_set(arena, &call.body, STR("lifetime_seconds"), json_integer(options->days * 86400));
	return remote_wait(remote, client_call(remote->client, arena, &call, ret), err);
}

/* ---- in the state folder ---- */

static const char *own_name(struct arena *arena)
{
	const struct passwd *entry = getpwuid(getuid());

	return entry != NULL ? arena_strdup(arena, entry->pw_name) : "admin";
}

static struct str endpoints_text(struct arena *arena, const struct create_options *options)
{
	const struct json list = endpoints_of(arena, options);
	struct buf text = {0};

	if (options->endpoints.count == 0)
		return (struct str){NULL, 0};
	json_write(&text, &list);
	const struct str copy = {arena_memdup(arena, text.data, text.len), text.len};
	buf_done(&text);
	return copy;
}

static bool issue(struct registry *registry, struct arena *arena, struct credential_row *row, int64_t lifetime_s,
	struct secret *ret, struct error *err)
{
	struct db *db = db_begin(registry->db, DB_WRITE, err);

	if (db == NULL)
		return false;
	if (credential_issue(db, arena, row, lifetime_s, clock_wall_ms(), ret, err))
		return db_commit(db, err);
	db_rollback(db);
	return false;
}

/* As the server's answer: a server that runs on this folder sees it within a second. */
static bool create_locally(struct arena *arena, const struct create_options *options, struct json *ret,
	struct error *err)
{
	const char *user = options->user != NULL ? options->user : own_name(arena);
	struct credential_row row = {
		.kind = str_of(kind_of(options)),
		.subject = str_of(options->certificate),
		.principal = str_of(options->service_principal != NULL ? options->service_principal : user),
		.is_service = options->service_principal != NULL,
		.can = str_of(LEVELS[options->can]),
		.endpoints = endpoints_text(arena, options),
		.comment = str_of(options->comment),
		.creator = str_of(own_name(arena)),
	};
	struct secret value = {0};

	if (!sql_global_init(err))
		return false;
	struct registry *registry = registry_open(options->state_dir, err);
	if (registry == NULL)
		return false;
	const bool is_made = issue(registry, arena, &row, options->days * 86400, &value, err);
	registry_close(registry);
	if (!is_made)
		return false;
	struct json info = json_object();
	json_set(arena, &info, STR("token_id"), json_string(row.id));
	*ret = json_object();
	json_set(arena, ret, STR("token_info"), info);
	if (options->is_oauth)
		json_set(arena, ret, STR("client_id"), json_string(row.id));
	if (secret_is_set(value))
		json_set(arena, ret, options->is_oauth ? STR("client_secret") : STR("token_value"),
			json_string(secret_reveal(value)));
	return true;
}

/* ---- the answer ---- */

/* The token alone, so that a script can take it: T=$(sluice token create …). */
static void write_text(struct buf *out, struct console *console, const struct json *answer)
{
	static const char *const NAMES[] = {"client_id", "client_secret"};
	const struct str token = json_str(json_get(answer, STR("token_value")));
	const struct str id = json_str(json_at(answer, STR("token_info.token_id")));

	if (token.len > 0) {
		buf_add_visible(out, token);
		buf_add_char(out, '\n');
	}
	for (size_t i = 0; i < sizeof(NAMES) / sizeof(*NAMES); i++) {
		const struct str text = json_str(json_get(answer, str_of(NAMES[i])));

		if (text.len == 0)
			continue;
		buf_printf(out, "%s ", NAMES[i]);
		buf_add_visible(out, text);
		buf_add_char(out, '\n');
	}
	if (out->len > 0)
		console_notice(console, "keep it: it is shown this once (sluice token revoke %.*s takes it back)",
			STR_ARGS(id));
	else
		console_notice(console, "the certificate is let in (sluice token revoke %.*s takes it back)",
			STR_ARGS(id));
}

static bool check(const struct create_options *options, struct error *err)
{
	if (options->user != NULL && options->service_principal != NULL)
		return error_set(err, ERR_USAGE, "--user and --service-principal: give one of them");
	if (options->is_oauth && (options->service_principal == NULL || options->certificate != NULL))
		return error_set(err, ERR_USAGE, "--oauth needs --service-principal, and goes without --certificate");
	if (options->state_dir != NULL && (options->remote.registry != NULL || options->remote.is_dry_run))
		return error_set(err, ERR_USAGE, "--state makes it directly: without --registry and --dry-run");
	return true;
}

static bool run(struct console *console, struct arena *arena, const void *data, const struct options_result *arguments,
	struct error *err)
{
	const struct create_options *options = data;
	struct remote *remote = arena_alloc(arena, sizeof(*remote));
	struct json answer = json_object();
	struct buf out = {0};

	if (!check(options, err) || !remote_open(remote, console, arena, &options->remote, err))
		return false;
	const bool is_made = options->state_dir != NULL ? create_locally(arena, options, &answer, err)
							: create_remotely(remote, options, &answer, err);
	if (!is_made)
		return false;
	if (!remote->is_dry_run && !console->is_json)
		write_text(&out, console, &answer);
	const bool is_written = remote_answer(remote, &answer, &out, err);
	buf_done(&out);
	return is_written;
}

#define AT(field_) offsetof(struct create_options, field_)
static const struct option OPTIONS[] = {
	{"user", 0, OPTION_STRING, AT(user), .value = "NAME", .help = "whose it is; default: who makes it",
		.is_argument_only = true},
	{"service-principal", 0, OPTION_STRING, AT(service_principal), .value = "NAME",
		.help = "whose it is, where that is a program",
		.is_argument_only = true},
	{"can", 0, OPTION_CHOICE, AT(can), .value = "LEVEL", .choices = LEVELS, .is_required = true,
		.help = "what it may, each with those before it; none: only what permissions of endpoints give its owner",
		.is_argument_only = true},
	{"endpoint", 0, OPTION_STRINGS, AT(endpoints), .value = "NAME",
		.help = "what it is for, again for more; without one, everything",
		.is_argument_only = true},
	{"days", 0, OPTION_INTEGER, AT(days), .value = "N", .min = 0, .max = 36500, .fallback = "0",
		.help = "it expires after these; 0: it does not", .is_argument_only = true},
	{"comment", 0, OPTION_STRING, AT(comment), .value = "TEXT", .help = "what it is for, for the list",
		.is_argument_only = true},
	{"oauth", 0, OPTION_FLAG, AT(is_oauth), .help = "OAuth's client_id and client_secret instead of a token",
		.is_argument_only = true},
	{"certificate", 0, OPTION_STRING, AT(certificate), .value = "NAME",
		.help = "instead of a token: who has a client certificate of this common name",
			.is_argument_only = true},
	{"state", 0, OPTION_STRING, AT(state_dir), .value = "DIR",
		.help = "directly in the state folder of a sluiced, as before its first start; not by its calls",
		.is_argument_only = true},
	OPTION_REGISTRY(struct create_options),
	OPTION_PROJECT(struct create_options),
	OPTION_DRY_RUN(struct create_options),
	OPTION_JSON(struct create_options),
	{0},
};

static const char *const EXAMPLES[] = {
	"sluice token create --state /var/lib/sluice --user ann --can manage",
	"sluice token create --user bob --can query --endpoint slides --days 90",
	"sluice token create --service-principal ci --can manage --oauth",
	NULL,
};

static const struct options_spec SPEC = {
	.program = "sluice token create",
	.summary = "makes a token, which is shown once",
	.options = OPTIONS,
	.examples = EXAMPLES,
};

const struct command cmd_token_create = {
	.name = "token create",
	.area = AREA_SERVING,
	.spec = &SPEC,
	.options_size = sizeof(struct create_options),
	.json_offset = offsetof(struct create_options, is_json),
	.run = run,
};

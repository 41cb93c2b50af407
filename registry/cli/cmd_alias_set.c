/* alias set and alias rm: what moves. */
#include "cli/command.h"
#include "cli/source.h"

struct alias_options {
	struct remote_options remote;
	bool is_json;
};

static bool answer(struct remote *remote, const char *verb, const struct json *record, struct str alias,
	struct str name, struct str version, struct error *err)
{
	struct buf out = {0};

	console_style(&out, remote->console->has_out_color, STYLE_GOOD, verb);
	buf_add_char(&out, ' ');
	buf_add_visible(&out, name);
	buf_add_char(&out, '@');
	buf_add_visible(&out, alias);
	if (version.len > 0)
		buf_add_text(&out, " → ");
	buf_add_visible(&out, version);
	buf_add_char(&out, '\n');
	const bool is_written = remote_answer(remote, record, &out, err);
	buf_done(&out);
	return is_written;
}

static struct json record_of(struct arena *arena, struct str name, struct str alias, struct str version)
{
	struct json record = json_object();

	json_set(arena, &record, STR("name"), json_string(name));
	json_set(arena, &record, STR("alias"), json_string(alias));
	json_set(arena, &record, STR("version"), version.len > 0 ? json_string(version) : json_null());
	return record;
}

/* "champion" or "@champion". */
static struct str alias_of(const char *text)
{
	return str_of(text[0] == '@' ? text + 1 : text);
}

/* What another alias points at, or "latest", becomes its number first. */
static bool resolve(struct remote *remote, const char *model, const char *version, struct str *ret_name,
	struct str *ret_version, struct error *err)
{
	const bool is_number = version[0] != '\0' && strspn(version, "0123456789") == strlen(version);
	const char *what = arena_printf(remote->arena, "%s%s%s", model, version[0] == '@' ? "" : "/", version);

	if (!is_number && version[0] != '@' && strcmp(version, "latest") != 0)
		return error_set(err, ERR_USAGE, "VERSION '%s': expected a number, @ALIAS or latest", version);
	if (!is_number)
		return source_split(remote, what, ret_name, ret_version, err);
	*ret_version = str_of(version);
	return true;
}

static bool run_set(struct console *console, struct arena *arena, const void *data,
	const struct options_result *arguments, struct error *err)
{
	const struct alias_options *options = data;
	const char *const *words = arguments->arguments;
	struct str name = str_of(words[0]), version = {0};
	const struct str alias = alias_of(words[1]);
	struct remote *remote = arena_alloc(arena, sizeof(*remote));

	if (!remote_open(remote, console, arena, &options->remote, err) ||
		!resolve(remote, words[0], words[2], &name, &version, err) ||
		!remote_wait(remote, client_alias_set(remote->client, arena, name, alias, version), err))
		return false;
	const struct json record = record_of(arena, name, alias, version);
	return answer(remote, "set", &record, alias, name, version, err);
}

static bool run_rm(struct console *console, struct arena *arena, const void *data,
	const struct options_result *arguments, struct error *err)
{
	const struct alias_options *options = data;
	const struct str name = str_of(arguments->arguments[0]), alias = alias_of(arguments->arguments[1]);
	struct remote *remote = arena_alloc(arena, sizeof(*remote));

	if (!remote_open(remote, console, arena, &options->remote, err) ||
		!remote_wait(remote, client_alias_delete(remote->client, arena, name, alias), err))
		return false;
	const struct json record = record_of(arena, name, alias, STR(""));
	return answer(remote, "removed", &record, alias, name, STR(""), err);
}

static const struct option OPTIONS[] = {
	OPTION_WHY(struct alias_options),
	OPTION_REGISTRY(struct alias_options),
	OPTION_PROJECT(struct alias_options),
	OPTION_DRY_RUN(struct alias_options),
	OPTION_JSON(struct alias_options),
	{0},
};

static const char *const SET_EXAMPLES[] = {"sluice alias set slides champion 3 --why 'beats 2 on the golden set'",
	"sluice alias set slides champion @challenger", NULL};

static const struct options_spec SET_SPEC = {
	.program = "sluice alias set",
	.summary = "points an alias at a version",
	.arguments = "MODEL ALIAS VERSION|@ALIAS|latest",
	.arguments_min = 3,
	.arguments_max = 3,
	.options = OPTIONS,
	.examples = SET_EXAMPLES,
};

const struct command cmd_alias_set = {
	.name = "alias set",
	.area = AREA_REGISTRY,
	.spec = &SET_SPEC,
	.options_size = sizeof(struct alias_options),
	.json_offset = offsetof(struct alias_options, is_json),
	.run = run_set,
};

static const char *const RM_EXAMPLES[] = {"sluice alias rm slides challenger", NULL};

static const struct options_spec RM_SPEC = {
	.program = "sluice alias rm",
	.summary = "removes an alias; the version stays",
	.arguments = "MODEL ALIAS",
	.arguments_min = 2,
	.arguments_max = 2,
	.options = OPTIONS,
	.examples = RM_EXAMPLES,
};

const struct command cmd_alias_rm = {
	.name = "alias rm",
	.area = AREA_REGISTRY,
	.spec = &RM_SPEC,
	.options_size = sizeof(struct alias_options),
	.json_offset = offsetof(struct alias_options, is_json),
	.run = run_rm,
};

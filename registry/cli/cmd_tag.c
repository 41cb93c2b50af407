/* tag set and tag rm: on a model, or on a version. */
#include "cli/command.h"
#include "cli/pairs.h"
#include "cli/source.h"

struct tag_options {
	struct remote_options remote;
	bool is_json;
};

struct tagged {
	struct str name, version; /* version "": the model */
};

static bool open_tagged(struct remote *remote, struct console *console, struct arena *arena,
	const struct tag_options *options, const char *what, struct tagged *ret, struct error *err)
{
	return remote_open(remote, console, arena, &options->remote, err) &&
	       source_split(remote, what, &ret->name, &ret->version, err);
}

static bool answer(
	struct remote *remote, const char *verb, const struct tagged *tagged, struct json tags, struct error *err)
{
	struct json record = json_object();
	struct buf out = {0};

	json_set(remote->arena, &record, STR("name"), json_string(tagged->name));
	json_set(remote->arena, &record, STR("version"),
		tagged->version.len > 0 ? json_string(tagged->version) : json_null());
	json_set(remote->arena, &record, STR("tags"), tags);
	console_style(&out, remote->console->has_out_color, STYLE_GOOD, verb);
	buf_add_char(&out, ' ');
	buf_add_visible(&out, tagged->name);
	buf_add_text(&out, tagged->version.len > 0 ? "/" : "");
	buf_add_visible(&out, tagged->version);
	buf_add_char(&out, '\n');
	const bool is_written = remote_answer(remote, &record, &out, err);
	buf_done(&out);
	return is_written;
}

static bool run_set(struct console *console, struct arena *arena, const void *data,
	const struct options_result *arguments, struct error *err)
{
	struct remote *remote = arena_alloc(arena, sizeof(*remote));
	struct json set = json_object();
	struct client_tags tags;
	struct tagged tagged;

	if (!pairs_read(arena, "tag", arguments->arguments + 1, arguments->argument_count - 1, &tags, err) ||
		!open_tagged(remote, console, arena, data, arguments->arguments[0], &tagged, err))
		return false;
	for (size_t i = 0; i < tags.count; i++) {
		if (!remote_wait(remote,
			    client_tag_set(remote->client, arena, tagged.name, tagged.version, tags.items[i]), err))
			return false;
		json_set(arena, &set, tags.items[i].key, json_string(tags.items[i].value));
	}
	return answer(remote, "tagged", &tagged, set, err);
}

static bool run_rm(struct console *console, struct arena *arena, const void *data,
	const struct options_result *arguments, struct error *err)
{
	struct remote *remote = arena_alloc(arena, sizeof(*remote));
	struct json removed = json_object();
	struct tagged tagged;

	if (!open_tagged(remote, console, arena, data, arguments->arguments[0], &tagged, err))
		return false;
	for (unsigned i = 1; i < arguments->argument_count; i++) {
		const struct str key = str_of(arguments->arguments[i]);

		if (!remote_wait(
			    remote, client_tag_delete(remote->client, arena, tagged.name, tagged.version, key), err))
			return false;
		json_set(arena, &removed, key, json_null());
	}
	return answer(remote, "untagged", &tagged, removed, err);
}

enum { TAGS_MAX = 100 };

static const struct option OPTIONS[] = {
	OPTION_WHY(struct tag_options),
	OPTION_REGISTRY(struct tag_options),
	OPTION_PROJECT(struct tag_options),
	OPTION_DRY_RUN(struct tag_options),
	OPTION_JSON(struct tag_options),
	{0},
};

static const char *const SET_EXAMPLES[] = {
	"sluice tag set slides/3 reviewed=yes", "sluice tag set slides team=search owner='A. Lovelace'", NULL};

static const struct options_spec SET_SPEC = {
	.program = "sluice tag set",
	.summary = "sets tags of a version, or of a model",
	.arguments = "MODEL|MODEL/VERSION|MODEL@ALIAS KEY=VALUE …",
	.arguments_min = 2,
	.arguments_max = TAGS_MAX + 1,
	.options = OPTIONS,
	.examples = SET_EXAMPLES,
};

const struct command cmd_tag_set = {
	.name = "tag set",
	.area = AREA_REGISTRY,
	.spec = &SET_SPEC,
	.options_size = sizeof(struct tag_options),
	.json_offset = offsetof(struct tag_options, is_json),
	.run = run_set,
};

static const char *const RM_EXAMPLES[] = {"sluice tag rm slides/3 reviewed", NULL};

static const struct options_spec RM_SPEC = {
	.program = "sluice tag rm",
	.summary = "removes tags of a version, or of a model",
	.arguments = "MODEL|MODEL/VERSION|MODEL@ALIAS KEY …",
	.arguments_min = 2,
	.arguments_max = TAGS_MAX + 1,
	.options = OPTIONS,
	.examples = RM_EXAMPLES,
};

const struct command cmd_tag_rm = {
	.name = "tag rm",
	.area = AREA_REGISTRY,
	.spec = &RM_SPEC,
	.options_size = sizeof(struct tag_options),
	.json_offset = offsetof(struct tag_options, is_json),
	.run = run_rm,
};

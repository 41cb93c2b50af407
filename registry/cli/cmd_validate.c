#include "cli/columns.h"
#include "cli/command.h"
#include "cli/opened.h"
#include "model/prompt.h"
#include "model/recordings.h"

struct validate_options {
	bool is_json;
};

static struct json names_of(struct arena *arena, const struct decode_list *list, size_t size)
{
	struct json names = json_array();

	for (size_t i = 0; i < list->count; i++)
		json_append(arena, &names,
			json_string(*(struct str *)((char *)list->items + i * size)));
	return names;
}

static struct json prompt_names(struct arena *arena, const struct prompts *prompts)
{
	struct json names = json_array();

	for (size_t i = 0; i < prompts_count(prompts); i++)
		json_append(arena, &names, json_string(template_name(prompts_at(prompts, i))));
	return names;
}

static struct json summary(struct arena *arena, const struct opened *opened, const char *digest)
{
	const struct bundle *bundle = opened->bundle;
	const struct config *config = &bundle->config;
	struct json answer = json_object();

	json_set(arena, &answer, STR("ok"), json_bool(true));
	json_set(arena, &answer, STR("name"), json_string(str_of(opened->package.name)));
	json_set(arena, &answer, STR("digest"), json_string(str_of(digest)));
	json_set(arena, &answer, STR("inputs"), columns_of(arena, &bundle->signature.inputs));
	json_set(arena, &answer, STR("outputs"), columns_of(arena, &bundle->signature.outputs));
	json_set(arena, &answer, STR("models"),
		names_of(arena, &config->models, sizeof(struct model_spec)));
	json_set(arena, &answer, STR("tools"),
		names_of(arena, &config->tools, sizeof(struct tool_spec)));
	json_set(arena, &answer, STR("steps"),
		names_of(arena, &config->steps, sizeof(struct step_spec)));
	json_set(arena, &answer, STR("prompts"), prompt_names(arena, bundle->prompts));
	if (bundle->recordings != NULL)
		json_set(arena, &answer, STR("recordings"),
			json_integer((int64_t)recordings_count(bundle->recordings)));
	return answer;
}

static void add_columns(struct buf *out, const struct json *columns)
{
	for (size_t i = 0; i < columns->size; i++) {
		buf_add_text(out, i > 0 ? ", " : "");
		buf_add_visible(out, json_str(&columns->members[i].key));
		buf_add_text(out, ": ");
		buf_add_visible(out, json_str(&columns->members[i].value));
	}
}

static void add_names(struct buf *out, const struct json *names)
{
	for (size_t i = 0; i < names->size; i++) {
		buf_add_text(out, i > 0 ? ", " : "");
		buf_add_visible(out, json_str(&names->items[i]));
	}
}

static bool write_text(struct console *console, const struct json *answer, struct error *err)
{
	struct buf out = {0};

	console_style(&out, console->has_out_color, STYLE_GOOD, "ok");
	buf_add_char(&out, ' ');
	buf_add_visible(&out, json_str(json_get(answer, STR("name"))));
	buf_add_char(&out, '\n');
	for (size_t i = 3; i < answer->size; i++) {
		const struct json *value = &answer->members[i].value;
		buf_printf(&out, "  %-10.*s ", STR_ARGS(json_str(&answer->members[i].key)));
		if (json_type(value) == JSON_INTEGER)
			json_write(&out, value);
		else if (value->size == 0)
			buf_add_char(&out, '-');
		else if (json_type(value) == JSON_OBJECT)
			add_columns(&out, value);
		else
			add_names(&out, value);
		buf_add_char(&out, '\n');
	}
	buf_printf(&out, "  %-10s sha256:%.*s\n", "digest",
		STR_ARGS(json_str(json_get(answer, STR("digest")))));
	const bool is_written = console_write(console, buf_str(&out), err);
	buf_done(&out);
	return is_written;
}

static bool run(struct console *console, struct arena *arena, const void *options,
	const struct options_result *arguments, struct error *err)
{
	const struct opened_options how = {.is_offline = true, .is_checked = true};
	struct opened opened;
	const char *digest;

	if (!opened_read(arena, arguments->arguments[0], &how, &opened, err) ||
		!opened_report(console, arena, arguments->arguments[0], &opened, err) ||
		!package_digest(arena, &opened.package, &digest, err))
		return false;
	const struct json answer = summary(arena, &opened, digest);
	return console->is_json ? console_write_json(console, &answer, err)
				: write_text(console, &answer, err);
}

static const struct option OPTIONS[] = {OPTION_JSON(struct validate_options), {0}};

static const char *const EXAMPLES[] = {
	"sluice validate examples/slide_generator", "sluice validate slides.tar.gz --json", NULL};

static const struct options_spec SPEC = {
	.program = "sluice validate",
	.summary = "names every mistake of a bundle with file, line and path",
	.arguments = "DIR|FILE",
	.arguments_min = 1,
	.arguments_max = 1,
	.options = OPTIONS,
	.examples = EXAMPLES,
};

const struct command cmd_validate = {
	.name = "validate",
	.area = AREA_BUNDLES,
	.spec = &SPEC,
	.options_size = sizeof(struct validate_options),
	.json_offset = offsetof(struct validate_options, is_json),
	.run = run,
};

#include "model/prompt_lock.h"

#include "model/bundle.h"
#include "model/bundle_files.h"
#include "model/mlmodel.h"

static bool read_tree(struct arena *arena, const char *dir, struct problems *problems, struct json *ret)
{
	struct error err = {0};
	struct str text;

	if (bundle_file_kind(dir, PROMPT_LOCK_NAME) == BUNDLE_FILE_NONE)
		return false;
	if (bundle_file_read(arena, dir, PROMPT_LOCK_NAME, BUNDLE_TEXT_MAX, &text, &err) &&
		json_read_padded(arena, text, ret, &err) && json_type(ret) == JSON_OBJECT)
		return true;
	problems_add(problems, PROMPT_LOCK_NAME, 0, "", "%s",
		err.code != ERR_NONE ? err.text : "expected an object, reference to prompt");
	return false;
}

void prompt_lock_read(struct arena *arena, const char *dir, struct problems *problems, struct decode_list *ret)
{
	struct json tree;

	*ret = (struct decode_list){0};
	if (!read_tree(arena, dir, problems, &tree))
		return;
	struct prompt_pin *pins = arena_array(arena, tree.size, sizeof(*pins));
	for (size_t i = 0; i < tree.size; i++) {
		const struct json *value = &tree.members[i].value;
		const struct str reference = json_str(&tree.members[i].key);
		const struct prompt_pin pin = {
			reference, json_str(json_get(value, STR("uri"))), json_str(json_get(value, STR("text")))};

		if (!prompt_is_remote(reference) || !prompt_is_remote(pin.uri) || pin.text.len == 0)
			problems_add(problems, PROMPT_LOCK_NAME, 0,
				arena_memdup(problems->arena, reference.data, reference.len),
				"expected a reference prompts:/… with `uri` and `text`");
		else
			pins[ret->count++] = pin;
	}
	ret->items = pins;
}

static bool config_read(struct arena *arena, const char *dir, struct problems *problems, struct config *ret)
{
	static const struct bundle_options OFFLINE = {.is_offline = true};
	struct mlmodel mlmodel = {0};
	struct decoder decoder;
	struct json tree;

	if (!bundle_yaml_read(arena, dir, "MLmodel", &tree, problems))
		return false;
	decoder_init(&decoder, arena, problems, "MLmodel");
	mlmodel_decode(&decoder, &tree, &mlmodel);
	decoder_done(&decoder);
	const char *path = arena_memdup(arena, mlmodel.config.data, mlmodel.config.len);
	if (!bundle_path_is_safe(mlmodel.config) || !bundle_yaml_read(arena, dir, path, &tree, problems))
		return false;
	decoder_init(&decoder, arena, problems, path);
	decoder.expand = config_expand;
	decoder.expand_data = (void *)&OFFLINE;
	config_decode(&decoder, &tree, ret);
	decoder_done(&decoder);
	return true;
}

static bool is_pinned(const struct decode_list *pins, struct str reference)
{
	const struct prompt_pin *items = pins->items;

	for (size_t i = 0; i < pins->count; i++)
		if (str_eq(items[i].reference, reference))
			return true;
	return false;
}

static void add_missing(const struct decode_list *pins, struct str reference, struct str *items, size_t *count)
{
	if (!prompt_is_remote(reference) || is_pinned(pins, reference))
		return;
	for (size_t i = 0; i < *count; i++)
		if (str_eq(items[i], reference))
			return;
	items[(*count)++] = reference;
}

void prompt_lock_missing(struct arena *arena, const char *dir, struct decode_list *ret)
{
	struct problems problems;
	struct decode_list pins;
	struct config config = {0};

	*ret = (struct decode_list){0};
	problems_init(&problems, arena);
	prompt_lock_read(arena, dir, &problems, &pins);
	if (!config_read(arena, dir, &problems, &config))
		return;
	const struct step_spec *steps = config.steps.items;
	struct str *items = arena_array(arena, 2 * config.steps.count, sizeof(*items));
	for (size_t i = 0; i < config.steps.count; i++) {
		if (steps[i].type != STEP_LLM)
			continue;
		add_missing(&pins, steps[i].llm.system, items, &ret->count);
		add_missing(&pins, steps[i].llm.prompt, items, &ret->count);
	}
	ret->items = items;
}

void prompt_lock_write(struct buf *out, const struct prompt_pin *pins, size_t count)
{
	struct json tree = json_object();
	struct arena arena;

	arena_init(&arena);
	for (size_t i = 0; i < count; i++) {
		struct json row = json_object();
		json_set(&arena, &row, STR("text"), json_string(pins[i].text));
		json_set(&arena, &row, STR("uri"), json_string(pins[i].uri));
		json_set(&arena, &tree, pins[i].reference, row);
	}
	json_write_canonical(out, &tree);
	buf_add_char(out, '\n');
	arena_done(&arena);
}

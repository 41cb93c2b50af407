/*
 * A template is cut once into parts: text, then a variable. Rendering is copying. What does not
 * look like a variable after "{{" is a mistake: a typing error must not reach a model as text.
 */
#include "model/prompt.h"

#include "model/bundle_files.h"
#include "model/prompt_lock.h"

enum { VARIABLE_MAX = 256 };

struct part {
	struct str text; /* in front of the variable */
	struct str path; /* empty: none, the template ends here */
};

struct template
{
	struct str name, text;
	const char *file;
	struct part *parts;
	size_t part_count;
	struct template_variable *variables;
	size_t variable_count;
};

struct prompts {
	const char *place;
	struct template *items;
	size_t count;
};

struct parser {
	struct arena *arena;
	struct problems *problems;
	struct template *template;
	const char *path; /* in the file, for messages: the template's name in prompts.yaml */
	unsigned line;
	size_t cap;
};

static void parse_mistake(struct parser *parser, const char *text)
{
	problems_add(parser->problems,
		arena_strdup(parser->problems->arena, parser->template->file), parser->line,
		parser->path, "%s", text);
}

static void *grow(struct arena *arena, const void *items, size_t count, size_t cap, size_t size)
{
	void *grown = arena_array(arena, cap, size);

	if (count > 0)
		memcpy(grown, items, count * size);
	return grown;
}

static void part_add(struct parser *parser, struct str text, struct str path)
{
	struct template *template = parser->template;

	if (template->part_count == parser->cap) {
		parser->cap = parser->cap > 0 ? 2 * parser->cap : 8;
		template->parts = grow(parser->arena, template->parts, template->part_count,
			parser->cap, sizeof(*template->parts));
		template->variables = grow(parser->arena, template->variables,
			template->variable_count, parser->cap, sizeof(*template->variables));
	}
	template->parts[template->part_count++] = (struct part){text, path};
	if (path.len > 0)
		template->variables[template->variable_count++] =
			(struct template_variable){path, template->file, parser->line};
}

/* The variable's name and what follows it; false where "{{" opens nothing. */
static bool read_variable(struct str text, struct str *ret_path, size_t *ret_len)
{
	const size_t near = text.len < VARIABLE_MAX ? text.len : VARIABLE_MAX;
	const char *close = memmem(text.data, near, "}}", 2);

	if (close == NULL)
		return false;
	const struct str inside = {text.data, (size_t)(close - text.data)};
	*ret_path = str_trim(inside);
	*ret_len = inside.len + 2;
	return ret_path->len > 0 && memchr(inside.data, '\n', inside.len) == NULL &&
	       memchr(inside.data, '{', inside.len) == NULL;
}

static void template_parse(struct parser *parser)
{
	struct str rest = parser->template->text;
	size_t searched = 0; /* of rest */

	for (;;) {
		const char *open = rest.len > searched ? memmem(rest.data + searched,
								 rest.len - searched, "{{", 2)
						       : NULL;
		struct str path;
		size_t len;

		if (open == NULL)
			break;
		const char *end = rest.data + rest.len;
		/* In "{{{x}}}" the inner two belong together: JSON around a value. */
		while (open + 2 < end && open[2] == '{')
			open++;
		parser->line += (unsigned)str_count(
			(struct str){rest.data + searched, (size_t)(open - rest.data) - searched},
			'\n');
		const struct str behind = {open + 2, (size_t)(end - open - 2)};
		if (!read_variable(behind, &path, &len)) {
			parse_mistake(parser,
				"'{{' opens no variable: write {{name}} or {{step.name}} on one line");
			searched = (size_t)(open + 2 - rest.data);
			continue;
		}
		part_add(parser, (struct str){rest.data, (size_t)(open - rest.data)}, path);
		rest = (struct str){behind.data + len, behind.len - len};
		searched = 0;
	}
	part_add(parser, rest, (struct str){0});
}

/* A file's last newline is the file's, not the prompt's. */
static struct str without_last_newline(struct str text)
{
	if (text.len > 0 && text.data[text.len - 1] == '\n')
		text.len--;
	if (text.len > 0 && text.data[text.len - 1] == '\r')
		text.len--;
	return text;
}

static bool check_text(struct parser *parser, struct str text)
{
	if (!str_is_utf8(text))
		parse_mistake(parser, "is no valid UTF-8");
	else if (text.len == 0)
		parse_mistake(parser, "is empty");
	else
		return true;
	return false;
}

static void template_init(struct parser *parser, struct str name, struct str text)
{
	parser->template->name = name;
	parser->template->text = without_last_newline(text);
	if (check_text(parser, parser->template->text))
		template_parse(parser);
}

/* prompts.yaml: name → template */

static void load_yaml(struct arena *arena, struct problems *problems, const char *dir,
	const char *path, struct prompts *ret)
{
	struct json tree;

	if (!bundle_yaml_read(arena, dir, path, &tree, problems))
		return;
	const char *file = arena_strdup(problems->arena, path);
	if (tree.type != JSON_OBJECT) {
		problems_add(problems, file, (unsigned)tree.at, "",
			"expected an object, name to template, got %s", json_type_name(&tree));
		return;
	}
	ret->items = arena_zalloc(arena, tree.size * sizeof(*ret->items));
	for (size_t i = 0; i < tree.size; i++) {
		const struct json *key = &tree.members[i].key, *value = &tree.members[i].value;
		const char *name = arena_memdup(arena, key->text, key->size);

		if (value->type != JSON_STRING) {
			problems_add(problems, file, (unsigned)value->at, name,
				"expected text, got %s", json_type_name(value));
			continue;
		}
		struct template *template = &ret->items[ret->count++];
		struct parser parser = {.arena = arena,
			.problems = problems,
			.template = template,
			.path = name,
			.line = (unsigned)value->at};
		template->file = arena_strdup(arena, path);
		template_init(&parser, json_str(key), json_str(value));
	}
}

/* prompts/NAME.txt */

static void load_file(struct arena *arena, struct problems *problems, const char *dir,
	const char *path, struct str name, struct prompts *ret)
{
	struct error err = {0};
	struct str text = {0};

	if (!bundle_file_read(arena, dir, path, BUNDLE_TEXT_MAX, &text, &err)) {
		problems_add(problems, NULL, 0, "", "%s", err.text);
		return;
	}
	struct template *template = &ret->items[ret->count++];
	struct parser parser = {
		.arena = arena, .problems = problems, .template = template, .path = "", .line = 1};
	template->file = path;
	template_init(&parser, name, text);
}

static void load_folder(struct arena *arena, struct problems *problems, const char *dir,
	const char *path, struct prompts *ret)
{
	struct decode_list paths = {0};
	struct error err = {0};
	const size_t prefix = strlen(path) + 1;

	if (!bundle_folder_list(arena, dir, path, false, &paths, &err)) {
		problems_add(problems, NULL, 0, "", "%s", err.text);
		return;
	}
	const char *const *items = paths.items;
	ret->items = arena_zalloc(arena, paths.count * sizeof(*ret->items));
	for (size_t i = 0; i < paths.count; i++) {
		const struct str name = {items[i] + prefix, strlen(items[i]) - prefix};

		if (str_ends(name, STR(".txt")))
			load_file(arena, problems, dir, items[i],
				(struct str){name.data, name.len - 4}, ret);
	}
}

/* prompts.lock.json: what packing took from a registry. */

static void load_lock(
	struct arena *arena, struct problems *problems, const char *dir, struct prompts *ret)
{
	struct decode_list list;

	prompt_lock_read(arena, dir, problems, &list);
	const struct prompt_pin *pins = list.items;
	if (list.count == 0)
		return;
	ret->items = grow(arena, ret->items, ret->count, ret->count + list.count, sizeof(*ret->items));
	for (size_t i = 0; i < list.count; i++) {
		struct template *template = &ret->items[ret->count++];
		struct parser parser = {.arena = arena,
			.problems = problems,
			.template = template,
			.path = arena_memdup(arena, pins[i].uri.data, pins[i].uri.len),
			.line = 0};

		*template = (struct template){.file = PROMPT_LOCK_NAME};
		template_init(&parser, pins[i].reference, pins[i].text);
	}
}

const struct prompts *prompts_load(
	struct arena *arena, struct problems *problems, const char *dir, const char *path)
{
	struct prompts *prompts = arena_zalloc(arena, sizeof(*prompts));

	if (path != NULL) {
		path = arena_strdup(arena, path);
		const bool is_folder = bundle_file_kind(dir, path) == BUNDLE_FILE_FOLDER;
		prompts->place = is_folder ? arena_printf(arena, "%s/", path) : path;
		if (is_folder)
			load_folder(arena, problems, dir, path, prompts);
		else
			load_yaml(arena, problems, dir, path, prompts);
	}
	load_lock(arena, problems, dir, prompts);
	return prompts;
}

const struct template *prompts_get(const struct prompts *prompts, struct str name)
{
	for (size_t i = 0; i < prompts->count; i++)
		if (str_eq(prompts->items[i].name, name))
			return &prompts->items[i];
	return NULL;
}

const char *prompts_place(const struct prompts *prompts)
{
	return prompts->place;
}

size_t prompts_count(const struct prompts *prompts)
{
	return prompts->count;
}

const struct template *prompts_at(const struct prompts *prompts, size_t index)
{
	return &prompts->items[index];
}

struct str template_name(const struct template *template)
{
	return template->name;
}

const struct template_variable *template_variables(
	const struct template *template, size_t *ret_count)
{
	*ret_count = template->variable_count;
	return template->variables;
}

void template_render(struct buf *out, const struct template *template, const struct json *row)
{
	for (size_t i = 0; i < template->part_count; i++) {
		const struct part *part = &template->parts[i];
		const struct json *value = part->path.len > 0 ? json_at(row, part->path) : NULL;

		buf_add_str(out, part->text);
		if (json_type(value) == JSON_STRING)
			buf_add_str(out, json_str(value));
		else if (json_type(value) != JSON_ABSENT && json_type(value) != JSON_NULL)
			json_write(out, value);
	}
}

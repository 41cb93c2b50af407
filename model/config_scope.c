#include "model/config_scope.h"

#include "model/schema.h"

static const char *const builtins[] = {
	"cost", "latency_ms", "tokens", "error", "trace_id", "trace_url", "now", NULL};

enum { LISTED_MAX = 12 };

const char *scope_origin_name(enum scope_origin origin)
{
	static const char *const names[] = {
		[SCOPE_INPUT] = "input column",
		[SCOPE_PARAM] = "param",
		[SCOPE_DEFAULT] = "default",
		[SCOPE_STEP] = "step",
		[SCOPE_BUILTIN] = "built-in value",
	};

	return names[origin];
}

void scope_add(struct scope *scope, struct scope_name name)
{
	if (scope->count == scope->cap) {
		const size_t cap = scope->cap > 0 ? 2 * scope->cap : 16;
		struct scope_name *names = arena_array(scope->arena, cap, sizeof(*names));

		if (scope->count > 0)
			memcpy(names, scope->names, scope->count * sizeof(*names));
		scope->names = names;
		scope->cap = cap;
	}
	scope->names[scope->count++] = name;
}

static struct scope_name *find(const struct scope *scope, struct str name)
{
	for (size_t i = 0; i < scope->count; i++)
		if (str_eq(scope->names[i].name, name))
			return &scope->names[i];
	return NULL;
}

const struct scope_name *scope_find(const struct scope *scope, struct str name)
{
	return find(scope, name);
}

/* As a run looks: a column hides a param of its name, and both hide a built-in value. */
void scope_init(struct scope *scope, struct arena *arena, const struct signature *signature,
	const struct json *defaults)
{
	const struct sig_schema *inputs = &signature->inputs;

	*scope = (struct scope){
		.arena = arena, .is_open = !inputs->is_declared || !inputs->is_named};
	for (size_t i = 0; inputs->is_declared && inputs->is_named && i < inputs->count; i++)
		scope_add(scope, (struct scope_name){.name = inputs->columns[i].name,
					 .origin = SCOPE_INPUT,
					 .shape = SCOPE_SIGNATURE,
					 .node = &inputs->columns[i].node});
	for (size_t i = 0; i < signature->param_count; i++) {
		const struct sig_param *param = &signature->params[i];

		scope_add(scope, (struct scope_name){.name = param->name,
					 .origin = SCOPE_PARAM,
					 .shape = param->is_list ? SCOPE_LIST : SCOPE_SIGNATURE,
					 .node = &param->node});
	}
	for (size_t i = 0; json_type(defaults) == JSON_OBJECT && i < defaults->size; i++) {
		const struct str name = json_str(&defaults->members[i].key);

		if (find(scope, name) == NULL)
			scope_add(
				scope, (struct scope_name){.name = name, .origin = SCOPE_DEFAULT});
	}
	for (size_t i = 0; builtins[i] != NULL; i++)
		scope_add(scope, (struct scope_name){.name = str_of(builtins[i]),
					 .origin = SCOPE_BUILTIN,
					 .shape = SCOPE_SCALAR});
}

static void set_tool_shape(struct scope_name *name, const struct tool_spec *tool)
{
	if (tool == NULL || !tool->has_sql)
		return;
	if (tool->sql.result == SQL_VALUE)
		name->shape = SCOPE_SCALAR;
	else if (tool->sql.result == SQL_ROWS)
		name->shape = SCOPE_LIST;
}

void scope_step_ran(struct scope *scope, const struct step_spec *step)
{
	struct scope_name *name = find(scope, step->name);

	if (name == NULL || name->origin != SCOPE_STEP)
		return;
	name->is_later = false;
	if (step->type == STEP_TOOL) {
		set_tool_shape(name, step->tool.spec);
	} else if (step->llm.schema != NULL) {
		name->shape = SCOPE_SCHEMA;
		name->schema = step->llm.schema;
		name->schema_tree = &step->llm.output;
	} else if (json_type(&step->llm.output) == JSON_STRING) {
		name->shape = SCOPE_SCALAR;
	}
}

static const struct sig_property *property_find(const struct sig_node *node, struct str name)
{
	for (size_t i = 0; i < node->property_count; i++)
		if (str_eq(node->properties[i].name, name))
			return &node->properties[i];
	return NULL;
}

/* Walks a signature's type; tensors and `any` can hold anything. */
static bool node_knows(const struct sig_node *node, struct str path)
{
	struct str rest = path, name;

	while (rest.len > 0) {
		str_cut(&rest, '.', &name);
		if (node->type == SIG_ANY || node->type == SIG_TENSOR)
			return true;
		if (node->type == SIG_OBJECT) {
			const struct sig_property *property = property_find(node, name);

			if (property == NULL)
				return false;
			node = &property->node;
		} else if (node->type == SIG_MAP || (node->type == SIG_ARRAY && str_is_digits(name))) {
			node = node->items;
		} else {
			return false;
		}
	}
	return true;
}

static bool below_knows(const struct scope_name *name, struct str path)
{
	struct str rest = path, head;

	switch (name->shape) {
	case SCOPE_ANY:
		return true;
	case SCOPE_SCALAR:
		return false;
	case SCOPE_LIST:
		str_cut(&rest, '.', &head);
		return str_is_digits(head);
	case SCOPE_SIGNATURE:
		return node_knows(name->node, path);
	case SCOPE_SCHEMA:
		return schema_knows(name->schema, path);
	}
	return false;
}

static void list_names(const struct scope *scope, struct buf *out)
{
	size_t listed = 0;

	for (size_t i = 0; i < scope->count; i++) {
		const struct scope_name *name = &scope->names[i];

		if (name->origin == SCOPE_BUILTIN || name->is_later)
			continue;
		if (listed++ == LISTED_MAX) {
			buf_add_text(out, ", …");
			return;
		}
		buf_printf(out, "%s%.*s", listed > 1 ? ", " : "", STR_ARGS(name->name));
	}
}

static const char *why_unknown(const struct scope *scope, struct str head)
{
	const char **known = arena_array(scope->arena, scope->count + 1, sizeof(*known));
	struct buf text = {0};
	size_t count = 0;

	for (size_t i = 0; i < scope->count; i++)
		if (!scope->names[i].is_later)
			known[count++] = arena_memdup(
				scope->arena, scope->names[i].name.data, scope->names[i].name.len);
	known[count] = NULL;
	const char *nearest = decode_nearest(head, known);
	buf_printf(&text, "unknown name '%.*s'", STR_ARGS(head));
	if (nearest != NULL) {
		buf_printf(&text, ", did you mean '%s'?", nearest);
	} else {
		buf_add_text(&text, " (known here: ");
		list_names(scope, &text);
		buf_add_char(&text, ')');
	}
	const char *why = arena_strdup(scope->arena, buf_text(&text));
	buf_done(&text);
	return why;
}

/* The declared member nearest to the first one of `path`, where that one is none. */
static const char *nearest_member(
	const struct scope *scope, const struct scope_name *name, struct str path)
{
	const struct json *tree = json_get(name->schema_tree, STR("properties"));
	struct str rest = path, head;

	str_cut(&rest, '.', &head);
	if (json_type(tree) != JSON_OBJECT || json_get(tree, head) != NULL)
		return NULL;
	const char **known = arena_array(scope->arena, tree->size + 1, sizeof(*known));
	for (size_t i = 0; i < tree->size; i++) {
		const struct str key = json_str(&tree->members[i].key);

		known[i] = arena_memdup(scope->arena, key.data, key.len);
	}
	known[tree->size] = NULL;
	return decode_nearest(head, known);
}

bool scope_knows(const struct scope *scope, struct str path, const char **ret_why)
{
	struct str rest = path, head;
	const bool has_rest = str_cut(&rest, '.', &head);
	const struct scope_name *name = find(scope, head);

	if (head.len == 0 || (has_rest && rest.len == 0) ||
		(rest.len > 0 && memmem(rest.data, rest.len, "..", 2) != NULL)) {
		*ret_why = arena_printf(scope->arena, "'%.*s' is no dotted path", STR_ARGS(path));
		return false;
	}
	if (name == NULL && scope->is_open)
		return true;
	if (name == NULL) {
		*ret_why = why_unknown(scope, head);
		return false;
	}
	if (name->is_later) {
		*ret_why = arena_printf(
			scope->arena, "step '%.*s' has not run yet here", STR_ARGS(head));
		return false;
	}
	if (rest.len == 0 || below_knows(name, rest))
		return true;
	const char *nearest = nearest_member(scope, name, rest);
	*ret_why = arena_printf(scope->arena, "%s '%.*s' has no '%.*s'%s%s%s",
		scope_origin_name(name->origin), STR_ARGS(head), STR_ARGS(rest),
		nearest != NULL ? ", did you mean '" : "", nearest != NULL ? nearest : "",
		nearest != NULL ? "'?" : "");
	return false;
}

/* choose the operation → its variables → collect level by level: fields by their keys, fragments in their places */
#include "graphql/graphql_plan.h"

#include "graphql/graphql_limits.h"
#include "graphql/graphql_value.h"

struct planner {
	struct graphql_values values;
	struct graphql_definition *document;
	struct error *err;
};

/* Of one selection set, with the fragments in it. */
struct place {
	const struct graphql_type *type;
	struct graphql_plan **fields;
	bool is_open[GRAPHQL_DEFINITIONS_MAX];
};
/* Which fragments are being spread. */
struct chain {
	struct str name;
	const struct chain *outer;
};

static bool collect(struct planner *planner, struct place *place, const struct chain *chain,
	const struct graphql_selection *selections);

static bool fail(struct planner *planner, const char *what, struct str name)
{
	const struct str shown = str_clip(name, 200);

	return error_set(planner->err, ERR_BAD_REQUEST, "%s '%.*s'.", what, STR_ARGS(shown));
}

/* ---- operations ---- */

static bool choose(struct planner *planner, struct str name, struct graphql_definition **ret)
{
	*ret = NULL;
	for (struct graphql_definition *at = planner->document; at != NULL; at = at->next) {
		if (at->is_fragment)
			continue;
		for (const struct graphql_definition *earlier = planner->document; earlier != at; earlier = earlier->next)
			if (!earlier->is_fragment && str_eq(earlier->name, at->name))
				return fail(planner, "There can be only one operation named", at->name);
		if (name.len == 0 && *ret != NULL)
			return error_set(planner->err, ERR_BAD_REQUEST,
				"Must provide operation name if query contains multiple operations.");
		if (name.len == 0 || str_eq(at->name, name))
			*ret = at;
	}
	if (*ret == NULL && name.len > 0)
		return fail(planner, "Unknown operation named", name);
	return *ret != NULL || error_set(planner->err, ERR_BAD_REQUEST, "Must provide an operation.");
}

static bool check_no_directive(struct planner *planner, const struct graphql_directive *directive, const char *where)
{
	if (directive == NULL)
		return true;
	const struct str name = str_clip(directive->name, 200);
	if (str_is(name, "component"))
		return error_set(planner->err, ERR_BAD_REQUEST, "Directive '@component' may not be used on %s.", where);
	return error_set(planner->err, ERR_BAD_REQUEST, "Unknown directive '@%.*s'.", STR_ARGS(name));
}

/* @component(name: String!) says which part of a web page asks; it changes nothing. */
static bool check_component(struct planner *planner, const struct graphql_directive *directive)
{
	const struct graphql_type *string = graphql_input_find(STR("String"));
	struct json value;

	for (; directive != NULL; directive = directive->next) {
		const struct graphql_value *argument = directive->arguments;

		if (!str_is(directive->name, "component") || directive->next != NULL)
			return check_no_directive(planner, directive->next != NULL ? directive->next : directive, "an operation twice");
		if (argument == NULL || !str_is(argument->name, "name") || argument->next != NULL)
			return error_set(planner->err, ERR_BAD_REQUEST,
				"Directive '@component' argument 'name' of type 'String!' is required, and nothing else.");
		if (!graphql_literal(&planner->values, argument, string, false, &value))
			return false;
	}
	return true;
}

/* ---- fields ---- */

static bool check_arguments(struct planner *planner, const struct place *place, const struct graphql_field *field,
	const struct graphql_selection *selection)
{
	for (const struct graphql_value *argument = selection->arguments; argument != NULL; argument = argument->next) {
		if (field == NULL || field->argument_name == NULL || !str_is(argument->name, field->argument_name))
			return error_set(planner->err, ERR_BAD_REQUEST, "Unknown argument '%.*s' on field '%s.%.*s'.",
				STR_ARGS(str_clip(argument->name, 200)), place->type->name,
				STR_ARGS(str_clip(selection->name, 200)));
		if (argument != selection->arguments)
			return fail(planner, "There can be only one argument named", argument->name);
	}
	return true;
}

static bool check_selections(struct planner *planner, const struct graphql_field *field,
	const struct graphql_selection *selection)
{
	const bool is_object = field != NULL && field->type->kind == GRAPHQL_OBJECT_TYPE;
	const char *type = field != NULL ? field->type->name : "String!";
	const struct str name = str_clip(selection->name, 200);

	if (is_object && selection->selections == NULL)
		return error_set(planner->err, ERR_BAD_REQUEST,
			"Field '%.*s' of type '%s%s%s' must have a selection of subfields. Did you mean '%.*s { ... }'?",
			STR_ARGS(name), field->is_list ? "[" : "", type, field->is_list ? "!]" : "", STR_ARGS(name));
	if (!is_object && selection->selections != NULL)
		return error_set(planner->err, ERR_BAD_REQUEST,
			"Field '%.*s' must not have a selection since type '%s' has no subfields.", STR_ARGS(name), type);
	return true;
}

static bool check_merge(
	struct planner *planner, const struct graphql_plan *plan, const struct graphql_field *field,
	const struct graphql_selection *selection)
{
	const struct str key = str_clip(plan->key, 200);
	const char *one = plan->field != NULL ? plan->field->name : "__typename";
	const char *other = field != NULL ? field->name : "__typename";

	if (plan->field != field)
		return error_set(planner->err, ERR_BAD_REQUEST,
			"Fields '%.*s' conflict because '%s' and '%s' are different fields. Use different aliases on the fields to "
			"fetch both if this was intentional.",
			STR_ARGS(key), one, other);
	return graphql_value_equal(plan->arguments, selection->arguments) ||
	       error_set(planner->err, ERR_BAD_REQUEST,
		       "Fields '%.*s' conflict because they have differing arguments. Use different aliases on the fields to "
		       "fetch both if this was intentional.",
		       STR_ARGS(key));
}

static bool add_field(struct planner *planner, const struct place *place, const struct graphql_field *field,
	const struct graphql_selection *selection, struct graphql_plan **ret)
{
	struct graphql_plan **at = place->fields;

	while (*at != NULL && !str_eq((*at)->key, graphql_key(selection)))
		at = &(*at)->next;
	*ret = *at;
	if (*at != NULL)
		return check_merge(planner, *at, field, selection);
	struct graphql_plan *plan = arena_zalloc(planner->values.arena, sizeof(*plan));
	*plan = (struct graphql_plan){.key = graphql_key(selection),
		.field = field,
		.parent = place->type,
		.arguments = selection->arguments};
	if (field != NULL)
		plan->snake = graphql_snake(planner->values.arena, field->name);
	*at = *ret = plan;
	return plan->arguments == NULL ||
	       graphql_literal(&planner->values, plan->arguments, field->argument, false, &plan->argument);
}

static bool collect_field(struct planner *planner, struct place *place, const struct graphql_selection *selection)
{
	const struct graphql_field *field = graphql_field_find(place->type, selection->name);
	struct graphql_plan *plan;

	if (field == NULL && !str_is(selection->name, "__typename"))
		return error_set(planner->err, ERR_BAD_REQUEST, "Cannot query field '%.*s' on type '%s'.",
			STR_ARGS(str_clip(selection->name, 200)), place->type->name);
	if (!check_no_directive(planner, selection->directives, "field") ||
		!check_arguments(planner, place, field, selection) || !check_selections(planner, field, selection) ||
		!add_field(planner, place, field, selection, &plan))
		return false;
	if (selection->selections == NULL)
		return true;
	struct place inner = {.type = field->type, .fields = &plan->fields};
	return collect(planner, &inner, NULL, selection->selections);
}

/* ---- fragments ---- */

static bool check_type(struct planner *planner, const struct place *place, struct str fragment, struct str type)
{
	if (type.len == 0 || str_is(type, place->type->name))
		return true;
	if (fragment.len == 0)
		return error_set(planner->err, ERR_BAD_REQUEST,
			"Fragment cannot be spread here as objects of type '%s' can never be of type '%.*s'.", place->type->name,
			STR_ARGS(str_clip(type, 200)));
	return error_set(planner->err, ERR_BAD_REQUEST,
		"Fragment '%.*s' cannot be spread here as objects of type '%s' can never be of type '%.*s'.",
		STR_ARGS(str_clip(fragment, 200)), place->type->name, STR_ARGS(str_clip(type, 200)));
}

static bool collect_spread(
	struct planner *planner, struct place *place, const struct chain *chain, const struct graphql_selection *selection)
{
	const struct chain inner = {selection->name, chain};
	struct graphql_definition *at = planner->document;
	size_t index = 0;

	for (; at != NULL && !(at->is_fragment && str_eq(at->name, selection->name)); at = at->next)
		index++;
	if (at == NULL)
		return fail(planner, "Unknown fragment", selection->name);
	at->is_used = true;
	for (; chain != NULL; chain = chain->outer)
		if (str_eq(chain->name, selection->name))
			return error_set(planner->err, ERR_BAD_REQUEST, "Cannot spread fragment '%.*s' within itself.",
				STR_ARGS(str_clip(selection->name, 200)));
	if (place->is_open[index])
		return true;
	place->is_open[index] = true;
	return check_no_directive(planner, at->directives, "fragment definition") &&
	       check_type(planner, place, at->name, at->on) && collect(planner, place, &inner, at->selections);
}

static bool collect(struct planner *planner, struct place *place, const struct chain *chain,
	const struct graphql_selection *selections)
{
	for (; selections != NULL; selections = selections->next) {
		bool is_fine = true;

		if (selections->kind == GRAPHQL_FIELD)
			is_fine = collect_field(planner, place, selections);
		else if (selections->kind == GRAPHQL_SPREAD)
			is_fine = check_no_directive(planner, selections->directives, "fragment spread") &&
				  collect_spread(planner, place, chain, selections);
		else
			is_fine = check_no_directive(planner, selections->directives, "inline fragment") &&
				  check_type(planner, place, STR(""), selections->name) &&
				  collect(planner, place, chain, selections->selections);
		if (!is_fine)
			return false;
	}
	return true;
}

/* ---- after all ---- */

/* Fragments of a document with several operations may be another's. */
static bool check_used(struct planner *planner)
{
	size_t operations = 0;

	for (const struct graphql_variable *at = planner->values.variables; at != NULL; at = at->next)
		if (!at->is_used)
			return error_set(planner->err, ERR_BAD_REQUEST, "Variable '$%.*s' is never used.",
				STR_ARGS(str_clip(at->name, 200)));
	for (const struct graphql_definition *at = planner->document; at != NULL; at = at->next)
		operations += !at->is_fragment;
	for (const struct graphql_definition *at = planner->document; at != NULL && operations == 1; at = at->next)
		if (at->is_fragment && !at->is_used)
			return error_set(planner->err, ERR_BAD_REQUEST, "Fragment '%.*s' is never used.",
				STR_ARGS(str_clip(at->name, 200)));
	return true;
}

bool graphql_plan_make(struct arena *arena, struct graphql_definition *document, struct str name,
	const struct json *variables, struct graphql_plan **ret, struct error *err)
{
	struct planner planner = {.values = {.arena = arena, .err = err}, .document = document, .err = err};
	struct place root = {.type = &graphql_query, .fields = ret};
	struct graphql_definition *operation;

	*ret = NULL;
	if (!choose(&planner, name, &operation))
		return false;
	if (str_is(operation->operation, "mutation"))
		root.type = &graphql_mutation;
	else if (!str_is(operation->operation, "query"))
		return error_set(err, ERR_BAD_REQUEST, "Schema is not configured to execute subscription operation.");
	planner.values.variables = operation->variables;
	return graphql_variables(&planner.values, variables) && check_component(&planner, operation->directives) &&
	       collect(&planner, &root, NULL, operation->selections) && check_used(&planner);
}

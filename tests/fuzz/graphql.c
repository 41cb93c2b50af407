/*
 * The text up to the first NUL is a query, the next an operation's name, the rest its variables. Any bytes are refused with
 * ERR_BAD_REQUEST, or make a plan that is within the limits and whose arguments fit their types.
 */
#include "graphql/graphql_limits.h"
#include "graphql/graphql_plan.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool is_true)
{
	if (!is_true)
		abort();
}

static void check_argument(const struct graphql_plan *plan)
{
	const enum json_type type = json_type(&plan->argument);

	must(type == JSON_ABSENT || plan->field->argument != NULL);
	if (type == JSON_ABSENT || type == JSON_NULL)
		return;
	must(type == (plan->field->argument->kind == GRAPHQL_INPUT_TYPE ? JSON_OBJECT : JSON_STRING));
}

static size_t check_plan(const struct graphql_plan *plan, unsigned depth)
{
	size_t count = 0;

	must(plan == NULL || depth <= GRAPHQL_LEVELS_MAX);
	for (; plan != NULL; plan = plan->next) {
		must(plan->key.len > 0 && plan->parent != NULL);
		check_argument(plan);
		for (const struct graphql_plan *other = plan->next; other != NULL; other = other->next)
			must(!str_eq(plan->key, other->key));
		must((plan->fields != NULL) == (plan->field != NULL && plan->field->type->kind == GRAPHQL_OBJECT_TYPE));
		count += 1 + check_plan(plan->fields, depth + 1);
	}
	return count;
}

static bool plan(struct arena *arena, struct str query, struct str name, struct str variables, struct error *err)
{
	struct graphql_definition *document;
	struct graphql_plan *made;
	struct json given;
	struct error ignored;
	const bool has_variables = json_read(arena, variables, &given, &ignored);

	if (!graphql_parse(arena, query, &document, err) || !graphql_check_limits(document, err) ||
		!graphql_plan_make(arena, document, name, has_variables ? &given : NULL, &made, err))
		return false;
	must(made != NULL && check_plan(made, 1) <= GRAPHQL_SELECTIONS_MAX);
	return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str rest = {(const char *)data, size}, query, name;
	struct arena arena;
	struct error err = {0};

	str_cut(&rest, '\0', &query);
	str_cut(&rest, '\0', &name);
	/* As JSON strings, which the server reads them from, they are UTF-8. */
	if (!str_is_utf8(query) || !str_is_utf8(name))
		return 0;
	arena_init(&arena);
	if (!plan(&arena, query, name, rest, &err))
		must(err.code == ERR_BAD_REQUEST && err.text[0] != '\0' && str_is_utf8(str_of(err.text)));
	arena_done(&arena);
	return 0;
}

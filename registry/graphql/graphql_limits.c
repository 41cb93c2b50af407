/* each operation → its levels → what stands on a level, fragments opened once each */
#include "graphql/graphql_limits.h"

/* Spreads and fragments without fields count for nothing there, but cost time. */
enum { STEPS_MAX = 20 * GRAPHQL_SELECTIONS_MAX };

struct limits {
	const struct graphql_definition *document;
	size_t steps, fields, roots, aliases_max;
	struct error *err;
};

/* Which fragments a level has opened: the first GRAPHQL_DEFINITIONS_MAX definitions are all there are. */
struct level {
	bool is_open[GRAPHQL_DEFINITIONS_MAX];
	size_t aliases;
	unsigned depth;
};

static bool visit_level(struct limits *limits, const struct graphql_selection *selections, unsigned depth);

static bool fail_selections(const struct limits *limits)
{
	return error_set(limits->err, ERR_BAD_REQUEST, "Query exceeds maximum total selections of %d", GRAPHQL_SELECTIONS_MAX);
}

static const struct graphql_selection *open_fragment(struct limits *limits, struct level *level, struct str name)
{
	size_t i = 0;

	for (const struct graphql_definition *at = limits->document; at != NULL; at = at->next, i++) {
		if (!at->is_fragment || !str_eq(at->name, name))
			continue;
		if (level->is_open[i])
			return NULL;
		level->is_open[i] = true;
		return at->selections;
	}
	return NULL;
}

static bool visit_field(struct limits *limits, struct level *level, const struct graphql_selection *field)
{
	level->aliases += field->alias.data != NULL;
	limits->roots += level->depth == 1;
	if (++limits->fields > GRAPHQL_SELECTIONS_MAX)
		return fail_selections(limits);
	return field->selections == NULL || visit_level(limits, field->selections, level->depth + 1);
}

static bool visit(struct limits *limits, struct level *level, const struct graphql_selection *selections)
{
	for (; selections != NULL; selections = selections->next) {
		const struct graphql_selection *inner = selections->selections;

		if (++limits->steps > STEPS_MAX)
			return fail_selections(limits);
		if (selections->kind == GRAPHQL_FIELD) {
			if (!visit_field(limits, level, selections))
				return false;
			continue;
		}
		if (selections->kind == GRAPHQL_SPREAD)
			inner = open_fragment(limits, level, selections->name);
		if (!visit(limits, level, inner))
			return false;
	}
	return true;
}

static bool visit_level(struct limits *limits, const struct graphql_selection *selections, unsigned depth)
{
	struct level level = {.depth = depth};

	if (depth > GRAPHQL_LEVELS_MAX)
		return error_set(limits->err, ERR_BAD_REQUEST, "Query exceeds maximum depth of %d", GRAPHQL_LEVELS_MAX);
	if (!visit(limits, &level, selections))
		return false;
	if (level.aliases > limits->aliases_max)
		limits->aliases_max = level.aliases;
	return true;
}

static bool check_count(const struct limits *limits, size_t count, size_t max, const char *what)
{
	return count <= max || error_set(limits->err, ERR_BAD_REQUEST,
				       "GraphQL queries should have at most %zu %s, got %zu %s.", max, what, count, what);
}

bool graphql_check_limits(const struct graphql_definition *document, struct error *err)
{
	struct limits limits = {.document = document, .err = err};
	size_t count = 0;

	for (const struct graphql_definition *at = document; at != NULL; at = at->next)
		if (++count > GRAPHQL_DEFINITIONS_MAX)
			return error_set(err, ERR_BAD_REQUEST, "Query exceeds maximum of %d definitions",
				GRAPHQL_DEFINITIONS_MAX);
	for (const struct graphql_definition *at = document; at != NULL; at = at->next)
		if (!at->is_fragment && !visit_level(&limits, at->selections, 1))
			return false;
	return check_count(&limits, limits.roots, GRAPHQL_ROOTS_MAX, "root fields") &&
	       check_count(&limits, limits.aliases_max, GRAPHQL_ALIASES_MAX, "aliases");
}

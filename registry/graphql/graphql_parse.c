/* document → definitions → selections → fields → arguments → values */
#include "graphql/graphql_parse.h"

#include "graphql/graphql_scan.h"

struct parser {
	struct graphql_scan scan;
	struct arena *arena;
	unsigned depth;
};

static bool parse_value(struct parser *parser, bool is_constant, struct graphql_value *ret);
static bool parse_selections(struct parser *parser, struct graphql_selection **ret);

static bool is_at(const struct parser *parser, const char *mark)
{
	return graphql_scan_is(&parser->scan, mark);
}

static bool next(struct parser *parser)
{
	return graphql_scan_next(&parser->scan);
}

static bool expect(struct parser *parser, const char *mark)
{
	char wanted[8] = "' '";

	wanted[1] = mark[0];
	return is_at(parser, mark) ? next(parser) : graphql_scan_fail(&parser->scan, wanted);
}

static bool parse_name(struct parser *parser, struct str *ret)
{
	if (parser->scan.kind != GRAPHQL_NAME)
		return graphql_scan_fail(&parser->scan, "a name");
	*ret = parser->scan.text;
	return next(parser);
}

static bool is_word(const struct parser *parser, const char *word)
{
	return parser->scan.kind == GRAPHQL_NAME && str_is(parser->scan.text, word);
}

static bool descend(struct parser *parser)
{
	return ++parser->depth <= GRAPHQL_DEPTH_MAX ||
	       error_set(parser->scan.err, ERR_BAD_REQUEST, "Syntax Error: more than %d levels", GRAPHQL_DEPTH_MAX);
}

/* name: value, up to `end`; at least one where `is_needed`. */
static bool parse_named(struct parser *parser, bool is_constant, const char *end, bool is_needed, struct graphql_value **ret)
{
	if (is_needed && is_at(parser, end))
		return graphql_scan_fail(&parser->scan, "a name");
	while (!is_at(parser, end)) {
		struct graphql_value *value = arena_zalloc(parser->arena, sizeof(*value));
		struct str name;

		if (!parse_name(parser, &name) || !expect(parser, ":") || !parse_value(parser, is_constant, value))
			return false;
		value->name = name;
		*ret = value;
		ret = &value->next;
	}
	return next(parser);
}

static bool parse_items(struct parser *parser, bool is_constant, struct graphql_value **ret)
{
	while (!is_at(parser, "]")) {
		struct graphql_value *value = arena_zalloc(parser->arena, sizeof(*value));

		if (!parse_value(parser, is_constant, value))
			return false;
		*ret = value;
		ret = &value->next;
	}
	return next(parser);
}

static bool parse_collection(struct parser *parser, bool is_constant, struct graphql_value *ret)
{
	const bool is_list = is_at(parser, "[");

	ret->kind = is_list ? GRAPHQL_VALUE_LIST : GRAPHQL_VALUE_OBJECT;
	if (!descend(parser) || !next(parser) ||
		!(is_list ? parse_items(parser, is_constant, &ret->first)
			  : parse_named(parser, is_constant, "}", false, &ret->first)))
		return false;
	parser->depth--;
	return true;
}

static bool parse_value(struct parser *parser, bool is_constant, struct graphql_value *ret)
{
	static const enum graphql_value_kind KINDS[] = {
		[GRAPHQL_NAME] = GRAPHQL_VALUE_ENUM,
		[GRAPHQL_INT] = GRAPHQL_VALUE_INT,
		[GRAPHQL_FLOAT] = GRAPHQL_VALUE_FLOAT,
		[GRAPHQL_STRING] = GRAPHQL_VALUE_STRING,
	};

	if (is_at(parser, "[") || is_at(parser, "{"))
		return parse_collection(parser, is_constant, ret);
	if (is_at(parser, "$") && !is_constant) {
		ret->kind = GRAPHQL_VALUE_VARIABLE;
		return next(parser) && parse_name(parser, &ret->text);
	}
	if (parser->scan.kind == GRAPHQL_MARK || parser->scan.kind == GRAPHQL_END)
		return graphql_scan_fail(&parser->scan, "a value");
	ret->kind = KINDS[parser->scan.kind];
	ret->text = parser->scan.text;
	if (is_word(parser, "true") || is_word(parser, "false"))
		ret->kind = GRAPHQL_VALUE_BOOLEAN;
	else if (is_word(parser, "null"))
		ret->kind = GRAPHQL_VALUE_NULL;
	return next(parser);
}

static bool parse_arguments(struct parser *parser, bool is_constant, struct graphql_value **ret)
{
	return !is_at(parser, "(") || (next(parser) && parse_named(parser, is_constant, ")", true, ret));
}

static bool parse_directives(struct parser *parser, bool is_constant, struct graphql_directive **ret)
{
	while (is_at(parser, "@")) {
		struct graphql_directive *directive = arena_zalloc(parser->arena, sizeof(*directive));

		if (!next(parser) || !parse_name(parser, &directive->name) ||
			!parse_arguments(parser, is_constant, &directive->arguments))
			return false;
		*ret = directive;
		ret = &directive->next;
	}
	return true;
}

static bool parse_field(struct parser *parser, struct graphql_selection *field)
{
	if (!parse_name(parser, &field->name))
		return false;
	if (is_at(parser, ":")) {
		field->alias = field->name;
		if (!next(parser) || !parse_name(parser, &field->name))
			return false;
	}
	return parse_arguments(parser, false, &field->arguments) && parse_directives(parser, false, &field->directives) &&
	       (!is_at(parser, "{") || parse_selections(parser, &field->selections));
}

/* ...name, ... on Type { }, ... { } */
static bool parse_fragment(struct parser *parser, struct graphql_selection *selection)
{
	if (!next(parser))
		return false;
	selection->kind = GRAPHQL_INLINE;
	if (parser->scan.kind == GRAPHQL_NAME && !is_word(parser, "on")) {
		selection->kind = GRAPHQL_SPREAD;
		return parse_name(parser, &selection->name) && parse_directives(parser, false, &selection->directives);
	}
	if (is_word(parser, "on") && (!next(parser) || !parse_name(parser, &selection->name)))
		return false;
	return parse_directives(parser, false, &selection->directives) && parse_selections(parser, &selection->selections);
}

static bool parse_selections(struct parser *parser, struct graphql_selection **ret)
{
	if (!descend(parser) || !expect(parser, "{"))
		return false;
	do {
		struct graphql_selection *selection = arena_zalloc(parser->arena, sizeof(*selection));

		if (!(is_at(parser, "...") ? parse_fragment(parser, selection) : parse_field(parser, selection)))
			return false;
		*ret = selection;
		ret = &selection->next;
	} while (!is_at(parser, "}"));
	parser->depth--;
	return next(parser);
}

static bool parse_type(struct parser *parser, struct graphql_type_name *ret)
{
	const char *from = parser->scan.text.data;
	const char *to = from;
	unsigned open = 0;

	for (; is_at(parser, "["); ret->lists++, open++)
		if (open >= GRAPHQL_DEPTH_MAX || !next(parser))
			return graphql_scan_fail(&parser->scan, "a type");
	to = parser->scan.text.data + parser->scan.text.len;
	if (!parse_name(parser, &ret->name))
		return false;
	while (true) {
		ret->is_required = is_at(parser, "!");
		if (ret->is_required) {
			to = parser->scan.text.data + 1;
			if (!next(parser))
				return false;
		}
		if (open == 0)
			break;
		open--;
		to = parser->scan.text.data + 1;
		if (!expect(parser, "]"))
			return false;
	}
	ret->shown = (struct str){from, (size_t)(to - from)};
	return true;
}

static bool parse_variables(struct parser *parser, struct graphql_variable **ret)
{
	if (!is_at(parser, "("))
		return true;
	if (!next(parser))
		return false;
	do {
		struct graphql_variable *variable = arena_zalloc(parser->arena, sizeof(*variable));
		struct graphql_directive *ignored = NULL;

		if (!expect(parser, "$") || !parse_name(parser, &variable->name) || !expect(parser, ":") ||
			!parse_type(parser, &variable->type))
			return false;
		if (is_at(parser, "=")) {
			variable->fallback = arena_zalloc(parser->arena, sizeof(*variable->fallback));
			if (!next(parser) || !parse_value(parser, true, variable->fallback))
				return false;
		}
		if (!parse_directives(parser, true, &ignored))
			return false;
		if (ignored != NULL)
			return error_set(parser->scan.err, ERR_BAD_REQUEST, "Unknown directive '@%.*s'.",
				STR_ARGS(ignored->name));
		*ret = variable;
		ret = &variable->next;
	} while (!is_at(parser, ")"));
	return next(parser);
}

static bool parse_operation(struct parser *parser, struct graphql_definition *ret)
{
	ret->operation = STR("query");
	if (is_at(parser, "{"))
		return parse_selections(parser, &ret->selections);
	if (!parse_name(parser, &ret->operation))
		return false;
	if (parser->scan.kind == GRAPHQL_NAME && !parse_name(parser, &ret->name))
		return false;
	return parse_variables(parser, &ret->variables) && parse_directives(parser, false, &ret->directives) &&
	       parse_selections(parser, &ret->selections);
}

static bool parse_fragment_definition(struct parser *parser, struct graphql_definition *ret)
{
	ret->is_fragment = true;
	if (!next(parser))
		return false;
	if (is_word(parser, "on"))
		return graphql_scan_fail(&parser->scan, "a fragment's name");
	if (!parse_name(parser, &ret->name))
		return false;
	if (!is_word(parser, "on"))
		return graphql_scan_fail(&parser->scan, "'on'");
	return next(parser) && parse_name(parser, &ret->on) && parse_directives(parser, false, &ret->directives) &&
	       parse_selections(parser, &ret->selections);
}

static bool parse_definition(struct parser *parser, struct graphql_definition *ret)
{
	if (is_word(parser, "fragment"))
		return parse_fragment_definition(parser, ret);
	if (is_at(parser, "{") || is_word(parser, "query") || is_word(parser, "mutation") || is_word(parser, "subscription"))
		return parse_operation(parser, ret);
	return graphql_scan_fail(&parser->scan, "a query, a mutation or a fragment");
}

bool graphql_parse(struct arena *arena, struct str text, struct graphql_definition **ret, struct error *err)
{
	struct parser parser = {.arena = arena};

	*ret = NULL;
	if (text.len > GRAPHQL_SIZE_MAX)
		return error_set(err, ERR_BAD_REQUEST, "the query has more than %d bytes", GRAPHQL_SIZE_MAX);
	if (!graphql_scan_start(&parser.scan, arena, text, err))
		return false;
	do {
		struct graphql_definition *definition = arena_zalloc(arena, sizeof(*definition));

		if (!parse_definition(&parser, definition))
			return false;
		*ret = definition;
		ret = &definition->next;
	} while (parser.scan.kind != GRAPHQL_END);
	return true;
}

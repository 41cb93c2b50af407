/*
 * search_parse: scan → { AND | name operator value } … → identify → operator of that type → value of that type
 *
 * What is no clause is gathered and named at the end, all of it, as MLflow does.
 */
#include "store/search_clause.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>

struct parsing {
	struct arena *arena;
	enum search_entity entity;
	const struct search_spec *spec;
	struct scan scan;
	struct buf invalid; /* texts of what is no clause */
	struct search_clause *clauses;
	size_t count;
	struct error *err;
};

bool search_fail(struct error *err, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	error_vset(err, ERR_INVALID_PARAMETER, format, args);
	va_end(args);
	return false;
}

/* ---- identifiers ---- */

static struct str without(struct str text, char quote)
{
	const bool is_quoted = text.len >= 2 && text.data[0] == quote && text.data[text.len - 1] == quote;

	return is_quoted ? (struct str){text.data + 1, text.len - 2} : text;
}

static struct str unquoted(struct str text)
{
	return without(without(without(text, '\''), '"'), '`');
}

static const struct search_key *find_key(const struct search_spec *spec, struct str name, bool is_order)
{
	for (const struct search_key *key = spec->keys; key->name != NULL; key++)
		if (str_is(name, key->name) && (is_order ? key->is_ordered : key->is_filtered))
			return key;
	return NULL;
}

static bool type_of(const struct search_spec *spec, struct str prefix, enum search_type *ret)
{
	static const struct {
		const char *prefix;
		enum search_type type;
		bool is_everywhere;
	} PREFIXES[] = {
		{"attribute", SEARCH_ATTRIBUTE, true}, {"tag", SEARCH_TAG, true}, {"tags", SEARCH_TAG, true},
		{"attributes", SEARCH_ATTRIBUTE, false}, {"attr", SEARCH_ATTRIBUTE, false}, {"run", SEARCH_ATTRIBUTE, false},
		{"metric", SEARCH_METRIC, false}, {"metrics", SEARCH_METRIC, false}, {"parameter", SEARCH_PARAM, false},
		{"parameters", SEARCH_PARAM, false}, {"param", SEARCH_PARAM, false}, {"params", SEARCH_PARAM, false},
		{"dataset", SEARCH_DATASET, false}, {"datasets", SEARCH_DATASET, false},
	};
	const bool is_plural = prefix.len > 0 && prefix.data[prefix.len - 1] == 's';

	for (size_t i = 0; i < sizeof(PREFIXES) / sizeof(*PREFIXES); i++) {
		if (!str_is(prefix, PREFIXES[i].prefix) || (!spec->has_all_types && !PREFIXES[i].is_everywhere))
			continue;
		*ret = PREFIXES[i].type;
		return !spec->is_model_grammar || (is_plural && *ret != SEARCH_DATASET);
	}
	return false;
}

static bool fail_type(const struct search_spec *spec, struct str prefix, struct error *err)
{
	if (spec->is_model_grammar)
		return search_fail(err, "Invalid entity type: '%.*s'. Expected one of %s.", STR_ARGS(prefix), spec->types_text);
	return search_fail(err, "Invalid entity type '%.*s'. Valid %s are %s", STR_ARGS(prefix),
		spec->has_all_types ? "values" : "entity types", spec->types_text);
}

static bool identify_attribute(
	const struct search_spec *spec, bool is_order, struct search_clause *ret, struct error *err)
{
	ret->attribute = find_key(spec, ret->key, is_order);
	return ret->attribute != NULL ||
	       search_fail(err, "Invalid attribute key '%.*s' specified. Valid keys are '%s'", STR_ARGS(ret->key),
		       is_order ? spec->order_keys : spec->filter_keys);
}

static bool check_dataset_key(struct str key, struct error *err)
{
	return str_is(key, "name") || str_is(key, "digest") || str_is(key, "context") ||
	       search_fail(err, "Invalid dataset key '%.*s' specified. Valid keys are '{'name', 'digest', 'context'}'",
		       STR_ARGS(key));
}

bool search_identify(const struct search_spec *spec, struct str identifier, bool is_order, struct search_clause *ret,
	struct error *err)
{
	struct str prefix, rest = identifier;
	const char first = identifier.len > 0 ? identifier.data[0] : '\0';
	/* A dot inside of quotes separates nothing. */
	const bool has_prefix = first != '`' && first != '"' && str_cut(&rest, '.', &prefix);

	*ret = (struct search_clause){.type = SEARCH_ATTRIBUTE};
	if (has_prefix && !type_of(spec, unquoted(prefix), &ret->type))
		return fail_type(spec, unquoted(prefix), err);
	ret->key = unquoted(has_prefix ? rest : identifier);
	if (ret->type == SEARCH_ATTRIBUTE)
		return identify_attribute(spec, is_order, ret, err);
	return ret->type != SEARCH_DATASET || check_dataset_key(ret->key, err);
}

/* ---- operators ---- */

static bool is_numeric(const struct search_clause *clause)
{
	return clause->type == SEARCH_METRIC || (clause->type == SEARCH_ATTRIBUTE && clause->attribute->is_numeric);
}

/* As sets of bits by enum search_op. */
enum {
	NUMERIC_OPS = 1 << SEARCH_EQUAL | 1 << SEARCH_UNEQUAL | 1 << SEARCH_LESS | 1 << SEARCH_LESS_EQUAL | 1 << SEARCH_MORE |
		      1 << SEARCH_MORE_EQUAL,
	TEXT_OPS = 1 << SEARCH_EQUAL | 1 << SEARCH_UNEQUAL | 1 << SEARCH_LIKE | 1 << SEARCH_ILIKE,
	LIST_OPS = 1 << SEARCH_IN | 1 << SEARCH_NOT_IN,
	NULL_OPS = 1 << SEARCH_IS_NULL | 1 << SEARCH_IS_NOT_NULL,
};

static int ops_of(const struct parsing *parsing, const struct search_clause *clause)
{
	const bool is_pair = clause->type == SEARCH_TAG || clause->type == SEARCH_PARAM;

	if (is_numeric(clause))
		return NUMERIC_OPS;
	if (parsing->spec->is_model_grammar)
		return TEXT_OPS | LIST_OPS;
	if (is_pair)
		return TEXT_OPS | (parsing->spec->has_null ? NULL_OPS : 0);
	if (clause->type == SEARCH_ATTRIBUTE && parsing->entity == SEARCH_EXPERIMENTS && clause->attribute->is_listed)
		return 1 << SEARCH_EQUAL | 1 << SEARCH_UNEQUAL | LIST_OPS;
	return TEXT_OPS | LIST_OPS;
}

static enum search_op op_of(struct str text)
{
	for (int op = 0; op < SEARCH_OP_COUNT; op++)
		if (str_eq_nocase(text, str_of(search_op_names[op])))
			return (enum search_op)op;
	return str_is(text, "<>") ? SEARCH_UNEQUAL : SEARCH_OP_NONE;
}

static bool fail_op(const struct parsing *parsing, const struct search_clause *clause, struct str op)
{
	static const char *const TYPES[] = {"attributes", "metrics", "params", "tags", "datasets"};
	struct error *err = parsing->err;
	const char *ops = is_numeric(clause) ? "{'=', '!=', '<', '<=', '>', '>='}" : "{'=', '!=', 'LIKE', 'ILIKE', 'IN', 'NOT IN'}";

	if (parsing->spec->is_model_grammar)
		return search_fail(err, "Invalid comparison operator for %s.%.*s: '%.*s'. Expected one of %s.",
			TYPES[clause->type], STR_ARGS(clause->key), STR_ARGS(op),
			is_numeric(clause) ? "('<', '<=', '>', '>=', '=', '!=')" : "('=', '!=', 'LIKE', 'ILIKE', 'IN', 'NOT IN')");
	if (parsing->spec->has_all_types)
		return search_fail(err, "Invalid comparator '%.*s' not one of '%s", STR_ARGS(op), ops);
	if (clause->type == SEARCH_TAG)
		return search_fail(err, "Invalid comparator for tag: %.*s", STR_ARGS(op));
	if (parsing->entity == SEARCH_EXPERIMENTS && clause->attribute->is_listed)
		return search_fail(err, "Invalid comparator for experiment_id: %.*s", STR_ARGS(op));
	if (parsing->entity == SEARCH_EXPERIMENTS)
		return search_fail(err, "Invalid comparator for %s attribute: %.*s",
			clause->attribute->is_numeric ? "numeric" : "string", STR_ARGS(op));
	if (clause->attribute->is_numeric)
		return search_fail(err, "Invalid comparator for attribute %.*s: %.*s", STR_ARGS(clause->key), STR_ARGS(op));
	return search_fail(err, "Invalid comparator for attribute: %.*s", STR_ARGS(op));
}

static bool check_op(const struct parsing *parsing, const struct search_clause *clause, struct str op)
{
	if ((NULL_OPS & 1 << clause->op) != 0 && clause->op != SEARCH_OP_NONE && parsing->spec->has_null &&
		clause->type != SEARCH_TAG && clause->type != SEARCH_PARAM) {
		if (parsing->spec->has_all_types)
			return search_fail(parsing->err,
				"IS NULL / IS NOT NULL is only supported for tags and params, not for '%s' '%.*s'",
				clause->type == SEARCH_METRIC ? "metric"
				: clause->type == SEARCH_DATASET ? "dataset" : "attribute",
				STR_ARGS(clause->key));
		return search_fail(parsing->err, "IS NULL / IS NOT NULL is only supported for tags, not for attribute '%.*s'",
			STR_ARGS(clause->key));
	}
	return (clause->op != SEARCH_OP_NONE && (ops_of(parsing, clause) & 1 << clause->op) != 0) ||
	       fail_op(parsing, clause, op);
}

/* ---- values ---- */

static bool fail_list(struct error *err)
{
	return search_fail(err,
		"While parsing a list in the query, expected a non-empty list of string values, but got ill-formed list.");
}

static bool add_element(struct parsing *parsing, struct search_clause *clause, const struct scan_token *token, struct str list)
{
	const bool is_text = token->kind == SCAN_STRING || (token->kind == SCAN_NAME && token->text.data[0] == '"');

	if (!is_text)
		return search_fail(parsing->err,
			"While parsing a list in the query, expected string value, punctuation, or whitespace, but got different type "
			"in list: %.*s",
			STR_ARGS(list));
	if (clause->list_count == SEARCH_LIST_MAX)
		return search_fail(parsing->err, "a list in the filter has more than %d values", SEARCH_LIST_MAX);
	clause->list[clause->list_count++] = unquoted(token->text);
	return true;
}

/* 'a', 'b' between parentheses. */
static bool read_list(struct parsing *parsing, struct search_clause *clause, struct str text)
{
	struct scan scan;
	bool is_comma = true;

	clause->list = arena_array(parsing->arena, text.len < SEARCH_LIST_MAX ? text.len : SEARCH_LIST_MAX, sizeof(*clause->list));
	for (scan_start(&scan, (struct str){text.data + 1, text.len - 2}); scan.token.kind != SCAN_END; scan_next(&scan)) {
		const bool is_now_comma = scan.token.kind == SCAN_OTHER && str_is(scan.token.text, ",");

		if (is_now_comma == is_comma)
			return fail_list(parsing->err);
		if (!is_now_comma && !add_element(parsing, clause, &scan.token, text))
			return false;
		is_comma = is_now_comma;
	}
	return clause->list_count > 0 ||
	       search_fail(parsing->err,
		       "While parsing a list in the query, expected a non-empty list of string values, but got empty list");
}

static bool fail_number(const struct parsing *parsing, const struct search_clause *clause, struct str text)
{
	if (clause->type == SEARCH_METRIC)
		return search_fail(parsing->err, "Expected numeric value type for metric. Found %.*s", STR_ARGS(text));
	if (parsing->spec->has_all_types || parsing->entity == SEARCH_EXPERIMENTS)
		return search_fail(parsing->err, "Expected numeric value type for numeric attribute: %.*s. Found %.*s",
			STR_ARGS(clause->key), STR_ARGS(text));
	return search_fail(
		parsing->err, "Invalid value for numeric attribute '%.*s': %.*s", STR_ARGS(clause->key), STR_ARGS(text));
}

static bool read_number(struct parsing *parsing, struct search_clause *clause, const struct scan_token *token)
{
	const bool is_version = !parsing->spec->has_all_types && parsing->entity == SEARCH_MODEL_VERSIONS;
	/* A version's number may be quoted. */
	const struct str text = is_version ? unquoted(token->text) : token->text;
	char *end, *copy = arena_memdup(parsing->arena, text.data, text.len);

	if (token->kind != SCAN_INTEGER && token->kind != SCAN_FLOAT && !(is_version && token->kind == SCAN_STRING))
		return fail_number(parsing, clause, token->text);
	if (clause->type == SEARCH_METRIC || (parsing->spec->is_model_grammar && token->kind == SCAN_FLOAT)) {
		clause->value = (struct db_value){.type = 'd', .number = strtod(copy, &end)};
		return true;
	}
	errno = 0;
	clause->value = (struct db_value){.type = 'i', .integer = strtoll(copy, &end, 10)};
	if (*end == '\0' && end != copy && errno == 0)
		return true;
	/* Milliseconds with a fraction: a run's time may be compared with them, other numbers not. */
	if (parsing->entity == SEARCH_RUNS && token->kind == SCAN_FLOAT) {
		clause->value = (struct db_value){.type = 'd', .number = strtod(copy, &end)};
		return true;
	}
	return search_fail(parsing->err, "Invalid value for numeric attribute '%.*s': %.*s", STR_ARGS(clause->key),
		STR_ARGS(token->text));
}

static bool fail_text(const struct parsing *parsing, const struct search_clause *clause, const struct scan_token *token)
{
	static const char *const TYPES[] = {"attribute", "metric", "parameter", "tag", "dataset"};
	struct error *err = parsing->err;

	if (token->kind == SCAN_NAME)
		return search_fail(err,
			"Parameter value is either not quoted or unidentified quote types used for string value %.*s. Use either single "
			"or double quotes.",
			STR_ARGS(token->text));
	if (clause->type == SEARCH_DATASET)
		return search_fail(err, "Expected a quoted string value for dataset attributes. Got value %.*s",
			STR_ARGS(token->text));
	if (clause->type != SEARCH_ATTRIBUTE)
		return search_fail(err, "Expected a quoted string value for %s (e.g. 'my-value'). Got value %.*s",
			TYPES[clause->type], STR_ARGS(token->text));
	return search_fail(err, "Expected a quoted string value%s for attributes. Got value %.*s",
		parsing->entity == SEARCH_REGISTERED_MODELS || parsing->entity == SEARCH_MODEL_VERSIONS
			? " or a list of quoted string values" : "",
		STR_ARGS(token->text));
}

static bool read_text(struct parsing *parsing, struct search_clause *clause, const struct scan_token *token)
{
	const bool is_quoted = token->kind == SCAN_STRING || (token->kind == SCAN_NAME && token->text.data[0] == '"');

	const bool is_number = token->kind == SCAN_INTEGER || token->kind == SCAN_FLOAT;

	if (is_number && parsing->entity == SEARCH_MODEL_VERSIONS && clause->type == SEARCH_ATTRIBUTE)
		return search_fail(parsing->err,
			"Only the '{'version_number', 'creation_timestamp', 'last_updated_timestamp'}' attributes support comparison "
			"with numeric values.");
	if (!is_quoted && parsing->spec->is_model_grammar && token->kind != SCAN_LIST)
		clause->value = (struct db_value){.type = 's', .text = token->text};
	else if (is_quoted)
		clause->value = (struct db_value){.type = 's', .text = unquoted(token->text)};
	else
		return fail_text(parsing, clause, token);
	return (clause->op != SEARCH_LIKE && clause->op != SEARCH_ILIKE) || clause->value.text.len <= SEARCH_PATTERN_MAX ||
	       search_fail(parsing->err, "a pattern in the filter is longer than %d bytes", SEARCH_PATTERN_MAX);
}

static bool is_listed(const struct parsing *parsing, const struct search_clause *clause)
{
	return parsing->spec->is_model_grammar || clause->type == SEARCH_DATASET ||
	       (clause->type == SEARCH_ATTRIBUTE && clause->attribute->is_listed);
}

static bool read_value(struct parsing *parsing, struct search_clause *clause, const struct scan_token *token)
{
	if ((NULL_OPS & 1 << clause->op) != 0)
		return true;
	if (is_numeric(clause))
		return read_number(parsing, clause, token);
	if (token->kind != SCAN_LIST)
		return read_text(parsing, clause, token);
	if (!is_listed(parsing, clause) && clause->type == SEARCH_ATTRIBUTE)
		return search_fail(parsing->err, "Only %s attributes support comparison with a list of quoted string values.",
			parsing->spec->list_keys);
	if (!is_listed(parsing, clause))
		return fail_text(parsing, clause, token);
	return read_list(parsing, clause, token->text);
}

/* An experiment's id is text in a filter, and must be a number. */
static bool check_id(const struct parsing *parsing, const struct search_clause *clause, struct str id)
{
	for (size_t i = 0; i < id.len; i++)
		if (id.data[i] < '0' || id.data[i] > '9' || id.len > 18)
			return search_fail(parsing->err, "Invalid experiment ID '%.*s': expected an integer", STR_ARGS(id));
	return id.len > 0 || search_fail(parsing->err, "Invalid experiment ID '': expected an integer");
}

static bool check_ids(const struct parsing *parsing, const struct search_clause *clause)
{
	const bool is_id = clause->type == SEARCH_ATTRIBUTE && strcmp(clause->attribute->column, "experiment_id") == 0;

	if (!is_id)
		return true;
	for (size_t i = 0; i < clause->list_count; i++)
		if (!check_id(parsing, clause, clause->list[i]))
			return false;
	return clause->list_count > 0 || check_id(parsing, clause, clause->value.text);
}

/* ---- clauses ---- */

static void add_invalid(struct parsing *parsing, struct str text)
{
	const char *quote = parsing->spec->is_quoting ? "'" : "";

	if (parsing->invalid.len < ERROR_TEXT_MAX)
		buf_printf(&parsing->invalid, "%s%s%.*s%s", parsing->invalid.len > 0 ? ", " : "", quote, STR_ARGS(text), quote);
}

/* "IN", "NOT IN", "IS NULL", "IS NOT NULL", a comparison or a LIKE. False: no operator stands here. */
static bool take_op(struct parsing *parsing, struct str *ret_text, bool *ret_has_value)
{
	struct scan scan = parsing->scan;

	*ret_has_value = true;
	*ret_text = scan.token.text;
	if (scan.token.kind != SCAN_COMPARE && scan.token.kind != SCAN_LIKE) {
		const bool is_null = scan_is_word(&scan, "IS"), is_in = scan_is_word(&scan, "IN");

		if (!is_null && !is_in && !scan_is_word(&scan, "NOT"))
			return false;
		if (!is_in)
			scan_next(&scan);
		const bool is_not = is_null ? scan_is_word(&scan, "NOT") : !is_in;
		if (is_null && is_not)
			scan_next(&scan);
		if (!scan_is_word(&scan, is_null ? "NULL" : "IN"))
			return false;
		*ret_has_value = !is_null;
		*ret_text = str_of(search_op_names[is_null ? (is_not ? SEARCH_IS_NOT_NULL : SEARCH_IS_NULL)
							   : (is_not ? SEARCH_NOT_IN : SEARCH_IN)]);
	}
	scan_next(&scan);
	parsing->scan = scan;
	return true;
}

static bool is_value(const struct scan_token *token, bool is_in)
{
	if (is_in)
		return token->kind == SCAN_LIST;
	return token->kind == SCAN_STRING || token->kind == SCAN_INTEGER || token->kind == SCAN_FLOAT ||
	       token->kind == SCAN_NAME || token->kind == SCAN_LIST;
}

static bool finish_clause(struct parsing *parsing, struct str name, struct str op, const struct scan_token *value)
{
	struct search_clause clause;

	if (parsing->count == SEARCH_CLAUSES_MAX)
		return search_fail(parsing->err, "the filter has more than %d comparisons", SEARCH_CLAUSES_MAX);
	if (!search_identify(parsing->spec, name, false, &clause, parsing->err))
		return false;
	clause.op = op_of(op);
	/* MLflow looks at a value before it looks at the operator, and at IS NULL before both. */
	const bool is_null = clause.op == SEARCH_IS_NULL || clause.op == SEARCH_IS_NOT_NULL;
	if (is_null || parsing->spec->is_model_grammar
			? !check_op(parsing, &clause, op) || !read_value(parsing, &clause, value)
			: !read_value(parsing, &clause, value) || !check_op(parsing, &clause, op))
		return false;
	if ((clause.list != NULL) != (clause.op == SEARCH_IN || clause.op == SEARCH_NOT_IN))
		return fail_op(parsing, &clause, op);
	if (!check_ids(parsing, &clause))
		return false;
	parsing->clauses[parsing->count++] = clause;
	return true;
}

/* A clause, or a token that is none. */
static bool take_clause(struct parsing *parsing)
{
	const struct scan_token first = parsing->scan.token;
	const struct scan before = parsing->scan;
	struct str op;
	bool has_value;

	scan_next(&parsing->scan);
	if (first.kind != SCAN_WORD && first.kind != SCAN_OTHER && first.kind != SCAN_COMPARE && take_op(parsing, &op, &has_value)) {
		const struct scan_token value = parsing->scan.token;
		const bool is_in = op_of(op) == SEARCH_IN || op_of(op) == SEARCH_NOT_IN;

		if (!has_value || is_value(&value, is_in)) {
			if (has_value)
				scan_next(&parsing->scan);
			if (first.kind != SCAN_NAME)
				return search_fail(parsing->err, "Invalid comparison clause. Expected 'Identifier' found '%.*s'",
					STR_ARGS(first.text));
			return finish_clause(parsing, first.text, op, &value);
		}
		parsing->scan = before;
		scan_next(&parsing->scan);
	}
	add_invalid(parsing, first.text);
	return true;
}

static bool fail_invalid(struct parsing *parsing, struct str filter)
{
	if (parsing->spec->is_model_grammar)
		return search_fail(parsing->err,
			"Invalid filter string: '%.*s'. Expected a list of comparisons separated by 'AND' (e.g. 'metrics.loss > 0.1 AND "
			"params.lr = 0.01').",
			STR_ARGS(filter));
	return search_fail(parsing->err, "Invalid clause(s) in filter string: %s", buf_text(&parsing->invalid));
}

static bool parse(struct parsing *parsing, struct str filter)
{
	for (scan_start(&parsing->scan, filter); parsing->scan.token.kind != SCAN_END;) {
		if (scan_is_word(&parsing->scan, "AND"))
			scan_next(&parsing->scan);
		else if (!take_clause(parsing))
			return false;
	}
	return parsing->invalid.len == 0 || fail_invalid(parsing, filter);
}

bool search_parse(struct arena *arena, enum search_entity entity, struct str filter, struct search_clause **ret,
	size_t *ret_count, struct error *err)
{
	struct parsing parsing = {.arena = arena, .entity = entity, .spec = &search_specs[entity], .err = err};

	if (filter.len > SEARCH_FILTER_MAX)
		return search_fail(err, "the filter is longer than %d bytes", SEARCH_FILTER_MAX);
	parsing.clauses = arena_array(arena, SEARCH_CLAUSES_MAX, sizeof(*parsing.clauses));
	const bool is_parsed = parse(&parsing, filter);
	buf_done(&parsing.invalid);
	*ret = parsing.clauses;
	*ret_count = parsing.count;
	return is_parsed;
}

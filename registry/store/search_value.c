/* What stands behind an operator: numbers, quoted text, lists of it. */
#include "store/search_clause.h"
#include "store/search_python.h"

struct reading {
	struct arena *arena;
	enum search_entity entity;
	const struct search_spec *spec;
	struct search_clause *clause;
	struct str text;
	enum group_kind kind;
	struct error *err;
};

static bool is_registry(const struct reading *reading)
{
	return reading->entity == SEARCH_REGISTERED_MODELS || reading->entity == SEARCH_MODEL_VERSIONS;
}

bool search_is_numeric(const struct search_clause *clause)
{
	return clause->type == SEARCH_METRIC || (clause->type == SEARCH_ATTRIBUTE && clause->attribute->is_numeric);
}

/* ---- numbers ---- */

static bool is_number(const struct reading *reading)
{
	return reading->kind == GROUP_INTEGER || reading->kind == GROUP_FLOAT;
}

static bool take_double(struct reading *reading)
{
	struct db_value *value = &reading->clause->value;

	value->type = 'd';
	return python_float(reading->arena, reading->text, &value->number) ||
	       search_fail(reading->err, "Expected numeric value type for metric. Found %.*s", STR_ARGS(reading->text));
}

static bool take_number(struct reading *reading)
{
	int64_t integer;

	if (reading->kind == GROUP_FLOAT)
		return take_double(reading);
	if (!python_int(reading->text, &integer))
		return search_fail(reading->err, "Invalid value for numeric attribute '%.*s': %.*s is beyond 64 bits",
			STR_ARGS(reading->clause->key), STR_ARGS(reading->text));
	reading->clause->value = (struct db_value){.type = 'i', .integer = integer};
	return true;
}

static bool read_number(struct reading *reading)
{
	const struct search_clause *clause = reading->clause;

	if (reading->spec->is_model_grammar)
		return take_double(reading);
	if (clause->type == SEARCH_METRIC)
		return is_number(reading)
			       ? take_double(reading)
			       : search_fail(reading->err, "Expected numeric value type for metric. Found %.*s",
					 STR_ARGS(reading->text));
	return is_number(reading) ? take_number(reading)
				  : search_fail(reading->err,
					    "Expected numeric value type for numeric attribute: %.*s. Found %.*s",
					    STR_ARGS(clause->key), STR_ARGS(reading->text));
}

/* ---- lists ---- */

static bool fail_list(struct reading *reading, enum python_tuple result)
{
	if (result == PYTHON_TOO_LONG)
		return search_fail(reading->err, "a list in the filter has more than %d values", SEARCH_LIST_MAX);
	if (result == PYTHON_OTHER_TYPE)
		return search_fail(reading->err,
			"While parsing a list in the query, expected string value, punctuation, or whitespace, but got different type in "
			"list: %.*s",
			STR_ARGS(reading->text));
	return search_fail(reading->err,
		"While parsing a list in the query, expected a non-empty list of string values, but got %s",
		result == PYTHON_EMPTY ? "empty list" : "ill-formed list.");
}

static bool take_list(struct reading *reading)
{
	struct search_clause *clause = reading->clause;
	struct str *strings;

	const enum python_tuple result =
		python_strings(reading->arena, reading->text, SEARCH_LIST_MAX, &strings, &clause->list_count);
	const bool is_fine = result == PYTHON_TUPLE || (result == PYTHON_EMPTY && reading->spec->is_model_grammar);
	if (!is_fine)
		return fail_list(reading, result);
	/* Of no values it is a list, too. */
	clause->list = arena_array(reading->arena, clause->list_count + 1, sizeof(*clause->list));
	for (size_t i = 0; i < clause->list_count; i++)
		clause->list[i] = (struct db_value){.type = 's', .text = strings[i]};
	return true;
}

static bool read_list(struct reading *reading)
{
	const struct search_clause *clause = reading->clause;

	if (clause->type != SEARCH_ATTRIBUTE || reading->spec->list_keys == NULL || clause->attribute->is_listed)
		return take_list(reading);
	return search_fail(reading->err, "Only %s attributes support comparison with a list of quoted string values.",
		reading->spec->list_keys);
}

/* ---- text ---- */

static bool is_list_fine(const struct reading *reading)
{
	return reading->kind == GROUP_LIST &&
	       (reading->clause->type == SEARCH_ATTRIBUTE || reading->clause->type == SEARCH_DATASET);
}

static bool fail_text(const struct reading *reading)
{
	const enum search_type type = reading->clause->type;

	if (type == SEARCH_DATASET)
		return search_fail(reading->err,
			"Expected a quoted string value for dataset attributes. Got value %.*s",
			STR_ARGS(reading->text));
	if (type != SEARCH_ATTRIBUTE)
		return search_fail(reading->err,
			"Expected a quoted string value for %s (e.g. 'my-value'). Got value %.*s",
			type == SEARCH_TAG ? "tag" : "parameter", STR_ARGS(reading->text));
	return search_fail(reading->err, "Expected a quoted string value%s for attributes. Got value %.*s",
		is_registry(reading) ? " or a list of quoted string values" : "", STR_ARGS(reading->text));
}

static bool take_text(struct reading *reading, struct str text)
{
	const enum search_op op = reading->clause->op;

	reading->clause->value = (struct db_value){.type = 's', .text = text};
	return (op != SEARCH_LIKE && op != SEARCH_ILIKE) || text.len <= SEARCH_PATTERN_MAX ||
	       search_fail(reading->err, "a pattern in the filter is longer than %d bytes", SEARCH_PATTERN_MAX);
}

static bool is_quoted(struct str text)
{
	return search_unquote(text, '\'').len < text.len || search_unquote(text, '"').len < text.len;
}

static struct str without_quotes(struct str text)
{
	return (struct str){text.data + 1, text.len - 2};
}

static bool read_text(struct reading *reading)
{
	if (reading->kind != GROUP_STRING && reading->kind != GROUP_IDENTIFIER)
		return is_list_fine(reading) ? read_list(reading) : fail_text(reading);
	if (is_quoted(reading->text))
		return take_text(reading, without_quotes(reading->text));
	return search_fail(reading->err,
		"Parameter value is either not quoted or unidentified quote types used for string value %.*s. Use either single or double "
		"quotes.",
		STR_ARGS(reading->text));
}

/* A logged model's text may stand without quotes. MLflow keeps double quotes as a part of it, so that nothing is found;
 * here they are quotes. */
static bool read_model_text(struct reading *reading)
{
	const enum search_op op = reading->clause->op;
	const bool is_in = op == SEARCH_IN || op == SEARCH_NOT_IN;

	if ((reading->kind == GROUP_LIST) != is_in)
		return search_fail(reading->err, "Invalid value for the comparison operator '%s': %.*s",
			search_op_names[op], STR_ARGS(reading->text));
	if (is_in)
		return take_list(reading);
	return take_text(reading, is_quoted(reading->text) ? without_quotes(reading->text) : reading->text);
}

/* A version's number may be text, and be seen to be none later. */
static bool read_version_attribute(struct reading *reading)
{
	if (!is_number(reading))
		return read_text(reading);
	if (!reading->clause->attribute->is_numeric)
		return search_fail(reading->err,
			"Only the '{'version_number', 'creation_timestamp', 'last_updated_timestamp'}' "
			"attributes support comparison with numeric values.");
	return take_number(reading);
}

bool search_read_value(struct arena *arena, enum search_entity entity, const struct group_part *value,
	struct search_clause *clause, struct error *err)
{
	struct reading reading = {arena, entity, &search_specs[entity], clause, value->text, value->kind, err};

	if (entity == SEARCH_MODEL_VERSIONS && clause->type == SEARCH_ATTRIBUTE)
		return read_version_attribute(&reading);
	if (search_is_numeric(clause))
		return read_number(&reading);
	return reading.spec->is_model_grammar ? read_model_text(&reading) : read_text(&reading);
}

/* Which operators a type of value takes, and MLflow's words for those it does not. */
#include "store/search_clause.h"
#include "store/search_python.h"

/* As sets of bits by enum search_op. */
enum {
	NUMERIC_OPS = 1 << SEARCH_EQUAL | 1 << SEARCH_UNEQUAL | 1 << SEARCH_LESS | 1 << SEARCH_LESS_EQUAL |
		      1 << SEARCH_MORE | 1 << SEARCH_MORE_EQUAL,
	TEXT_OPS = 1 << SEARCH_EQUAL | 1 << SEARCH_UNEQUAL | 1 << SEARCH_LIKE | 1 << SEARCH_ILIKE,
	LIST_OPS = 1 << SEARCH_IN | 1 << SEARCH_NOT_IN,
	NULL_OPS = 1 << SEARCH_IS_NULL | 1 << SEARCH_IS_NOT_NULL,
	ID_OPS = 1 << SEARCH_EQUAL | 1 << SEARCH_UNEQUAL | LIST_OPS,
};

static const char NUMERIC_TEXT[] = "{'>', '>=', '!=', '=', '<', '<='}";
static const char LISTED_TEXT[] = "{'!=', '=', 'LIKE', 'ILIKE', 'IN', 'NOT IN'}";
static const char NULLED_TEXT[] = "{'!=', '=', 'LIKE', 'ILIKE', 'IS NULL', 'IS NOT NULL'}";

static bool takes(const struct search_clause *clause, int ops)
{
	return clause->op != SEARCH_OP_NONE && (ops & 1 << clause->op) != 0;
}

static bool fail_set(const struct search_clause *clause, const char *set, const char *end, struct error *err)
{
	return search_fail(err, "Invalid comparator '%.*s' not one of '%s%s", STR_ARGS(clause->op_text), set, end);
}

/* Some of MLflow's messages lack the last quote, and that of times names the operators of texts. */
static bool check_run(const struct search_clause *clause, struct error *err)
{
	const bool is_pair = clause->type == SEARCH_PARAM || clause->type == SEARCH_TAG;

	if (clause->type == SEARCH_METRIC)
		return takes(clause, NUMERIC_OPS) || fail_set(clause, NUMERIC_TEXT, "", err);
	if (is_pair)
		return takes(clause, TEXT_OPS | NULL_OPS) ||
		       fail_set(clause, NULLED_TEXT, clause->type == SEARCH_PARAM ? "'" : "", err);
	if (search_is_numeric(clause))
		return takes(clause, NUMERIC_OPS) || fail_set(clause, LISTED_TEXT, "", err);
	return takes(clause, TEXT_OPS | LIST_OPS) ||
	       fail_set(clause, LISTED_TEXT, clause->type == SEARCH_ATTRIBUTE ? "'" : "", err);
}

static bool fail_op(const struct search_clause *clause, const char *what, struct error *err)
{
	return search_fail(err, "Invalid comparator for %s: %.*s", what, STR_ARGS(clause->op_text));
}

/* "12" to 12: an id is compared as the number it is. */
static bool make_id(struct db_value *value, struct error *err)
{
	int64_t id;

	if (!python_int(value->text, &id))
		return search_fail(err, "Invalid experiment ID '%.*s'. Experiment ID must be a valid integer.",
			STR_ARGS(value->text));
	*value = (struct db_value){.type = 'i', .integer = id};
	return true;
}

static bool make_ids(struct search_clause *clause, struct error *err)
{
	if (clause->list == NULL)
		return make_id(&clause->value, err);
	for (size_t i = 0; i < clause->list_count; i++)
		if (!make_id(&clause->list[i], err))
			return false;
	return true;
}

static bool check_experiment(struct arena *arena, struct search_clause *clause, struct error *err)
{
	if (clause->type == SEARCH_TAG)
		return takes(clause, TEXT_OPS | NULL_OPS) || fail_op(clause, "tag", err);
	if (clause->attribute->is_listed)
		return takes(clause, ID_OPS) ? make_ids(clause, err) : fail_op(clause, "experiment_id", err);
	if (!clause->attribute->is_numeric)
		return takes(clause, TEXT_OPS) || fail_set(clause, LISTED_TEXT, "'", err);
	if (!takes(clause, NUMERIC_OPS))
		return fail_set(clause, LISTED_TEXT, "", err);
	return clause->value.type == 'i' || search_fail(err, "Invalid value for numeric attribute '%.*s': '%s'",
						    STR_ARGS(clause->key), python_double(arena, clause->value.number));
}

static bool fail_number(struct arena *arena, const struct search_clause *clause, struct error *err)
{
	return search_fail(err, "Invalid value for numeric attribute '%.*s': %s", STR_ARGS(clause->key),
		clause->value.type == 'd' ? python_double(arena, clause->value.number)
					  : python_repr(arena, clause->value.text));
}

static bool check_registry(struct arena *arena, struct search_clause *clause, struct error *err)
{
	int64_t number;

	if (clause->type == SEARCH_TAG)
		return takes(clause, TEXT_OPS) || fail_op(clause, "tag", err);
	if (!clause->attribute->is_numeric)
		return takes(clause, TEXT_OPS | LIST_OPS) || fail_op(clause, "attribute", err);
	if (!takes(clause, NUMERIC_OPS))
		return search_fail(err, "Invalid comparator for attribute %.*s: %.*s", STR_ARGS(clause->key),
			STR_ARGS(clause->op_text));
	if (clause->value.type == 'i')
		return true;
	if (clause->value.type == 'd' || !python_int(clause->value.text, &number))
		return fail_number(arena, clause, err);
	clause->value = (struct db_value){.type = 'i', .integer = number};
	return true;
}

/* Before the value was read. */
static bool check_logged_model(struct arena *arena, const struct search_clause *clause, struct error *err)
{
	static const char *const TYPES[] = {"attributes", "metrics", "params", "tags", "datasets"};
	const bool is_numeric = search_is_numeric(clause);
	const struct str key =
		is_numeric && clause->type == SEARCH_ATTRIBUTE ? str_of(clause->attribute->column) : clause->key;

	return takes(clause, is_numeric ? NUMERIC_OPS : TEXT_OPS | LIST_OPS) ||
	       search_fail(err, "Invalid comparison operator for %s.%.*s: %s. Expected one of %s.", TYPES[clause->type],
		       STR_ARGS(key), python_repr(arena, clause->op_text),
		       is_numeric ? "('<', '<=', '>', '>=', '=', '!=')"
				  : "('=', '!=', 'LIKE', 'ILIKE', 'IN', 'NOT IN')");
}

static bool check_op(struct arena *arena, enum search_entity entity, struct search_clause *clause, struct error *err)
{
	if (entity == SEARCH_LOGGED_MODELS)
		return check_logged_model(arena, clause, err);
	if (entity == SEARCH_RUNS)
		return check_run(clause, err);
	return entity == SEARCH_EXPERIMENTS ? check_experiment(arena, clause, err) : check_registry(arena, clause, err);
}

bool search_check(struct arena *arena, enum search_entity entity, struct search_clause *clause, struct error *err)
{
	if (!check_op(arena, entity, clause, err))
		return false;
	/* MLflow's database refuses this one. */
	return clause->list == NULL || takes(clause, LIST_OPS) ||
	       search_fail(err, "Invalid comparator '%.*s' for a list of values: only IN and NOT IN take one",
		       STR_ARGS(clause->op_text));
}

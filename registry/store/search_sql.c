/* Clauses made SQL. Everything that came from outside is bound; the rest is from the tables of search_spec.c. */
#include "store/search_clause.h"

static const char IS_PROMPT[] = "mlflow.prompt.is_prompt";

static void add_clause(struct search *search, enum search_entity entity, const struct search_clause *clause);
static bool asks_for_prompts(const struct search_clause *clauses, size_t count);
static bool is_about_prompts(const struct search_clause *clause);

bool search_filter(struct search *search, enum search_entity entity, struct str filter, struct error *err)
{
	const bool has_prompts = entity == SEARCH_REGISTERED_MODELS || entity == SEARCH_MODEL_VERSIONS;
	struct search_clause *clauses;
	size_t count;

	if (!search_parse(search->arena, entity, filter, &clauses, &count, err))
		return false;
	const bool is_hiding = has_prompts && !asks_for_prompts(clauses, count);
	for (size_t i = 0; i < count; i++)
		if (!is_hiding || !is_about_prompts(&clauses[i]))
			add_clause(search, entity, &clauses[i]);
	/* What a prompt is its name tells: a version's tag hides all versions of that name. */
	if (is_hiding) {
		buf_printf(&search->sql, " AND e.name NOT IN (SELECT name FROM %s WHERE key = ? AND value = 'true')",
			search_specs[entity].tags);
		search_bind_str(search, str_of(IS_PROMPT));
	}
	return true;
}

/* ---- prompts ---- */

static bool is_about_prompts(const struct search_clause *clause)
{
	return clause->type == SEARCH_TAG && str_is(clause->key, IS_PROMPT);
}

/* Prompts are registered models that only those find who ask for them; the first clause about them tells. */
static bool asks_for_prompts(const struct search_clause *clauses, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (is_about_prompts(&clauses[i]))
			return (clauses[i].op == SEARCH_EQUAL && str_eq_nocase(clauses[i].value.text, STR("true"))) ||
			       (clauses[i].op == SEARCH_UNEQUAL && str_eq_nocase(clauses[i].value.text, STR("false")));
	return false;
}

/* ---- comparisons ---- */

/* "left OP ?". LIKE minds case by the connection's PRAGMA case_sensitive_like (db.c); lower() is one of ASCII. */
static void add_comparison(struct search *search, const char *left, const struct search_clause *clause)
{
	if (clause->op == SEARCH_ILIKE) {
		buf_printf(&search->sql, "lower(%s) LIKE lower(?)", left);
		search_bind(search, clause->value);
		return;
	}
	buf_printf(&search->sql, "%s %s ", left, search_op_names[clause->op]);
	if (clause->list == NULL) {
		search_add(search, "?");
		search_bind(search, clause->value);
		return;
	}
	search_add(search, "(");
	for (size_t i = 0; i < clause->list_count; i++) {
		search_add(search, i > 0 ? ", ?" : "?");
		search_bind(search, clause->list[i]);
	}
	search_add(search, ")");
}

static void add_attribute(struct search *search, enum search_entity entity, const struct search_clause *clause)
{
	const char *column = clause->attribute->column;
	const char *left = arena_printf(search->arena, "e.%s", column);

	/* LOGGED_MODEL_READY is READY to those who ask. */
	if (entity == SEARCH_LOGGED_MODELS && strcmp(column, "status") == 0)
		left = "replace(e.status, 'LOGGED_MODEL_', '')";
	add_comparison(search, left, clause);
}

/* ---- side tables ---- */

/* NaN compares as unequal to everything, and as nothing else. */
static void add_metric(struct search *search, enum search_entity entity, const struct search_clause *clause)
{
	if (entity != SEARCH_RUNS) {
		add_comparison(search, "s.value", clause);
		return;
	}
	search_add(search, clause->op == SEARCH_UNEQUAL ? "(s.is_nan OR " : "(NOT s.is_nan AND ");
	add_comparison(search, "s.value", clause);
	search_add(search, ")");
}

static void add_pair(struct search *search, enum search_entity entity, const struct search_clause *clause)
{
	const struct search_spec *spec = &search_specs[entity];
	const char *table = clause->type == SEARCH_TAG     ? spec->tags
			    : clause->type == SEARCH_PARAM ? spec->params
							   : spec->metrics;

	buf_printf(&search->sql, "%sEXISTS (SELECT 1 FROM %s AS s WHERE %s AND s.key = ?",
		clause->op == SEARCH_IS_NULL ? "NOT " : "", table, spec->id);
	search_bind_str(search, clause->key);
	if (clause->op != SEARCH_IS_NULL && clause->op != SEARCH_IS_NOT_NULL) {
		search_add(search, " AND ");
		if (clause->type == SEARCH_METRIC)
			add_metric(search, entity, clause);
		else
			add_comparison(search, "s.value", clause);
	}
	search_add(search, ")");
}

static void add_dataset(struct search *search, const struct search_clause *clause)
{
	if (str_is(clause->key, "context")) {
		search_add(search, "EXISTS (SELECT 1 FROM dataset_input_tags AS s WHERE s.run_id = e.run_id"
				   " AND s.key = 'mlflow.data.context' AND ");
		add_comparison(search, "s.value", clause);
	} else {
		search_add(search, "EXISTS (SELECT 1 FROM dataset_inputs AS i JOIN datasets AS s USING (dataset_id)"
				   " WHERE i.run_id = e.run_id AND ");
		add_comparison(search, str_is(clause->key, "name") ? "s.name" : "s.digest", clause);
	}
	search_add(search, ")");
}

static void add_clause(struct search *search, enum search_entity entity, const struct search_clause *clause)
{
	search_add(search, " AND ");
	if (clause->type == SEARCH_ATTRIBUTE)
		add_attribute(search, entity, clause);
	else if (clause->type == SEARCH_DATASET)
		add_dataset(search, clause);
	else
		add_pair(search, entity, clause);
}

#pragma once
/*
 * Search: MLflow's filter strings, order_by and page tokens, made SQL.
 *
 *	filter := clause (AND clause)*        clause := [entity.]key op value
 *
 * No OR, no parentheses but those of IN lists; keywords whatever their case; keys with dots or spaces in backticks or
 * double quotes; strings in single or double quotes. Values never become part of the SQL text: they are bound. LIKE is
 * case-sensitive, ILIKE is not (of ASCII): by the connection's PRAGMA case_sensitive_like, which db.c sets.
 *
 * What is taken and what is refused, in which words, is what MLflow 3.17.2's parsers (on sqlparse) and SQL stores do,
 * down to their oddities: text → search_scan.h (tokens) → search_group.h (names, operands, comparisons) →
 * search_clause.h (clauses by the tables of search_spec.c) → SQL. tests/protocol/search_differential.py holds it beside
 * them. Meant to differ:
 *  - What is a 500 there is ERR_INVALID_PARAMETER here: unknown keys of logged models, `run_id = ('a')`, IS NULL on a
 *    model's tags, numbers beyond 64 bits, an order given twice, …
 *  - Logged models: `status = 'READY'` and text in double quotes find what they say, where MLflow finds nothing; a list
 *    of numbers is refused.
 *  - SQL that is nothing to a search is refused, also where MLflow reads a key out of it: type casts (`tags.a::b`).
 *  - A key that is one of SQL's many keywords is an unknown key, not an "invalid clause".
 *  - Limits: filters and page tokens of 64 KiB, 200 clauses, 5000 values in a list, patterns of 5000 bytes, 20 orders.
 * Source: docs/protocol/MLFLOW_REST.md B.4.
 */
#include "base/arena.h"
#include "base/error.h"
#include "base/json.h"
#include "store/db.h"

enum search_entity {
	SEARCH_EXPERIMENTS,
	SEARCH_RUNS,
	SEARCH_LOGGED_MODELS,
	SEARCH_REGISTERED_MODELS,
	SEARCH_MODEL_VERSIONS,
	SEARCH_EVAL_DATASETS,
};

/* A SELECT being put together. The caller writes "SELECT … FROM runs AS e WHERE …" and adds what search_filter and
 * search_order give; the searched table is called `e` in it, always. */
struct search {
	struct arena *arena;
	struct buf sql; /* search_done frees it */
	struct db_value *values;
	size_t value_count, value_cap;
	int64_t offset; /* from the page token */
	int64_t max_results;
};

void search_init(struct search *search, struct arena *arena);
void search_done(struct search *search);
void search_add(struct search *search, const char *sql);
/* A bound value, for the next `?` of the text. */
void search_bind_str(struct search *search, struct str text);
void search_bind_int(struct search *search, int64_t value);
void search_bind(struct search *search, struct db_value value);

/* Adds " AND (…)" for each clause. An empty or NULL filter adds nothing. */
bool search_filter(struct search *search, enum search_entity entity, struct str filter, struct error *err);
/*
 * Adds " ORDER BY …" with the entity's tie-breaks: `order_by` is an array of strings, "metrics.rmse DESC" (of objects
 * {"field_name", "ascending", "dataset_name", "dataset_digest"} for logged models), or NULL.
 */
bool search_order(struct search *search, enum search_entity entity, const struct json *order_by, struct error *err);
/* Adds " LIMIT max_results + 1 OFFSET …" from the page token: base64 of {"offset": N}; an empty one is the first page. */
bool search_page(struct search *search, int64_t max_results, struct str page_token, struct error *err);
/* The same from the search's own max_results and offset. */
void search_limit(struct search *search);
/* After the rows were read: the next page's token where there were more than max_results, else an empty str. */
struct str search_next_token(struct search *search, size_t rows_read);

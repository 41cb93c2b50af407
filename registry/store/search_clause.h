#pragma once
/*
 * Clauses: what a filter says, checked against what may be searched. Private to registry/store; the SQL of a clause is
 * made in search_sql.c.
 */
#include "store/search.h"
#include "store/search_scan.h"

enum search_type { SEARCH_ATTRIBUTE, SEARCH_METRIC, SEARCH_PARAM, SEARCH_TAG, SEARCH_DATASET };
enum search_op {
	SEARCH_EQUAL, SEARCH_UNEQUAL, SEARCH_LESS, SEARCH_LESS_EQUAL, SEARCH_MORE, SEARCH_MORE_EQUAL, SEARCH_LIKE, SEARCH_ILIKE,
	SEARCH_IN, SEARCH_NOT_IN, SEARCH_IS_NULL, SEARCH_IS_NOT_NULL, SEARCH_OP_COUNT, SEARCH_OP_NONE = SEARCH_OP_COUNT,
};

/* An attribute. */
struct search_key {
	const char *name;
	const char *column; /* of e */
	bool is_numeric, is_listed /* takes IN */, is_filtered, is_ordered;
};

struct search_spec {
	const struct search_key *keys; /* ended by a row without name */
	const char *filter_keys, *order_keys, *list_keys; /* as Python shows the sets in messages */
	const char *types_text;  /* "['metric', …]": the prefixes in messages */
	bool has_all_types;      /* metrics, params, datasets besides tags */
	bool has_null;           /* IS [NOT] NULL on tags and params */
	bool is_quoting;         /* quotes around invalid clauses in the message */
	bool is_model_grammar;   /* of logged models: own words for everything */
	const char *id;          /* what the side tables are joined by: "run_id" */
	const char *tags, *params, *metrics; /* tables; NULL: none */
};

struct search_clause {
	enum search_type type;
	const struct search_key *attribute; /* of an attribute */
	struct str key;
	enum search_op op;
	struct db_value value;
	struct str *list; /* of IN */
	size_t list_count;
};

enum { SEARCH_FILTER_MAX = 64 * 1024, SEARCH_CLAUSES_MAX = 100, SEARCH_LIST_MAX = 5000, SEARCH_PATTERN_MAX = 5000 };

extern const struct search_spec search_specs[];
extern const char *const search_op_names[]; /* by enum search_op: "=", "NOT IN" */

/* `ret` lives on the arena. */
bool search_parse(struct arena *arena, enum search_entity entity, struct str filter, struct search_clause **ret,
	size_t *ret_count, struct error *err);
/* "metrics.`a b`" to type and key; for orders, too: then other attributes are known. */
bool search_identify(const struct search_spec *spec, struct str identifier, bool is_order, struct search_clause *ret,
	struct error *err);
/* ERR_INVALID_PARAMETER, always false. */
bool search_fail(struct error *err, const char *format, ...) __attribute__((format(printf, 2, 3), cold));

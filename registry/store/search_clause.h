#pragma once
/*
 * Clauses: what a filter says, checked against what may be searched (search_spec.c). Private to registry/store.
 *
 *	text → groups → clauses: identifier, operator, value (search_clause.c, search_value.c) → operators that fit
 *	(search_check.c) → SQL (search_sql.c)
 */
#include "store/search.h"
#include "store/search_group.h"

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
	const char *filter_keys, *order_keys; /* as Python shows the sets in messages */
	const char *list_keys;   /* NULL: all take lists */
	const char *types_text;  /* the prefixes in messages */
	bool has_all_types;      /* metrics, params, datasets besides tags; prefixes may stand in backticks */
	bool has_null;           /* IS [NOT] NULL on tags and params */
	bool is_quoting;         /* quotes around invalid clauses in the message */
	bool is_case_kept;       /* operators in capitals only */
	bool is_key_raw;         /* attributes may not stand in quotes */
	bool is_model_grammar;   /* of logged models: own words for everything */
	bool is_tag_grammar;     /* of evaluation datasets: "tags" is the only prefix, and own words for another */
	const char *id;          /* how a row of a side table s belongs to e */
	const char *tags, *params, *metrics; /* tables; NULL: none */
};

struct search_clause {
	enum search_type type;
	const struct search_key *attribute; /* of an attribute */
	struct str key;
	enum search_op op;
	struct str op_text; /* for messages */
	struct db_value value;
	struct db_value *list; /* of IN, else NULL */
	size_t list_count;
};

enum { SEARCH_FILTER_MAX = 64 * 1024, SEARCH_CLAUSES_MAX = 200, SEARCH_LIST_MAX = 5000, SEARCH_PATTERN_MAX = 5000 };

/* By enum search_entity. */
extern const struct search_spec search_specs[];
extern const char *const search_op_names[]; /* by enum search_op: "=", "NOT IN" */

/* The clauses live on the arena, but for the texts, which may stand in `filter`. */
bool search_parse(struct arena *arena, enum search_entity entity, struct str filter, struct search_clause **ret,
	size_t *ret_count, struct error *err);
/* "metrics.`a b`" to type and key; for orders, too: then other attributes are known. */
bool search_identify(struct arena *arena, const struct search_spec *spec, struct str identifier, bool is_order,
	struct search_clause *ret, struct error *err);
bool search_read_value(struct arena *arena, enum search_entity entity, const struct group_part *value,
	struct search_clause *clause, struct error *err);
/* Does the operator fit to the type and to the value? Makes the values those of the column. */
bool search_check(struct arena *arena, enum search_entity entity, struct search_clause *clause, struct error *err);

bool search_is_numeric(const struct search_clause *clause);
/* Without a pair of that quote around it. */
struct str search_unquote(struct str text, char quote);
/* ERR_INVALID_PARAMETER, always false. */
bool search_fail(struct error *err, const char *format, ...) __attribute__((format(printf, 2, 3), cold));

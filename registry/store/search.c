/* Clauses, orders and pages made SQL. Everything that came from outside is bound. */
#include "store/search_clause.h"

#include <openssl/evp.h>
#include <stdio.h>

static const char IS_PROMPT[] = "mlflow.prompt.is_prompt";

void search_init(struct search *search, struct arena *arena)
{
	*search = (struct search){.arena = arena};
}

void search_done(struct search *search)
{
	buf_done(&search->sql);
}

void search_add(struct search *search, const char *sql)
{
	buf_add_text(&search->sql, sql);
}

static void bind(struct search *search, struct db_value value)
{
	if (search->value_count == search->value_cap) {
		const size_t cap = search->value_cap > 0 ? 2 * search->value_cap : 16;
		struct db_value *values = arena_array(search->arena, cap, sizeof(*values));

		if (search->value_count > 0)
			memcpy(values, search->values, search->value_count * sizeof(*values));
		search->values = values;
		search->value_cap = cap;
	}
	search->values[search->value_count++] = value;
}

void search_bind_str(struct search *search, struct str text)
{
	bind(search, (struct db_value){.type = 's', .text = text});
}

void search_bind_int(struct search *search, int64_t value)
{
	bind(search, (struct db_value){.type = 'i', .integer = value});
}

/* ---- filters ---- */

/* "left OP ?", for an expression that is text or a number. The pattern of LIKE is told by the connection's PRAGMA
 * case_sensitive_like. */
static void add_comparison(struct search *search, const char *left, const struct search_clause *clause)
{
	if (clause->op == SEARCH_ILIKE) {
		buf_printf(&search->sql, "lower(%s) LIKE lower(?)", left);
		bind(search, clause->value);
		return;
	}
	buf_printf(&search->sql, "%s %s ", left, search_op_names[clause->op]);
	if (clause->list == NULL) {
		search_add(search, "?");
		bind(search, clause->value);
		return;
	}
	for (size_t i = 0; i < clause->list_count; i++) {
		search_add(search, i > 0 ? ", ?" : "(?");
		search_bind_str(search, clause->list[i]);
	}
	search_add(search, ")");
}

static void add_attribute(struct search *search, enum search_entity entity, const struct search_clause *clause)
{
	char left[128];
	const char *column = clause->attribute->column;

	/* LOGGED_MODEL_READY is READY to those who ask. */
	if (entity == SEARCH_LOGGED_MODELS && strcmp(column, "status") == 0)
		snprintf(left, sizeof(left), "replace(replace(e.status, 'LOGGED_MODEL_', ''), 'UPLOAD_', '')");
	else if (strcmp(column, "experiment_id") == 0)
		snprintf(left, sizeof(left), "CAST(e.experiment_id AS TEXT)");
	else
		snprintf(left, sizeof(left), "e.%s", column);
	add_comparison(search, left, clause);
}

static const char *table_of(const struct search_spec *spec, enum search_type type)
{
	return type == SEARCH_TAG ? spec->tags : type == SEARCH_PARAM ? spec->params : spec->metrics;
}

static const char *id_of(enum search_entity entity)
{
	return entity == SEARCH_MODEL_VERSIONS ? "version" : search_specs[entity].id;
}

static void add_exists(struct search *search, enum search_entity entity, const char *table)
{
	buf_printf(&search->sql, "EXISTS (SELECT 1 FROM %s AS s WHERE s.%s = e.%s", table, id_of(entity), id_of(entity));
	if (entity == SEARCH_MODEL_VERSIONS)
		search_add(search, " AND s.name = e.name");
	search_add(search, " AND s.key = ?");
}

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
	if (clause->op == SEARCH_IS_NULL)
		search_add(search, "NOT ");
	add_exists(search, entity, table_of(&search_specs[entity], clause->type));
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

static bool is_about_prompts(const struct search_clause *clause)
{
	return clause->type == SEARCH_TAG && str_is(clause->key, IS_PROMPT);
}

/* Prompts are registered models that only those find who ask for them, by the first clause about it. */
static bool asks_for_prompts(const struct search_clause *clauses, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		const struct search_clause *clause = &clauses[i];

		if (is_about_prompts(clause))
			return (clause->op == SEARCH_EQUAL && str_eq_nocase(clause->value.text, STR("true"))) ||
			       (clause->op == SEARCH_UNEQUAL && str_eq_nocase(clause->value.text, STR("false")));
	}
	return false;
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
	if (is_hiding) {
		/* One version that is a prompt's hides all of that name. */
		buf_printf(&search->sql, " AND e.name NOT IN (SELECT name FROM %s WHERE key = ? AND lower(value) = 'true')",
			search_specs[entity].tags);
		search_bind_str(search, str_of(IS_PROMPT));
	}
	return true;
}

/* ---- orders ---- */

static bool fail_order(struct str text, struct error *err)
{
	return search_fail(err, "Invalid order_by clause '%.*s'. Could not be parsed.", STR_ARGS(text));
}

/* "key [ASC|DESC]" */
static bool read_order(struct str text, struct str *ret_key, bool *ret_is_descending, struct error *err)
{
	struct scan scan;

	scan_start(&scan, text);
	*ret_key = scan.token.text;
	*ret_is_descending = false;
	if (scan.token.kind != SCAN_NAME)
		return fail_order(text, err);
	scan_next(&scan);
	if (scan.token.kind == SCAN_END)
		return true;
	*ret_is_descending = str_eq_nocase(scan.token.text, STR("desc"));
	if (!*ret_is_descending && !str_eq_nocase(scan.token.text, STR("asc")))
		return scan.token.kind == SCAN_NAME
			       ? search_fail(err, "Invalid ordering key in order_by clause '%.*s'.", STR_ARGS(text))
			       : fail_order(text, err);
	scan_next(&scan);
	return scan.token.kind == SCAN_END || fail_order(text, err);
}

enum { ORDERS_MAX = 20 };

struct orders {
	struct search_clause done[ORDERS_MAX];
	size_t count;
};

static const char *direction(bool is_descending)
{
	return is_descending ? " DESC" : " ASC";
}

/* What is not there stands behind what is, whatever the direction. */
static void add_order_attribute(struct search *search, const char *column, bool is_descending)
{
	buf_printf(&search->sql, "e.%s IS NULL, e.%s%s", column, column, direction(is_descending));
}

static void add_order_pair(struct search *search, const struct search_spec *spec, const struct search_clause *clause,
	bool is_descending)
{
	char value[160];
	const char *table = table_of(spec, clause->type);

	snprintf(value, sizeof(value), "(SELECT value FROM %s AS s WHERE s.%s = e.%s AND s.key = ?)", table, spec->id, spec->id);
	if (clause->type == SEARCH_METRIC)
		buf_printf(&search->sql, "coalesce((SELECT is_nan FROM %s AS s WHERE s.%s = e.%s AND s.key = ?), 2), ", table,
			spec->id, spec->id);
	else
		buf_printf(&search->sql, "%s IS NULL, ", value);
	buf_printf(&search->sql, "%s%s", value, direction(is_descending));
	search_bind_str(search, clause->key);
	search_bind_str(search, clause->key);
}

static bool note_order(struct orders *orders, const struct search_clause *clause, struct error *err)
{
	for (size_t i = 0; i < orders->count; i++) {
		const struct search_clause *other = &orders->done[i];
		const bool is_same = other->type == clause->type &&
				     (clause->type == SEARCH_ATTRIBUTE
						     ? strcmp(other->attribute->column, clause->attribute->column) == 0
						     : str_eq(other->key, clause->key));

		if (is_same)
			return search_fail(err, "`order_by` contains duplicate fields: '%.*s'", STR_ARGS(clause->key));
	}
	if (orders->count == ORDERS_MAX)
		return search_fail(err, "order_by has more than %d fields", ORDERS_MAX);
	orders->done[orders->count++] = *clause;
	return true;
}

static bool has_order(const struct orders *orders, const char *column)
{
	for (size_t i = 0; i < orders->count; i++)
		if (orders->done[i].type == SEARCH_ATTRIBUTE && strcmp(orders->done[i].attribute->column, column) == 0)
			return true;
	return false;
}

static bool identify_order(enum search_entity entity, struct str key, struct search_clause *ret, struct error *err)
{
	const struct search_spec *spec = &search_specs[entity];
	struct error ignored;

	/* Registered models have words of their own. */
	if (entity == SEARCH_REGISTERED_MODELS) {
		if (search_identify(spec, key, true, ret, &ignored) && ret->type == SEARCH_ATTRIBUTE)
			return true;
		return search_fail(err, "Invalid order by key '%.*s' specified. Valid keys are '%s'", STR_ARGS(key),
			spec->order_keys);
	}
	if (!search_identify(spec, key, true, ret, err))
		return false;
	if (ret->type == SEARCH_DATASET)
		return search_fail(err, "Invalid identifier type 'dataset'");
	return entity == SEARCH_RUNS || ret->type == SEARCH_ATTRIBUTE || search_fail(err, "Invalid order_by entity: tag");
}

static void begin_order(struct search *search, const struct orders *orders)
{
	search_add(search, orders->count == 1 ? " ORDER BY " : ", ");
}

static bool add_order(
	struct search *search, enum search_entity entity, struct str text, struct orders *orders, struct error *err)
{
	struct search_clause clause;
	bool is_descending;
	struct str key;

	if (!read_order(text, &key, &is_descending, err) || !identify_order(entity, key, &clause, err) ||
		!note_order(orders, &clause, err))
		return false;
	begin_order(search, orders);
	if (clause.type == SEARCH_ATTRIBUTE)
		add_order_attribute(search, clause.attribute->column, is_descending);
	else
		add_order_pair(search, &search_specs[entity], &clause, is_descending);
	return true;
}

/* The newest value of a logged model's metric, on one dataset where one is named. */
static void add_order_metric(struct search *search, struct str key, const struct json *order, bool is_descending)
{
	static const char VALUE[] = "(SELECT value FROM logged_model_metrics AS s WHERE s.model_id = e.model_id AND s.key = ?"
				    " AND (? IS NULL OR s.dataset_name = ?) AND (? IS NULL OR s.dataset_digest = ?)"
				    " ORDER BY s.timestamp DESC, s.step DESC, s.run_id LIMIT 1)";
	const struct str name = json_str(json_get(order, STR("dataset_name")));
	const struct str digest = json_str(json_get(order, STR("dataset_digest")));

	buf_printf(&search->sql, "%s IS NULL, %s%s", VALUE, VALUE, direction(is_descending));
	for (int i = 0; i < 2; i++) {
		search_bind_str(search, key);
		search_bind_str(search, name);
		search_bind_str(search, name);
		search_bind_str(search, digest);
		search_bind_str(search, digest);
	}
}

static bool add_order_object(struct search *search, const struct json *order, struct orders *orders, struct error *err)
{
	const struct json *ascending = json_get(order, STR("ascending"));
	const bool is_descending = json_type(ascending) == JSON_BOOL && !ascending->boolean;
	const struct str field = json_str(json_get(order, STR("field_name")));
	struct search_clause clause;
	struct error ignored;

	if (field.len == 0)
		return search_fail(err, "`field_name` in the `order_by` clause must be specified.");
	if (!search_identify(&search_specs[SEARCH_LOGGED_MODELS], field, true, &clause, &ignored) ||
		(clause.type != SEARCH_ATTRIBUTE && clause.type != SEARCH_METRIC))
		return search_fail(err, memchr(field.data, '.', field.len) != NULL
						? "Invalid order by field name: %.*s. Only metrics are supported."
						: "Invalid order by field name: %.*s",
			STR_ARGS(field));
	if (orders->count == ORDERS_MAX)
		return search_fail(err, "order_by has more than %d fields", ORDERS_MAX);
	orders->done[orders->count++] = clause;
	begin_order(search, orders);
	if (clause.type == SEARCH_METRIC)
		add_order_metric(search, clause.key, order, is_descending);
	else
		add_order_attribute(search, clause.attribute->column, is_descending);
	return true;
}

/* What decides between equals, or everything where nothing was asked for. */
static void add_ties(struct search *search, enum search_entity entity, const struct orders *orders)
{
	static const struct {
		enum search_entity entity;
		bool is_default_only;
		const char *column, *sql;
	} TIES[] = {
		{SEARCH_EXPERIMENTS, true, "creation_time", "e.creation_time DESC, e.experiment_id ASC"},
		{SEARCH_EXPERIMENTS, false, "experiment_id", "e.experiment_id DESC"},
		{SEARCH_RUNS, false, "start_time", "e.start_time DESC"},
		{SEARCH_RUNS, false, "run_id", "e.run_id"},
		{SEARCH_LOGGED_MODELS, false, "creation_timestamp_ms", "e.creation_timestamp_ms DESC"},
		{SEARCH_LOGGED_MODELS, false, "model_id", "e.model_id"},
		{SEARCH_REGISTERED_MODELS, false, "name", "e.name"},
		{SEARCH_MODEL_VERSIONS, true, "last_updated_timestamp", "e.last_updated_timestamp DESC"},
		{SEARCH_MODEL_VERSIONS, false, "name", "e.name"},
		{SEARCH_MODEL_VERSIONS, false, "version", "e.version DESC"},
	};
	bool is_first = orders->count == 0;

	for (size_t i = 0; i < sizeof(TIES) / sizeof(*TIES); i++) {
		if (TIES[i].entity != entity || has_order(orders, TIES[i].column) || (TIES[i].is_default_only && orders->count > 0))
			continue;
		search_add(search, is_first ? " ORDER BY " : ", ");
		search_add(search, TIES[i].sql);
		is_first = false;
	}
}

bool search_order(struct search *search, enum search_entity entity, const struct json *order_by, struct error *err)
{
	struct orders orders = {.count = 0};

	for (size_t i = 0; json_type(order_by) == JSON_ARRAY && i < order_by->size; i++) {
		const struct json *order = &order_by->items[i];

		if (json_type(order) == JSON_OBJECT ? !add_order_object(search, order, &orders, err)
						    : !add_order(search, entity, json_str(order), &orders, err))
			return false;
	}
	add_ties(search, entity, &orders);
	return true;
}

/* ---- pages ---- */

/* The bytes of padded base64. False where it is none. */
static bool decode_base64(struct arena *arena, struct str text, struct str *ret)
{
	char *bytes = arena_alloc(arena, text.len + 1);
	size_t padding = 0;

	if (text.len == 0 || text.len % 4 != 0)
		return false;
	while (padding < 2 && text.data[text.len - 1 - padding] == '=')
		padding++;
	const int len = EVP_DecodeBlock((unsigned char *)bytes, (const unsigned char *)text.data, (int)text.len);
	if (len < (int)padding)
		return false;
	*ret = (struct str){bytes, (size_t)len - padding};
	return true;
}

static bool read_token(struct search *search, struct str token, struct error *err)
{
	struct error ignored;
	struct json read;
	struct str text;

	if (!decode_base64(search->arena, token, &text))
		return search_fail(err, "Invalid page token, could not base64-decode");
	if (!json_read(search->arena, text, &read, &ignored) || json_type(&read) != JSON_OBJECT)
		return search_fail(err, "Invalid page token, decoded value=b'%.*s'", str_is_utf8(text) ? (int)text.len : 0, text.data);
	const struct json *offset = json_get(&read, STR("offset"));
	if (json_type(offset) != JSON_INTEGER || offset->integer < 0)
		return search_fail(err, "Invalid page token, parsed value=%.*s", STR_ARGS(text));
	search->offset = offset->integer;
	return true;
}

bool search_page(struct search *search, int64_t max_results, struct str page_token, struct error *err)
{
	search->max_results = max_results;
	if (page_token.len > 0 && !read_token(search, page_token, err))
		return false;
	search_add(search, " LIMIT ? OFFSET ?");
	search_bind_int(search, max_results + 1);
	search_bind_int(search, search->offset);
	return true;
}

struct str search_next_token(struct search *search, size_t rows_read)
{
	if (rows_read <= (size_t)search->max_results)
		return STR("");
	const char *text = arena_printf(
		search->arena, "{\"offset\": %lld}", (long long)(search->offset + search->max_results));
	const size_t len = strlen(text);
	unsigned char *token = arena_alloc(search->arena, 4 * ((len + 2) / 3) + 1);
	const int written = EVP_EncodeBlock(token, (const unsigned char *)text, (int)len);
	return (struct str){(const char *)token, (size_t)written};
}

/* order_by made SQL: what was asked for, then what decides between equals. */
#include "store/search_clause.h"
#include "store/search_python.h"

enum { ORDERS_MAX = 20 };

struct order {
	struct search_clause what;
	bool is_descending;
};

struct orders {
	struct search *search;
	enum search_entity entity;
	const struct search_spec *spec;
	const struct json *asked;
	struct order done[ORDERS_MAX];
	size_t count;
	struct error *err;
};

static bool add_text(struct orders *orders, struct str text);
static bool add_object(struct orders *orders, const struct json *order);
static void add_ties(struct orders *orders);

bool search_order(struct search *search, enum search_entity entity, const struct json *order_by, struct error *err)
{
	struct orders orders = {
		.search = search, .entity = entity, .spec = &search_specs[entity], .asked = order_by, .err = err};

	for (size_t i = 0; json_type(order_by) == JSON_ARRAY && i < order_by->size; i++) {
		const struct json *order = &order_by->items[i];

		if (orders.count == ORDERS_MAX)
			return search_fail(err, "order_by has more than %d fields", ORDERS_MAX);
		if (entity == SEARCH_LOGGED_MODELS ? !add_object(&orders, order) : !add_text(&orders, json_str(order)))
			return false;
	}
	add_ties(&orders);
	return true;
}

/* ---- "key [ASC|DESC]" ---- */

static bool fail_order(const struct orders *orders, struct str text)
{
	return search_fail(orders->err, "Invalid order_by clause '%.*s'. Could not be parsed.", STR_ARGS(text));
}

/* One name and nothing else, no white space around it; what sqlparse takes for an alias may be its direction. */
static bool is_one_name(const struct orders *orders, struct str text)
{
	bool is_many;
	size_t count;
	const struct group *groups = group_all(orders->search->arena, text, &count, &is_many);

	return count == 1 && groups->kind == GROUP_IDENTIFIER && str_eq(groups->text, text);
}

static struct str with_double_quotes(struct arena *arena, struct str text)
{
	char *copy = arena_memdup(arena, text.data, text.len);

	for (size_t i = 0; i < text.len; i++)
		if (copy[i] == '`')
			copy[i] = '"';
	return (struct str){copy, text.len};
}

static bool read_text(const struct orders *orders, struct str text, struct str *ret_key, bool *ret_is_descending)
{
	struct arena *arena = orders->search->arena;
	struct str words[2];

	*ret_key = text;
	*ret_is_descending = false;
	if (text.len > SEARCH_FILTER_MAX)
		return search_fail(orders->err, "a field of order_by is longer than %d bytes", SEARCH_FILTER_MAX);
	if (!is_one_name(orders, text))
		return fail_order(orders, text);
	const size_t count = python_split(arena, with_double_quotes(arena, text), words, 2);
	if (count > 2)
		return fail_order(orders, text);
	if (count < 2)
		return true;
	*ret_key = words[0];
	*ret_is_descending = str_eq_nocase(words[1], STR("desc"));
	return *ret_is_descending || str_eq_nocase(words[1], STR("asc")) ||
	       search_fail(orders->err, "Invalid ordering key in order_by clause '%.*s'.", STR_ARGS(text));
}

static bool fail_model_key(const struct orders *orders, struct str key)
{
	return search_fail(orders->err, "Invalid order by key '%.*s' specified. Valid keys are '%s'", STR_ARGS(key),
		orders->spec->order_keys);
}

/* Registered models take plain keys only. */
static bool identify(const struct orders *orders, struct str key, struct search_clause *ret)
{
	struct error ignored;

	if (orders->entity == SEARCH_REGISTERED_MODELS) {
		const bool is_plain =
			key.len > 0 && strchr("`'\"", key.data[0]) == NULL && memchr(key.data, '.', key.len) == NULL;

		return (is_plain && search_identify(orders->search->arena, orders->spec, key, true, ret, &ignored)) ||
		       fail_model_key(orders, key);
	}
	if (!search_identify(orders->search->arena, orders->spec, key, true, ret, orders->err))
		return false;
	if (ret->type == SEARCH_ATTRIBUTE || (orders->entity == SEARCH_RUNS && ret->type != SEARCH_DATASET))
		return true;
	if (orders->entity == SEARCH_MODEL_VERSIONS)
		return fail_model_key(orders, ret->key);
	return search_fail(orders->err,
		orders->entity == SEARCH_RUNS ? "Invalid identifier type 'dataset'" : "Invalid order_by entity: tag");
}

static bool is_same(const struct search_clause *a, const struct search_clause *b)
{
	if (a->type != b->type)
		return false;
	return a->type == SEARCH_ATTRIBUTE ? strcmp(a->attribute->column, b->attribute->column) == 0
					   : str_eq(a->key, b->key);
}

static bool fail_double(const struct orders *orders)
{
	struct buf list = {0};

	for (size_t i = 0; i < orders->asked->size; i++)
		buf_printf(&list, "%s%s", i > 0 ? ", " : "",
			python_repr(orders->search->arena, json_str(&orders->asked->items[i])));
	search_fail(orders->err, "`order_by` contains duplicate fields: [%s]", buf_text(&list));
	buf_done(&list);
	return false;
}

static bool check_double(const struct orders *orders, const struct search_clause *what)
{
	for (size_t i = 0; i < orders->count && orders->entity != SEARCH_EXPERIMENTS; i++)
		if (is_same(&orders->done[i].what, what))
			return fail_double(orders);
	return true;
}

/* ---- SQL ---- */

static void begin(struct orders *orders)
{
	search_add(orders->search, orders->count == 0 ? " ORDER BY " : ", ");
}

/* What is not there stands behind what is, whatever the direction; to SQLite it is less than all. */
static const char *direction(const struct order *order)
{
	return order->is_descending ? "DESC" : "ASC NULLS LAST";
}

static void add_attribute(struct search *search, const struct order *order)
{
	buf_printf(&search->sql, "e.%s %s", order->what.attribute->column, direction(order));
}

/* Of metrics, NaN stands between what is there and what is not. */
static void add_pair(struct orders *orders, const struct order *order)
{
	struct search *search = orders->search;
	const struct search_spec *spec = orders->spec;
	const struct search_clause *what = &order->what;
	const char *table = what->type == SEARCH_TAG     ? spec->tags
			    : what->type == SEARCH_PARAM ? spec->params
							 : spec->metrics;
	const char *from = arena_printf(search->arena, "FROM %s AS s WHERE %s AND s.key = ?", table, spec->id);

	if (what->type == SEARCH_METRIC) {
		buf_printf(&search->sql, "coalesce((SELECT s.is_nan %s), 2), ", from);
		search_bind_str(search, what->key);
	}
	buf_printf(&search->sql, "(SELECT s.value %s) %s", from, direction(order));
	search_bind_str(search, what->key);
}

static void note(struct orders *orders, const struct order *order)
{
	orders->done[orders->count++] = *order;
}

static bool add_text(struct orders *orders, struct str text)
{
	struct order order;
	struct str key;

	if (!read_text(orders, text, &key, &order.is_descending) || !identify(orders, key, &order.what) ||
		!check_double(orders, &order.what))
		return false;
	begin(orders);
	if (order.what.type == SEARCH_ATTRIBUTE)
		add_attribute(orders->search, &order);
	else
		add_pair(orders, &order);
	note(orders, &order);
	return true;
}

/* ---- {"field_name", "ascending", "dataset_name", "dataset_digest"} ---- */

static struct str not_empty(const struct json *order, const char *name)
{
	const struct str text = json_str(json_get(order, str_of(name)));

	return text.len > 0 ? text : (struct str){NULL, 0};
}

/* The newest value of a logged model's metric, on one dataset where one is named. */
static void add_model_metric(struct search *search, const struct json *json, const struct order *order)
{
	const struct str name = not_empty(json, "dataset_name"), digest = not_empty(json, "dataset_digest");

	search_add(
		search, "(SELECT s.value FROM logged_model_metrics AS s WHERE s.model_id = e.model_id AND s.key = ?");
	search_bind_str(search, order->what.key);
	if (name.len > 0) {
		search_add(search, " AND s.dataset_name = ?");
		search_bind_str(search, name);
	}
	if (digest.len > 0) {
		search_add(search, " AND s.dataset_digest = ?");
		search_bind_str(search, digest);
	}
	buf_printf(&search->sql, " ORDER BY s.timestamp DESC, s.step DESC, s.run_id LIMIT 1) %s", direction(order));
}

/* Attributes have no dot; behind a dot everything is the metric's name. */
static bool identify_field(const struct orders *orders, struct str field, struct search_clause *ret)
{
	struct str key = field, prefix;
	struct error ignored;

	if (field.len == 0)
		return search_fail(orders->err, "`field_name` in the `order_by` clause must be specified.");
	if (str_cut(&key, '.', &prefix)) {
		*ret = (struct search_clause){.type = SEARCH_METRIC, .key = key};
		return str_is(prefix, "metrics") ||
		       search_fail(orders->err, "Invalid order by field name: %.*s. Only metrics are supported.",
			       STR_ARGS(field));
	}
	return (field.data[0] != '`' &&
		       search_identify(orders->search->arena, orders->spec, field, true, ret, &ignored)) ||
	       search_fail(orders->err, "Invalid order by field name: %.*s", STR_ARGS(field));
}

static bool add_object(struct orders *orders, const struct json *json)
{
	const struct json *ascending = json_get(json, STR("ascending"));
	struct order order = {.is_descending = json_type(ascending) == JSON_BOOL && !ascending->boolean};

	if (!identify_field(orders, json_str(json_get(json, STR("field_name"))), &order.what))
		return false;
	begin(orders);
	if (order.what.type == SEARCH_METRIC)
		add_model_metric(orders->search, json, &order);
	else
		add_attribute(orders->search, &order);
	note(orders, &order);
	return true;
}

/* ---- ties ---- */

static bool has_order(const struct orders *orders, const char *column)
{
	for (size_t i = 0; i < orders->count; i++)
		if (orders->done[i].what.type == SEARCH_ATTRIBUTE &&
			strcmp(orders->done[i].what.attribute->column, column) == 0)
			return true;
	return false;
}

enum tie { TIE_ALWAYS, TIE_WITH_ORDER, TIE_WITHOUT };

static void add_ties(struct orders *orders)
{
	static const struct {
		enum search_entity entity;
		enum tie when; /* an order was asked for, or none */
		const char *column, *sql;
	} TIES[] = {
		{SEARCH_EXPERIMENTS, TIE_WITHOUT, "", "e.creation_time DESC, e.experiment_id ASC"},
		{SEARCH_EXPERIMENTS, TIE_WITH_ORDER, "experiment_id", "e.experiment_id DESC"},
		{SEARCH_RUNS, TIE_ALWAYS, "start_time", "e.start_time DESC"},
		{SEARCH_RUNS, TIE_ALWAYS, "run_id", "e.run_id"},
		{SEARCH_LOGGED_MODELS, TIE_ALWAYS, "creation_timestamp_ms", "e.creation_timestamp_ms DESC"},
		{SEARCH_LOGGED_MODELS, TIE_ALWAYS, "model_id", "e.model_id"},
		{SEARCH_REGISTERED_MODELS, TIE_ALWAYS, "name", "e.name"},
		{SEARCH_MODEL_VERSIONS, TIE_WITHOUT, "", "e.last_updated_timestamp DESC"},
		{SEARCH_MODEL_VERSIONS, TIE_ALWAYS, "name", "e.name"},
		{SEARCH_MODEL_VERSIONS, TIE_ALWAYS, "version", "e.version DESC"},
		{SEARCH_EVAL_DATASETS, TIE_WITHOUT, "", "e.created_time DESC"},
		{SEARCH_EVAL_DATASETS, TIE_ALWAYS, "dataset_id", "e.dataset_id DESC"},
	};
	const enum tie unwanted = orders->count > 0 ? TIE_WITHOUT : TIE_WITH_ORDER;
	bool is_first = orders->count == 0;

	for (size_t i = 0; i < sizeof(TIES) / sizeof(*TIES); i++) {
		if (TIES[i].entity != orders->entity || TIES[i].when == unwanted || has_order(orders, TIES[i].column))
			continue;
		search_add(orders->search, is_first ? " ORDER BY " : ", ");
		search_add(orders->search, TIES[i].sql);
		is_first = false;
	}
}

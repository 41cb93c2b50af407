/* Searches: the SQL and the values that filters and orders become, what is refused in which words, which rows are
 * found. */
#include "store/search.h"

#include "model/sql.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static char dir[] = "/tmp/sluice-search-XXXXXX";
static struct arena arena;
static struct error err;
static struct db_file *file;
static struct db *db;

/* "SQL|value|value", or the message. */
static const char *shown(struct search *search, bool is_fine)
{
	struct buf out = {0};

	if (!is_fine) {
		assert_int_equal(err.code, ERR_INVALID_PARAMETER);
		return err.text;
	}
	buf_add_str(&out, buf_str(&search->sql));
	for (size_t i = 0; i < search->value_count; i++) {
		const struct db_value *value = &search->values[i];

		buf_add_char(&out, '|');
		if (value->type == 's')
			buf_add_str(&out, value->text);
		else if (value->type == 'i')
			buf_printf(&out, "%lld", (long long)value->integer);
		else
			json_write_double(&out, value->number);
	}
	const char *copy = arena_memdup(&arena, out.data, out.len);
	buf_done(&out);
	return copy;
}

static const char *filter_text(enum search_entity entity, struct str filter)
{
	struct search search;

	error_clear(&err);
	search_init(&search, &arena);
	const char *text = shown(&search, search_filter(&search, entity, filter, &err));
	search_done(&search);
	return text;
}

static struct json order_json(const char *text)
{
	struct json value;

	assert_true(json_read(&arena, str_of(text), &value, &err));
	return value;
}

static const char *order_text(enum search_entity entity, const char *order_by)
{
	const struct json order = order_json(order_by);
	struct search search;

	error_clear(&err);
	search_init(&search, &arena);
	const char *text = shown(&search, search_order(&search, entity, &order, &err));
	search_done(&search);
	return text;
}

static const char *page_text(const char *token)
{
	struct search search;

	error_clear(&err);
	search_init(&search, &arena);
	const char *text = shown(&search, search_page(&search, 10, str_of(token), &err));
	search_done(&search);
	return text;
}

#define FILTER(entity_, filter_, wanted_) assert_string_equal(filter_text(SEARCH_##entity_, str_of(filter_)), wanted_)
#define ORDER(entity_, order_, wanted_)   assert_string_equal(order_text(SEARCH_##entity_, order_), wanted_)
#define PAGE(token_, wanted_)             assert_string_equal(page_text(token_), wanted_)

/* ---- SQL ---- */

static void clauses_become_sql(void **state)
{
	FILTER(RUNS, "", "");
	FILTER(RUNS, "and AND", "");
	FILTER(RUNS, "status = 'FINISHED'", " AND e.status = ?|FINISHED");
	FILTER(RUNS, "attr.created>=5 and `attributes`.end_time < 1.5",
		" AND e.start_time >= ? AND e.end_time < ?|5|1.5");
	FILTER(RUNS, "run_id NOT  in ('a', \"b\")", " AND e.run_id NOT IN (?, ?)|a|b");
	FILTER(RUNS, "`run name` ilike 'X%'", " AND lower(e.name) LIKE lower(?)|X%");
	FILTER(RUNS, "metrics.`a b` > -1e3",
		" AND EXISTS (SELECT 1 FROM latest_metrics AS s WHERE s.run_id = e.run_id AND s.key = ? AND (NOT s.is_nan AND "
		"s.value > ?))|a b|-1000.0");
	FILTER(RUNS, "metric.x.y != 0",
		" AND EXISTS (SELECT 1 FROM latest_metrics AS s WHERE s.run_id = e.run_id AND s.key = ? AND (s.is_nan OR "
		"s.value != ?))|x.y|0.0");
	FILTER(RUNS, "params.\"q\" IS NULL AND tag.z is not null",
		" AND NOT EXISTS (SELECT 1 FROM params AS s WHERE s.run_id = e.run_id AND s.key = ?) AND EXISTS (SELECT 1 FROM run_tags "
		"AS s WHERE s.run_id = e.run_id AND s.key = ?)|q|z");
	FILTER(RUNS, "dataset.context = 'train'",
		" AND EXISTS (SELECT 1 FROM dataset_input_tags AS s WHERE s.run_id = e.run_id AND s.key = 'mlflow.data.context' AND "
		"s.value = ?)|train");
	FILTER(EXPERIMENTS, "experiment_id IN ('1', ' 20 ')", " AND e.experiment_id IN (?, ?)|1|20");
	FILTER(LOGGED_MODELS, "creation_time > 1e+2 AND attributes.name = x AND name NOT IN ()",
		" AND e.creation_timestamp_ms > ? AND e.name = ? AND e.name NOT IN ()|100.0|x");
	FILTER(MODEL_VERSIONS, "version_number >= '2' AND tags.`mlflow.prompt.is_prompt` = 'TRUE'",
		" AND e.version >= ? AND EXISTS (SELECT 1 FROM model_version_tags AS s WHERE s.name = e.name AND s.version = e.version "
		"AND s.key = ? AND s.value = ?)|2|mlflow.prompt.is_prompt|TRUE");
}

/* Whatever stands in a filter is bound, with its quotes and its SQL. */
static void values_stay_values(void **state)
{
	FILTER(REGISTERED_MODELS, "name = 'x'' OR 1=1 --'",
		" AND e.name = ? AND e.name NOT IN (SELECT name FROM registered_model_tags WHERE key = ? AND value = 'true')"
		"|x'' OR 1=1 --|mlflow.prompt.is_prompt");
	FILTER(RUNS, "status = 'a\\'b'", " AND e.status = ?|a\\'b");
	FILTER(RUNS, "status = 'a\\'", " AND e.status = ?|a\\");
	FILTER(RUNS, "run_id IN ('a\\'b' 'c', ('d\\n\\x41\\u00e4'))", " AND e.run_id IN (?, ?)|a'bc|d\nA\xc3\xa4");
	FILTER(RUNS, "tags.k[0] = 'x'",
		" AND EXISTS (SELECT 1 FROM run_tags AS s WHERE s.run_id = e.run_id AND s.key = ? AND s.value = ?)|k[0]|x");
}

static void orders_become_sql(void **state)
{
	ORDER(EXPERIMENTS, "[]", " ORDER BY e.creation_time DESC, e.experiment_id ASC");
	ORDER(EXPERIMENTS, "[\"name desc\"]", " ORDER BY e.name DESC, e.experiment_id DESC");
	ORDER(RUNS, "null", " ORDER BY e.start_time DESC, e.run_id");
	ORDER(RUNS, "[\"metrics.`a b`  DESC\"]",
		" ORDER BY coalesce((SELECT s.is_nan FROM latest_metrics AS s WHERE s.run_id = e.run_id AND s.key = ?), 2), "
		"(SELECT s.value FROM latest_metrics AS s WHERE s.run_id = e.run_id AND s.key = ?) DESC, e.start_time DESC, "
		"e.run_id|a b|a b");
	ORDER(REGISTERED_MODELS, "[\"timestamp ASC\"]", " ORDER BY e.last_updated_timestamp ASC NULLS LAST, e.name");
	ORDER(MODEL_VERSIONS, "[\"version_number\"]", " ORDER BY e.version ASC NULLS LAST, e.name");
	ORDER(LOGGED_MODELS, "[{\"field_name\": \"metrics.m\", \"ascending\": false, \"dataset_name\": \"d\"}]",
		" ORDER BY (SELECT s.value FROM logged_model_metrics AS s WHERE s.model_id = e.model_id AND s.key = ? AND "
		"s.dataset_name = ? ORDER BY s.timestamp DESC, s.step DESC, s.run_id LIMIT 1) DESC, e.creation_timestamp_ms DESC, "
		"e.model_id|m|d");
}

/* ---- messages ---- */

static void what_is_no_clause_is_named(void **state)
{
	FILTER(RUNS, "a = 'b' OR status = 'x'", "Invalid clause(s) in filter string: 'OR'");
	FILTER(RUNS, "NOT (status = 'x')", "Invalid clause(s) in filter string: 'NOT', '(status = 'x')'");
	FILTER(EXPERIMENTS, "name = 'a' b, tags.x", "Invalid clause(s) in filter string: name = 'a' b, tags.x");
	FILTER(RUNS, "tags.in = 'x'", "Invalid clause(s) in filter string: 'tags.', 'in', '=', ''x''");
	FILTER(RUNS, "metrics.1 > 2", "Invalid clause(s) in filter string: 'metrics'");
	FILTER(RUNS, "metrics.val-loss > 1",
		"Invalid comparison clause. Expected 'Identifier' found 'metrics.val-loss'");
	FILTER(RUNS, "'a' = status", "Invalid comparison clause. Expected 'Identifier' found ''a''");
	FILTER(RUNS, "  ", "Invalid filter '  '. Could not be parsed.");
	FILTER(RUNS, "name = 'a'; name = \"b\"",
		"Search filter contained multiple expression 'name = \\'a\\'; name = \"b\"'. Provide AND-ed expression list.");
	FILTER(RUNS, "name = 'a';", "Invalid clause(s) in filter string: ';'");
	FILTER(LOGGED_MODELS, "name = 'a' OR name = 'b'",
		"Invalid filter string: \"name = 'a' OR name = 'b'\". Expected a list of comparisons separated by 'AND' (e.g. "
		"'metrics.loss > 0.1 AND params.lr = 0.01').");
}

static void keys_and_types_are_told(void **state)
{
	FILTER(RUNS, "foo.a = 'b'",
		"Invalid entity type 'foo'. Valid values are ['metric', 'parameter', 'tag', 'attribute', 'dataset']");
	FILTER(EXPERIMENTS, "metrics.a > 1",
		"Invalid entity type 'metrics'. Valid entity types are ('attribute', 'tag', 'tags')");
	FILTER(REGISTERED_MODELS, "`name` = 'a'",
		"Invalid attribute key '`name`' specified. Valid keys are '{'name'}'");
	FILTER(RUNS, "datasets.x = 'a'",
		"Invalid dataset key 'x' specified. Valid keys are '{'name', 'digest', 'context'}'");
	FILTER(EVAL_DATASETS, "metrics.a > 1", "Invalid identifier token 'metrics' specified");
	FILTER(EVAL_DATASETS, "foo = 'a'",
		"Invalid attribute key 'foo' specified. Valid keys are: {'name', 'created_time', 'last_update_time', 'created_by', "
		"'last_updated_by'}");
	FILTER(LOGGED_MODELS, "foo.a = 'b'",
		"Invalid entity type: 'foo'. Expected one of ['attributes', 'metrics', 'params', 'tags'].");
	FILTER(LOGGED_MODELS, "foo = 'b'",
		"Invalid attribute key 'foo' specified. Valid keys are '{'name', 'model_id', 'model_type', 'status', 'source_run_id', "
		"'creation_timestamp', 'last_updated_timestamp'}'");
}

static void values_must_fit(void **state)
{
	FILTER(RUNS, "metrics.a > 'x'", "Expected numeric value type for metric. Found 'x'");
	FILTER(RUNS, "metrics.a > 1E+5", "Expected numeric value type for metric. Found 1E+5");
	FILTER(RUNS, "created > x", "Expected numeric value type for numeric attribute: created. Found x");
	FILTER(RUNS, "params.a = 1", "Expected a quoted string value for parameter (e.g. 'my-value'). Got value 1");
	FILTER(RUNS, "tags.a = NULL", "Expected a quoted string value for tag (e.g. 'my-value'). Got value NULL");
	FILTER(RUNS, "tags.a = b",
		"Parameter value is either not quoted or unidentified quote types used for string value b. Use either single or double "
		"quotes.");
	FILTER(RUNS, "status IN ('a')",
		"Only ['run_id'] attributes support comparison with a list of quoted string values.");
	FILTER(RUNS, "run_id IN ()",
		"While parsing a list in the query, expected a non-empty list of string values, but got empty list");
	FILTER(RUNS, "run_id IN ('a' 1)",
		"While parsing a list in the query, expected a non-empty list of string values, but got ill-formed list.");
	FILTER(RUNS, "run_id = ('a')", "Invalid comparator '=' for a list of values: only IN and NOT IN take one");
	FILTER(EXPERIMENTS, "experiment_id = 'x'", "Invalid experiment ID 'x'. Experiment ID must be a valid integer.");
	FILTER(EXPERIMENTS, "creation_time > 1.5", "Invalid value for numeric attribute 'creation_time': '1.5'");
	FILTER(MODEL_VERSIONS, "version_number = 'x'", "Invalid value for numeric attribute 'version_number': 'x'");
	FILTER(MODEL_VERSIONS, "name = 1",
		"Only the '{'version_number', 'creation_timestamp', 'last_updated_timestamp'}' attributes support comparison with "
		"numeric values.");
	FILTER(RUNS, "start_time = 9223372036854775808",
		"Invalid value for numeric attribute 'start_time': 9223372036854775808 is beyond 64 bits");
}

static void operators_must_fit(void **state)
{
	FILTER(RUNS, "status == 'a'",
		"Invalid comparator '==' not one of '{'!=', '=', 'LIKE', 'ILIKE', 'IN', 'NOT IN'}'");
	FILTER(RUNS, "metrics.a like 1", "Invalid comparator 'LIKE' not one of '{'>', '>=', '!=', '=', '<', '<='}");
	FILTER(RUNS, "tags.a not  like 'b'",
		"Invalid comparator 'NOT  LIKE' not one of '{'!=', '=', 'LIKE', 'ILIKE', 'IS NULL', 'IS NOT NULL'}");
	FILTER(RUNS, "status IS NULL",
		"IS NULL / IS NOT NULL is only supported for tags and params, not for 'attribute' 'status'");
	FILTER(EXPERIMENTS, "name IS NULL",
		"IS NULL / IS NOT NULL is only supported for tags, not for attribute 'name'");
	FILTER(EXPERIMENTS, "name like 'a'",
		"Invalid comparator 'like' not one of '{'!=', '=', 'LIKE', 'ILIKE', 'IN', 'NOT IN'}'");
	FILTER(EXPERIMENTS, "experiment_id > '1'", "Invalid comparator for experiment_id: >");
	FILTER(REGISTERED_MODELS, "name > 'a'", "Invalid comparator for attribute: >");
	FILTER(REGISTERED_MODELS, "tags.a > 'a'", "Invalid comparator for tag: >");
	FILTER(MODEL_VERSIONS, "version_number LIKE '1'", "Invalid comparator for attribute version_number: LIKE");
	FILTER(LOGGED_MODELS, "metrics.a like 1",
		"Invalid comparison operator for metrics.a: 'LIKE'. Expected one of ('<', '<=', '>', '>=', '=', '!=').");
	/* All values are looked at before the first operator. */
	FILTER(RUNS, "status == 'a' AND metrics.b = 'c'", "Expected numeric value type for metric. Found 'c'");
}

static void orders_must_fit(void **state)
{
	ORDER(RUNS, "[\"\"]", "Invalid order_by clause ''. Could not be parsed.");
	ORDER(RUNS, "[\" start_time\"]", "Invalid order_by clause ' start_time'. Could not be parsed.");
	ORDER(RUNS, "[\"start_time DESC NULLS LAST\"]",
		"Invalid order_by clause 'start_time DESC NULLS LAST'. Could not be parsed.");
	ORDER(RUNS, "[\"start_time down\"]", "Invalid ordering key in order_by clause 'start_time down'.");
	ORDER(RUNS, "[\"datasets.name\"]", "Invalid identifier type 'dataset'");
	ORDER(RUNS, "[\"created\", \"start_time DESC\"]",
		"`order_by` contains duplicate fields: ['created', 'start_time DESC']");
	ORDER(EXPERIMENTS, "[\"tags.a\"]", "Invalid order_by entity: tag");
	ORDER(REGISTERED_MODELS, "[\"creation_timestamp\"]",
		"Invalid order by key 'creation_timestamp' specified. Valid keys are '{'name', 'timestamp'}'");
	ORDER(LOGGED_MODELS, "[{}]", "`field_name` in the `order_by` clause must be specified.");
	ORDER(LOGGED_MODELS, "[{\"field_name\": \"params.a\"}]",
		"Invalid order by field name: params.a. Only metrics are supported.");
	ORDER(LOGGED_MODELS, "[{\"field_name\": \"a\"}]", "Invalid order by field name: a");
}

static void pages_are_offsets(void **state)
{
	PAGE("", " LIMIT ? OFFSET ?|11|0");
	PAGE("eyJvZmZzZXQiOiAyfQ==", " LIMIT ? OFFSET ?|11|2");
	PAGE("eyJvZmZzZXQiOiAyfQ", "Invalid page token, could not base64-decode");
	PAGE("bm8=", "Invalid page token, decoded value=b'no'");
	PAGE("e30=", "Invalid page token, parsed value={}");
	PAGE("eyJvZmZzZXQiOiJ4In0=", "Invalid page token, not stringable \"x\"");
	/* {"offset": 9223372036854775807} */
	PAGE("eyJvZmZzZXQiOiA5MjIzMzcyMDM2ODU0Nzc1ODA3fQ==", "Invalid page token, not stringable 9223372036854775807");

	struct search search = {.arena = &arena, .offset = 20, .max_results = 10};
	assert_int_equal(search_next_token(&search, 10).len, 0);
	const struct str token = search_next_token(&search, 11);
	assert_string_equal(page_text(arena_memdup(&arena, token.data, token.len)), " LIMIT ? OFFSET ?|11|30");
}

/* ---- limits ---- */

static struct str repeated(const char *text, size_t count, const char *end)
{
	struct buf out = {0};

	for (size_t i = 0; i < count; i++)
		buf_add_text(&out, text);
	buf_add_text(&out, end);
	const struct str copy = {arena_memdup(&arena, out.data, out.len), out.len};
	buf_done(&out);
	return copy;
}

static void everything_has_a_limit(void **state)
{
	assert_string_equal(
		filter_text(SEARCH_RUNS, repeated(" ", 65537, "")), "the filter is longer than 65536 bytes");
	assert_string_equal(filter_text(SEARCH_RUNS, repeated("status = 'a' AND ", 201, "")),
		"the filter has more than 200 comparisons");
	assert_string_equal(
		filter_text(SEARCH_RUNS, repeated("status = 'a' AND ", 200, "")) + 200 * strlen(" AND e.status = ?"),
		arena_printf(&arena, "%.*s", STR_ARGS(repeated("|a", 200, ""))));
	assert_string_equal(filter_text(SEARCH_RUNS, str_of(arena_printf(&arena, "run_id IN (%.*s)",
							     STR_ARGS(repeated("'a',", 5001, ""))))),
		"a list in the filter has more than 5000 values");
	assert_string_equal(filter_text(SEARCH_RUNS, str_of(arena_printf(&arena, "status LIKE '%.*s'",
							     STR_ARGS(repeated("%", 5001, ""))))),
		"a pattern in the filter is longer than 5000 bytes");
	assert_string_equal(order_text(SEARCH_EXPERIMENTS,
				    arena_printf(&arena, "[%s", repeated("\"name\",", 20, "\"name\"]").data)),
		"order_by has more than 20 fields");
	assert_string_equal(page_text(repeated("A", 65537, "").data), "Invalid page token, longer than 65536 bytes");
}

/* What opens and never closes must not be looked for again and again: the test's time limit tells. */
static void nothing_is_quadratic(void **state)
{
	static const char *const PIECES[] = {"(", "[", "'", "\"", "`", "/*", "a.", "a[", "a(", "a,", "a =", "--", "-",
		"NOT ", "\\'", "1e", "a IN ("};

	for (size_t i = 0; i < sizeof(PIECES) / sizeof(*PIECES); i++)
		for (int entity = SEARCH_EXPERIMENTS; entity <= SEARCH_MODEL_VERSIONS; entity++) {
			filter_text((enum search_entity)entity, repeated(PIECES[i], 65536 / strlen(PIECES[i]), ""));
			assert_int_equal(err.code, ERR_INVALID_PARAMETER);
			arena_clear(&arena);
		}
}

/* ---- rows ---- */

static void run(const char *sql)
{
	assert_true(db_run(db, &err, arena_strdup(&arena, sql), ""));
}

/* The ids that are found, with spaces between. */
static const char *found(const char *select, enum search_entity entity, const char *filter, const char *order_by)
{
	const struct json order = order_json(order_by);
	struct buf out = {0};
	struct search search;
	struct db_rows rows;

	search_init(&search, &arena);
	search_add(&search, select);
	assert_true(search_filter(&search, entity, str_of(filter), &err) &&
		    search_order(&search, entity, &order, &err) && search_page(&search, 100, STR(""), &err));
	assert_true(db_start_text(&rows, db, &err, buf_text(&search.sql), search.values, search.value_count));
	while (db_next(&rows))
		buf_printf(&out, "%s%.*s", out.len > 0 ? " " : "", STR_ARGS(db_text(&rows, 0, &arena)));
	assert_true(db_end(&rows));
	search_done(&search);
	const char *copy = arena_memdup(&arena, out.data, out.len);
	buf_done(&out);
	return copy;
}

#define RUNS(filter_, order_, wanted_)                                                                                 \
	assert_string_equal(found("SELECT e.run_id FROM runs AS e WHERE TRUE", SEARCH_RUNS, filter_, order_), wanted_)
#define MODELS(filter_, wanted_)                                                                                       \
	assert_string_equal(found("SELECT e.name FROM registered_models AS e WHERE TRUE", SEARCH_REGISTERED_MODELS,    \
				    filter_, "[]"),                                                                    \
		wanted_)
#define VERSIONS(filter_, wanted_)                                                                                     \
	assert_string_equal(found("SELECT e.name || e.version FROM model_versions AS e WHERE TRUE",                    \
				    SEARCH_MODEL_VERSIONS, filter_, "[\"name\", \"version_number\"]"),                 \
		wanted_)

static void add_run(const char *id, const char *metric, const char *tag)
{
	run(arena_printf(
		&arena, "INSERT INTO runs VALUES ('%s', 0, '%s', '', 'RUNNING', 1, NULL, NULL, 'active', '')", id, id));
	if (metric != NULL)
		run(arena_printf(&arena, "INSERT INTO latest_metrics VALUES ('%s', 'm', 1, 0, %s)", id, metric));
	if (tag != NULL)
		run(arena_printf(&arena, "INSERT INTO run_tags VALUES ('%s', 't', '%s')", id, tag));
}

static void runs_are_found(void **state)
{
	add_run("a", "2, 0", "Train");
	add_run("b", "1, 0", "train");
	add_run("c", "0, 1", "100%");
	add_run("d", NULL, NULL);
	RUNS("", "[]", "a b c d");
	RUNS("metrics.m >= 0", "[]", "a b");
	RUNS("metrics.m != 2", "[]", "b c");
	RUNS("", "[\"metrics.m\"]", "b a c d");
	RUNS("", "[\"metrics.m DESC\"]", "a b c d");
	RUNS("tags.t LIKE 't%'", "[]", "b");
	RUNS("tags.t ILIKE 'T%'", "[]", "a b");
	RUNS("tags.t != 'train'", "[]", "a c");
	RUNS("tags.t IS NULL", "[]", "d");
	RUNS("tags.t LIKE '%\\%'", "[]", "");
	RUNS("", "[\"tags.t DESC\"]", "b a c d");
	RUNS("run_id IN ('d', 'a') AND run_name != 'a'", "[]", "d");
}

/* A prompt's name is a prompt's in all of its versions. */
static void prompts_are_found_by_who_asks(void **state)
{
	run("INSERT INTO registered_models VALUES ('m', 1, 1, NULL), ('p', 1, 1, NULL)");
	run("INSERT INTO registered_model_tags VALUES ('p', 'mlflow.prompt.is_prompt', 'true')");
	run("INSERT INTO model_versions SELECT name, v, 1, 1, NULL, '', 'None', 's', '', '', '', '', 'READY', NULL"
	    " FROM registered_models, (SELECT 1 AS v UNION SELECT 2)");
	run("INSERT INTO model_version_tags VALUES ('p', 1, 'mlflow.prompt.is_prompt', 'true'), ('m', 2, 'k', 'x')");
	MODELS("", "m");
	MODELS("tag.`mlflow.prompt.is_prompt` != 'true'", "m");
	MODELS("tags.`mlflow.prompt.is_prompt` = 'false'", "m");
	MODELS("tags.`mlflow.prompt.is_prompt` = 'true'", "p");
	MODELS("tags.`mlflow.prompt.is_prompt` != 'false'", "p");
	VERSIONS("", "m1 m2");
	VERSIONS("tags.`mlflow.prompt.is_prompt` = 'true'", "p1");
	VERSIONS("version_number = 2 AND name IN ('m', 'p')", "m2");
	VERSIONS("tags.k = 'x'", "m2");
}

static void ready_models_are_found(void **state)
{
	run("INSERT INTO logged_models VALUES ('m-1', 0, 'a', '', 1, 1, 'LOGGED_MODEL_READY', 'active', '', '', NULL),"
	    " ('m-2', 0, 'a', '', 2, 1, 'LOGGED_MODEL_PENDING', 'active', '', '', NULL)");
	run("INSERT INTO logged_model_metrics VALUES ('m-1', 'm', 1, 0, 'r', 'd', 'x', 1), ('m-1', 'm', 2, 0, 'r', NULL, NULL, 9),"
	    " ('m-2', 'm', 1, 0, 'r', 'd', 'x', 5)");
#define LOGGED(filter_, order_, wanted_)                                                                               \
	assert_string_equal(                                                                                           \
		found("SELECT e.model_id FROM logged_models AS e WHERE TRUE", SEARCH_LOGGED_MODELS, filter_, order_),  \
		wanted_)
	LOGGED("status = 'READY'", "[]", "m-1");
	LOGGED("name = \"a\"", "[]", "m-2 m-1");
	LOGGED("metrics.m = 1", "[]", "m-1");
	LOGGED("", "[{\"field_name\": \"metrics.m\"}]", "m-2 m-1");
	LOGGED("", "[{\"field_name\": \"metrics.m\", \"dataset_name\": \"d\"}]", "m-1 m-2");
	LOGGED("", "[{\"field_name\": \"metrics.m\", \"dataset_digest\": \"y\"}]", "m-2 m-1");
}

static int set_up(void **state)
{
	arena_init(&arena);
	if (!sql_global_init(&err) || mkdtemp(dir) == NULL || (file = db_open(dir, &err)) == NULL)
		return -1;
	db = db_begin(file, DB_WRITE, &err);
	return db == NULL ? -1 : 0;
}

static int tear_down(void **state)
{
	char command[sizeof(dir) + 16];

	db_rollback(db);
	db_close(file);
	arena_done(&arena);
	snprintf(command, sizeof(command), "rm -r %s", dir);
	return system(command);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(clauses_become_sql),
		cmocka_unit_test(values_stay_values),
		cmocka_unit_test(orders_become_sql),
		cmocka_unit_test(what_is_no_clause_is_named),
		cmocka_unit_test(keys_and_types_are_told),
		cmocka_unit_test(values_must_fit),
		cmocka_unit_test(operators_must_fit),
		cmocka_unit_test(orders_must_fit),
		cmocka_unit_test(pages_are_offsets),
		cmocka_unit_test(everything_has_a_limit),
		cmocka_unit_test(nothing_is_quadratic),
		cmocka_unit_test(runs_are_found),
		cmocka_unit_test(prompts_are_found_by_who_asks),
		cmocka_unit_test(ready_models_are_found),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}

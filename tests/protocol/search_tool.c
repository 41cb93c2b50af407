/*
 * Searches for tests/protocol/search_differential.py, on tables in memory. A line each, and a line back:
 *	{"run": "INSERT …"}                                                             {}
 *	{"entity": 1, "filter": "…", "order_by": […], "max_results": 9, "page_token": "…"}
 *		{"rows": ["id", …], "next": "token", "clauses": [[type, key, operator, value or list], …]} or {"error":
 *"…"}
 */
#include "store/db_schema.h"
#include "store/search_clause.h"

#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>

static struct sqlite3 *connection;

static void must(bool is_true)
{
	if (is_true)
		return;
	fprintf(stderr, "%s\n", sqlite3_errmsg(connection));
	abort();
}

static struct json json_of(const struct db_value *value)
{
	if (value->type == 's')
		return json_string(value->text);
	return value->type == 'i' ? json_integer(value->integer) : json_double(value->number);
}

static struct json value_of(struct arena *arena, const struct search_clause *clause)
{
	struct json list = json_array();

	if (clause->op == SEARCH_IS_NULL || clause->op == SEARCH_IS_NOT_NULL)
		return json_null();
	if (clause->list == NULL)
		return json_of(&clause->value);
	for (size_t i = 0; i < clause->list_count; i++)
		json_append(arena, &list, json_of(&clause->list[i]));
	return list;
}

static struct json clauses_of(struct arena *arena, enum search_entity entity, struct str filter)
{
	static const char *const TYPES[] = {"attribute", "metric", "parameter", "tag", "dataset"};
	struct json list = json_array();
	struct search_clause *clauses;
	struct error err;
	size_t count;

	must(search_parse(arena, entity, filter, &clauses, &count, &err));
	for (size_t i = 0; i < count; i++) {
		struct json row = json_array();

		json_append(arena, &row, json_string(str_of(TYPES[clauses[i].type])));
		json_append(arena, &row, json_string(clauses[i].key));
		json_append(arena, &row, json_string(str_of(search_op_names[clauses[i].op])));
		json_append(arena, &row, value_of(arena, &clauses[i]));
		json_append(arena, &list, row);
	}
	return list;
}

static void bind(struct sqlite3_stmt *statement, const struct search *search)
{
	must(sqlite3_bind_parameter_count(statement) == (int)search->value_count);
	for (int i = 0; i < (int)search->value_count; i++) {
		const struct db_value *value = &search->values[i];

		if (value->type == 's')
			must(sqlite3_bind_text(statement, i + 1, value->text.data, (int)value->text.len,
				     SQLITE_TRANSIENT) == SQLITE_OK);
		else if (value->type == 'i')
			must(sqlite3_bind_int64(statement, i + 1, value->integer) == SQLITE_OK);
		else
			must(sqlite3_bind_double(statement, i + 1, value->number) == SQLITE_OK);
	}
}

static struct json rows_of(struct arena *arena, struct search *search)
{
	struct json list = json_array();
	struct sqlite3_stmt *statement;
	int code;

	must(sqlite3_prepare_v2(connection, buf_text(&search->sql), -1, &statement, NULL) == SQLITE_OK);
	bind(statement, search);
	while ((code = sqlite3_step(statement)) == SQLITE_ROW)
		json_append(arena, &list,
			json_string(str_of(arena_strdup(arena, (const char *)sqlite3_column_text(statement, 0)))));
	must(code == SQLITE_DONE);
	sqlite3_finalize(statement);
	return list;
}

static bool build(struct search *search, enum search_entity entity, const struct json *asked, struct error *err)
{
	static const char *const FROM[] = {
		"SELECT e.experiment_id FROM experiments",
		"SELECT e.run_id FROM runs",
		"SELECT e.model_id FROM logged_models",
		"SELECT e.name FROM registered_models",
		"SELECT e.name || '/' || e.version FROM model_versions",
	};

	search_add(search, FROM[entity]);
	search_add(search, " AS e WHERE TRUE");
	return search_filter(search, entity, json_str(json_get(asked, STR("filter"))), err) &&
	       search_order(search, entity, json_get(asked, STR("order_by")), err) &&
	       search_page(search, json_get(asked, STR("max_results"))->integer,
		       json_str(json_get(asked, STR("page_token"))), err);
}

static struct json answer(struct arena *arena, const struct json *asked)
{
	const enum search_entity entity = (enum search_entity)json_get(asked, STR("entity"))->integer;
	struct json object = json_object();
	struct search search;
	struct error err;

	search_init(&search, arena);
	if (build(&search, entity, asked, &err)) {
		struct json rows = rows_of(arena, &search);

		json_set(arena, &object, STR("next"), json_string(search_next_token(&search, rows.size)));
		json_set(arena, &object, STR("rows"), rows);
		json_set(arena, &object, STR("clauses"),
			clauses_of(arena, entity, json_str(json_get(asked, STR("filter")))));
	} else {
		must(err.code == ERR_INVALID_PARAMETER);
		json_set(arena, &object, STR("error"), json_string(str_of(arena_strdup(arena, err.text))));
	}
	search_done(&search);
	return object;
}

static void answer_line(struct str line)
{
	struct json asked, answered = json_object();
	struct buf out = {0};
	struct arena arena;
	struct error err;

	arena_init(&arena);
	must(json_read(&arena, line, &asked, &err));
	const struct str sql = json_str(json_get(&asked, STR("run")));
	if (sql.len > 0)
		must(sqlite3_exec(connection, arena_memdup(&arena, sql.data, sql.len), NULL, NULL, NULL) == SQLITE_OK);
	else
		answered = answer(&arena, &asked);
	json_write(&out, &answered);
	puts(buf_text(&out));
	fflush(stdout);
	buf_done(&out);
	arena_done(&arena);
}

int main(void)
{
	struct error err;
	char *line = NULL;
	size_t size = 0;
	ssize_t len;

	must(sqlite3_open(":memory:", &connection) == SQLITE_OK && db_schema_apply(connection, &err) &&
		sqlite3_exec(connection, "PRAGMA case_sensitive_like = ON", NULL, NULL, NULL) == SQLITE_OK);
	while ((len = getline(&line, &size, stdin)) > 0)
		answer_line((struct str){line, (size_t)len});
	free(line);
	sqlite3_close(connection);
	return 0;
}

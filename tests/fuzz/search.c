/*
 * The first byte chooses what is searched, the second splits the rest into a filter, an order and a page token. Any bytes
 * either fail with ERR_INVALID_PARAMETER, or make a statement that SQLite compiles on the registry's tables and that has a
 * value for each of its marks.
 */
#include "store/db_schema.h"
#include "store/search.h"

#include <sqlite3.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *const TABLES[] = {"experiments", "runs", "logged_models", "registered_models", "model_versions",
	"eval_datasets"};

static void must(bool is_true)
{
	if (!is_true)
		abort();
}

static struct sqlite3 *open_tables(void)
{
	struct sqlite3 *connection;
	struct error err;

	must(sqlite3_open(":memory:", &connection) == SQLITE_OK && db_schema_apply(connection, &err));
	return connection;
}

static bool build(struct search *search, enum search_entity entity, struct str filter, struct str order, struct str token,
	struct error *err)
{
	struct json orders = json_array(), field = json_object();

	search_add(search, "SELECT * FROM ");
	search_add(search, TABLES[entity]);
	search_add(search, " AS e WHERE TRUE");
	if (entity == SEARCH_LOGGED_MODELS)
		json_set(search->arena, &field, STR("field_name"), json_string(order));
	if (order.len > 0)
		json_append(search->arena, &orders, entity == SEARCH_LOGGED_MODELS ? field : json_string(order));
	return search_filter(search, entity, filter, err) && search_order(search, entity, &orders, err) &&
	       search_page(search, 10, token, err);
}

static void check(struct sqlite3 *connection, struct search *search)
{
	struct sqlite3_stmt *statement;

	must(sqlite3_prepare_v2(connection, buf_text(&search->sql), -1, &statement, NULL) == SQLITE_OK);
	must(sqlite3_bind_parameter_count(statement) == (int)search->value_count);
	sqlite3_finalize(statement);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct sqlite3 *connection;
	struct arena arena;
	struct search search;
	struct error err = {0};

	if (connection == NULL)
		connection = open_tables();
	if (size < 2)
		return 0;
	struct str rest = {(const char *)data + 2, size - 2}, filter, order;
	str_cut(&rest, '\n', &filter);
	str_cut(&rest, '\n', &order);
	arena_init(&arena);
	search_init(&search, &arena);
	if (build(&search, data[0] % 6, filter, order, rest, &err))
		check(connection, &search);
	else
		must(err.code == ERR_INVALID_PARAMETER && err.text[0] != '\0');
	search_done(&search);
	arena_done(&arena);
	return 0;
}

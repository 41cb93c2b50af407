/* Parses filters for tests/protocol/search_differential.py: a line {"entity": 1, "filter": "…"} each, a line back:
 * {"clauses": [[type, key, operator, value or list], …]} or {"error": "…"}. */
#include "store/search_clause.h"

#include <stdio.h>
#include <stdlib.h>

static struct json value_of(struct arena *arena, const struct search_clause *clause)
{
	struct json list = json_array();

	if (clause->op == SEARCH_IS_NULL || clause->op == SEARCH_IS_NOT_NULL)
		return json_null();
	if (clause->list == NULL)
		return clause->value.type == 's'   ? json_string(clause->value.text)
		       : clause->value.type == 'i' ? json_integer(clause->value.integer)
						   : json_double(clause->value.number);
	for (size_t i = 0; i < clause->list_count; i++)
		json_append(arena, &list, json_string(clause->list[i]));
	return list;
}

static struct json answer(struct arena *arena, const struct json *asked)
{
	static const char *const TYPES[] = {"attribute", "metric", "parameter", "tag", "dataset"};
	struct json object = json_object(), list = json_array();
	struct search_clause *clauses;
	struct error err;
	size_t count;

	if (!search_parse(arena, (enum search_entity)json_get(asked, STR("entity"))->integer,
		    json_str(json_get(asked, STR("filter"))), &clauses, &count, &err)) {
		json_set(arena, &object, STR("error"), json_string(str_of(arena_strdup(arena, err.text))));
		return object;
	}
	for (size_t i = 0; i < count; i++) {
		struct json row = json_array();

		json_append(arena, &row, json_string(str_of(TYPES[clauses[i].type])));
		json_append(arena, &row, json_string(clauses[i].key));
		json_append(arena, &row, json_string(str_of(search_op_names[clauses[i].op])));
		json_append(arena, &row, value_of(arena, &clauses[i]));
		json_append(arena, &list, row);
	}
	json_set(arena, &object, STR("clauses"), list);
	return object;
}

int main(void)
{
	char *line = NULL;
	size_t size = 0;
	ssize_t len;

	while ((len = getline(&line, &size, stdin)) > 0) {
		struct arena arena;
		struct json asked;
		struct error err;
		struct buf out = {0};

		arena_init(&arena);
		if (!json_read(&arena, (struct str){line, (size_t)len}, &asked, &err))
			abort();
		const struct json answered = answer(&arena, &asked);
		json_write(&out, &answered);
		puts(buf_text(&out));
		buf_done(&out);
		arena_done(&arena);
	}
	free(line);
	return 0;
}

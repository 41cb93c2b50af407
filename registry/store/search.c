/* The SELECT being put together, and its bound values. */
#include "store/search.h"

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

void search_bind(struct search *search, struct db_value value)
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
	search_bind(search, (struct db_value){.type = 's', .text = text});
}

void search_bind_int(struct search *search, int64_t value)
{
	search_bind(search, (struct db_value){.type = 'i', .integer = value});
}

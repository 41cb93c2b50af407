#include "rest/rest_search.h"

#include "rest/rest_element.h"
#include "rest/rest_experiment.h"

/* Half a million params. Of four answers at once, as many as the pool has threads, this is 512 MiB. */
enum { PAGE_MEMORY_MAX = 128 << 20 };

const char *const rest_view_types[] = {"", "ACTIVE_ONLY", "DELETED_ONLY", "ALL", NULL};

void rest_search_stages(struct search *search, struct str view_type)
{
	if (str_is(view_type, "ALL"))
		search_add(search, "e.lifecycle_stage IN ('active', 'deleted')");
	else if (str_is(view_type, "DELETED_ONLY"))
		search_add(search, "e.lifecycle_stage = 'deleted'");
	else
		search_add(search, "e.lifecycle_stage = 'active'");
}

/* One bound list, so that there may be any number of them. */
bool rest_search_experiments(struct search *search, const struct json *experiment_ids, struct error *err)
{
	struct buf list = {0};
	bool is_fine = true;

	buf_add_char(&list, '[');
	for (size_t i = 0; is_fine && i < rest_element_count(experiment_ids); i++) {
		int64_t id = 0;

		is_fine = rest_experiment_id(json_str(&experiment_ids->items[i]), &id, err);
		buf_printf(&list, "%s%lld", i > 0 ? "," : "", (long long)id);
	}
	buf_add_char(&list, ']');
	search_add(search, "e.experiment_id IN (SELECT value FROM json_each(?))");
	search_bind_str(search, (struct str){arena_memdup(search->arena, list.data, list.len), list.len});
	buf_done(&list);
	return is_fine;
}

/* A page ends where it was asked to, or where its answer has become this large: what an answer costs must not grow with what
 * clients have stored. A row at least is in each. */
static bool read_rows(struct rest_call *call, struct db_rows *rows, struct search *search, rest_search_row *row,
	struct json *list, size_t *ret_count, struct error *err)
{
	for (*ret_count = 0; db_next(rows); ++*ret_count) {
		struct json message;

		/* One more than the page has tells that there is another. */
		if ((int64_t)*ret_count >= search->max_results) {
			++*ret_count;
			break;
		}
		if (!row(call, rows, &message, err))
			return false;
		json_append(call->arena, list, message);
		if (arena_size(call->arena) >= PAGE_MEMORY_MAX)
			search->max_results = (int64_t)list->size;
	}
	return true;
}

bool rest_search_rows(struct rest_call *call, struct search *search, const char *member, rest_search_row *row,
	size_t *ret_count, struct error *err)
{
	struct json list = json_array();
	struct db_rows rows;

	if (!db_start_text(&rows, call->db, err, buf_text(&search->sql), search->values, search->value_count))
		return false;
	const bool is_read = read_rows(call, &rows, search, row, &list, ret_count, err);
	if (!db_end(&rows) || !is_read)
		return false;
	rest_set(call, &call->out, member, list);
	return true;
}

bool rest_search_run(
	struct rest_call *call, struct search *search, const char *member, rest_search_row *row, struct error *err)
{
	size_t count;

	if (!rest_search_rows(call, search, member, row, &count, err))
		return false;
	const struct str token = search_next_token(search, count);
	if (token.len > 0)
		rest_set_str(call, &call->out, "next_page_token", token);
	return true;
}

bool rest_search_as_asked(struct rest_call *call, struct search *search, enum search_entity entity, int64_t max_results,
	const char *member, rest_search_row *row, struct error *err)
{
	return search_filter(search, entity, rest_str(call, "filter"), err) &&
	       search_order(search, entity, rest_list(call, "order_by"), err) &&
	       search_page(search, max_results, rest_str(call, "page_token"), err) &&
	       rest_search_run(call, search, member, row, err);
}

bool rest_search(struct rest_call *call, rest_search_do *act, struct error *err)
{
	struct search search;

	search_init(&search, call->arena);
	const bool is_done = act(call, &search, err);
	search_done(&search);
	return is_done;
}

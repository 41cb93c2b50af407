#pragma once
/* What the searches of all resources share: stages, pages, the answer's list. Private to registry/rest. */
#include "rest/rest.h"
#include "store/search.h"

/* mlflow.ViewType */
extern const char *const rest_view_types[];
/* Adds "e.lifecycle_stage IN (…)" for a view type; none is ACTIVE_ONLY. */
void rest_search_stages(struct search *search, struct str view_type);
/* Adds "e.experiment_id IN (…)", which is never true where there is none. */
bool rest_search_experiments(struct search *search, const struct json *experiment_ids, struct error *err);

/* Puts a search together and runs it. */
typedef bool rest_search_do(struct rest_call *call, struct search *search, struct error *err);
bool rest_search(struct rest_call *call, rest_search_do *act, struct error *err);

/* One row, which stands at its first column, as a message. May query, too. */
typedef bool rest_search_row(
	struct rest_call *call, const struct db_rows *rows, struct json *ret_message, struct error *err);
/* Runs the finished search: the rows of the page become call->out's list `member`, *ret_count counts one more where there
 * is another page. search->max_results becomes less where the page had to end earlier, because its answer became too large. */
bool rest_search_rows(struct rest_call *call, struct search *search, const char *member, rest_search_row *row,
	size_t *ret_count, struct error *err);
/* And sets next_page_token. */
bool rest_search_run(
	struct rest_call *call, struct search *search, const char *member, rest_search_row *row, struct error *err);
/* And before it adds what the request says: filter, order_by, page_token. */
bool rest_search_as_asked(struct rest_call *call, struct search *search, enum search_entity entity, int64_t max_results,
	const char *member, rest_search_row *row, struct error *err);

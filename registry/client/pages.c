/* ask_page → on_page → { done | ask_page } */
#include "client/pages.h"

struct paging {
	struct operation op;
	struct pages pages;
	struct str token;
	struct json answer, *ret;
	bool *ret_is_cut;
};

static struct next ask_page(void *self);
static struct next on_page(void *self);

struct operation *pages_ask(
	struct client *client, struct arena *arena, const struct pages *pages, struct json *ret, bool *ret_is_cut)
{
	struct paging *paging = operation_new(client, arena, sizeof(*paging));

	paging->pages = *pages;
	paging->ret = ret;
	paging->ret_is_cut = ret_is_cut;
	*ret = json_array();
	*ret_is_cut = false;
	return operation_start(&paging->op, ask_page);
}

static struct next ask_page(void *self)
{
	struct paging *paging = self;
	struct operation *op = &paging->op;
	const struct pages *pages = &paging->pages;
	const size_t left = pages->max != 0 ? pages->max - paging->ret->size : pages->page_max;
	struct client_call call = {.method = "GET", .path = pages->path, .effect = CALL_READS};

	call.query = json_type(&pages->query) == JSON_OBJECT ? json_copy(op->arena, &pages->query) : json_object();
	json_set(op->arena, &call.query, STR("max_results"),
		json_integer((int64_t)(left < pages->page_max ? left : pages->page_max)));
	args_text(op->arena, &call.query, "page_token", paging->token);
	return operation_await(op, client_call(op->client, op->arena, &call, &paging->answer), on_page);
}

static struct next on_page(void *self)
{
	struct paging *paging = self;
	const struct pages *pages = &paging->pages;
	const struct json *list = json_get(&paging->answer, str_of(pages->list));
	const struct str before = paging->token;

	/* A server may give more than it was asked for. */
	for (size_t i = 0; json_type(list) == JSON_ARRAY && i < list->size; i++) {
		if (pages->max != 0 && paging->ret->size == pages->max) {
			*paging->ret_is_cut = true;
			return next_done();
		}
		json_append(paging->op.arena, paging->ret, list->items[i]);
	}
	paging->token = json_text(paging->op.arena, json_get(&paging->answer, STR("next_page_token")));
	if (paging->token.len == 0)
		return next_done();
	if (str_eq(paging->token, before)) {
		error_set(&paging->op.flow.err, ERR_UPSTREAM, "%s: the server gives the same page again", pages->path);
		return next_fail(&paging->op.flow, NULL);
	}
	if (pages->max == 0 || paging->ret->size < pages->max)
		return next_step(ask_page);
	*paging->ret_is_cut = true;
	return next_done();
}

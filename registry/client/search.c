/* Pages of models, of versions. All versions of a model: search → sort → { done | none: ask for the model } */
#include "client/search.h"

#include "client/models_internal.h"
#include "client/pages.h"

#include <stdlib.h>

enum { MODELS_PAGE = 1000, VERSIONS_PAGE = 1000, UNITY_MODELS_PAGE = 100, UNITY_VERSIONS_PAGE = 10000 };

/* Prompts are registered models that people do not mean when they say models. */
static const char NO_PROMPTS[] = "tag.`mlflow.prompt.is_prompt` != 'true'";

struct searching {
	struct operation op;
	struct pages pages;
	struct json items;
	bool is_cut;
	void *ret;
};

struct listing {
	struct operation op;
	struct str name;
	size_t max;
	struct client_model model;
	struct client_versions *ret;
};

static struct next ask_models(void *self);
static struct next on_models(void *self);
static struct next ask_versions(void *self);
static struct next on_versions(void *self);
static struct next list_all(void *self);
static struct next on_all(void *self);
static struct next on_model(void *self);

static struct operation *start(struct client *client, struct arena *arena, const struct client_search *search,
	const struct pages *pages, void *ret, flow_step *first)
{
	struct searching *searching = operation_new(client, arena, sizeof(*searching));

	searching->pages = *pages;
	searching->ret = ret;
	searching->pages.max = search->max;
	if (search->order_by.len > 0)
		args_text(arena, &searching->pages.query, "order_by", search->order_by);
	return operation_start(&searching->op, first);
}

struct operation *client_models_search(
	struct client *client, struct arena *arena, const struct client_search *search, struct client_models *ret)
{
	const bool is_unity = client_is_unity(client);
	struct pages pages = {
		.path = registry_path(client, arena, "registered-models/search"),
		.list = "registered_models",
		.page_max = is_unity ? UNITY_MODELS_PAGE : MODELS_PAGE,
	};

	if (is_unity && search->filter.len + search->order_by.len > 0)
		return ask_refused(
			client, arena, ERR_NOT_IMPLEMENTED, "Unity Catalog lists models without filter and order");
	if (!is_unity && search->filter.len > 0)
		args_text(arena, &pages.query, "filter",
			text_format(arena, "%.*s AND %s", STR_ARGS(search->filter), NO_PROMPTS));
	else if (!is_unity)
		args_text(arena, &pages.query, "filter", str_of(NO_PROMPTS));
	return start(client, arena, search, &pages, ret, ask_models);
}

static struct next ask_models(void *self)
{
	struct searching *searching = self;
	struct operation *op = &searching->op;

	return operation_await(op,
		pages_ask(op->client, op->arena, &searching->pages, &searching->items, &searching->is_cut), on_models);
}

static struct next on_models(void *self)
{
	struct searching *searching = self;
	struct arena *arena = searching->op.arena;
	struct client_models *ret = searching->ret;
	const size_t count = searching->items.size;

	*ret = (struct client_models){arena_array(arena, count + 1, sizeof(*ret->items)), count, searching->is_cut};
	for (size_t i = 0; i < count; i++)
		if (!model_of(arena, &searching->items.items[i], &ret->items[i], &searching->op.flow.err))
			return next_fail(&searching->op.flow, "%s", searching->pages.path);
	return next_done();
}

struct operation *client_versions_search(
	struct client *client, struct arena *arena, const struct client_search *search, struct client_versions *ret)
{
	struct pages pages = {
		.path = registry_path(client, arena, "model-versions/search"),
		.list = "model_versions",
		.page_max = client_is_unity(client) ? UNITY_VERSIONS_PAGE : VERSIONS_PAGE,
	};

	if (client_is_unity(client) && search->order_by.len > 0)
		return ask_refused(client, arena, ERR_NOT_IMPLEMENTED, "Unity Catalog lists versions without order");
	args_text(arena, &pages.query, "filter", search->filter);
	return start(client, arena, search, &pages, ret, ask_versions);
}

static struct next ask_versions(void *self)
{
	struct searching *searching = self;
	struct operation *op = &searching->op;

	return operation_await(op,
		pages_ask(op->client, op->arena, &searching->pages, &searching->items, &searching->is_cut),
		on_versions);
}

static struct next on_versions(void *self)
{
	struct searching *searching = self;
	struct arena *arena = searching->op.arena;
	struct client_versions *ret = searching->ret;
	const size_t count = searching->items.size;

	*ret = (struct client_versions){arena_array(arena, count + 1, sizeof(*ret->items)), count, searching->is_cut};
	for (size_t i = 0; i < count; i++)
		if (!version_of(arena, &searching->items.items[i], &ret->items[i], &searching->op.flow.err))
			return next_fail(&searching->op.flow, "%s", searching->pages.path);
	return next_done();
}

struct str filter_name(struct arena *arena, struct str name)
{
	const char quote = memchr(name.data, '\'', name.len) != NULL ? '"' : '\'';

	return text_format(arena, "name=%c%.*s%c", quote, STR_ARGS(name), quote);
}

struct operation *client_versions_of(
	struct client *client, struct arena *arena, struct str name, size_t max, struct client_versions *ret)
{
	struct listing *listing = operation_new(client, arena, sizeof(*listing));

	listing->name = name;
	listing->max = max;
	listing->ret = ret;
	return operation_start(&listing->op, list_all);
}

static struct next list_all(void *self)
{
	struct listing *listing = self;
	struct operation *op = &listing->op;
	struct client_search search = {.filter = filter_name(op->arena, listing->name)};

	/* Unity Catalog does not order: all of them have to be seen to know the highest. */
	if (!client_is_unity(op->client)) {
		search.order_by = STR("version_number DESC");
		search.max = listing->max;
	}
	return operation_await(op, client_versions_search(op->client, op->arena, &search, listing->ret), on_all);
}

static int compare(const void *a, const void *b)
{
	const struct str left = ((const struct client_version *)a)->version;
	const struct str right = ((const struct client_version *)b)->version;

	if (left.len != right.len)
		return left.len < right.len ? 1 : -1;
	return memcmp(right.data, left.data, left.len);
}

static struct next on_all(void *self)
{
	struct listing *listing = self;
	struct operation *op = &listing->op;
	struct client_versions *ret = listing->ret;

	if (ret->count == 0)
		return operation_await(
			op, client_model_get(op->client, op->arena, listing->name, &listing->model), on_model);
	qsort(ret->items, ret->count, sizeof(*ret->items), compare);
	if (listing->max != 0 && ret->count > listing->max) {
		ret->count = listing->max;
		ret->is_cut = true;
	}
	return next_done();
}

static struct next on_model(void *self)
{
	return next_done();
}

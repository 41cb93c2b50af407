/*
 * rest_find: base → each table's rows: path with {…} → method
 * rest_answer: decode → transaction → the rpc's function → commit → the answer's JSON
 */
#include "base/clock.h"
#include "rest/rest_decode.h"
#include "rest/rest_path.h"
#include "rest/rest_tables.h"
#include "store/registry.h"

#include <stdio.h>

const struct rest_rpc *const rest_tables[] = {
	rest_models,
	rest_aliases,
	rest_versions,
	rest_history,
	rest_experiments,
	rest_experiment_tags,
	rest_runs,
	rest_run_data,
	rest_run_batch,
	rest_run_links,
	rest_run_search,
	rest_datasets,
	rest_metrics,
	rest_logged_models,
	rest_logged_model_data,
	rest_logged_model_search,
	rest_artifacts,
	rest_graphql,
	rest_promptlab,
	rest_eval_datasets,
	rest_eval_records,
	rest_scorers,
	NULL,
};

/* A path as its table's row may have it: whole, and below the base of most. */
struct place {
	struct str whole, below; /* below: data is NULL where it is not */
};

/* Clients use /api, the web pages /ajax-api. */
static struct place place_of(struct str path)
{
	static const struct str BASE = {"api/2.0/mlflow/", 15}, PAGES = {"/ajax-", 6};
	struct place place = {0};

	if (path.len > 1 && path.data[path.len - 1] == '/')
		path.len--;
	const size_t cut = str_starts(path, PAGES) ? PAGES.len : path.len > 0;
	place.whole = (struct str){path.data + cut, path.len - cut};
	if (str_starts(place.whole, BASE))
		place.below = (struct str){place.whole.data + BASE.len, place.whole.len - BASE.len};
	return place;
}

static bool fits(const struct place *place, const struct rest_rpc *rpc, struct rest_match *ret)
{
	if (rpc->path[0] == '/')
		return rest_path_fits(place->whole, rpc->path + 1, ret->ids, REST_IDS_MAX);
	return place->below.data != NULL && rest_path_fits(place->below, rpc->path, ret->ids, REST_IDS_MAX);
}

void rest_find(const struct rest_request *request, struct rest_match *ret)
{
	const struct place place = place_of(request->path);

	*ret = (struct rest_match){0};
	for (size_t i = 0; rest_tables[i] != NULL; i++) {
		for (const struct rest_rpc *rpc = rest_tables[i]; rpc->path != NULL; rpc++) {
			if (!fits(&place, rpc, ret))
				continue;
			rest_allow_add(ret->allow, rpc->method);
			if (!str_is(request->method, rpc->method))
				continue;
			ret->rpc = rpc;
			/* A model that is renamed or deleted takes its aliases along, a deleted version those of its own. */
			ret->moves_aliases = rpc->mode == DB_WRITE && (rest_tables[i] == rest_models ||
				rest_tables[i] == rest_aliases || rest_tables[i] == rest_versions);
			return;
		}
	}
}

static bool decode_ids(struct rest_call *call, const struct rest_match *match, struct error *err)
{
	for (size_t i = 0; i < REST_IDS_MAX && match->ids[i].data != NULL; i++)
		if (!rest_unescape(call->arena, match->ids[i], false, &call->ids[i]) || !str_is_utf8(call->ids[i]))
			return error_set(err, ERR_BAD_REQUEST, "a broken escape in the path near '%.*s'",
				STR_ARGS(match->ids[i]));
	return true;
}

bool rest_inner(
	struct rest_call *call, enum db_mode mode, const char *path, struct json in, struct json *ret, struct error *err)
{
	struct rest_call inner = *call;

	inner.in = in;
	inner.out = json_object();
	for (size_t i = 0; rest_tables[i] != NULL; i++) {
		for (const struct rest_rpc *rpc = rest_tables[i]; rpc->path != NULL; rpc++) {
			if (rpc->mode != mode || strcmp(rpc->path, path) != 0)
				continue;
			if (!rpc->run(&inner, err))
				return false;
			*ret = inner.out;
			return true;
		}
	}
	return error_set(err, ERR_INTERNAL, "no call '%s'", path);
}

static bool run(struct rest_call *call, const struct rest_rpc *rpc, struct error *err)
{
	if (rpc->mode == DB_NONE)
		return rpc->run(call, err);
	call->db = db_begin(call->registry->db, rpc->mode, err);
	if (call->db == NULL)
		return false;
	if (rpc->run(call, err))
		return db_commit(call->db, err);
	db_rollback(call->db);
	return false;
}

bool rest_answer(struct registry *registry, const struct rest_match *match, const struct rest_request *request,
	struct arena *arena, struct buf *ret_body, struct error *err)
{
	struct rest_call call = {
		.arena = arena,
		.registry = registry,
		.out = json_object(),
		.now_ms = clock_wall_ms(),
		.who = request->who.data != NULL ? request->who : STR(""),
		.why = request->why.data != NULL ? request->why : STR(""),
	};

	if (!decode_ids(&call, match, err) || !rest_decode(arena, match->rpc, request, &call.in, err) ||
		!run(&call, match->rpc, err))
		return false;
	json_write(ret_body, &call.out);
	return true;
}

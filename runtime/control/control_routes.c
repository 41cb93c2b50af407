/*
 * control_find: path with {…} → method
 * control_answer: ids, query, body → transaction → the rpc's function → commit → what it set going
 */
#include "control/control.h"

#include "base/clock.h"
#include "rest/rest_decode.h"
#include "rest/rest_path.h"

#include <stdio.h>

static const struct str BASE = {"/api/2.0/", 9};

const struct control_rpc *const control_tables[] = {
	control_endpoints,
	control_attributes,
	control_configs,
	control_logs,
	control_tokens,
	control_secrets,
	control_permissions,
	control_metrics,
	control_openapi,
	NULL,
};

void control_find(const struct control_request *request, struct control_match *ret)
{
	struct str path = request->path;

	*ret = (struct control_match){0};
	if (!str_starts(path, BASE))
		return;
	path = (struct str){path.data + BASE.len, path.len - BASE.len};
	/* mlflow's client ends the collection's path with a slash. */
	if (path.len > 0 && path.data[path.len - 1] == '/')
		path.len--;
	for (size_t i = 0; control_tables[i] != NULL; i++) {
		for (const struct control_rpc *rpc = control_tables[i]; rpc->path != NULL; rpc++) {
			struct str ids[CONTROL_IDS_MAX];

			if (!rest_path_fits(path, rpc->path, ids, CONTROL_IDS_MAX))
				continue;
			rest_allow_add(ret->allow, rpc->method);
			if (!str_is(request->method, rpc->method) || ret->rpc != NULL)
				continue;
			ret->rpc = rpc;
			memcpy(ret->ids, ids, sizeof(ids));
		}
	}
}

/* ---- the request ---- */

static bool decode_ids(struct control_call *call, const struct control_match *match, struct error *err)
{
	for (size_t i = 0; i < CONTROL_IDS_MAX && match->ids[i].data != NULL; i++)
		if (!rest_unescape(call->arena, match->ids[i], false, &call->ids[i]) || !str_is_utf8(call->ids[i]))
			return error_set(err, ERR_BAD_REQUEST, "a broken escape in the path near '%.*s'",
				STR_ARGS(match->ids[i]));
	return true;
}

static bool read_query(struct control_call *call, struct str query, struct error *err)
{
	struct str rest = query, pair, name;
	bool is_more = query.len > 0;

	call->query = json_object();
	while (is_more) {
		is_more = str_cut(&rest, '&', &pair);
		str_cut(&pair, '=', &name);
		if (!rest_unescape(call->arena, name, true, &name) || !rest_unescape(call->arena, pair, true, &pair) ||
			!str_is_utf8(name) || !str_is_utf8(pair))
			return error_set(err, ERR_BAD_REQUEST, "a broken escape in the query near '%.*s'", STR_ARGS(name));
		if (name.len > 0)
			json_set(call->arena, &call->query, name, json_string(pair));
	}
	return true;
}

static bool read_body(struct control_call *call, const struct control_rpc *rpc, struct str body, struct error *err)
{
	call->in = json_object();
	if (str_trim_space(body).len == 0)
		return true;
	if (!json_read(call->arena, body, &call->in, err))
		return error_wrap(err, "the body");
	if (call->in.type != JSON_OBJECT)
		return error_set(
			err, ERR_BAD_REQUEST, "the body: expected a JSON object, got %s", json_type_name(&call->in));
	return rpc->fields != NULL || call->in.size == 0 ||
	       error_set(err, ERR_INVALID_PARAMETER, "'%.*s': %s takes no fields",
		       STR_ARGS(str_clip(json_str(&call->in.members[0].key), 100)), rpc->path);
}

bool control_query_number(struct control_call *call, const char *name, int64_t *ret, struct error *err)
{
	const struct json *sent = json_get(&call->query, str_of(name));
	const struct str text = json_str(sent);
	int64_t number = 0;

	if (sent == NULL)
		return true;
	if (!str_is_digits(text) || text.len > 18)
		return error_set(err, ERR_INVALID_PARAMETER, "%s '%.*s': expected a number", name, STR_ARGS(text));
	for (size_t i = 0; i < text.len; i++)
		number = number * 10 + (text.data[i] - '0');
	*ret = number;
	return true;
}

/* ---- the call ---- */

static bool run(struct control_call *call, const struct control_rpc *rpc, struct error *err)
{
	call->db = db_begin(call->control->registry->db, rpc->mode, err);
	if (call->db == NULL)
		return false;
	if (rpc->run(call, err))
		return db_commit(call->db, err);
	db_rollback(call->db);
	return false;
}

static void set_going(struct control_call *call, struct control_answer *ret)
{
	struct control *control = call->control;
	struct error ignored; /* the endpoint says itself why it is not ready */

	if (control->serving == NULL)
		return;
	if (call->removes.data != NULL)
		deployer_remove(control->deployer, call->removes, call->removes_id);
	if (call->refreshes.data != NULL)
		deployer_refresh(control->deployer, call->refreshes, &ignored);
	/* Another registry is asked by the clock. */
	if (call->is_started && control->origin->target == NULL)
		control_follow(control);
	if (call->deploys.data == NULL)
		return;
	deployer_start(control->deployer, call->deploys, call->deploys_version);
	ret->waits_for = arena_memdup(call->arena, call->deploys.data, call->deploys.len);
}

bool control_answer(struct control *control, const struct control_match *match, const struct control_request *request,
	struct arena *arena, struct control_answer *ret, struct error *err)
{
	struct control_call call = {
		.control = control,
		.arena = arena,
		.now_ms = clock_wall_ms(),
		.body = request->body,
		.principal = request->principal,
		.who = request->who.data != NULL ? request->who : STR(""),
		.why = request->why.data != NULL ? request->why : STR(""),
		.host = request->host,
		.accept = request->accept,
		.out = json_object(),
	};

	*ret = (struct control_answer){.content_type = "application/json"};
	const bool is_fine = decode_ids(&call, match, err) && read_query(&call, request->query, err) &&
			     read_body(&call, match->rpc, request->body, err) && run(&call, match->rpc, err);
	if (is_fine && call.content_type != NULL) {
		ret->content_type = call.content_type;
		ret->body = call.text;
	} else if (is_fine) {
		json_write(&ret->body, &call.out);
	} else {
		buf_done(&call.text);
	}
	if (is_fine && call.changes_access && !access_refresh(control->access, control->registry, err))
		return error_wrap(err, "it is done, but not in force yet");
	if (is_fine)
		set_going(&call, ret);
	return is_fine;
}

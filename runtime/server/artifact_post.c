/*
 * POST /ajax-api/2.0/mlflow/upload-artifact?run_uuid=…&path=…: a small file of a run, as web pages send it. Short bodies come
 * whole, so it is stored in one go.
 *
 * Source: MLflow 3.17.2 server/handlers.py upload_artifact_handler.
 */
#include "base/clock.h"
#include "server/artifact_call.h"
#include "store/artifact_source.h"
#include "store/artifact_upload.h"

enum { BODY_MAX = 10 << 20 };

static bool find_path(struct artifact_call *call, struct error *err)
{
	struct db *db = db_begin(call->registry->db, DB_READ, err);

	if (db == NULL)
		return false;
	const bool is_found = artifact_source_of_run(
		db, call->exchange->request->arena, call->run_id, call->path, &call->path, err);
	db_rollback(db);
	return is_found;
}

static bool store(struct artifact_call *call, struct error *err)
{
	struct artifact_upload file;

	if (!find_path(call, err) || !artifact_upload_start(&file, call->registry, err))
		return false;
	const bool is_stored = artifact_upload_add(&file, call->exchange->request->body, err) &&
			       artifact_upload_end(&file, call->path, clock_wall_ms(), err);
	artifact_upload_done(&file);
	return is_stored;
}

static void answer(struct artifact_call *call)
{
	exchange_text(call->exchange, 200, "application/json", STR(""));
}

static const char *problem_of(const struct exchange *exchange, struct str run_id, struct str path)
{
	if (run_id.len == 0)
		return "Request must specify run_uuid.";
	if (path.len == 0)
		return "Request must specify path.";
	if (exchange->request->body.len > BODY_MAX)
		return "Artifact size is too large. Max size is 10MB.";
	return NULL;
}

void upload_artifact_handle(struct exchange *exchange)
{
	const struct str run_id = artifact_query(exchange, "run_uuid"), path = artifact_query(exchange, "path");
	const char *problem = problem_of(exchange, run_id, path);
	struct artifact_call *call = NULL;
	struct error err;

	if (problem == NULL) {
		call = artifact_call_below(exchange, path);
		if (call == NULL)
			return;
		/* As MLflow: a wrong path is told before a missing body. */
		if (exchange->request->body.len == 0)
			problem = "Request must specify data.";
	}
	if (problem != NULL) {
		error_set(&err, ERR_INVALID_PARAMETER, "%s", problem);
		exchange_error(exchange, &err, NULL);
		return;
	}
	call->run_id = run_id;
	call->run = store;
	call->done = answer;
	artifact_call_submit(call);
}

/*
 * A file of the registry: GET and HEAD below /api/2.0/mlflow-artifacts/artifacts/, /get-artifact (of a run),
 * /model-versions/get-artifact, …/logged-models/{model_id}/artifacts/files.
 *
 *	path → [pool: find it, open it] → exchange_file
 */
#include "server/artifact_call.h"
#include "server/attachment.h"
#include "server/http_file.h"
#include "server/permit.h"
#include "rest/rest_decode.h"
#include "rest/rest_path.h"
#include "store/artifact_source.h"

#include <unistd.h>

static bool open_file(struct artifact_call *call, struct error *err)
{
	struct arena *arena = call->exchange->request->arena;

	if (artifacts_open(call->registry, arena, call->path, &call->artifact, &call->fd, err))
		return true;
	/* In the words the client used. */
	if (err->code == ERR_INVALID_PARAMETER)
		error_set(err, ERR_INVALID_PARAMETER, "Artifact path refers to a directory, not a file: '%.*s'",
			STR_ARGS(call->shown));
	return false;
}

static struct str last_part(struct str path)
{
	const char *slash = path.len > 0 ? memrchr(path.data, '/', path.len) : NULL;
	const size_t at = slash != NULL ? (size_t)(slash - path.data) + 1 : 0;

	return (struct str){path.data + at, path.len - at};
}

static void send_file(struct artifact_call *call)
{
	struct arena *arena = call->exchange->request->arena;
	const struct str name = last_part(call->artifact.path);
	char hex[DIGEST_HEX_SIZE];
	const struct http_field fields[] = {
		{STR("Content-Disposition"), attachment_disposition(arena, name)},
		{STR("X-Content-Type-Options"), STR("nosniff")},
	};
	struct http_file file = {
		.fd = call->fd,
		.size = (uint64_t)call->artifact.size,
		.etag = str_of(arena_printf(arena, "\"%s\"", digest_hex(&call->artifact.digest, hex))),
		.content_type = attachment_type(name),
		.fields = fields,
		.field_count = sizeof(fields) / sizeof(*fields),
	};

	exchange_file(call->exchange, &file);
}

static void start(struct artifact_call *call, bool (*run)(struct artifact_call *call, struct error *err))
{
	call->run = run;
	call->done = send_file;
	artifact_call_submit(call);
}

void artifact_get(struct exchange *exchange, struct str path)
{
	struct artifact_call *call = artifact_call_new(exchange, path);

	if (call == NULL)
		return;
	call->is_in_detail = true;
	start(call, open_file);
}

/* What `find` makes of the query's path is what is opened. */
static bool open_found(struct artifact_call *call,
	bool (*find)(struct artifact_call *call, struct db *db, struct str *ret, struct error *err), struct error *err)
{
	struct db *db = db_begin(call->registry->db, DB_READ, err);

	if (db == NULL)
		return false;
	const bool is_found = find(call, db, &call->path, err);
	db_rollback(db);
	call->shown = call->path;
	return is_found && open_file(call, err);
}

static bool find_of_run(struct artifact_call *call, struct db *db, struct str *ret, struct error *err)
{
	return artifact_source_of_run(db, call->exchange->request->arena, call->run_id, call->path, ret, err);
}

static bool find_of_version(struct artifact_call *call, struct db *db, struct str *ret, struct error *err)
{
	return artifact_source_of_version(
		db, call->exchange->request->arena, call->name, call->version, call->path, ret, err);
}

static bool find_of_model(struct artifact_call *call, struct db *db, struct str *ret, struct error *err)
{
	return artifact_source_of_model(db, call->exchange->request->arena, call->model_id, call->path, ret, err);
}

static bool open_of_model(struct artifact_call *call, struct error *err)
{
	return open_found(call, find_of_model, err);
}

static bool open_of_run(struct artifact_call *call, struct error *err)
{
	return open_found(call, find_of_run, err);
}

static bool open_of_version(struct artifact_call *call, struct error *err)
{
	return open_found(call, find_of_version, err);
}

static struct artifact_call *new_of_query(struct exchange *exchange)
{
	const struct str path = artifact_query(exchange, "path");
	struct error err;

	if (path.data != NULL)
		return artifact_call_new(exchange, path);
	error_set(&err, ERR_INVALID_PARAMETER,
		"Missing value for required parameter 'path'. See the API docs for more information about request parameters.");
	exchange_error(exchange, &err, NULL);
	return NULL;
}

void run_artifact_handle(struct exchange *exchange)
{
	struct artifact_call *call = new_of_query(exchange);

	if (call == NULL)
		return;
	call->run_id = artifact_query(exchange, "run_id");
	if (call->run_id.len == 0)
		call->run_id = artifact_query(exchange, "run_uuid");
	start(call, open_of_run);
}

void version_artifact_handle(struct exchange *exchange)
{
	struct artifact_call *call = new_of_query(exchange);

	if (call == NULL)
		return;
	call->name = artifact_query(exchange, "name");
	call->version = artifact_query(exchange, "version");
	start(call, open_of_version);
}

/* The model's id as it stands in the path; false where that is another call's. */
static bool is_file_of_model(const struct exchange *exchange, struct str *ret_id)
{
	const struct http_request *request = exchange->request;
	struct str rest = request->target, path;

	str_cut(&rest, '?', &path);
	return (request->method == HTTP_GET || request->method == HTTP_HEAD) &&
	       rest_path_fits(path, "/ajax-api/2.0/mlflow/logged-models/{model_id}/artifacts/files", ret_id, 1);
}

void logged_models_handle(struct exchange *exchange)
{
	const struct str path = artifact_query(exchange, "artifact_file_path");
	struct artifact_call *call;
	struct error err;
	struct str id;

	if (!is_file_of_model(exchange, &id)) {
		registry_handle(exchange);
		return;
	}
	if (!permit_or_refuse(exchange, PERMISSION_VIEW, (struct str){NULL, 0}))
		return;
	if (path.len == 0) {
		error_set(&err, ERR_BAD_REQUEST, "Request must include the \"artifact_file_path\" query parameter.");
		exchange_error(exchange, &err, NULL);
		return;
	}
	call = artifact_call_new(exchange, path);
	if (call == NULL)
		return;
	if (!rest_unescape(exchange->request->arena, id, false, &call->model_id))
		call->model_id = id;
	start(call, open_of_model);
}

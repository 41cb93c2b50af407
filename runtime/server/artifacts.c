/*
 * /api/2.0/mlflow-artifacts/…: the files of the embedded registry, as MLflow's clients send and fetch them.
 *
 *	artifacts?path=…    GET: what is in a folder
 *	artifacts/PATH      PUT (artifact_put.c), GET and HEAD (artifact_get.c), DELETE
 *	mpu/…, presigned/…  what a registry on somebody's cloud storage could do: 501, as from MLflow on a disk
 *
 * Sources: docs/protocol/MLFLOW_REST.md A.2, B.5; MLflow 3.17.2 server/artifact_router.py, server/handlers.py.
 */
#include "server/artifact_call.h"
#include "server/permit.h"

#include "base/json.h"

/* ---- list ---- */

static bool run_list(struct artifact_call *call, struct error *err)
{
	struct db *db = db_begin(call->registry->db, DB_READ, err);
	struct artifact_list list;

	if (db == NULL)
		return false;
	const bool is_read = artifacts_list(db, call->exchange->request->arena, call->path, &list, err);
	db_rollback(db);
	if (!is_read)
		return false;
	buf_add_text(&call->body, list.count > 0 ? "{\"files\":[" : "{");
	for (size_t i = 0; i < list.count; i++) {
		const struct artifact_entry *entry = &list.items[i];

		buf_add_text(&call->body, i > 0 ? ",{\"path\":" : "{\"path\":");
		json_write_string(&call->body, entry->name);
		buf_printf(&call->body, ",\"is_dir\":%s", entry->is_dir ? "true" : "false");
		/* An empty file has none: MLflow's message leaves a size of 0 unset. */
		if (entry->size > 0)
			buf_printf(&call->body, ",\"file_size\":%lld", (long long)entry->size);
		buf_add_char(&call->body, '}');
	}
	buf_add_text(&call->body, list.count > 0 ? "]}" : "}");
	return true;
}

static void send_list(struct artifact_call *call)
{
	struct buf body = call->body;

	exchange_json(call->exchange, 200, &body);
	buf_done(&body);
}

static void handle_list(struct exchange *exchange, struct str ignored)
{
	const struct str path = artifact_query(exchange, "path");
	struct artifact_call *call = artifact_call_new(exchange, path.data != NULL ? path : STR(""));

	if (call == NULL)
		return;
	call->run = run_list;
	call->done = send_list;
	artifact_call_submit(call);
}

/* ---- delete ---- */

static bool run_delete(struct artifact_call *call, struct error *err)
{
	return artifacts_remove(call->registry, call->path, err);
}

static void send_deleted(struct artifact_call *call)
{
	exchange_text(call->exchange, 200, "application/json", STR("{}"));
}

static void handle_delete(struct exchange *exchange, struct str path)
{
	struct artifact_call *call = artifact_call_below(exchange, path);

	if (call == NULL)
		return;
	call->run = run_delete;
	call->done = send_deleted;
	artifact_call_submit(call);
}

/* ---- what there is not ---- */

static void refuse(struct exchange *exchange, struct str path, const char *what)
{
	struct error err;

	if (artifact_call_new(exchange, path) == NULL)
		return;
	error_set(&err, ERR_NOT_IMPLEMENTED, "%s is not supported for the current artifact repository", what);
	exchange_error(exchange, &err, NULL);
}

static void refuse_upload(struct exchange *exchange, struct str path)
{
	refuse(exchange, path, "Multipart upload");
}

static void refuse_download(struct exchange *exchange, struct str path)
{
	refuse(exchange, path, "Multipart download");
}

/* ---- which is it ---- */

#define BIT(method) (1u << (method))
#define GET_ (BIT(HTTP_GET) | BIT(HTTP_HEAD))
#define PART(path_, is_prefix_, methods_, permission_, handle_, allow_)                                                \
	{{path_, sizeof(path_) - 1}, (is_prefix_), (methods_), PERMISSION(permission_), (handle_), (allow_)}

static const struct {
	struct str path;
	bool is_prefix;
	unsigned methods;
	enum permission permission;
	void (*handle)(struct exchange *exchange, struct str rest);
	const char *allow; /* all methods of the path */
} PARTS[] = {
	PART("artifacts", false, GET_, PERMISSION_VIEW, handle_list, "GET, HEAD"),
	PART("artifacts/", true, GET_, PERMISSION_VIEW, artifact_get, "DELETE, GET, HEAD, PUT"),
	PART("artifacts/", true, BIT(HTTP_PUT), PERMISSION_MANAGE, artifact_put, "DELETE, GET, HEAD, PUT"),
	PART("artifacts/", true, BIT(HTTP_DELETE), PERMISSION_MANAGE, handle_delete, "DELETE, GET, HEAD, PUT"),
	PART("mpu/create/", true, BIT(HTTP_POST), PERMISSION_MANAGE, refuse_upload, "POST"),
	PART("mpu/complete/", true, BIT(HTTP_POST), PERMISSION_MANAGE, refuse_upload, "POST"),
	PART("mpu/abort/", true, BIT(HTTP_POST), PERMISSION_MANAGE, refuse_upload, "POST"),
	PART("presigned/", true, GET_, PERMISSION_VIEW, refuse_download, "GET, HEAD"),
};

static bool fits(size_t part, struct str rest)
{
	return PARTS[part].is_prefix ? str_starts(rest, PARTS[part].path) && rest.len > PARTS[part].path.len
				     : str_eq(rest, PARTS[part].path);
}

static void refuse_method(struct exchange *exchange, const char *allow)
{
	const struct http_request *request = exchange->request;
	struct error err;

	exchange->is_closing = request->body.len > 0;
	if (allow == NULL) {
		exchange_text(exchange, 404, "text/plain; charset=utf-8", STR("Not Found"));
		return;
	}
	error_set(&err, ERR_METHOD_NOT_ALLOWED, "%.*s is not allowed on %.*s; use %s", STR_ARGS(request->method_text),
		STR_ARGS(request->path), allow);
	exchange_error(exchange, &err, allow);
}

void artifacts_handle(struct exchange *exchange)
{
	const struct http_request *request = exchange->request;
	const size_t prefix = strlen(exchange->route->path);
	const struct str rest = {request->path.data + prefix, request->path.len - prefix};
	const char *allow = NULL;

	for (size_t i = 0; i < sizeof(PARTS) / sizeof(*PARTS); i++) {
		if (!fits(i, rest))
			continue;
		allow = PARTS[i].allow;
		if ((PARTS[i].methods & BIT(request->method)) != 0) {
			if (permit_or_refuse(exchange, PARTS[i].permission, (struct str){NULL, 0}))
				PARTS[i].handle(exchange,
					(struct str){rest.data + PARTS[i].path.len, rest.len - PARTS[i].path.len});
			return;
		}
	}
	refuse_method(exchange, allow);
}

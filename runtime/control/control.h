#pragma once
/*
 * Control: the control plane's REST calls (/api/2.0/serving-endpoints, as Databricks' clients speak it) on the rows, and
 * what they set going. Knows no sockets: the server hands in a request and sends what comes back
 * (runtime/server/control.c).
 *
 * One table a resource (control_*.c), each ending in its `static const struct control_rpc` array; the table of tables is
 * in control_routes.c. A call runs on a pool thread inside of one transaction, which is committed before the answer.
 *
 * Answers and errors: docs/protocol/DATABRICKS.md 1. Every 200 is a JSON object, but where `text` is set.
 */
#include "access/access.h"
#include "access/secret_store.h"
#include "control/deploy.h"

struct control {
	struct registry *registry;
	struct access *access;
	struct secret_store *secrets;
	struct origin *origin;
	struct serving *serving; /* NULL where there are no endpoints, as what follows */
	struct deployer *deployer;
	const char *url; /* "http://127.0.0.1:8080", for answers; its clients' own where they say one */
	bool can_mail;   /* the deployer sends mail */
};

enum { CONTROL_IDS_MAX = 2 };

struct control_call {
	struct control *control;
	struct arena *arena;
	struct db *db;
	struct str ids[CONTROL_IDS_MAX]; /* what stood for the path's {…}, decoded */
	struct json in;                  /* the body: an object; {} where there was none */
	struct str body;                 /* as sent */
	struct json query;               /* object of strings */
	int64_t now_ms;
	const struct principal *principal; /* NULL: the server itself, that follows an alias */
	struct str who, why; /* never NULL */
	struct str host;     /* the Host field: "127.0.0.1:8080" */
	struct str accept;   /* the Accept field; may be NULL */

	struct json out;          /* the answer: an object */
	struct buf text;          /* instead of it, where content_type is set */
	const char *content_type;
	/* After the commit: */
	struct str deploys;       /* the id of the endpoint whose pending version is to be deployed */
	int64_t deploys_version;
	struct str refreshes;     /* … that is to be published anew */
	bool is_started;          /* it was stopped: an alias may have moved since */
	struct str removes, removes_id; /* name and id of the endpoint that is gone */
	bool changes_access; /* credentials or grants */
};

struct control_rpc {
	const char *method;
	const char *path; /* below /api/2.0/: "serving-endpoints/{name}/config" */
	enum permission permission; /* on the endpoint that stands for {name}; on everything where there is none */
	bool (*run)(struct control_call *call, struct error *err);
	enum db_mode mode;
	const char *help;
	const struct decode_field *fields; /* of the body, for the reference page; NULL: it has none */
};
/* A row of a table. */
#define CONTROL_RPC(method_, path_, permission_, run_, mode_, help_, fields_) \
	{(method_), (path_), PERMISSION(permission_), (run_), (mode_), (help_), (fields_)}

struct control_request {
	struct str method, path /* as sent, without query */, query, body, who, why, host, accept;
	const struct principal *principal;
};
struct control_match {
	const struct control_rpc *rpc;
	struct str ids[CONTROL_IDS_MAX]; /* not decoded yet */
	char allow[64];                  /* without an rpc: as struct rest_match's */
};
void control_find(const struct control_request *request, struct control_match *ret);

struct control_answer {
	struct buf body;
	const char *content_type;
	const char *waits_for; /* an endpoint's id, on the arena: deployer_wait() before it is sent; NULL: nothing */
};
/* Blocks. */
bool control_answer(struct control *control, const struct control_match *match, const struct control_request *request,
	struct arena *arena, struct control_answer *ret, struct error *err);

/* After something changed in the registry: endpoints that follow an alias are deployed anew where it moved. Blocks. */
void control_follow(struct control *control);

/* ---- for the tables ---- */

/* A number of the query, 0 and more; left as it is where it is not there. */
bool control_query_number(struct control_call *call, const char *name, int64_t *ret, struct error *err);
bool control_endpoint(struct control_call *call, struct endpoint_row *ret, struct error *err);
/* Where who asks reached this server, which may listen on all addresses: "http://127.0.0.1:8080". */
const char *control_url(struct control_call *call);
/* Who asks, for answers, which must say somebody. */
struct str control_creator(const struct control_call *call);
/* The answer: the endpoint in full. */
bool control_answer_endpoint(struct control_call *call, const struct endpoint_row *row, struct error *err);
/* A new config version, pending, and its deployment after the commit. The row is changed but not written.
 * ERR_CONFLICT while another one is being deployed. */
bool control_begin_update(struct control_call *call, struct endpoint_row *row, const struct served_config *config,
	struct str why, struct error *err);

extern const struct control_rpc *const control_tables[];
extern const struct control_rpc control_endpoints[], control_attributes[], control_configs[], control_logs[],
	control_metrics[], control_tokens[], control_secrets[], control_permissions[], control_openapi[];

#pragma once
/*
 * REST: MLflow's tracking and registry calls on the embedded registry's database. Knows no sockets: the server hands
 * in a request and sends what comes back (runtime/server/registry.c).
 *
 * One table a resource (rest_experiments.c, rest_runs.c, …), each ending in its `static const struct rest_rpc` array; the
 * table of tables is in rest_routes.c. An RPC is a method, a path below /api/2.0/mlflow/ (served below /ajax-api/2.0/mlflow/,
 * too), the fields of its request and a function.
 *
 * Sources: docs/protocol/MLFLOW_REST.md 0 and B; MLflow 3.17.2 server/handlers.py. Error messages are MLflow's, word for
 * word, because its clients match on them: the one place where our rules for messages do not hold.
 */
#include "base/arena.h"
#include "base/error.h"
#include "base/json.h"
#include "base/permission.h"
#include "store/db.h"

struct registry;

enum rest_type {
	REST_STRING,
	REST_INT,     /* int64 or int32: numbers and decimal strings */
	REST_DOUBLE,  /* numbers, decimal strings, "NaN", "Infinity", "-Infinity" */
	REST_BOOL,    /* in queries: true and false whatever their case */
	REST_ENUM,    /* a name of `names` or its index; becomes the name */
	REST_MESSAGE, /* an object by `fields` */
	REST_ANY,     /* any JSON; of bodies only */
};

enum {
	REST_REPEATED = 1 << 0,
	/* What MLflow's handler checks by itself (the `schema` of _get_request_message): only these fields are complained
	 * about. Others of a wrong type count as absent, as do unknown names of an enum that is not required. */
	REST_CHECKED = 1 << 1,
	REST_REQUIRED = 1 << 2, /* implies REST_CHECKED; null and "" are missing */
	REST_KEYED = 1 << 3,    /* of a repeated message: each element's `key` (and what else is REST_REQUIRED in it) must be
				   there: "metrics[0].timestamp" */
};

struct rest_field {
	const char *name; /* snake_case; bodies may have it in lowerCamelCase where it is not required, but not both */
	enum rest_type type;
	unsigned flags;
	int64_t max;                     /* where not 0: at most */
	const struct rest_field *fields; /* of a message; ended by a row without name */
	const char *const *names;        /* of an enum; NULL-terminated */
};

/* A key and a value: tags and params. */
extern const struct rest_field rest_tag_fields[];

enum { REST_IDS_MAX = 3 };

/* One call, on a pool thread, inside of one transaction, which is committed where run() returns true; of DB_NONE without
 * one: `db` is NULL, and run() begins its own. */
struct rest_call {
	struct arena *arena;
	struct registry *registry;
	struct db *db;
	struct json in;   /* object: what was sent and fits the fields, by snake_case name */
	struct str ids[REST_IDS_MAX]; /* what stood for the path's {…}, decoded */
	struct json out;  /* object, `{}` at first: the answer. Empty lists and objects stay out (MLFLOW_REST 0.3) */
	int64_t now_ms;
	struct str who, why; /* for the history; never NULL */
};

struct rest_rpc {
	const char *method;
	const char *path;                /* "experiments/create", "logged-models/{model_id}/tags"; whole where it begins
					    with '/': "/api/3.0/…" (and /ajax-api/3.0/…), "/graphql" */
	enum permission permission;      /* on everything */
	const struct rest_field *fields; /* NULL: none */
	bool (*run)(struct rest_call *call, struct error *err);
	enum db_mode mode;
	const char *help;
};
/* A row of a table. */
#define REST_RPC(method_, path_, permission_, fields_, run_, mode_, help_) \
	{(method_), (path_), PERMISSION(permission_), (fields_), (run_), (mode_), (help_)}

/* ---- for the functions of the tables ---- */

/* A request's member: an empty str (data NULL), the fallback or NULL where it is absent. */
struct str rest_str(const struct rest_call *call, const char *name);
/* With proto's default: "" where it is absent. */
struct str rest_str_or_empty(const struct rest_call *call, const char *name);
bool rest_has(const struct rest_call *call, const char *name);
int64_t rest_int(const struct rest_call *call, const char *name, int64_t fallback);
const struct json *rest_list(const struct rest_call *call, const char *name);

/* Sets a member of an object; an empty str with data NULL, an empty array and an empty object stay out. */
void rest_set(struct rest_call *call, struct json *object, const char *name, struct json value);
void rest_set_str(struct rest_call *call, struct json *object, const char *name, struct str text);
void rest_set_int(struct rest_call *call, struct json *object, const char *name, int64_t value);
/* NaN and infinities as proto3 JSON has them: "NaN", "Infinity", "-Infinity". */
void rest_set_double(struct rest_call *call, struct json *object, const char *name, double value);
/* {"key": …, "value": …} of each row of a query whose first two columns these are; db_end is called. */
bool rest_read_pairs(struct rest_call *call, struct db_rows *rows, struct json *ret_list);
/* Another call of that path and mode inside of this one's transaction, with `in` as its decoded request: its answer. */
bool rest_inner(struct rest_call *call, enum db_mode mode, const char *path, struct json in, struct json *ret,
	struct error *err);
/* "7": ids and versions are text in messages. */
struct str rest_number_text(struct rest_call *call, int64_t number);
/* "m-" and the like, and 32 random hex digits. */
struct str rest_new_id(struct rest_call *call, const char *prefix);

/* ---- for the server ---- */

struct rest_request {
	struct str method;
	struct str path;         /* as sent, without query: its components are decoded singly, so that an id may hold '/' */
	struct str query;        /* as sent */
	struct str content_type; /* data NULL: none was sent */
	struct str body;
	struct str who, why;     /* empty where nobody said */
};

struct rest_match {
	const struct rest_rpc *rpc; /* NULL: none */
	bool moves_aliases;         /* of registered models, maybe */
	struct str ids[REST_IDS_MAX];  /* not decoded yet */
	char allow[64]; /* without an rpc: "" where no path fits (answer 404 in plain text: clients take that as "an older
			   server"), else the methods that would (405) */
};
void rest_find(const struct rest_request *request, struct rest_match *ret);
/* Blocks. `ret_body` gets the JSON of the answer; or the error becomes {"error_code":…, "message":…}. */
bool rest_answer(struct registry *registry, const struct rest_match *match, const struct rest_request *request,
	struct arena *arena, struct buf *ret_body, struct error *err);

/* All tables, for the reference page: NULL at the end of tables, a row without path at the end of each. */
extern const struct rest_rpc *const rest_tables[];

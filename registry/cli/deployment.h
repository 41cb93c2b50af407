#pragma once
/*
 * Deployment: from the config that an endpoint has to the one that is wanted, and what differs between them.
 *
 *	deployment_open → { deployment_serve | the caller's own config } → deployment_compare
 *	→ { nothing to do | deployment_run: create or update → wait → served, or why not, and the build log's tail }
 *
 * Both configs are the server's objects. What a command line does not say stays as it is: of a model that is served
 * already, workload, scaling and variables go over to its new version.
 */
#include "cli/endpoint.h"
#include "client/models.h"

enum { DEPLOYMENT_WAIT_S = 1800 };

struct deployment {
	struct remote *remote;
	struct str endpoint;
	struct json before; /* the endpoint; JSON_ABSENT: there is none */
	struct json config; /* wanted: {"served_entities", "traffic_config"} */
	struct json
		changes;   /* [{"change": "add", "remove", "change", "entity", "text"}], the traffic without "entity" */
	struct json after; /* the endpoint when it was deployed */
	uint32_t timeout_ms;                                      /* 0: DEPLOYMENT_WAIT_S */
	bool (*is_done)(void *data, const struct json *endpoint); /* of the waiting; may be NULL */
	void *is_done_data;
};

/* Reads the endpoint. An update that is in progress is waited for, as only one can be, unless `is_looking`. An endpoint
 * that is not there is an error only where `is_there` is wanted. */
bool deployment_open(struct deployment *deployment, struct remote *remote, struct str endpoint, bool is_there,
	bool is_looking, struct error *err);

struct deployment_model {
	struct str model, version; /* "3", or "@champion" to follow an alias */
	struct str name;           /* of the served entity; "": model-version */
	int64_t percent;
};
enum deployment_scaling { SCALING_AS_IT_IS, SCALING_TO_ZERO, SCALING_OFF };
struct deployment_wish {
	const struct deployment_model *models;
	size_t model_count;
	const char *workload_size; /* NULL: as it is, else Small */
	enum deployment_scaling scaling;
	struct client_tags variables;    /* set */
	const struct decode_list *unset; /* of const char *; may be NULL */
};
/* These models and no others. ERR_USAGE where two entities have one name. */
bool deployment_serve(struct deployment *deployment, const struct deployment_wish *wish, struct error *err);
/* What is served now, for whoever changes a part of it: {"served_entities", "traffic_config"} as a request has them. */
struct json deployment_config_of(struct arena *arena, const struct json *config);
/* The routes of the wanted config, from {name: percent}. Shadows stay. */
void deployment_set_traffic(struct arena *arena, struct json *config, const struct json *traffic);

void deployment_compare(struct deployment *deployment);
/* A line a change: "  + slides-4  slides/4, Small". */
void deployment_write_changes(struct buf *out, const struct deployment *deployment);
/* "create" or "update"; "none" where nothing differs. */
const char *deployment_action(const struct deployment *deployment);

/* Creates or updates, and waits. False with the server's reason where it does not serve then (ERR_INVALID_STATE). */
bool deployment_run(struct deployment *deployment, struct error *err);
/* Only waits: for what began otherwise. */
bool deployment_wait(struct deployment *deployment, struct error *err);
/* The same after a call that may deploy nothing: an update that had failed before it is not this call's failure. */
bool deployment_settle(struct deployment *deployment, struct error *err);

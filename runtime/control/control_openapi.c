/* GET …/openapi: of an endpoint that serves, whose bundles have signatures. */
#include "control/control.h"

#include "control/openapi.h"

static void unref_bundle(void *data)
{
	bundle_unref(data);
}

static void unref_endpoint(void *data)
{
	endpoint_unref(data);
}

/* One that is away is loaded: a pool's thread may wait. */
static bool take_bundle(struct control_call *call, const struct entity *entity, const struct bundle **ret, struct error *err)
{
	struct bundle *bundle = resident_bundle(entity->resident);

	if (bundle == NULL && !resident_load(entity->resident, NULL, err))
		return error_wrap(err, "served entity '%s'", entity->name);
	if (bundle == NULL)
		bundle = resident_bundle(entity->resident);
	if (bundle == NULL)
		return error_set(err, ERR_UNAVAILABLE, "served entity '%s' was unloaded this moment", entity->name);
	arena_on_end(call->arena, unref_bundle, bundle);
	*ret = bundle;
	return bundle->signature.inputs.is_declared ||
	       error_set(err, ERR_BAD_REQUEST, "served entity '%s' has no signature: log the model with one", entity->name);
}

static bool take_endpoint(struct control_call *call, struct endpoint **ret, struct error *err)
{
	struct endpoint_row row;

	if (!control_endpoint(call, &row, err))
		return false;
	*ret = serving_get(call->control->serving, row.name);
	if (*ret != NULL)
		arena_on_end(call->arena, unref_endpoint, *ret);
	if (*ret == NULL || (*ret)->not_ready != NULL || (*ret)->is_stopped)
		return error_set(err, ERR_BAD_REQUEST, "endpoint '%.*s' is not ready: %s", STR_ARGS(row.name),
			*ret == NULL || (*ret)->is_stopped ? "it is stopped" : (*ret)->not_ready);
	return true;
}

static bool run_openapi(struct control_call *call, struct error *err)
{
	struct endpoint *endpoint;

	if (!take_endpoint(call, &endpoint, err))
		return false;
	struct openapi_entity *entities = arena_array(call->arena, endpoint->entity_count + 1, sizeof(*entities));
	for (size_t i = 0; i < endpoint->entity_count; i++) {
		entities[i].entity = &endpoint->entities[i];
		if (!take_bundle(call, &endpoint->entities[i], &entities[i].bundle, err))
			return false;
	}
	call->out = openapi_document(call->arena, endpoint,
		arena_printf(call->arena, "%s/serving-endpoints/%s", control_url(call), endpoint->name), entities,
		endpoint->entity_count);
	return true;
}

const struct control_rpc control_openapi[] = {
	CONTROL_RPC("GET", "serving-endpoints/{name}/openapi", PERMISSION_VIEW, run_openapi, DB_READ,
		"what it takes and answers, as OpenAPI 3.1: of an endpoint that is ready, whose bundles have signatures", NULL),
	{0},
};

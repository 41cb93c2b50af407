/* gateway-proxy: MLflow hands its web pages' questions to a gateway of models. There is none behind this server, which is
 * what it answers then, too: no endpoints. */
#include "rest/rest_tables.h"

static bool proxy(struct rest_call *call, struct error *err)
{
	(void)err;
	json_set(call->arena, &call->out, STR("endpoints"), json_array());
	return true;
}

const struct rest_rpc rest_gateway[] = {
	REST_RPC("GET", "gateway-proxy", PERMISSION_VIEW, NULL, proxy, DB_NONE, "the endpoints of a gateway: none"),
	REST_RPC("POST", "gateway-proxy", PERMISSION_VIEW, NULL, proxy, DB_NONE, "the same"),
	{0},
};

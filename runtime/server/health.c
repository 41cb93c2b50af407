/* GET /ping, /health, /version: what MLflow's scoring server answers, or its tracking server where no bundle is served;
 * /live and /ready for who sends requests here, or restarts this process. */
#include "server/route.h"

/* Clients parse it and choose their protocol by it (docs/protocol/MLFLOW_REST.md); our own version
 * is in `Server:`. */
#define MLFLOW_PROTOCOL_VERSION "3.17.2"

void ping_handle(struct exchange *exchange)
{
	exchange_text(exchange, 200, "application/json", STR("\n"));
}

void health_handle(struct exchange *exchange)
{
	if (exchange->worker->server->bundle != NULL)
		exchange_text(exchange, 200, "application/json", STR("\n"));
	else
		exchange_text(exchange, 200, "text/plain; charset=utf-8", STR("OK"));
}

void live_handle(struct exchange *exchange)
{
	exchange_text(exchange, 200, "application/json", STR("{\"live\":true}"));
}

void ready_handle(struct exchange *exchange)
{
	struct buf body = {0};
	const bool is_ready = ready_write(&exchange->worker->server->ready, &body);

	exchange_json(exchange, is_ready ? 200 : 503, &body);
	buf_done(&body);
}

void version_handle(struct exchange *exchange)
{
	exchange_text(exchange, 200, "text/plain; charset=utf-8", STR(MLFLOW_PROTOCOL_VERSION));
}

#include "server/permit.h"

#include "base/clock.h"
#include "base/log.h"
#include "server/browser.h"

#include <stdlib.h>

/* ---- changes that other processes made ---- */

struct poll {
	struct work work;
	struct server *server;
};

static void on_pool(struct work *work)
{
	struct server *server = ((struct poll *)work)->server;
	struct registry *registry = server_registry(server, &work->err);

	if (registry != NULL)
		access_refresh(server->access, registry, &work->err);
}

static void on_done(struct work *work)
{
	if (work->err.code != ERR_NONE)
		log_warn("access.refresh", LOG_ERR(&work->err));
	free(work);
}

static void poll_changes(struct worker *worker, int64_t now_ms)
{
	struct error ignored;

	if (!server_has_registry(worker->server) || !access_is_due(worker->server->access, now_ms))
		return;
	struct poll *poll = calloc(1, sizeof(*poll));
	if (poll == NULL)
		abort();
	*poll = (struct poll){.work = {.run = on_pool, .done = on_done}, .server = worker->server};
	if (!worker_submit(worker->server->registry_pool, worker->loop, &poll->work, &ignored))
		free(poll);
}

/* ---- the request ---- */

static bool guard(const struct exchange *exchange, struct error *err)
{
	const struct settings *settings = exchange->worker->settings;

	switch (exchange->principal.by) {
	case PRINCIPAL_BY_BEARER:
		return true;
	case PRINCIPAL_BY_BASIC:
		return browser_check_origin(settings, exchange->request, err);
	case PRINCIPAL_BY_CERTIFICATE:
	case PRINCIPAL_BY_NOTHING:
		break;
	}
	return browser_check(settings, exchange->request, err);
}

bool permit_route(struct exchange *exchange, struct error *err)
{
	const struct http_request *request = exchange->request;
	const enum permission permission = exchange->route->permission;

	if (permission == PERMISSION_PUBLIC) {
		exchange->is_permitted = true;
		return true;
	}
	const int64_t now_ms = clock_wall_ms();
	poll_changes(exchange->worker, now_ms);
	if (!access_identify(exchange->worker->server->access, request->arena, http_field_get(request, "authorization"),
		    request->client_subject, now_ms, &exchange->principal, err) ||
		!guard(exchange, err))
		return false;
	return permission == PERMISSION_INNER || permit(exchange, permission, (struct str){NULL, 0}, err);
}

bool permit(struct exchange *exchange, enum permission permission, struct str endpoint, struct error *err)
{
	exchange->is_permitted = permission != 0 && access_check(&exchange->principal, permission, endpoint, err);
	return exchange->is_permitted;
}

bool permit_or_refuse(struct exchange *exchange, enum permission permission, struct str endpoint)
{
	struct error err;

	if (permit(exchange, permission, endpoint, &err))
		return true;
	exchange->is_closing = exchange->request->body.len > 0;
	exchange_error(exchange, &err, NULL);
	return false;
}

void permit_seal(const struct exchange *exchange, int status)
{
	if (status < 400 && !exchange->is_permitted)
		abort();
}

#include "server/permit.h"

#include "base/clock.h"
#include "server/browser.h"

#include <stdlib.h>

static bool guard(const struct exchange *exchange, struct error *err)
{
	const struct settings *settings = exchange->worker->settings;

	switch (exchange->principal.by) {
	case PRINCIPAL_BY_BEARER:
		return true;
	case PRINCIPAL_BY_BASIC:
	case PRINCIPAL_BY_CERTIFICATE: /* under another name the server's own certificate would not be good */
		return browser_check_origin(settings, exchange->request, err);
	case PRINCIPAL_BY_NOTHING:
		break;
	}
	if (exchange->route->label == METRICS_INVOCATIONS && !browser_made(exchange->request))
		return true;
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
	if (!access_identify(exchange->worker->server->access, request->arena, http_field_get(request, "authorization"),
		    request->client_subject, clock_wall_ms(), &exchange->principal, err) ||
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

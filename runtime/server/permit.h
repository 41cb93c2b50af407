#pragma once
/*
 * Permit: who asks, and may he? Each request passes it once: by its route's permission, and where that is
 * PERMISSION_INNER by the row that its handler found. Nothing but an error is answered before.
 *
 * Where access is off, and of those who prove themselves by something that a browser sends by itself (a certificate, the
 * name and password of HTTP Basic), pages of others are kept away: browser.h. A bearer token no page of others has.
 */
#include "server/route.h"

/* Identifies who asks into exchange->principal, and checks the route's permission. ERR_UNAUTHENTICATED,
 * ERR_PERMISSION_DENIED. */
bool permit_route(struct exchange *exchange, struct error *err);
/* For a handler behind PERMISSION_INNER: the permission of what it found, on an endpoint or on everything (data NULL). */
bool permit(struct exchange *exchange, enum permission permission, struct str endpoint, struct error *err);
/* As permit(); answers where he may not. */
bool permit_or_refuse(struct exchange *exchange, enum permission permission, struct str endpoint);
/* Before something is answered with that status: aborts where nobody has permitted it. */
void permit_seal(const struct exchange *exchange, int status);

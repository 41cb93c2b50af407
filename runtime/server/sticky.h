#pragma once
/* Sticky: what of a request its traffic sticks to: the same value goes to the same entity, in whatever form it comes. */
#include "server/route.h"

/* Of exchange->endpoint; data NULL: it sticks to nothing, or the request has no such value. Texts count without their
 * quotes: 7 of JSON, "7" and a CSV's 7 are the same. */
struct str sticky_value(struct exchange *exchange);

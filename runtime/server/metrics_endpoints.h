#pragma once
/*
 * The part of /metrics about serving endpoints: series by endpoint, served entity and its version. Their number is
 * bounded: those of METRICS_ENTITIES_MAX served entities that had requests, by name; the rest are summed as "_other".
 */
#include "serving/exposition.h"
#include "serving/serving.h"

enum { METRICS_ENTITIES_MAX = 250 };

void metrics_endpoints(const struct exposition *exposition, struct serving *serving);

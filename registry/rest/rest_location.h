#pragma once
/*
 * Location: where an experiment's artifacts are. Without one given, they are in the embedded registry
 * (mlflow-artifacts:/…). Others are written by clients themselves, never by the server, which connects to no host that a
 * client names (MLflow 3.17.2 store/artifact/host_policy.py). Private to registry/rest.
 */
#include "rest/rest.h"

/* An artifact_location as sent: empty where none was. Relative paths become absolute ones, below the
 * server's working directory, as in MLflow. */
bool rest_location_read(struct rest_call *call, struct str sent, struct str *ret, struct error *err);
/* ERR_INVALID_PARAMETER where the URI names a host: "'source' cannot use the 'http' scheme: …". */
bool rest_location_check_host(struct rest_call *call, struct str uri, const char *field, struct error *err);

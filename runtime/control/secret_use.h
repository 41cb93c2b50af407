#pragma once
/* Which secrets a config may name. Private to control/. */
#include "control/control.h"

/*
 * Who manages everything: all. Who manages this endpoint alone: those that a config of it named before, by whoever could;
 * else he could have any secret sent to a model of his choice. ERR_PERMISSION_DENIED.
 */
bool secret_use_check(
	struct control_call *call, struct str endpoint_id, const struct served_config *config, struct error *err);

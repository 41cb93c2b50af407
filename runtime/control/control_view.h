#pragma once
/* How answers show endpoints and configs. Private to control/. */
#include "control/control.h"

/* `is_short`: as lists show it. */
bool control_view(
	struct control_call *call, const struct endpoint_row *row, bool is_short, struct json *ret, struct error *err);
/* The rest of a create's body. */
bool control_attributes_take(struct control_call *call, struct endpoint_row *row, struct error *err);
bool control_config_view(struct control_call *call, const struct endpoint_row *row, const struct config_row *config,
	struct json *ret, struct error *err);

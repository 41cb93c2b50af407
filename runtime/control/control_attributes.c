/* What an endpoint has besides its config: tags, description, … */
#include "control/control_view.h"

bool control_attributes_take(struct control_call *call, struct endpoint_row *row, struct error *err)
{
	const struct json *description = json_get(&call->in, STR("description"));
	const struct json *tags = json_get(&call->in, STR("tags"));

	if (json_type(description) == JSON_STRING)
		row->description = json_str(description);
	if (json_type(tags) == JSON_ARRAY)
		json_set(call->arena, &row->attributes, STR("tags"), *tags);
	return true;
}

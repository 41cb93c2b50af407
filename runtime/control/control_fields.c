#include "control/control_fields.h"

bool control_decode(
	struct control_call *call, const struct decode_field *fields, size_t size, void *ret, struct error *err)
{
	struct problems problems;
	struct decoder decoder;

	memset(ret, 0, size);
	problems_init(&problems, call->arena);
	decoder_init(&decoder, call->arena, &problems, NULL);
	decoder.takes_text = true;
	decode_object(&decoder, &call->in, fields, ret);
	decoder_done(&decoder);
	if (problems_check(&problems, err))
		return true;
	err->code = ERR_INVALID_PARAMETER;
	return false;
}

/* What cannot be done here. Clients that always send a field may send its nothing: null, false, 0, "", {}, []. */
static bool says_nothing(const struct json *value)
{
	switch (json_type(value)) {
	case JSON_ABSENT:
	case JSON_NULL:
		return true;
	case JSON_BOOL:
		return !value->boolean;
	case JSON_INTEGER:
		return value->integer == 0;
	case JSON_DOUBLE:
		return false;
	default:
		return value->size == 0;
	}
}

void control_refuse_field(struct decoder *decoder, const struct json *value, void *ret)
{
	if (!says_nothing(value))
		decode_problem(decoder, value, "is not done here: %s", decoder->field->help);
}

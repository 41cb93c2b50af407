#include "control/fields.h"

bool field_says_nothing(const struct json *value)
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
	case JSON_STRING:
		return value->size == 0 || str_is(json_str(value), "NONE");
	case JSON_ARRAY:
		return value->size == 0;
	case JSON_OBJECT:
		break;
	}
	for (size_t i = 0; i < value->size; i++)
		if (!field_says_nothing(&value->members[i].value))
			return false;
	return true;
}

void field_refuse(struct decoder *decoder, const struct json *value, void *ret)
{
	if (!field_says_nothing(value))
		decode_problem(decoder, value, "is not done here: %s", decoder->field->help + strlen(FIELD_NOT_DONE));
}

void field_refuse_enabled(struct decoder *decoder, const struct json *value, void *ret)
{
	const struct json *enabled = json_get(value, STR("enabled"));

	if (json_type(enabled) != JSON_BOOL || enabled->boolean)
		field_refuse(decoder, value, NULL);
}

void field_keep_off(struct decoder *decoder, const struct json *value, void *ret)
{
	if (json_type(value) == JSON_OBJECT)
		*(struct json *)ret = *value;
	field_refuse_enabled(decoder, value, NULL);
}

void field_leave_out(struct decoder *decoder, const struct json *value, void *ret)
{
}

bool fields_check(const struct problems *problems, struct error *err)
{
	if (problems_check(problems, err))
		return true;
	err->code = ERR_INVALID_PARAMETER;
	return false;
}

bool fields_read(struct arena *arena, const struct json *body, const struct decode_field *fields, void *ret,
	struct error *err)
{
	struct problems problems;
	struct decoder decoder;

	problems_init(&problems, arena);
	decoder_init(&decoder, arena, &problems, NULL);
	/* Trees of bodies count bytes, not lines. */
	decoder.lines_are_offsets = true;
	decoder.takes_text = true;
	decode_object(&decoder, body, fields, ret);
	decoder_done(&decoder);
	return fields_check(&problems, err);
}

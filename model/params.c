#include "model/params.h"

#include "model/enforce.h"

static bool enforce_list(struct enforce *enforce, const struct sig_param *param, struct json *value)
{
	struct place place = {0};

	if (value->type != JSON_ARRAY)
		return enforce_fail(enforce, NULL, "an array", value);
	for (; place.index < value->size; place.index++) {
		struct json *item = &value->items[place.index];
		if (item->type != JSON_NULL &&
			!enforce_scalar(enforce, param->node.type, &place, item))
			return false;
	}
	return true;
}

bool param_enforce(
	struct arena *arena, const struct sig_param *param, struct json *value, struct error *err)
{
	struct enforce enforce = {
		.arena = arena,
		.is_strict = true,
		.what = "param",
		.name = param->name,
		.err = err,
	};

	if (param->is_list)
		return enforce_list(&enforce, param, value);
	if (param->node.type == SIG_OBJECT)
		return enforce_nested(&enforce, &param->node, true, NULL, value);
	return value->type == JSON_NULL || enforce_scalar(&enforce, param->node.type, NULL, value);
}

bool params_enforce(struct arena *arena, const struct signature *signature,
	const struct json *given, struct json *ret, struct error *err)
{
	struct json params = json_object();

	*ret = (struct json){.type = JSON_ABSENT};
	if (!signature->has_params) {
		if (json_type(given) == JSON_OBJECT && given->size <= PARAMS_UNDECLARED_MAX)
			*ret = *given;
		return true;
	}
	if (given != NULL && given->type != JSON_OBJECT && given->type != JSON_NULL)
		return enforce_error(signature, err, "params: expected an object, got %s",
			json_type_name(given));

	for (size_t i = 0; i < signature->param_count; i++) {
		const struct sig_param *param = &signature->params[i];
		const struct json *found = json_get(given, param->name);
		struct json value = found != NULL ? *found : param->fallback;
		if (found != NULL && !param_enforce(arena, param, &value, err))
			return false;
		json_set(arena, &params, param->name, value);
	}
	*ret = params;
	return true;
}

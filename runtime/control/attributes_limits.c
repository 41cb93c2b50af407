/* The rate limits that an endpoint's attributes hold, as the limiter takes them. */
#include "control/attributes.h"

static enum limit_key key_of(struct str key)
{
	if (str_is(key, "user"))
		return LIMIT_USER;
	return str_is(key, "service_principal") ? LIMIT_SERVICE_PRINCIPAL : LIMIT_ENDPOINT;
}

static int64_t number(const struct json *limit, struct str name)
{
	const struct json *value = json_get(limit, name);

	return json_type(value) == JSON_INTEGER ? value->integer : -1;
}

static size_t add(const struct json *list, struct limit *ret, size_t count)
{
	for (size_t i = 0; json_type(list) == JSON_ARRAY && i < list->size && count < LIMITER_LIMITS_MAX; i++) {
		const struct json *limit = &list->items[i];

		ret[count++] = (struct limit){
			.key = key_of(json_str(json_get(limit, STR("key")))),
			.principal = json_str(json_get(limit, STR("principal"))),
			.calls = number(limit, STR("calls")),
			.tokens = number(limit, STR("tokens")),
		};
	}
	return count;
}

size_t attributes_limits(const struct json *object, struct limit ret[static LIMITER_LIMITS_MAX])
{
	const size_t count = add(json_get(object, STR("rate_limits")), ret, 0);

	return add(json_get(json_get(object, STR("ai_gateway")), STR("rate_limits")), ret, count);
}

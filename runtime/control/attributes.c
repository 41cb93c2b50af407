/* decode by tables → checks → members of the one object */
#include "control/attributes.h"

#include "control/attributes_fields.h"
#include "control/fields.h"
#include "control/mailer.h"

static bool invalid(struct error *err, const char *path, size_t index, const char *format, ...)
	__attribute__((format(printf, 4, 5)));
static bool invalid(struct error *err, const char *path, size_t index, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	error_vset(err, ERR_INVALID_PARAMETER, format, args);
	va_end(args);
	return error_wrap(err, "%s[%zu]", path, index);
}

static struct json without(struct arena *arena, const struct json *object, const char *name)
{
	struct json rest = json_object();

	for (size_t i = 0; i < object->size; i++)
		if (!str_is(json_str(&object->members[i].key), name))
			json_set(arena, &rest, json_str(&object->members[i].key), object->members[i].value);
	return rest;
}

/* Nothing to say, nothing there. */
static void put(struct attributes *attributes, const char *name, struct json value)
{
	if (json_type(&value) == JSON_ABSENT || ((value.type == JSON_OBJECT || value.type == JSON_ARRAY) && value.size == 0))
		*attributes->object = without(attributes->arena, attributes->object, name);
	else
		json_set(attributes->arena, attributes->object, str_of(name), json_copy(attributes->arena, &value));
}

/* ---- tags ---- */

static bool check_tags(const char *path, const struct sent_tag *tags, size_t count, struct error *err)
{
	for (size_t i = 0; i < count; i++) {
		if (tags[i].key.len == 0 || tags[i].key.len > TAG_KEY_MAX)
			return invalid(err, path, i, "key '%.*s': expected 1 to %d bytes", STR_ARGS(str_clip(tags[i].key, 60)),
				TAG_KEY_MAX);
		if (tags[i].value.len > TAG_VALUE_MAX)
			return invalid(err, path, i, "value of '%.*s': %zu bytes, at most %d are taken", STR_ARGS(tags[i].key),
				tags[i].value.len, TAG_VALUE_MAX);
		for (size_t j = 0; j < i; j++)
			if (str_eq(tags[j].key, tags[i].key))
				return invalid(err, path, i, "key '%.*s' was given before", STR_ARGS(tags[i].key));
	}
	return true;
}

static struct json tag_json(struct arena *arena, const struct sent_tag *tag)
{
	struct json object = json_object();

	json_set(arena, &object, STR("key"), json_string(tag->key));
	if (tag->value.len > 0)
		json_set(arena, &object, STR("value"), json_string(tag->value));
	return object;
}

/* In place of the one of its key, or behind all. */
static void set_tag(struct arena *arena, struct json *tags, const struct sent_tag *tag)
{
	for (size_t i = 0; i < tags->size; i++) {
		if (!str_eq(json_str(json_get(&tags->items[i], STR("key"))), tag->key))
			continue;
		tags->items[i] = tag_json(arena, tag);
		return;
	}
	json_append(arena, tags, tag_json(arena, tag));
}

static bool is_deleted(const struct decode_list *keys, struct str key)
{
	const struct str *list = keys->items;

	for (size_t i = 0; i < keys->count; i++)
		if (str_eq(list[i], key))
			return true;
	return false;
}

static bool change_tags(struct attributes *attributes, const char *path, const struct sent_tags *sent, struct error *err)
{
	const struct json *old = json_get(attributes->object, STR("tags"));
	const struct sent_tag *added = sent->add_tags.items;
	struct json tags = json_array();

	if (!check_tags(path, added, sent->add_tags.count, err))
		return false;
	for (size_t i = 0; json_type(old) == JSON_ARRAY && i < old->size; i++)
		if (!is_deleted(&sent->delete_tags, json_str(json_get(&old->items[i], STR("key")))))
			json_append(attributes->arena, &tags, old->items[i]);
	for (size_t i = 0; i < sent->add_tags.count; i++)
		set_tag(attributes->arena, &tags, &added[i]);
	if (tags.size > TAGS_MAX)
		return error_set(err, ERR_INVALID_PARAMETER, "%s: %u tags, an endpoint has at most %d", path,
			(unsigned)tags.size, TAGS_MAX);
	put(attributes, "tags", tags);
	return true;
}

bool attributes_patch_tags(struct attributes *attributes, const struct json *body, struct error *err)
{
	struct sent_tags sent = {0};

	return fields_read(attributes->arena, body, attributes_tags_fields, &sent, err) &&
	       change_tags(attributes, "add_tags", &sent, err);
}

/* ---- rate limits ---- */

static bool check_limit(const char *path, size_t i, const struct sent_limit *limit, struct error *err)
{
	const bool is_of_endpoint = limit->key.len == 0 || str_is(limit->key, "endpoint");
	const bool is_of_principal = str_is(limit->key, "service_principal");

	if (limit->renewal_period.len > 0 && !str_is(limit->renewal_period, "minute"))
		return invalid(err, path, i, "renewal_period '%.*s': expected minute", STR_ARGS(limit->renewal_period));
	if (str_is(limit->key, "user_group"))
		return invalid(err, path, i, "key 'user_group' is not done here: there are no groups; expected endpoint, user "
					     "or service_principal");
	if (!is_of_endpoint && !is_of_principal && !str_is(limit->key, "user"))
		return invalid(err, path, i, "key '%.*s': expected endpoint, user or service_principal", STR_ARGS(limit->key));
	if (is_of_endpoint && limit->principal.len > 0)
		return invalid(err, path, i, "principal '%.*s': a limit of the endpoint has none", STR_ARGS(limit->principal));
	if (is_of_principal && limit->principal.len == 0)
		return invalid(err, path, i, "principal is missing: which service principal?");
	if (limit->calls == 0 && limit->tokens == 0)
		return invalid(err, path, i, "expected calls or tokens");
	return true;
}

static struct json limit_json(struct arena *arena, const struct sent_limit *limit)
{
	struct json object = json_object();

	json_set(arena, &object, STR("key"), json_string(limit->key.len > 0 ? limit->key : STR("endpoint")));
	json_set(arena, &object, STR("renewal_period"), json_string(STR("minute")));
	if (limit->calls > 0)
		json_set(arena, &object, STR("calls"), json_integer(limit->calls));
	if (limit->tokens > 0)
		json_set(arena, &object, STR("tokens"), json_integer(limit->tokens));
	if (limit->principal.len > 0)
		json_set(arena, &object, STR("principal"), json_string(limit->principal));
	return object;
}

static bool limits_json(
	struct arena *arena, const char *path, const struct decode_list *list, struct json *ret, struct error *err)
{
	const struct sent_limit *limits = list->items;

	*ret = json_array();
	if (list->count > RATE_LIMITS_MAX)
		return error_set(err, ERR_INVALID_PARAMETER, "%s: %zu limits, at most %d are taken", path, list->count,
			RATE_LIMITS_MAX);
	for (size_t i = 0; i < list->count; i++) {
		if (!check_limit(path, i, &limits[i], err))
			return false;
		json_append(arena, ret, limit_json(arena, &limits[i]));
	}
	return true;
}

static bool take_limits(struct attributes *attributes, const struct decode_list *sent, struct error *err)
{
	struct json limits;

	if (!limits_json(attributes->arena, "rate_limits", sent, &limits, err))
		return false;
	put(attributes, "rate_limits", limits);
	return true;
}

bool attributes_put_rate_limits(struct attributes *attributes, const struct json *body, struct error *err)
{
	struct sent_limits sent = {0};

	return fields_read(attributes->arena, body, attributes_rate_limits_fields, &sent, err) &&
	       take_limits(attributes, &sent.rate_limits, err);
}

/* ---- the gateway ---- */

static void keep(struct arena *arena, struct json *object, const char *name, const struct json *value)
{
	if (json_type(value) == JSON_OBJECT)
		json_set(arena, object, str_of(name), *value);
}

static bool take_gateway(
	struct attributes *attributes, const char *path, const struct sent_gateway *sent, struct error *err)
{
	struct arena *arena = attributes->arena;
	struct json gateway = json_object(), limits;

	if (!limits_json(arena, path, &sent->rate_limits, &limits, err))
		return false;
	keep(arena, &gateway, "usage_tracking_config", &sent->usage_tracking_config);
	keep(arena, &gateway, "inference_table_config", &sent->inference_table_config);
	keep(arena, &gateway, "fallback_config", &sent->fallback_config);
	if (limits.size > 0)
		json_set(arena, &gateway, STR("rate_limits"), limits);
	put(attributes, "ai_gateway", gateway);
	return true;
}

bool attributes_put_gateway(struct attributes *attributes, const struct json *body, struct error *err)
{
	struct sent_gateway sent = {0};

	return fields_read(attributes->arena, body, attributes_gateway_fields, &sent, err) &&
	       take_gateway(attributes, "rate_limits", &sent, err);
}

/* ---- mail ---- */

static bool addresses_json(struct attributes *attributes, const char *name, const struct decode_list *list,
	struct json *ret, struct error *err)
{
	const struct str *addresses = list->items;

	*ret = json_array();
	if (list->count > 0 && !attributes->can_mail)
		return error_set(err, ERR_INVALID_PARAMETER,
			"email_notifications.%s: this server sends no mail; start sluiced with --smtp URL", name);
	if (list->count > MAIL_ADDRESSES_MAX)
		return error_set(err, ERR_INVALID_PARAMETER, "email_notifications.%s: %zu addresses, at most %d are taken", name,
			list->count, MAIL_ADDRESSES_MAX);
	for (size_t i = 0; i < list->count; i++) {
		if (!mail_is_address(addresses[i]))
			return error_set(err, ERR_INVALID_PARAMETER,
				"email_notifications.%s[%zu]: '%.*s' is no mail address", name, i,
				STR_ARGS(str_clip(addresses[i], 100)));
		json_append(attributes->arena, ret, json_string(addresses[i]));
	}
	return true;
}

static bool change_list(struct attributes *attributes, const struct json *sent, const char *name,
	const struct decode_list *list, struct json *mail, struct error *err)
{
	struct json addresses;

	if (json_get(sent, str_of(name)) == NULL)
		return true;
	if (!addresses_json(attributes, name, list, &addresses, err))
		return false;
	*mail = without(attributes->arena, mail, name);
	if (addresses.size > 0)
		json_set(attributes->arena, mail, str_of(name), addresses);
	return true;
}

static bool change_notifications(struct attributes *attributes, const struct json *sent,
	const struct sent_addresses *addresses, struct error *err)
{
	const struct json *old = json_get(attributes->object, STR("email_notifications"));
	struct json mail = old != NULL ? *old : json_object();

	if (!change_list(attributes, sent, "on_update_success", &addresses->on_update_success, &mail, err) ||
		!change_list(attributes, sent, "on_update_failure", &addresses->on_update_failure, &mail, err))
		return false;
	put(attributes, "email_notifications", mail);
	return true;
}

bool attributes_patch_notifications(struct attributes *attributes, const struct json *body, struct error *err)
{
	struct sent_notifications sent = {0};

	return fields_read(attributes->arena, body, attributes_notifications_fields, &sent, err) &&
	       change_notifications(
		       attributes, json_get(body, STR("email_notifications")), &sent.email_notifications, err);
}

/* ---- all of them ---- */

bool attributes_patch_telemetry(struct attributes *attributes, const struct json *body, struct error *err)
{
	char nothing;

	return fields_read(attributes->arena, body, attributes_telemetry_fields, &nothing, err);
}

bool attributes_read_new(struct attributes *attributes, const struct json *body, struct str *ret_description,
	struct error *err)
{
	struct sent_new sent = {0};

	if (!fields_read(attributes->arena, body, attributes_new_fields, &sent, err))
		return false;
	if (sent.description.len > 0)
		*ret_description = sent.description;
	if (!change_tags(attributes, "tags", &(struct sent_tags){.add_tags = sent.tags}, err) ||
		!take_limits(attributes, &sent.rate_limits, err) ||
		!take_gateway(attributes, "ai_gateway.rate_limits", &sent.ai_gateway, err) ||
		!change_notifications(
			attributes, json_get(body, STR("email_notifications")), &sent.email_notifications, err))
		return false;
	put(attributes, "route_optimized", sent.route_optimized);
	if (sent.budget_policy_id.len > 0)
		put(attributes, "budget_policy_id", json_string(sent.budget_policy_id));
	return true;
}

#include "cli/endpoint.h"

#include "base/percent.h"
#include "cli/record.h"
#include "cli/table.h"

#include <inttypes.h>

enum { DIGEST_SHOWN = 12 };

bool endpoint_nearest(
	struct remote *remote, struct str name, size_t *ret_count, const char **ret_nearest, struct error *err)
{
	struct arena *arena = remote->arena;
	size_t count = 0;
	struct json list;

	if (!remote_wait(remote, client_endpoints_list(remote->client, arena, &list), err))
		return false;
	const char **names = arena_array(arena, list.size + 1, sizeof(*names));
	for (size_t i = 0; i < list.size; i++) {
		const struct str known = json_str(json_get(&list.items[i], STR("name")));

		if (known.len > 0)
			names[count++] = arena_memdup(arena, known.data, known.len);
	}
	names[count] = NULL;
	*ret_nearest = decode_nearest(name, names);
	if (ret_count != NULL)
		*ret_count = count;
	return true;
}

static bool fail_unknown(struct remote *remote, struct str name, struct error *err)
{
	const char *url = remote->target.serving.url, *nearest;
	size_t count;

	if (!endpoint_nearest(remote, name, &count, &nearest, err))
		return false;
	if (nearest != NULL)
		return error_set(err, ERR_NOT_FOUND, "no endpoint '%.*s' at %s, did you mean '%s'?", STR_ARGS(name),
			url, nearest);
	return error_set(err, ERR_NOT_FOUND, "no endpoint '%.*s' at %s (%s)", STR_ARGS(name), url,
		count > 0 ? "sluice status lists those there are" : "it has none yet: sluice deploy makes one");
}

bool endpoint_find(struct remote *remote, struct str name, struct json *ret, struct error *err)
{
	struct error why;

	if (name.len == 0)
		return error_set(err, ERR_USAGE, "the endpoint's name is empty");
	if (remote_wait(remote, client_endpoint_get(remote->client, remote->arena, name, ret), &why))
		return true;
	if (why.code == ERR_NOT_FOUND)
		return fail_unknown(remote, name, err);
	*err = why;
	return false;
}

const struct json *endpoint_entities(const struct json *config)
{
	const struct json *entities = json_get(config, STR("served_entities"));

	if (json_type(entities) != JSON_ARRAY || entities->size == 0)
		entities = json_get(config, STR("served_models"));
	return json_type(entities) == JSON_ARRAY ? entities : NULL;
}

/* Servers write numbers as strings, too. */
static int64_t number_of(const struct json *value)
{
	const struct str text = json_str(value);
	int64_t number = 0;

	if (json_type(value) == JSON_INTEGER)
		return value->integer;
	for (size_t i = 0; i < text.len && i < 18 && text.data[i] >= '0' && text.data[i] <= '9'; i++)
		number = number * 10 + (text.data[i] - '0');
	return number;
}

static struct str route_name(const struct json *route)
{
	const struct str name = json_str(json_get(route, STR("served_entity_name")));

	return name.len > 0 ? name : json_str(json_get(route, STR("served_model_name")));
}

static const struct json *route_of(const struct json *config, struct str name)
{
	const struct json *routes = json_at(config, STR("traffic_config.routes"));

	for (size_t i = 0; json_type(routes) == JSON_ARRAY && i < routes->size; i++)
		if (str_eq(route_name(&routes->items[i]), name))
			return &routes->items[i];
	return NULL;
}

struct json endpoint_traffic(struct arena *arena, const struct json *config)
{
	const struct json *entities = endpoint_entities(config);
	const struct json *routes = json_at(config, STR("traffic_config.routes"));
	const bool is_alone =
		entities != NULL && entities->size == 1 && (json_type(routes) != JSON_ARRAY || routes->size == 0);
	struct json traffic = json_object();

	for (size_t i = 0; entities != NULL && i < entities->size; i++) {
		const struct str name = json_str(json_get(&entities->items[i], STR("name")));
		const struct json *percent = json_get(route_of(config, name), STR("traffic_percentage"));

		json_set(arena, &traffic, name, json_integer(is_alone ? 100 : number_of(percent)));
	}
	return traffic;
}

const char *endpoint_traffic_text(struct arena *arena, const struct json *traffic)
{
	struct buf out = {0};

	for (size_t i = 0; i < traffic->size; i++)
		buf_printf(&out, "%s%.*s %" PRId64, i > 0 ? ", " : "", STR_ARGS(json_str(&traffic->members[i].key)),
			traffic->members[i].value.integer);
	const char *text = arena_memdup(arena, out.data, out.len);
	buf_done(&out);
	return text;
}

static struct str update_of(const struct json *endpoint)
{
	return json_str(json_at(endpoint, STR("state.config_update")));
}

bool endpoint_is_updating(const struct json *endpoint)
{
	return str_is(update_of(endpoint), "IN_PROGRESS");
}

bool endpoint_is_failed(const struct json *endpoint)
{
	return str_is(update_of(endpoint), "UPDATE_FAILED") || str_is(update_of(endpoint), "UPDATE_CANCELED");
}

bool endpoint_is_stopped(const struct json *endpoint)
{
	return str_is(json_str(json_at(endpoint, STR("state.suspend"))), "STOPPED");
}

int64_t endpoint_config_version(const struct json *endpoint)
{
	return number_of(json_at(endpoint, STR("config.config_version")));
}

static bool find_failure(const struct json *config, struct str *ret_message, struct str *ret_entity)
{
	const struct json *entities = endpoint_entities(config);

	for (size_t i = 0; entities != NULL && i < entities->size; i++) {
		const struct json *entity = &entities->items[i];
		const struct str deployment = json_str(json_at(entity, STR("state.deployment")));

		if (!str_is(deployment, "DEPLOYMENT_FAILED") && !str_is(deployment, "DEPLOYMENT_ABORTED"))
			continue;
		*ret_message = json_str(json_at(entity, STR("state.deployment_state_message")));
		*ret_entity = json_str(json_get(entity, STR("name")));
		if (ret_message->len > 0)
			return true;
	}
	return false;
}

struct str endpoint_failure(const struct json *endpoint, struct str *ret_entity)
{
	struct str message = STR("");

	*ret_entity = STR("");
	if (!find_failure(json_get(endpoint, STR("pending_config")), &message, ret_entity))
		find_failure(json_get(endpoint, STR("config")), &message, ret_entity);
	return message;
}

const char *endpoint_url(struct remote *remote, struct str name)
{
	struct buf out = {0};

	buf_printf(&out, "%s/serving-endpoints/", remote->target.serving.url);
	percent_encode(&out, name, PERCENT_UNRESERVED);
	buf_add_text(&out, "/invocations");
	const char *url = arena_memdup(remote->arena, out.data, out.len);
	buf_done(&out);
	return url;
}

/* ---- the record ---- */

static void set(struct arena *arena, struct json *record, const char *key, struct json value)
{
	json_set(arena, record, str_of(key), value);
}

static void set_text(struct arena *arena, struct json *record, const char *key, struct str text)
{
	if (text.len > 0)
		set(arena, record, key, json_string(text));
}

static struct str first_text(const struct json *object, const char *key, const char *other)
{
	const struct str text = json_str(json_get(object, str_of(key)));

	return text.len > 0 ? text : json_str(json_get(object, str_of(other)));
}

static struct json variable_names(struct arena *arena, const struct json *variables)
{
	struct json names = json_array();

	for (size_t i = 0; json_type(variables) == JSON_OBJECT && i < variables->size; i++)
		json_append(arena, &names, variables->members[i].key);
	return names;
}

/* An entity that is no registered model is called by what it calls. */
static struct str model_of(const struct json *entity)
{
	struct str model = first_text(entity, "entity_name", "model_name");

	if (model.len == 0)
		model = json_str(json_at(entity, STR("external_model.name")));
	return model.len > 0 ? model : json_str(json_at(entity, STR("foundation_model.name")));
}

static struct json entity_record(struct arena *arena, const struct json *config, const struct json *entity)
{
	const struct str name = json_str(json_get(entity, STR("name")));
	const struct str version = first_text(entity, "entity_version", "model_version");
	const struct str resolved = json_str(json_get(entity, STR("resolved_entity_version")));
	const bool is_following = str_starts(version, STR("@"));
	const struct json traffic = endpoint_traffic(arena, config);
	const struct json *shadow = json_get(route_of(config, name), STR("shadow_percentage"));
	const struct json *scaling = json_get(entity, STR("scale_to_zero_enabled"));
	const struct json names = variable_names(arena, json_get(entity, STR("environment_vars")));
	struct json record = json_object();

	set(arena, &record, "name", json_string(name));
	set_text(arena, &record, "model", model_of(entity));
	set_text(arena, &record, "version", is_following ? resolved : version);
	set_text(arena, &record, "follows", is_following ? version : STR(""));
	set_text(arena, &record, "digest", json_str(json_get(entity, STR("digest"))));
	/* A list of Databricks tells neither. */
	if (json_get(config, STR("traffic_config")) != NULL || json_get(config, STR("config_version")) != NULL)
		set(arena, &record, "traffic", *json_get(&traffic, name));
	if (number_of(shadow) > 0)
		set(arena, &record, "shadow", json_integer(number_of(shadow)));
	set_text(arena, &record, "workload_size", json_str(json_get(entity, STR("workload_size"))));
	set(arena, &record, "scale_to_zero", json_bool(json_type(scaling) == JSON_BOOL && scaling->boolean));
	if (names.size > 0)
		set(arena, &record, "env", names);
	set_text(arena, &record, "state", json_str(json_at(entity, STR("state.deployment"))));
	set_text(arena, &record, "message", json_str(json_at(entity, STR("state.deployment_state_message"))));
	return record;
}

static struct json entities_record(struct arena *arena, const struct json *config)
{
	const struct json *entities = endpoint_entities(config);
	struct json list = json_array();

	for (size_t i = 0; entities != NULL && i < entities->size; i++)
		json_append(arena, &list, entity_record(arena, config, &entities->items[i]));
	return list;
}

static struct json pending_record(struct arena *arena, const struct json *pending)
{
	const int64_t version = number_of(json_get(pending, STR("config_version")));
	struct json record = json_object();

	if (version > 0)
		set(arena, &record, "config_version", json_integer(version));
	set(arena, &record, "entities", entities_record(arena, pending));
	return record;
}

struct json endpoint_record(struct remote *remote, const struct json *endpoint)
{
	struct arena *arena = remote->arena;
	const struct str name = json_str(json_get(endpoint, STR("name")));
	const struct json *pending = json_get(endpoint, STR("pending_config"));
	struct json record = json_object();
	struct str entity;

	set(arena, &record, "name", json_string(name));
	set_text(arena, &record, "state",
		endpoint_is_stopped(endpoint) ? STR("STOPPED") : json_str(json_at(endpoint, STR("state.ready"))));
	set_text(arena, &record, "update", update_of(endpoint));
	if (endpoint_is_failed(endpoint))
		set_text(arena, &record, "failure", endpoint_failure(endpoint, &entity));
	if (endpoint_config_version(endpoint) > 0)
		set(arena, &record, "config_version", json_integer(endpoint_config_version(endpoint)));
	set(arena, &record, "entities", entities_record(arena, json_get(endpoint, STR("config"))));
	if (json_type(pending) == JSON_OBJECT)
		set(arena, &record, "pending", pending_record(arena, pending));
	set_text(arena, &record, "task", json_str(json_get(endpoint, STR("task"))));
	set(arena, &record, "url", json_string(str_of(endpoint_url(remote, name))));
	set_text(arena, &record, "creator", json_str(json_get(endpoint, STR("creator"))));
	record_set_time(arena, &record, STR("created"), json_get(endpoint, STR("creation_timestamp")));
	record_set_time(arena, &record, STR("updated"), json_get(endpoint, STR("last_updated_timestamp")));
	return record;
}

/* ---- for people ---- */

/* "slides/4", "slides@champion → 4" */
static struct str serves(struct arena *arena, const struct json *entity)
{
	const struct str model = json_str(json_get(entity, STR("model")));
	const struct str version = json_str(json_get(entity, STR("version")));
	const struct str follows = json_str(json_get(entity, STR("follows")));

	if (follows.len > 0)
		return str_of(arena_printf(arena, "%.*s%.*s%s%.*s", STR_ARGS(model), STR_ARGS(follows),
			version.len > 0 ? " → " : "", STR_ARGS(version)));
	return version.len > 0 ? str_of(arena_printf(arena, "%.*s/%.*s", STR_ARGS(model), STR_ARGS(version))) : model;
}

static struct str share(struct arena *arena, const struct json *entity)
{
	const int64_t shadow = number_of(json_get(entity, STR("shadow")));
	const struct json *traffic = json_get(entity, STR("traffic"));

	if (traffic == NULL)
		return STR("");
	if (shadow > 0)
		return str_of(
			arena_printf(arena, "%" PRId64 " %%, shadows %" PRId64 " %%", number_of(traffic), shadow));
	return str_of(arena_printf(arena, "%" PRId64 " %%", number_of(traffic)));
}

/* "Small, scales to zero": what it may use. */
static struct str size_text(struct arena *arena, const struct json *entity)
{
	const struct str size = json_str(json_get(entity, STR("workload_size")));
	const struct json *scaling = json_get(entity, STR("scale_to_zero"));

	return str_of(arena_printf(arena, "%.*s%s%s", STR_ARGS(size), size.len > 0 && scaling->boolean ? ", " : "",
		scaling->boolean ? "to zero" : ""));
}

static struct str short_state(struct str state)
{
	const struct str prefix = STR("DEPLOYMENT_");

	return str_starts(state, prefix) ? (struct str){state.data + prefix.len, state.len - prefix.len} : state;
}

void endpoint_write_entities(struct buf *out, struct remote *remote, const struct json *record)
{
	static const char *const HEADERS[] = {"ENTITY", "SERVES", "TRAFFIC", "STATE", "SIZE", "DIGEST", NULL};
	const struct json *entities = json_get(record, STR("entities"));
	struct arena *arena = remote->arena;
	struct table table;

	table_init(&table, arena, HEADERS);
	for (size_t i = 0; json_type(entities) == JSON_ARRAY && i < entities->size; i++) {
		const struct json *entity = &entities->items[i];
		const struct str digest = json_str(json_get(entity, STR("digest")));
		const struct str cells[] = {json_str(json_get(entity, STR("name"))), serves(arena, entity),
			share(arena, entity), short_state(json_str(json_get(entity, STR("state")))),
			size_text(arena, entity), {digest.data, digest.len < DIGEST_SHOWN ? digest.len : DIGEST_SHOWN}};

		table_add(&table, cells);
	}
	table_write(out, &table, remote->console->has_out_color);
}

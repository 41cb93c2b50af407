/* An endpoint as answers show it (ServingEndpointDetailed, and the shorter one of the list). */
#include "control/control_view.h"

static void set(struct control_call *call, struct json *object, const char *name, struct json value)
{
	json_set(call->arena, object, str_of(name), value);
}

static void set_text(struct control_call *call, struct json *object, const char *name, struct str text)
{
	if (text.len > 0)
		set(call, object, name, json_string(text));
}

static struct json state_of(struct control_call *call, const struct endpoint_row *row)
{
	struct endpoint *endpoint = serving_get(call->control->serving, row->name);
	const bool is_ready = endpoint != NULL && endpoint->config_version > 0 && endpoint->not_ready == NULL &&
			      !row->is_stopped;
	struct json state = json_object();

	set(call, &state, "ready", json_string(is_ready ? STR("READY") : STR("NOT_READY")));
	set(call, &state, "config_update", json_string(row->update_state));
	if (row->is_stopped)
		set(call, &state, "suspend", json_string(STR("STOPPED")));
	endpoint_unref(endpoint);
	return state;
}

/* Of an entity, by what became of its config. */
static struct json deployment_state(
	struct control_call *call, const struct endpoint_row *row, const struct config_row *config)
{
	const bool is_running = str_is(config->state, CONFIG_PENDING);
	const bool is_failed = str_is(config->state, CONFIG_FAILED);
	struct json state = json_object();
	struct str word = STR("DEPLOYMENT_READY"), message = STR("");

	if (is_running) {
		word = STR("DEPLOYMENT_CREATING");
		message = STR("The served entity is being deployed.");
	} else if (is_failed) {
		word = STR("DEPLOYMENT_FAILED");
		message = config->message;
	} else {
		struct endpoint *endpoint = serving_get(call->control->serving, row->name);
		if (endpoint != NULL && endpoint->not_ready != NULL && config->version == row->config_version) {
			word = STR("DEPLOYMENT_FAILED");
			message = str_of(arena_strdup(call->arena, endpoint->not_ready));
		}
		endpoint_unref(endpoint);
	}
	set(call, &state, "deployment", json_string(word));
	set(call, &state, "deployment_state_message", json_string(message));
	return state;
}

static struct json entity_view(struct control_call *call, const struct endpoint_row *row,
	const struct config_row *config, const struct served_config_entity *entity, bool is_model)
{
	struct json view = served_config_entity_json(call->arena, entity, is_model);
	const struct json *resolved = json_get(&config->resolved, entity->name);

	set_text(call, &view, "resolved_entity_version", json_str(json_get(resolved, STR("version"))));
	set_text(call, &view, "digest", json_str(json_get(resolved, STR("digest"))));
	set(call, &view, "state", deployment_state(call, row, config));
	return view;
}

bool control_config_view(struct control_call *call, const struct endpoint_row *row, const struct config_row *config,
	struct json *ret, struct error *err)
{
	struct json entities = json_array(), models = json_array();
	struct served_config read;

	if (!served_config_restore(call->arena, config->config, &read, err))
		return false;
	for (size_t i = 0; i < read.count; i++) {
		json_append(call->arena, &entities, entity_view(call, row, config, &read.entities[i], false));
		json_append(call->arena, &models, entity_view(call, row, config, &read.entities[i], true));
	}
	*ret = json_object();
	set(call, ret, "served_entities", entities);
	set(call, ret, "served_models", models);
	set(call, ret, "traffic_config", served_config_traffic(call->arena, &read));
	set(call, ret, "config_version", json_integer(config->version));
	return true;
}

static bool set_config(struct control_call *call, const struct endpoint_row *row, int64_t version, const char *name,
	bool is_pending, struct json *out, struct error *err)
{
	struct config_row config;
	struct json view;
	const int found = version > 0 ? rows_config(call->db, call->arena, row->id, version, &config, err) : 0;

	if (found <= 0)
		return found == 0;
	if (!control_config_view(call, row, &config, &view, err))
		return false;
	if (is_pending)
		set(call, &view, "start_time", json_integer(config.created_ms));
	set(call, out, name, view);
	return true;
}

/* What the rows hold besides, by the names that answers have them under. */
static void set_attributes(struct control_call *call, const struct endpoint_row *row, struct json *out)
{
	const struct json *attributes = &row->attributes;

	for (size_t i = 0; i < attributes->size; i++)
		json_set(call->arena, out, json_str(&attributes->members[i].key), attributes->members[i].value);
	if (json_get(attributes, STR("tags")) == NULL)
		set(call, out, "tags", json_array());
	if (json_get(attributes, STR("route_optimized")) == NULL)
		set(call, out, "route_optimized", json_bool(false));
}

static void set_task(struct control_call *call, const struct endpoint_row *row, struct json *out)
{
	struct endpoint *endpoint = serving_get(call->control->serving, row->name);

	if (endpoint != NULL && endpoint->task != NULL)
		set(call, out, "task", json_string(str_of(arena_strdup(call->arena, endpoint->task))));
	endpoint_unref(endpoint);
}

/* Of who asks. */
static void set_permission(struct control_call *call, const struct endpoint_row *row, struct json *out)
{
	const unsigned rights = principal_rights(call->principal, row->name);

	set(call, out, "permission_level",
		json_string((rights & RIGHT_MANAGE) != 0  ? STR("CAN_MANAGE")
			    : (rights & RIGHT_QUERY) != 0 ? STR("CAN_QUERY")
							  : STR("CAN_VIEW")));
}

const char *control_url(struct control_call *call)
{
	struct str rest = str_of(call->control->url), scheme;

	if (call->host.len == 0 || !str_cut(&rest, ':', &scheme))
		return call->control->url;
	return arena_printf(call->arena, "%.*s://%.*s", STR_ARGS(scheme), STR_ARGS(call->host));
}

static void set_url(struct control_call *call, const struct endpoint_row *row, struct json *out)
{
	const char *url = arena_printf(call->arena, "%s/serving-endpoints/%.*s/invocations", control_url(call),
		STR_ARGS(row->name));
	struct json plane = json_object(), info = json_object();

	set(call, out, "endpoint_url", json_string(str_of(url)));
	set(call, &info, "endpoint_url", json_string(str_of(url)));
	set(call, &info, "authorization_details",
		json_string(str_of(arena_printf(call->arena,
			"[{\"type\":\"workspace_permission\",\"object_type\":\"serving-endpoints\",\"object_path\":"
			"\"/serving-endpoints/%.*s\",\"actions\":[\"query_inference_endpoint\"]}]",
			STR_ARGS(row->id)))));
	set(call, &plane, "query_info", info);
	set(call, out, "data_plane_info", plane);
}

/* Of who asks. */
bool control_view(
	struct control_call *call, const struct endpoint_row *row, bool is_short, struct json *ret, struct error *err)
{
	*ret = json_object();
	set(call, ret, "name", json_string(row->name));
	set(call, ret, "id", json_string(row->id));
	set(call, ret, "creator", json_string(row->creator));
	set(call, ret, "creation_timestamp", json_integer(row->created_ms));
	set(call, ret, "last_updated_timestamp", json_integer(row->updated_ms));
	set(call, ret, "description", json_string(row->description));
	set(call, ret, "state", state_of(call, row));
	set_attributes(call, row, ret);
	set_task(call, row, ret);
	set_permission(call, row, ret);
	if (!is_short)
		set_url(call, row, ret);
	return set_config(call, row, row->config_version, "config", false, ret, err) &&
	       (is_short || set_config(call, row, row->pending_version, "pending_config", true, ret, err));
}

struct str control_creator(const struct control_call *call)
{
	return call->who.len > 0 ? call->who : STR("anonymous");
}

bool control_endpoint(struct control_call *call, struct endpoint_row *ret, struct error *err)
{
	return rows_endpoint(call->db, call->arena, call->ids[0], ret, err);
}

bool control_answer_endpoint(struct control_call *call, const struct endpoint_row *row, struct error *err)
{
	return control_view(call, row, false, &call->out, err);
}

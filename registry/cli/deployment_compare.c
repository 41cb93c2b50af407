/* What differs between the config that is served and the one that is wanted. */
#include "cli/deployment.h"

static struct str text_of(const struct json *entity, const char *key)
{
	return json_str(json_get(entity, str_of(key)));
}

static const struct json *find(const struct json *entities, struct str name)
{
	for (size_t i = 0; entities != NULL && i < entities->size; i++)
		if (str_eq(text_of(&entities->items[i], "name"), name))
			return &entities->items[i];
	return NULL;
}

static void add(struct deployment *deployment, const char *change, struct str entity, struct buf *take_text)
{
	struct arena *arena = deployment->remote->arena;
	const struct str text = {arena_memdup(arena, take_text->data, take_text->len), take_text->len};
	struct json row = json_object();

	json_set(arena, &row, STR("change"), json_string(str_of(change)));
	if (entity.len > 0)
		json_set(arena, &row, STR("entity"), json_string(entity));
	json_set(arena, &row, STR("text"), json_string(text));
	json_append(arena, &deployment->changes, row);
	buf_done(take_text);
}

static void write_whole(struct buf *out, const struct json *entity)
{
	const struct str version = text_of(entity, "entity_version");
	const struct json *scaling = json_get(entity, STR("scale_to_zero_enabled"));
	const struct json *variables = json_get(entity, STR("environment_vars"));

	buf_printf(out, "%.*s%s%.*s", STR_ARGS(text_of(entity, "entity_name")),
		str_starts(version, STR("@")) ? "" : "/", STR_ARGS(version));
	if (text_of(entity, "workload_size").len > 0)
		buf_printf(out, ", %.*s", STR_ARGS(text_of(entity, "workload_size")));
	if (json_type(scaling) == JSON_BOOL && scaling->boolean)
		buf_add_text(out, ", scales to zero");
	for (size_t i = 0; json_type(variables) == JSON_OBJECT && i < variables->size; i++)
		buf_printf(out, "%s%.*s", i > 0 ? " " : ", env ", STR_ARGS(json_str(&variables->members[i].key)));
}

/* Servers leave out what is false or empty. */
static bool is_nothing(const struct json *value)
{
	return json_type(value) <= JSON_NULL || (json_type(value) == JSON_BOOL && !value->boolean) ||
	       (json_type(value) >= JSON_STRING && value->size == 0);
}

static bool is_same(const struct json *a, const struct json *b)
{
	return (is_nothing(a) && is_nothing(b)) || (a != NULL && b != NULL && json_equal(a, b));
}

/* Values of variables may be secrets: only names. */
static void write_variables(struct buf *out, const struct json *before, const struct json *after)
{
	const char *mark = "env ";

	for (size_t i = 0; json_type(after) == JSON_OBJECT && i < after->size; i++) {
		const struct str key = json_str(&after->members[i].key);
		const struct json *old = json_get(before, key);

		if (old != NULL && json_equal(old, &after->members[i].value))
			continue;
		buf_printf(out, "%s%s%.*s", mark, old != NULL ? "~" : "+", STR_ARGS(key));
		mark = " ";
	}
	for (size_t i = 0; json_type(before) == JSON_OBJECT && i < before->size; i++) {
		if (json_get(after, json_str(&before->members[i].key)) != NULL)
			continue;
		buf_printf(out, "%s-%.*s", mark, STR_ARGS(json_str(&before->members[i].key)));
		mark = " ";
	}
}

static void write_value(struct buf *out, const struct json *value)
{
	if (is_nothing(value))
		buf_add_text(out, json_type(value) == JSON_BOOL ? "false" : "nothing");
	else if (json_type(value) == JSON_STRING)
		buf_add_str(out, json_str(value));
	else
		json_write(out, value);
}

static void compare_entity(struct deployment *deployment, const struct json *before, const struct json *after)
{
	static const char *const KEYS[] = {"entity_name", "entity_version", "workload_size", "workload_type",
		"scale_to_zero_enabled", "min_provisioned_concurrency", "max_provisioned_concurrency",
		"environment_vars"};
	struct buf out = {0};

	for (size_t i = 0; i < sizeof(KEYS) / sizeof(*KEYS); i++) {
		const struct json *old = json_get(before, str_of(KEYS[i])), *new = json_get(after, str_of(KEYS[i]));

		if (is_same(old, new))
			continue;
		buf_add_text(&out, out.len > 0 ? ", " : "");
		if (strcmp(KEYS[i], "environment_vars") == 0) {
			write_variables(&out, old, new);
			continue;
		}
		buf_printf(&out, "%s ", KEYS[i]);
		write_value(&out, old);
		buf_add_text(&out, " → ");
		write_value(&out, new);
	}
	if (out.len > 0)
		add(deployment, "change", text_of(after, "name"), &out);
}

static void compare_traffic(struct deployment *deployment, const struct json *before)
{
	struct arena *arena = deployment->remote->arena;
	const struct json old = endpoint_traffic(arena, before), new = endpoint_traffic(arena, &deployment->config);
	struct buf out = {0};

	if (json_equal(&old, &new))
		return;
	if (old.size > 0)
		buf_printf(&out, "%s → ", endpoint_traffic_text(arena, &old));
	buf_add_text(&out, endpoint_traffic_text(arena, &new));
	add(deployment, "change", STR(""), &out);
}

void deployment_compare(struct deployment *deployment)
{
	const struct json served =
		deployment_config_of(deployment->remote->arena, json_get(&deployment->before, STR("config")));
	const struct json *before = json_get(&served, STR("served_entities"));
	const struct json *after = json_get(&deployment->config, STR("served_entities"));

	deployment->changes = json_array();
	for (size_t i = 0; i < after->size; i++) {
		const struct str name = text_of(&after->items[i], "name");
		const struct json *old = find(before, name);
		struct buf out = {0};

		if (old != NULL) {
			compare_entity(deployment, old, &after->items[i]);
			continue;
		}
		write_whole(&out, &after->items[i]);
		add(deployment, "add", name, &out);
	}
	for (size_t i = 0; i < before->size; i++) {
		const struct str name = text_of(&before->items[i], "name");
		struct buf out = {0};

		if (find(after, name) != NULL)
			continue;
		write_whole(&out, &before->items[i]);
		add(deployment, "remove", name, &out);
	}
	compare_traffic(deployment, &served);
}

const char *deployment_action(const struct deployment *deployment)
{
	if (json_type(&deployment->before) == JSON_ABSENT)
		return "create";
	return deployment->changes.size > 0 ? "update" : "none";
}

void deployment_write_changes(struct buf *out, const struct deployment *deployment)
{
	for (size_t i = 0; i < deployment->changes.size; i++) {
		const struct json *row = &deployment->changes.items[i];
		const struct str change = text_of(row, "change"), entity = text_of(row, "entity");

		buf_printf(out, "  %c ", str_is(change, "add") ? '+' : str_is(change, "remove") ? '-' : '~');
		buf_add_visible(out, entity.len > 0 ? entity : STR("traffic"));
		buf_add_text(out, "  ");
		buf_add_visible(out, text_of(row, "text"));
		buf_add_char(out, '\n');
	}
}

#include "cli/settings_params.h"

enum { DEPTH_MAX = 6 };

struct flattening {
	struct arena *arena;
	struct client_tag *items;
	size_t count, left_out;
	struct buf key;
};

/* MLflow takes letters, digits, "_-. :/" and spaces in keys. */
static void add_name(struct buf *key, struct str name)
{
	for (size_t i = 0; i < name.len; i++) {
		const char c = name.data[i];
		const bool is_fine = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
				     c == '_' || c == '-';
		buf_add_char(key, is_fine ? c : '_');
	}
}

static bool is_there(const struct flattening *flattening, struct str key)
{
	for (size_t i = 0; i < flattening->count; i++)
		if (str_eq(flattening->items[i].key, key))
			return true;
	return false;
}

static void add_param(struct flattening *flattening, const struct json *value)
{
	struct arena *arena = flattening->arena;
	const struct str key = buf_str(&flattening->key);
	struct buf text = {0};

	if (flattening->count == PARAMS_MAX || key.len > PARAM_KEY_MAX || is_there(flattening, key)) {
		flattening->left_out++;
		return;
	}
	if (json_type(value) == JSON_STRING)
		buf_add_str(&text, json_str(value));
	else
		json_write(&text, value);
	const struct str cut = str_clip(buf_str(&text), PARAM_VALUE_MAX);
	flattening->items[flattening->count++] = (struct client_tag){
		{arena_memdup(arena, key.data, key.len), key.len},
		{arena_memdup(arena, cut.data != NULL ? cut.data : "", cut.len), cut.len},
	};
	buf_done(&text);
}

static void flatten(struct flattening *flattening, const struct json *value, unsigned depth)
{
	const size_t before = flattening->key.len;

	if (json_type(value) == JSON_NULL || json_type(value) == JSON_ABSENT)
		return;
	if (json_type(value) != JSON_OBJECT || depth == DEPTH_MAX) {
		add_param(flattening, value);
		return;
	}
	for (size_t i = 0; i < value->size; i++) {
		const struct str name = json_str(&value->members[i].key);

		/* A schema is one value, not a hundred. */
		const unsigned next = str_is(name, "output") ? DEPTH_MAX : depth + 1;
		if (str_is(name, "api_key"))
			continue;
		buf_add_char(&flattening->key, '.');
		add_name(&flattening->key, name);
		flatten(flattening, &value->members[i].value, next);
		flattening->key.len = before;
	}
}

/* Steps are a list; each goes by its name. */
static void flatten_steps(struct flattening *flattening, const struct json *steps)
{
	for (size_t i = 0; json_type(steps) == JSON_ARRAY && i < steps->size; i++) {
		const struct json *step = &steps->items[i];

		flattening->key.len = 0;
		buf_add_text(&flattening->key, "steps.");
		add_name(&flattening->key, json_str(json_get(step, STR("name"))));
		const size_t before = flattening->key.len;
		for (size_t j = 0; json_type(step) == JSON_OBJECT && j < step->size; j++) {
			const struct str name = json_str(&step->members[j].key);

			if (str_is(name, "name"))
				continue;
			buf_add_char(&flattening->key, '.');
			add_name(&flattening->key, name);
			flatten(flattening, &step->members[j].value, 1);
			flattening->key.len = before;
		}
	}
}

struct client_tags settings_params(struct arena *arena, const struct json *config, size_t *ret_left_out)
{
	struct flattening flattening = {
		.arena = arena, .items = arena_array(arena, PARAMS_MAX, sizeof(*flattening.items))};

	buf_add_text(&flattening.key, "models");
	flatten(&flattening, json_get(config, STR("models")), 1);
	flatten_steps(&flattening, json_get(config, STR("steps")));
	buf_done(&flattening.key);
	*ret_left_out = flattening.left_out;
	return (struct client_tags){flattening.items, flattening.count};
}

/* decode by tables → entities → routes give them their shares → checks → the one form */
#include "control/served_config.h"

#include "control/fields.h"
#include "control/served_config_fields.h"

struct reading {
	struct decoder decoder;
	const struct json *body;
	const struct served_config_context *context;
	struct served_config *config;
	struct arena *arena;
};

static void problem(struct reading *reading, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void problem(struct reading *reading, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	decode_problem(&reading->decoder, NULL, "%s", arena_vprintf(reading->arena, format, args));
	va_end(args);
}

bool served_config_check_name(const char *what, struct str name, struct error *err)
{
	bool is_fine = name.len > 0 && name.len <= CONFIG_NAME_MAX;

	for (size_t i = 0; is_fine && i < name.len; i++) {
		const char c = name.data[i];

		is_fine = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
			  c == '_' || (c == '.' && i > 0);
	}
	return is_fine || error_set(err, ERR_INVALID_PARAMETER,
				  "%s '%.*s': expected 1 to %d letters, digits, '-', '_' and '.'", what,
				  STR_ARGS(str_clip(name, 100)), CONFIG_NAME_MAX);
}

/* ---- one entity ---- */

/* "main.default.readmission" is shown as "readmission", as Databricks does. */
static struct str last_part(struct str model)
{
	const char *dot = model.len > 0 ? memrchr(model.data, '.', model.len) : NULL;

	return dot != NULL ? (struct str){dot + 1, (size_t)(model.data + model.len - dot - 1)} : model;
}

static struct str default_name(struct arena *arena, const struct served_config_entity *entity)
{
	const struct str model = last_part(entity->model);
	const struct str version = entity->alias.len > 0 ? entity->alias : entity->version;
	char *name = arena_printf(arena, "%.*s-%.*s", STR_ARGS(model), STR_ARGS(version));

	for (char *at = name; *at != '\0'; at++)
		if (*at == ' ' || *at == ':' || *at == '/')
			*at = '-';
	return str_of(name);
}

/* Names become C strings: a NUL would make another one of them. */
static bool is_name(struct str text)
{
	for (size_t i = 0; i < text.len; i++)
		if ((unsigned char)text.data[i] < ' ')
			return false;
	return text.len > 0;
}

static void check_names(struct reading *reading, const struct served_config_entity *entity, bool has_alias)
{
	if (!is_name(entity->model))
		problem(reading, "entity_name: expected the name of a registered model");
	if (has_alias && !is_name(entity->alias))
		problem(reading, "expected the name of an alias after '@'");
}

/* "3"; "@champion"; or nothing where the model is "slides@champion". */
static void take_version(struct reading *reading, const struct served_config_fields_entity *sent, struct served_config_entity *ret)
{
	struct str version = sent->entity_version.len > 0 ? sent->entity_version : sent->model_version;
	struct str model = sent->entity_name.len > 0 ? sent->entity_name : sent->model_name, rest = model;
	bool has_alias = true;

	if (str_cut(&rest, '@', &ret->model)) {
		ret->alias = rest;
		if (version.len > 0)
			problem(reading, "entity_name '%.*s' names an alias already, so entity_version '%.*s' is one too many",
				STR_ARGS(model), STR_ARGS(version));
	} else if (str_starts(version, STR("@"))) {
		ret->alias = (struct str){version.data + 1, version.len - 1};
	} else {
		has_alias = false;
		ret->version = version;
		if (!str_is_digits(version) || version.len > 18)
			problem(reading, "entity_version '%.*s': expected a version's number, as \"3\", or an alias to follow, as "
					 "\"@champion\"",
				STR_ARGS(version));
	}
	check_names(reading, ret, has_alias);
}

static const struct size {
	const char *name;
	unsigned least, most;
} SIZES[] = {{"Small", 4, 4}, {"Medium", 8, 16}, {"Large", 16, 64}};

static void take_concurrency(
	struct reading *reading, const struct served_config_fields_entity *sent, struct served_config_entity *ret)
{
	ret->concurrency_min = sent->min_provisioned_concurrency;
	ret->concurrency_max = sent->max_provisioned_concurrency;
	ret->workload_size = sent->workload_size;
	if (ret->concurrency_max > 0 || ret->concurrency_min > 0) {
		if (ret->concurrency_max < ret->concurrency_min)
			problem(reading, "max_provisioned_concurrency %lld is less than min_provisioned_concurrency %lld",
				(long long)ret->concurrency_max, (long long)ret->concurrency_min);
		/* Databricks' own example sends both. */
		ret->slots = (unsigned)ret->concurrency_max;
		ret->workload_size = (struct str){NULL, 0};
		return;
	}
	if (ret->workload_size.len == 0)
		ret->workload_size = STR("Small");
	for (size_t i = 0; i < sizeof(SIZES) / sizeof(*SIZES); i++) {
		if (!str_eq_nocase(ret->workload_size, str_of(SIZES[i].name)))
			continue;
		ret->workload_size = str_of(SIZES[i].name);
		ret->slots = SIZES[i].most;
		return;
	}
	problem(reading, "workload_size '%.*s': expected Small (4 requests at once), Medium (16) or Large (64)",
		STR_ARGS(ret->workload_size));
}

/* {{secret/…}}, {{ secrets/… }}, {{secrets.…}}: a reference that is none would be handed to the model as its key. */
static bool is_mistyped_secret(struct str value)
{
	static const struct str HEAD = {"{{", 2}, SECRET = {"secret", 6}, RIGHT = {"secrets/", 8};
	struct str text = str_trim(value), scope;

	if (!str_starts(text, HEAD))
		return false;
	text = (struct str){text.data + HEAD.len, text.len - HEAD.len};
	if (!str_starts(text, RIGHT))
		return str_starts(str_trim(text), SECRET);
	text = (struct str){text.data + RIGHT.len, text.len - RIGHT.len};
	return !str_ends(text, STR("}}")) || !str_cut(&text, '/', &scope);
}

static void check_variables(struct reading *reading, const struct json *variables)
{
	const bool is_new = reading->context->endpoint.len > 0;

	if (variables->size > CONFIG_VARIABLES_MAX)
		problem(reading, "environment_vars: %u variables, at most %d are taken", (unsigned)variables->size,
			CONFIG_VARIABLES_MAX);
	for (size_t i = 0; json_type(variables) == JSON_OBJECT && i < variables->size; i++)
		if (!is_name(json_str(&variables->members[i].key)))
			problem(reading, "environment_vars: a variable without a name, or with a control character in it");
		else if (json_type(&variables->members[i].value) != JSON_STRING)
			problem(reading, "environment_vars.%.*s: expected text, got %s",
				STR_ARGS(json_str(&variables->members[i].key)), json_type_name(&variables->members[i].value));
		else if (is_new && is_mistyped_secret(json_str(&variables->members[i].value)))
			problem(reading, "environment_vars.%.*s: a secret is written {{secrets/scope/key}}",
				STR_ARGS(json_str(&variables->members[i].key)));
}

static void take_entity(
	struct reading *reading, const struct served_config_fields_entity *sent, struct served_config_entity *ret)
{
	struct error err;

	*ret = (struct served_config_entity){
		.is_scaling_to_zero = sent->scale_to_zero_enabled,
		.workload_type = sent->workload_type.len > 0 ? sent->workload_type : STR("CPU"),
		.variables = sent->environment_vars,
		.creator = sent->creator.len > 0 ? sent->creator : reading->context->creator,
		.created_ms = sent->creation_timestamp > 0 ? sent->creation_timestamp : reading->context->now_ms,
	};
	take_version(reading, sent, ret);
	take_concurrency(reading, sent, ret);
	check_variables(reading, &ret->variables);
	if (!str_starts(ret->workload_type, STR("CPU")))
		problem(reading, "workload_type '%.*s': a bundle needs no GPU; expected CPU", STR_ARGS(ret->workload_type));
	ret->name = sent->name.len > 0 ? sent->name : default_name(reading->arena, ret);
	if (!served_config_check_name("name", ret->name, &err))
		problem(reading, "%s", err.text);
}

static void take_entities(struct reading *reading, const struct served_config_fields *sent)
{
	const bool is_old = sent->served_entities.count == 0;
	const struct decode_list *list = is_old ? &sent->served_models : &sent->served_entities;
	const struct served_config_fields_entity *entities = list->items;
	struct served_config *config = reading->config;

	config->count = list->count;
	config->entities = arena_array(reading->arena, list->count + 1, sizeof(*config->entities));
	if (list->count > CONFIG_ENTITIES_MAX) {
		problem(reading, "served_entities: %zu of them, at most %d are served", list->count, CONFIG_ENTITIES_MAX);
		return;
	}
	decode_enter(&reading->decoder, is_old ? "served_models" : "served_entities");
	for (size_t i = 0; i < list->count; i++) {
		decode_enter_index(&reading->decoder, i);
		take_entity(reading, &entities[i], &config->entities[i]);
		for (size_t j = 0; j < i; j++)
			if (str_eq(config->entities[j].name, config->entities[i].name))
				problem(reading, "name '%.*s' is taken by another one", STR_ARGS(config->entities[i].name));
		decode_leave(&reading->decoder);
	}
	decode_leave(&reading->decoder);
}

/* ---- traffic ---- */

static void take_route(struct reading *reading, const struct served_config_fields_route *route)
{
	const struct str name = route->served_entity_name.len > 0 ? route->served_entity_name : route->served_model_name;
	struct served_config_entity *entity = (struct served_config_entity *)served_config_find(reading->config, name);

	if (entity == NULL) {
		problem(reading, "'%.*s' is none of the served entities", STR_ARGS(name));
		return;
	}
	entity->percent += route->traffic_percentage;
	entity->shadow_percent += route->shadow_percentage;
}

static void take_sticky(struct reading *reading, const struct served_config_fields_traffic *traffic)
{
	reading->config->sticky_header = traffic->sticky.header;
	reading->config->sticky_column = traffic->sticky.column;
	if ((traffic->sticky.header.len > 0 && !is_name(traffic->sticky.header)) ||
		(traffic->sticky.column.len > 0 && !is_name(traffic->sticky.column)))
		problem(reading, "traffic_config.sticky: a name with a control character in it");
	if (traffic->sticky.header.len > 0 && traffic->sticky.column.len > 0)
		problem(reading, "traffic_config.sticky: expected a header or a column, got both");
}

static void take_traffic(struct reading *reading, const struct served_config_fields_traffic *traffic)
{
	const struct served_config_fields_route *routes = traffic->routes.items;
	const struct served_config *config = reading->config;
	int64_t sum = 0;

	take_sticky(reading, traffic);
	if (traffic->routes.count == 0 && config->count > 1)
		problem(reading, "traffic_config: %zu entities are served, so routes must say how they share the traffic",
			config->count);
	if (traffic->routes.count == 0) {
		for (size_t i = 0; i < config->count; i++)
			config->entities[i].percent = 100;
		return;
	}
	if (traffic->routes.count > CONFIG_ENTITIES_MAX) {
		problem(reading, "traffic_config.routes: %zu of them, at most %d are taken", traffic->routes.count,
			CONFIG_ENTITIES_MAX);
		return;
	}
	decode_enter(&reading->decoder, "traffic_config");
	decode_enter(&reading->decoder, "routes");
	for (size_t i = 0; i < traffic->routes.count; i++) {
		decode_enter_index(&reading->decoder, i);
		take_route(reading, &routes[i]);
		sum += routes[i].traffic_percentage;
		decode_leave(&reading->decoder);
	}
	if (sum != 100)
		problem(reading, "the traffic percentages add up to %lld; expected 100", (long long)sum);
	decode_leave(&reading->decoder);
	decode_leave(&reading->decoder);
}

/* ---- reading ---- */

static void read_parts(struct reading *reading)
{
	struct served_config_fields sent = {0};
	const struct served_config_context *context = reading->context;

	decode_object(&reading->decoder, reading->body, served_config_fields, &sent);
	/* Later checks would only tell the same mistake in other words. */
	if (reading->decoder.problems->count > 0)
		return;
	if (sent.name.len > 0 && !str_eq(sent.name, context->endpoint))
		problem(reading, "name '%.*s' is another endpoint's than '%.*s'", STR_ARGS(sent.name),
			STR_ARGS(context->endpoint));
	take_entities(reading, &sent);
	if (reading->decoder.problems->count == 0)
		take_traffic(reading, &sent.traffic_config);
}

bool served_config_read(struct arena *arena, const struct json *body, const struct served_config_context *context, struct served_config *ret,
	struct error *err)
{
	struct reading reading = {.body = body, .context = context, .config = ret, .arena = arena};
	struct problems problems;

	*ret = (struct served_config){0};
	problems_init(&problems, arena);
	decoder_init(&reading.decoder, arena, &problems, NULL);
	/* Trees of bodies count bytes, not lines. */
	reading.decoder.lines_are_offsets = true;
	reading.decoder.takes_text = true;
	read_parts(&reading);
	decoder_done(&reading.decoder);
	return fields_check(&problems, err);
}

bool served_config_restore(struct arena *arena, struct str text, struct served_config *ret, struct error *err)
{
	const struct served_config_context nobody = {0};
	struct json stored;

	return (json_read(arena, text, &stored, err) && served_config_read(arena, &stored, &nobody, ret, err)) ||
	       error_wrap(err, "a stored config");
}

const struct served_config_entity *served_config_find(const struct served_config *config, struct str name)
{
	for (size_t i = 0; i < config->count; i++)
		if (str_eq(config->entities[i].name, name))
			return &config->entities[i];
	return NULL;
}

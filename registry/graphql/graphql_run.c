/* parse → limits → plan → each field of the plan: resolve → complete by its type → data */
#include "graphql/graphql_run.h"

#include "graphql/graphql_limits.h"
#include "graphql/graphql_parse.h"
#include "graphql/graphql_plan.h"
#include "rest/rest_tables.h"

enum { ERRORS_MAX = 100 };

struct running {
	struct rest_call *call;
	struct json errors; /* messages */
};

static struct json complete_object(struct running *running, const struct graphql_plan *fields, const struct json *source);

static void add_error(struct running *running, const char *text)
{
	if (running->errors.size < ERRORS_MAX)
		json_append(running->call->arena, &running->errors,
			json_string(str_of(arena_strdup(running->call->arena, text))));
}

/* ---- completing: a member of a REST message by the field's type ---- */

static struct json long_of(struct running *running, const struct json *value)
{
	if (json_type(value) == JSON_STRING)
		return *value;
	return json_string(rest_number_text(running->call, json_type(value) == JSON_INTEGER ? value->integer : 0));
}

static struct json float_of(const struct json *value)
{
	if (json_type(value) == JSON_INTEGER)
		return json_double((double)value->integer);
	/* NaN and the infinities are text in REST messages. */
	if (json_type(value) == JSON_STRING)
		return json_null();
	return json_type(value) == JSON_DOUBLE ? *value : json_double(0);
}

static struct json complete_leaf(struct running *running, const struct graphql_type *type, const struct json *value)
{
	const bool is_text = json_type(value) == JSON_STRING;

	switch (type->kind) {
	case GRAPHQL_LONG_TYPE:
		return long_of(running, value);
	case GRAPHQL_FLOAT_TYPE:
		return float_of(value);
	case GRAPHQL_BOOLEAN_TYPE:
		return json_bool(json_type(value) == JSON_BOOL && value->boolean);
	case GRAPHQL_ENUM_TYPE:
		return is_text ? *value : json_string(str_of(type->values[0]));
	case GRAPHQL_STRING_TYPE:
		if (json_type(value) == JSON_INTEGER)
			return long_of(running, value);
		return is_text ? *value : json_string(STR(""));
	default:
		return value != NULL ? *value : json_null();
	}
}

static struct json complete_one(struct running *running, const struct graphql_plan *plan, const struct json *value)
{
	if (json_type(value) == JSON_NULL)
		return json_null();
	if (plan->field->type->kind == GRAPHQL_OBJECT_TYPE)
		return complete_object(running, plan->fields, value);
	return complete_leaf(running, plan->field->type, value);
}

static struct json complete_list(struct running *running, const struct graphql_plan *plan, const struct json *list)
{
	struct json out = json_array();

	for (size_t i = 0; json_type(list) == JSON_ARRAY && i < list->size; i++) {
		if (arena_size(running->call->arena) > GRAPHQL_MEMORY_MAX) {
			add_error(running, "the answer is too large; ask for fewer rows or fields");
			return json_null();
		}
		json_append(running->call->arena, &out, complete_one(running, plan, &list->items[i]));
	}
	return out;
}

static struct json complete_field(struct running *running, const struct graphql_plan *plan, const struct json *source)
{
	const struct json *value = json_get(source, plan->snake);
	struct json resolved = {0};
	struct error err;

	if (plan->field == NULL)
		return json_string(str_of(plan->parent->name));
	if (plan->field->resolve != NULL) {
		if (!plan->field->resolve(running->call, plan->field, source, &plan->argument, &resolved, &err)) {
			add_error(running, err.text);
			return json_null();
		}
		value = &resolved;
	}
	return plan->field->is_list ? complete_list(running, plan, value) : complete_one(running, plan, value);
}

/* Absent members are an empty message, with protobuf's defaults. */
static struct json complete_object(struct running *running, const struct graphql_plan *fields, const struct json *source)
{
	struct json out = json_object();

	for (; fields != NULL; fields = fields->next)
		json_set(running->call->arena, &out, fields->key, complete_field(running, fields, source));
	return out;
}

/* ---- the call ---- */

/* False with ERR_BAD_REQUEST: refused, which is an answer, too. */
static bool plan_of(struct rest_call *call, struct graphql_definition *document, struct graphql_plan **ret, struct error *err)
{
	const struct json *variables = json_get(&call->in, STR("variables"));
	const enum json_type type = json_type(variables);

	if (type != JSON_ABSENT && type != JSON_NULL && type != JSON_OBJECT)
		return error_set(err, ERR_BAD_REQUEST, "Variables must be a JSON object, not %s.", json_type_name(variables));
	return graphql_check_limits(document, err) &&
	       graphql_plan_make(call->arena, document, rest_str_or_empty(call, "operationName"), variables, ret, err);
}

bool graphql_answer(struct rest_call *call, struct error *err)
{
	struct running running = {.call = call, .errors = json_array()};
	struct graphql_definition *document;
	struct graphql_plan *plan = NULL;
	struct json data = json_null();

	if (!graphql_parse(call->arena, rest_str_or_empty(call, "query"), &document, err))
		return false;
	if (plan_of(call, document, &plan, err))
		data = complete_object(&running, plan, NULL);
	else
		add_error(&running, err->text);
	json_set(call->arena, &call->out, STR("data"), data);
	json_set(call->arena, &call->out, STR("errors"), running.errors.size > 0 ? running.errors : json_null());
	error_clear(err);
	return true;
}

static const struct rest_field GRAPHQL[] = {
	{"query", REST_STRING, REST_REQUIRED, 0, NULL, NULL},
	{"variables", REST_ANY, 0, 0, NULL, NULL},
	{"operationName", REST_STRING, REST_CHECKED, 0, NULL, NULL},
	{0},
};

const struct rest_rpc rest_graphql[] = {
	REST_RPC("POST", "/graphql", PERMISSION_VIEW, GRAPHQL, graphql_answer, DB_READ,
		"experiments, runs, metrics, files and versions by GraphQL"),
	{0},
};

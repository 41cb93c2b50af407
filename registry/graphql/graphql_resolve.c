/* What the fields of the schema are: the registry's own calls, in the transaction of the query. */
#include "graphql/graphql_schema.h"
#include "rest/rest.h"

bool graphql_resolve_rpc(struct rest_call *call, const struct graphql_field *field, const struct json *source,
	const struct json *argument, struct json *ret, struct error *err)
{
	(void)source;
	if (json_type(argument) != JSON_OBJECT)
		return error_set(err, ERR_INVALID_PARAMETER, "field '%s' needs its argument '%s'", field->name,
			field->argument_name);
	return rest_inner(call, DB_READ, field->rpc, *argument, ret, err);
}

bool graphql_resolve_echo(struct rest_call *call, const struct graphql_field *field, const struct json *source,
	const struct json *argument, struct json *ret, struct error *err)
{
	(void)source;
	if (json_type(argument) == JSON_ABSENT)
		return error_set(err, ERR_INVALID_PARAMETER, "field '%s' needs its argument '%s'", field->name,
			field->argument_name);
	*ret = json_object();
	json_set(call->arena, ret, STR("output"), *argument);
	return true;
}

bool graphql_resolve_nothing(struct rest_call *call, const struct graphql_field *field, const struct json *source,
	const struct json *argument, struct json *ret, struct error *err)
{
	(void)call, (void)field, (void)source, (void)argument, (void)err;
	*ret = json_null();
	return true;
}

/* One call with one text, of which one member is wanted. */
static bool resolve_by(struct rest_call *call, const char *path, const char *name, struct str value, const char *member,
	struct json *ret, struct error *err)
{
	struct json in = json_object(), out;

	json_set(call->arena, &in, str_of(name), json_string(value));
	if (!rest_inner(call, DB_READ, path, in, &out, err))
		return false;
	const struct json *found = json_get(&out, str_of(member));
	*ret = found != NULL ? *found : (struct json){0};
	return true;
}

bool graphql_resolve_run_experiment(struct rest_call *call, const struct graphql_field *field, const struct json *source,
	const struct json *argument, struct json *ret, struct error *err)
{
	(void)field, (void)argument;
	return resolve_by(call, "experiments/get", "experiment_id", json_str(json_at(source, STR("info.experiment_id"))),
		"experiment", ret, err);
}

bool graphql_resolve_run_versions(struct rest_call *call, const struct graphql_field *field, const struct json *source,
	const struct json *argument, struct json *ret, struct error *err)
{
	const struct str run_id = json_str(json_at(source, STR("info.run_id")));

	(void)field, (void)argument;
	return resolve_by(call, "model-versions/search", "filter",
		str_of(arena_printf(call->arena, "run_id='%.*s'", STR_ARGS(run_id))), "model_versions", ret, err);
}

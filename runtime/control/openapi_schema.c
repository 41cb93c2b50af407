#include "control/openapi_schema.h"

#include "model/task.h"

static struct json text(const char *value)
{
	return json_string(str_of(value));
}

static void set(struct arena *arena, struct json *object, const char *key, struct json value)
{
	json_set(arena, object, str_of(key), value);
}

static struct json typed(struct arena *arena, const char *type)
{
	struct json schema = json_object();

	set(arena, &schema, "type", text(type));
	return schema;
}

static struct json array_of(struct arena *arena, struct json items)
{
	struct json schema = typed(arena, "array");

	set(arena, &schema, "items", items);
	return schema;
}

/* ---- types ---- */

static struct json scalar_schema(struct arena *arena, enum sig_type type)
{
	static const struct {
		const char *type, *format;
	} TYPES[SIG_ANY] = {
		[SIG_BOOLEAN] = {"boolean", NULL},
		[SIG_INTEGER] = {"integer", "int32"},
		[SIG_LONG] = {"integer", "int64"},
		[SIG_FLOAT] = {"number", "float"},
		[SIG_DOUBLE] = {"number", "double"},
		[SIG_STRING] = {"string", NULL},
		[SIG_BINARY] = {"string", NULL},
		[SIG_DATETIME] = {"string", NULL}, /* zones are optional, so it is no date-time of RFC 3339 */
	};
	struct json schema = typed(arena, TYPES[type].type);

	if (TYPES[type].format != NULL)
		set(arena, &schema, "format", text(TYPES[type].format));
	if (type == SIG_BINARY)
		set(arena, &schema, "contentEncoding", text("base64"));
	if (type == SIG_DATETIME)
		set(arena, &schema, "description", text("ISO 8601: 2026-11-25T20:44:23"));
	return schema;
}

/* "type": ["string", "null"] */
static void allow_null(struct arena *arena, struct json *schema)
{
	const struct json *type = json_get(schema, STR("type"));
	struct json types = json_array();

	if (json_type(type) != JSON_STRING)
		return;
	json_append(arena, &types, *type);
	json_append(arena, &types, text("null"));
	set(arena, schema, "type", types);
}

static struct json node_schema(struct arena *arena, const struct sig_node *node);

/* Columns and properties: an object of them. */
static struct json object_schema(struct arena *arena, const struct sig_property *properties, size_t count)
{
	struct json schema = typed(arena, "object"), members = json_object(), required = json_array();

	for (size_t i = 0; i < count; i++) {
		struct json member = node_schema(arena, &properties[i].node);

		if (properties[i].is_required)
			json_append(arena, &required, json_string(properties[i].name));
		else
			allow_null(arena, &member);
		if (json_type(&properties[i].fallback) != JSON_ABSENT)
			set(arena, &member, "default", properties[i].fallback);
		json_set(arena, &members, properties[i].name, member);
	}
	set(arena, &schema, "properties", members);
	if (required.size > 0)
		set(arena, &schema, "required", required);
	return schema;
}

static struct json tensor_schema(struct arena *arena, const struct sig_node *node)
{
	static const char *const TYPES[SIG_DTYPE_COUNT] = {
		[SIG_BOOL_] = "boolean", [SIG_INT8] = "integer", [SIG_INT16] = "integer", [SIG_INT32] = "integer",
		[SIG_INT64] = "integer", [SIG_UINT8] = "integer", [SIG_UINT16] = "integer", [SIG_UINT32] = "integer",
		[SIG_UINT64] = "integer", [SIG_FLOAT16] = "number", [SIG_FLOAT32] = "number", [SIG_FLOAT64] = "number",
		[SIG_STR] = "string", [SIG_BYTES] = "string", [SIG_DATETIME64] = "string"};
	struct json schema = TYPES[node->dtype] != NULL ? typed(arena, TYPES[node->dtype]) : json_object();

	for (size_t i = node->rank; i-- > 0;) {
		schema = array_of(arena, schema);
		if (node->shape[i] < 0)
			continue;
		set(arena, &schema, "minItems", json_integer(node->shape[i]));
		set(arena, &schema, "maxItems", json_integer(node->shape[i]));
	}
	return schema;
}

static struct json node_schema(struct arena *arena, const struct sig_node *node)
{
	struct json schema;

	if (sig_type_is_scalar(node->type))
		return scalar_schema(arena, node->type);
	switch (node->type) {
	case SIG_ARRAY:
		return array_of(arena, node_schema(arena, node->items));
	case SIG_OBJECT:
		return object_schema(arena, node->properties, node->property_count);
	case SIG_MAP:
		schema = typed(arena, "object");
		set(arena, &schema, "additionalProperties", node_schema(arena, node->items));
		return schema;
	case SIG_TENSOR:
		return tensor_schema(arena, node);
	default:
		return json_object();
	}
}

/* ---- forms ---- */

static void set_params(struct arena *arena, const struct signature *signature, struct json *members)
{
	for (size_t i = 0; i < signature->param_count; i++) {
		const struct sig_param *param = &signature->params[i];
		struct json schema = node_schema(arena, &param->node);

		if (param->is_list)
			schema = array_of(arena, schema);
		if (json_type(&param->fallback) == JSON_NULL)
			allow_null(arena, &schema);
		if (json_type(&param->fallback) != JSON_ABSENT)
			set(arena, &schema, "default", param->fallback);
		json_set(arena, members, param->name, schema);
	}
}

/* {"name": value, "params"?: {…}} */
static struct json form(struct arena *arena, const struct signature *signature, const char *name, struct json value)
{
	struct json schema = typed(arena, "object"), members = json_object(), required = json_array();

	set(arena, &members, name, value);
	if (signature->param_count > 0) {
		struct json params = typed(arena, "object"), list = json_object();

		set_params(arena, signature, &list);
		set(arena, &params, "properties", list);
		set(arena, &members, "params", params);
	}
	json_append(arena, &required, text(name));
	set(arena, &schema, "properties", members);
	set(arena, &schema, "required", required);
	return schema;
}

static struct json split_schema(struct arena *arena, const struct sig_schema *inputs)
{
	struct json schema = typed(arena, "object"), members = json_object(), required = json_array();
	struct json name = typed(arena, "string"), names = json_array();

	for (size_t i = 0; inputs->is_named && i < inputs->count; i++)
		json_append(arena, &names, json_string(inputs->columns[i].name));
	if (names.size > 0)
		set(arena, &name, "examples", names);
	set(arena, &members, "columns", array_of(arena, name));
	set(arena, &members, "index", array_of(arena, json_object()));
	set(arena, &members, "data", array_of(arena, array_of(arena, json_object())));
	json_append(arena, &required, text("data"));
	if (inputs->is_named)
		json_append(arena, &required, text("columns"));
	set(arena, &schema, "properties", members);
	set(arena, &schema, "required", required);
	return schema;
}

/* Columns without names go by their place. */
static struct json record_schema(struct arena *arena, const struct sig_schema *inputs)
{
	return inputs->is_named ? object_schema(arena, inputs->columns, inputs->count) : typed(arena, "object");
}

/* Columns at the top level, params beside them. */
static struct json llm_form(struct arena *arena, const struct signature *signature)
{
	struct json schema = object_schema(arena, signature->inputs.columns, signature->inputs.count);
	struct json members = *json_get(&schema, STR("properties"));
	struct json all = json_object();

	for (size_t i = 0; i < members.size; i++)
		json_set(arena, &all, json_str(&members.members[i].key), members.members[i].value);
	set_params(arena, signature, &all);
	set(arena, &schema, "properties", all);
	return schema;
}

static bool has_llm_form(const struct signature *signature)
{
	for (size_t i = 0; signature->inputs.is_named && !signature->inputs.is_tensor && i < signature->inputs.count; i++) {
		const struct str name = signature->inputs.columns[i].name;

		if (str_is(name, "messages") || str_is(name, "prompt") || str_is(name, "input"))
			return true;
	}
	return false;
}

/* One tensor without a name, or an object of them. */
static struct json tensors_schema(struct arena *arena, const struct sig_schema *inputs)
{
	return inputs->is_named ? object_schema(arena, inputs->columns, inputs->count)
				: node_schema(arena, &inputs->columns[0].node);
}

struct json openapi_request_schema(struct arena *arena, const struct bundle *bundle)
{
	const struct signature *signature = &bundle->signature;
	const struct sig_schema *inputs = &signature->inputs;
	struct json schema = json_object(), forms = json_array();

	if (inputs->is_tensor) {
		json_append(arena, &forms, form(arena, signature, "inputs", tensors_schema(arena, inputs)));
		json_append(arena, &forms, form(arena, signature, "instances", array_of(arena, json_object())));
	} else {
		json_append(arena, &forms, form(arena, signature, "dataframe_split", split_schema(arena, inputs)));
		json_append(arena, &forms, form(arena, signature, "dataframe_records", array_of(arena, record_schema(arena, inputs))));
		json_append(arena, &forms, form(arena, signature, "inputs", json_object()));
		json_append(arena, &forms, form(arena, signature, "instances", array_of(arena, json_object())));
	}
	if (has_llm_form(signature))
		json_append(arena, &forms, llm_form(arena, signature));
	set(arena, &schema, "anyOf", forms);
	return schema;
}

/* ---- answers ---- */

static struct json row_schema(struct arena *arena, const struct sig_schema *outputs)
{
	if (!outputs->is_declared || outputs->count == 0)
		return json_object();
	if (outputs->is_named)
		return object_schema(arena, outputs->columns, outputs->count);
	return outputs->count == 1 ? node_schema(arena, &outputs->columns[0].node) : json_object();
}

static struct json rows_schema(struct arena *arena, const struct bundle *bundle)
{
	const struct sig_schema *outputs = &bundle->signature.outputs;

	if (bundle->config.steps.count == 0) {
		/* It answers its input: rows by name, or by the number of their columns. */
		outputs = &bundle->signature.inputs;
		if (!outputs->is_tensor && !outputs->is_named)
			return array_of(arena, typed(arena, "object"));
	}
	return outputs->is_tensor && outputs->count > 0 ? tensors_schema(arena, outputs)
							: array_of(arena, row_schema(arena, outputs));
}

struct json openapi_answer_schema(struct arena *arena, const struct bundle *bundle)
{
	struct json rows = rows_schema(arena, bundle);
	struct json schema = json_object(), forms = json_array(), predictions = typed(arena, "object");
	struct json members = json_object(), required = json_array();

	json_append(arena, &required, text("predictions"));
	set(arena, &members, "predictions", rows);
	set(arena, &predictions, "properties", members);
	set(arena, &predictions, "required", required);
	if (!has_llm_form(&bundle->signature))
		return predictions;
	json_append(arena, &forms, predictions);
	json_append(arena, &forms, rows);
	if (bundle->task.kind != TASK_ROWS) {
		struct json completion = typed(arena, "object");

		set(arena, &completion, "description", text("a completion in the shape of OpenAI's, of a bundle that is one"));
		json_append(arena, &forms, completion);
	}
	set(arena, &schema, "anyOf", forms);
	return schema;
}

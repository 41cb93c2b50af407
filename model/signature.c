/* Signature: its names for types, and what is looked up in it; reading one is signature_decode.c.
 */
#include "model/signature.h"

static const char *const TYPES[SIG_TYPE_COUNT] = {
	[SIG_BOOLEAN] = "boolean",
	[SIG_INTEGER] = "integer",
	[SIG_LONG] = "long",
	[SIG_FLOAT] = "float",
	[SIG_DOUBLE] = "double",
	[SIG_STRING] = "string",
	[SIG_BINARY] = "binary",
	[SIG_DATETIME] = "datetime",
	[SIG_ANY] = "any",
	[SIG_ARRAY] = "array",
	[SIG_OBJECT] = "object",
	[SIG_MAP] = "map",
	[SIG_TENSOR] = "tensor",
};

static const char *const DTYPES[SIG_DTYPE_COUNT] = {
	[SIG_BOOL_] = "bool",
	[SIG_INT8] = "int8",
	[SIG_INT16] = "int16",
	[SIG_INT32] = "int32",
	[SIG_INT64] = "int64",
	[SIG_UINT8] = "uint8",
	[SIG_UINT16] = "uint16",
	[SIG_UINT32] = "uint32",
	[SIG_UINT64] = "uint64",
	[SIG_FLOAT16] = "float16",
	[SIG_FLOAT32] = "float32",
	[SIG_FLOAT64] = "float64",
	[SIG_STR] = "str",
	[SIG_BYTES] = "bytes",
	[SIG_DATETIME64] = "datetime64",
	[SIG_OBJECT_] = "object",
};

const char *sig_type_name(enum sig_type type)
{
	return (unsigned)type < SIG_TYPE_COUNT ? TYPES[type] : "unknown";
}

const char *sig_dtype_name(enum sig_dtype dtype)
{
	return (unsigned)dtype < SIG_DTYPE_COUNT ? DTYPES[dtype] : "unknown";
}

void signature_set_defaults(
	struct arena *arena, struct signature *signature, const struct json *defaults)
{
	struct sig_schema *inputs = &signature->inputs;

	if (json_type(defaults) != JSON_OBJECT || inputs->count == 0 || !inputs->is_named)
		return;
	struct sig_property *columns = arena_array(arena, inputs->count, sizeof(*columns));
	memcpy(columns, inputs->columns, inputs->count * sizeof(*columns));
	for (size_t i = 0; i < inputs->count; i++) {
		const struct json *fallback = json_get(defaults, columns[i].name);

		if (fallback == NULL)
			continue;
		columns[i].is_required = false;
		columns[i].fallback = *fallback;
	}
	inputs->columns = columns;
}

const struct sig_param *signature_param(const struct signature *signature, struct str name)
{
	for (size_t i = 0; i < signature->param_count; i++)
		if (str_eq(signature->params[i].name, name))
			return &signature->params[i];
	return NULL;
}

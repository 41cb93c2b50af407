#pragma once
/*
 * Signature: the types of a model's inputs, outputs and params, as MLflow writes them into MLmodel
 * (mlflow/types/schema.py: Schema.to_json, ParamSchema.to_json). Rules: docs/protocol/RULES.md V3, V4, V8, V9.
 */
#include "base/decode.h"

enum sig_type {
	SIG_BOOLEAN, SIG_INTEGER, SIG_LONG, SIG_FLOAT, SIG_DOUBLE, SIG_STRING, SIG_BINARY, SIG_DATETIME, SIG_ANY,
	SIG_ARRAY, SIG_OBJECT, SIG_MAP,
	SIG_TENSOR,
	SIG_TYPE_COUNT
};
/* MLflow's name: "boolean" … "map", "tensor". */
const char *sig_type_name(enum sig_type type);
static inline bool sig_type_is_scalar(enum sig_type type)
{
	return type < SIG_ANY;
}

enum sig_dtype { /* of a tensor: numpy's names */
	SIG_BOOL_, SIG_INT8, SIG_INT16, SIG_INT32, SIG_INT64, SIG_UINT8, SIG_UINT16, SIG_UINT32, SIG_UINT64,
	SIG_FLOAT16, SIG_FLOAT32, SIG_FLOAT64, SIG_STR, SIG_BYTES, SIG_DATETIME64, SIG_OBJECT_,
	SIG_DTYPE_COUNT
};
const char *sig_dtype_name(enum sig_dtype dtype);

struct sig_property;

struct sig_node {
	enum sig_type type;
	const struct sig_node *items;            /* of an array; the values of a map */
	const struct sig_property *properties;   /* of an object */
	size_t property_count;
	enum sig_dtype dtype;                    /* of a tensor */
	const int64_t *shape;                    /* -1 is free */
	size_t rank;
};

struct sig_property {
	struct str name; /* data is NULL where a column is unnamed */
	struct sig_node node;
	bool is_required;
	struct json fallback; /* of an input column: what it takes where missing or null; JSON_ABSENT: none */
};

struct sig_param {
	struct str name;
	struct sig_node node;
	bool is_list; /* shape [-1] */
	struct json fallback;
};

struct sig_schema {
	const struct sig_property *columns; /* or tensors */
	size_t count;
	const struct str *names; /* the columns' names once more, as struct input wants them */
	const struct str *keys;  /* each name as it is written: `"name":` */
	bool is_declared, is_named, is_tensor, has_nested;
};

struct signature {
	struct sig_schema inputs, outputs;
	const struct sig_param *params;
	size_t param_count;
	bool has_params; /* a params schema exists */
};

enum { SIG_DEPTH_MAX = 32, SIG_RANK_MAX = 32 };

/* Gives input columns their defaults, which makes them optional, whatever the signature says: who loads a bundle calls
 * this with config.yaml's `defaults`, a checked object of column names and values that fit, before the bundle is frozen.
 * The columns are written anew on `arena`: who looked at the old ones sees no change. */
void signature_set_defaults(struct arena *arena, struct signature *signature, const struct json *defaults);
const struct sig_param *signature_param(const struct signature *signature, struct str name);
/* As `long`, `Array(string)`, `{city: string, zip: string (optional)}`: for messages and people. */
void sig_node_write(struct buf *out, const struct sig_node *node);
/* A working request body made from the signature: {"dataframe_records":[{…}]}, inputs for tensors; JSON_ABSENT where
 * its tensors are too large to show. */
struct json signature_example(struct arena *arena, const struct signature *signature);

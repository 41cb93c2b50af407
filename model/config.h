#pragma once
/*
 * Config: config.yaml decoded: an agent without code. The field tables in config.c are the
 * definition; the reference page docs/reference/config.md is generated from them.
 *
 * Values are named by dotted paths over the row ("research.answer"); prompts write
 * {{research.answer}}. ${env:NAME},
 * ${env:NAME:-default} and ${secret:name} are replaced in strings when the bundle is loaded; text
 * that came from a secret may only stand in fields of the type secret. Everything lives on the
 * bundle's arena and is frozen.
 */
#include "base/decode.h"

struct config;
struct gate;
struct schema;
struct sql;

/* A language model. Providers: "openai" (any OpenAI-compatible chat-completions endpoint),
 * "recorded". */
struct model_spec {
	struct str name; /* first: DECODE_MAP */
	struct str provider;
	struct str base_url; /* without /chat/completions */
	struct secret api_key;
	struct str model;
	double temperature; /* below 0: not sent */
	double top_p;       /* below 0: not sent */
	int64_t max_tokens; /* 0: not sent */
	int64_t seed;       /* below 0: not sent */
	int64_t timeout_ms, connect_timeout_ms;
	int64_t retries;     /* further attempts after the first */
	int64_t concurrency; /* calls in flight in this process; 0: no limit */
	struct str fallback; /* another model's name, asked when this one's attempts are used up */
	double usd_per_million_input, usd_per_million_output;
	bool has_price; /* known, even where it is 0 */
	int64_t input_microusd_per_million,
		output_microusd_per_million;    /* the same as integers, for the ledger */
	const struct model_spec *fallback_spec; /* resolved; NULL: none */
	struct gate *gate;                      /* set by steps_prepare(); NULL: no limit */
	unsigned line;                          /* in config.yaml */
	struct json extra;                      /* further members of the request body, as given */
};

struct data_spec {
	struct str name;
	struct str sqlite; /* path inside the bundle, opened read-only and immutable; "" or
			      ":memory:" is an empty database */
};

enum sql_result { SQL_ROWS, SQL_ROW, SQL_VALUE };

struct tool_spec {
	struct str name;
	struct str description;
	struct json parameters; /* JSON Schema of its arguments; absent: any */
	struct {
		struct str data;      /* name under `data:`; "" is an in-memory database */
		struct str statement; /* one read-only statement; :name takes the argument of that
					 name */
		int64_t max_rows;
		int64_t timeout_ms;
		int result; /* enum sql_result: rows (array of objects), row (first row or null),
			       value (its first column) */
	} sql;
	bool has_sql;
	const struct data_spec *data_spec;
	const struct schema *parameters_schema;
	struct sql *sql_compiled; /* set by steps_prepare() */
};

enum step_type { STEP_LLM, STEP_TOOL, STEP_TYPE_COUNT };

struct llm_step {
	struct str model, prompt, system; /* prompt and system name templates; "": none */
	struct str messages;              /* dotted path to a conversation; "": none. One of prompt and messages is there */
	struct json sampling;             /* object: parameter → dotted path to its value; absent: the model's own */
	struct json output;               /* "text" or a JSON Schema */
	int64_t repairs; /* further turns when the answer misses its schema; default 1 */
	const struct model_spec *model_spec;
	const struct template *prompt_template, *system_template;
	const struct schema *schema; /* NULL: text */
};

struct tool_step {
	struct str tool;
	struct json arguments; /* argument name → dotted path; default: the row's value of the
				  argument's name */
	const struct tool_spec *spec;
};

struct step_spec {
	struct str name;
	enum step_type type;
	struct json when; /* object: dotted path → value; the step runs where all are equal. Absent:
			     always */
	union {
		struct llm_step llm;
		struct tool_step tool;
	};
	unsigned line; /* in config.yaml */
};

struct output_spec {
	struct str column, path;
};

struct config {
	int64_t version;            /* 1 */
	struct decode_list models;  /* struct model_spec */
	struct decode_list data;    /* struct data_spec */
	struct decode_list tools;   /* struct tool_spec */
	struct decode_list steps;   /* struct step_spec */
	struct decode_list outputs; /* struct output_spec; empty: a value of the column's name */
	struct json defaults;       /* object: input column → value for missing and null */
	int64_t timeout_ms;         /* of one row; 0: none but the server's */
};

/* For decoder->expand, with `expand_data` a const struct bundle_options. */
bool config_expand(struct decoder *decoder, struct str text, struct str *ret);

struct prompts;
/* Decodes the tree of config.yaml. References (models, prompts, tools, data, paths, prompt
 * variables) are resolved and checked against `prompts` and the columns of the signature by
 * config_link, after all files were read. */
void config_decode(struct decoder *decoder, const struct json *tree, struct config *ret);
struct signature;
void config_link(struct decoder *decoder, const struct json *tree, const struct prompts *prompts,
	const struct signature *signature, struct config *config);
const struct model_spec *config_model(const struct config *config, struct str name);
/* After steps_prepare(), which finds out what a statement takes: does every argument of every tool
 * step have a source? */
void config_check_arguments(struct decoder *decoder, const struct json *tree,
	const struct signature *signature, const struct config *config);
/* From the tables: the reference page of config.yaml, and its JSON Schema for editors. */
void config_reference(struct buf *out);
struct json config_schema(struct arena *arena);

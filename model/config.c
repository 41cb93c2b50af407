/*
 * The tables of config.yaml: what they cannot say is checked in config_check.c; what a name refers
 * to is looked up in config_link.c, when all files were read.
 */
#include "model/config_check.h"

#define AT(struct_, field_) .offset = offsetof(struct struct_, field_)

static const struct decode_field price_fields[] = {
	{"input", DECODE_DOUBLE, .offset = 0, .max = 1e6,
		.help = "US dollars for a million input tokens"},
	{"output", DECODE_DOUBLE,
		.offset = offsetof(struct model_spec, usd_per_million_output) -
			  offsetof(struct model_spec, usd_per_million_input),
		.max = 1e6, .help = "US dollars for a million output tokens"},
	{0},
};

static const struct decode_field model_fields[] = {
	{"provider", DECODE_STRING, AT(model_spec, provider), .fallback = "openai",
		.help = "`openai` (any OpenAI-compatible chat-completions endpoint) or `recorded` (the bundle's "
			"recordings)"},
	{"base_url", DECODE_STRING, AT(model_spec, base_url),
		.help = "the endpoint without `/chat/completions`; not looked up where recorded"},
	{"api_key", DECODE_SECRET, AT(model_spec, api_key),
		.help = "sent as a bearer token; the one place where `${secret:NAME}` may stand"},
	{"model", DECODE_STRING, AT(model_spec, model), .is_required = true,
		.help = "the model's name at the endpoint"},
	{"temperature", DECODE_DOUBLE, AT(model_spec, temperature), .max = 2,
		.help = "sampling temperature; by default not sent"},
	{"top_p", DECODE_DOUBLE, AT(model_spec, top_p), .max = 1,
		.help = "nucleus sampling; by default not sent"},
	{"max_tokens", DECODE_INTEGER, AT(model_spec, max_tokens), .max = 1e7,
		.help = "most tokens of an answer; by default not sent"},
	{"seed", DECODE_INTEGER, AT(model_spec, seed), .max = 9e15,
		.help = "the endpoint's random seed; by default not sent"},
	{"timeout_ms", DECODE_INTEGER, AT(model_spec, timeout_ms), .fallback = "60000", .min = 1,
		.max = 3600000, .help = "for one attempt, milliseconds"},
	{"connect_timeout_ms", DECODE_INTEGER, AT(model_spec, connect_timeout_ms),
		.fallback = "5000", .min = 1, .max = 600000,
		.help = "for the connection of one attempt, milliseconds"},
	{"retries", DECODE_INTEGER, AT(model_spec, retries), .fallback = "2", .max = 10,
		.help = "further attempts after the first, with growing pauses; Retry-After is kept"},
	{"concurrency", DECODE_INTEGER, AT(model_spec, concurrency), .fallback = "1024",
		.max = 10000, .help = "calls in flight in one process, others wait; 0: no limit"},
	{"fallback", DECODE_STRING, AT(model_spec, fallback),
		.help = "another model's name under `models`, asked when the attempts are used up"},
	{"price_usd_per_million", DECODE_OBJECT, AT(model_spec, usd_per_million_input),
		.fields = price_fields, .help = "for the built-in value `cost`, which is null where a model without price was called"},
	{"extra", DECODE_JSON, AT(model_spec, extra), .json_type = JSON_OBJECT,
		.help = "further members of the request's body, as given"},
	{0},
};

static const struct decode_field data_fields[] = {
	{"sqlite", DECODE_STRING, AT(data_spec, sqlite), .is_required = true,
		.help = "a database file of the bundle, opened read-only; `:memory:` is an empty one"},
	{0},
};

static const char *const sql_results[] = {
	[SQL_ROWS] = "rows", [SQL_ROW] = "row", [SQL_VALUE] = "value", NULL};

#define AT_SQL(field_)                                                                             \
	.offset = offsetof(struct tool_spec, sql.field_) - offsetof(struct tool_spec, sql)

static const struct decode_field sql_fields[] = {
	{"data", DECODE_STRING, AT_SQL(data),
		.help = "a name under `data`; by default an empty in-memory database"},
	{"statement", DECODE_STRING, AT_SQL(statement), .is_required = true,
		.help = "one read-only statement; `:name` takes the argument of that name"},
	{"max_rows", DECODE_INTEGER, AT_SQL(max_rows), .fallback = "1000", .min = 1, .max = 1000000,
		.help = "a result with more rows is an error"},
	{"timeout_ms", DECODE_INTEGER, AT_SQL(timeout_ms), .fallback = "5000", .min = 1,
		.max = 600000, .help = "a statement that takes longer is stopped, milliseconds"},
	{"result", DECODE_ENUM, AT_SQL(result), .choices = sql_results, .fallback = "rows",
		.help = "rows: an array of objects; row: the first one, or null; value: its first column"},
	{0},
};

static const struct decode_field tool_fields[] = {
	{"name", DECODE_STRING, AT(tool_spec, name), .is_required = true,
		.help = "what steps call it"},
	{"description", DECODE_STRING, AT(tool_spec, description),
		.help = "what it does, for readers"},
	{"parameters", DECODE_JSON, AT(tool_spec, parameters), .json_type = JSON_OBJECT,
		.help = "JSON Schema of its arguments (see docs/config.md), checked before it runs"},
	{"sql", DECODE_OBJECT, AT(tool_spec, sql), .fields = sql_fields,
		.help = "a statement on SQLite"},
	{0},
};

static void decode_llm(struct decoder *decoder, const struct json *value, void *ret);
static void decode_tool(struct decoder *decoder, const struct json *value, void *ret);
static void decode_outputs(struct decoder *decoder, const struct json *value, void *ret);

static const struct decode_field llm_fields[] = {
	{"model", DECODE_STRING, AT(llm_step, model), .is_required = true,
		.help = "a name under `models`"},
	{"prompt", DECODE_STRING, AT(llm_step, prompt),
		.help = "the template of the user's message; with `messages`: of a last one behind them"},
	{"system", DECODE_STRING, AT(llm_step, system),
		.help = "the template of the system message"},
	{"messages", DECODE_STRING, AT(llm_step, messages),
		.help = "dotted path to a conversation, a list of `{role, content}` (see docs/streaming.md); `prompt`, "
			"`messages` or both"},
	{"sampling", DECODE_JSON, AT(llm_step, sampling), .json_type = JSON_OBJECT,
		.help = "parameter (`temperature`, `top_p`, `max_tokens`, `seed`, `stop`) to dotted path: what a request says "
			"instead of the model's own; null is the model's own"},
	{"output", DECODE_JSON, AT(llm_step, output), .fallback = "\"text\"",
		.help = "`text`, or a JSON Schema: the answer is then JSON that fits it"},
	{"repairs", DECODE_INTEGER, AT(llm_step, repairs), .fallback = "1", .max = 5,
		.help = "further turns when the answer misses its schema"},
	{0},
};

static const struct decode_field tool_step_fields[] = {
	{"name", DECODE_STRING, AT(tool_step, tool), .is_required = true, .help = "a tool's name"},
	{"arguments", DECODE_JSON, AT(tool_step, arguments), .json_type = JSON_OBJECT,
		.help = "argument to dotted path; by default the row's value of the argument's name"},
	{0},
};

static const struct decode_field step_fields[] = {
	{"name", DECODE_STRING, AT(step_spec, name), .is_required = true,
		.help = "the step's value stands under this name in the row"},
	{"llm", DECODE_CUSTOM, .offset = 0, .custom = decode_llm, .fields = llm_fields,
		.help = "ask a language model"},
	{"tool", DECODE_CUSTOM, .offset = 0, .custom = decode_tool, .fields = tool_step_fields,
		.help = "run a tool: its name, or an object"},
	{"when", DECODE_JSON, AT(step_spec, when), .json_type = JSON_OBJECT,
		.help = "dotted path to value: the step runs where all are equal, else its value is null"},
	{0},
};

static const struct decode_field config_fields[] = {
	{"version", DECODE_INTEGER, AT(config, version), .fallback = "1",
		.help = "of this format: 1"},
	{"models", DECODE_MAP, AT(config, models), .fields = model_fields,
		.size = sizeof(struct model_spec), .help = "language models by name"},
	{"data", DECODE_MAP, AT(config, data), .fields = data_fields,
		.size = sizeof(struct data_spec), .help = "where tools read, by name"},
	{"tools", DECODE_LIST, AT(config, tools), .fields = tool_fields,
		.size = sizeof(struct tool_spec), .help = "what steps can run"},
	{"steps", DECODE_LIST, AT(config, steps), .fields = step_fields,
		.size = sizeof(struct step_spec),
		.help = "run in order for every row, each either `llm` or `tool`; none: the bundle answers its inputs"},
	{"outputs", DECODE_CUSTOM, AT(config, outputs), .custom = decode_outputs,
		.help = "column to dotted path; by default the value of the column's name"},
	{"defaults", DECODE_JSON, AT(config, defaults), .json_type = JSON_OBJECT,
		.help = "input column to the value that stands for a missing or null one; the column becomes optional"},
	{"timeout_ms", DECODE_INTEGER, AT(config, timeout_ms), .max = 3600000,
		.help = "for one row, milliseconds; 0: none but the server's"},
	{0},
};

bool config_probe(const struct decoder *decoder, const struct json *value, struct str *ret)
{
	struct arena arena;
	struct problems untold;
	struct decoder probe;

	if (json_type(value) != JSON_STRING)
		return false;
	*ret = json_str(value);
	if (decoder->expand == NULL)
		return true;
	arena_init(&arena);
	problems_init(&untold, &arena);
	decoder_init(&probe, decoder->arena, &untold, decoder->file);
	probe.expand_data = decoder->expand_data;
	probe.value = value;
	const bool is_fine = decoder->expand(&probe, json_str(value), ret) && untold.count == 0;
	decoder_done(&probe);
	arena_done(&arena);
	return is_fine;
}

static bool is_idle(const struct json_member *member)
{
	static const char *const names[] = {"base_url", "api_key"};
	const struct str text = json_type(&member->value) == JSON_STRING ? json_str(&member->value)
									 : (struct str){0};

	if (text.len == 0 || memmem(text.data, text.len, "${", 2) == NULL)
		return false;
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		if (str_is(json_str(&member->key), names[i]))
			return true;
	return false;
}

static void prune_model(struct decoder *decoder, struct json *model)
{
	struct str provider;

	if (!config_probe(decoder, json_get(model, STR("provider")), &provider) ||
		!str_is(provider, "recorded"))
		return;
	const struct json whole = *model;
	model->is_growable = 0;
	model->members = arena_array(decoder->arena, whole.size, sizeof(*model->members));
	model->size = 0;
	for (size_t i = 0; i < whole.size; i++)
		if (!is_idle(&whole.members[i]))
			model->members[model->size++] = whole.members[i];
}

/* A recorded model asks no endpoint: what its address and its key refer to need not be there. */
static struct json without_idle_references(struct decoder *decoder, const struct json *tree)
{
	struct json ret = *tree;
	const struct json *models = json_get(tree, STR("models"));

	if (json_type(models) != JSON_OBJECT)
		return ret;
	ret.is_growable = 0;
	ret.members = arena_array(decoder->arena, tree->size, sizeof(*ret.members));
	memcpy(ret.members, tree->members, tree->size * sizeof(*ret.members));
	struct json *copy = (struct json *)json_get(&ret, STR("models"));
	copy->is_growable = 0;
	copy->members = arena_array(decoder->arena, models->size, sizeof(*copy->members));
	for (size_t i = 0; i < copy->size; i++) {
		copy->members[i] = models->members[i];
		if (json_type(&copy->members[i].value) == JSON_OBJECT)
			prune_model(decoder, &copy->members[i].value);
	}
	return ret;
}

void config_decode(struct decoder *decoder, const struct json *tree, struct config *ret)
{
	*ret = (struct config){0};
	if (json_type(tree) == JSON_NULL || (json_type(tree) == JSON_OBJECT && tree->size == 0)) {
		decode_problem(decoder, NULL, "is empty; at least `version: 1`");
		return;
	}
	const struct json pruned = without_idle_references(decoder, tree);
	decode_object(decoder, &pruned, config_fields, ret);
	if (json_type(tree) == JSON_OBJECT)
		config_check(decoder, tree, ret);
}

/* Custom parts of the tables */

static void decode_llm(struct decoder *decoder, const struct json *value, void *ret)
{
	struct step_spec *step = ret;

	step->type = STEP_LLM;
	memset(&step->llm, 0, sizeof(step->llm));
	decode_object(decoder, value, llm_fields, &step->llm);
}

static void decode_tool(struct decoder *decoder, const struct json *value, void *ret)
{
	struct step_spec *step = ret;

	step->type = STEP_TOOL;
	memset(&step->tool, 0, sizeof(step->tool));
	if (json_type(value) == JSON_STRING)
		step->tool.tool = json_str(value);
	else
		decode_object(decoder, value, tool_step_fields, &step->tool);
}

static void decode_outputs(struct decoder *decoder, const struct json *value, void *ret)
{
	struct decode_list *list = ret;

	if (json_type(value) == JSON_NULL)
		return;
	if (json_type(value) != JSON_OBJECT) {
		decode_problem(decoder, value, "expected an object, column to path, got %s",
			json_type_name(value));
		return;
	}
	struct output_spec *items = arena_array(decoder->arena, value->size, sizeof(*items));
	for (size_t i = 0; i < value->size; i++) {
		const struct json_member *member = &value->members[i];

		items[list->count].column = json_str(&member->key);
		items[list->count].path = json_str(&member->value);
		if (json_type(&member->value) == JSON_STRING)
			list->count++;
		else
			decode_problem(decoder, &member->value,
				"output '%.*s': expected a dotted path, got %s",
				STR_ARGS(json_str(&member->key)), json_type_name(&member->value));
	}
	list->items = items;
}

const struct model_spec *config_model(const struct config *config, struct str name)
{
	const struct model_spec *models = config->models.items;

	for (size_t i = 0; i < config->models.count; i++)
		if (str_eq(models[i].name, name))
			return &models[i];
	return NULL;
}

void config_reference(struct buf *out)
{
	buf_add_text(out,
		"# config.yaml\n\nGenerated from the tables in model/config.c; docs/config.md explains "
		"how the parts work together. Keys that are not listed are refused.\n\n"
		"| key | value | default | meaning |\n|---|---|---|---|\n");
	decode_reference(out, config_fields, "");
}

struct json config_schema(struct arena *arena)
{
	struct json schema = decode_schema(arena, config_fields, true);

	json_set(arena, &schema, STR("title"), json_string(STR("config.yaml of a Sluice bundle")));
	return schema;
}

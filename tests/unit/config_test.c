/* config.yaml: what is read, and every mistake with file, line and path. */
#include "bundle_kit.h"

#include "base/yaml.h"
#include "model/prompt.h"
#include "model/schema.h"

#define MODELS          "models:\n  m: {provider: recorded, model: x}\n"
#define STEP            "steps:\n  - {name: answer, llm: {model: m, prompt: ask}}\n"
#define IN_MODEL(yaml_) "models:\n  m: {" yaml_ "}\n" STEP

static int set_up(void **state)
{
	static struct kit kit;

	kit_init(&kit);
	kit_write(&kit, "MLmodel", KIT_MLMODEL);
	kit_folder(&kit, "prompts");
	kit_write(&kit, "prompts/ask.txt", "Answer {{question}}");
	unsetenv("SLUICE_TEST_VALUE");
	unsetenv("SLUICE_SECRET_MY_KEY");
	*state = &kit;
	return 0;
}

static int tear_down(void **state)
{
	kit_done(*state);
	return 0;
}

static bool load(struct kit *kit, const char *config)
{
	kit_write(kit, "config.yaml", config);
	return kit_load(kit);
}

/* Reading */

static void test_echo(void **state)
{
	struct kit *kit = *state;

	assert_true(load(kit, "version: 1\n"));
	assert_int_equal(kit->bundle->config.steps.count, 0);
	assert_true(load(kit, "models: {}\nsteps: []\n"));
}

static void test_model(void **state)
{
	struct kit *kit = *state;

	assert_true(load(kit,
		"models:\n"
		"  m: {base_url: 'https://llm.example.com/v1/', api_key: '${env:SLUICE_TEST_VALUE:-k}', model: big, temperature: 0.3,\n"
		"      max_tokens: 2000, timeout_ms: 30000, retries: 3, fallback: small,\n"
		"      price_usd_per_million: {input: 3.00, output: 15.075}, extra: {top_k: 5}}\n"
		"  small: {provider: recorded, model: s}\n" STEP));
	const struct model_spec *model = config_model(&kit->bundle->config, STR("m"));
	assert_true(str_is(model->base_url, "https://llm.example.com/v1"));
	assert_true(str_is(secret_reveal(model->api_key), "k"));
	assert_true(model->temperature == 0.3);
	assert_true(model->top_p < 0);
	assert_int_equal(model->seed, -1);
	assert_int_equal(model->retries, 3);
	assert_int_equal(model->input_microusd_per_million, 3000000);
	assert_int_equal(model->output_microusd_per_million, 15075000);
	assert_ptr_equal(model->fallback_spec, config_model(&kit->bundle->config, STR("small")));
	assert_int_equal(json_get(&model->extra, STR("top_k"))->integer, 5);
	assert_null(config_model(&kit->bundle->config, STR("none")));
	const struct step_spec *step = kit->bundle->config.steps.items;
	assert_ptr_equal(step->llm.model_spec, model);
	assert_true(str_is(template_name(step->llm.prompt_template), "ask"));
	assert_null(step->llm.schema);
	assert_int_equal(step->llm.repairs, 1);
}

static void test_tool_step(void **state)
{
	struct kit *kit = *state;

	assert_true(load(kit,
		"tools:\n"
		"  - name: count\n"
		"    parameters: {type: object, properties: {text: {type: string}}, required: [text]}\n"
		"    sql: {statement: 'SELECT length(:text)', result: value}\n"
		"  - {name: plain, sql: {statement: 'SELECT :question AS q'}}\n"
		"steps:\n"
		"  - {name: size, tool: {name: count, arguments: {text: question}}, when: {max_slides: 3}}\n"
		"  - {name: rows, tool: plain}\n"
		"outputs: {answer: rows.0.q}\n"));
	const struct step_spec *steps = kit->bundle->config.steps.items;
	assert_int_equal(steps[0].type, STEP_TOOL);
	assert_int_equal(steps[0].line, 7);
	assert_true(str_is(steps[0].tool.spec->name, "count"));
	assert_int_equal(steps[0].tool.spec->sql.result, SQL_VALUE);
	assert_int_equal(steps[1].tool.spec->sql.max_rows, 1000);
	assert_non_null(steps[0].tool.spec->parameters_schema);
}

/* A default is read as a request's value would be, and its column may be absent from then on. */
static void test_defaults(void **state)
{
	struct kit *kit = *state;

	assert_true(load(kit, "defaults: {question: why, max_slides: 5.0}\n"));
	const struct json *value = json_get(&kit->bundle->config.defaults, STR("max_slides"));
	assert_int_equal(value->type, JSON_INTEGER);
	assert_int_equal(value->integer, 5);
	assert_false(kit->bundle->signature.inputs.columns[0].is_required);
}

/* Environment and secrets */

static void test_environment(void **state)
{
	struct kit *kit = *state;
	const char *config = "models:\n"
			     "  m:\n"
			     "    base_url: http://${env:SLUICE_TEST_VALUE:-localhost}:1/v1\n"
			     "    model: a$${b}${env:SLUICE_TEST_VALUE:-}c\n"
			     "    timeout_ms: '${env:SLUICE_TEST_TIMEOUT:-250}'\n"
			     "    extra: {user: '${env:SLUICE_TEST_VALUE:-nobody}'}\n" STEP;

	assert_true(load(kit, config));
	const struct model_spec *model = config_model(&kit->bundle->config, STR("m"));
	assert_true(str_is(model->base_url, "http://localhost:1/v1"));
	assert_true(str_is(model->model, "a${b}c"));
	assert_int_equal(model->timeout_ms, 250);

	/* What a variable holds is not expanded again. */
	setenv("SLUICE_TEST_VALUE", "${env:HOME}", 1);
	assert_true(load(kit,
		"models: {m: {provider: recorded, model: '${env:SLUICE_TEST_VALUE}'}}\n" STEP));
	model = config_model(&kit->bundle->config, STR("m"));
	assert_true(str_is(model->model, "${env:HOME}"));
}

static void test_secrets(void **state)
{
	struct kit *kit = *state;
	const char *config =
		"models: {m: {base_url: 'http://h/v1', model: x, api_key: 'a-${secret:my.key}'}}\n" STEP;

	assert_false(load(kit, config));
	kit_expect(kit,
		"config.yaml:1: models.m.api_key: '${secret:my.key}' is not set (a file of that name in the secret "
		"folder, or SLUICE_SECRET_<NAME>)",
		NULL);
	setenv("SLUICE_SECRET_MY_KEY", "from-env", 1);
	assert_true(load(kit, config));
	const struct model_spec *model = config_model(&kit->bundle->config, STR("m"));
	assert_true(str_is(secret_reveal(model->api_key), "a-from-env"));

	kit_folder(kit, "secrets");
	kit_write(kit, "secrets/my.key", "from-file\n");
	kit->options.secret_dir = arena_printf(&kit->arena, "%s/secrets", kit->dir);
	assert_true(load(kit, config));
	model = config_model(&kit->bundle->config, STR("m"));
	assert_true(str_is(secret_reveal(model->api_key), "a-from-file"));
}

static void test_offline(void **state)
{
	struct kit *kit = *state;

	kit->options.is_offline = true;
	assert_true(load(kit,
		"models:\n"
		"  m: {provider: '${env:SLUICE_TEST_VALUE}', base_url: '${env:SLUICE_TEST_VALUE}',\n"
		"      model: '${env:SLUICE_TEST_VALUE}', api_key: '${secret:my.key}',\n"
		"      timeout_ms: '${env:SLUICE_TEST_VALUE}'}\n" STEP));
	assert_int_equal(config_model(&kit->bundle->config, STR("m"))->timeout_ms, 60000);
}

/* A recorded model asks no endpoint: address and key need not be there, whoever says so. */
static void test_recorded(void **state)
{
	struct kit *kit = *state;
	const char *config =
		"models:\n"
		"  m: {provider: '${env:SLUICE_TEST_VALUE:-openai}', model: x,\n"
		"      base_url: '${env:SLUICE_TEST_NONE}', api_key: '${secret:my.key}'}\n"
		"  n: {base_url: 'http://h/v1', api_key: '${env:SLUICE_TEST_VALUE}',\n"
		"      model: y, temperature: 1}\n" STEP;

	setenv("SLUICE_TEST_VALUE", "recorded", 1);
	assert_true(load(kit, config));
	const struct model_spec *model = config_model(&kit->bundle->config, STR("m"));
	assert_true(str_is(model->provider, "recorded"));
	assert_int_equal(model->base_url.len, 0);
	assert_false(secret_is_set(model->api_key));
	assert_true(model->temperature < 0);
	assert_int_equal(model->line, 2);
	model = config_model(&kit->bundle->config, STR("n"));
	assert_true(str_is(secret_reveal(model->api_key), "recorded"));
	assert_true(model->temperature == 1);

	setenv("SLUICE_TEST_VALUE", "", 1);
	assert_false(load(kit, IN_MODEL("model: x, base_url: '${env:SLUICE_TEST_VALUE}'")));
	kit_expect(kit,
		"config.yaml:2: models.m.base_url: provider 'openai' needs a base_url, but SLUICE_TEST_VALUE is "
		"empty",
		NULL);

	setenv("SLUICE_TEST_VALUE", "openai", 1);
	assert_false(load(kit, config));
	kit_expect(kit, "config.yaml:3: models.m.base_url: '${env:SLUICE_TEST_NONE}' is not set…",
		"config.yaml:3: models.m.api_key: '${secret:my.key}' is not set…", NULL);
}

/* Mistakes */

struct mistake {
	const char *config, *expected[4];
};

#define IN_STEP(yaml_) MODELS "steps:\n  - {name: answer, " yaml_ "}\n"
#define IN_TOOL(yaml_) "tools:\n  - {" yaml_ "}\n"

static const struct mistake MISTAKES[] = {
	/* the file */
	{"a: [", {"config.yaml:…"}},
	{"a: 1\na: 2\n", {"config.yaml:2: …"}},
	{"a: &x 1\nb: *x\n", {"config.yaml:1: …"}},
	{"", {"config.yaml: is empty; at least `version: 1`"}},
	{"{}\n", {"config.yaml: is empty; at least `version: 1`"}},
	{"- 1\n", {"config.yaml:1: expected an object, got an array"}},
	{"version: 2\n", {"config.yaml:1: version: this runtime reads version 1, not 2"}},
	{"version: one\n", {"config.yaml:1: version: expected an integer, got the string 'one'"}},
	{"stepz: []\n", {"config.yaml:1: unknown key 'stepz', did you mean 'steps'?"}},
	/* what this runtime does not have is refused, not ignored */
	{"guards: {input: []}\n", {"config.yaml:1: unknown key 'guards'…"}},
	{IN_STEP("judge: {model: m}"),
		{"config.yaml:4: steps[0]: unknown key 'judge'…",
			"config.yaml:4: steps[0]: a step needs a kind: llm or tool"}},
	{IN_STEP("llm: {model: m, prompt: ask, tools: [t]}"),
		{"config.yaml:4: steps[0].llm: unknown key 'tools'…"}},
	{IN_STEP("llm: {model: m, prompt: ask, max_turns: 5}"),
		{"config.yaml:4: steps[0].llm: unknown key 'max_turns'…"}},
	{IN_TOOL("name: t, http: {url: x}"),
		{"config.yaml:2: tools[0]: unknown key 'http'…",
			"config.yaml:2: tools[0]: a tool needs a kind: sql"}},
	{IN_TOOL("name: t, mcp: {}"), {"config.yaml:2: tools[0]: unknown key 'mcp'…",
					      "config.yaml:2: tools[0]: a tool needs a kind: sql"}},
	{"data: {w: {databricks_sql: {}}}\n",
		{"config.yaml:1: data.w: unknown key 'databricks_sql'…",
			"config.yaml:1: data.w: 'sqlite' is missing"}},
	/* models */
	{IN_MODEL("provider: recorded"), {"config.yaml:2: models.m: 'model' is missing"}},
	{IN_MODEL("model: x"),
		{"config.yaml:2: models.m.base_url: provider 'openai' needs a base_url"}},
	{IN_MODEL("model: x, provider: opena, base_url: 'http://h'"),
		{"config.yaml:2: models.m.provider: unknown provider 'opena', did you mean 'openai'?"}},
	{IN_MODEL("model: x, provider: zzzzzzzzzz, base_url: 'http://h'"),
		{"config.yaml:2: models.m.provider: unknown provider 'zzzzzzzzzz' (known: openai, recorded)"}},
	{IN_MODEL("model: x, base_url: 'ftp://h'"),
		{"config.yaml:2: models.m.base_url: 'ftp://h' does not start with http:// or https://"}},
	{IN_MODEL("model: x, base_url: 'http://u:p@h/'"),
		{"config.yaml:2: models.m.base_url: credentials in the URL would show in logs: use api_key"}},
	{IN_MODEL("model: x, base_url: 'http://h/?a=1'"),
		{"config.yaml:2: models.m.base_url: 'http://h/?a=1': expected scheme, host and path only"}},
	{IN_MODEL("model: x, base_url: \"http://h/\\tv1\""),
		{"config.yaml:2: models.m.base_url: 'http://h/\\x09v1': expected scheme, host and path only"}},
	{IN_MODEL(
		 "model: x, base_url: 'http://h', api_key: \"${env:SLUICE_TEST_VALUE:-k}\\r\\nX: y\""),
		{"config.yaml:2: models.m: api_key: holds a blank or a control character"}},
	{IN_MODEL("model: x, base_url: 'http://h', api_key: sk-123"),
		{"config.yaml:2: models.m.api_key: a key in plain text would be packed; write "
		 "${secret:NAME} or ${env:NAME}"}},
	{IN_MODEL("model: x, provider: recorded, api_key: 'sk-$${123}'"),
		{"config.yaml:2: models.m.api_key: a key in plain text would be packed…"}},
	{IN_MODEL("model: x, base_url: '$LLM_BASE_URL'"),
		{"config.yaml:2: models.m.base_url: '$LLM_BASE_URL': write ${env:LLM_BASE_URL}"}},
	{IN_MODEL("model: x, base_url: '${env:SLUICE_TEST_VALUE}'"),
		{"config.yaml:2: models.m.base_url: '${env:SLUICE_TEST_VALUE}' is not set (give a default "
		 "with ${env:NAME:-default})"}},
	{IN_MODEL("model: x, base_url: '${env:SLUICE_TEST_VALUE:-}'"),
		{"config.yaml:2: models.m.base_url: provider 'openai' needs a base_url, but SLUICE_TEST_VALUE is not set"}},
	{IN_MODEL("model: x, provider: recorded, temperature: 3"),
		{"config.yaml:2: models.m.temperature: expected 0 to 2, got 3"}},
	{IN_MODEL("model: x, provider: recorded, retries: 11"),
		{"config.yaml:2: models.m.retries: expected 0 to 10, got 11"}},
	{IN_MODEL("model: x, provider: recorded, timeout_ms: 0"),
		{"config.yaml:2: models.m.timeout_ms: expected 1 to 3600000, got 0"}},
	{IN_MODEL("model: 4"),
		{"config.yaml:2: models.m.model: expected a string, got the integer 4 (text that looks so needs quotes)",
			"config.yaml:2: models.m.base_url: provider 'openai' needs a base_url"}},
	{IN_MODEL("model: x, provider: recorded, price_usd_per_million: {input: 0.0000001}"),
		{"config.yaml:2: models.m.price_usd_per_million: input: 1e-07 is finer than a micro-dollar"}},
	{IN_MODEL("model: x, provider: recorded, price_usd_per_million: {inptu: 1}"),
		{"config.yaml:2: models.m.price_usd_per_million: unknown key 'inptu', did you mean 'input'?"}},
	{IN_MODEL("model: x, provider: recorded, extra: {messages: []}"),
		{"config.yaml:2: models.m: extra: 'messages' is set by the runtime"}},
	{IN_MODEL("model: x, provider: recorded, fallback: n"),
		{"config.yaml:2: models.m.fallback: unknown model 'n'…"}},
	{"models:\n  a: {provider: recorded, model: x, fallback: b}\n  b: {provider: recorded, model: x, fallback: a}\n",
		{"config.yaml:2: models.a: fallback: 'b' leads back to itself"}},
	/* environment and secrets */
	{IN_MODEL("provider: recorded, model: '${env:SLUICE_TEST_VALUE}'"),
		{"config.yaml:2: models.m.model: '${env:SLUICE_TEST_VALUE}' is not set (give a default with "
		 "${env:NAME:-default})"}},
	{IN_MODEL("provider: recorded, model: '${secret:my.key}'"),
		{"config.yaml:2: models.m.model: secret 'my.key' would show here…"}},
	{IN_MODEL("provider: recorded, model: x, extra: {a: ['${secret:my.key}']}"),
		{"config.yaml:2: models.m.extra.a[0]: secret 'my.key' would show here…"}},
	{IN_MODEL("provider: recorded, model: '${environment:X}'"),
		{"config.yaml:2: models.m.model: '${environment:X}' is neither…"}},
	{IN_MODEL("provider: recorded, model: '${env:X'"),
		{"config.yaml:2: models.m.model: '${' without '}'"}},
	{IN_MODEL("provider: recorded, model: '${env:A B}'"),
		{"config.yaml:2: models.m.model: 'A B' is no name of an environment variable"}},
	{IN_MODEL("base_url: 'http://h', model: x, api_key: '${secret:../x}'"),
		{"config.yaml:2: models.m.api_key: '../x' is no name of a secret"}},
	/* data and tools */
	{"data: {d: {sqlite: ../x.db}}\n",
		{"config.yaml:1: data.d: sqlite: '../x.db' is no file of the bundle (paths start at the folder of MLmodel)"}},
	{"data: {d: {sqlite: data/none.db}}\n",
		{"config.yaml:1: data.d: sqlite: 'data/none.db' is no file of the bundle (paths start at the folder of MLmodel)"}},
	{IN_TOOL("sql: {statement: SELECT 1}"), {"config.yaml:2: tools[0]: 'name' is missing"}},
	{IN_TOOL("name: 'a b', sql: {statement: SELECT 1}"),
		{"config.yaml:2: tools[0]: name: 'a b' is no name…"}},
	{IN_TOOL("name: t, sql: {}"), {"config.yaml:2: tools[0].sql: 'statement' is missing"}},
	{IN_TOOL("name: t, sql: {statement: SELECT 1, result: cell}"),
		{"config.yaml:2: tools[0].sql.result: expected one of rows, row, value, got the string 'cell'"}},
	{IN_TOOL("name: t, sql: {statement: SELECT 1, data: d}"),
		{"config.yaml:2: tools[0].sql.data: unknown data 'd' (none is declared)"}},
	{IN_TOOL("name: t, sql: {statement: SELEC 1}"),
		{"config.yaml:2: tools[0].sql.statement: …"}},
	{IN_TOOL("name: t, parameters: {typ: object}, sql: {statement: SELECT 1}"),
		{"config.yaml:2: tools[0].parameters: unknown JSON Schema keyword 'typ', did you mean 'type'?"}},
	{"tools:\n  - {name: t, sql: {statement: SELECT 1}}\n  - {name: t, sql: {statement: SELECT 1}}\n",
		{"config.yaml:3: tools[1]: a second tool 't'"}},
	/* steps */
	{IN_STEP("tool: t, llm: {model: m, prompt: ask}"),
		{"config.yaml:4: steps[0]: a step is either llm or tool, not both",
			"config.yaml:4: steps[0].…"}},
	{IN_STEP("llm: {model: n, prompt: ask}"),
		{"config.yaml:4: steps[0].llm.model: unknown model 'n'…"}},
	{IN_STEP("llm: {model: m, prompt: aks}"),
		{"config.yaml:4: steps[0].llm.prompt: unknown prompt 'aks', did you mean 'ask'?"}},
	{IN_STEP("llm: {model: m, prompt: ask, system: sys}"),
		{"config.yaml:4: steps[0].llm.system: unknown prompt 'sys': no prompts/sys.txt; prompts here: ask"}},
	{IN_STEP("llm: {model: m, prompt: ask.txt}"),
		{"config.yaml:4: steps[0].llm.prompt: unknown prompt 'ask.txt': write 'ask', without .txt"}},
	{IN_STEP("llm: {model: m}"),
		{"config.yaml:4: steps[0].llm: asks nothing: name a prompt, or the path of a conversation as messages"}},
	{IN_STEP("llm: {model: m, messages: talk}"),
		{"config.yaml:4: steps[0].llm.messages: unknown name 'talk'…"}},
	{IN_STEP("llm: {model: m, prompt: ask, sampling: {n: question, top_p: 1, seed: nothing}}"),
		{"config.yaml:4: steps[0].llm.sampling.n: unknown parameter 'n' (temperature, top_p, max_tokens, seed, stop)",
			"config.yaml:4: steps[0].llm.sampling.top_p: expected a dotted path, got an integer",
			"config.yaml:4: steps[0].llm.sampling.seed: unknown name 'nothing'…"}},
	{IN_STEP("llm: {model: m, prompt: 5}"),
		{"config.yaml:4: steps[0].llm.prompt: expected a string, got the integer 5…"}},
	{IN_STEP("llm: m"),
		{"config.yaml:4: steps[0].llm: expected an object, got the string 'm'"}},
	{IN_STEP("llm: {model: m, prompt: ask, output: json}"),
		{"config.yaml:4: steps[0].llm.output: expected text or a JSON Schema, got a string"}},
	{IN_STEP("llm: {model: m, prompt: ask, output: {type: objec}}"),
		{"config.yaml:4: steps[0].llm.output.type: unknown type 'objec', did you mean 'object'?"}},
	{IN_STEP("tool: t"), {"config.yaml:4: steps[0].tool: unknown tool 't' (none is declared)"}},
	{MODELS "steps:\n  - {name: question, llm: {model: m, prompt: ask}}\noutputs: {answer: question}\n",
		{"config.yaml:4: steps[0]: name: taken by the input column 'question'"}},
	{MODELS "steps:\n  - {name: now, llm: {model: m, prompt: ask}}\noutputs: {answer: now}\n",
		{"config.yaml:4: steps[0]: name: taken by the built-in value 'now'"}},
	{MODELS "steps:\n  - {name: a.b, llm: {model: m, prompt: ask}}\noutputs: {answer: question}\n",
		{"config.yaml:4: steps[0]: name: 'a.b' is no name…"}},
	{MODELS STEP "  - {name: answer, llm: {model: m, prompt: ask}}\n",
		{"config.yaml:5: steps[1]: name: a second step 'answer'"}},
	{IN_STEP("llm: {model: m, prompt: ask}, when: {mode: x}"),
		{"config.yaml:4: steps[0].when: unknown name 'mode'…"}},
	{MODELS STEP "  - {name: b, llm: {model: m, prompt: ask}, when: {c: x}}\n"
		     "  - {name: c, llm: {model: m, prompt: ask}}\n",
		{"config.yaml:5: steps[1].when: step 'c' has not run yet here"}},
	{IN_STEP("llm: {model: m, prompt: ask}, when: {answer: x}"),
		{"config.yaml:4: steps[0].when: step 'answer' has not run yet here"}},
	/* arguments */
	{IN_TOOL("name: t, sql: {statement: 'SELECT :questoin'}") "steps: [{name: answer, tool: t}]\n",
		{"config.yaml:3: steps[0]: argument :questoin of tool 't' has no source: unknown name 'questoin', did "
		 "you mean 'question'?"}},
	{IN_TOOL("name: t, sql: {statement: 'SELECT :a'}") "steps: [{name: answer, tool: {name: t, arguments: {a: question, b: question}}}]\n",
		{"config.yaml:3: steps[0]: arguments: the statement of tool 't' has no :b"}},
	{IN_TOOL("name: t, parameters: {properties: {a: {}}, required: [a]}, sql: {statement: 'SELECT :a'}") "steps: [{name: answer, tool: t}]\n",
		{"config.yaml:3: steps[0].tool: required parameter 'a' of tool 't': unknown name 'a'…"}},
	{IN_TOOL("name: t, parameters: {properties: {a: {}}, additionalProperties: false}, sql: {statement: 'SELECT :a'}") "steps: [{name: answer, tool: {name: t, arguments: {a: 1, b: question, c: questio}}}]\n",
		{"config.yaml:3: steps[0].tool.arguments.a: expected a dotted path, got an integer",
			"config.yaml:3: steps[0].tool.arguments.b: tool 't' has no parameter 'b'",
			"config.yaml:3: steps[0].tool.arguments.c: tool 't' has no parameter 'c'",
			"config.yaml:3: steps[0].tool.arguments.c: unknown name 'questio', did you mean 'question'?"}},
	{IN_TOOL("name: t, parameters: {properties: {a: {}}}, sql: {statement: 'SELECT :a, :b'}"),
		{"config.yaml:2: tools[0]: sql.statement: :b is none of the tool's parameters"}},
	{IN_TOOL("name: t, parameters: {type: object}, sql: {statement: 'SELECT :a'}") "steps: [{name: answer, tool: t}]\n",
		{"config.yaml:3: steps[0]: argument :a of tool 't' has no source: unknown name 'a'…"}},
	/* outputs */
	{MODELS "steps:\n  - {name: a, llm: {model: m, prompt: ask}}\n",
		{"config.yaml:1: outputs: output column 'answer' of the signature has no source: unknown name 'answer'…"}},
	{MODELS STEP "outputs: {answr: answer}\n",
		{"config.yaml:5: outputs.answr: the signature has no output column 'answr'"}},
	{MODELS STEP "outputs: {answer: answer.text}\n",
		{"config.yaml:5: outputs.answer: step 'answer' has no 'text'"}},
	{MODELS STEP "outputs: {answer: question.x}\n",
		{"config.yaml:5: outputs.answer: input column 'question' has no 'x'"}},
	{MODELS STEP "outputs: {answer: cost.x}\n",
		{"config.yaml:5: outputs.answer: built-in value 'cost' has no 'x'"}},
	{MODELS STEP "outputs: {answer: blocked}\n",
		{"config.yaml:5: outputs.answer: unknown name 'blocked'…"}},
	{MODELS STEP "outputs: {answer: 'answer.'}\n",
		{"config.yaml:5: outputs.answer: 'answer.' is no dotted path"}},
	{MODELS STEP "outputs: {answer: 7}\n",
		{"config.yaml:5: outputs: output 'answer': expected a dotted path, got an integer"}},
	{MODELS STEP "outputs: answer\n",
		{"config.yaml:5: outputs: expected an object, column to path, got a string"}},
	{"outputs: {answer: question}\n",
		{"config.yaml:1: outputs: a bundle without steps answers its inputs: outputs say nothing there"}},
	/* defaults */
	{"defaults: {max_slide: 3}\n",
		{"config.yaml:1: defaults.max_slide: the signature has no input column 'max_slide'"}},
	{"defaults: {max_slides: many}\n",
		{"config.yaml:1: defaults.max_slides: does not fit the signature: …"}},
	{"defaults: {max_slides: null}\n",
		{"config.yaml:1: defaults.max_slides: null is what a default stands for"}},
	{"defaults: [1]\n", {"config.yaml:1: defaults: expected an object, got an array"}},
};

static void test_mistakes(void **state)
{
	struct kit *kit = *state;
	size_t failed = 0;

	for (size_t i = 0; i < sizeof(MISTAKES) / sizeof(*MISTAKES); i++) {
		const struct mistake *mistake = &MISTAKES[i];
		bool is_same = !load(kit, mistake->config);

		for (size_t j = 0; j < 4 || j < kit->problems.count; j++) {
			const char *got = j < kit->problems.count ? kit_problem(kit, j) : "";
			const char *want =
				j < 4 && mistake->expected[j] != NULL ? mistake->expected[j] : "";
			const bool is_start = str_ends(str_of(want), STR("…"));

			is_same &= is_start ? strncmp(got, want, strlen(want) - strlen("…")) == 0
					    : strcmp(got, want) == 0;
		}
		failed += !is_same;
		for (size_t j = 0; !is_same && j < kit->problems.count; j++)
			print_error(
				"%sgot: %s\n", j == 0 ? mistake->config : "", kit_problem(kit, j));
		if (!is_same && kit->problems.count == 0)
			print_error("%sgot no problem\n", mistake->config);
	}
	assert_int_equal(failed, 0);
}

/* Variables of prompts stand in their own files. */
static void test_prompt_variables(void **state)
{
	struct kit *kit = *state;

	kit_write(kit, "prompts/ask.txt",
		"{{question}}\n{{quesion}} {{later}}\n{{plan.titel}} {{text.x}} {{now}}\n");
	kit_write(kit, "prompts/plan.txt", "{{question}} {{max_slides}}");
	assert_false(load(kit, MODELS
		"steps:\n"
		"  - {name: plan, llm: {model: m, prompt: plan, output: {properties: {title: {type: string}}}}}\n"
		"  - {name: text, llm: {model: m, prompt: plan}}\n"
		"  - {name: answer, llm: {model: m, prompt: ask}}\n"
		"  - {name: later, llm: {model: m, prompt: plan}}\n"));
	kit_expect(kit,
		"prompts/ask.txt:2: {{quesion}}: unknown name 'quesion', did you mean 'question'?, in step 'answer'",
		"prompts/ask.txt:2: {{later}}: step 'later' has not run yet here, in step 'answer'",
		"prompts/ask.txt:3: {{plan.titel}}: step 'plan' has no 'titel', did you mean 'title'?, in step 'answer'",
		"prompts/ask.txt:3: {{text.x}}: step 'text' has no 'x', in step 'answer'", NULL);
}

/* Without declared inputs a request may bring any name; steps are checked all the same. */
static void test_open_inputs(void **state)
{
	struct kit *kit = *state;

	kit_write(kit, "MLmodel", KIT_FLAVOR);
	kit_write(kit, "prompts/ask.txt", "{{anything.at.all}} {{input}}");
	assert_true(load(kit, MODELS STEP "outputs: {a: answer, b: whatever}\n"));
	assert_false(load(kit, MODELS STEP "outputs: {a: answer.x}\n"));
	kit_expect(kit, "config.yaml:5: outputs.a: step 'answer' has no 'x'", NULL);
}

/* Without columns, defaults are for steps to read; without steps, too, for nobody. */
static void test_defaults_of_open_inputs(void **state)
{
	struct kit *kit = *state;

	kit_write(kit, "MLmodel", KIT_FLAVOR);
	assert_true(load(kit, MODELS "defaults: {question: why, other: 1}\n" STEP));
	assert_true(load(kit, "defaults: {}\n"));
	assert_false(load(kit, "defaults: {question: why}\n"));
	kit_expect(kit,
		"config.yaml:1: defaults: a bundle without declared inputs and without steps answers "
		"what it gets: defaults say nothing there",
		NULL);
}

static void test_defaults_need_named_columns(void **state)
{
	struct kit *kit = *state;

	kit_write(kit, "MLmodel", KIT_FLAVOR "signature:\n  inputs: '[{\"type\": \"long\"}]'\n");
	assert_false(load(kit, "defaults: {question: why}\n"));
	kit_expect(kit,
		"config.yaml:1: defaults.question: the signature has no input column 'question'",
		NULL);
	kit_write(kit, "MLmodel",
		KIT_FLAVOR
		"signature:\n  inputs: '[{\"type\": \"tensor\", \"name\": \"x\", \"tensor-spec\": "
		"{\"dtype\": \"int64\", \"shape\": [-1]}}]'\n");
	assert_false(load(kit, "defaults: {x: 1}\n"));
	kit_expect(kit, "config.yaml:1: defaults.x: a tensor has no default", NULL);
}

static void test_too_many(void **state)
{
	struct kit *kit = *state;
	struct buf text = {0};

	buf_add_text(&text, "models:\n");
	for (int i = 0; i < 300; i++)
		buf_printf(&text, "  m%d: {provider: recorded, model: x}\n", i);
	assert_false(load(kit, buf_text(&text)));
	kit_expect(kit, "config.yaml:2: models: 300 of them, at most 256 are read", NULL);
	buf_done(&text);
}

static void test_reference(void **state)
{
	struct buf text = {0};

	config_reference(&text);
	static const char *const keys[] = {"`version`", "`models.NAME.api_key`",
		"`models.NAME.price_usd_per_million.input`", "`tools[].sql.statement`",
		"`steps[].llm.output`", "`steps[].tool.arguments`", "`steps[].when`", "`outputs`",
		"`defaults`", NULL};
	for (size_t i = 0; keys[i] != NULL; i++)
		if (strstr(buf_text(&text), keys[i]) == NULL)
			fail_msg("%s is not in the reference", keys[i]);
	buf_done(&text);
}

/* schema.c knows no "pattern", which only tells ${…} from other text. */
static void drop_patterns(struct json *schema)
{
	size_t kept = 0;

	for (size_t i = 0; json_type(schema) == JSON_ARRAY && i < schema->size; i++)
		drop_patterns(&schema->items[i]);
	for (size_t i = 0; json_type(schema) == JSON_OBJECT && i < schema->size; i++) {
		if (str_is(json_str(&schema->members[i].key), "pattern"))
			continue;
		schema->members[kept] = schema->members[i];
		drop_patterns(&schema->members[kept++].value);
	}
	if (json_type(schema) == JSON_OBJECT)
		schema->size = kept & JSON_FIELD_MAX;
}

static bool fits_schema(struct kit *kit, const char *config, struct error *err)
{
	struct json tree, schema = config_schema(&kit->arena);
	struct problems problems;
	struct decoder decoder;

	drop_patterns(&schema);
	problems_init(&problems, &kit->arena);
	decoder_init(&decoder, &kit->arena, &problems, "schema");
	const struct schema *compiled = schema_compile(&decoder, &schema);
	decoder_done(&decoder);
	if (compiled == NULL)
		fail_msg("%s: %s", problems.items[0].path, problems.items[0].text);
	assert_true(yaml_read(&kit->arena, "config.yaml", str_of(config), &tree, err));
	return schema_check(compiled, &tree, err);
}

/* What the schema promises editors, and what it warns them of. */
static void test_schema(void **state)
{
	static const struct {
		const char *config, *said;
	} MISFITS[] = {
		{"version: one and a half\nstep: []\n", "/step"},
		{"models: {m: {provider: recorded}}\n", "'model' is missing"},
		{"models: {m: {model: x, temperature: 3}}\n", "at most 2"},
		{"steps: [{name: a, llm: {model: m, promt: ask}}]\n", "/steps/0/llm/promt"},
		{"tools: [{name: t, sql: {statement: S, result: 7}}]\n", "/tools/0/sql/result"},
	};
	struct kit *kit = *state;
	struct error err = {0};

	if (!fits_schema(kit,
		    "models:\n  m: {model: x, retries: '${env:R:-1}', timeout_ms: 5}\n"
		    "tools: [{name: t, parameters: {}, sql: {statement: SELECT 1, result: row}}]\n"
		    "steps:\n  - {name: a, tool: t}\n  - {name: b, tool: {name: t, arguments: {}}}\n"
		    "  - {name: answer, llm: {model: m, prompt: ask, output: {type: object}}, "
		    "when: {a: 1}}\n"
		    "outputs: {answer: answer}\ndefaults: {question: Q}\n",
		    &err))
		fail_msg("%s", err.text);
	for (size_t i = 0; i < sizeof(MISFITS) / sizeof(MISFITS[0]); i++) {
		if (fits_schema(kit, MISFITS[i].config, &err))
			fail_msg("fits: %s", MISFITS[i].config);
		if (strstr(err.text, MISFITS[i].said) == NULL)
			fail_msg("%s: %s", MISFITS[i].config, err.text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_echo, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_model, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_tool_step, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_defaults, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_defaults_of_open_inputs, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			test_defaults_need_named_columns, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_environment, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_secrets, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_recorded, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_offline, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_mistakes, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_prompt_variables, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_open_inputs, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_too_many, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_reference, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_schema, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

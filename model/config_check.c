/* What the tables of config.yaml cannot say, and what needs nothing but the file itself. */
#include "model/config_check.h"

#include <math.h>
#include <stdlib.h>

/* Names only: how they are asked lives with the llm step. */
static const char *const providers[] = {"openai", "recorded", NULL};

static const struct json *member(const struct json *object, const char *name)
{
	return json_get(object, str_of(name));
}

/* Where a problem of `name` stands: its own line, else its object's. */
static const struct json *at(const struct json *object, const char *name)
{
	const struct json *value = member(object, name);

	return value != NULL ? value : object;
}

static bool is_unresolved(struct str text)
{
	return text.len > 0 && memmem(text.data, text.len, "${", 2) != NULL;
}

static void check_provider(
	struct decoder *decoder, const struct json *tree, const struct model_spec *model)
{
	const struct str name = model->provider;
	bool is_known = is_unresolved(name);

	for (size_t i = 0; providers[i] != NULL; i++)
		is_known |= str_is(name, providers[i]);
	if (is_known)
		return;
	const char *nearest = decode_nearest(name, providers);
	decode_enter(decoder, "provider");
	decode_problem(decoder, at(tree, "provider"), "unknown provider '%.*s'%s%s%s",
		STR_ARGS(name), nearest != NULL ? ", did you mean '" : " (known: openai, recorded)",
		nearest != NULL ? nearest : "", nearest != NULL ? "'?" : "");
	decode_leave(decoder);
}

/* No query, no fragment, no blanks or control characters. */
static bool is_plain_url(struct str url)
{
	for (size_t i = 0; i < url.len; i++)
		if ((unsigned char)url.data[i] <= ' ' || strchr("?#\x7f", url.data[i]) != NULL)
			return false;
	return true;
}

/* "${env:NAME}" → NAME, where the text has one. */
static struct str env_name(struct str text)
{
	static const struct str open = {"${env:", 6};
	const char *at = text.len > 0 ? memmem(text.data, text.len, open.data, open.len) : NULL;

	if (at == NULL)
		return (struct str){0};
	const char *name = at + open.len, *end = name;
	while (end < text.data + text.len && *end != '}' && *end != ':')
		end++;
	return (struct str){name, (size_t)(end - name)};
}

/* A reference that could not be followed was told when it was read. */
static void tell_no_base_url(
	struct decoder *decoder, const struct json *tree, const struct model_spec *model)
{
	const struct json *given = member(tree, "base_url");
	const struct str raw = json_type(given) == JSON_STRING ? json_str(given) : (struct str){0};
	const struct str name = env_name(raw);
	struct str held;

	if (raw.len > 0 && !config_probe(decoder, given, &held))
		return;
	if (name.len > 0)
		decode_problem(decoder, given, "provider '%.*s' needs a base_url, but %.*s is %s",
			STR_ARGS(model->provider), STR_ARGS(name),
			getenv(arena_memdup(decoder->arena, name.data, name.len)) == NULL
				? "not set"
				: "empty");
	else
		decode_problem(decoder, at(tree, "base_url"), "provider '%.*s' needs a base_url",
			STR_ARGS(model->provider));
}

/* $NAME, as in a shell. */
static bool is_shell_variable(struct str text)
{
	for (size_t i = 1; i < text.len; i++)
		if (!((text.data[i] >= 'A' && text.data[i] <= 'Z') ||
			    (text.data[i] >= 'a' && text.data[i] <= 'z') || text.data[i] == '_' ||
			    (text.data[i] >= '0' && text.data[i] <= '9')))
			return false;
	return text.len > 1 && text.data[0] == '$';
}

static void check_base_url(
	struct decoder *decoder, const struct json *tree, struct model_spec *model)
{
	struct str *url = &model->base_url;

	if (is_unresolved(*url) || (url->len == 0 && (str_is(model->provider, "recorded") ||
							     is_unresolved(model->provider))))
		return;
	decode_enter(decoder, "base_url");
	const bool is_http = str_starts(*url, STR("http://")) || str_starts(*url, STR("https://"));
	if (url->len == 0)
		tell_no_base_url(decoder, tree, model);
	else if (is_shell_variable(*url))
		decode_problem(decoder, at(tree, "base_url"), "'%.*s': write ${env:%.*s}",
			STR_ARGS(*url), (int)url->len - 1, url->data + 1);
	else if (!is_http)
		decode_problem(decoder, at(tree, "base_url"),
			"'%.*s' does not start with http:// or https://", STR_ARGS(*url));
	else if (memchr(url->data, '@', url->len) != NULL)
		decode_problem(decoder, at(tree, "base_url"),
			"credentials in the URL would show in logs: use api_key");
	else if (!is_plain_url(*url))
		decode_problem(decoder, at(tree, "base_url"),
			"'%.*s': expected scheme, host and path only", STR_ARGS(*url));
	decode_leave(decoder);
	while (url->len > 0 && url->data[url->len - 1] == '/')
		url->len--;
}

/* Micro-dollars for a million tokens; a finer price could not be booked exactly. */
static int64_t exact_price(
	struct decoder *decoder, const struct json *tree, const char *name, double usd)
{
	const double microusd = usd * 1e6;
	const int64_t rounded = llround(microusd);

	if (fabs(microusd - (double)rounded) > 1e-3)
		decode_problem(decoder, at(tree, name), "%s: %.12g is finer than a micro-dollar",
			name, usd);
	return rounded;
}

static void check_extra(struct decoder *decoder, const struct json *extra)
{
	static const char *const ours[] = {"model", "messages", "temperature", "top_p",
		"max_tokens", "seed", "response_format", "stream", "n", "tools", NULL};

	for (size_t i = 0; json_type(extra) == JSON_OBJECT && i < extra->size; i++)
		for (size_t j = 0; ours[j] != NULL; j++)
			if (str_is(json_str(&extra->members[i].key), ours[j]))
				decode_problem(decoder, &extra->members[i].key,
					"extra: '%s' is set by the runtime", ours[j]);
}

/* Whether a "${" stands in it that is no "$${". */
static bool has_reference(struct str text)
{
	for (size_t i = 0; i + 1 < text.len; i++)
		if (text.data[i] == '$' && text.data[i + 1] == '{' &&
			(i == 0 || text.data[i - 1] != '$'))
			return true;
	return false;
}

/* Whoever gets the archive would have the key. */
static bool is_plain_key(const struct json *given)
{
	return json_type(given) == JSON_STRING && given->size > 0 &&
	       !has_reference(json_str(given));
}

/* A line break in a key would end its header field and start another. */
static void check_api_key(struct decoder *decoder, const struct json *tree, struct secret key)
{
	const struct str text = secret_reveal(key);

	if (is_plain_key(member(tree, "api_key"))) {
		decode_enter(decoder, "api_key");
		decode_problem(decoder, at(tree, "api_key"),
			"a key in plain text would be packed; write ${secret:NAME} or ${env:NAME}");
		decode_leave(decoder);
		return;
	}
	for (size_t i = 0; i < text.len; i++) {
		if ((unsigned char)text.data[i] > ' ' && text.data[i] != 0x7f)
			continue;
		decode_problem(decoder, at(tree, "api_key"),
			"api_key: holds a blank or a control character");
		return;
	}
}

/* A null is no value, as everywhere. */
static bool is_given(const struct json *tree, const char *name)
{
	const enum json_type type = json_type(member(tree, name));

	return type != JSON_ABSENT && type != JSON_NULL;
}

static void mark_what_is_not_sent(const struct json *tree, struct model_spec *model)
{
	if (!is_given(tree, "temperature"))
		model->temperature = -1;
	if (!is_given(tree, "top_p"))
		model->top_p = -1;
	if (!is_given(tree, "seed"))
		model->seed = -1;
}

static void check_model(struct decoder *decoder, const struct json *tree, struct model_spec *model)
{
	const struct json *price = member(tree, "price_usd_per_million");

	model->line = decode_line(decoder, tree);
	model->has_price = is_given(tree, "price_usd_per_million");
	mark_what_is_not_sent(tree, model);
	check_provider(decoder, tree, model);
	check_base_url(decoder, tree, model);
	check_api_key(decoder, tree, model->api_key);
	check_extra(decoder, &model->extra);
	decode_enter(decoder, "price_usd_per_million");
	model->input_microusd_per_million =
		exact_price(decoder, price, "input", model->usd_per_million_input);
	model->output_microusd_per_million =
		exact_price(decoder, price, "output", model->usd_per_million_output);
	decode_leave(decoder);
}

static void check_tool(struct decoder *decoder, const struct json *tree, struct tool_spec *tool)
{
	tool->has_sql = json_type(member(tree, "sql")) == JSON_OBJECT;
	if (json_type(tree) == JSON_OBJECT && member(tree, "sql") == NULL)
		decode_problem(decoder, tree, "a tool needs a kind: sql");
}

static void check_llm_output(
	struct decoder *decoder, const struct json *tree, const struct llm_step *llm)
{
	const bool is_text =
		json_type(&llm->output) == JSON_STRING && str_is(json_str(&llm->output), "text");

	if (is_text || json_type(&llm->output) == JSON_OBJECT)
		return;
	decode_enter(decoder, "llm");
	decode_enter(decoder, "output");
	decode_problem(decoder, at(member(tree, "llm"), "output"),
		"expected text or a JSON Schema, got %s", json_type_name(&llm->output));
	decode_leave(decoder);
	decode_leave(decoder);
}

static void check_llm_question(struct decoder *decoder, const struct json *tree, const struct llm_step *llm)
{
	const struct json *given = member(tree, "llm");

	if (llm->prompt.len > 0 || llm->messages.len > 0 || json_type(given) != JSON_OBJECT)
		return;
	/* What is of a wrong type was told. */
	if ((is_given(given, "prompt") && json_type(member(given, "prompt")) != JSON_STRING) ||
		(is_given(given, "messages") && json_type(member(given, "messages")) != JSON_STRING))
		return;
	decode_enter(decoder, "llm");
	decode_problem(decoder, at(tree, "llm"),
		"asks nothing: name a prompt, or the path of a conversation as messages");
	decode_leave(decoder);
}

static void check_step(struct decoder *decoder, const struct json *tree, struct step_spec *step)
{
	const bool has_llm = member(tree, "llm") != NULL, has_tool = member(tree, "tool") != NULL;

	step->line = decode_line(decoder, tree);
	if (json_type(tree) != JSON_OBJECT)
		return;
	if (has_llm == has_tool)
		decode_problem(decoder, tree,
			has_llm ? "a step is either llm or tool, not both"
				: "a step needs a kind: llm or tool");
	if (has_llm && !has_tool) {
		check_llm_output(decoder, tree, &step->llm);
		check_llm_question(decoder, tree, &step->llm);
	}
}

/* Names are looked up in lists: these limits keep that cheap, whatever a file holds. */
static void check_count(struct decoder *decoder, const struct json *tree, const char *name,
	struct decode_list *list)
{
	enum { ITEMS_MAX = 256 };

	if (list->count <= ITEMS_MAX)
		return;
	decode_problem(decoder, at(tree, name), "%s: %zu of them, at most %d are read", name,
		list->count, ITEMS_MAX);
	list->count = ITEMS_MAX;
}

void config_check(struct decoder *decoder, const struct json *tree, struct config *config)
{
	check_count(decoder, tree, "models", &config->models);
	check_count(decoder, tree, "data", &config->data);
	check_count(decoder, tree, "tools", &config->tools);
	check_count(decoder, tree, "steps", &config->steps);
	check_count(decoder, tree, "outputs", &config->outputs);

	struct model_spec *models = config->models.items;
	struct tool_spec *tools = config->tools.items;
	struct step_spec *steps = config->steps.items;
	const struct json *list = member(tree, "models");

	if (config->version != 1)
		decode_problem(decoder, at(tree, "version"),
			"version: this runtime reads version 1, not %lld",
			(long long)config->version);
	for (size_t i = 0; i < config->models.count; i++) {
		decode_enter(decoder, "models");
		decode_enter(decoder,
			arena_memdup(decoder->arena, models[i].name.data, models[i].name.len));
		check_model(decoder, &list->members[i].value, &models[i]);
		decode_leave(decoder);
		decode_leave(decoder);
	}
	list = member(tree, "tools");
	for (size_t i = 0; i < config->tools.count; i++) {
		decode_enter(decoder, "tools");
		decode_enter_index(decoder, i);
		check_tool(decoder, &list->items[i], &tools[i]);
		decode_leave(decoder);
		decode_leave(decoder);
	}
	list = member(tree, "steps");
	for (size_t i = 0; i < config->steps.count; i++) {
		decode_enter(decoder, "steps");
		decode_enter_index(decoder, i);
		check_step(decoder, &list->items[i], &steps[i]);
		decode_leave(decoder);
		decode_leave(decoder);
	}
}

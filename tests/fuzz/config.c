/*
 * config.yaml, and behind a NUL the text of the prompt 'ask': either every mistake has a text, or
 * everything that a run needs is resolved.
 */
#include "base/yaml.h"
#include "model/bundle.h"
#include "model/prompt.h"
#include "model/schema.h"
#include "model/signature_decode.h"
#include "model/step.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool is_true)
{
	if (!is_true)
		abort();
}

/* One folder a process, for prompts.yaml; gone when the process ends. */
static char folder[] = "/tmp/sluice-fuzz-XXXXXX";
static char prompts_path[sizeof(folder) + 16];

static void remove_folder(void)
{
	unlink(prompts_path);
	rmdir(folder);
}

static void write_prompts(struct str text)
{
	struct arena arena;
	struct json prompts = json_object();
	struct buf out = {0};

	arena_init(&arena);
	json_set(&arena, &prompts, STR("plan"),
		json_string(STR("{{question}}, {{max_slides}} of {{place.city}}")));
	json_set(&arena, &prompts, STR("ask"), json_string(text));
	json_write(&out, &prompts);
	FILE *file = fopen(prompts_path, "w");
	must(file != NULL && fwrite(out.data, 1, out.len, file) == out.len && fclose(file) == 0);
	buf_done(&out);
	arena_done(&arena);
}

static void set_up(void)
{
	if (prompts_path[0] != '\0')
		return;
	must(mkdtemp(folder) != NULL);
	snprintf(prompts_path, sizeof(prompts_path), "%s/prompts.yaml", folder);
	write_prompts(STR("Answer {{question}}"));
	atexit(remove_folder);
}

static void read_signature(struct arena *arena, struct problems *problems, struct signature *ret)
{
	static const char text[] =
		"{\"inputs\":\"[{\\\"type\\\":\\\"string\\\",\\\"name\\\":\\\"question\\\",\\\"required\\\":true},"
		"{\\\"type\\\":\\\"long\\\",\\\"name\\\":\\\"max_slides\\\",\\\"required\\\":false},"
		"{\\\"type\\\":\\\"object\\\",\\\"name\\\":\\\"place\\\",\\\"properties\\\":{\\\"city\\\":"
		"{\\\"type\\\":\\\"string\\\",\\\"required\\\":true}},\\\"required\\\":false}]\","
		"\"outputs\":\"[{\\\"type\\\":\\\"string\\\",\\\"name\\\":\\\"answer\\\",\\\"required\\\":true},"
		"{\\\"type\\\":\\\"string\\\",\\\"name\\\":\\\"error\\\",\\\"required\\\":false}]\",\"params\":null}";
	struct decoder decoder;
	struct json tree;

	must(json_read(arena, STR(text), &tree, NULL));
	decoder_init(&decoder, arena, problems, "MLmodel");
	signature_decode(&decoder, &tree, ret);
	decoder_done(&decoder);
	must(problems->count == 0);
}

static void check_resolved(const struct config *config)
{
	const struct step_spec *steps = config->steps.items;
	const struct model_spec *models = config->models.items;

	for (size_t i = 0; i < config->steps.count; i++) {
		if (steps[i].type == STEP_TOOL)
			must(steps[i].tool.spec != NULL);
		else
			must(steps[i].llm.model_spec != NULL &&
				steps[i].llm.prompt_template != NULL);
		must(steps[i].name.len > 0);
	}
	for (size_t i = 0; i < config->models.count; i++) {
		const struct model_spec *model = &models[i];

		for (size_t j = 0; model != NULL; j++) {
			must(j < config->models.count);
			model = model->fallback_spec;
		}
	}
}

static void check_problems(const struct problems *problems)
{
	for (size_t i = 0; i < problems->count; i++) {
		struct buf text = {0};

		problem_write(&text, &problems->items[i]);
		must(text.len > 0 && str_is_utf8(buf_str(&text)));
		buf_done(&text);
	}
}

static void try_config(struct arena *arena, struct str text, bool has_prompt)
{
	static const struct bundle_options options = {.is_offline = true};
	struct problems problems;
	struct signature signature = {0};
	struct decoder decoder;
	struct config config;
	struct error err = {0};
	struct json tree;

	if (!yaml_read(arena, "config.yaml", text, &tree, &err))
		return;
	problems_init(&problems, arena);
	read_signature(arena, &problems, &signature);
	const struct prompts *prompts = prompts_load(arena, &problems, folder, "prompts.yaml");
	must(has_prompt || problems.count == 0);
	decoder_init(&decoder, arena, &problems, "config.yaml");
	decoder.expand = config_expand;
	decoder.expand_data = (void *)&options;
	config_decode(&decoder, &tree, &config);
	config_link(&decoder, &tree, prompts, &signature, &config);
	if (problems.count == 0)
		steps_prepare(arena, &problems, folder, &tree, &config);
	if (problems.count == 0)
		config_check_arguments(&decoder, &tree, &signature, &config);
	must(decoder.path.len == 0);
	if (problems.count == 0)
		check_resolved(&config);
	check_problems(&problems);
	decoder_done(&decoder);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *text = (const char *)data;
	const char *mark = size > 0 ? memchr(text, '\0', size) : NULL;
	const size_t len = mark != NULL ? (size_t)(mark - text) : size;
	const struct str prompt =
		mark != NULL ? (struct str){mark + 1, size - len - 1} : (struct str){0};
	const bool has_prompt = prompt.len > 0 && str_is_utf8(prompt);
	struct arena arena;

	set_up();
	if (has_prompt)
		write_prompts(prompt);
	arena_init(&arena);
	try_config(&arena, (struct str){text, len}, has_prompt);
	arena_done(&arena);
	if (has_prompt)
		write_prompts(STR("Answer {{question}}"));
	return 0;
}

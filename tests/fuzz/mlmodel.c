/*
 * MLmodel, and behind a NUL an input example: a file that has no mistakes names only paths inside
 * the bundle, and whatever the example is, it becomes a body that can be read against the
 * signature.
 */
#include "base/yaml.h"
#include "model/bundle_example.h"
#include "model/bundle_files.h"
#include "model/input.h"
#include "model/signature_decode.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool is_true)
{
	if (!is_true)
		abort();
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

static bool is_place(struct str path)
{
	return path.len == 0 || bundle_path_is_safe(path);
}

static void try_example(struct arena *arena, const struct mlmodel *mlmodel,
	const struct signature *signature, struct str text)
{
	struct json example, body;
	struct error err = {0};
	struct input input;

	if (!json_read(arena, text, &example, &err))
		return;
	body = bundle_example_body(arena, mlmodel, signature, &example);
	must(json_type(&body) == JSON_OBJECT);
	if (!input_read_tree(arena, signature, &body, &input, &err))
		must(err.code != ERR_NONE && str_is_utf8(str_of(err.text)));
}

static void try_mlmodel(struct arena *arena, struct str text, struct str example)
{
	struct problems problems;
	struct signature signature = {0};
	struct decoder decoder;
	struct mlmodel mlmodel;
	struct error err = {0};
	struct json tree;

	if (!yaml_read(arena, "MLmodel", text, &tree, &err))
		return;
	problems_init(&problems, arena);
	decoder_init(&decoder, arena, &problems, "MLmodel");
	mlmodel_decode(&decoder, &tree, &mlmodel);
	decode_enter(&decoder, "signature");
	signature_decode(&decoder, mlmodel.signature, &signature);
	decode_leave(&decoder);
	must(decoder.path.len == 0);
	decoder_done(&decoder);
	check_problems(&problems);
	if (problems.count > 0)
		return;
	must(bundle_path_is_safe(mlmodel.config) && is_place(mlmodel.prompts) &&
		is_place(mlmodel.example) && is_place(mlmodel.serving_example));
	try_example(arena, &mlmodel, &signature, example);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *text = (const char *)data;
	const char *mark = size > 0 ? memchr(text, '\0', size) : NULL;
	const size_t len = mark != NULL ? (size_t)(mark - text) : size;
	const struct str example =
		mark != NULL ? (struct str){mark + 1, size - len - 1} : (struct str){0};
	struct arena arena;

	arena_init(&arena);
	try_mlmodel(&arena, (struct str){text, len}, example);
	arena_done(&arena);
	return 0;
}

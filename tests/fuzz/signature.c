/*
 * Any signature either has problems, or has an example that it accepts itself. The bytes are the
 * text of inputs and, behind the first NUL, of params.
 */
#include <stdlib.h>

#include "model/input.h"
#include "model/signature_decode.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool is_true)
{
	if (!is_true)
		abort();
}

static void check_example(struct arena *arena, const struct signature *signature)
{
	const struct json example = signature_example(arena, signature);
	struct buf text = {0};
	struct input input;
	struct error err = {0};

	if (example.type == JSON_ABSENT)
		return;
	json_write(&text, &example);
	buf_reserve(&text, JSON_PADDING);
	must(input_read(arena, signature, INPUT_JSON, buf_str(&text), &input, &err));
	buf_done(&text);
}

static bool has_empty_axis(const struct sig_schema *schema)
{
	for (size_t i = 0; i < schema->count; i++)
		for (size_t axis = 0; axis < schema->columns[i].node.rank; axis++)
			if (schema->columns[i].node.shape[axis] == 0)
				return true;
	return false;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *end = size > 0 ? memchr(data, 0, size) : NULL;
	const size_t inputs_len = end != NULL ? (size_t)(end - (const char *)data) : size;
	struct json value = json_object();
	struct signature signature;
	struct problems problems;
	struct decoder decoder;
	struct arena arena;
	struct error err;

	arena_init(&arena);
	const char *text = arena_memdup(&arena, data, size);
	json_set(&arena, &value, STR("inputs"), json_string((struct str){text, inputs_len}));
	if (end != NULL)
		json_set(&arena, &value, STR("params"),
			json_string((struct str){text + inputs_len + 1, size - inputs_len - 1}));
	problems_init(&problems, &arena);
	decoder_init(&decoder, &arena, &problems, "MLmodel");
	signature_decode(&decoder, &value, &signature);
	decoder_done(&decoder);
	/* A tensor without elements has no text of its own shape. */
	if (problems_check(&problems, &err) && signature.inputs.is_declared &&
		!has_empty_axis(&signature.inputs))
		check_example(&arena, &signature);
	arena_done(&arena);
	return 0;
}

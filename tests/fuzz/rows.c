/*
 * Any body either fails with a message that is fit to send, or gives an input whose answer is JSON,
 * whose rows can be taken one by one, and which the same signature accepts again unchanged.
 *
 * The first byte chooses the signature and the media type.
 */
#include <stdlib.h>

#include "model/input.h"
#include "model/signature_decode.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct {
	const char *inputs, *params;
} SIGNATURES[] = {
	{NULL, NULL},
	{"[{\"type\":\"string\",\"name\":\"s\"},{\"type\":\"long\",\"name\":\"l\",\"required\":false},"
	 "{\"type\":\"integer\",\"name\":\"i\",\"required\":false},"
	 "{\"type\":\"float\",\"name\":\"f\",\"required\":false},"
	 "{\"type\":\"double\",\"name\":\"d\",\"required\":false},"
	 "{\"type\":\"boolean\",\"name\":\"b\",\"required\":false},"
	 "{\"type\":\"binary\",\"name\":\"x\",\"required\":false},"
	 "{\"type\":\"datetime\",\"name\":\"t\",\"required\":false},"
	 "{\"type\":\"any\",\"name\":\"a\",\"required\":false}]",
		NULL},
	{"[{\"type\":\"long\"},{\"type\":\"string\"}]", NULL},
	{"[{\"type\":\"double\",\"name\":\"n\"}]",
		"[{\"name\":\"k\",\"default\":3,\"type\":\"integer\"},"
		"{\"name\":\"l\",\"default\":[],\"shape\":[-1],\"type\":\"datetime\"},"
		"{\"name\":\"o\",\"default\":null,\"type\":\"object\",\"properties\":{\"a\":{\"type\":\"any\"}}}]"},
	{"[{\"type\":\"array\",\"name\":\"a\",\"required\":false,\"items\":{\"type\":\"object\","
	 "\"properties\":{\"n\":{\"type\":\"string\"},\"q\":{\"type\":\"long\",\"required\":false},"
	 "\"o\":{\"type\":\"object\",\"required\":false,\"properties\":{\"t\":{\"type\":\"datetime\"}}}}}},"
	 "{\"type\":\"map\",\"name\":\"m\",\"required\":false,"
	 "\"values\":{\"type\":\"array\",\"items\":{\"type\":\"float\"}}}]",
		NULL},
	{"[{\"type\":\"tensor\",\"tensor-spec\":{\"dtype\":\"float16\",\"shape\":[-1,2]}}]", NULL},
	{"[{\"type\":\"tensor\",\"name\":\"x\",\"tensor-spec\":{\"dtype\":\"uint8\",\"shape\":[-1,2,1]}},"
	 "{\"type\":\"tensor\",\"name\":\"y\",\"tensor-spec\":{\"dtype\":\"str\",\"shape\":[-1]}}]",
		NULL},
};
enum { SIGNATURE_COUNT = sizeof(SIGNATURES) / sizeof(SIGNATURES[0]) };

static struct signature signatures[SIGNATURE_COUNT];
static struct arena signature_arena;

static void must(bool is_true)
{
	if (!is_true)
		abort();
}

static void decode_one(size_t index)
{
	struct json value = json_object();
	struct problems problems;
	struct decoder decoder;
	struct error err;

	problems_init(&problems, &signature_arena);
	decoder_init(&decoder, &signature_arena, &problems, "MLmodel");
	if (SIGNATURES[index].inputs != NULL)
		json_set(&signature_arena, &value, STR("inputs"),
			json_string(str_of(SIGNATURES[index].inputs)));
	if (SIGNATURES[index].params != NULL)
		json_set(&signature_arena, &value, STR("params"),
			json_string(str_of(SIGNATURES[index].params)));
	signature_decode(&decoder, &value, &signatures[index]);
	decoder_done(&decoder);
	must(problems_check(&problems, &err));
}

/* Clients take "Unexpected error" for a passing fault: no message says so but by quoting the body.
 */
static void check_error(const struct error *err, struct str body)
{
	must(err->code == ERR_BAD_REQUEST || err->code == ERR_INVALID_PARAMETER ||
		err->code == ERR_TOO_LARGE);
	must(err->text[0] != '\0' && str_is_utf8(str_of(err->text)));
	must(strstr(err->text, "Unexpected error") == NULL ||
		memmem(body.data, body.len, "Unexpected", strlen("Unexpected")) != NULL);
}

static void check_rows(struct arena *arena, const struct input *input)
{
	const size_t count = input_row_count(input);

	for (size_t row = 0; row < count && row < 100; row++)
		must(input_row(arena, input, row).type == JSON_OBJECT);
}

/* What was accepted and converted is accepted as it is: conversions are idempotent. */
static void check_again(struct arena *arena, const struct signature *signature,
	const struct input *input, struct buf *out)
{
	struct buf body = {0}, out_again = {0};
	struct input again;
	struct json answer, answer_again;
	struct error err;

	must(json_read(arena, buf_str(out), &answer, &err));
	if (input->shape != INPUT_TABLE || !signature->inputs.is_declared ||
		input->row_count == 0) {
		buf_done(&body);
		return;
	}
	const struct json *rows = input->is_bare ? &answer : json_get(&answer, STR("predictions"));
	buf_add_text(&body, "{\"dataframe_records\":");
	json_write(&body, rows);
	buf_add_char(&body, '}');
	buf_reserve(&body, JSON_PADDING);
	must(input_read(arena, signature, INPUT_JSON, buf_str(&body), &again, &err));
	input_write(&out_again, &again);
	must(json_read(arena, buf_str(&out_again), &answer_again, &err));
	must(json_equal(json_get(&answer_again, STR("predictions")), rows));
	buf_done(&body);
	buf_done(&out_again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena arena;
	struct input input;
	struct error err = {0};
	struct buf out = {0};

	if (size == 0)
		return 0;
	for (size_t i = 0; signature_arena.blocks == NULL && i < SIGNATURE_COUNT; i++)
		for (i = 0; i < SIGNATURE_COUNT; i++)
			decode_one(i);
	const struct signature *signature = &signatures[(data[0] & 0x7F) % SIGNATURE_COUNT];
	char *body = calloc(1, size - 1 + JSON_PADDING);
	must(body != NULL);
	memcpy(body, data + 1, size - 1);
	arena_init(&arena);
	if (input_read(&arena, signature, data[0] & 0x80 ? INPUT_CSV : INPUT_JSON,
		    (struct str){body, size - 1}, &input, &err)) {
		input_write(&out, &input);
		check_rows(&arena, &input);
		check_again(&arena, signature, &input, &out);
	} else {
		check_error(&err, (struct str){body, size - 1});
	}
	buf_done(&out);
	arena_done(&arena);
	free(body);
	return 0;
}

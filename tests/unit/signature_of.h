#pragma once
/* Signatures for tests, from the JSON text that MLmodel holds. Include after <cmocka.h>. */
#include "model/signature_decode.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

/* Decodes the text of inputs and params (either may be NULL); mistakes go to `problems`. */
static inline void signature_of_text(struct arena *arena, const char *inputs, const char *params,
	struct problems *problems, struct signature *ret)
{
	struct json value = json_object();
	struct decoder decoder;

	problems_init(problems, arena);
	decoder_init(&decoder, arena, problems, "MLmodel");
	if (inputs != NULL)
		json_set(arena, &value, STR("inputs"), json_string(str_of(inputs)));
	if (params != NULL)
		json_set(arena, &value, STR("params"), json_string(str_of(params)));
	decode_enter(&decoder, "signature");
	signature_decode(&decoder, &value, ret);
	decode_leave(&decoder);
	decoder_done(&decoder);
}

static inline struct signature signature_of(
	struct arena *arena, const char *inputs, const char *params)
{
	struct signature signature;
	struct problems problems;
	struct error err = {0};

	signature_of_text(arena, inputs, params, &problems, &signature);
	if (!problems_check(&problems, &err))
		fail_msg("%s", err.text);
	return signature;
}

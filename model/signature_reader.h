#pragma once
/*
 * What signature.c (schemas, params) and signature_node.c (types) share while reading. Internal to
 * signature.
 */
#include "model/signature.h"

struct sig_reader {
	struct decoder *decoder;
	const struct json *where; /* the value in MLmodel: its line is the best there is */
	unsigned depth;
};

/* A problem where the reader stands. */
void sig_problem(struct sig_reader *reader, const char *text);
typedef void sig_decode_fn(struct sig_reader *reader, const struct json *value, void *ret);
/* Member `name` (NULL where it is absent); entered and left, so that problems of it show where it
 * stands. */
void sig_decode_member(struct sig_reader *reader, const struct json *value, const char *name,
	sig_decode_fn *decode, void *ret);
/* The name of a type, into an enum sig_type. */
void sig_decode_type(struct sig_reader *reader, const struct json *value, void *ret);
/* An object with a type, into a struct sig_node; SIG_ANY where it is none. */
void sig_decode_node(struct sig_reader *reader, const struct json *value, struct sig_node *ret);
/* `required`, or its older spelling `optional`; neither is `required`. */
bool sig_decode_is_required(struct sig_reader *reader, const struct json *value);

#pragma once
/*
 * Fields: what the tables of this folder's request bodies have in common. Fields that nobody can set here are rows of
 * their own, so that a client hears why: unknown fields are errors, what is not done is refused with what to use instead,
 * and what answers hold is taken and left out, so that they can be changed and sent back.
 */
#include "base/decode.h"

/* null, false, 0, "", "NONE", {}, [] and objects of nothing else: clients that always send a field send its nothing. */
bool field_says_nothing(const struct json *value);
/* DECODE_CUSTOM rows, whose help is FIELD_NOT_DONE and what to use instead. */
#define FIELD_NOT_DONE "refused: "
void field_refuse(struct decoder *decoder, const struct json *value, void *ret);
/* The same, but {"enabled": false, …} turns off what is off. */
void field_refuse_enabled(struct decoder *decoder, const struct json *value, void *ret);
/* The same; `ret` is a struct json, which keeps it for answers. */
void field_keep_off(struct decoder *decoder, const struct json *value, void *ret);
void field_leave_out(struct decoder *decoder, const struct json *value, void *ret);

#define FIELD_REFUSED(name_, help_) {name_, DECODE_CUSTOM, .custom = field_refuse, .help = FIELD_NOT_DONE help_}
#define FIELD_OUTPUT(name_) {name_, DECODE_CUSTOM, .custom = field_leave_out, .help = "of answers; taken and left out"}

/* Fills `ret` by the table; numbers and booleans may be text. The first mistake is ERR_INVALID_PARAMETER
 * "tags[0].key: …". */
bool fields_read(struct arena *arena, const struct json *body, const struct decode_field *fields, void *ret,
	struct error *err);
/* The error of problems found, if any: as above. */
bool fields_check(const struct problems *problems, struct error *err);

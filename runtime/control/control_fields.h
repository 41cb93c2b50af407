#pragma once
/* What the tables read of their bodies by a table of fields, as protobuf's JSON: numbers may be text. Private to control/. */
#include "base/decode.h"
#include "control/control.h"

/* `size` zeroed bytes at `ret` get the fields. The first mistake is ERR_INVALID_PARAMETER "lifetime_seconds: …". */
bool control_decode(
	struct control_call *call, const struct decode_field *fields, size_t size, void *ret, struct error *err);
/* For DECODE_CUSTOM: what cannot be done here; its nothing (null, false, 0, "", {}, []) is taken. */
void control_refuse_field(struct decoder *decoder, const struct json *value, void *ret);
/* The credential is that of who asks. */
bool control_is_own(const struct control_call *call, const struct credential_row *row);

#pragma once
/*
 * Complaints: why the server does not start. Log records for programs; where standard error is a
 * terminal, plain lines for whoever sits there.
 */
#include "base/decode.h"

void complain(const struct error *err);
/* Each mistake of a bundle, the first ones only. */
void complain_problems(const struct problems *problems);

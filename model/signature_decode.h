#pragma once
/*
 * Signature decode: MLmodel's JSON text becomes a signature. Apart from signature.h, which enforcement stands on: this
 * stands on enforcement, as the defaults of params are checked like a request's.
 */
#include "model/signature.h"

/* Reads MLmodel's `signature` value: an object whose inputs, outputs and params are JSON text or null; nothing is
 * declared where it is NULL or null. The decoder stands at `signature` already; everything lives on its arena. Mistakes
 * become problems with the path inside the JSON text ("signature.inputs[2].items.type: unknown type 'strin'"). */
void signature_decode(struct decoder *decoder, const struct json *value, struct signature *ret);

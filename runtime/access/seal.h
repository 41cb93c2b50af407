#pragma once
/* Seal: bytes that only the key opens, and only under their label: AES-256-GCM. The layout is in secret_store.h. */
#include "access/key_file.h"
#include "base/secret.h"

bool seal(struct buf *out, const struct key *key, struct str label, struct str value, struct error *err);
/* ERR_INVALID_STATE where it was sealed with another key, ERR_INTERNAL where it is damaged. */
bool seal_open(struct arena *arena, const struct key *key, struct str label, struct str sealed, struct secret *ret,
	struct error *err);

#pragma once
/*
 * Sign: who vouches for a bundle. manifest.sig holds Ed25519 signatures (RFC 8032) over the bytes of manifest.json, which
 * names every file with its SHA-256: one signature covers all of the bundle, whatever archive carries it.
 *
 *	{"signatures":[{"key":"<hex SHA-256 of the public key's 32 bytes>","signature":"<base64>"}, …],"version":1}
 *
 * Several signers may sign: each adds his own. Keys are PEM: private ones PKCS#8, public ones SubjectPublicKeyInfo, as
 * `openssl genpkey -algorithm ed25519` and `openssl pkey -pubout` write them; by hand a signature is checked by
 * `openssl pkeyutl -verify -rawin`.
 */
#include "packaging/manifest.h"

enum { SIGNERS_MAX = 16, SIGNATURES_SIZE_MAX = 64 * 1024 };

/* manifest.sig's text with a signature by the key in `key_file`; those of others in `old` (empty: there is none) stay, one
 * of the same key is replaced. ERR_USAGE names the file. */
bool sign_manifest(struct arena *arena, struct str manifest, struct str old, const char *key_file, struct str *ret,
	const char **ret_key, struct error *err);

struct trusted_keys {
	struct trusted_key *items;
	size_t count;
	const char *file;
};
/* All public keys of a PEM file, at least one; freed with the arena. ERR_USAGE. */
bool trusted_read(struct arena *arena, const char *file, struct trusted_keys *ret, struct error *err);
/* Whether one of them signed the unpacked bundle's manifest; *ret_key is which. A signature by a trusted key that does not
 * fit is an error even where another one does. ERR_INVALID_BUNDLE. */
bool trusted_check(struct arena *arena, const struct trusted_keys *keys, const char *dir, const char **ret_key,
	struct error *err);

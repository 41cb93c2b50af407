#include "packaging/sign.h"

#include "base/base64.h"
#include "base/json.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { KEY_SIZE = 32, SIGNATURE_SIZE = 64, TRUSTED_MAX = 100 };

struct trusted_key {
	EVP_PKEY *key;
	char id[DIGEST_HEX_SIZE];
};

static void free_key(void *data)
{
	EVP_PKEY_free(data);
}

static bool key_id(EVP_PKEY *key, char ret[static DIGEST_HEX_SIZE])
{
	unsigned char raw[KEY_SIZE];
	size_t size = sizeof(raw);

	if (EVP_PKEY_get_id(key) != EVP_PKEY_ED25519 || EVP_PKEY_get_raw_public_key(key, raw, &size) != 1 ||
		size != sizeof(raw))
		return false;
	const struct digest digest = digest_of((struct str){(const char *)raw, sizeof(raw)});
	digest_hex(&digest, ret);
	return true;
}

/* ---- manifest.sig ---- */

static bool read_signatures(struct arena *arena, struct str text, const struct json **ret_list, struct error *err)
{
	struct json *whole = arena_zalloc(arena, sizeof(*whole));

	if (!json_read(arena, text, whole, err)) {
		err->code = ERR_INVALID_BUNDLE;
		return error_wrap(err, SIGNATURE_NAME);
	}
	const struct json *version = json_get(whole, STR("version"));
	*ret_list = json_get(whole, STR("signatures"));
	if (json_type(version) != JSON_INTEGER || version->integer != 1 || json_type(*ret_list) != JSON_ARRAY ||
		(*ret_list)->size > SIGNERS_MAX)
		return error_set(err, ERR_INVALID_BUNDLE,
			SIGNATURE_NAME ": expected {\"signatures\": […], \"version\": 1} with at most %d signatures",
			SIGNERS_MAX);
	return true;
}

static struct json entry_of(struct arena *arena, const char *id, struct str signature)
{
	struct json entry = json_object();

	json_set(arena, &entry, STR("key"), json_string(str_of(arena_strdup(arena, id))));
	json_set(arena, &entry, STR("signature"), json_string(base64_encode(arena, signature)));
	return entry;
}

static bool add_signature(
	struct arena *arena, struct str old, const char *id, struct str signature, struct str *ret, struct error *err)
{
	const struct json *list = NULL;
	struct json whole = json_object(), signatures = json_array();
	struct buf text = {0};

	if (old.len > 0 && !read_signatures(arena, old, &list, err))
		return false;
	for (size_t i = 0; list != NULL && i < list->size; i++)
		if (!str_is(json_str(json_get(&list->items[i], STR("key"))), id))
			json_append(arena, &signatures, list->items[i]);
	if (signatures.size >= SIGNERS_MAX)
		return error_set(err, ERR_USAGE, "%d have signed it, which is all that may", SIGNERS_MAX);
	json_append(arena, &signatures, entry_of(arena, id, signature));
	json_set(arena, &whole, STR("signatures"), signatures);
	json_set(arena, &whole, STR("version"), json_integer(1));
	json_write_canonical(&text, &whole);
	*ret = (struct str){arena_memdup(arena, text.data, text.len), text.len};
	buf_done(&text);
	return true;
}

/* ---- signing ---- */

static EVP_PKEY *read_private(const char *file, struct error *err)
{
	FILE *stream = fopen(file, "re");
	/* No prompt: a key with a passphrase is refused. */
	EVP_PKEY *key = stream != NULL ? PEM_read_PrivateKey(stream, NULL, NULL, (void *)"") : NULL;

	if (stream == NULL)
		error_set_errno(err, ERR_USAGE, errno, "open the key '%s'", file);
	else
		fclose(stream);
	if (stream != NULL && (key == NULL || EVP_PKEY_get_id(key) != EVP_PKEY_ED25519)) {
		error_set(err, ERR_USAGE,
			"'%s' holds no Ed25519 private key without passphrase in PEM: openssl genpkey -algorithm ed25519", file);
		EVP_PKEY_free(key);
		key = NULL;
	}
	return key;
}

static bool make_signature(EVP_PKEY *key, struct str text, unsigned char ret[static SIGNATURE_SIZE], struct error *err)
{
	EVP_MD_CTX *context = EVP_MD_CTX_new();
	size_t size = SIGNATURE_SIZE;

	const bool is_made = context != NULL && EVP_DigestSignInit(context, NULL, NULL, NULL, key) == 1 &&
			     EVP_DigestSign(context, ret, &size, (const unsigned char *)text.data, text.len) == 1 &&
			     size == SIGNATURE_SIZE;
	EVP_MD_CTX_free(context);
	return is_made || error_set(err, ERR_INTERNAL, "OpenSSL could not sign");
}

bool sign_manifest(struct arena *arena, struct str manifest, struct str old, const char *key_file, struct str *ret,
	const char **ret_key, struct error *err)
{
	unsigned char signature[SIGNATURE_SIZE];
	char id[DIGEST_HEX_SIZE] = "";
	EVP_PKEY *key = read_private(key_file, err);

	if (key == NULL)
		return false;
	const bool is_fine =
		key_id(key, id) && make_signature(key, manifest, signature, err) &&
		add_signature(arena, old, id, (struct str){(const char *)signature, SIGNATURE_SIZE}, ret, err);
	EVP_PKEY_free(key);
	*ret_key = arena_strdup(arena, id);
	return is_fine;
}

/* ---- checking ---- */

static bool add_trusted(struct arena *arena, struct trusted_keys *keys, EVP_PKEY *take_key, struct error *err)
{
	struct trusted_key *added = &keys->items[keys->count];

	arena_on_end(arena, free_key, take_key);
	if (keys->count == TRUSTED_MAX)
		return error_set(err, ERR_USAGE, "'%s' holds more than %d keys", keys->file, TRUSTED_MAX);
	if (!key_id(take_key, added->id))
		return error_set(err, ERR_USAGE, "key %zu of '%s' is no Ed25519 key", keys->count + 1, keys->file);
	added->key = take_key;
	keys->count++;
	return true;
}

bool trusted_read(struct arena *arena, const char *file, struct trusted_keys *ret, struct error *err)
{
	FILE *stream = fopen(file, "re");
	bool is_fine = true;
	EVP_PKEY *key;

	if (stream == NULL)
		return error_set_errno(err, ERR_USAGE, errno, "open the trusted keys '%s'", file);
	*ret = (struct trusted_keys){.file = arena_strdup(arena, file)};
	ret->items = arena_zalloc(arena, (TRUSTED_MAX + 1) * sizeof(*ret->items));
	while (is_fine && (key = PEM_read_PUBKEY(stream, NULL, NULL, NULL)) != NULL)
		is_fine = add_trusted(arena, ret, key, err);
	fclose(stream);
	if (is_fine && ret->count == 0)
		return error_set(err, ERR_USAGE, "'%s' holds no public key in PEM: openssl pkey -in KEY -pubout", file);
	return is_fine;
}

static bool fits(const struct trusted_key *key, struct str manifest, struct str signature)
{
	EVP_MD_CTX *context = EVP_MD_CTX_new();
	const bool is_fit = context != NULL && EVP_DigestVerifyInit(context, NULL, NULL, NULL, key->key) == 1 &&
			    EVP_DigestVerify(context, (const unsigned char *)signature.data, signature.len,
				    (const unsigned char *)manifest.data, manifest.len) == 1;

	EVP_MD_CTX_free(context);
	return is_fit;
}

static const struct trusted_key *find_key(const struct trusted_keys *keys, struct str id)
{
	for (size_t i = 0; i < keys->count; i++)
		if (str_is(id, keys->items[i].id))
			return &keys->items[i];
	return NULL;
}

static bool check(struct arena *arena, const struct trusted_keys *keys, struct str manifest, const struct json *list,
	const char **ret_key, struct error *err)
{
	*ret_key = NULL;
	for (size_t i = 0; i < list->size; i++) {
		const struct trusted_key *key = find_key(keys, json_str(json_get(&list->items[i], STR("key"))));
		struct str signature;

		if (key == NULL)
			continue;
		if (!base64_decode(arena, json_str(json_get(&list->items[i], STR("signature"))), &signature) ||
			!fits(key, manifest, signature))
			return error_set(err, ERR_INVALID_BUNDLE,
				"the signature by key %s is not of this bundle's manifest", key->id);
		*ret_key = key->id;
	}
	return *ret_key != NULL ||
	       error_set(err, ERR_INVALID_BUNDLE, "none of its %u signatures is by one of the %zu keys of '%s'",
		       (unsigned)list->size, keys->count, keys->file);
}

bool trusted_check(struct arena *arena, const struct trusted_keys *keys, const char *dir, const char **ret_key,
	struct error *err)
{
	const int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	const struct json *list;
	struct str manifest, signatures;

	if (fd < 0)
		return error_set_errno(err, ERR_INTERNAL, errno, "open '%s'", dir);
	const bool is_there = files_read(arena, fd, MANIFEST_NAME, MANIFEST_SIZE_MAX, &manifest, err) &&
			      files_read(arena, fd, SIGNATURE_NAME, SIGNATURES_SIZE_MAX, &signatures, err);
	close(fd);
	if (!is_there)
		return error_set(err, ERR_INVALID_BUNDLE,
			"it is not signed, and only bundles signed by a key of '%s' are served", keys->file);
	return read_signatures(arena, signatures, &list, err) && check(arena, keys, manifest, list, ret_key, err);
}

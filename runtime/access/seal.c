#include "access/seal.h"

#include "base/hash.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <sys/random.h>

enum { VERSION = 1, ID_SIZE = 8, NONCE_SIZE = 12, TAG_SIZE = 16, HEAD_SIZE = 1 + ID_SIZE + NONCE_SIZE };

static void id_of(const struct key *key, uint8_t ret[static ID_SIZE])
{
	static const char LABEL[] = "sluice key id";
	struct digest digest;
	struct sha256 hash;

	sha256_init(&hash);
	sha256_add(&hash, LABEL, sizeof(LABEL));
	sha256_add(&hash, key->bytes, KEY_SIZE);
	digest = sha256_end(&hash);
	memcpy(ret, digest.bytes, ID_SIZE);
}

static bool encrypt(EVP_CIPHER_CTX *context, const struct key *key, struct str label, struct str value, uint8_t *head)
{
	uint8_t *text = head + HEAD_SIZE;
	int len;

	return EVP_EncryptInit_ex(context, EVP_aes_256_gcm(), NULL, key->bytes, head + 1 + ID_SIZE) == 1 &&
	       EVP_EncryptUpdate(context, NULL, &len, (const uint8_t *)label.data, (int)label.len) == 1 &&
	       EVP_EncryptUpdate(context, text, &len, (const uint8_t *)value.data, (int)value.len) == 1 &&
	       EVP_EncryptFinal_ex(context, text + len, &len) == 1 &&
	       EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_GCM_GET_TAG, TAG_SIZE, text + value.len) == 1;
}

bool seal(struct buf *out, const struct key *key, struct str label, struct str value, struct error *err)
{
	uint8_t *head = (uint8_t *)buf_reserve(out, HEAD_SIZE + value.len + TAG_SIZE);
	EVP_CIPHER_CTX *context = EVP_CIPHER_CTX_new();

	if (context == NULL)
		abort();
	head[0] = VERSION;
	id_of(key, head + 1);
	if (getrandom(head + 1 + ID_SIZE, NONCE_SIZE, 0) != NONCE_SIZE)
		abort();
	const bool is_sealed = encrypt(context, key, label, value, head);
	EVP_CIPHER_CTX_free(context);
	if (!is_sealed)
		return error_set(err, ERR_INTERNAL, "OpenSSL cannot encrypt");
	out->len += HEAD_SIZE + value.len + TAG_SIZE;
	return true;
}

static bool decrypt(EVP_CIPHER_CTX *context, const struct key *key, struct str label, struct str sealed, uint8_t *ret)
{
	const uint8_t *head = (const uint8_t *)sealed.data;
	const size_t text_len = sealed.len - HEAD_SIZE - TAG_SIZE;
	int len;

	return EVP_DecryptInit_ex(context, EVP_aes_256_gcm(), NULL, key->bytes, head + 1 + ID_SIZE) == 1 &&
	       EVP_DecryptUpdate(context, NULL, &len, (const uint8_t *)label.data, (int)label.len) == 1 &&
	       EVP_DecryptUpdate(context, ret, &len, head + HEAD_SIZE, (int)text_len) == 1 &&
	       EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_GCM_SET_TAG, TAG_SIZE,
		(void *)(head + HEAD_SIZE + text_len)) == 1 &&
	       EVP_DecryptFinal_ex(context, ret + len, &len) == 1;
}

bool seal_open(struct arena *arena, const struct key *key, struct str label, struct str sealed, struct secret *ret,
	struct error *err)
{
	uint8_t id[ID_SIZE];

	if (sealed.len <= HEAD_SIZE + TAG_SIZE || sealed.len > 1 << 30 || sealed.data[0] != VERSION)
		return error_set(err, ERR_INTERNAL, "is damaged");
	id_of(key, id);
	if (CRYPTO_memcmp(id, sealed.data + 1, ID_SIZE) != 0)
		return error_set(err, ERR_INVALID_STATE,
			"was sealed with another key than that of the key file (--secret-key)");
	const size_t len = sealed.len - HEAD_SIZE - TAG_SIZE;
	uint8_t *text = malloc(len);
	EVP_CIPHER_CTX *context = EVP_CIPHER_CTX_new();
	if (text == NULL || context == NULL)
		abort();
	const bool is_open = decrypt(context, key, label, sealed, text);
	EVP_CIPHER_CTX_free(context);
	if (is_open)
		*ret = secret_new(arena, (struct str){(const char *)text, len});
	OPENSSL_cleanse(text, len);
	free(text);
	return is_open || error_set(err, ERR_INTERNAL, "is damaged");
}

#include "base/hash.h"

#include <openssl/evp.h>
#include <pthread.h>
#include <stdlib.h>

static pthread_once_t fetch_once = PTHREAD_ONCE_INIT;
static EVP_MD *algorithm;

static void must(bool ok)
{
	if (!ok)
		abort();
}

static void fetch(void)
{
	algorithm = EVP_MD_fetch(NULL, "SHA256", NULL);
	must(algorithm != NULL);
}

static void start(struct sha256 *hash)
{
	must(EVP_DigestInit_ex(hash->context, algorithm, NULL) == 1);
}

void sha256_init(struct sha256 *hash)
{
	pthread_once(&fetch_once, fetch);
	hash->context = EVP_MD_CTX_new();
	must(hash->context != NULL);
	start(hash);
}

void sha256_done(struct sha256 *hash)
{
	EVP_MD_CTX_free(hash->context);
	hash->context = NULL;
}

void sha256_add(struct sha256 *hash, const void *data, size_t len)
{
	must(EVP_DigestUpdate(hash->context, data, len) == 1);
}

struct digest sha256_end(struct sha256 *hash)
{
	struct digest digest;

	must(EVP_DigestFinal_ex(hash->context, digest.bytes, NULL) == 1);
	start(hash);
	return digest;
}

struct digest digest_of(struct str bytes)
{
	struct sha256 hash;

	sha256_init(&hash);
	sha256_add(&hash, bytes.data, bytes.len);
	const struct digest digest = sha256_end(&hash);
	sha256_done(&hash);
	return digest;
}

char *digest_hex(const struct digest *digest, char ret_hex[static DIGEST_HEX_SIZE])
{
	static const char DIGITS[] = "0123456789abcdef";

	for (size_t i = 0; i < DIGEST_SIZE; i++) {
		ret_hex[2 * i] = DIGITS[digest->bytes[i] >> 4];
		ret_hex[2 * i + 1] = DIGITS[digest->bytes[i] & 15];
	}
	ret_hex[2 * DIGEST_SIZE] = '\0';
	return ret_hex;
}

static int nibble(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

bool digest_parse(struct str hex, struct digest *ret)
{
	struct digest digest;

	if (hex.len != 2 * DIGEST_SIZE)
		return false;
	for (size_t i = 0; i < DIGEST_SIZE; i++) {
		const int high = nibble(hex.data[2 * i]), low = nibble(hex.data[2 * i + 1]);

		if (high < 0 || low < 0)
			return false;
		digest.bytes[i] = (uint8_t)(high << 4 | low);
	}
	*ret = digest;
	return true;
}

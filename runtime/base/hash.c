#include "base/hash.h"

/* The direct functions: deprecated in favour of EVP, whose providers cost every process 2 MB and 1
 * ms to set up. */
#define OPENSSL_SUPPRESS_DEPRECATED
#include <openssl/sha.h>

_Static_assert(sizeof(SHA256_CTX) <= sizeof(((struct sha256 *)0)->state),
	"the state has room for OpenSSL's");

static SHA256_CTX *context_of(struct sha256 *hash)
{
	return (SHA256_CTX *)hash->state;
}

void sha256_init(struct sha256 *hash)
{
	SHA256_Init(context_of(hash));
}

void sha256_add(struct sha256 *hash, const void *data, size_t len)
{
	SHA256_Update(context_of(hash), data, len);
}

struct digest sha256_end(struct sha256 *hash)
{
	struct digest digest;

	SHA256_Final(digest.bytes, context_of(hash));
	SHA256_Init(context_of(hash));
	return digest;
}

struct digest digest_of(struct str bytes)
{
	struct sha256 hash;

	sha256_init(&hash);
	sha256_add(&hash, bytes.data, bytes.len);
	const struct digest digest = sha256_end(&hash);
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

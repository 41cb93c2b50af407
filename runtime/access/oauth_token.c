#include "access/oauth_token.h"

#include "base/base64.h"
#include "base/json.h"

#include <openssl/crypto.h>
#include <openssl/hmac.h>
#include <stdlib.h>

enum { MAC_SIZE = 32 };

/* {"alg":"HS256","typ":"JWT"}: compared, not read, so that nobody else chooses the algorithm. */
static const struct str HEAD = {"eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.", 37};

/* RFC 4648 section 5, without padding. */
static struct str to_url(struct arena *arena, struct str bytes)
{
	const struct str text = base64_encode(arena, bytes);
	char *copy = arena_memdup(arena, text.data, text.len);
	size_t len = text.len;

	while (len > 0 && copy[len - 1] == '=')
		len--;
	for (size_t i = 0; i < len; i++)
		copy[i] = copy[i] == '+' ? '-' : copy[i] == '/' ? '_' : copy[i];
	return (struct str){copy, len};
}

static bool from_url(struct arena *arena, struct str text, struct str *ret)
{
	char *copy = arena_alloc(arena, text.len + 4);
	size_t len = text.len;

	for (size_t i = 0; i < len; i++)
		copy[i] = text.data[i] == '-' ? '+' : text.data[i] == '_' ? '/' : text.data[i];
	while (len % 4 != 0 && len < text.len + 3)
		copy[len++] = '=';
	return base64_decode(arena, (struct str){copy, len}, ret);
}

static void sign(const struct key *key, struct str text, uint8_t ret[static MAC_SIZE])
{
	unsigned len = MAC_SIZE;

	if (HMAC(EVP_sha256(), key->bytes, KEY_SIZE, (const unsigned char *)text.data, text.len, ret, &len) == NULL)
		abort();
}

struct str oauth_token_write(struct arena *arena, const struct key *key, const struct oauth_token *token, int64_t now_s)
{
	struct json claims = json_object();
	struct buf text = {0}, out = {0};
	uint8_t mac[MAC_SIZE];

	json_set(arena, &claims, STR("iss"), json_string(STR("sluice")));
	json_set(arena, &claims, STR("sub"), json_string(token->client));
	json_set(arena, &claims, STR("iat"), json_integer(now_s));
	json_set(arena, &claims, STR("exp"), json_integer(token->expires_s));
	json_set(arena, &claims, STR("scope"), json_string(STR("all-apis")));
	if (token->endpoint.data != NULL)
		json_set(arena, &claims, STR("endpoint"), json_string(token->endpoint));
	json_write(&text, &claims);
	buf_add_str(&out, HEAD);
	buf_add_str(&out, to_url(arena, buf_str(&text)));
	sign(key, buf_str(&out), mac);
	buf_add_char(&out, '.');
	buf_add_str(&out, to_url(arena, (struct str){(const char *)mac, MAC_SIZE}));
	const struct str copy = {arena_memdup(arena, out.data, out.len), out.len};
	buf_done(&text);
	buf_done(&out);
	return copy;
}

bool oauth_token_is(struct str text)
{
	return str_starts(text, HEAD);
}

static bool fail(struct error *err)
{
	return error_set(err, ERR_UNAUTHENTICATED, "the OAuth token is not valid: it is not from here, or was altered");
}

static bool check_signature(struct arena *arena, const struct key *key, struct str text, size_t signed_len)
{
	uint8_t mac[MAC_SIZE];
	struct str sent;

	sign(key, (struct str){text.data, signed_len}, mac);
	return from_url(arena, (struct str){text.data + signed_len + 1, text.len - signed_len - 1}, &sent) &&
	       sent.len == MAC_SIZE && CRYPTO_memcmp(mac, sent.data, MAC_SIZE) == 0;
}

bool oauth_token_read(struct arena *arena, const struct key *key, struct str text, int64_t now_s,
	struct oauth_token *ret,
	struct error *err)
{
	const char *dot = text.len > HEAD.len ? memrchr(text.data + HEAD.len, '.', text.len - HEAD.len) : NULL;
	struct error ignored;
	struct json claims;
	struct str body;

	if (!oauth_token_is(text) || dot == NULL || !check_signature(arena, key, text, (size_t)(dot - text.data)))
		return fail(err);
	if (!from_url(arena, (struct str){text.data + HEAD.len, (size_t)(dot - text.data) - HEAD.len}, &body) ||
		!json_read(arena, body, &claims, &ignored))
		return fail(err);
	const struct json *endpoint = json_get(&claims, STR("endpoint")), *expires = json_get(&claims, STR("exp"));
	*ret = (struct oauth_token){
		.client = json_str(json_get(&claims, STR("sub"))),
		.endpoint = endpoint != NULL ? json_str(endpoint) : (struct str){NULL, 0},
		.expires_s = json_type(expires) == JSON_INTEGER ? expires->integer : 0,
	};
	return now_s < ret->expires_s ||
	       error_set(err, ERR_UNAUTHENTICATED,
		"the OAuth token has expired: ask for another one at /oidc/v1/token");
}

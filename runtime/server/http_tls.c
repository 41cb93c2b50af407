#include "server/http.h"

#include <openssl/err.h>
#include <openssl/ssl.h>

/* The oldest OpenSSL error says what went wrong; the later ones, in what. */
static bool tls_failed(struct error *err, const char *what, const char *file)
{
	char reason[256];

	ERR_error_string_n(ERR_peek_error(), reason, sizeof(reason));
	ERR_clear_error();
	return error_set(err, ERR_USAGE, "%s '%s': %s", what, file, reason);
}

static int on_alpn(SSL *ssl, const unsigned char **ret, unsigned char *ret_len,
	const unsigned char *offered, unsigned offered_len, void *ignored)
{
	static const unsigned char OURS[] = "\x08http/1.1";
	unsigned char *selected;

	if (SSL_select_next_proto(&selected, ret_len, OURS, sizeof(OURS) - 1, offered,
		    offered_len) != OPENSSL_NPN_NEGOTIATED)
		return SSL_TLSEXT_ERR_ALERT_FATAL;
	*ret = selected;
	return SSL_TLSEXT_ERR_OK;
}

static bool load_files(SSL_CTX *tls, const char *cert_file, const char *key_file, struct error *err)
{
	if (SSL_CTX_use_certificate_chain_file(tls, cert_file) != 1)
		return tls_failed(err, "read the TLS certificate", cert_file);
	if (SSL_CTX_use_PrivateKey_file(tls, key_file, SSL_FILETYPE_PEM) != 1)
		return tls_failed(err, "read the TLS key", key_file);
	if (SSL_CTX_check_private_key(tls) != 1)
		return tls_failed(err, "match the TLS certificate with the key", key_file);
	return true;
}

struct ssl_ctx_st *http_tls_new(const char *cert_file, const char *key_file, struct error *err)
{
	SSL_CTX *tls = SSL_CTX_new(TLS_server_method());

	if (tls == NULL || SSL_CTX_set_min_proto_version(tls, TLS1_2_VERSION) != 1 ||
		SSL_CTX_set_cipher_list(tls, "ECDHE+AESGCM:ECDHE+CHACHA20") != 1)
		goto out_failed;
	SSL_CTX_set_options(tls, SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION |
					 SSL_OP_CIPHER_SERVER_PREFERENCE |
					 SSL_OP_PRIORITIZE_CHACHA);
	SSL_CTX_set_mode(tls, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
				      SSL_MODE_RELEASE_BUFFERS);
	SSL_CTX_set_alpn_select_cb(tls, on_alpn, NULL);
	if (load_files(tls, cert_file, key_file, err))
		return tls;
	SSL_CTX_free(tls);
	return NULL;

out_failed:
	tls_failed(err, "set up TLS for", cert_file);
	SSL_CTX_free(tls);
	return NULL;
}

void http_tls_free(struct ssl_ctx_st *tls)
{
	SSL_CTX_free(tls);
}

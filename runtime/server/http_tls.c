#include "server/http_tls.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>

/* The oldest OpenSSL error says what went wrong; the later ones, in what. */
static bool tls_failed(struct error *err, const char *what, const char *file)
{
	const unsigned long code = ERR_peek_error();
	const char *reason = ERR_reason_error_string(code);

	ERR_clear_error();
	if (ERR_SYSTEM_ERROR(code))
		return error_set_errno(err, ERR_USAGE, ERR_GET_REASON(code), "%s '%s'", what, file);
	if (ERR_GET_LIB(code) == ERR_LIB_PEM && ERR_GET_REASON(code) == PEM_R_NO_START_LINE)
		reason = "nothing of that kind is in it (a PEM file has '-----BEGIN …')";
	return error_set(err, ERR_USAGE, "%s '%s': %s", what, file, reason != NULL ? reason : "OpenSSL does not say why");
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

/* What stands in the file is what is trusted, an intermediate authority alone, too. Without a context for sessions, who
 * resumes one would be refused. */
static bool ask_clients(SSL_CTX *tls, const struct http_tls_files *files, struct error *err)
{
	static const unsigned char CONTEXT[] = "sluiced";

	if (files->client_ca == NULL)
		return true;
	STACK_OF(X509_NAME) *names = SSL_load_client_CA_file(files->client_ca);
	if (names == NULL || SSL_CTX_load_verify_file(tls, files->client_ca) != 1) {
		sk_X509_NAME_pop_free(names, X509_NAME_free);
		return tls_failed(err, "read the clients' TLS authorities", files->client_ca);
	}
	SSL_CTX_set_client_CA_list(tls, names);
	X509_VERIFY_PARAM_set_flags(SSL_CTX_get0_param(tls), X509_V_FLAG_PARTIAL_CHAIN);
	SSL_CTX_set_verify(tls,
		SSL_VERIFY_PEER | (files->is_client_optional ? 0 : SSL_VERIFY_FAIL_IF_NO_PEER_CERT), NULL);
	return SSL_CTX_set_session_id_context(tls, CONTEXT, sizeof(CONTEXT) - 1) == 1 ||
	       tls_failed(err, "set up TLS for", files->cert);
}

static bool load_files(SSL_CTX *tls, const struct http_tls_files *files, struct error *err)
{
	if (SSL_CTX_use_certificate_chain_file(tls, files->cert) != 1)
		return tls_failed(err, "read the TLS certificate", files->cert);
	if (SSL_CTX_use_PrivateKey_file(tls, files->key, SSL_FILETYPE_PEM) != 1)
		return tls_failed(err, "read the TLS key", files->key);
	if (SSL_CTX_check_private_key(tls) != 1)
		return tls_failed(err, "match the TLS certificate with the key", files->key);
	return ask_clients(tls, files, err);
}

struct ssl_ctx_st *http_tls_new(const struct http_tls_files *files, struct error *err)
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
	if (load_files(tls, files, err))
		return tls;
	SSL_CTX_free(tls);
	return NULL;

out_failed:
	tls_failed(err, "set up TLS for", files->cert);
	SSL_CTX_free(tls);
	return NULL;
}

struct ssl_ctx_st *http_tls_ref(struct ssl_ctx_st *tls)
{
	if (tls != NULL && SSL_CTX_up_ref(tls) != 1)
		abort();
	return tls;
}

void http_tls_free(struct ssl_ctx_st *tls)
{
	SSL_CTX_free(tls);
}

/* As UTF-8, allocated by OpenSSL. Control bytes, NUL among them, would make one name look like another. */
static unsigned char *common_name(const X509 *cert)
{
	const X509_NAME *subject = X509_get_subject_name(cert);
	const int at = X509_NAME_get_index_by_NID(subject, NID_commonName, -1);
	unsigned char *name = NULL;

	if (at < 0 || X509_NAME_get_index_by_NID(subject, NID_commonName, at) >= 0)
		return NULL;
	const int len = ASN1_STRING_to_UTF8(&name, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, at)));
	bool is_fine = len > 0;
	for (int i = 0; i < len; i++)
		is_fine = is_fine && name[i] >= ' ' && name[i] != 0x7F;
	if (is_fine)
		return name;
	OPENSSL_free(name);
	return NULL;
}

char *http_tls_client_subject(const struct ssl_st *ssl)
{
	const X509 *cert = SSL_get0_peer_certificate(ssl);

	if (cert == NULL || SSL_get_verify_result(ssl) != X509_V_OK)
		return NULL;
	unsigned char *name = common_name(cert);
	char *subject = name != NULL ? strdup((const char *)name) : NULL;
	ERR_clear_error();
	OPENSSL_free(name);
	return subject;
}

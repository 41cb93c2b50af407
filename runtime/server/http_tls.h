#pragma once
/* Inside of the HTTP front end: what TLS adds to http.h. */
#include "server/http.h"

struct ssl_st;

/* Another owner of the same; each calls http_tls_free(). NULL stays NULL. */
struct ssl_ctx_st *http_tls_ref(struct ssl_ctx_st *tls);
/* The common name of the client's verified certificate, to be freed; NULL where there is none, or not exactly one. */
char *http_tls_client_subject(const struct ssl_st *ssl);

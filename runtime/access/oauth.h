#pragma once
/*
 * OAuth: POST /oidc/v1/token, as Databricks' clients ask it (docs/protocol/DATABRICKS.md 1.8):
 *
 *	client_credentials   client_id and client_secret, by HTTP Basic or in the form → a token that may what the client may
 *	…:jwt-bearer         assertion: such a token, and authorization_details: one that may ask that endpoint only, no longer
 *
 * Errors are RFC 6749's: {"error": "invalid_client", "error_description": …}.
 */
#include "access/access.h"

struct oauth_request {
	struct str authorization; /* the field's value */
	struct str form;          /* application/x-www-form-urlencoded */
	int64_t now_ms;
};

struct oauth_answer {
	int status;       /* 200, 400, 401 */
	struct buf body;  /* JSON */
	bool asks_basic;  /* 401 to who tried Basic: WWW-Authenticate: Basic */
};

/* Blocks. False with the error set where the server fails, not who asks. */
bool oauth_answer(struct access *access, struct registry *registry, struct arena *arena,
	const struct oauth_request *request,
	struct oauth_answer *ret, struct error *err);

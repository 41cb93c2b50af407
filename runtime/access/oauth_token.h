#pragma once
/*
 * OAuth token: what a client's id and secret are exchanged for: a signed note (JWT, HS256) that its client may, for up to an
 * hour, do what its row says; or only ask one endpoint. Nothing is stored: the client's row is looked up each time, so that
 * revoking the client ends its tokens, too.
 */
#include "access/key_file.h"
#include "base/arena.h"
#include "base/str.h"

enum { OAUTH_LIFETIME_S = 3600 };

struct oauth_token {
	struct str client;   /* the credential's id */
	struct str endpoint; /* data NULL: everything that the client may */
	int64_t expires_s;
};

struct str oauth_token_write(struct arena *arena, const struct key *key, const struct oauth_token *token,
	int64_t now_s);
/* It has the form of one; nothing is said about its truth. */
bool oauth_token_is(struct str text);
/* ERR_UNAUTHENTICATED: not ours, altered, expired. */
bool oauth_token_read(struct arena *arena, const struct key *key, struct str text, int64_t now_s,
	struct oauth_token *ret,
	struct error *err);

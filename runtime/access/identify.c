/* Authorization or certificate → the snapshot's credential → principal → what he may */
#include "access/access_internal.h"
#include "access/oauth_token.h"
#include "base/base64.h"

#include <openssl/crypto.h>

/* ---- who is it ---- */

static void release(void *data)
{
	access_snapshot_unref(data);
}

static bool cut_scheme(struct str *value, struct str scheme)
{
	if (value->len <= scheme.len || value->data[scheme.len] != ' ' ||
		!str_eq_nocase((struct str){value->data, scheme.len}, scheme))
		return false;
	*value = str_trim((struct str){value->data + scheme.len, value->len - scheme.len});
	return true;
}

static bool refuse(struct error *err)
{
	return error_set(err, ERR_UNAUTHENTICATED, "the token is not valid: it is unknown or was revoked");
}

static bool accept(const struct access_snapshot *snapshot, struct access_credential *own, enum principal_by by,
	int64_t now_ms, struct principal *ret, struct error *err)
{
	if (own->expires_ms > 0 && now_ms >= own->expires_ms)
		return error_set(err, ERR_UNAUTHENTICATED,
			"the token '%s' has expired: sluice token create makes another one",
			own->id);
	atomic_store_explicit(&own->used_ms, now_ms, memory_order_relaxed);
	*ret = (struct principal){
		.name = own->principal,
		.credential = str_of(own->id),
		.by = by,
		.is_service = own->is_service,
		.rights = own->endpoints == NULL ? own->rights : RIGHT_NONE,
		.rights_max = RIGHT_ALL,
		.snapshot = snapshot,
		.own = own,
	};
	return true;
}

static bool identify_token(const struct access_snapshot *snapshot, struct str value, enum principal_by by,
	int64_t now_ms, struct principal *ret, struct error *err)
{
	struct access_credential *own = access_snapshot_find(snapshot, credential_id(value));
	const struct digest digest = digest_of(value);

	if (own == NULL || !str_is(own->kind, CREDENTIAL_TOKEN) ||
		CRYPTO_memcmp(own->digest.bytes, digest.bytes, DIGEST_SIZE) != 0)
		return refuse(err);
	return accept(snapshot, own, by, now_ms, ret, err);
}

static bool identify_oauth(struct access *access, const struct access_snapshot *snapshot, struct arena *arena,
	struct str value, int64_t now_ms, struct principal *ret, struct error *err)
{
	struct oauth_token token;

	if (!atomic_load(&access->has_oauth_key))
		return refuse(err);
	if (!oauth_token_read(arena, &access->oauth_key, value, now_ms / 1000, &token, err))
		return false;
	struct access_credential *own = access_snapshot_find(snapshot, token.client);
	if (own == NULL || !str_is(own->kind, CREDENTIAL_CLIENT))
		return refuse(err);
	if (!accept(snapshot, own, PRINCIPAL_BY_BEARER, now_ms, ret, err))
		return false;
	ret->endpoint = token.endpoint;
	if (token.endpoint.data != NULL)
		ret->rights_max = RIGHT_QUERY;
	return true;
}

/* "token:VALUE", as Databricks' samples have it, or "NAME:VALUE". */
static bool identify_basic(const struct access_snapshot *snapshot, struct arena *arena, struct str encoded,
	int64_t now_ms,
	struct principal *ret, struct error *err)
{
	struct str text, user;

	if (!base64_decode(arena, encoded, &text) || !str_cut(&text, ':', &user))
		return error_set(err, ERR_UNAUTHENTICATED,
			"the Authorization field: expected Basic and Base64 of 'token:TOKEN'");
	if (!identify_token(snapshot, text, PRINCIPAL_BY_BASIC, now_ms, ret, err))
		return false;
	return str_is(user, "token") || str_eq(user, ret->name) ||
	       error_set(err, ERR_UNAUTHENTICATED, "the token is not that user's: send the user 'token'");
}

static bool identify_certificate(const struct access_snapshot *snapshot, struct str subject, int64_t now_ms,
	struct principal *ret, struct error *err)
{
	for (size_t i = 0; i < snapshot->credential_count; i++) {
		struct access_credential *own = &snapshot->credentials[i];

		if (str_is(own->kind, CREDENTIAL_CERTIFICATE) && str_eq(own->subject, subject))
			return accept(snapshot, own, PRINCIPAL_BY_CERTIFICATE, now_ms, ret, err);
	}
	return error_set(err, ERR_UNAUTHENTICATED,
		"the certificate's name '%.*s' was given no rights: sluice token create --certificate",
		STR_ARGS(str_clip(subject, 200)));
}

static bool identify(struct access *access, const struct access_snapshot *snapshot, struct arena *arena,
	struct str authorization, struct str subject, int64_t now_ms, struct principal *ret, struct error *err)
{
	if (authorization.len == 0 && subject.len > 0)
		return identify_certificate(snapshot, subject, now_ms, ret, err);
	if (authorization.len == 0)
		return error_set(err, ERR_UNAUTHENTICATED,
			"no token was sent: send 'Authorization: Bearer TOKEN' (sluice token create makes one)");
	if (cut_scheme(&authorization, STR("Bearer")))
		return oauth_token_is(authorization)
			       ? identify_oauth(access, snapshot, arena, authorization, now_ms, ret, err)
			       : identify_token(snapshot, authorization, PRINCIPAL_BY_BEARER, now_ms, ret, err);
	if (cut_scheme(&authorization, STR("Basic")))
		return identify_basic(snapshot, arena, authorization, now_ms, ret, err);
	return error_set(err, ERR_UNAUTHENTICATED,
		"the Authorization field: expected 'Bearer TOKEN', or Basic with the user 'token'");
}

bool access_identify(struct access *access, struct arena *arena, struct str authorization, struct str subject,
	int64_t now_ms, struct principal *ret, struct error *err)
{
	access_poke(access, now_ms);
	struct access_snapshot *snapshot = access_is_on(access) ? access_take_snapshot(access) : NULL;

	if (snapshot != NULL) {
		arena_on_end(arena, release, snapshot);
		return identify(access, snapshot, arena, authorization, subject, now_ms, ret, err);
	}
	*ret = (struct principal){
		.name = subject,
		.by = subject.len > 0 ? PRINCIPAL_BY_CERTIFICATE : PRINCIPAL_BY_NOTHING,
		.is_anybody = true,
		.rights = RIGHT_ALL,
		.rights_max = RIGHT_ALL,
	};
	return true;
}

/* ---- may he ---- */

enum right principal_rights(const struct principal *principal, struct str endpoint)
{
	enum right rights = principal->rights;

	if (endpoint.data == NULL || principal->own == NULL)
		return principal->endpoint.data == NULL ? rights & principal->rights_max : RIGHT_NONE;
	if (principal->endpoint.data != NULL && !str_eq(principal->endpoint, endpoint))
		return RIGHT_NONE;
	for (size_t i = 0; i < principal->own->endpoint_count; i++)
		if (str_eq(principal->own->endpoints[i], endpoint))
			rights |= principal->own->rights;
	return (rights | access_snapshot_granted(principal->snapshot, principal->own,
		endpoint)) & principal->rights_max;
}

bool access_check(const struct principal *principal, enum permission permission, struct str endpoint, struct error *err)
{
	const enum right needed = permission_right(permission);

	if ((principal_rights(principal, endpoint) & needed) == needed)
		return true;
	const char *kind = principal->is_service ? "service principal" : "user";
	if (endpoint.data == NULL)
		return error_set(err, ERR_PERMISSION_DENIED,
			"%s '%.*s' may not do that: the permission '%s' on everything is needed",
			kind, STR_ARGS(principal->name), permission_name(permission));
	return error_set(err, ERR_PERMISSION_DENIED,
		"%s '%.*s' may not do that: the permission '%s' on endpoint '%.*s' is needed", kind,
			STR_ARGS(principal->name),
		permission_name(permission), STR_ARGS(str_clip(endpoint, 200)));
}

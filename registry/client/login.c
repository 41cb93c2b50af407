/*
 * Who we are: Authorization headers that are known from the start, and OAuth tokens (client credentials,
 * POST /oidc/v1/token) that are asked for when the first call needs one and again a minute before they run out.
 *
 * Calls that run at the same time may each ask for a token: that costs nothing but a call, and needs no queue.
 */
#include "client/call.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <stdlib.h>

enum { TOKEN_SPARE_S = 60, TOKEN_LIFE_S = 3600 };

/* "Basic BASE64" of user and password, without a copy that is not wiped. */
static struct secret basic(struct arena *arena, struct str user, struct secret password)
{
	const struct str hidden = secret_reveal(password);
	const size_t len = user.len + 1 + hidden.len, size = 6 + 4 * ((len + 2) / 3) + 1;
	unsigned char *plain = malloc(len + 1), *line = malloc(size);

	if (plain == NULL || line == NULL)
		abort();
	memcpy(plain, user.data, user.len);
	plain[user.len] = ':';
	memcpy(plain + user.len + 1, hidden.data, hidden.len);
	memcpy(line, "Basic ", 6);
	EVP_EncodeBlock(line + 6, plain, (int)len);
	const struct secret made = secret_new(arena, (struct str){(char *)line, size - 1});
	OPENSSL_cleanse(plain, len);
	OPENSSL_cleanse(line, size);
	free(plain);
	free(line);
	return made;
}

static struct secret bearer(struct arena *arena, struct str token)
{
	const size_t size = 7 + token.len;
	char *line = malloc(size);

	if (line == NULL)
		abort();
	memcpy(line, "Bearer ", 7);
	memcpy(line + 7, token.data, token.len);
	const struct secret made = secret_new(arena, (struct str){line, size});
	OPENSSL_cleanse(line, size);
	free(line);
	return made;
}

void login_init(struct client *client, struct site *site)
{
	const struct target_site *target = site->target;

	if (target->login == LOGIN_BASIC)
		site->authorization = basic(&client->arena, target->user, target->secret);
	else if (target->login == LOGIN_BEARER)
		site->authorization = bearer(&client->arena, secret_reveal(target->secret));
}

bool login_is_ready(const struct call *call)
{
	const struct site *site = call->site;

	return site->target->login != LOGIN_OAUTH || call->spec.is_login || call->spec.url != NULL ||
	       site->token_until_ns > loop_now_ns(call->op.client->loop);
}

struct operation *login_ask(struct call *call)
{
	const struct target_site *target = call->site->target;
	const struct call_spec spec = {
		.call = {.method = "POST",
			.path = "/oidc/v1/token",
			.effect = CALL_READS,
			.is_tracking = call->site == call->op.client->tracking},
		.form = STR("grant_type=client_credentials&scope=all-apis"),
		.authorization = basic(call->op.arena, target->user, target->secret),
		.is_login = true,
	};

	return call_start(call->op.client, call->op.arena, &spec, &call->token_answer);
}

bool login_take(struct call *call, struct error *err)
{
	const struct str token = json_str(json_get(&call->token_answer, STR("access_token")));
	const struct json *expires = json_get(&call->token_answer, STR("expires_in"));
	struct client *client = call->op.client;
	struct site *site = call->site;
	int64_t life_s = TOKEN_LIFE_S;

	if (token.len == 0)
		return error_set(err, ERR_UPSTREAM, "login at %s/oidc/v1/token: the answer has no 'access_token'",
			site->target->url);
	if (json_type(expires) == JSON_INTEGER && expires->integer > 0 && expires->integer < 30 * 86400)
		life_s = expires->integer;
	/* One that lives for less is used for half of its life. */
	life_s = life_s > 2 * TOKEN_SPARE_S ? life_s - TOKEN_SPARE_S : (life_s + 1) / 2;
	site->token = secret_new(&client->arena, token);
	site->authorization = bearer(&client->arena, token);
	site->token_until_ns = loop_now_ns(client->loop) + (uint64_t)life_s * 1000000000;
	return true;
}

void login_drop(struct site *site)
{
	site->token_until_ns = 0;
}

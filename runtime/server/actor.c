/* Who asks, and why. */
#include "base/base64.h"
#include "server/route.h"

enum { WHO_MAX = 256, WHY_MAX = 4096 };

/* The user of HTTP Basic: "Basic base64(user:password)". */
static struct str basic_user(struct arena *arena, struct str authorization)
{
	static const struct str SCHEME = {"Basic ", 6};
	struct str user = {NULL, 0}, text;

	if (authorization.len < SCHEME.len || !str_eq_nocase((struct str){authorization.data, SCHEME.len}, SCHEME))
		return user;
	if (!base64_decode(arena, (struct str){authorization.data + SCHEME.len, authorization.len - SCHEME.len}, &text) ||
		!str_cut(&text, ':', &user))
		return (struct str){NULL, 0};
	return user;
}

static struct str plain(struct str text, size_t size_max)
{
	return str_is_utf8(text) ? str_clip(text, size_max) : (struct str){NULL, 0};
}

struct str request_who(const struct http_request *request)
{
	const struct exchange *exchange = request->data;

	if (exchange->principal.name.len > 0)
		return exchange->principal.name;
	struct str who = http_field_get(request, "x-sluice-user");
	if (who.len == 0)
		who = basic_user(request->arena, http_field_get(request, "authorization"));
	return plain(who, WHO_MAX);
}

struct str request_why(const struct http_request *request)
{
	return plain(http_field_get(request, "x-sluice-reason"), WHY_MAX);
}

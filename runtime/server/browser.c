#include "server/browser.h"

#include "server/http_parse.h"

#include <arpa/inet.h>

enum { NAME_SIZE = 256 };

/* Without port and brackets; cut where it is longer than any name can be, which then matches nothing. */
static void host_of(struct str authority, char ret[static NAME_SIZE])
{
	const bool is_v6 = authority.len > 0 && authority.data[0] == '[';
	struct str rest = is_v6 ? (struct str){authority.data + 1, authority.len - 1} : authority, host;

	str_cut(&rest, is_v6 ? ']' : ':', &host);
	const size_t len = host.len < NAME_SIZE ? host.len : NAME_SIZE - 1;
	if (len > 0)
		memcpy(ret, host.data, len);
	ret[len] = '\0';
}

static bool is_own_v4(const char *host)
{
	struct in_addr address;

	if (inet_pton(AF_INET, host, &address) != 1)
		return false;
	const uint32_t bits = ntohl(address.s_addr);
	return bits >> 24 == 127 || bits >> 24 == 10 || bits >> 20 == 0xAC1 || bits >> 16 == 0xC0A8 || bits == 0;
}

static bool is_own_v6(const char *host)
{
	struct in6_addr address;

	return inet_pton(AF_INET6, host, &address) == 1 &&
	       (IN6_IS_ADDR_LOOPBACK(&address) || (address.s6_addr[0] & 0xFE) == 0xFC);
}

bool browser_is_loopback(const char *host)
{
	struct in_addr v4;
	struct in6_addr v6;

	if (inet_pton(AF_INET, host, &v4) == 1)
		return ntohl(v4.s_addr) >> 24 == 127;
	return strcmp(host, "localhost") == 0 || (inet_pton(AF_INET6, host, &v6) == 1 && IN6_IS_ADDR_LOOPBACK(&v6));
}

static bool is_listed(const struct decode_list *list, struct str text)
{
	const char *const *items = list->items;

	for (size_t i = 0; i < list->count; i++)
		if (strcmp(items[i], "*") == 0 || str_eq_nocase(text, str_of(items[i])))
			return true;
	return false;
}

static bool is_host_ours(const struct settings *settings, struct str authority)
{
	char host[NAME_SIZE];

	host_of(authority, host);
	return is_own_v4(host) || is_own_v6(host) || str_eq_nocase(str_of(host), STR("localhost")) ||
	       str_eq_nocase(str_of(host), str_of(settings->host)) ||
	       is_listed(&settings->allowed_hosts, str_of(host)) || is_listed(&settings->allowed_hosts, authority);
}

static bool is_loopback_origin(struct str origin)
{
	static const struct str SCHEMES[] = {STR("http://"), STR("https://")};
	char host[NAME_SIZE];

	for (size_t i = 0; i < sizeof(SCHEMES) / sizeof(*SCHEMES); i++) {
		if (!str_starts(origin, SCHEMES[i]))
			continue;
		const struct str authority = {origin.data + SCHEMES[i].len, origin.len - SCHEMES[i].len};
		/* localhost:80@evil.example is evil.example. */
		if (!http_host_is_valid(authority))
			return false;
		host_of(authority, host);
		return strcmp(host, "localhost") == 0 || strcmp(host, "127.0.0.1") == 0 || strcmp(host, "::1") == 0;
	}
	return false;
}

static bool changes_something(enum http_method method)
{
	return method != HTTP_GET && method != HTTP_HEAD && method != HTTP_OPTIONS;
}

bool browser_made(const struct http_request *request)
{
	return http_field_get(request, "origin").data != NULL || http_field_get(request, "sec-fetch-site").data != NULL;
}

bool browser_check_origin(const struct settings *settings, const struct http_request *request, struct error *err)
{
	const struct str origin = http_field_get(request, "origin");

	return origin.data == NULL || !changes_something(request->method) || is_loopback_origin(origin) ||
	       is_listed(&settings->allowed_origins, origin) ||
	       error_set(err, ERR_PERMISSION_DENIED,
		       "Cross-origin request blocked (--allowed-origin allows a page's origin)");
}

bool browser_check(const struct settings *settings, const struct http_request *request, struct error *err)
{
	if (!is_host_ours(settings, http_field_get(request, "host")))
		return error_set(err, ERR_PERMISSION_DENIED,
			"Invalid Host header - possible DNS rebinding attack detected (--allowed-host allows a name)");
	return browser_check_origin(settings, request, err);
}

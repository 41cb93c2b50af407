/*
 * Request targets (RFC 9112 3.2) and hosts (RFC 9110 7.2).
 *
 * Origin form, absolute form of http and https, and "*" for OPTIONS. A path whose meaning depends
 * on who reads it is refused before any route sees it: "." and ".." segments, escaped or not,
 * control bytes, bad escapes (docs/protocol/HTTP.md 1.5 rule 8).
 */
#include "base/percent.h"
#include "server/http_class.h"
#include "server/http_parse.h"

#include <arpa/inet.h>
#include <string.h>

static bool port_is_valid(struct str port)
{
	unsigned value = 0;

	if (port.len > 5)
		return false;
	for (size_t i = 0; i < port.len; i++) {
		if (port.data[i] < '0' || port.data[i] > '9')
			return false;
		value = value * 10 + (unsigned)(port.data[i] - '0');
	}
	return value <= 65535;
}

static bool ipv6_is_valid(struct str address)
{
	char text[INET6_ADDRSTRLEN];
	struct in6_addr ignored;

	if (address.len >= sizeof(text) || memchr(address.data, '\0', address.len) != NULL)
		return false;
	memcpy(text, address.data, address.len);
	text[address.len] = '\0';
	return inet_pton(AF_INET6, text, &ignored) == 1;
}

bool http_host_is_valid(struct str host)
{
	size_t end = 0;

	if (host.len > 0 && host.data[0] == '[') {
		const char *close = memchr(host.data, ']', host.len);

		if (close == NULL)
			return false;
		end = (size_t)(close - host.data) + 1;
		if (!ipv6_is_valid((struct str){host.data + 1, end - 2}))
			return false;
	} else {
		while (end < host.len && http_is_host(host.data[end]))
			end++;
		if (end == 0)
			return false;
	}
	if (end == host.len)
		return true;
	return host.data[end] == ':' &&
	       port_is_valid((struct str){host.data + end + 1, host.len - end - 1});
}

/* The byte at *at, decoded, and *at moves behind it. -1 for a bad escape and for %00. */
static int next_byte(struct str text, size_t *at)
{
	if (text.data[*at] != '%')
		return (unsigned char)text.data[(*at)++];
	const int byte = percent_byte((struct str){text.data + *at, text.len - *at});
	if (byte <= 0)
		return -1;
	*at += 3;
	return byte;
}

/* `dots`: number of dots where the segment has nothing else, more than 2 where it is harmless. */
static bool path_is_valid(struct str path)
{
	size_t at = 0, dots = 0;

	while (at < path.len) {
		const int byte = next_byte(path, &at);

		if (byte < ' ' || byte == '\\' || byte == 0x7F)
			return false;
		if (byte == '/' && (dots == 1 || dots == 2))
			return false;
		if (byte == '/')
			dots = 0;
		else
			dots = byte == '.' && dots < 3 ? dots + 1 : 3;
	}
	return dots != 1 && dots != 2;
}

static bool query_is_valid(struct str query)
{
	size_t at = 0;

	while (at < query.len)
		if (next_byte(query, &at) < 0)
			return false;
	return true;
}

/* Cuts "http://host" off; an empty path is "/" (RFC 9112 3.2.1). */
static bool cut_authority(struct str *target)
{
	struct str scheme, rest = *target;

	if (!str_cut(&rest, ':', &scheme) || !str_starts(rest, STR("//")))
		return false;
	if (!str_eq_nocase(scheme, STR("http")) && !str_eq_nocase(scheme, STR("https")))
		return false;
	rest.data += 2;
	rest.len -= 2;
	size_t end = 0;
	while (end < rest.len && rest.data[end] != '/' && rest.data[end] != '?')
		end++;
	*target = (struct str){rest.data + end, rest.len - end};
	return http_host_is_valid((struct str){rest.data, end});
}

bool http_target_split(struct http_parse *parse, const char *text)
{
	struct str rest = {text + parse->target.at, parse->target.len}, path;

	if (str_is(rest, "*")) {
		parse->path = parse->target;
		return parse->method == HTTP_OPTIONS;
	}
	if (rest.data[0] != '/' && !cut_authority(&rest))
		return false;
	str_cut(&rest, '?', &path);
	parse->path = (struct http_span){(uint32_t)(path.data - text), (uint32_t)path.len};
	parse->query = (struct http_span){(uint32_t)(rest.data - text), (uint32_t)rest.len};
	parse->has_escapes = memchr(path.data, '%', path.len) != NULL;
	return path_is_valid(path) && query_is_valid(rest);
}

struct str http_path_decode(struct arena *arena, const char *text, const struct http_parse *parse)
{
	const struct str path = {text + parse->path.at, parse->path.len};
	size_t at = 0, len = 0;

	if (path.len == 0)
		return STR("/");
	if (!parse->has_escapes)
		return path;
	char *decoded = arena_alloc(arena, path.len);
	while (at < path.len)
		decoded[len++] = (char)next_byte(path, &at);
	return (struct str){decoded, len};
}

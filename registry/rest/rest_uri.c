#include "rest/rest_uri.h"

#include "base/percent.h"

static bool is_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool is_scheme_char(char c)
{
	return is_letter(c) || (c >= '0' && c <= '9') || c == '+' || c == '-' || c == '.';
}

static struct str lower(struct arena *arena, struct str text)
{
	char *out = arena_memdup(arena, text.data, text.len);

	for (size_t i = 0; i < text.len; i++)
		if (out[i] >= 'A' && out[i] <= 'Z')
			out[i] |= 0x20;
	return (struct str){out, text.len};
}

static struct str cleaned(struct arena *arena, struct str text)
{
	char *out = arena_alloc(arena, text.len + 1);
	size_t len = 0;

	for (size_t i = 0; i < text.len; i++) {
		const char c = text.data[i];
		const bool is_leading = len == 0 && (unsigned char)c <= ' ';

		if (!is_leading && c != '\t' && c != '\r' && c != '\n')
			out[len++] = c;
	}
	return (struct str){out, len};
}

/* The beginning of *rest up to one of `marks`, which stays. */
static struct str cut_before(struct str *rest, const char *marks)
{
	size_t len = 0;

	while (len < rest->len && (rest->data[len] == '\0' || strchr(marks, rest->data[len]) == NULL))
		len++;
	const struct str head = {rest->data, len};
	*rest = (struct str){rest->data + len, rest->len - len};
	return head;
}

static size_t scheme_size(struct str text)
{
	size_t len = 0;

	while (len < text.len && is_scheme_char(text.data[len]))
		len++;
	return len > 0 && len < text.len && text.data[len] == ':' && is_letter(text.data[0]) ? len : 0;
}

bool rest_uri_split(struct arena *arena, struct str text, struct rest_uri *ret)
{
	struct str rest = cleaned(arena, text);
	const size_t scheme_len = scheme_size(rest);

	*ret = (struct rest_uri){.scheme = lower(arena, (struct str){rest.data, scheme_len})};
	if (scheme_len > 0)
		rest = (struct str){rest.data + scheme_len + 1, rest.len - scheme_len - 1};
	if (str_starts(rest, STR("//"))) {
		rest = (struct str){rest.data + 2, rest.len - 2};
		ret->authority = cut_before(&rest, "/?#");
	}
	ret->tail = rest;
	ret->path = cut_before(&rest, "?#");
	return (str_count(ret->authority, '[') > 0) == (str_count(ret->authority, ']') > 0);
}

struct str rest_uri_host(struct arena *arena, const struct rest_uri *uri)
{
	struct str rest = uri->authority, host;

	while (str_count(rest, '@') > 0)
		str_cut(&rest, '@', &host);
	if (str_starts(rest, STR("["))) {
		rest = (struct str){rest.data + 1, rest.len - 1};
		str_cut(&rest, ']', &host);
	} else {
		str_cut(&rest, ':', &host);
	}
	return lower(arena, host);
}

/* Escapes do not overlap, so it does not matter in which order they are replaced: as soon as one stands at the end. */
struct str rest_uri_unescape(struct arena *arena, struct str text, bool is_query)
{
	char *out = arena_alloc(arena, text.len + 1);
	size_t len = 0;

	for (size_t i = 0; i < text.len; i++) {
		out[len++] = text.data[i];
		int byte;
		while (len >= 3 && (byte = percent_byte((struct str){out + len - 3, 3})) >= 0) {
			out[len - 3] = (char)byte;
			len -= 2;
		}
		if (is_query && out[len - 1] == '+')
			out[len - 1] = ' ';
	}
	return (struct str){out, len};
}

bool rest_uri_next_part(struct str *path, struct str *ret_part)
{
	while (path->len > 0) {
		str_cut(path, '/', ret_part);
		if (ret_part->len > 0)
			return true;
	}
	return false;
}

bool rest_uri_is_within(struct arena *arena, const struct rest_uri *uri, const struct rest_uri *root)
{
	struct str path = uri->path, root_path = root->path, part, root_part;
	size_t parts = 0;

	if (!str_eq(uri->scheme, root->scheme) || !str_eq_nocase(uri->authority, root->authority))
		return false;
	for (; rest_uri_next_part(&root_path, &root_part); parts++)
		if (!rest_uri_next_part(&path, &part) ||
			!str_eq(rest_uri_unescape(arena, part, false), rest_uri_unescape(arena, root_part, false)))
			return false;
	return parts > 0;
}

struct str rest_uri_normal_path(struct arena *arena, struct str path)
{
	char *out = arena_alloc(arena, path.len + 1);
	struct str part;
	size_t len = 0;

	if (!str_starts(path, STR("/")))
		return (struct str){NULL, 0};
	while (rest_uri_next_part(&path, &part)) {
		if (str_is(part, "."))
			continue;
		if (str_is(part, "..")) {
			while (len > 0 && out[--len] != '/')
				continue;
			continue;
		}
		out[len++] = '/';
		memcpy(out + len, part.data, part.len);
		len += part.len;
	}
	if (len == 0)
		out[len++] = '/';
	return (struct str){out, len};
}

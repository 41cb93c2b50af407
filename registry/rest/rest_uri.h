#pragma once
/*
 * URI: what a client names as a source, taken apart as MLflow does with Python's urllib.parse, so that both refuse the
 * same. Private to registry/rest.
 */
#include "base/arena.h"
#include "base/str.h"

struct rest_uri {
	struct str scheme;    /* lower case; empty: a path */
	struct str authority; /* "user@host:port" */
	struct str path;      /* as written, without query and fragment */
	struct str tail;      /* the path with them */
};

/* urlsplit: leading control characters and spaces, and tabs and line ends anywhere, do not count. False where the
 * authority has a bracket without its other. */
bool rest_uri_split(struct arena *arena, struct str text, struct rest_uri *ret);
/* Without the user and the port; lower case. */
struct str rest_uri_host(struct arena *arena, const struct rest_uri *uri);
/* unquote (is_query: unquote_plus), again and again until nothing changes; what is no escape stays. Linear in the text,
 * however deep it is escaped. */
struct str rest_uri_unescape(struct arena *arena, struct str text, bool is_query);
/* True where `uri` has the scheme and authority of `root` and its path begins with all of root's parts. */
bool rest_uri_is_within(struct arena *arena, const struct rest_uri *uri, const struct rest_uri *root);
/* A file's path without ".", ".." and empty parts, "/" at its front; NULL where it is relative. */
struct str rest_uri_normal_path(struct arena *arena, struct str path);
/* Takes the next part that is not empty from *path; false where there is none. */
bool rest_uri_next_part(struct str *path, struct str *ret_part);

#include "cli/pairs.h"

static bool has_key(const struct client_tag *items, size_t count, struct str key)
{
	for (size_t i = 0; i < count; i++)
		if (str_eq(items[i].key, key))
			return true;
	return false;
}

bool pairs_read(struct arena *arena, const char *option, const char *const *texts, size_t count,
	struct client_tags *ret, struct error *err)
{
	struct client_tag *items = arena_array(arena, count, sizeof(*items));

	for (size_t i = 0; i < count; i++) {
		struct str rest = str_of(texts[i]), key;

		if (!str_cut(&rest, '=', &key) || key.len == 0)
			return error_set(err, ERR_USAGE, "%s: expected key=value, got '%s'", option, texts[i]);
		if (!str_is_utf8(str_of(texts[i])))
			return error_set(err, ERR_USAGE, "%s: '%s' is no valid UTF-8", option, texts[i]);
		if (has_key(items, i, key))
			return error_set(err, ERR_USAGE, "%s: '%.*s' is there twice", option, STR_ARGS(key));
		items[i] = (struct client_tag){key, rest};
	}
	*ret = (struct client_tags){items, count};
	return true;
}

struct client_tags pairs_join(struct arena *arena, struct client_tags tags, struct client_tags more)
{
	struct client_tag *items = arena_array(arena, tags.count + more.count, sizeof(*items));
	size_t count = tags.count;

	if (tags.count > 0)
		memcpy(items, tags.items, tags.count * sizeof(*items));
	for (size_t i = 0; i < more.count; i++)
		if (!has_key(items, count, more.items[i].key))
			items[count++] = more.items[i];
	return (struct client_tags){items, count};
}

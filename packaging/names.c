#include "packaging/names.h"

#include <stdio.h>

struct name_slot {
	struct str name; /* len 0: free */
	enum name_kind kind;
};

static bool is_allowed(char c)
{
	return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
	       c == '.' || c == '_' || c == '-';
}

static bool check_part(struct str part, struct error *err)
{
	if (part.len == 0)
		return error_set(err, ERR_INVALID_BUNDLE, "an empty component in the name");
	if (part.len > NAME_PART_MAX)
		return error_set(err, ERR_TOO_LARGE,
			"a component of %zu bytes, at most %d are allowed", part.len,
			NAME_PART_MAX);
	if (str_is(part, ".") || str_is(part, ".."))
		return error_set(
			err, ERR_INVALID_BUNDLE, "a component '%.*s' in the name", STR_ARGS(part));
	for (size_t i = 0; i < part.len; i++)
		if (!is_allowed(part.data[i]))
			return error_set(err, ERR_INVALID_BUNDLE,
				"byte 0x%02x in the name, only letters, digits, '.', '_' and '-' are allowed",
				(unsigned char)part.data[i]);
	return true;
}

bool name_check(struct str name, struct error *err)
{
	struct str rest = name, part;
	bool is_more = true;

	if (name.len == 0)
		return error_set(err, ERR_INVALID_BUNDLE, "an empty name");
	if (name.len > NAME_MAX_LEN)
		return error_set(err, ERR_TOO_LARGE, "a name of %zu bytes, at most %d are allowed",
			name.len, NAME_MAX_LEN);
	if (name.data[0] == '/')
		return error_set(err, ERR_INVALID_BUNDLE, "an absolute name");
	for (int depth = 1; is_more; depth++) {
		if (depth > NAME_DEPTH_MAX)
			return error_set(
				err, ERR_TOO_LARGE, "more than %d folders deep", NAME_DEPTH_MAX);
		is_more = str_cut(&rest, '/', &part);
		if (!check_part(part, err))
			return false;
	}
	return true;
}

const char *name_show(struct str name, char ret[static NAME_SHOW_SIZE])
{
	size_t at = 0;

	for (size_t i = 0; i < name.len; i++) {
		const unsigned char c = (unsigned char)name.data[i];

		if (at + 8 > NAME_SHOW_SIZE) {
			memcpy(ret + at, "...", 3);
			at += 3;
			break;
		}
		if (c >= 0x20 && c < 0x7F && c != '\\')
			ret[at++] = (char)c;
		else
			at += (size_t)snprintf(ret + at, NAME_SHOW_SIZE - at, "\\x%02x", c);
	}
	ret[at] = '\0';
	return ret;
}

void names_init(struct names *names, struct arena *arena)
{
	*names = (struct names){.arena = arena};
}

/* FNV-1a over the lower-case name. Crafted collisions cost time only, which the deadline bounds. */
static uint64_t hash_nocase(struct str name)
{
	uint64_t hash = 0xCBF29CE484222325u;

	for (size_t i = 0; i < name.len; i++) {
		const char c = name.data[i];

		hash ^= (unsigned char)(c >= 'A' && c <= 'Z' ? c + 32 : c);
		hash *= 0x100000001B3u;
	}
	return hash ^ hash >> 32;
}

static struct name_slot *find(struct name_slot *slots, size_t cap, struct str name)
{
	size_t at = hash_nocase(name) & (cap - 1);

	while (slots[at].name.len > 0 && !str_eq_nocase(slots[at].name, name))
		at = (at + 1) & (cap - 1);
	return &slots[at];
}

static void grow(struct names *names)
{
	const size_t cap = names->cap == 0 ? 64 : names->cap * 2;
	struct name_slot *slots = arena_zalloc(names->arena, cap * sizeof(*slots));

	for (size_t i = 0; i < names->cap; i++)
		if (names->slots[i].name.len > 0)
			*find(slots, cap, names->slots[i].name) = names->slots[i];
	names->slots = slots;
	names->cap = cap;
}

/* What a second appearance may be: a folder implied by files in it, and then named once by itself.
 */
static bool meet_again(
	struct name_slot *slot, struct str name, enum name_kind kind, struct error *err)
{
	if (!str_eq(slot->name, name))
		return error_set(err, ERR_INVALID_BUNDLE, "differs from '%.*s' in case only",
			STR_ARGS(slot->name));
	if ((slot->kind == NAME_FILE) != (kind == NAME_FILE))
		return error_set(
			err, ERR_INVALID_BUNDLE, "'%.*s' is a file and a folder", STR_ARGS(name));
	if (slot->kind == kind && kind != NAME_IMPLIED)
		return error_set(err, ERR_INVALID_BUNDLE, "appears twice");
	if (kind == NAME_DIR)
		slot->kind = NAME_DIR;
	return true;
}

static bool add_one(struct names *names, struct str name, enum name_kind kind, struct error *err)
{
	if (names->count * 2 >= names->cap)
		grow(names);
	struct name_slot *slot = find(names->slots, names->cap, name);

	if (slot->name.len > 0)
		return meet_again(slot, name, kind, err);
	*slot = (struct name_slot){.name = name, .kind = kind};
	names->count++;
	return true;
}

bool names_add(struct names *names, struct str name, enum name_kind kind, struct error *err)
{
	for (size_t i = 0; i < name.len; i++)
		if (name.data[i] == '/' &&
			!add_one(names, (struct str){name.data, i}, NAME_IMPLIED, err))
			return false;
	return add_one(names, name, kind, err);
}

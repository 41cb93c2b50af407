#pragma once
/*
 * Names: which paths may be in a bundle, and the set of those seen so far. One rule for packing,
 * for extraction and for manifests.
 *
 * A name is relative, its components are separated by one '/', each has 1 to NAME_PART_MAX of the
 * characters A-Z a-z 0-9 . _ - and is not "." or "..". Nothing in it needs quoting, decoding or
 * normalising anywhere: the control bytes, backslashes, drive letters and Unicode forms that
 * ARCHIVES.md lists cannot be spelled.
 */
#include "base/arena.h"
#include "base/error.h"
#include "base/str.h"

enum { NAME_MAX_LEN = 1024, NAME_PART_MAX = 255, NAME_DEPTH_MAX = 16, NAME_SHOW_SIZE = 256 };

/* ERR_INVALID_BUNDLE (ERR_TOO_LARGE for length and depth) says what is wrong with the name, not the
 * name itself. */
bool name_check(struct str name, struct error *err);

/* The name for a message: printable ASCII stays, other bytes and backslashes become \xNN, a long
 * one is cut with
 * "...". Returns `ret`. */
const char *name_show(struct str name, char ret[static NAME_SHOW_SIZE]);

/* What the name is known as in the set. */
enum name_kind {
	NAME_FILE,
	NAME_DIR,     /* named by an entry of its own */
	NAME_IMPLIED, /* a folder that only the names below it tell of */
};

/*
 * struct names: refuses what two file systems, or a file system and a reader, could understand
 * differently: the same name twice, names that differ only in case (folders on the way too), a file
 * that is also a folder.
 */
struct names {
	struct arena *arena;
	struct name_slot *slots; /* open addressing, a power of two */
	size_t count, cap;
};

void names_init(struct names *names, struct arena *arena);
/* `name` has passed name_check and outlives the set. NAME_FILE or NAME_DIR. */
bool names_add(struct names *names, struct str name, enum name_kind kind, struct error *err);

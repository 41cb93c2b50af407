#pragma once
/*
 * Diff: two texts line by line, in the unified form of diff(1), three lines of context.
 *
 * Shortest edits by Myers' algorithm (Algorithmica 1, 1986, "An O(ND) Difference Algorithm"), for up to DIFF_EDITS_MAX
 * of them; texts that differ in more are shown as all of the one, then all of the other, which nobody reads line by
 * line.
 */
#include "base/arena.h"
#include "base/str.h"

enum { DIFF_EDITS_MAX = 2000 };

enum diff_kind { DIFF_SAME, DIFF_REMOVED, DIFF_ADDED };

struct diff_line {
	enum diff_kind kind;
	struct str text;           /* with its line end, but for a last line without one */
	size_t old_line, new_line; /* from 0; where it stands, or would */
};

/* All lines of both; *ret_count of them. */
struct diff_line *diff_lines(struct arena *arena, struct str old_text, struct str new_text, size_t *ret_count);
/* "--- name", "+++ name" and the hunks; nothing where the texts are equal. Text passes buf_add_visible where a terminal
 * reads it, and is coloured. False where they are equal. */
bool diff_write(struct buf *out, struct str old_name, struct str old_text, struct str new_name, struct str new_text,
	bool has_color);

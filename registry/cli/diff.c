/* lines → common ends cut off → Myers' furthest paths, one row an edit count → the way back → hunks */
#include "cli/diff.h"

#include "cli/console.h"

enum { CONTEXT = 3 };

struct lines {
	struct str *items;
	size_t count;
};

struct differ {
	struct arena *arena;
	struct lines a, b;
	size_t head, tail; /* lines that both begin and end with */
	struct diff_line *ret;
	size_t count;
};

static struct lines split(struct arena *arena, struct str text)
{
	struct lines lines = {arena_array(arena, str_count(text, '\n') + 1, sizeof(struct str)), 0};

	while (text.len > 0) {
		const char *end = memchr(text.data, '\n', text.len);
		const size_t len = end != NULL ? (size_t)(end - text.data) + 1 : text.len;

		lines.items[lines.count++] = (struct str){text.data, len};
		text = (struct str){text.data + len, text.len - len};
	}
	return lines;
}

static void cut_ends(struct differ *differ)
{
	const struct lines *a = &differ->a, *b = &differ->b;
	const size_t least = a->count < b->count ? a->count : b->count;

	while (differ->head < least && str_eq(a->items[differ->head], b->items[differ->head]))
		differ->head++;
	while (differ->tail < least - differ->head &&
		str_eq(a->items[a->count - 1 - differ->tail], b->items[b->count - 1 - differ->tail]))
		differ->tail++;
}

static void add(struct differ *differ, enum diff_kind kind, size_t x, size_t y)
{
	const struct str text = kind == DIFF_ADDED ? differ->b.items[y] : differ->a.items[x];

	differ->ret[differ->count++] = (struct diff_line){kind, text, x, y};
}

/* A row of furthest x by diagonal k = x - y for every number of edits d: k = -d, -d + 2, … d, so d + 1 of them. */
struct paths {
	int32_t **rows;
	int32_t found; /* the number of edits; -1: too many */
};

static int32_t furthest(const int32_t *row, int32_t d, int32_t k)
{
	return k < -d || k > d ? -1 : row[(k + d) / 2];
}

/* From the previous row: down (a line of b) where k + 1 came further, else right (a line of a). */
static bool goes_down(const int32_t *previous, int32_t d, int32_t k)
{
	return k == -d || (k != d && furthest(previous, d - 1, k - 1) < furthest(previous, d - 1, k + 1));
}

static int32_t start_of(const int32_t *previous, int32_t d, int32_t k)
{
	if (d == 0)
		return 0;
	return goes_down(previous, d, k) ? furthest(previous, d - 1, k + 1) : furthest(previous, d - 1, k - 1) + 1;
}

static int32_t slide(const struct differ *differ, int32_t x, int32_t y, int32_t n, int32_t m)
{
	while (x < n && y >= 0 && y < m &&
		str_eq(differ->a.items[differ->head + (size_t)x], differ->b.items[differ->head + (size_t)y])) {
		x++;
		y++;
	}
	return x;
}

static struct paths search(struct differ *differ, int32_t n, int32_t m)
{
	const int32_t edits_max = n + m < DIFF_EDITS_MAX ? n + m : DIFF_EDITS_MAX;
	struct paths paths = {arena_array(differ->arena, (size_t)edits_max + 1, sizeof(int32_t *)), -1};

	for (int32_t d = 0; d <= edits_max; d++) {
		const int32_t *previous = d > 0 ? paths.rows[d - 1] : NULL;
		int32_t *row = arena_array(differ->arena, (size_t)d + 1, sizeof(*row));

		paths.rows[d] = row;
		for (int32_t k = -d; k <= d; k += 2) {
			const int32_t x = start_of(previous, d, k);
			const int32_t end = slide(differ, x, x - k, n, m);

			row[(k + d) / 2] = end;
			if (end >= n && end - k >= m) {
				paths.found = d;
				return paths;
			}
		}
	}
	return paths;
}

/* From the end to the beginning; the lines come out backwards. */
static void walk_back(struct differ *differ, const struct paths *paths, int32_t n, int32_t m)
{
	const size_t first = differ->count;
	int32_t x = n, y = m;

	for (int32_t d = paths->found; d >= 0; d--) {
		const int32_t *previous = d > 0 ? paths->rows[d - 1] : NULL;
		const int32_t k = x - y, start = start_of(previous, d, k);

		while (x > start) {
			x--;
			y--;
			add(differ, DIFF_SAME, differ->head + (size_t)x, differ->head + (size_t)y);
		}
		if (d == 0)
			break;
		if (goes_down(previous, d, k))
			add(differ, DIFF_ADDED, differ->head + (size_t)x, differ->head + (size_t)--y);
		else
			add(differ, DIFF_REMOVED, differ->head + (size_t)--x, differ->head + (size_t)y);
	}
	for (size_t i = first, j = differ->count; i + 1 < j; i++) {
		const struct diff_line line = differ->ret[i];
		differ->ret[i] = differ->ret[--j];
		differ->ret[j] = line;
	}
}

static void replace_all(struct differ *differ, size_t a_end, size_t b_end)
{
	for (size_t x = differ->head; x < a_end; x++)
		add(differ, DIFF_REMOVED, x, differ->head);
	for (size_t y = differ->head; y < b_end; y++)
		add(differ, DIFF_ADDED, a_end, y);
}

struct diff_line *diff_lines(struct arena *arena, struct str old_text, struct str new_text, size_t *ret_count)
{
	struct differ differ = {.arena = arena, .a = split(arena, old_text), .b = split(arena, new_text)};

	differ.ret = arena_array(arena, differ.a.count + differ.b.count + 1, sizeof(*differ.ret));
	cut_ends(&differ);
	const size_t a_end = differ.a.count - differ.tail, b_end = differ.b.count - differ.tail;
	const int32_t n = (int32_t)(a_end - differ.head), m = (int32_t)(b_end - differ.head);
	for (size_t i = 0; i < differ.head; i++)
		add(&differ, DIFF_SAME, i, i);
	const struct paths paths = search(&differ, n, m);
	if (paths.found >= 0)
		walk_back(&differ, &paths, n, m);
	else
		replace_all(&differ, a_end, b_end);
	for (size_t i = 0; i < differ.tail; i++)
		add(&differ, DIFF_SAME, a_end + i, b_end + i);
	*ret_count = differ.count;
	return differ.ret;
}

static void write_line(struct buf *out, const struct diff_line *line, bool has_color)
{
	static const char MARKS[] = {[DIFF_SAME] = ' ', [DIFF_REMOVED] = '-', [DIFF_ADDED] = '+'};
	static const enum console_style STYLES[] = {
		[DIFF_SAME] = STYLE_NONE, [DIFF_REMOVED] = STYLE_BAD, [DIFF_ADDED] = STYLE_GOOD};
	const bool has_end = line->text.len > 0 && line->text.data[line->text.len - 1] == '\n';
	const struct str text = {line->text.data, line->text.len - has_end};
	struct buf visible = {0};

	buf_add_char(&visible, MARKS[line->kind]);
	if (has_color)
		buf_add_visible(&visible, text);
	else
		buf_add_str(&visible, text);
	console_style(out, has_color, STYLES[line->kind], buf_text(&visible));
	buf_add_char(out, '\n');
	buf_done(&visible);
	if (!has_end)
		buf_add_text(out, "\\ No newline at end of file\n");
}

/* diff(1): a range of one line is that line's number; an empty one names the line in front of it. */
static void write_range(struct buf *out, char mark, size_t first, size_t count)
{
	buf_printf(out, " %c%zu", mark, count == 0 ? first : first + 1);
	if (count != 1)
		buf_printf(out, ",%zu", count);
}

static void write_hunk(struct buf *out, const struct diff_line *lines, size_t begin, size_t end, bool has_color)
{
	size_t counts[3] = {0};

	for (size_t i = begin; i < end; i++)
		counts[lines[i].kind]++;
	buf_add_text(out, "@@");
	write_range(out, '-', lines[begin].old_line, counts[DIFF_SAME] + counts[DIFF_REMOVED]);
	write_range(out, '+', lines[begin].new_line, counts[DIFF_SAME] + counts[DIFF_ADDED]);
	buf_add_text(out, " @@\n");
	for (size_t i = begin; i < end; i++)
		write_line(out, &lines[i], has_color);
}

/* Where the hunk ends that begins with the change at `at`: behind the context of its last change. */
static size_t hunk_end(const struct diff_line *lines, size_t count, size_t at)
{
	size_t last = at;

	for (size_t i = at; i < count && i <= last + 2 * CONTEXT + 1; i++)
		if (lines[i].kind != DIFF_SAME)
			last = i;
	return last + 1 + CONTEXT < count ? last + 1 + CONTEXT : count;
}

bool diff_write(struct buf *out, struct str old_name, struct str old_text, struct str new_name, struct str new_text,
	bool has_color)
{
	struct arena arena;
	size_t count;

	if (str_eq(old_text, new_text))
		return false;
	arena_init(&arena);
	const struct diff_line *lines = diff_lines(&arena, old_text, new_text, &count);
	buf_printf(out, "--- %.*s\n+++ %.*s\n", STR_ARGS(old_name), STR_ARGS(new_name));
	for (size_t i = 0, end = 0; i < count; i++) {
		if (lines[i].kind == DIFF_SAME)
			continue;
		const size_t begin = i >= end + CONTEXT ? i - CONTEXT : end;
		end = hunk_end(lines, count, i);
		write_hunk(out, lines, begin, end, has_color);
		i = end - 1;
	}
	arena_done(&arena);
	return true;
}

/*
 * Explaining a miss. Near is what shares the longest beginning and end: a prompt whose template or
 * data changed in one place stays near whatever its length.
 */
#include "model/recordings_table.h"

enum { CONTEXT_BEFORE = 20, CONTEXT_AFTER = 60 };

static size_t common_ends(struct str a, struct str b)
{
	const size_t least = a.len < b.len ? a.len : b.len;
	size_t head = 0, tail = 0;

	while (head < least && a.data[head] == b.data[head])
		head++;
	while (tail < least - head && a.data[a.len - 1 - tail] == b.data[b.len - 1 - tail])
		tail++;
	return head + tail;
}

static const struct recording *find_nearest(
	const struct recordings *recordings, const struct json *request, struct str canonical)
{
	const struct json *model = json_get(request, STR("model"));
	const struct recording *nearest = NULL;
	size_t best = 0;

	for (size_t i = 0; i < recordings->count; i++) {
		const struct recording *item = &recordings->items[i];
		size_t score = 1 + common_ends(canonical, item->canonical);

		/* Another model's recording is near only where this one has none. */
		if (json_equal(json_get(&item->request, STR("model")), model))
			score += (size_t)1 << 40;
		if (score > best) {
			best = score;
			nearest = item;
		}
	}
	return nearest;
}

/* A piece of `text` around `at`, on one line. */
static void show_piece(struct buf *out, struct str text, size_t at)
{
	size_t from = at > CONTEXT_BEFORE ? at - CONTEXT_BEFORE : 0;
	size_t to = text.len - at > CONTEXT_AFTER ? at + CONTEXT_AFTER : text.len;

	while (from > 0 && ((unsigned char)text.data[from] & 0xC0) == 0x80)
		from--;
	while (to < text.len && ((unsigned char)text.data[to] & 0xC0) == 0x80)
		to++;
	buf_add_text(out, from > 0 ? "'…" : "'");
	for (size_t i = from; i < to; i++)
		buf_add_char(out, (unsigned char)text.data[i] < 0x20 ? ' ' : text.data[i]);
	buf_add_text(out, to < text.len ? "…'" : "'");
}

static void show_texts(struct buf *out, const char *path, struct str recorded, struct str asked)
{
	const size_t least = recorded.len < asked.len ? recorded.len : asked.len;
	size_t at = 0;

	while (at < least && recorded.data[at] == asked.data[at])
		at++;
	while (at > 0 && at < least && ((unsigned char)asked.data[at] & 0xC0) == 0x80)
		at--;
	buf_printf(out, "%s differs at byte %zu: recorded ", path, at);
	show_piece(out, recorded, at);
	buf_add_text(out, ", asked ");
	show_piece(out, asked, at);
}

static void show_values(
	struct buf *out, const char *path, const struct json *recorded, const struct json *asked)
{
	const struct json *const values[] = {recorded, asked};
	static const char *const WORDS[] = {": recorded ", ", asked "};

	buf_printf(out, "%s differs", path);
	for (size_t i = 0; i < 2; i++) {
		struct buf text = {0};

		buf_add_text(out, WORDS[i]);
		if (values[i] != NULL)
			json_write(&text, values[i]);
		else
			buf_add_text(&text, "nothing");
		show_piece(out, buf_str(&text), 0);
		buf_done(&text);
	}
}

/* The first member or element in which two containers of one kind and size differ: where, and both
 * values. */
static bool find_difference(const struct json *recorded, const struct json *asked, struct buf *path,
	const struct json **ret_recorded, const struct json **ret_asked)
{
	for (size_t i = 0; i < asked->size; i++) {
		const bool is_array = asked->type == JSON_ARRAY;
		const struct str key =
			is_array ? (struct str){0} : json_str(&asked->members[i].key);

		*ret_recorded = is_array ? &recorded->items[i] : json_get(recorded, key);
		*ret_asked = is_array ? &asked->items[i] : &asked->members[i].value;
		if (*ret_recorded != NULL && json_equal(*ret_recorded, *ret_asked))
			continue;
		if (is_array)
			buf_printf(path, ".%zu", i);
		else
			buf_printf(path, ".%.*s", STR_ARGS(key));
		return true;
	}
	return false;
}

/* Walks down to the first place where the two differ; `path` grows on the way. */
static void show_difference(
	struct buf *out, struct buf *path, const struct json *recorded, const struct json *asked)
{
	const bool are_alike = recorded != NULL && asked != NULL && recorded->type == asked->type &&
			       recorded->size == asked->size;

	if (json_type(recorded) == JSON_STRING && json_type(asked) == JSON_STRING)
		show_texts(out, buf_text(path), json_str(recorded), json_str(asked));
	else if (are_alike && (asked->type == JSON_ARRAY || asked->type == JSON_OBJECT) &&
		 find_difference(recorded, asked, path, &recorded, &asked))
		show_difference(out, path, recorded, asked);
	else
		show_values(out, buf_text(path), recorded, asked);
}

/* The first of the asked one's members that the recorded one does not have so; else one that only
 * that one has. */
static void show_requests(struct buf *out, const struct json *recorded, const struct json *asked)
{
	const struct json *const sides[] = {asked, recorded};

	for (size_t side = 0; side < 2; side++) {
		for (size_t i = 0; i < sides[side]->size; i++) {
			const struct str key = json_str(&sides[side]->members[i].key);
			const struct json *theirs = json_get(recorded, key);
			const struct json *ours = json_get(asked, key);
			struct buf path = {0};

			if (theirs != NULL && ours != NULL && json_equal(theirs, ours))
				continue;
			buf_add_str(&path, key);
			show_difference(out, &path, theirs, ours);
			buf_done(&path);
			return;
		}
	}
}

void recordings_tell_miss(const struct recordings *recordings, const struct json *request,
	struct str canonical, struct error *err)
{
	struct buf text = {0};

	if (recordings == NULL || recordings->count == 0) {
		error_set(err, ERR_NOT_FOUND,
			"the bundle has no recordings (recordings/*.jsonl) to answer from");
		return;
	}

	const struct recording *nearest = find_nearest(recordings, request, canonical);

	show_requests(&text, &nearest->request, request);
	error_set(err, ERR_NOT_FOUND,
		"no recording of this request; the nearest of %zu is %s:%u: %s", recordings->count,
		nearest->file, nearest->line, buf_text(&text));
	buf_done(&text);
}

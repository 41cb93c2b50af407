/* Problems: where a mistake stands, what it is, and what was probably meant. */
#include "base/decode.h"

enum { WORD_MAX = 64 };

void problems_init(struct problems *problems, struct arena *arena)
{
	*problems = (struct problems){.arena = arena};
}

static struct problem *problems_push(struct problems *problems)
{
	if (problems->count == problems->cap) {
		const size_t cap = problems->cap > 0 ? 2 * problems->cap : 8;
		struct problem *items = arena_array(problems->arena, cap, sizeof(*items));
		if (problems->count > 0)
			memcpy(items, problems->items, problems->count * sizeof(*items));
		problems->items = items;
		problems->cap = cap;
	}
	return &problems->items[problems->count++];
}

static void problems_vadd(struct problems *problems, const char *file, unsigned line,
	const char *path, const char *format, va_list args) __attribute__((format(printf, 5, 0)));

static void problems_vadd(struct problems *problems, const char *file, unsigned line,
	const char *path, const char *format, va_list args)
{
	if (problems->count >= PROBLEMS_MAX) {
		problems->left_out++;
		return;
	}
	struct problem *problem = problems_push(problems);

	/* Who reports may lie on an arena that ends before anyone reads: a bundle that failed. */
	problem->file = file != NULL ? arena_strdup(problems->arena, file) : NULL;
	problem->line = line;
	problem->path = arena_strdup(problems->arena, path != NULL ? path : "");
	problem->text = arena_vprintf(problems->arena, format, args);
}

void problems_add(struct problems *problems, const char *file, unsigned line, const char *path,
	const char *format, ...)
{
	va_list args;

	va_start(args, format);
	problems_vadd(problems, file, line, path, format, args);
	va_end(args);
}

void problem_write(struct buf *out, const struct problem *problem)
{
	if (problem->file != NULL && problem->file[0] != '\0')
		buf_add_text(out, problem->file);
	if (problem->line > 0)
		buf_printf(out, ":%u", problem->line);
	if (problem->file != NULL && problem->file[0] != '\0')
		buf_add_text(out, ": ");
	if (problem->path[0] != '\0') {
		buf_add_visible(out, str_of(problem->path));
		buf_add_text(out, ": ");
	}
	buf_add_visible(out, str_of(problem->text));
}

bool problems_check(const struct problems *problems, struct error *err)
{
	struct buf first = {0};

	if (problems->count == 0)
		return true;
	problem_write(&first, &problems->items[0]);
	const size_t more = problems->count - 1 + problems->left_out;
	if (more == 0)
		error_set(err, ERR_INVALID_BUNDLE, "%s", buf_text(&first));
	else
		error_set(err, ERR_INVALID_BUNDLE, "%s (and %zu more)", buf_text(&first), more);
	buf_done(&first);
	return false;
}

void decoder_init(
	struct decoder *decoder, struct arena *arena, struct problems *problems, const char *file)
{
	*decoder = (struct decoder){.arena = arena, .problems = problems, .file = file};
}

void decoder_done(struct decoder *decoder)
{
	buf_done(&decoder->path);
	buf_done(&decoder->marks);
}

static void push_mark(struct decoder *decoder)
{
	const size_t mark = decoder->path.len;

	buf_add(&decoder->marks, &mark, sizeof(mark));
}

void decode_enter(struct decoder *decoder, const char *name)
{
	push_mark(decoder);
	if (decoder->path.len > 0)
		buf_add_char(&decoder->path, '.');
	buf_add_text(&decoder->path, name);
}

void decode_enter_index(struct decoder *decoder, size_t index)
{
	push_mark(decoder);
	buf_printf(&decoder->path, "[%zu]", index);
}

void decode_leave(struct decoder *decoder)
{
	struct buf *marks = &decoder->marks;

	marks->len -= sizeof(size_t);
	memcpy(&decoder->path.len, marks->data + marks->len, sizeof(size_t));
}

unsigned decode_line(const struct decoder *decoder, const struct json *value)
{
	if (value == NULL)
		return 0;
	if (!decoder->lines_are_offsets)
		return (unsigned)value->at;
	/* A message's body, which nobody sees as lines. */
	if (decoder->text.data == NULL)
		return 0;
	unsigned line = 1;
	for (size_t i = 0; i < value->at && i < decoder->text.len; i++)
		line += decoder->text.data[i] == '\n';
	return line;
}

void decode_problem(struct decoder *decoder, const struct json *value, const char *format, ...)
{
	/* Counting lines is what costs: not for problems that nobody will see. */
	const bool is_kept = decoder->problems->count < PROBLEMS_MAX;
	va_list args;

	va_start(args, format);
	problems_vadd(decoder->problems, decoder->file, is_kept ? decode_line(decoder, value) : 0,
		buf_text(&decoder->path), format, args);
	va_end(args);
}

static size_t least(size_t a, size_t b, size_t c)
{
	const size_t ab = a < b ? a : b;

	return ab < c ? ab : c;
}

/* Optimal string alignment: an insertion, deletion, replacement or swap of neighbours costs one. */
static size_t edit_distance(struct str a, struct str b)
{
	size_t rows[3][WORD_MAX + 1];
	size_t *before = rows[0], *last = rows[1], *now = rows[2];

	for (size_t j = 0; j <= b.len; j++)
		last[j] = j;
	for (size_t i = 1; i <= a.len; i++) {
		now[0] = i;
		for (size_t j = 1; j <= b.len; j++) {
			const bool is_same = a.data[i - 1] == b.data[j - 1];
			now[j] = least(last[j] + 1, now[j - 1] + 1, last[j - 1] + !is_same);
			if (i > 1 && j > 1 && a.data[i - 1] == b.data[j - 2] &&
				a.data[i - 2] == b.data[j - 1] && before[j - 2] + 1 < now[j])
				now[j] = before[j - 2] + 1;
		}
		size_t *const free_row = before;
		before = last;
		last = now;
		now = free_row;
	}
	return last[b.len];
}

const char *decode_nearest(struct str word, const char *const *known)
{
	const char *nearest = NULL;
	size_t best = word.len < 4 ? 2 : word.len < 9 ? 3 : 4; /* at most this less one */

	if (word.len == 0 || word.len > WORD_MAX)
		return NULL;
	for (; *known != NULL; known++) {
		const struct str candidate = str_of(*known);
		if (candidate.len > WORD_MAX)
			continue;
		const size_t distance = edit_distance(word, candidate);
		if (distance < best && distance < candidate.len) {
			best = distance;
			nearest = *known;
		}
	}
	return nearest;
}

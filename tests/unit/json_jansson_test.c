/*
 * jansson as an oracle: the same documents are accepted, with the same values. Where the two differ
 * on purpose (depth, byte order mark, NaN and Infinity, numbers that underflow) no document is
 * made.
 */
#include "base/json.h"
#include "json_jansson_side.h"

#include <setjmp.h>
#include <stdlib.h>

#include <cmocka.h>

enum { DOCUMENTS = 100000, DOCUMENT_MAX = 2000 };

static uint64_t random_state;

static uint64_t random_bits(void)
{
	uint64_t z = random_state += 0x9E3779B97F4A7C15u;

	z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9u;
	z = (z ^ z >> 27) * 0x94D049BB133111EBu;
	return z ^ z >> 31;
}

static size_t below(size_t limit)
{
	return (size_t)(random_bits() % limit);
}

static void add_piece(struct buf *out)
{
	static const char *const PIECES[] = {"a", "key", "\\n", "\\\"", "\\u20ac", "\\ud83d\\ude00",
		"\xC3\xA9", "\xE2\x82\xAC", "\xF0\x9F\x98\x80", "0123456789abcdefg", "/", "\\/",
		" "};

	buf_add_text(out, PIECES[below(sizeof(PIECES) / sizeof(PIECES[0]))]);
}

static void add_string(struct buf *out)
{
	buf_add_char(out, '"');
	for (size_t i = below(6); i > 0; i--)
		add_piece(out);
	buf_add_char(out, '"');
}

static void add_number(struct buf *out)
{
	switch (below(4)) {
	case 0:
		buf_printf(out, "%lld", (long long)((int64_t)random_bits() >> below(64)));
		break;
	case 1:
		buf_printf(out, "%.*g", (int)below(20) + 1, (double)(int64_t)random_bits() / 1e10);
		break;
	case 2:
		buf_printf(out, "%llu.%llue%d", (unsigned long long)random_bits(),
			(unsigned long long)random_bits(), (int)below(500) - 200);
		break;
	default:
		buf_printf(out, "%d", (int)below(100));
	}
}

static void add_value(struct buf *out, int level)
{
	static const char *const WORDS[] = {"true", "false", "null", "[]", "{}", " [ ]"};
	const size_t kind = below(level < 5 ? 6 : 4), count = below(5) + 1;

	if (kind == 0)
		buf_add_text(out, WORDS[below(6)]);
	else if (kind == 1)
		add_number(out);
	else if (kind < 4)
		add_string(out);
	for (size_t i = 0; kind >= 4 && i < count; i++) {
		buf_add_char(out, i > 0 ? ',' : kind == 4 ? '[' : '{');
		if (kind == 5) {
			add_string(out);
			buf_add_char(out, ':');
		}
		add_value(out, level + 1);
	}
	if (kind >= 4)
		buf_add_char(out, kind == 4 ? ']' : '}');
}

/* No 'N' and no 'I' among these bytes: they begin the words that only we take. */
static void break_it(struct buf *text)
{
	static const char BYTES[] = "[]{},:\"\\ 0123456789-+.eEtfnu\n\x01\xFF\xC3\x80/x";

	for (size_t i = below(3) + 1; i > 0 && text->len > 0; i--) {
		const size_t at = below(text->len);

		if (below(3) == 0) {
			memmove(text->data + at, text->data + at + 1, text->len - at - 1);
			text->len--;
		} else {
			text->data[at] = BYTES[below(sizeof(BYTES) - 1)];
		}
	}
}

static bool has_underflow(const struct json *value)
{
	if (json_type(value) == JSON_DOUBLE)
		return value->number > -1e-300 && value->number < 1e-300;
	for (size_t i = 0; json_type(value) == JSON_ARRAY && i < value->size; i++)
		if (has_underflow(&value->items[i]))
			return true;
	for (size_t i = 0; json_type(value) == JSON_OBJECT && i < value->size; i++)
		if (has_underflow(&value->members[i].value))
			return true;
	return false;
}

static void compare(struct arena *arena, struct str text, size_t *accepted)
{
	struct json ours, theirs;
	struct error err = {0};
	char *rewritten = NULL;
	const bool is_read = json_read(arena, text, &ours, &err);

	if (is_read && has_underflow(&ours))
		return;
	if (jansson_rewrite(text.data, text.len, &rewritten) != is_read)
		fail_msg("%s: '%.*s' %s", is_read ? "only we accept" : "only jansson accepts",
			STR_ARGS(text), err.text);
	if (!is_read)
		return;
	if (!json_read(arena, str_of(rewritten), &theirs, &err) || !json_equal(&ours, &theirs))
		fail_msg("'%.*s' became '%s'", STR_ARGS(text), rewritten);
	free(rewritten);
	++*accepted;
}

static void agrees_with_jansson(void **state)
{
	struct arena arena;
	struct buf text = {0};
	size_t accepted = 0;

	random_state = 1;
	arena_init(&arena);
	for (int i = 0; i < DOCUMENTS; i++) {
		text.len = 0;
		add_value(&text, 0);
		if (below(2) == 0)
			break_it(&text);
		if (text.len <= DOCUMENT_MAX)
			compare(&arena, buf_str(&text), &accepted);
		arena_clear(&arena);
	}
	assert_in_range(accepted, DOCUMENTS / 4, DOCUMENTS - DOCUMENTS / 10);
	arena_done(&arena);
	buf_done(&text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(agrees_with_jansson)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Server-sent events: what is an event, at every place where the bytes may be cut. */
#include "base/sse.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

enum { SIZE_MAX_HERE = 64 };

/* Events gather here, each in angle brackets. */
static bool on_event(void *data, struct str text, struct error *err)
{
	struct buf *seen = data;

	buf_printf(seen, "<%.*s>", STR_ARGS(text));
	return !str_is(text, "stop") || error_set(err, ERR_UPSTREAM, "stopped");
}

static bool feed(struct sse *sse, struct str bytes, struct buf *seen, struct error *err)
{
	/* Of its own size, so that a read beyond it is seen. */
	char *copy = test_malloc(bytes.len + 1);
	bool is_fine;

	if (bytes.len > 0)
		memcpy(copy, bytes.data, bytes.len);
	is_fine = sse_feed(sse, (struct str){copy, bytes.len}, on_event, seen, err);
	test_free(copy);
	return is_fine;
}

static const struct {
	const char *bytes, *events;
	bool is_inside;
} CASES[] = {
	{"", "", false},
	{"data: a\n\n", "<a>", false},
	{"data:a\n\n", "<a>", false},
	{"data:  a \n\n", "< a >", false},
	{"data: a\r\n\r\n", "<a>", false},
	{"data: a\r\rdata: b\r\r", "<a><b>", false},
	{"data: a\n\ndata: b\n\n", "<a><b>", false},
	{"data: a\ndata: b\n\n", "<a\nb>", false},
	{"data: a\r\ndata\r\ndata: c\r\n\r\n", "<a\n\nc>", false},
	{"data\n\n", "<>", false},
	{"data:\n\n", "<>", false},
	{"\n\n\ndata: a\n\n\n", "<a>", false},
	{": ping\n\ndata: a\n: x\n\n", "<a>", false},
	{"event: e\nid: 1\nretry: 5\nunknown: u\ndata: a\n\n", "<a>", false},
	{"event: e\n\n", "", false},
	{"dat: a\ndatax: a\n data: a\nData: a\n\n", "", false},
	{"\xEF\xBB\xBF" "data: a\n\n", "<a>", false},
	{"\xEF\xBB\xBF\xEF\xBB\xBF" "data: a\n\n", "", false},
	{"\xEF\xBB" "data: a\n\ndata: b\n\n", "<b>", false},
	{"data: a:b: c\n\n", "<a:b: c>", false},
	{"data: \xC3\xA4\n\n", "<\xC3\xA4>", false},
	{"data: a\n", "", true},
	{"data: a", "", true},
	{"data: a\n\ndata: b\n", "<a>", true},
	{"data: 0123456789012345678901234567890123456789\ndata: 01234567890123456789\n\n",
		"<0123456789012345678901234567890123456789\n01234567890123456789>", false},
};

static void check(size_t index, const struct buf *seen, const struct sse *sse)
{
	if (!str_is(buf_str(seen), CASES[index].events) || sse_is_inside(sse) != CASES[index].is_inside)
		fail_msg("case %zu: '%.*s', not '%s'", index, (int)seen->len, seen->data, CASES[index].events);
}

static void test_every_cut(void **state)
{
	for (size_t i = 0; i < sizeof(CASES) / sizeof(*CASES); i++) {
		const struct str bytes = str_of(CASES[i].bytes);

		for (size_t cut = 0; cut <= bytes.len; cut++) {
			struct buf seen = {0};
			struct error err;
			struct sse sse;

			sse_init(&sse, SIZE_MAX_HERE);
			assert_true(feed(&sse, (struct str){bytes.data, cut}, &seen, &err));
			assert_true(feed(&sse, (struct str){bytes.data + cut, bytes.len - cut}, &seen, &err));
			check(i, &seen, &sse);
			sse_done(&sse);
			buf_done(&seen);
		}
	}
}

static void test_byte_by_byte(void **state)
{
	for (size_t i = 0; i < sizeof(CASES) / sizeof(*CASES); i++) {
		const struct str bytes = str_of(CASES[i].bytes);
		struct buf seen = {0};
		struct error err;
		struct sse sse;

		sse_init(&sse, SIZE_MAX_HERE);
		for (size_t at = 0; at < bytes.len; at++)
			assert_true(feed(&sse, (struct str){bytes.data + at, 1}, &seen, &err));
		check(i, &seen, &sse);
		sse_done(&sse);
		buf_done(&seen);
	}
}

static void fails(const char *bytes, enum error_code code, const char *part)
{
	for (size_t size = 1; size <= strlen(bytes); size++) {
		struct str rest = str_of(bytes);
		struct buf seen = {0};
		struct error err = {0};
		bool is_fine = true;
		struct sse sse;

		sse_init(&sse, SIZE_MAX_HERE);
		while (is_fine && rest.len > 0) {
			const struct str piece = {rest.data, rest.len < size ? rest.len : size};

			is_fine = feed(&sse, piece, &seen, &err);
			rest.data += piece.len;
			rest.len -= piece.len;
		}
		assert_false(is_fine);
		assert_int_equal(err.code, code);
		assert_non_null(strstr(err.text, part));
		sse_done(&sse);
		buf_done(&seen);
	}
}

static void test_limits(void **state)
{
	/* 64 bytes of a line, of whatever field, and 64 of an event, its line feeds included. */
	fails("data: 01234567890123456789012345678901234567890123456789012345678\n", ERR_TOO_LARGE, "a line");
	fails(": 0123456789012345678901234567890123456789012345678901234567890123456789\n", ERR_TOO_LARGE, "a line");
	fails("data: 0123456789012345678901234567890123456789\ndata: 01234567890123456789012\n", ERR_TOO_LARGE, "an event");
}

static void test_the_reader_may_stop(void **state)
{
	fails("data: a\n\ndata: stop\n\ndata: b\n\n", ERR_UPSTREAM, "stopped");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_cut),
		cmocka_unit_test(test_byte_by_byte),
		cmocka_unit_test(test_limits),
		cmocka_unit_test(test_the_reader_may_stop),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

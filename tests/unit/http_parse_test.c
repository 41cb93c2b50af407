#include "../fuzz/http_feed.h"

#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

static struct http_limits limits_of_tests(void)
{
	struct http_limits limits;

	http_limits_default(&limits);
	limits.body_max = 1024 * 1024;
	return limits;
}

#define HT "Host: t\r\n"

/* What a request looks like to feed(), without the fields. */
static void sees(const char *text, const char *wanted)
{
	const struct http_limits limits = limits_of_tests();
	struct buf seen = {0};

	feed_all(&limits, str_of(text), 0, &seen);
	if (strstr(buf_text(&seen), wanted) == NULL)
		fail_msg("'%s' gave '%s', not '%s'", text, buf_text(&seen), wanted);
	buf_done(&seen);
}

static void test_accepts(void **state)
{
	sees("GET / HTTP/1.1\r\n" HT "\r\n", "[GET / ?  | 1.1 10 0 0 |Host=t;]<end>");
	sees("\r\n\r\nGET / HTTP/1.1\r\n" HT "\r\n", "[GET / ?");
	sees("GET /a%20b/%C3%A9?q=%2F HTTP/1.1\r\n" HT "\r\n", "[GET /a b/\xC3\xA9 ? q=%2F |");
	sees("GET http://t HTTP/1.1\r\n" HT "\r\n", "[GET / ?  |");
	sees("GET HTTPS://t:443/x?y HTTP/1.1\r\n" HT "\r\n", "[GET /x ? y |");
	sees("OPTIONS * HTTP/1.1\r\n" HT "\r\n", "[OPTIONS * ?");
	sees("GET / HTTP/1.9\r\n" HT "\r\n", "[GET / ?  | 1.9");
	sees("GET / HTTP/1.0\r\n\r\n", "| 1.0 00 0 0 |]<end>");
	sees("GET / HTTP/1.0\r\nConnection: foo, Keep-Alive\r\n\r\n", "| 1.0 10");
	sees("GET / HTTP/1.1\r\n" HT "Connection: a\r\nConnection: b ,close\r\n\r\nGET",
		"| 1.1 00");
	sees("GET / HTTP/1.1\r\n" HT "Upgrade: h2c\r\n\r\n", "| 1.1 10");
	sees("GET / HTTP/1.1\r\n" HT "Upgrade: h2c\r\nTransfer-Encoding: chunked\r\n\r\n",
		"| 1.1 00");
	sees("GET / HTTP/1.1\r\n" HT "A:\t b \t\r\n\r\n", "A=b;");
	sees("GET / HTTP/1.1\r\n" HT "A:\r\n\r\n", "A=;");
	sees("GET / HTTP/1.1\r\nHost:\r\n\r\n", "Host=;");
	sees("GET / HTTP/1.1\r\nHost: [::1]:80\r\n\r\n", "Host=[::1]:80;");
	sees("POST / HTTP/1.1\r\n" HT "Content-Length: 0003\r\n\r\nabc", "]abc<end>");
	sees("POST / HTTP/1.1\r\n" HT "Expect: 100-Continue\r\nContent-Length: 3\r\n\r\n",
		"| 1.1 11 1 3 |");
	sees("POST / HTTP/1.0\r\n" HT "Expect: x\r\nContent-Length: 3\r\n\r\n", "| 1.0 00 1 3 |");
}

static void test_accepts_chunked(void **state)
{
#define CHUNKED "POST / HTTP/1.1\r\n" HT "Transfer-Encoding: chunked\r\n\r\n"
	sees(CHUNKED "3\r\nabc\r\n0\r\n\r\n", "]abc<end>");
	sees(CHUNKED
		"003;a;b=c;d=\"x;\\\"\" ; e = f\r\nabc\r\nA\r\n0123456789\r\n00\r\nX: y\r\nZ:\r\n\r\n",
		"]abc0123456789<end>");
	sees(CHUNKED "3 ;a\r\nabc\r\n0\r\n\r\n", "]abc<end>");
}

static void test_refuses_framing(void **state)
{
#define POST "POST / HTTP/1.1\r\n" HT
	sees(POST "Content-Length: 3\r\nContent-Length: 3\r\n\r\nabc", "<400 ");
	sees(POST "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n", "<400 ");
	sees(POST "Content-Length: +3\r\n\r\nabc", "<400 ");
	sees(POST "Content-Length: 3,3\r\n\r\nabc", "<400 ");
	sees(POST "Content-Length: 18446744073709551619\r\n\r\nabc", "<400 ");
	sees(POST "Content-Length: 1048577\r\n\r\n", "<413 ");
	sees(POST "Content-Length : 3\r\n\r\nabc", "<400 ");
	sees(POST "Transfer-Encoding: gzip, chunked\r\n\r\n", "<501 ");
	sees(POST "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n", "<400 ");
	sees("POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n", "<400 ");
	sees(CHUNKED "0x3\r\nabc\r\n", "<400 ");
	sees(CHUNKED "3\nabc\r\n", "<400 ");
	sees(CHUNKED "3 \r\nabc\r\n", "<400 ");
	sees(CHUNKED "3;\r\nabc\r\n", "<400 ");
	sees(CHUNKED "3;a=\"\n\"\r\nabc\r\n", "<400 ");
	sees(CHUNKED "3\r\nabcd\r\n", "abc@");
	sees(CHUNKED "fffffffffffffffff\r\n", "<400 ");
	sees(CHUNKED "ffffffffffffffff\r\n", "<413 ");
	sees(CHUNKED "100001\r\n", "<413 ");
	sees(CHUNKED "0\r\nGET / HTTP/1.1\r\n", "<400 ");
	sees(CHUNKED "0\r\n X: y\r\n\r\n", "<400 ");
}

static void test_refuses_heads(void **state)
{
	sees("GET  / HTTP/1.1\r\n", "@4<400 ");
	sees("GET / HTTP/1.1\n", "@14<400 ");
	sees("GET / HTTP/2.0\r\n", "<505 ");
	sees("GET / HTTP/1.10\r\n", "<400 ");
	sees("GET / http/1.1\r\n", "@6<400 ");
	sees("\x16\x03\x01", "@0<400 ");
	sees("CONNECT t:80 HTTP/1.1\r\n", "<501 ");
	sees("GET t:80 HTTP/1.1\r\n", "<400 ");
	sees("GET * HTTP/1.1\r\n", "<400 ");
	sees("GET http://u@t/ HTTP/1.1\r\n", "<400 ");
	sees("GET ftp://t/ HTTP/1.1\r\n", "<400 ");
	sees("GET http:/// HTTP/1.1\r\n", "<400 ");
	sees("GET /a/../b HTTP/1.1\r\n", "<400 ");
	sees("GET /a/.%2E HTTP/1.1\r\n", "<400 ");
	sees("GET /%2e%2e%2fetc HTTP/1.1\r\n", "<400 ");
	sees("GET /. HTTP/1.1\r\n", "<400 ");
	sees("GET /%00 HTTP/1.1\r\n", "<400 ");
	sees("GET /%0d%0aX HTTP/1.1\r\n", "<400 ");
	sees("GET /%4 HTTP/1.1\r\n", "<400 ");
	sees("GET /?a=%g0 HTTP/1.1\r\n", "<400 ");
	sees("GET /%5c HTTP/1.1\r\n", "<400 ");
	sees("GET /#a HTTP/1.1\r\n", "<400 ");
	sees("GET / HTTP/1.1\r\n\r\n", "<400 Host is missing>");
	sees("GET / HTTP/1.1\r\n" HT HT "\r\n", "<400 more than one Host>");
	sees("GET / HTTP/1.1\r\n X: y\r\n", "@16<400 ");
	sees("GET / HTTP/1.1\r\n" HT " folded\r\n\r\n", "<400 ");
	sees("GET / HTTP/1.1\r\nX: a\rb\r\n", "<400 ");
	sees("GET / HTTP/1.1\r\nX: a\x7F\r\n", "<400 ");
	sees("GET / HTTP/1.1\r\n: y\r\n", "<400 ");
	sees("POST / HTTP/1.1\r\n" HT "Expect: 200-ok\r\n\r\n", "<417 ");
}

static void test_refuses_hosts(void **state)
{
	static const char *const BAD[] = {"a b", "u@h", "a,b", "a/b", "a:b", "a:99999", "[::1",
		"[1]", "a\\b", "a?b", "<x>", "[::1]x", ":80", "a:80:80", "a%41", "[::%31]"};
	static const char *const GOOD[] = {
		"a", "a.b-c_d~", "127.0.0.1:8080", "a:", "[::1]", "[fe80::1]:1"};

	for (size_t i = 0; i < sizeof(BAD) / sizeof(BAD[0]); i++)
		if (http_host_is_valid(str_of(BAD[i])))
			fail_msg("'%s' passed as a host", BAD[i]);
	for (size_t i = 0; i < sizeof(GOOD) / sizeof(GOOD[0]); i++)
		if (!http_host_is_valid(str_of(GOOD[i])))
			fail_msg("'%s' did not pass as a host", GOOD[i]);
}

/* `unit` again and again between head and tail; the largest that passes must be `most` bytes of
 * them. */
static void limit_is(const struct http_limits *limits, const char *head, char unit,
	const char *tail, size_t most, const char *refusal)
{
	for (size_t len = most; len <= most + 1; len++) {
		struct buf text = {0}, seen = {0};

		buf_add_text(&text, head);
		memset(buf_reserve(&text, len), unit, len);
		text.len += len;
		buf_add_text(&text, tail);
		feed_all(limits, buf_str(&text), 0, &seen);
		const bool is_refused = strstr(buf_text(&seen), refusal) != NULL;
		if (is_refused != (len > most))
			fail_msg("%zu bytes of '%c': %s", len, unit, buf_text(&seen));
		buf_done(&text);
		buf_done(&seen);
	}
}

static void test_limits(void **state)
{
	struct http_limits limits = limits_of_tests();

	limits.target_max = 20;
	limits.header_max = 100;
	limits.fields_max = 3;
	limit_is(&limits, "GET /", 'a', " HTTP/1.1\r\n" HT "\r\n", 19, "<414 ");
	limit_is(&limits, "GET / HTTP/1.1\r\n" HT "A:", 'a', "\r\n\r\n", 100 - 9 - 2 - 4, "<431 ");
	limit_is(&limits, "", 'M', " / HTTP/1.1\r\n" HT "\r\n", 32, "<501 ");
	limit_is(&limits, CHUNKED "1;", 'x', "\r\na\r\n0\r\n\r\n", 256 - 2 - 2, "<400 ");
	limit_is(&limits, CHUNKED "0\r\nX:", 'x', "\r\n\r\n", 8192 - 2 - 4, "<431 ");

	struct buf seen = {0};
	feed_all(&limits, STR("GET / HTTP/1.1\r\n" HT "A:1\r\nB:1\r\nC:1\r\n"), 0, &seen);
	assert_non_null(strstr(buf_text(&seen), "<431 too many header fields>"));
	buf_done(&seen);
}

static void test_limits_chunk_overhead(void **state)
{
	const struct http_limits limits = limits_of_tests();
	struct buf text = {0}, seen = {0};

	buf_add_text(&text, CHUNKED);
	for (int i = 0; i < 20000; i++)
		buf_add_text(&text, "1;aaaaaaaaaaaaaaaa\r\nx\r\n");
	feed_all(&limits, buf_str(&text), 0, &seen);
	assert_non_null(strstr(buf_text(&seen), "<400 more chunk framing than data>"));
	buf_done(&text);
	buf_done(&seen);
}

/* Every file of the corpus, which has the raw cases: every cut in two and byte by byte. */
static void splits_agree(const char *path)
{
	const struct http_limits limits = limits_of_tests();
	struct buf text = {0}, whole = {0}, bytes = {0};
	FILE *file = fopen(path, "rb");
	size_t got;

	assert_non_null(file);
	while ((got = fread(buf_reserve(&text, 65536), 1, 65536, file)) > 0)
		text.len += got;
	fclose(file);
	feed_all(&limits, buf_str(&text), 0, &whole);
	feed_all(&limits, buf_str(&text), 1, &bytes);
	if (!str_eq(buf_str(&whole), buf_str(&bytes)))
		fail_msg("%s: byte by byte differs: '%s' '%s'", path, buf_text(&whole),
			buf_text(&bytes));
	/* Long ones repeat one byte: their borders are at both ends. */
	for (size_t at = 0; at <= text.len;
		at += at == 1500 && text.len > 4000 ? text.len - 3000 : 1) {
		struct buf split = {0};

		feed_split(&limits, buf_str(&text), at, &split);
		if (!str_eq(buf_str(&whole), buf_str(&split)))
			fail_msg("%s: cut at %zu differs", path, at);
		buf_done(&split);
	}
	buf_done(&text);
	buf_done(&whole);
	buf_done(&bytes);
}

static void test_splits(void **state)
{
	DIR *dir = opendir(TESTS_DIR "/fuzz/corpus/http");
	struct dirent *entry;
	int count = 0;

	assert_non_null(dir);
	while ((entry = readdir(dir)) != NULL) {
		char path[1024];

		if (entry->d_name[0] == '.')
			continue;
		snprintf(path, sizeof(path), TESTS_DIR "/fuzz/corpus/http/%s", entry->d_name);
		splits_agree(path);
		count++;
	}
	closedir(dir);
	assert_true(count >= 200);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_accepts),
		cmocka_unit_test(test_accepts_chunked),
		cmocka_unit_test(test_refuses_framing),
		cmocka_unit_test(test_refuses_heads),
		cmocka_unit_test(test_refuses_hosts),
		cmocka_unit_test(test_limits),
		cmocka_unit_test(test_limits_chunk_overhead),
		cmocka_unit_test(test_splits),
	};

	return cmocka_run_group_tests_name("http_parse", tests, NULL, NULL);
}

/*
 * Any cut of the input gives the same result: requests, fields, bodies, refusals and where they
 * happen. The input's first byte says where it is cut; small limits, so that they are reached.
 */
#include "http_feed.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void same(const struct buf *a, const struct buf *b)
{
	if (!str_eq(buf_str(a), buf_str(b)))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct http_limits limits = {
		.target_max = 200, .header_max = 600, .fields_max = 12, .body_max = 4000};
	struct buf whole = {0}, bytes = {0}, split = {0}, sevens = {0};

	if (size == 0)
		return 0;
	const struct str text = {(const char *)data + 1, size - 1};
	feed_all(&limits, text, 0, &whole);
	feed_all(&limits, text, 1, &bytes);
	feed_all(&limits, text, 7, &sevens);
	feed_split(&limits, text, text.len > 0 ? data[0] * 7u % text.len : 0, &split);
	same(&whole, &bytes);
	same(&whole, &sevens);
	same(&whole, &split);
	buf_done(&whole);
	buf_done(&bytes);
	buf_done(&split);
	buf_done(&sevens);
	return 0;
}

/* Any bytes, cut anywhere, give the same events as in one piece; no event is longer than the limit. */
#include "base/sse.h"

#include <stdlib.h>

enum { EVENT_SIZE_MAX = 256 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool is_true)
{
	if (!is_true)
		abort();
}

static bool on_event(void *data, struct str text, struct error *err)
{
	must(text.len < EVENT_SIZE_MAX);
	must(memchr(text.data, '\r', text.len) == NULL);
	buf_printf(data, "%zu:", text.len);
	buf_add_str(data, text);
	return true;
}

/* The first byte says how long the pieces are. */
static bool read_all(struct str bytes, size_t piece, struct buf *seen, bool *ret_is_inside)
{
	struct error err;
	struct sse sse;
	bool is_fine = true;

	sse_init(&sse, EVENT_SIZE_MAX);
	while (is_fine && bytes.len > 0) {
		const size_t len = piece < bytes.len ? piece : bytes.len;

		is_fine = sse_feed(&sse, (struct str){bytes.data, len}, on_event, seen, &err);
		bytes.data += len;
		bytes.len -= len;
	}
	must(is_fine || err.code == ERR_TOO_LARGE);
	*ret_is_inside = sse_is_inside(&sse);
	sse_done(&sse);
	return is_fine;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct buf whole = {0}, cut = {0};
	bool is_inside[2];

	if (size == 0)
		return 0;
	const struct str bytes = {(const char *)data + 1, size - 1};
	const bool is_fine = read_all(bytes, bytes.len, &whole, &is_inside[0]);

	must(read_all(bytes, 1 + data[0] % 64, &cut, &is_inside[1]) == is_fine);
	must(str_eq(buf_str(&whole), buf_str(&cut)));
	must(!is_fine || is_inside[0] == is_inside[1]);
	buf_done(&whole);
	buf_done(&cut);
	return 0;
}

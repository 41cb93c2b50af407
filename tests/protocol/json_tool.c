/*
 * json_tool: the C side of json_differential.py. Standard input holds documents, each behind its
 * size (32 bits, little endian). Answers each on standard output with 'v' and the compact text, or
 * 'e' and the message, behind its size.
 */
#include "base/json.h"

#include <stdio.h>

static bool read_all(void *to, size_t size)
{
	return fread(to, 1, size, stdin) == size;
}

static void answer(char kind, struct str text)
{
	const unsigned char head[5] = {(unsigned char)kind, (unsigned char)text.len,
		(unsigned char)(text.len >> 8), (unsigned char)(text.len >> 16),
		(unsigned char)(text.len >> 24)};

	fwrite(head, 1, sizeof(head), stdout);
	fwrite(text.data, 1, text.len, stdout);
}

int main(void)
{
	struct arena arena;
	struct buf in, out;
	unsigned char head[4];

	arena_init(&arena);
	buf_init(&in);
	buf_init(&out);
	while (read_all(head, sizeof(head))) {
		const size_t size = head[0] | (size_t)head[1] << 8 | (size_t)head[2] << 16 |
				    (size_t)head[3] << 24;
		struct error err = {0};
		struct json value;

		in.len = out.len = 0;
		if (!read_all(buf_reserve(&in, size), size))
			return 65;
		if (json_read(&arena, (struct str){in.data, size}, &value, &err)) {
			json_write(&out, &value);
			answer('v', buf_str(&out));
		} else {
			answer('e', str_of(err.text));
		}
		arena_clear(&arena);
	}
	buf_done(&in);
	buf_done(&out);
	arena_done(&arena);
	return fflush(stdout) == 0 ? 0 : 74;
}

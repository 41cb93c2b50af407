#include "base/percent.h"

size_t percent_decode(char *to, struct str text)
{
	size_t len = 0;

	for (size_t i = 0; i < text.len; i++) {
		const int byte = percent_byte((struct str){text.data + i, text.len - i});

		to[len++] = byte >= 0 ? (char)byte : text.data[i];
		if (byte >= 0)
			i += 2;
	}
	return len;
}

static bool is_kept(char c, const char *kept)
{
	const bool is_letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');

	return is_letter || (c != '\0' && strchr(kept, c) != NULL);
}

void percent_encode(struct buf *out, struct str text, const char *kept)
{
	static const char HEX[] = "0123456789ABCDEF";

	for (size_t i = 0; i < text.len; i++) {
		const unsigned char c = (unsigned char)text.data[i];

		if (is_kept((char)c, kept)) {
			buf_add_char(out, (char)c);
			continue;
		}
		buf_add_char(out, '%');
		buf_add_char(out, HEX[c >> 4]);
		buf_add_char(out, HEX[c & 15]);
	}
}

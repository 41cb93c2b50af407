/*
 * The table behind http_class.h.
 *
 * A target may have every visible ASCII character but '"', '<', '>', '\\' and '#': browsers and
 * HTTP libraries send some that RFC 3986 does not allow ('|', '{', '}', '^', '`') as they are, and
 * none of those has a meaning to anybody. A host may have letters, digits, '-', '.', '_' and '~';
 * sub-delimiters, which RFC 3986 allows, no name in use has, and a comma there has led to two
 * readings of one Host.
 */
#include "server/http_class.h"

enum { T = HTTP_CLASS_TOKEN, V = HTTP_CLASS_VALUE, U = HTTP_CLASS_TARGET, H = HTTP_CLASS_HOST };

/* clang-format off */
const uint8_t http_classes[256] = {
	0, 0, 0, 0, 0, 0, 0, 0,
	0, V, 0, 0, 0, 0, 0, 0,
	0, 0, 0, 0, 0, 0, 0, 0,
	0, 0, 0, 0, 0, 0, 0, 0,
	V, T|V|U, V, T|V, T|V|U, T|V|U, T|V|U, T|V|U,
	V|U, V|U, T|V|U, T|V|U, V|U, T|V|U|H, T|V|U|H, V|U,
	T|V|U|H, T|V|U|H, T|V|U|H, T|V|U|H, T|V|U|H, T|V|U|H, T|V|U|H, T|V|U|H,
	T|V|U|H, T|V|U|H, V|U, V|U, V, V|U, V, V|U,
	V|U, T|V|U|H, T|V|U|H, T|V|U|H, T|V|U|H, T|V|U|H, T|V|U|H, T|V|U|H,
	T|V|U|H, T|V|U|H, T|V|U|H, T|V|U|H, T|V|U|H, T|V|U|H, T|V|U|H, T|V|U|H,
	T|V|U|H, T|V|U|H, T|V|U|H, T|V|U|H, T|V|U|H, T|V|U|H, T|V|U|H, T|V|U|H,
	T|V|U|H, T|V|U|H, T|V|U|H, V|U, V, V|U, T|V|U, T|V|U|H,
	T|V|U, T|V|U|H, T|V|U|H, T|V|U|H, T|V|U|H, T|V|U|H, T|V|U|H, T|V|U|H,
	T|V|U|H, T|V|U|H, T|V|U|H, T|V|U|H, T|V|U|H, T|V|U|H, T|V|U|H, T|V|U|H,
	T|V|U|H, T|V|U|H, T|V|U|H, T|V|U|H, T|V|U|H, T|V|U|H, T|V|U|H, T|V|U|H,
	T|V|U|H, T|V|U|H, T|V|U|H, V|U, T|V|U, V|U, T|V|U|H, 0,
	[128 ... 255] = V,
};
/* clang-format on */

#pragma once
/*
 * Datetime: ISO 8601 text to nanoseconds since 1970 in UTC, and back. Grammar and range:
 * docs/protocol/RULES.md V3.
 */
#include "base/str.h"

enum { DATETIME_TEXT_MAX = 32 };
/* int64's lowest value is pandas' "not a time", so it is no instant. */
#define DATETIME_NS_MIN (INT64_MIN + 1)

/* `YYYY-MM-DD`, optionally a time to the nanosecond and a zone; white space around. False where it
 * is anything else, an impossible date, or outside 1677-09-21 … 2262-04-11. */
bool datetime_parse(struct str text, int64_t *ret_ns);
/* `YYYY-MM-DDTHH:MM:SS`, and 6 or 9 digits of a fraction that is not zero. Not NUL-terminated;
 * returns the length. */
size_t datetime_format(int64_t ns, char out[DATETIME_TEXT_MAX]);

#pragma once
/*
 * Log line: one record as JSON text of at most LOG_LINE_MAX bytes, whatever bytes come in: control characters are
 * escaped, invalid UTF-8 becomes U+FFFD, long text is cut ("…") and fields that no longer fit are left out.
 * The log's own; its users see log.h.
 */
#include "base/log.h"

enum { LOG_LINE_MAX = 16384, LOG_TEXT_MAX = 2048 };

struct log_line {
	size_t len;
	char text[LOG_LINE_MAX];
};

/* `time` of the record as microseconds since 1970. Ends with a newline. */
void log_line_write(struct log_line *line, int64_t time_us, enum log_level level, const char *id,
	const struct log_field *fields);

/* No heap, no locale, no printf but for doubles: this runs once a request on the serving threads.
 */
#include "base/log_line.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

const char *const log_level_names[] = {"debug", "info", "warn", "error", "off", NULL};

/* Room for a number, the closing brace and the newline, which every field must leave. */
enum { TAIL = 40 };

static void add(struct log_line *line, const char *data, size_t len)
{
	memcpy(line->text + line->len, data, len);
	line->len += len;
}

static void add_text(struct log_line *line, const char *text)
{
	add(line, text, strlen(text));
}

/* Digits of value, right-aligned with zeros to `width`. */
static void add_digits(struct log_line *line, uint64_t value, int width)
{
	char digits[24];
	size_t at = sizeof(digits);

	do {
		digits[--at] = (char)('0' + value % 10);
		value /= 10;
	} while (value > 0 || (int)(sizeof(digits) - at) < width);
	add(line, digits + at, sizeof(digits) - at);
}

static void add_integer(struct log_line *line, int64_t value)
{
	if (value < 0)
		add(line, "-", 1);
	add_digits(line, value < 0 ? 0 - (uint64_t)value : (uint64_t)value, 1);
}

/* "2026-11-21T02:46:07": kept a thread, since the second rarely changes from record to record. */
static const char *second_text(int64_t second)
{
	static _Thread_local struct {
		int64_t second;
		char text[40];
	} kept;

	if (kept.second == second && kept.text[0] != '\0')
		return kept.text;
	const time_t at = (time_t)second;
	struct tm tm;
	gmtime_r(&at, &tm);
	strftime(kept.text, sizeof(kept.text), "%Y-%m-%dT%H:%M:%S", &tm);
	kept.second = second;
	return kept.text;
}

static void add_time(struct log_line *line, int64_t time_us)
{
	add_text(line, second_text(time_us / 1000000));
	add(line, ".", 1);
	add_digits(line, (uint64_t)(time_us % 1000000), 6);
	add(line, "Z", 1);
}

static bool is_plain(unsigned char c)
{
	return c >= 0x20 && c < 0x7F && c != '"' && c != '\\';
}

static void add_control(struct log_line *line, unsigned char c)
{
	static const char HEX[] = "0123456789abcdef";
	static const char SHORT[0x20] = {
		['\b'] = 'b', ['\t'] = 't', ['\n'] = 'n', ['\f'] = 'f', ['\r'] = 'r'};

	if (c < 0x20 && SHORT[c] != 0) {
		add(line, (char[]){'\\', SHORT[c]}, 2);
		return;
	}
	add(line, "\\u00", 4);
	add(line, (char[]){HEX[c >> 4], HEX[c & 15]}, 2);
}

/* One character of s, which is not plain; returns its bytes. */
static size_t add_special(struct log_line *line, struct str s)
{
	const unsigned char c = (unsigned char)s.data[0];

	if (c == '"' || c == '\\') {
		add(line, (char[]){'\\', (char)c}, 2);
		return 1;
	}
	if (c < 0x20 || c == 0x7F) {
		add_control(line, c);
		return 1;
	}
	const size_t step = str_utf8_step(s);
	if (step == 0) {
		add_text(line, "\xEF\xBF\xBD");
		return 1;
	}
	add(line, s.data, step);
	return step;
}

static void add_string(struct log_line *line, struct str s)
{
	const bool is_long = s.len > LOG_TEXT_MAX;
	const size_t end_max = LOG_LINE_MAX - TAIL;

	add(line, "\"", 1);
	if (is_long)
		s.len = LOG_TEXT_MAX;
	/* Six bytes are the most that one character needs. */
	while (s.len > 0 && line->len + 6 < end_max) {
		size_t plain = 0;
		while (plain < s.len && is_plain((unsigned char)s.data[plain]))
			plain++;
		if (plain > end_max - line->len)
			plain = end_max - line->len;
		if (plain > 0)
			add(line, s.data, plain);
		else
			plain = add_special(line, s);
		s.data += plain;
		s.len -= plain;
	}
	if (is_long || s.len > 0)
		add_text(line, "…");
	add(line, "\"", 1);
}

static void add_double(struct log_line *line, double value)
{
	char digits[40];

	if (!isfinite(value)) {
		add_text(line, "null");
		return;
	}
	int len = snprintf(digits, sizeof(digits), "%.15g", value);
	if (strtod(digits, NULL) != value)
		len = snprintf(digits, sizeof(digits), "%.17g", value);
	for (int i = 0; i < len; i++)
		digits[i] = digits[i] == ',' ? '.' : digits[i];
	add(line, digits, (size_t)len);
}

static void add_value(struct log_line *line, const struct log_field *field)
{
	switch (field->kind) {
	case LOG_KIND_STR:
		add_string(line, field->text);
		break;
	case LOG_KIND_INT:
		add_integer(line, field->integer);
		break;
	case LOG_KIND_BOOL:
		add_text(line, field->integer != 0 ? "true" : "false");
		break;
	case LOG_KIND_DOUBLE:
		add_double(line, field->number);
		break;
	case LOG_KIND_END:
		break;
	}
}

void log_line_write(struct log_line *line, int64_t time_us, enum log_level level, const char *id,
	const struct log_field *fields)
{
	line->len = 0;
	add_text(line, "{\"id\":\"");
	add_text(line, id);
	add_text(line, "\",\"time\":\"");
	add_time(line, time_us);
	add_text(line, "\",\"level\":\"");
	add_text(line, log_level_names[level]);
	add(line, "\"", 1);
	for (; fields->kind != LOG_KIND_END; fields++) {
		const size_t name_len = strlen(fields->name);
		if (line->len + name_len + 2 * (size_t)TAIL > LOG_LINE_MAX)
			continue;
		add(line, ",\"", 2);
		add(line, fields->name, name_len);
		add(line, "\":", 2);
		add_value(line, fields);
	}
	add(line, "}\n", 2);
}

#pragma once
/*
 * Console: what `sluice` writes for people and for scripts. Results go to standard output, progress
 * and notices to standard error; colour and progress only where a terminal reads them (NO_COLOR is
 * honoured, https://no-color.org).
 *
 * Text from bundles and servers passes buf_add_visible(): control characters could drive the
 * terminal.
 */
#include "base/decode.h"
#include "base/str.h"

enum console_style { STYLE_NONE, STYLE_GOOD, STYLE_BAD, STYLE_DIM, STYLE_BOLD };

struct console {
	bool is_json;
	bool is_out_terminal, is_err_terminal;
	bool has_out_color, has_err_color;
	bool is_progress_shown;
	int signal_number; /* that ended the command, and so ends the program; 0: none */
};

void console_init(struct console *console);

/* Writes all bytes to standard output. A reader that went away ends the program as SIGPIPE does. */
bool console_write(struct console *console, struct str bytes, struct error *err);
bool console_write_json(struct console *console, const struct json *value, struct error *err);

/* "text" in a style, for standard output or standard error. */
void console_style(struct buf *out, bool has_color, enum console_style style, const char *text);

/* A line on standard error, which leaves the progress line alone. */
void console_notice(struct console *console, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
/* "sluice pack: message", or {"error":{…}} on standard output with --json. */
void console_fail(struct console *console, const char *program, const struct error *err);

/* One line that is drawn over and over: "text  12/100 ████░░░░". Nothing without a terminal. */
void console_progress(struct console *console, const char *text, size_t done, size_t total);
/* The same with a text alone. */
void console_progress_text(struct console *console, const char *text);
void console_progress_end(struct console *console);

/* Every mistake a line, "file:line: path: text"; with --json nothing (console_problems_json is for
 * the answer). */
void console_problems(
	struct console *console, struct buf *out, const char *bundle, const struct problems *problems);
struct json console_problems_json(struct arena *arena, const struct problems *problems);

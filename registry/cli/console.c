#include "cli/console.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { BAR_WIDTH = 24 };

static bool wants_color(bool is_terminal)
{
	const char *no_color = getenv("NO_COLOR"), *term = getenv("TERM");

	return is_terminal && (no_color == NULL || no_color[0] == '\0') &&
	       (term == NULL || strcmp(term, "dumb") != 0);
}

void console_init(struct console *console)
{
	*console = (struct console){
		.is_out_terminal = isatty(STDOUT_FILENO) == 1,
		.is_err_terminal = isatty(STDERR_FILENO) == 1,
	};
	console->has_out_color = wants_color(console->is_out_terminal);
	console->has_err_color = wants_color(console->is_err_terminal);
}

/* False with errno. */
static bool write_fd(int fd, struct str bytes)
{
	while (bytes.len > 0) {
		const ssize_t written = write(fd, bytes.data, bytes.len);

		if (written < 0 && errno == EAGAIN)
			poll(&(struct pollfd){.fd = fd, .events = POLLOUT}, 1, -1);
		else if (written < 0 && errno != EINTR)
			return false;
		if (written > 0) {
			bytes.data += written;
			bytes.len -= (size_t)written;
		}
	}
	return true;
}

static void end_by_broken_pipe(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGPIPE);
	signal(SIGPIPE, SIG_DFL);
	sigprocmask(SIG_UNBLOCK, &set, NULL);
	raise(SIGPIPE);
}

/* What an answer says must not steer the terminal that shows it; who reads a pipe gets it as it is.
 */
static bool write_out(struct console *console, struct str bytes)
{
	struct buf visible = {0};

	if (!console->is_out_terminal)
		return write_fd(STDOUT_FILENO, bytes);
	console_progress_end(console);
	buf_add_visible_json(&visible, bytes);
	const bool is_written = write_fd(STDOUT_FILENO, buf_str(&visible));
	const int why = errno;
	buf_done(&visible);
	errno = why;
	return is_written;
}

bool console_write(struct console *console, struct str bytes, struct error *err)
{
	if (write_out(console, bytes))
		return true;
	const int why = errno;
	if (why == EPIPE)
		end_by_broken_pipe();
	return error_set_errno(err, ERR_INTERNAL, why, "write to standard output");
}

bool console_write_json(struct console *console, const struct json *value, struct error *err)
{
	struct buf out = {0};

	json_write(&out, value);
	buf_add_char(&out, '\n');
	const bool is_written = console_write(console, buf_str(&out), err);
	buf_done(&out);
	return is_written;
}

void console_style(struct buf *out, bool has_color, enum console_style style, const char *text)
{
	static const char *const CODES[] = {[STYLE_NONE] = "0",
		[STYLE_GOOD] = "32",
		[STYLE_BAD] = "31",
		[STYLE_DIM] = "2",
		[STYLE_BOLD] = "1"};

	if (!has_color || style == STYLE_NONE)
		buf_add_text(out, text);
	else
		buf_printf(out, "\033[%sm%s\033[0m", CODES[style], text);
}

void console_notice(struct console *console, const char *format, ...)
{
	struct buf text = {0}, line = {0};
	va_list args;

	va_start(args, format);
	buf_vprintf(&text, format, args);
	va_end(args);
	buf_add_visible(&line, buf_str(&text));
	buf_add_char(&line, '\n');
	console_progress_end(console);
	write_fd(STDERR_FILENO, buf_str(&line));
	buf_done(&text);
	buf_done(&line);
}

static void fail_json(struct console *console, const struct error *err)
{
	const struct error_info *info = error_info(err->code);
	struct arena arena;
	struct json outer = json_object(), inner = json_object();

	arena_init(&arena);
	json_set(&arena, &inner, STR("code"), json_string(str_of(info->name)));
	json_set(&arena, &inner, STR("message"), json_string(str_of(err->text)));
	json_set(&arena, &outer, STR("error"), inner);
	console_write_json(console, &outer, NULL);
	arena_done(&arena);
}

void console_fail(struct console *console, const char *program, const struct error *err)
{
	struct buf line = {0};

	console_progress_end(console);
	if (console->is_json) {
		fail_json(console, err);
		return;
	}
	console_style(&line, console->has_err_color, STYLE_BAD, program);
	buf_add_text(&line, ": ");
	buf_add_visible(&line, str_of(err->text));
	buf_add_char(&line, '\n');
	write_fd(STDERR_FILENO, buf_str(&line));
	buf_done(&line);
}

void console_progress(struct console *console, const char *text, size_t done, size_t total)
{
	struct buf line = {0};

	if (!console->is_err_terminal)
		return;
	buf_printf(&line, "\r\033[K%s  %zu/%zu  ", text, done, total);
	const size_t full = total > 0 ? done * BAR_WIDTH / total : 0;
	for (size_t i = 0; i < BAR_WIDTH; i++)
		buf_add_text(&line, i < full ? "█" : "░");
	write_fd(STDERR_FILENO, buf_str(&line));
	buf_done(&line);
	console->is_progress_shown = true;
}

void console_progress_text(struct console *console, const char *text)
{
	struct buf line = {0};

	if (!console->is_err_terminal)
		return;
	buf_add_text(&line, "\r\033[K");
	buf_add_visible(&line, str_of(text));
	write_fd(STDERR_FILENO, buf_str(&line));
	buf_done(&line);
	console->is_progress_shown = true;
}

void console_progress_end(struct console *console)
{
	if (console->is_progress_shown)
		write_fd(STDERR_FILENO, STR("\r\033[K"));
	console->is_progress_shown = false;
}

void console_problems(
	struct console *console, struct buf *out, const char *bundle, const struct problems *problems)
{
	for (size_t i = 0; i < problems->count; i++) {
		struct buf line = {0};
		problem_write(&line, &problems->items[i]);
		buf_add_visible(out, buf_str(&line));
		buf_add_char(out, '\n');
		buf_done(&line);
	}
	const size_t total = problems->count + problems->left_out;
	char count[64];
	snprintf(count, sizeof(count), "%zu mistake%s", total, total == 1 ? "" : "s");
	console_style(out, console->has_out_color, STYLE_BAD, count);
	buf_add_text(out, " in '");
	buf_add_visible(out, str_of(bundle));
	buf_add_text(out, problems->left_out > 0 ? "', the first ones are shown" : "'");
	buf_add_char(out, '\n');
}

struct json console_problems_json(struct arena *arena, const struct problems *problems)
{
	struct json list = json_array();

	for (size_t i = 0; i < problems->count; i++) {
		const struct problem *problem = &problems->items[i];
		struct json row = json_object();
		if (problem->file != NULL)
			json_set(arena, &row, STR("file"), json_string(str_of(problem->file)));
		if (problem->line > 0)
			json_set(arena, &row, STR("line"), json_integer(problem->line));
		json_set(arena, &row, STR("path"), json_string(str_of(problem->path)));
		json_set(arena, &row, STR("text"), json_string(str_of(problem->text)));
		json_append(arena, &list, row);
	}
	return list;
}

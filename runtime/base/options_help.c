/* --help for people: aligned, wrapped at COLUMNS or the terminal's width, defaults and environment
 * names in brackets. */
#include "base/options.h"
#include "base/options_value.h"

#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

enum { INDENT = 28, WIDTH_DEFAULT = 80, WIDTH_MIN = 60, WIDTH_MAX = 120 };

struct page {
	struct buf *out;
	struct arena arena;
	size_t width;
	bool is_colored;
};

static size_t page_width(bool is_terminal)
{
	const char *told = getenv("COLUMNS");
	struct winsize size;
	long width = told != NULL ? strtol(told, NULL, 10) : 0;

	if (width <= 0 && is_terminal && ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0)
		width = size.ws_col;
	if (width <= 0)
		width = WIDTH_DEFAULT;
	return width < WIDTH_MIN ? WIDTH_MIN : width > WIDTH_MAX ? WIDTH_MAX : (size_t)width;
}

static void heading(struct page *page, const char *text)
{
	if (page->is_colored)
		buf_printf(page->out, "\n\033[1m%s\033[0m\n", text);
	else
		buf_printf(page->out, "\n%s\n", text);
}

/* Characters, not bytes. */
static size_t columns(struct str s)
{
	size_t count = 0;

	for (size_t i = 0; i < s.len; i++)
		count += ((unsigned char)s.data[i] & 0xC0) != 0x80;
	return count;
}

static void spaces(struct buf *out, size_t count)
{
	for (size_t i = 0; i < count; i++)
		buf_add_char(out, ' ');
}

/* Text from column `at` on, wrapped behind `indent` spaces; ends the line. */
static void wrapped(struct page *page, const char *text, size_t at, size_t indent)
{
	struct str rest = str_of(text), word;
	bool is_more = rest.len > 0, is_first = true;

	while (is_more) {
		is_more = str_cut(&rest, ' ', &word);
		if (!is_first && at + 1 + columns(word) > page->width) {
			buf_add_char(page->out, '\n');
			spaces(page->out, indent);
			at = indent;
			is_first = true;
		}
		if (!is_first)
			buf_add_char(page->out, ' ');
		buf_add_str(page->out, word);
		at += columns(word) + !is_first;
		is_first = false;
	}
	buf_add_char(page->out, '\n');
}

/* "largest request body (413) [default 16m; SLUICE_HTTP_BODY_MAX]" */
static const char *describe(struct page *page, const struct option *option, const char *env_name)
{
	struct buf text = {0};

	buf_add_text(&text, option->help != NULL ? option->help : "");
	if (option->choices != NULL) {
		buf_add_text(&text, ": ");
		for (size_t i = 0; option->choices[i] != NULL; i++)
			buf_printf(&text, "%s%s", i > 0 ? ", " : "", option->choices[i]);
	}
	const char *mark = " [";
	if (option->is_required) {
		buf_printf(&text, "%srequired", mark);
		mark = "; ";
	}
	const char *fallback = option_fallback(option, &page->arena);
	if (fallback != NULL) {
		buf_printf(&text, "%sdefault %s", mark, fallback);
		mark = "; ";
	}
	if (!option->is_argument_only) {
		buf_printf(&text, "%s%s", mark, env_name);
		mark = "; ";
	}
	if (mark[0] == ';')
		buf_add_char(&text, ']');
	const char *kept = arena_strdup(&page->arena, buf_text(&text));
	buf_done(&text);
	return kept;
}

static void row(struct page *page, const struct option *option, const char *env_name)
{
	const char *value = option->value != NULL         ? option->value
			    : option->kind == OPTION_FLAG ? ""
							  : "VALUE";
	struct str left;

	if (option->letter != 0)
		left = str_of(arena_printf(
			&page->arena, "  -%c, --%s %s", option->letter, option->name, value));
	else
		left = str_of(arena_printf(&page->arena, "      --%s %s", option->name, value));
	buf_add_str(page->out, left);
	size_t at = columns(left);
	if (at + 2 > INDENT) {
		buf_add_char(page->out, '\n');
		at = 0;
	}
	spaces(page->out, INDENT - at);
	wrapped(page, describe(page, option, env_name), INDENT, INDENT);
}

static void built_in_rows(struct page *page, const struct options_spec *spec)
{
	static const struct option CONFIG = {"config", 0, OPTION_STRING, 0, .value = "FILE",
		.help = "read options from a YAML file (key: name with underscores); command line and "
			"environment win"};
	static const struct option HELP = {
		"help", 'h', OPTION_FLAG, 0, .help = "show this page", .is_argument_only = true};

	row(page, &CONFIG, options_config_env_name(&page->arena, spec));
	row(page, &HELP, NULL);
}

void options_help(const struct options_spec *spec, struct buf *out, bool is_terminal)
{
	const char *no_color = getenv("NO_COLOR");
	struct page page = {.out = out,
		.width = page_width(is_terminal),
		.is_colored = is_terminal && (no_color == NULL || no_color[0] == '\0')};

	arena_init(&page.arena);
	const char *summary = arena_printf(&page.arena, "%s: %s", spec->program, spec->summary);
	wrapped(&page, summary, 0, 2);
	if (spec->about != NULL) {
		buf_add_char(out, '\n');
		wrapped(&page, spec->about, 0, 0);
	}
	heading(&page, "Usage");
	buf_printf(out, "  %s [OPTIONS]%s%s\n", spec->program, spec->arguments != NULL ? " " : "",
		spec->arguments != NULL ? spec->arguments : "");
	heading(&page, "Options");
	for (const struct option *option = spec->options; option != NULL && option->name != NULL;
		option++)
		row(&page, option, option_env_name(&page.arena, option->name));
	built_in_rows(&page, spec);
	if (spec->examples != NULL && spec->examples[0] != NULL) {
		heading(&page, "Examples");
		for (size_t i = 0; spec->examples[i] != NULL; i++)
			buf_printf(out, "  %s\n", spec->examples[i]);
	}
	arena_done(&page.arena);
}

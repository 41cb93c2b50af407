/*
 * printf() and format(): SQLite's own directives, one by one, so that no width and no precision is
 * over SQL_WIDTH_MAX ('%.*c' with 2³¹ took seconds, whatever came of it).
 * sqlite.org/printf.html tells what each does; sqlite3_str_appendf() does it, but for %c, whose
 * argument is text in SQL.
 */
#include "model/sql_functions.h"

#include <stdio.h>

struct printing {
	sqlite3_context *context;
	sqlite3_str *out;
	sqlite3_value **values;
	int count, used;
	bool has_failed; /* the context has its error */
};

struct directive {
	char flags[8]; /* each once */
	size_t flag_count;
	int64_t width, precision; /* -1: none */
	char type;
};

static sqlite3_value *next_value(struct printing *printing)
{
	return printing->used < printing->count ? printing->values[printing->used++] : NULL;
}

static int64_t next_integer(struct printing *printing)
{
	sqlite3_value *value = next_value(printing);

	return value != NULL ? sqlite3_value_int64(value) : 0;
}

static const char *next_text(struct printing *printing)
{
	sqlite3_value *value = next_value(printing);

	return value != NULL ? (const char *)sqlite3_value_text(value) : NULL;
}

static void add_flag(struct directive *directive, char flag)
{
	if (memchr(directive->flags, flag, directive->flag_count) == NULL)
		directive->flags[directive->flag_count++] = flag;
}

/* A number, or * for the next argument; what is over the limit stays over it. */
static int64_t read_number(struct printing *printing, const char **format)
{
	int64_t number = 0;

	if (**format == '*') {
		(*format)++;
		return (int)next_integer(printing);
	}
	for (; **format >= '0' && **format <= '9'; (*format)++)
		if (number <= SQL_WIDTH_MAX)
			number = number * 10 + (**format - '0');
	return number;
}

static bool read_directive(
	struct printing *printing, const char **format, struct directive *directive)
{
	*directive = (struct directive){.width = -1, .precision = -1};
	for (; **format != '\0' && strchr("-+ #!0,", **format) != NULL; (*format)++)
		add_flag(directive, **format);
	directive->width = read_number(printing, format);
	if (directive->width < 0) {
		add_flag(directive, '-');
		directive->width = -directive->width;
	}
	if (**format == '.') {
		(*format)++;
		directive->precision = read_number(printing, format);
		if (directive->precision < 0)
			directive->precision = -directive->precision;
	}
	while (**format == 'l')
		(*format)++;
	directive->type = **format;
	if (directive->width <= SQL_WIDTH_MAX && directive->precision <= SQL_WIDTH_MAX)
		return true;
	printing->has_failed = true;
	sqlite3_result_error(printing->context, "a width or precision is too large", -1);
	return false;
}

/* The directive as text again, with its numbers in it. */
static const char *write_directive(
	char *ret, size_t size, const struct directive *directive, const char *type)
{
	int len = snprintf(ret, size, "%%%.*s", (int)directive->flag_count, directive->flags);

	if (directive->width > 0)
		len += snprintf(ret + len, size - (size_t)len, "%d", (int)directive->width);
	if (directive->precision >= 0)
		len += snprintf(ret + len, size - (size_t)len, ".%d", (int)directive->precision);
	snprintf(ret + len, size - (size_t)len, "%s", type);
	return ret;
}

static bool put_value(struct printing *printing, const struct directive *directive)
{
	char format[64];
	const char type[] = {directive->type, '\0'}, integer[] = {'l', 'l', directive->type, '\0'};

	switch (directive->type) {
	case 'd':
	case 'i':
	case 'u':
	case 'o':
	case 'x':
	case 'X':
	case 'r':
		sqlite3_str_appendf(printing->out,
			write_directive(format, sizeof(format), directive, integer),
			(sqlite3_int64)next_integer(printing));
		return true;
	case 'p':
		sqlite3_str_appendf(printing->out,
			write_directive(format, sizeof(format), directive, "llX"),
			(sqlite3_int64)next_integer(printing));
		return true;
	case 's':
	case 'q':
	case 'Q':
	case 'w':
		sqlite3_str_appendf(printing->out,
			write_directive(format, sizeof(format), directive, type),
			next_text(printing));
		return true;
	case 'z': /* frees its argument in C */
		sqlite3_str_appendf(printing->out,
			write_directive(format, sizeof(format), directive, "s"),
			next_text(printing));
		return true;
	default:
		return false;
	}
}

static void put_double(struct printing *printing, const struct directive *directive)
{
	char format[64];
	const char type[] = {directive->type, '\0'};
	sqlite3_value *value = next_value(printing);

	sqlite3_str_appendf(printing->out, write_directive(format, sizeof(format), directive, type),
		value != NULL ? sqlite3_value_double(value) : 0.0);
}

/* The first character, a NUL where there is none, as often as the precision says. */
static void put_character(struct printing *printing, const struct directive *directive)
{
	const char *given = next_text(printing), *text = given != NULL ? given : "";
	const int times = directive->precision > 1 ? (int)directive->precision : 1;
	const int blanks = directive->width > times ? (int)directive->width - times : 0;
	const bool is_left = memchr(directive->flags, '-', directive->flag_count) != NULL;
	int len = 1;

	if (((unsigned char)text[0] & 0xC0) == 0xC0)
		while (len < 4 && ((unsigned char)text[len] & 0xC0) == 0x80)
			len++;
	if (!is_left)
		sqlite3_str_appendchar(printing->out, blanks, ' ');
	for (int i = 0; i < times; i++)
		sqlite3_str_append(printing->out, text, len);
	if (is_left)
		sqlite3_str_appendchar(printing->out, blanks, ' ');
}

/* False where the rest of the format is not looked at. */
static bool put_directive(struct printing *printing, const char **format)
{
	char text[64];
	struct directive directive;

	if (**format == '\0')
		sqlite3_str_appendchar(printing->out, 1, '%');
	if (!read_directive(printing, format, &directive) || directive.type == '\0')
		return false;
	(*format)++;
	switch (directive.type) {
	case '%':
		sqlite3_str_appendf(
			printing->out, write_directive(text, sizeof(text), &directive, "%"));
		return true;
	case 'n':
		return true;
	case 'c':
		put_character(printing, &directive);
		return true;
	case 'f':
	case 'e':
	case 'E':
	case 'g':
	case 'G':
		put_double(printing, &directive);
		return true;
	default:
		return put_value(printing, &directive);
	}
}

void sql_printf(sqlite3_context *context, int count, sqlite3_value **values)
{
	const char *format = count > 0 ? (const char *)sqlite3_value_text(values[0]) : NULL;
	struct printing printing = {
		.context = context, .values = values, .count = count, .used = 1};

	if (format == NULL)
		return;
	printing.out = sqlite3_str_new(sqlite3_context_db_handle(context));
	while (*format != '\0' && sqlite3_str_errcode(printing.out) == SQLITE_OK) {
		const size_t len = strcspn(format, "%");

		if (len > 0)
			sqlite3_str_append(printing.out, format, (int)len);
		format += len;
		if (*format == '%' && (format++, !put_directive(&printing, &format)))
			break;
	}

	const int status = sqlite3_str_errcode(printing.out);
	const int len = sqlite3_str_length(printing.out);
	char *text = sqlite3_str_finish(printing.out);

	/* As SQLite's: where nothing was put, not even an empty text, it is NULL. */
	if (status != SQLITE_OK)
		sqlite3_result_error_code(context, status);
	else if (text != NULL && !printing.has_failed)
		sqlite3_result_text(context, text, len, SQLITE_TRANSIENT);
	sqlite3_free(text);
}

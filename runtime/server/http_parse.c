/*
 * A request's head:
 *
 *	lead → method → target → version → line end → { name → blanks → value → line end }* →
 *section end
 *
 * Each step takes the bytes of one token and says what came of it; the loop at the end runs them.
 *What the header lines mean to framing and to the connection is http_framing.c's.
 */
#include "server/http_parse.h"
#include "server/http_class.h"

#include <string.h>

enum {
	METHOD_MAX = 32,     /* longest one registered has 17 */
	EMPTY_LINES_MAX = 8, /* RFC 9112 2.2: at least one should be ignored */
};

enum step {
	STEP_LEAD,
	STEP_LEAD_LF,
	STEP_METHOD,
	STEP_TARGET,
	STEP_VERSION,
	STEP_LINE_LF,
	STEP_NAME_FIRST,
	STEP_NAME,
	STEP_BLANKS,
	STEP_VALUE,
	STEP_VALUE_LF,
	STEP_END_LF,
	STEP_DONE,
	STEP_REFUSED,
};

/* What a step says: go on with the next one, or end this call. */
enum verdict { GO_ON, NEED_MORE, IS_DONE, IS_REFUSED };

/* The refusal is written down already. */
static enum verdict refused(struct http_parse *parse)
{
	parse->step = STEP_REFUSED;
	return IS_REFUSED;
}

static enum verdict refuse(struct http_parse *parse, int status, const char *message)
{
	parse->refusal = (struct http_refusal){status, message};
	return refused(parse);
}

void http_parse_start(
	struct http_parse *parse, const struct http_limits *limits, struct arena *arena)
{
	*parse = (struct http_parse){.limits = limits, .arena = arena};
}

static void token_start(struct http_parse *parse)
{
	parse->token = (struct http_span){(uint32_t)parse->at, 0};
}

static struct http_span token_end(const struct http_parse *parse)
{
	return (struct http_span){parse->token.at, (uint32_t)parse->at - parse->token.at};
}

static struct str span_str(const char *text, struct http_span span)
{
	return (struct str){text + span.at, span.len};
}

static enum verdict take_lead(struct http_parse *parse, const char *text, size_t len)
{
	if (text[parse->at] != '\r') {
		token_start(parse);
		parse->step = STEP_METHOD;
		return GO_ON;
	}
	if (parse->empty_lines++ == EMPTY_LINES_MAX)
		return refuse(parse, 400, "too many empty lines before the request");
	parse->at++;
	parse->step = STEP_LEAD_LF;
	return GO_ON;
}

static enum verdict take_lf(struct http_parse *parse, const char *text, enum step next)
{
	if (text[parse->at] != '\n')
		return refuse(parse, 400, "a carriage return without a line feed");
	parse->at++;
	parse->step = (uint8_t)next;
	return GO_ON;
}

static enum verdict take_lead_lf(struct http_parse *parse, const char *text, size_t len)
{
	return take_lf(parse, text, STEP_LEAD);
}

static enum http_method method_of(struct str text)
{
	static const struct {
		struct str name;
		enum http_method method;
	} METHODS[] = {
		{STR("POST"), HTTP_POST},
		{STR("GET"), HTTP_GET},
		{STR("HEAD"), HTTP_HEAD},
		{STR("PUT"), HTTP_PUT},
		{STR("PATCH"), HTTP_PATCH},
		{STR("DELETE"), HTTP_DELETE},
		{STR("OPTIONS"), HTTP_OPTIONS},
	};

	for (size_t i = 0; i < sizeof(METHODS) / sizeof(METHODS[0]); i++)
		if (str_eq(METHODS[i].name, text))
			return METHODS[i].method;
	return HTTP_OTHER;
}

static enum verdict take_method(struct http_parse *parse, const char *text, size_t len)
{
	while (parse->at < len && http_is_token(text[parse->at])) {
		if (parse->at - parse->token.at == METHOD_MAX)
			return refuse(parse, 501, "the method is not known");
		parse->at++;
	}
	if (parse->at == len)
		return NEED_MORE;
	if (text[parse->at] != ' ' || parse->at == parse->token.at)
		return refuse(parse, 400, "the request line does not start with a method");
	parse->method_text = token_end(parse);
	parse->method = method_of(span_str(text, parse->method_text));
	if (str_is(span_str(text, parse->method_text), "CONNECT"))
		return refuse(parse, 501, "this server is not a proxy");
	parse->at++;
	token_start(parse);
	parse->step = STEP_TARGET;
	return GO_ON;
}

static enum verdict take_target(struct http_parse *parse, const char *text, size_t len)
{
	while (parse->at < len && http_is_target(text[parse->at])) {
		if (parse->at - parse->token.at == parse->limits->target_max)
			return refuse(parse, 414, "the request target is too long");
		parse->at++;
	}
	if (parse->at == len)
		return NEED_MORE;
	if (text[parse->at] != ' ' || parse->at == parse->token.at)
		return refuse(parse, 400, "a byte that cannot stand in a request target");
	parse->target = token_end(parse);
	if (!http_target_split(parse, text))
		return refuse(parse, 400, "the request target is malformed");
	parse->at++;
	parse->version_at = 0;
	parse->step = STEP_VERSION;
	return GO_ON;
}

/* '#' stands for a digit. The version is case-sensitive (RFC 9112 2.3). */
static const char VERSION[] = "HTTP/#.#\r";

static enum verdict take_version(struct http_parse *parse, const char *text, size_t len)
{
	for (; parse->at < len && VERSION[parse->version_at] != '\0';
		parse->at++, parse->version_at++) {
		const char c = text[parse->at];
		const bool is_digit = c >= '0' && c <= '9';

		if (VERSION[parse->version_at] == '#' ? !is_digit : VERSION[parse->version_at] != c)
			return refuse(parse, 400, "the request line does not end in HTTP/1.1");
		if (is_digit && parse->version_at == 5)
			parse->major = (uint8_t)(c - '0');
		else if (is_digit && parse->version_at == 7)
			parse->minor = (uint8_t)(c - '0');
	}
	if (VERSION[parse->version_at] != '\0')
		return NEED_MORE;
	if (parse->major != 1)
		return refuse(parse, 505, "only HTTP/1.1 and HTTP/1.0 are spoken here");
	parse->step = STEP_LINE_LF;
	return GO_ON;
}

static enum verdict take_line_lf(struct http_parse *parse, const char *text, size_t len)
{
	parse->section_at = parse->at + 1;
	return take_lf(parse, text, STEP_NAME_FIRST);
}

/* Bytes up to which the header section may be looked at. */
static size_t section_end(const struct http_parse *parse, size_t len)
{
	const size_t most = parse->section_at + parse->limits->header_max;

	return len < most ? len : most;
}

/* The scan stopped at the end of what may be looked at: is that the limit, or only the end of the
 * text? */
static enum verdict more_or_too_large(struct http_parse *parse, size_t len)
{
	if (parse->at == len)
		return NEED_MORE;
	return refuse(parse, 431, "the header section is too large");
}

static enum verdict take_name_first(struct http_parse *parse, const char *text, size_t len)
{
	if (parse->at == section_end(parse, len))
		return more_or_too_large(parse, len);
	if (text[parse->at] == '\r') {
		parse->at++;
		parse->step = STEP_END_LF;
		return GO_ON;
	}
	if (parse->field_count == parse->limits->fields_max)
		return refuse(parse, 431, "too many header fields");
	token_start(parse);
	parse->step = STEP_NAME;
	return GO_ON;
}

static struct http_span_field *field_new(struct http_parse *parse)
{
	if (parse->field_count == parse->field_cap) {
		const uint32_t cap = parse->field_cap == 0 ? 16 : parse->field_cap * 2;
		struct http_span_field *fields = arena_array(parse->arena, cap, sizeof(*fields));

		if (parse->field_count > 0)
			memcpy(fields, parse->fields, parse->field_count * sizeof(*fields));
		parse->fields = fields;
		parse->field_cap = cap;
	}
	return &parse->fields[parse->field_count];
}

/* A line that starts with a blank (obs-fold) has no name either: RFC 9112 5.2 wants 400. */
static enum verdict take_name(struct http_parse *parse, const char *text, size_t len)
{
	const size_t end = section_end(parse, len);

	while (parse->at < end && http_is_token(text[parse->at]))
		parse->at++;
	if (parse->at == end)
		return more_or_too_large(parse, len);
	if (text[parse->at] != ':' || parse->at == parse->token.at)
		return refuse(parse, 400, "a header line is not of the form 'name: value'");
	field_new(parse)->name = token_end(parse);
	parse->at++;
	parse->step = STEP_BLANKS;
	return GO_ON;
}

static enum verdict take_blanks(struct http_parse *parse, const char *text, size_t len)
{
	const size_t end = section_end(parse, len);

	while (parse->at < end && (text[parse->at] == ' ' || text[parse->at] == '\t'))
		parse->at++;
	if (parse->at == end)
		return more_or_too_large(parse, len);
	token_start(parse);
	parse->step = STEP_VALUE;
	return GO_ON;
}

static enum verdict take_value(struct http_parse *parse, const char *text, size_t len)
{
	const size_t end = section_end(parse, len);

	while (parse->at < end && http_is_value(text[parse->at]))
		parse->at++;
	if (parse->at == end)
		return more_or_too_large(parse, len);
	if (text[parse->at] != '\r')
		return refuse(parse, 400, "a control byte in a header value");

	struct http_span value = token_end(parse);
	while (value.len > 0 &&
		(text[value.at + value.len - 1] == ' ' || text[value.at + value.len - 1] == '\t'))
		value.len--;
	parse->fields[parse->field_count].value = value;
	parse->at++;
	parse->step = STEP_VALUE_LF;
	return GO_ON;
}

static enum verdict take_value_lf(struct http_parse *parse, const char *text, size_t len)
{
	if (parse->at == section_end(parse, len))
		return more_or_too_large(parse, len);
	if (take_lf(parse, text, STEP_NAME_FIRST) == IS_REFUSED)
		return IS_REFUSED;
	const struct http_span_field *field = &parse->fields[parse->field_count++];

	if (!http_framing_field(parse, span_str(text, field->name), span_str(text, field->value)))
		return refused(parse);
	return GO_ON;
}

static enum verdict take_end_lf(struct http_parse *parse, const char *text, size_t len)
{
	if (parse->at == section_end(parse, len))
		return more_or_too_large(parse, len);
	if (take_lf(parse, text, STEP_DONE) == IS_REFUSED)
		return IS_REFUSED;
	return http_framing_end(parse) ? IS_DONE : refused(parse);
}

enum http_parsed http_parse_head(struct http_parse *parse, const char *text, size_t len)
{
	static enum verdict (*const STEPS[])(
		struct http_parse * parse, const char *text, size_t len) = {
		[STEP_LEAD] = take_lead,
		[STEP_LEAD_LF] = take_lead_lf,
		[STEP_METHOD] = take_method,
		[STEP_TARGET] = take_target,
		[STEP_VERSION] = take_version,
		[STEP_LINE_LF] = take_line_lf,
		[STEP_NAME_FIRST] = take_name_first,
		[STEP_NAME] = take_name,
		[STEP_BLANKS] = take_blanks,
		[STEP_VALUE] = take_value,
		[STEP_VALUE_LF] = take_value_lf,
		[STEP_END_LF] = take_end_lf,
	};
	enum verdict verdict = GO_ON;

	if (parse->step == STEP_REFUSED)
		return HTTP_PARSED_REFUSED;
	if (parse->step == STEP_DONE)
		return HTTP_PARSED_DONE;
	while (verdict == GO_ON)
		verdict = parse->at < len ? STEPS[parse->step](parse, text, len) : NEED_MORE;
	return verdict == NEED_MORE ? HTTP_PARSED_MORE
	       : verdict == IS_DONE ? HTTP_PARSED_DONE
				    : HTTP_PARSED_REFUSED;
}

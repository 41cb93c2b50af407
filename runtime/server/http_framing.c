/*
 * What the header section means to the length of the body and to the connection (RFC 9112 6.3, 9.3;
 * RFC 9110 7.2, 10.1.1).
 *
 * Whatever two readers could take for two different lengths is refused, also where the RFC allows
 * to mend it.
 */
#include "server/http_parse.h"

enum { LENGTH_DIGITS_MAX = 19 };

static bool refuse(struct http_parse *parse, int status, const char *message)
{
	parse->refusal = (struct http_refusal){status, message};
	return false;
}

/* One line, digits only. Anything else may mean another length to somebody in front of us (RFC
 * 9112 6.3). */
static bool on_content_length(struct http_parse *parse, struct str value)
{
	if (parse->has_length)
		return refuse(parse, 400, "more than one Content-Length");
	if (value.len == 0 || value.len > LENGTH_DIGITS_MAX)
		return refuse(parse, 400, "Content-Length is not a number");
	parse->has_length = true;
	for (size_t i = 0; i < value.len; i++) {
		if (value.data[i] < '0' || value.data[i] > '9')
			return refuse(parse, 400, "Content-Length is not a number");
		parse->length = parse->length * 10 + (uint64_t)(value.data[i] - '0');
	}
	return true;
}

static bool on_transfer_encoding(struct http_parse *parse, struct str value)
{
	if (parse->has_coding)
		return refuse(parse, 400, "more than one Transfer-Encoding");
	if (parse->minor == 0)
		return refuse(parse, 400, "Transfer-Encoding in HTTP/1.0");
	if (!str_eq_nocase(value, STR("chunked")))
		return refuse(parse, 501, "the only transfer coding known here is 'chunked'");
	parse->has_coding = true;
	return true;
}

static bool on_host(struct http_parse *parse, struct str value)
{
	if (parse->has_host)
		return refuse(parse, 400, "more than one Host");
	if (value.len > 0 && !http_host_is_valid(value))
		return refuse(parse, 400, "Host is not a host name");
	parse->has_host = true;
	return true;
}

static bool on_connection(struct http_parse *parse, struct str value)
{
	struct str option;
	bool is_more = true;

	while (is_more) {
		is_more = str_cut(&value, ',', &option);
		option = str_trim(option);
		parse->has_close |= str_eq_nocase(option, STR("close"));
		parse->has_keep_alive |= str_eq_nocase(option, STR("keep-alive"));
	}
	return true;
}

static bool on_expect(struct http_parse *parse, struct str value)
{
	if (str_eq_nocase(value, STR("100-continue")))
		parse->is_expecting_continue = true;
	else
		parse->is_expecting_unknown = true;
	return true;
}

/* Never followed, but see http_parse_is_persistent(). */
static bool on_upgrade(struct http_parse *parse, struct str value)
{
	parse->has_upgrade = true;
	return true;
}

/* The few fields that decide about framing and the connection; found by their length first. */
bool http_framing_field(struct http_parse *parse, struct str name, struct str value)
{
	static const struct {
		struct str name;
		bool (*fn)(struct http_parse *parse, struct str value);
	} FIELDS[] = {
		{STR("host"), on_host},
		{STR("content-length"), on_content_length},
		{STR("transfer-encoding"), on_transfer_encoding},
		{STR("connection"), on_connection},
		{STR("expect"), on_expect},
		{STR("upgrade"), on_upgrade},
	};

	for (size_t i = 0; i < sizeof(FIELDS) / sizeof(FIELDS[0]); i++)
		if (FIELDS[i].name.len == name.len && str_eq_nocase(FIELDS[i].name, name))
			return FIELDS[i].fn(parse, value);
	return true;
}

bool http_framing_end(struct http_parse *parse)
{
	if (parse->minor > 0 && !parse->has_host)
		return refuse(parse, 400, "Host is missing");
	if (parse->has_length && parse->has_coding)
		return refuse(parse, 400, "Content-Length and Transfer-Encoding in one request");
	/* RFC 9110 10.1.1: an HTTP/1.0 client cannot wait for a 100, so its Expect is ignored. */
	if (parse->minor > 0 && parse->is_expecting_unknown)
		return refuse(parse, 417, "the only expectation met here is '100-continue'");
	parse->is_expecting_continue = parse->is_expecting_continue && parse->minor > 0;
	parse->framing = parse->has_coding   ? HTTP_CHUNKED
			 : parse->length > 0 ? HTTP_LENGTH
					     : HTTP_NO_BODY;
	return true;
}

bool http_framing_limit(struct http_parse *parse, uint64_t body_max)
{
	return parse->length <= body_max || refuse(parse, 413, "the body is too large");
}

/* llhttp, and so every proxy made with it, sees no body behind an Upgrade but the other protocol.
 * What follows such a request is therefore not taken for one. */
bool http_parse_is_persistent(const struct http_parse *parse)
{
	if (parse->has_close || (parse->has_upgrade && parse->framing != HTTP_NO_BODY))
		return false;
	return parse->minor > 0 || parse->has_keep_alive;
}

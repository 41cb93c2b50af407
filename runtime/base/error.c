#include "base/error.h"

#include <stdio.h>
#include <string.h>

/* Exit statuses follow sysexits.h where one fits: 64 usage, 65 data, 66 no input, 69 unavailable, 70 internal,
 * 75 try again, 76 protocol, 77 permission. */
static const struct error_info TABLE[ERR_COUNT] = {
	[ERR_NONE] = {"ok", "OK", 200, 0, "no error"},
	[ERR_BAD_REQUEST] = {"bad_request", "BAD_REQUEST", 400, 65,
		"the request cannot be read, or the model failed on it"},
	[ERR_INVALID_PARAMETER] = {"invalid_parameter", "INVALID_PARAMETER_VALUE", 400, 65,
		"a value does not fit the signature or the parameter"},
	[ERR_USAGE] = {"usage", "INVALID_PARAMETER_VALUE", 400, 64, "a wrong command line or option"},
	[ERR_INVALID_BUNDLE] = {"invalid_bundle", "INVALID_PARAMETER_VALUE", 400, 65,
		"the bundle's files are wrong: MLmodel, config.yaml, prompts, archive"},
	[ERR_NOT_FOUND] = {"not_found", "RESOURCE_DOES_NOT_EXIST", 404, 66, "no such file, route or bundle"},
	[ERR_NO_ENDPOINT] = {"no_endpoint", "ENDPOINT_NOT_FOUND", 404, 66, "no such serving endpoint or call"},
	[ERR_METHOD_NOT_ALLOWED] = {"method_not_allowed", "BAD_REQUEST", 405, 65,
		"the path exists, this method does not"},
	[ERR_UNAUTHENTICATED] = {"unauthenticated", "UNAUTHENTICATED", 401, 77, "no token, or not a valid one"},
	[ERR_PERMISSION_DENIED] = {"permission_denied", "PERMISSION_DENIED", 403, 77, "who asks may not do that"},
	[ERR_REQUEST_TIMEOUT] = {"request_timeout", "BAD_REQUEST", 408, 75, "the client was too slow"},
	[ERR_CONFLICT] = {"conflict", "RESOURCE_CONFLICT", 409, 65, "it exists already or has changed"},
	[ERR_ALREADY_EXISTS] = {"already_exists", "RESOURCE_ALREADY_EXISTS", 400, 65, "a name that is taken"},
	/* MLflow answers 500, which its clients retry for minutes. */
	[ERR_INVALID_STATE] = {"invalid_state", "INVALID_STATE", 400, 65, "its state does not allow this"},
	[ERR_TOO_LARGE] = {"too_large", "BAD_REQUEST", 413, 65, "over a limit on size, depth or count"},
	[ERR_UNSUPPORTED_MEDIA] = {"unsupported_media", "BAD_REQUEST", 415, 65,
		"a Content-Type other than JSON or CSV in UTF-8"},
	[ERR_RATE_LIMITED] = {"rate_limited", "REQUEST_LIMIT_EXCEEDED", 429, 75, "too many requests"},
	[ERR_CANCELLED] = {"cancelled", "BAD_REQUEST", 499, 75, "the client left or the server stops"},
	[ERR_INTERNAL] = {"internal", "INTERNAL_ERROR", 500, 70, "a defect or the machine's failure"},
	[ERR_NOT_IMPLEMENTED] = {"not_implemented", "NOT_IMPLEMENTED", 501, 70, "not supported"},
	[ERR_UPSTREAM] = {"upstream", "INTERNAL_ERROR", 502, 76, "a model or tool endpoint failed"},
	[ERR_UNREACHABLE] = {"unreachable", "INTERNAL_ERROR", 502, 76, "nobody listens where a call goes to"},
	[ERR_NO_HOST] = {"no_host", "INTERNAL_ERROR", 502, 68, "a host name that cannot be resolved"},
	[ERR_UNAVAILABLE] = {"unavailable", "TEMPORARILY_UNAVAILABLE", 503, 69, "overloaded or stopping"},
	[ERR_DEADLINE] = {"deadline", "DEADLINE_EXCEEDED", 504, 75, "a deadline ran out"},
};

const struct error_info *error_info(enum error_code code)
{
	if ((unsigned)code >= ERR_COUNT)
		code = ERR_INTERNAL;
	return &TABLE[code];
}

/* A cut inside a UTF-8 sequence would make the message invalid JSON text later. */
static void trim_partial_utf8(char *text, size_t len)
{
	size_t back = 0;

	while (back < 4 && back < len && ((unsigned char)text[len - 1 - back] & 0xC0) == 0x80)
		back++;
	if (back == len)
		return;
	const unsigned char lead = (unsigned char)text[len - 1 - back];
	const size_t need = lead >= 0xF0 ? 3 : lead >= 0xE0 ? 2 : lead >= 0xC0 ? 1 : 0;
	if (need > back)
		text[len - 1 - back] = '\0';
}

static void put(struct error *err, const char *text, int wanted)
{
	const size_t len = strlen(text);

	memmove(err->text, text, len + 1);
	if (wanted >= ERROR_TEXT_MAX)
		trim_partial_utf8(err->text, len);
}

bool error_vset(struct error *err, enum error_code code, const char *format, va_list args)
{
	if (err == NULL)
		return false;
	char text[ERROR_TEXT_MAX];
	const int wanted = vsnprintf(text, sizeof(text), format, args);

	err->code = code;
	put(err, wanted < 0 ? "message could not be formatted" : text, wanted);
	return false;
}

bool error_set(struct error *err, enum error_code code, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	error_vset(err, code, format, args);
	va_end(args);
	return false;
}

bool error_wrap(struct error *err, const char *format, ...)
{
	if (err == NULL)
		return false;
	char context[ERROR_TEXT_MAX], text[ERROR_TEXT_MAX];
	va_list args;

	va_start(args, format);
	const int len = vsnprintf(context, sizeof(context), format, args);
	va_end(args);
	if (len < 0)
		return false;
	/* A long context must leave room for what went wrong. */
	if (len > ERROR_TEXT_MAX / 2) {
		context[ERROR_TEXT_MAX / 2] = '\0';
		trim_partial_utf8(context, ERROR_TEXT_MAX / 2);
	}
	const int wanted = snprintf(text, sizeof(text), "%s: %s", context, err->text);
	put(err, text, wanted);
	return false;
}

bool error_set_errno(struct error *err, enum error_code code, int errno_value, const char *format, ...)
{
	char reason[256];
	va_list args;

	if (err == NULL)
		return false;
	va_start(args, format);
	error_vset(err, code, format, args);
	va_end(args);

	const char *said = strerror_r(errno_value, reason, sizeof(reason));
	const size_t len = strlen(err->text);
	const int wanted = snprintf(err->text + len, sizeof(err->text) - len, ": %s", said);
	if (wanted < 0 || len + (size_t)wanted >= sizeof(err->text))
		trim_partial_utf8(err->text, strlen(err->text));
	return false;
}

#pragma once
/*
 * Error: what went wrong, once, in the caller's memory.
 *
 * A fallible function takes `struct error *err` last and returns false with it set; on success it leaves it alone.
 * Messages: lower case, no full stop, the offending value quoted, and where it stands.
 *
 * The table in error.c is the one place that maps a code to its HTTP status, to the `error_code` that MLflow and
 * Databricks clients know (mlflow/exceptions.py ERROR_CODE_TO_HTTP_STATUS; an unknown name is shown as 500 and
 * retried) and to the tools' exit status. `docs/reference/errors.md` is generated from it.
 */
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

enum error_code {
	ERR_NONE = 0,
	ERR_BAD_REQUEST,          /* the request cannot be read: malformed JSON, CSV, form; or the model failed */
	ERR_INVALID_PARAMETER,    /* it can be read, but does not fit the signature or a parameter */
	ERR_USAGE,                /* a command line or configuration option */
	ERR_INVALID_BUNDLE,       /* a bundle's files: MLmodel, config.yaml, prompts, archive */
	ERR_NOT_FOUND,            /* a file, bundle, route, recording */
	ERR_NO_ENDPOINT,          /* a serving endpoint, or an API path */
	ERR_METHOD_NOT_ALLOWED,
	ERR_UNAUTHENTICATED,      /* nobody knows who asks: no token, or not a good one */
	ERR_PERMISSION_DENIED,    /* who asks may not */
	ERR_REQUEST_TIMEOUT,      /* the client was too slow */
	ERR_CONFLICT,
	ERR_ALREADY_EXISTS,       /* MLflow's registry has it already */
	ERR_INVALID_STATE,        /* it is there, but not in a state that allows this */
	ERR_TOO_LARGE,            /* a limit on size, depth or count */
	ERR_UNSUPPORTED_MEDIA,
	ERR_RATE_LIMITED,         /* ours or the upstream's 429 */
	ERR_CANCELLED,            /* the client left, or the server is stopping */
	ERR_INTERNAL,             /* a defect of ours, or the machine's: disk full, no descriptors */
	ERR_NOT_IMPLEMENTED,
	ERR_UPSTREAM,             /* a model or tool endpoint answered wrongly or not at all */
	ERR_UNREACHABLE,          /* nobody listens at an address of ours to ask */
	ERR_NO_HOST,              /* a host name that no address is known of */
	ERR_UNAVAILABLE,          /* overload or shutdown: try again */
	ERR_DEADLINE,             /* a deadline of ours ran out, upstream or in a step */
	ERR_COUNT
};

enum { ERROR_TEXT_MAX = 2048 };

struct error {
	enum error_code code;
	char text[ERROR_TEXT_MAX]; /* UTF-8, NUL-terminated, cut at a character's border where too long */
};

struct error_info {
	const char *name;       /* our own name, in logs: "upstream" */
	const char *error_code; /* on the wire: "INTERNAL_ERROR" */
	int http_status;
	int exit_status;
	const char *help;
};

/* Never NULL; an unknown code gets ERR_INTERNAL's row. */
const struct error_info *error_info(enum error_code code);

/* Sets the error and returns false, so that callers write `return error_set(err, …)`. `err` may be NULL. */
bool error_set(struct error *err, enum error_code code, const char *format, ...)
	__attribute__((format(printf, 3, 4), cold));
bool error_vset(struct error *err, enum error_code code, const char *format, va_list args)
	__attribute__((format(printf, 3, 0), cold));

/* Puts "context: " in front of the text, once a layer; keeps the code. Returns false. */
bool error_wrap(struct error *err, const char *format, ...) __attribute__((format(printf, 2, 3), cold));

/* As error_set, with ": " and strerror(errno_value) behind. */
bool error_set_errno(struct error *err, enum error_code code, int errno_value, const char *format, ...)
	__attribute__((format(printf, 4, 5), cold));

static inline void error_clear(struct error *err)
{
	err->code = ERR_NONE;
	err->text[0] = '\0';
}

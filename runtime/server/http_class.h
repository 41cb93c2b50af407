#pragma once
/* Which bytes may stand where: RFC 9110 5.6.2 (token), 5.5 (field value); for targets see
 * http_class.c. */
#include <stdbool.h>
#include <stdint.h>

enum http_class {
	HTTP_CLASS_TOKEN = 1,
	HTTP_CLASS_VALUE = 2,
	HTTP_CLASS_TARGET = 4,
	HTTP_CLASS_HOST = 8,
};

extern const uint8_t http_classes[256];

static inline bool http_is_token(char c)
{
	return http_classes[(unsigned char)c] & HTTP_CLASS_TOKEN;
}

static inline bool http_is_value(char c)
{
	return http_classes[(unsigned char)c] & HTTP_CLASS_VALUE;
}

static inline bool http_is_target(char c)
{
	return http_classes[(unsigned char)c] & HTTP_CLASS_TARGET;
}

static inline bool http_is_host(char c)
{
	return http_classes[(unsigned char)c] & HTTP_CLASS_HOST;
}

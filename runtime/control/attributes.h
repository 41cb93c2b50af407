#pragma once
/*
 * Attributes: what an endpoint has besides its config: tags, rate limits, the AI gateway's block, who gets mail. As
 * clients send them, checked and put into one form: the members of an object that the rows keep and answers show under
 * the same names. A member that says nothing is not there.
 *
 * Rate limits: {"key": "endpoint" | "user" | "service_principal", "renewal_period": "minute", "calls"?, "tokens"?,
 * "principal"?}, under "rate_limits" (the older call) and "ai_gateway.rate_limits"; both count.
 * Source: docs/protocol/DATABRICKS.md 1.3. All errors are ERR_INVALID_PARAMETER with the field's path.
 */
#include "base/decode.h"
#include "serving/limiter.h"

enum { TAGS_MAX = 100, TAG_KEY_MAX = 127, TAG_VALUE_MAX = 255, RATE_LIMITS_MAX = 100, MAIL_ADDRESSES_MAX = 20 };

struct attributes {
	struct arena *arena;
	struct json *object; /* changed */
	bool can_mail;       /* there is a mail server to use */
};

/* What is there of a create's body, but its name, description and config. */
bool attributes_read_new(struct attributes *attributes, const struct json *body, struct str *ret_description,
	struct error *err);
/* PATCH …/tags: {"add_tags": […], "delete_tags": […]} */
bool attributes_patch_tags(struct attributes *attributes, const struct json *body, struct error *err);
/* PUT …/rate-limits, PUT …/ai-gateway: replaced as a whole. */
bool attributes_put_rate_limits(struct attributes *attributes, const struct json *body, struct error *err);
bool attributes_put_gateway(struct attributes *attributes, const struct json *body, struct error *err);
/* PATCH …/notifications: a list that is sent takes the old one's place. */
bool attributes_patch_notifications(struct attributes *attributes, const struct json *body, struct error *err);
/* PATCH …/telemetry-config: only nothing is done here. */
bool attributes_patch_telemetry(struct attributes *attributes, const struct json *body, struct error *err);

/* Both lists' limits; returns how many. */
size_t attributes_limits(const struct json *object, struct limit ret[static LIMITER_LIMITS_MAX]);

/* The tables, for the reference page. */
extern const struct decode_field attributes_new_fields[], attributes_tags_fields[], attributes_rate_limits_fields[],
	attributes_gateway_fields[], attributes_notifications_fields[], attributes_telemetry_fields[];

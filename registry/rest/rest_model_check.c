#include "rest/rest_model_check.h"

#include "rest/rest_check.h"

const char *const rest_stages[STAGE_COUNT] = {
	[STAGE_NONE] = "None",
	[STAGE_STAGING] = "Staging",
	[STAGE_PRODUCTION] = "Production",
	[STAGE_ARCHIVED] = "Archived",
};

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

bool rest_check_model_name(struct str name, struct error *err)
{
	if (str_trim_space(name).len == 0)
		return error_set(err, ERR_INVALID_PARAMETER, "Missing value for required parameter 'name'.");
	if (str_count(name, '/') > 0 || str_count(name, ':') > 0)
		return error_set(err, ERR_INVALID_PARAMETER,
			"Invalid model name '%.*s'. Names cannot contain '/' or ':'.", STR_ARGS(name));
	return rest_check_path(name, "name", err);
}

bool rest_check_new_model_name(struct str name, struct error *err)
{
	if (str_trim_space(name).len == 0)
		return error_set(err, ERR_INVALID_PARAMETER, "Missing value for required parameter 'new_name'.");
	return rest_check_model_name(name, err);
}

/* Digits with single underscores between them. */
static bool add_digits(struct str digits, int64_t *value)
{
	bool was_digit = false;

	for (size_t i = 0; i < digits.len; i++) {
		const char c = digits.data[i];

		if (!is_digit(c) && !(c == '_' && was_digit))
			return false;
		was_digit = is_digit(c);
		if (was_digit &&
			(__builtin_mul_overflow(*value, 10, value) || __builtin_add_overflow(*value, c - '0', value)))
			*value = INT64_MAX;
	}
	return was_digit;
}

bool rest_check_version(struct str text, int64_t *ret_version, struct error *err)
{
	struct str digits = str_trim_space(text);
	const bool is_negative = digits.len > 0 && digits.data[0] == '-';
	int64_t value = 0;

	if (is_negative || (digits.len > 0 && digits.data[0] == '+'))
		digits = (struct str){digits.data + 1, digits.len - 1};
	if (!add_digits(digits, &value))
		return error_set(err, ERR_INVALID_PARAMETER, "Parameter 'version' must be an integer, got '%.*s'.",
			STR_ARGS(text));
	*ret_version = is_negative ? -value : value;
	return true;
}

bool rest_check_alias(struct str alias, struct error *err)
{
	if (alias.len == 0)
		return error_set(err, ERR_INVALID_PARAMETER, "Registered model alias name cannot be empty.");
	if (!rest_has_only(alias, "_-"))
		return error_set(err, ERR_INVALID_PARAMETER,
			"Invalid alias name: '%.*s'. Names may only contain alphanumerics, underscores (_), and dashes (-).",
			STR_ARGS(alias));
	return rest_check_length(alias, "Registered model alias name", REST_ALIAS_MAX, err);
}

bool rest_check_new_alias(struct str alias, struct error *err)
{
	size_t at = 1;

	if (!rest_check_alias(alias, err))
		return false;
	if (str_eq_nocase(alias, STR("latest")))
		return error_set(err, ERR_INVALID_PARAMETER, "'latest' alias name (case insensitive) is reserved.");
	while (at < alias.len && is_digit(alias.data[at]))
		at++;
	if ((alias.data[0] == 'v' || alias.data[0] == 'V') && at == alias.len && at > 1)
		return error_set(err, ERR_INVALID_PARAMETER, "Version alias name '%.*s' is reserved.", STR_ARGS(alias));
	return true;
}

bool rest_check_stage(struct str text, int *ret_stage, struct error *err)
{
	for (int stage = 0; stage < STAGE_COUNT; stage++) {
		if (!str_eq_nocase(text, str_of(rest_stages[stage])))
			continue;
		*ret_stage = stage;
		return true;
	}
	return error_set(err, ERR_INVALID_PARAMETER,
		"Invalid Model Version stage: %.*s. Value must be one of None, Staging, Production, Archived.",
		STR_ARGS(text));
}

bool rest_check_registry_tag(struct str key, struct str value, bool is_version, struct error *err)
{
	if (!rest_check_key(key, "key", err) || !rest_check_length(key, "key", REST_KEY_MAX, err))
		return false;
	if (rest_check_length(value, "value", REST_REGISTRY_TAG_VALUE_MAX, err))
		return true;
	if (is_version && str_is(key, "mlflow.prompt.text"))
		return error_set(err, ERR_INVALID_PARAMETER, "Prompt text exceeds max length of %d characters.",
			REST_REGISTRY_TAG_VALUE_MAX);
	return false;
}

bool rest_check_registry_tags(const struct json *tags, bool is_version, struct error *err)
{
	for (size_t i = 0; tags != NULL && i < tags->size; i++)
		if (!rest_check_registry_tag(
			    rest_tag_key(&tags->items[i]), rest_tag_value(&tags->items[i]), is_version, err))
			return false;
	return true;
}

static struct str member_of(const struct json *tag, struct str name)
{
	const struct str text = json_str(json_get(tag, name));

	return text.len > 0 ? text : STR("");
}

struct str rest_tag_key(const struct json *tag)
{
	return member_of(tag, STR("key"));
}

struct str rest_tag_value(const struct json *tag)
{
	return member_of(tag, STR("value"));
}

struct str rest_tag_of(const struct json *tags, const char *key)
{
	struct str value = {NULL, 0};

	for (size_t i = 0; tags != NULL && i < tags->size; i++)
		if (str_is(rest_tag_key(&tags->items[i]), key))
			value = rest_tag_value(&tags->items[i]);
	return value;
}

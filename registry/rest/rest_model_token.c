#include "rest/rest_model_token.h"

#include "base/base64.h"
#include "rest/rest_element.h"

static const struct json *or_null(const struct json *value)
{
	static const struct json NOTHING = {.type = JSON_NULL};
	const bool is_empty = (json_type(value) == JSON_STRING || json_type(value) == JSON_ARRAY) && value->size == 0;

	return value == NULL || is_empty ? &NOTHING : value;
}

struct str rest_model_token_new(struct rest_call *call, int64_t offset)
{
	static const char *const KEPT[][2] = {
		{"experiment_ids", "experiment_ids"}, {"filter_string", "filter"}, {"order_by", "order_by"}};
	struct json token = json_object();
	struct buf text = {0};

	for (size_t i = 0; i < sizeof(KEPT) / sizeof(*KEPT); i++)
		json_set(call->arena, &token, str_of(KEPT[i][0]), *or_null(json_get(&call->in, str_of(KEPT[i][1]))));
	rest_set_int(call, &token, "offset", offset);
	json_write(&text, &token);
	const struct str encoded = base64_encode(call->arena, buf_str(&text));
	buf_done(&text);
	return encoded;
}

static bool decode(struct rest_call *call, struct str token, struct json *ret)
{
	struct error ignored;
	struct str text;

	return base64_decode(call->arena, token, &text) && json_read(call->arena, text, ret, &ignored) &&
	       json_type(ret) == JSON_OBJECT;
}

static bool check_same(struct rest_call *call, const struct json *token, const char *name, const char *member,
	const char *what, struct error *err)
{
	const struct json *wanted = or_null(json_get(&call->in, str_of(member)));
	const struct json *found = or_null(json_get(token, str_of(name)));
	struct buf wanted_text = {0}, found_text = {0};

	if (json_equal(wanted, found))
		return true;
	json_write(&wanted_text, wanted);
	json_write(&found_text, found);
	error_set(err, ERR_INVALID_PARAMETER,
		"%c%s in the page token %s not match the requested %s. Expected: %s. Found: %s", what[0] & ~0x20, what + 1,
		strcmp(name, "experiment_ids") == 0 ? "do" : "does", what, buf_text(&wanted_text), buf_text(&found_text));
	buf_done(&wanted_text);
	buf_done(&found_text);
	return false;
}

bool rest_model_token_read(struct rest_call *call, int64_t *ret_offset, struct error *err)
{
	const struct str text = rest_str(call, "page_token");
	struct json token;

	*ret_offset = 0;
	if (text.len == 0)
		return true;
	if (!decode(call, text, &token))
		return error_set(err, ERR_INVALID_PARAMETER, "Invalid page token: %.*s.", STR_ARGS(text));
	const int64_t offset = rest_element_int(&token, "offset");
	*ret_offset = offset > 0 ? offset : 0;
	return check_same(call, &token, "experiment_ids", "experiment_ids", "experiment IDs", err) &&
	       check_same(call, &token, "filter_string", "filter", "filter string", err) &&
	       check_same(call, &token, "order_by", "order_by", "order by", err);
}

#include "rest/rest_model_token.h"

#include "rest/rest_element.h"

#include <openssl/evp.h>

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
	unsigned char *encoded = arena_alloc(call->arena, text.len / 3 * 4 + 5);
	const int len = EVP_EncodeBlock(encoded, (const unsigned char *)text.data, (int)text.len);
	buf_done(&text);
	return (struct str){(const char *)encoded, (size_t)len};
}

static bool decode(struct rest_call *call, struct str token, struct json *ret)
{
	unsigned char *text = arena_alloc(call->arena, token.len + 4);
	struct error ignored;
	const int size = token.len % 4 == 0 && token.len < JSON_SIZE_MAX
				 ? EVP_DecodeBlock(text, (const unsigned char *)token.data, (int)token.len)
				 : -1;

	if (size <= 0)
		return false;
	/* What fills up the last block is decoded to zero bytes. */
	struct str json = {(const char *)text, (size_t)size};
	for (int i = 0; i < 2 && json.len > 0 && json.data[json.len - 1] == '\0'; i++)
		json.len--;
	return json_read(call->arena, json, ret, &ignored) && json_type(ret) == JSON_OBJECT;
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

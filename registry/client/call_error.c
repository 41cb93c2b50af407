/*
 * What came back, in words: "RESOURCE_DOES_NOT_EXIST: Registered Model with name=nope not found (GET http://…)".
 *
 * Servers say why in several ways: MLflow and Databricks {"error_code", "message"}, FastAPI {"detail"}, OAuth
 * {"error", "error_description"}, others {"error": {"message"}} or plain text; proxies a page of HTML, which nobody
 * wants to read in a terminal.
 */
#include "client/ask.h"

#include <stdio.h>

enum { MESSAGE_MAX = 1000 };

/* By the name that the server gives, which tells more than its status: MLflow answers 400 to what exists already. */
static const struct {
	const char *name;
	enum error_code code;
} BY_NAME[] = {
	{"RESOURCE_DOES_NOT_EXIST", ERR_NOT_FOUND},
	{"NOT_FOUND", ERR_NOT_FOUND},
	{"RESOURCE_ALREADY_EXISTS", ERR_CONFLICT},
	{"ALREADY_EXISTS", ERR_CONFLICT},
	{"RESOURCE_CONFLICT", ERR_CONFLICT},
	{"INVALID_PARAMETER_VALUE", ERR_INVALID_PARAMETER},
	{"REQUEST_LIMIT_EXCEEDED", ERR_RATE_LIMITED},
	{"RESOURCE_EXHAUSTED", ERR_RATE_LIMITED},
	{"ENDPOINT_NOT_FOUND", ERR_NOT_IMPLEMENTED},
	{"NOT_IMPLEMENTED", ERR_NOT_IMPLEMENTED},
	{"TEMPORARILY_UNAVAILABLE", ERR_UNAVAILABLE},
};

static const struct {
	int status;
	enum error_code code;
} BY_STATUS[] = {
	{404, ERR_NOT_FOUND},
	{405, ERR_NOT_IMPLEMENTED},
	{408, ERR_DEADLINE},
	{409, ERR_CONFLICT},
	{413, ERR_TOO_LARGE},
	{422, ERR_INVALID_PARAMETER},
	{429, ERR_RATE_LIMITED},
	{501, ERR_NOT_IMPLEMENTED},
	{503, ERR_UNAVAILABLE},
	{504, ERR_DEADLINE},
	/* Not of whoever called, but between us and the server. */
	{401, ERR_UPSTREAM},
	{403, ERR_UPSTREAM},
};

struct refusal {
	struct str name, message;
	bool is_json;
};

static struct str first_text(struct arena *arena, const struct json *tree, const char *const *paths)
{
	for (; *paths != NULL; paths++) {
		const struct json *value = json_at(tree, str_of(*paths));
		struct buf out = {0};

		if (json_type(value) == JSON_STRING && value->size > 0)
			return json_str(value);
		if (json_type(value) != JSON_ARRAY && json_type(value) != JSON_OBJECT)
			continue;
		json_write(&out, value);
		const struct str text = {arena_memdup(arena, out.data, out.len), out.len};
		buf_done(&out);
		return text;
	}
	return (struct str){0};
}

static void read_refusal(const struct call *call, struct refusal *ret)
{
	static const char *const NAMES[] = {"error_code", "error.type", "error", NULL};
	static const char *const MESSAGES[] = {"message", "error_description", "error.message", "detail", NULL};
	struct error ignored;
	struct json tree;

	*ret = (struct refusal){0};
	if (json_read(call->op.arena, call->reply, &tree, &ignored) && json_type(&tree) == JSON_OBJECT) {
		ret->is_json = true;
		ret->name = first_text(call->op.arena, &tree, NAMES);
		ret->message = first_text(call->op.arena, &tree, MESSAGES);
	} else if (str_starts(call->reply_type, STR("text/plain"))) {
		ret->message = str_trim_space(call->reply);
	}
}

static enum error_code code_of(const struct call *call, const struct refusal *refusal)
{
	if (call->status == 404 && call->spec.ret_answer != NULL)
		return ERR_NO_ENDPOINT;
	/* An unknown route; "not found" by a handler is JSON. */
	if (call->status == 404 && !refusal->is_json && !call->is_transfer && call->spec.ret_body == NULL)
		return ERR_NOT_IMPLEMENTED;
	for (size_t i = 0; i < sizeof(BY_NAME) / sizeof(BY_NAME[0]); i++)
		if (str_is(refusal->name, BY_NAME[i].name))
			return BY_NAME[i].code;
	for (size_t i = 0; i < sizeof(BY_STATUS) / sizeof(BY_STATUS[0]); i++)
		if (call->status == BY_STATUS[i].status)
			return BY_STATUS[i].code;
	return call->status >= 400 && call->status < 500 ? ERR_BAD_REQUEST : ERR_UPSTREAM;
}

/* One line, without what drives terminals. */
static struct str flat(struct arena *arena, struct str text)
{
	const struct str clipped = str_clip(text, MESSAGE_MAX);
	char *line = arena_memdup(arena, clipped.data, clipped.len);

	for (size_t i = 0; i < clipped.len; i++)
		if ((unsigned char)line[i] < ' ' || line[i] == 0x7F)
			line[i] = ' ';
	return (struct str){line, clipped.len};
}

/* Without what the site keeps secret. */
static struct str redact(struct arena *arena, const struct site *site, struct str text)
{
	text = secret_redact(arena, text, site->target->secret);
	text = secret_redact(arena, text, site->token);
	return secret_redact(arena, text, site->authorization);
}

static const char *hint(const struct call *call)
{
	const struct target_site *target = call->site->target;

	if (call->status != 401 || call->spec.url != NULL || target->login != LOGIN_NONE)
		return "";
	return "; no login was sent: set MLFLOW_TRACKING_TOKEN, or MLFLOW_TRACKING_USERNAME and _PASSWORD";
}

void call_refused(struct call *call)
{
	const int path = (int)strcspn(call->url, "?");
	struct refusal refusal;
	char status[32];

	read_refusal(call, &refusal);
	snprintf(status, sizeof(status), "HTTP %d", call->status);
	const struct str name = refusal.name.len > 0 ? refusal.name : str_of(status);
	const struct str message = refusal.message.len > 0 ? refusal.message : STR("the server says no more");
	const struct str text = text_format(call->op.arena, "%.*s: %.*s", STR_ARGS(name), STR_ARGS(message));
	const struct str shown = flat(call->op.arena, redact(call->op.arena, call->site, text));

	error_set(&call->err, code_of(call, &refusal), "%.*s (%s %.*s%s)", STR_ARGS(shown), call->spec.call.method,
		path, call->url, hint(call));
}

/* Calls with a result of a type, and what goes into calls and comes out of answers. */
#include "client/ask.h"

struct asking {
	struct operation op;
	struct client_call call;
	struct json answer;
	ask_read *read;
	void *ret;
};

static struct next ask_it(void *self);
static struct next on_answer(void *self);
static struct next refuse(void *self);

struct operation *ask(
	struct client *client, struct arena *arena, const struct client_call *call, ask_read *read, void *ret)
{
	struct asking *asking = operation_new(client, arena, sizeof(*asking));

	asking->call = *call;
	asking->read = read;
	asking->ret = ret;
	return operation_start(&asking->op, ask_it);
}

static struct next ask_it(void *self)
{
	struct asking *asking = self;
	struct operation *op = &asking->op;

	return operation_await(op, client_call(op->client, op->arena, &asking->call, &asking->answer), on_answer);
}

static struct next on_answer(void *self)
{
	struct asking *asking = self;

	if (asking->read != NULL && !asking->read(asking->op.arena, &asking->answer, asking->ret, &asking->op.flow.err))
		return next_fail(&asking->op.flow, "%s %s", asking->call.method, asking->call.path);
	return next_done();
}

struct refused {
	struct operation op;
	struct error err;
};

struct operation *ask_refused(struct client *client, struct arena *arena, enum error_code code, const char *format, ...)
{
	struct refused *refused = operation_new(client, arena, sizeof(*refused));
	va_list args;

	va_start(args, format);
	error_vset(&refused->err, code, format, args);
	va_end(args);
	return operation_start(&refused->op, refuse);
}

static struct next refuse(void *self)
{
	struct refused *refused = self;

	refused->op.flow.err = refused->err;
	return next_fail(&refused->op.flow, NULL);
}

const char *registry_path(struct client *client, struct arena *arena, const char *rpc)
{
	return arena_printf(arena, "/api/2.0/mlflow/%s%s", client_is_unity(client) ? "unity-catalog/" : "", rpc);
}

const char *tracking_path(struct arena *arena, const char *rpc)
{
	return arena_printf(arena, "/api/2.0/mlflow/%s", rpc);
}

void args_text(struct arena *arena, struct json *args, const char *key, struct str text)
{
	if (json_type(args) == JSON_ABSENT)
		*args = json_object();
	if (text.len > 0)
		json_set(arena, args, str_of(key), json_string(text));
}

void args_tags(struct arena *arena, struct json *args, const char *key, struct client_tags tags)
{
	struct json list = json_array();

	for (size_t i = 0; i < tags.count; i++) {
		struct json tag = json_object();

		json_set(arena, &tag, STR("key"), json_string(tags.items[i].key));
		json_set(arena, &tag, STR("value"), json_string(tags.items[i].value));
		json_append(arena, &list, tag);
	}
	if (tags.count > 0)
		json_set(arena, args, str_of(key), list);
}

struct str json_text(struct arena *arena, const struct json *value)
{
	if (json_type(value) != JSON_INTEGER)
		return json_str(value);
	return text_format(arena, "%lld", (long long)value->integer);
}

bool answer_text(struct arena *arena, const struct json *answer, const char *path, struct str *ret, struct error *err)
{
	*ret = json_text(arena, json_at(answer, str_of(path)));
	return ret->len > 0 || error_set(err, ERR_UPSTREAM, "the answer has no '%s'", path);
}

struct str text_format(struct arena *arena, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	const char *text = arena_vprintf(arena, format, args);
	va_end(args);
	return str_of(text);
}

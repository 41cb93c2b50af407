/* rows → request; example: the registry's, one made from its signature, that of the endpoint's page */
#include "cli/sent.h"

#include "cli/sample.h"

enum { EXAMPLE_MAX = 1 << 24 };

struct sending {
	struct remote *remote;
	const struct sent_wish *wish;
	struct str name;
	struct sent *ret;
};

static struct str text_of(const struct json *object, const char *key)
{
	return json_str(json_get(object, str_of(key)));
}

/* The served entity that is asked, or else has the most traffic. */
static const struct json *choose_entity(const struct sending *sending, const struct json *record)
{
	const struct json *entities = json_get(record, STR("entities")), *best = NULL;
	int64_t most = -1;

	for (size_t i = 0; i < entities->size; i++) {
		const struct json *entity = &entities->items[i], *traffic = json_get(entity, STR("traffic"));

		if (sending->wish->entity != NULL && str_is(text_of(entity, "name"), sending->wish->entity))
			return entity;
		if (traffic != NULL && traffic->integer > most) {
			most = traffic->integer;
			best = entity;
		}
	}
	return sending->wish->entity != NULL ? NULL : best;
}

static const struct json *first_value(const struct json *object)
{
	return json_type(object) == JSON_OBJECT && object->size > 0 ? json_get(&object->members[0].value, STR("value"))
								    : NULL;
}

/* Of the first path of its OpenAPI page that has one. */
static const struct json *openapi_example(const struct json *page)
{
	const struct json *paths = json_get(page, STR("paths"));

	for (size_t i = 0; json_type(paths) == JSON_OBJECT && i < paths->size; i++) {
		const struct json *content = json_at(&paths->members[i].value, STR("post.requestBody.content"));
		const struct json *media = json_get(content, STR("application/json"));
		const struct json *found[] = {json_get(media, STR("example")),
			first_value(json_get(media, STR("examples"))), json_at(media, STR("schema.example")),
			json_at(media, STR("schema.oneOf.0.example"))};

		for (size_t j = 0; j < sizeof(found) / sizeof(*found); j++)
			if (json_type(found[j]) == JSON_OBJECT)
				return found[j];
	}
	return NULL;
}

static bool ask_openapi(struct sending *sending, struct error *err)
{
	struct remote *remote = sending->remote;
	struct json page;

	if (!remote_wait(remote, client_endpoint_openapi(remote->client, remote->arena, sending->name, &page), err))
		return false;
	const struct json *example = openapi_example(&page);
	if (example == NULL)
		return error_set(err, ERR_NOT_FOUND, "%s", "its page has no example");
	sending->ret->body = *example;
	sending->ret->origin = "the example of its OpenAPI page";
	return true;
}

static bool find_example(struct sending *sending, const struct json *entity, struct error *err)
{
	struct error why = {0};
	struct sample sample;

	sample_read(sending->remote, text_of(entity, "model"), text_of(entity, "version"), EXAMPLE_MAX, &sample);
	if (json_type(&sample.body) != JSON_ABSENT) {
		sending->ret->body = sample.body;
		sending->ret->origin = arena_printf(sending->remote->arena, "%s of %.*s/%.*s",
			sample.is_made ? "made from the signature" : "the input example",
			STR_ARGS(text_of(entity, "model")), STR_ARGS(text_of(entity, "version")));
		return true;
	}
	return ask_openapi(sending, &why) ||
	       error_set(err, ERR_NOT_FOUND,
		       "there is no example to send, neither in the registry nor at the endpoint: --rows FILE");
}

static bool read_rows(struct sending *sending, const struct json *entity, struct error *err)
{
	const char *path = sending->wish->rows;
	struct sample sample = {0};
	struct error ignored;

	/* Only CSV needs to be told what its texts are. */
	if (entity != NULL && (sending->wish->format == ROWS_CSV || str_ends(str_of(path), STR(".csv"))))
		sample_signature(
			sending->remote, text_of(entity, "model"), text_of(entity, "version"), &sample, &ignored);
	sending->ret->origin = path;
	return rows_request(
		sending->remote->arena, &sample.signature, path, sending->wish->format, &sending->ret->body, err);
}

bool sent_choose(
	struct remote *remote, struct str name, const struct sent_wish *wish, struct sent *ret, struct error *err)
{
	struct sending sending = {.remote = remote, .wish = wish, .name = name, .ret = ret};
	struct error why;
	struct json endpoint;

	if (!endpoint_find(remote, name, &endpoint, &why)) {
		/* Who may only ask, asks: the answer tells what is wrong. */
		if (why.code != ERR_NOT_FOUND && wish->rows != NULL)
			return read_rows(&sending, NULL, err);
		*err = why;
		return false;
	}
	const struct json record = endpoint_record(remote, &endpoint);
	const struct json *entity = choose_entity(&sending, &record);
	if (entity == NULL && wish->entity != NULL)
		return error_set(err, ERR_NOT_FOUND, "endpoint '%.*s' has no served entity '%s' (sluice status %.*s)",
			STR_ARGS(name), wish->entity, STR_ARGS(name));
	return wish->rows != NULL ? read_rows(&sending, entity, err) : find_example(&sending, entity, err);
}

#include "control/openapi.h"

#include "control/openapi_schema.h"

struct document {
	struct arena *arena;
	const struct openapi_entity *entities;
	size_t count;
};

static void set(const struct document *document, struct json *object, const char *key, struct json value)
{
	json_set(document->arena, object, str_of(key), value);
}

static struct json text(const char *value)
{
	return json_string(str_of(value));
}

static struct json reference(const struct document *document, const char *name, const char *what)
{
	struct json schema = json_object();

	set(document, &schema, "$ref",
		text(arena_printf(document->arena, "#/components/schemas/%s%s", name, what)));
	return schema;
}

/* ---- operations ---- */

static struct json content(const struct document *document, struct json schema, const struct json *example)
{
	struct json media = json_object(), all = json_object();

	set(document, &media, "schema", schema);
	if (json_type(example) != JSON_ABSENT)
		set(document, &media, "example", *example);
	set(document, &all, "application/json", media);
	return all;
}

/* Of those that answer on this path; NULL: the entities that have traffic. */
static struct json schema_of(const struct document *document, const struct entity *only, const char *what)
{
	struct json schema = json_object(), list = json_array();

	for (size_t i = 0; i < document->count; i++) {
		const struct entity *entity = document->entities[i].entity;

		if (only != NULL ? entity == only : entity->percent > 0)
			json_append(document->arena, &list, reference(document, entity->name, what));
	}
	if (list.size == 1)
		return list.items[0];
	set(document, &schema, "anyOf", list);
	return schema;
}

static struct json example_of(const struct document *document, const struct entity *only)
{
	for (size_t i = 0; i < document->count; i++) {
		const struct openapi_entity *entity = &document->entities[i];

		if (only != NULL ? entity->entity != only : entity->entity->percent == 0)
			continue;
		return json_type(&entity->bundle->example) != JSON_ABSENT
			       ? entity->bundle->example
			       : signature_example(document->arena, &entity->bundle->signature);
	}
	return (struct json){0};
}

static void set_response(const struct document *document, struct json *responses, const char *status,
	const char *description, struct json schema)
{
	struct json response = json_object();

	set(document, &response, "description", text(description));
	set(document, &response, "content", content(document, schema, NULL));
	set(document, responses, status, response);
}

static struct json responses_of(const struct document *document, const struct entity *only)
{
	const struct json error = reference(document, "error", "");
	struct json responses = json_object();

	set_response(document, &responses, "200", "answers in the order of the rows", schema_of(document, only, ".answer"));
	set_response(document, &responses, "400", "the request does not fit, or the model failed on it", error);
	set_response(document, &responses, "404", "no such endpoint or served entity", error);
	set_response(document, &responses, "429", "over a limit: try again after Retry-After", error);
	set_response(document, &responses, "503", "not ready, overloaded or stopping", error);
	set_response(document, &responses, "504", "the deadline ran out", error);
	return responses;
}

static struct json path_item(const struct document *document, const struct entity *only)
{
	const struct json example = example_of(document, only);
	struct json item = json_object(), post = json_object(), body = json_object();

	set(document, &body, "required", json_bool(true));
	set(document, &body, "content", content(document, schema_of(document, only, ".request"), &example));
	set(document, &post, "operationId",
		text(only != NULL ? arena_printf(document->arena, "query_%s", only->name) : "query"));
	set(document, &post, "summary",
		text(only != NULL ? "asks this served entity, whatever the traffic" : "asks the endpoint"));
	set(document, &post, "requestBody", body);
	set(document, &post, "responses", responses_of(document, only));
	set(document, &item, "post", post);
	return item;
}

/* ---- the parts ---- */

static struct json paths_of(const struct document *document)
{
	struct json paths = json_object();
	bool has_traffic = false;

	for (size_t i = 0; i < document->count; i++)
		has_traffic = has_traffic || document->entities[i].entity->percent > 0;
	if (has_traffic)
		set(document, &paths, "/invocations", path_item(document, NULL));
	for (size_t i = 0; i < document->count; i++) {
		const struct entity *entity = document->entities[i].entity;

		set(document, &paths, arena_printf(document->arena, "/served-models/%s/invocations", entity->name),
			path_item(document, entity));
	}
	return paths;
}

static struct json error_schema(const struct document *document)
{
	struct json schema = json_object(), members = json_object(), string = json_object();

	set(document, &string, "type", text("string"));
	set(document, &members, "error_code", string);
	set(document, &members, "message", string);
	set(document, &schema, "type", text("object"));
	set(document, &schema, "properties", members);
	return schema;
}

static struct json components_of(const struct document *document)
{
	struct json components = json_object(), schemas = json_object();

	for (size_t i = 0; i < document->count; i++) {
		const struct openapi_entity *entity = &document->entities[i];
		const char *name = entity->entity->name;

		set(document, &schemas, arena_printf(document->arena, "%s.request", name),
			openapi_request_schema(document->arena, entity->bundle));
		set(document, &schemas, arena_printf(document->arena, "%s.answer", name),
			openapi_answer_schema(document->arena, entity->bundle));
	}
	set(document, &schemas, "error", error_schema(document));
	set(document, &components, "schemas", schemas);
	return components;
}

struct json openapi_document(struct arena *arena, const struct endpoint *endpoint, const char *url,
	const struct openapi_entity *entities, size_t count)
{
	const struct document document = {arena, entities, count};
	struct json all = json_object(), info = json_object(), servers = json_array(), server = json_object();

	set(&document, &info, "title", text(arena_strdup(arena, endpoint->name)));
	set(&document, &info, "version", text(arena_printf(arena, "%lld", (long long)endpoint->config_version)));
	set(&document, &server, "url", text(url));
	json_append(arena, &servers, server);
	set(&document, &all, "openapi", text("3.1.0"));
	set(&document, &all, "info", info);
	set(&document, &all, "servers", servers);
	set(&document, &all, "paths", paths_of(&document));
	set(&document, &all, "components", components_of(&document));
	return all;
}

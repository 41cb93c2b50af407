/*
 * URLs that a server signs for one file, so that it needs no login of ours: Databricks has a call of its own for each
 * kind of place. What is behind such a URL is a cloud's store, which gets the headers that the server gave with it.
 */
#include "client/place.h"

#include <time.h>

enum { SIGNED_S = 3600 };

static struct str expiry(struct arena *arena)
{
	const time_t at = time(NULL) + SIGNED_S;
	struct tm utc;
	char text[32];

	gmtime_r(&at, &utc);
	strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &utc);
	return str_of(arena_strdup(arena, text));
}

/* Writing takes its arguments from the body, reading from the query, as the service has it. */
static void sign_unity(
	struct arena *arena, const struct place *place, struct str path, bool is_write, struct client_call *ret)
{
	const struct str file = text_format(arena, "/%.*s", STR_ARGS(path_join(arena, place->root, path)));

	ret->path = is_write ? "/api/2.0/fs/create-upload-url" : "/api/2.0/fs/create-download-url";
	ret->planned = "{\"url\":\"https://$SIGNED_URL\"}";
	args_text(arena, is_write ? &ret->body : &ret->query, "path", file);
	if (!is_write)
		args_text(arena, &ret->query, "expire_time", expiry(arena));
}

static void sign_workspace(
	struct arena *arena, const struct place *place, struct str path, bool is_write, struct client_call *ret)
{
	const bool is_run = place->kind == PLACE_RUN;
	struct json paths = json_array();

	json_append(arena, &paths, json_string(path_join(arena, place->root, path)));
	if (is_run) {
		ret->path = is_write ? "/api/2.0/mlflow/artifacts/credentials-for-write"
				     : "/api/2.0/mlflow/artifacts/credentials-for-read";
		ret->planned = "{\"credential_infos\":[{\"signed_uri\":\"https://$SIGNED_URL\"}]}";
		args_text(arena, &ret->body, "run_id", place->id);
	} else {
		ret->path = arena_printf(arena, "/api/2.0/mlflow/logged-models/%.*s/artifacts/credentials-for-%s",
			STR_ARGS(place->id), is_write ? "upload" : "download");
		ret->planned = "{\"credentials\":[{\"credential_info\":{\"signed_uri\":\"https://$SIGNED_URL\"}}]}";
		ret->body = json_object();
	}
	json_set(arena, &ret->body, is_run ? STR("path") : STR("paths"), paths);
}

void place_sign(struct arena *arena, const struct place *place, struct str path, bool is_write, struct client_call *ret)
{
	*ret = (struct client_call){
		.method = "POST",
		.effect = is_write ? CALL_CHANGES : CALL_READS,
		.is_tracking = place_is_tracking(place),
	};
	if (place->kind == PLACE_UNITY)
		sign_unity(arena, place, path, is_write, ret);
	else
		sign_workspace(arena, place, path, is_write, ret);
}

/* Azure's stores want to be told, or asked three times, what kind of file it is. */
static bool check_store(struct str type, bool is_write, struct fetch_header *more, size_t *count, struct error *err)
{
	if (is_write && str_is(type, "AZURE_SAS_URI"))
		more[(*count)++] = (struct fetch_header){STR("x-ms-blob-type"), STR("BlockBlob"), false};
	if (is_write && str_is(type, "AZURE_ADLS_GEN2_SAS_URI"))
		return error_set(err, ERR_NOT_IMPLEMENTED,
			"the workspace keeps artifacts in Azure Data Lake Storage, which this client does not write to: register "
			"the bundle itself in Unity Catalog, which keeps its files");
	return true;
}

bool place_signed(struct arena *arena, const struct place *place, bool is_write, const struct json *answer,
	struct call_spec *ret, struct error *err)
{
	static const char *const WHERE[] = {
		[PLACE_RUN] = "credential_infos.0", [PLACE_LOGGED_MODEL] = "credentials.0.credential_info"};
	const bool is_unity = place->kind == PLACE_UNITY;
	const struct json *info = is_unity ? answer : json_at(answer, str_of(WHERE[place->kind]));
	const struct json *list = json_get(info, STR("headers"));
	size_t count = json_type(list) == JSON_ARRAY ? list->size : 0;
	struct fetch_header *headers = arena_array(arena, count + 2, sizeof(*headers));
	struct str url;

	for (size_t i = 0; i < count; i++)
		/* They may be a customer's keys. */
		headers[i] = (struct fetch_header){json_str(json_get(&list->items[i], STR("name"))),
			json_str(json_get(&list->items[i], STR("value"))), true};
	if (!answer_text(arena, info, is_unity ? "url" : "signed_uri", &url, err) ||
		!check_store(json_str(json_get(info, STR("type"))), is_write, headers, &count, err))
		return false;
	*ret = (struct call_spec){
		.call = {.method = is_write ? "PUT" : "GET", .effect = is_write ? CALL_CHANGES : CALL_READS},
		.url = arena_memdup(arena, url.data, url.len),
		.headers = headers,
		.header_count = count,
	};
	return true;
}

#pragma once
/* Asking: calls with a result of a type, and what goes into calls and comes out of answers. Private to client/. */
#include "client/call.h"

/* Reads an answer into the caller's `ret`. */
typedef bool ask_read(struct arena *arena, const struct json *answer, void *ret, struct error *err);
struct operation *ask(
	struct client *client, struct arena *arena, const struct client_call *call, ask_read *read, void *ret);
/* An operation that fails before anything is sent. */
struct operation *ask_refused(struct client *client, struct arena *arena, enum error_code code, const char *format, ...)
	__attribute__((format(printf, 4, 5)));

/* "/api/2.0/mlflow/model-versions/get", or its place in Unity Catalog; and the tracking site's. */
const char *registry_path(struct client *client, struct arena *arena, const char *rpc);
const char *tracking_path(struct arena *arena, const char *rpc);
/* Members that are empty stay out. */
void args_text(struct arena *arena, struct json *args, const char *key, struct str text);
void args_tags(struct arena *arena, struct json *args, const char *key, struct client_tags tags);
/* Text of a string or a number (Unity Catalog has both for versions). */
struct str json_text(struct arena *arena, const struct json *value);
/* "the answer has no 'run.info.run_id'" where it is empty. */
bool answer_text(struct arena *arena, const struct json *answer, const char *path, struct str *ret, struct error *err);
struct str text_format(struct arena *arena, const char *format, ...) __attribute__((format(printf, 2, 3)));

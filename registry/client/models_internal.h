#pragma once
/* What the files of the registry site share. Private to client/. */
#include "client/ask.h"
#include "client/models.h"

/* From the server's objects. */
bool model_of(struct arena *arena, const struct json *tree, struct client_model *ret, struct error *err);
/* Aliases become names: Unity Catalog has objects there. */
bool version_of(struct arena *arena, const struct json *tree, struct client_version *ret, struct error *err);
/* Reads {"model_version": …} into a struct client_version; an ask_read. */
bool version_read(struct arena *arena, const struct json *answer, void *ret, struct error *err);

/* A name's own quotes have no escape in MLflow's filters: it is put into the other kind. */
struct str filter_name(struct arena *arena, struct str name);

/* "NAME/MARK" or "NAME@MARK": the '/' or '@', or '\0' where there is only a name. A name holds no '/', but may hold
 * '@': the last one counts. */
char version_split(struct str what, struct str *ret_name, struct str *ret_mark);

/* The version that an alias points to; ERR_NOT_FOUND where there is none, which MLflow calls a wrong parameter. */
struct operation *alias_get(
	struct client *client, struct arena *arena, struct str name, struct str alias, struct client_version *ret);

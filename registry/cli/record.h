#pragma once
/*
 * Record: a registered model or version as one JSON object with names of our own, the same whatever the registry: for
 * --json as it is, for people as rows. Times are RFC 3339 in UTC; people get local ones (table_time).
 */
#include "base/json.h"
#include "client/models.h"
#include "packaging/logged_files.h"


/* {"name", "version", "status", "stage", "aliases", "digest", "source", "run_id", "description", "tags", "created",
 * "updated"}; what the server does not tell is left out. Searches do not tell aliases: */
struct json record_version(struct arena *arena, const struct client_version *version);
/* … which are the model's then. */
void record_set_aliases(struct arena *arena, struct json *record, const struct client_aliases *aliases);
/* {"name", "description", "aliases": {alias: version}, "tags", "latest", "created", "updated"} */
struct json record_model(struct arena *arena, const struct client_model *model);
/* RFC 3339 in UTC; nothing where `value` is no time in milliseconds. */
void record_set_time(struct arena *arena, struct json *record, struct str key, const struct json *value);
/* One member of the record as a cell: lists and objects on one line, times local, sizes with a unit. */
struct str record_cell(struct arena *arena, const struct json *record, struct str key);
/* A line a member: "  version   3". */
void record_write(struct buf *out, struct arena *arena, const struct json *record);

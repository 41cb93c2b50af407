#pragma once
/* The tables of registry.db (db_schema.c), and how older files are brought up to them. Private to registry/store. */
#include "base/error.h"

struct sqlite3;

enum { DB_SCHEMA_VERSION = 5 };

/* Inside of a write transaction of its own. Harmless where the file is up to date. */
bool db_schema_apply(struct sqlite3 *connection, struct error *err);

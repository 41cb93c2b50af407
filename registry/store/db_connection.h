#pragma once
/* A connection, as db.c (files, transactions) and db_query.c (statements) know it. Private to registry/store. */
#include "store/db.h"

struct sqlite3;

enum { DB_KEPT_SLOTS = 256 };

struct db_kept {
	const char *sql;
	struct sqlite3_stmt *statement;
	bool is_busy;
};

struct db {
	struct db_file *file;
	struct db *next; /* idle readers */
	struct sqlite3 *connection;
	enum db_mode mode;
	struct db_kept kept[DB_KEPT_SLOTS]; /* open addressing; a full table compiles anew */
	unsigned kept_count;
};

/* With SQLite's words about the connection's last call. */
bool db_fail(const struct db *db, const char *what, struct error *err);

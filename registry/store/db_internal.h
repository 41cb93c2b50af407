#pragma once
/*
 * The inside of db.h: connections (db_connection.c), and what runs on them (db.c).
 *
 * A connection that saw an I/O error is spoilt: a reader is closed when it is given back, the writer is mended before
 * anybody writes again (db_connection.c says why).
 */
#include "store/db.h"

#include <pthread.h>
#include <sqlite3.h>

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
	bool is_spoilt, is_full; /* by what SQLite said since it was taken */
	struct db_kept kept[DB_KEPT_SLOTS]; /* open addressing; a full table compiles anew */
	unsigned kept_count;
};

struct db_file {
	char *path;
	pthread_mutex_t writer_lock;
	struct db *writer;
	pthread_mutex_t readers_lock;
	struct db *readers;
	unsigned reader_count;
};

/* Sets the error from what SQLite said last on this connection. */
bool db_fail(struct db *db, const char *what, struct error *err);

/* The connection of a transaction to come, and back again. A writer that is spoilt is mended first, or refused with
 * ERR_UNAVAILABLE; one that comes back spoilt is mended as far as that goes. */
struct db *db_take(struct db_file *file, enum db_mode mode, struct error *err);
void db_give_back(struct db *db);

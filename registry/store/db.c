/*
 * db_begin → statements → db_commit | db_rollback
 *
 * Readers take an idle connection or open one; WAL gives each its own snapshot. Writers take turns on one connection:
 * first by a mutex, then, against other processes, by BEGIN IMMEDIATE.
 */
#include "store/db_connection.h"
#include "store/db_schema.h"

#include <pthread.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>

enum { READERS_KEPT = 4, CACHE_KIB = 2048 };

struct db_file {
	char *path;
	pthread_mutex_t writer_lock;
	struct db *writer;
	pthread_mutex_t readers_lock;
	struct db *readers;
	unsigned reader_count;
};

bool db_fail(const struct db *db, const char *what, struct error *err)
{
	const int code = sqlite3_errcode(db->connection) & 0xFF;
	const bool is_busy = code == SQLITE_BUSY || code == SQLITE_LOCKED;

	return error_set(err, is_busy ? ERR_UNAVAILABLE : ERR_INTERNAL, "registry database: %s: %s", what,
		sqlite3_errmsg(db->connection));
}

static void connection_free(struct db *db)
{
	if (db == NULL)
		return;
	for (size_t i = 0; i < DB_KEPT_SLOTS; i++)
		sqlite3_finalize(db->kept[i].statement);
	sqlite3_close_v2(db->connection);
	free(db);
}

static bool exec(struct db *db, const char *sql, struct error *err)
{
	return sqlite3_exec(db->connection, sql, NULL, NULL, NULL) == SQLITE_OK || db_fail(db, sql, err);
}

/* A journal that grew in a burst shrinks again (journal_size_limit); what is deleted is overwritten by nobody else. */
static bool configure(struct db *db, struct error *err)
{
	char cache[64];

	sqlite3_busy_timeout(db->connection, DB_BUSY_MS);
	sqlite3_extended_result_codes(db->connection, 1);
	sqlite3_db_config(db->connection, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
	sqlite3_db_config(db->connection, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
	snprintf(cache, sizeof(cache), "PRAGMA cache_size = -%d", CACHE_KIB);
	return exec(db, "PRAGMA journal_mode = WAL", err) && exec(db, "PRAGMA synchronous = FULL", err) &&
	       exec(db, "PRAGMA foreign_keys = ON", err) && exec(db, "PRAGMA case_sensitive_like = ON", err) && exec(db, "PRAGMA journal_size_limit = 4194304", err) &&
	       exec(db, cache, err);
}

static struct db *connection_new(struct db_file *file, enum db_mode mode, struct error *err)
{
	struct db *db = calloc(1, sizeof(*db));

	if (db == NULL)
		abort();
	db->file = file;
	db->mode = mode;
	const int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | (mode == DB_WRITE ? SQLITE_OPEN_CREATE : 0);
	if (sqlite3_open_v2(file->path, &db->connection, flags, NULL) == SQLITE_OK ? configure(db, err)
										    : db_fail(db, file->path, err))
		return db;
	connection_free(db);
	return NULL;
}

struct db_file *db_open(const char *dir, struct error *err)
{
	struct db_file *file = calloc(1, sizeof(*file));

	if (file == NULL || asprintf(&file->path, "%s/registry.db", dir) < 0)
		abort();
	pthread_mutex_init(&file->writer_lock, NULL);
	pthread_mutex_init(&file->readers_lock, NULL);
	file->writer = connection_new(file, DB_WRITE, err);
	if (file->writer != NULL && db_schema_apply(file->writer->connection, err))
		return file;
	db_close(file);
	return NULL;
}

void db_close(struct db_file *file)
{
	if (file == NULL)
		return;
	while (file->readers != NULL) {
		struct db *next = file->readers->next;
		connection_free(file->readers);
		file->readers = next;
	}
	connection_free(file->writer);
	pthread_mutex_destroy(&file->writer_lock);
	pthread_mutex_destroy(&file->readers_lock);
	free(file->path);
	free(file);
}

static struct db *reader_take(struct db_file *file, struct error *err)
{
	pthread_mutex_lock(&file->readers_lock);
	struct db *db = file->readers;
	if (db != NULL) {
		file->readers = db->next;
		file->reader_count--;
	}
	pthread_mutex_unlock(&file->readers_lock);
	return db != NULL ? db : connection_new(file, DB_READ, err);
}

static void give_back(struct db *db)
{
	struct db_file *file = db->file;

	if (db->mode == DB_WRITE) {
		pthread_mutex_unlock(&file->writer_lock);
		return;
	}
	pthread_mutex_lock(&file->readers_lock);
	const bool is_kept = file->reader_count < READERS_KEPT;
	if (is_kept) {
		db->next = file->readers;
		file->readers = db;
		file->reader_count++;
	}
	pthread_mutex_unlock(&file->readers_lock);
	if (!is_kept)
		connection_free(db);
}

struct db *db_begin(struct db_file *file, enum db_mode mode, struct error *err)
{
	struct db *db;

	if (mode == DB_WRITE) {
		pthread_mutex_lock(&file->writer_lock);
		db = file->writer;
	} else {
		db = reader_take(file, err);
	}
	if (db == NULL)
		return NULL;
	if (db_run(db, err, mode == DB_WRITE ? "BEGIN IMMEDIATE" : "BEGIN", ""))
		return db;
	give_back(db);
	return NULL;
}

bool db_commit(struct db *db, struct error *err)
{
	const bool is_done = db_run(db, err, "COMMIT", "");

	/* A COMMIT that failed (disk full) may have left the transaction open. */
	if (!is_done && sqlite3_get_autocommit(db->connection) == 0)
		sqlite3_exec(db->connection, "ROLLBACK", NULL, NULL, NULL);
	give_back(db);
	return is_done;
}

void db_rollback(struct db *db)
{
	if (sqlite3_get_autocommit(db->connection) == 0)
		sqlite3_exec(db->connection, "ROLLBACK", NULL, NULL, NULL);
	give_back(db);
}

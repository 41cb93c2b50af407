/*
 * The connections of a database file: taken, used, given back.
 *
 * Readers take an idle connection or open one; WAL gives each its own snapshot. Writers take turns on one connection:
 * first by a mutex, then, against other processes, by BEGIN IMMEDIATE.
 *
 * When the disk fails. A commit is frames in the journal, then fdatasync. Where that fails SQLite undoes the transaction
 * in its index, but the frames are in the journal, whole: a process that is killed now is followed by one that finds and
 * replays them, though their client was told no and others have seen the old state. And a second fdatasync would say
 * "done" of pages that the kernel gave up and calls clean. So nobody writes any more until mend(), over descriptors of
 * its own, has copied all that is committed into the database, has synced that, and has emptied the journal: all that
 * counts was then written and synced anew, and the failed frames are gone. It is tried at once, before the failure is
 * answered, and by each writer after that: the server goes on by itself once the disk does.
 *
 * The same way a start settles what a killed process left in the journal but may never have synced: before anybody has
 * read it.
 */
#include "store/db_internal.h"

#include "store/db_schema.h"

#include <stdio.h>
#include <stdlib.h>

enum { READERS_KEPT = 4, CACHE_KIB = 2048, JOURNAL_FRAMES = 1000 };

bool db_fail(struct db *db, const char *what, struct error *err)
{
	const int code = sqlite3_errcode(db->connection) & 0xFF;
	const bool is_busy = code == SQLITE_BUSY || code == SQLITE_LOCKED;

	db->is_spoilt = db->is_spoilt || code == SQLITE_IOERR;
	db->is_full = db->is_full || code == SQLITE_FULL;
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

/* SQLite's own hook does the same and keeps a failure to itself. The commit stands all the same. */
static int on_commit(void *data, struct sqlite3 *connection, const char *name, int frames)
{
	struct db *db = data;

	if (frames >= JOURNAL_FRAMES &&
		(sqlite3_wal_checkpoint_v2(connection, name, SQLITE_CHECKPOINT_PASSIVE, NULL, NULL) & 0xFF) == SQLITE_IOERR)
		db->is_spoilt = true;
	return SQLITE_OK;
}

/* A journal that grew in a burst shrinks again (journal_size_limit); what is deleted is overwritten by nobody else. */
static bool configure(struct db *db, struct error *err)
{
	char cache[64];

	sqlite3_busy_timeout(db->connection, DB_BUSY_MS);
	sqlite3_extended_result_codes(db->connection, 1);
	sqlite3_db_config(db->connection, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
	sqlite3_db_config(db->connection, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
	sqlite3_wal_hook(db->connection, on_commit, db);
	snprintf(cache, sizeof(cache), "PRAGMA cache_size = -%d", CACHE_KIB);
	return exec(db, "PRAGMA journal_mode = WAL", err) && exec(db, "PRAGMA synchronous = FULL", err) &&
	       exec(db, "PRAGMA foreign_keys = ON", err) && exec(db, "PRAGMA case_sensitive_like = ON", err) &&
	       exec(db, "PRAGMA journal_size_limit = 4194304", err) && exec(db, cache, err);
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

/* Copies what is committed into the database, and syncs both. */
static bool settle(struct db *db, int mode, struct error *err)
{
	return sqlite3_wal_checkpoint_v2(db->connection, NULL, mode, NULL, NULL) == SQLITE_OK ||
	       db_fail(db, "settle the journal", err);
}

/* Nothing to do after a clean end. Another process at it has its own start or end to answer for; without space what is
 * there can still be read. */
static bool settle_start(struct db *db, struct error *err)
{
	struct error problem;

	if (settle(db, SQLITE_CHECKPOINT_PASSIVE, &problem))
		return true;
	const int code = sqlite3_errcode(db->connection) & 0xFF;
	if (code == SQLITE_BUSY || code == SQLITE_LOCKED || code == SQLITE_FULL)
		return true;
	*err = problem;
	return false;
}

struct db_file *db_open(const char *dir, struct error *err)
{
	struct db_file *file = calloc(1, sizeof(*file));

	if (file == NULL || asprintf(&file->path, "%s/registry.db", dir) < 0)
		abort();
	pthread_mutex_init(&file->writer_lock, NULL);
	pthread_mutex_init(&file->readers_lock, NULL);
	file->writer = connection_new(file, DB_WRITE, err);
	if (file->writer != NULL && db_schema_apply(file->writer->connection, err) && settle_start(file->writer, err))
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

/* The spoilt connection stays open meanwhile: as long as somebody has the file open, nobody replays the journal. */
static bool mend(struct db_file *file, struct error *err)
{
	struct db *db = connection_new(file, DB_WRITE, err);

	if (db != NULL && settle(db, SQLITE_CHECKPOINT_TRUNCATE, err)) {
		connection_free(file->writer);
		file->writer = db;
		return true;
	}
	connection_free(db);
	err->code = ERR_UNAVAILABLE;
	return error_wrap(err, "nothing is written until the disk works again");
}

static struct db *writer_take(struct db_file *file, struct error *err)
{
	pthread_mutex_lock(&file->writer_lock);
	if (!file->writer->is_spoilt || mend(file, err))
		return file->writer;
	pthread_mutex_unlock(&file->writer_lock);
	return NULL;
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

struct db *db_take(struct db_file *file, enum db_mode mode, struct error *err)
{
	return mode == DB_WRITE ? writer_take(file, err) : reader_take(file, err);
}

static void writer_give_back(struct db_file *file)
{
	struct error ignored;

	/* No space for the next frame: none of them counts, and the journal itself may be what takes it. */
	if (file->writer->is_full)
		settle(file->writer, SQLITE_CHECKPOINT_TRUNCATE, &ignored);
	file->writer->is_full = false;
	if (file->writer->is_spoilt)
		mend(file, &ignored);
	pthread_mutex_unlock(&file->writer_lock);
}

static void reader_give_back(struct db_file *file, struct db *db)
{
	pthread_mutex_lock(&file->readers_lock);
	const bool is_kept = !db->is_spoilt && file->reader_count < READERS_KEPT;
	if (is_kept) {
		db->next = file->readers;
		file->readers = db;
		file->reader_count++;
	}
	pthread_mutex_unlock(&file->readers_lock);
	if (!is_kept)
		connection_free(db);
}

void db_give_back(struct db *db)
{
	if (db->mode == DB_WRITE)
		writer_give_back(db->file);
	else
		reader_give_back(db->file, db);
}

/*
 * PUT of an artifact: the body goes to the disk piece by piece, and becomes visible when all of it is there.
 *
 *	path → read → on_read → { write on the pool, while the next piece is read } … → written, last → answer
 *
 * Two pieces are in memory: one that is read into and one that is hashed and written. The disk holds the client up by
 * its piece not being free. A client that leaves, or is refused by the front end, ends in discard: what was written
 * goes.
 */
#include "base/clock.h"
#include "server/artifact_call.h"
#include "store/artifact_upload.h"

enum { PIECE = 256 * 1024 };

struct artifact_put {
	struct work work; /* first */
	struct exchange *exchange;
	struct str path;
	struct artifact_upload file;
	struct {
		char *data;
		size_t len;
	} pieces[2];
	size_t piece_size;
	unsigned reading, writing; /* which piece */
	bool is_read;              /* pieces[reading] waits to be written */
	bool is_whole;             /* and nothing comes behind it */
	bool is_writing, is_last, is_stored;
};

static void read_next(struct artifact_put *put);
static void write_next(struct artifact_put *put);
static void discard(struct artifact_put *put);

static void fail(struct artifact_put *put, const struct error *err)
{
	put->exchange->request->on_gone = NULL;
	exchange_error(put->exchange, err, NULL);
}

static void on_gone(struct http_request *request)
{
	struct exchange *exchange = request->data;

	if (!exchange->put->is_writing)
		discard(exchange->put);
}

static void on_read(struct http_request *request, size_t len, bool is_whole)
{
	struct exchange *exchange = request->data;
	struct artifact_put *put = exchange->put;

	exchange->received += len;
	put->pieces[put->reading].len = len;
	put->is_read = true;
	put->is_whole = is_whole;
	if (!put->is_writing)
		write_next(put);
}

static void read_next(struct artifact_put *put)
{
	struct http_request *request = put->exchange->request;

	if (put->pieces[put->reading].data == NULL)
		put->pieces[put->reading].data = arena_alloc(request->arena, put->piece_size);
	http_body_read(request, put->pieces[put->reading].data, put->piece_size, on_read);
}

/* On the pool; what fails there is thrown away there. */
static bool store(struct artifact_put *put, struct error *err)
{
	struct server *server = put->exchange->worker->server;
	const struct str piece = {put->pieces[put->writing].data, put->pieces[put->writing].len};
	struct registry *registry = server_registry(server, err);

	if (registry == NULL || (put->file.registry == NULL && !artifact_upload_start(&put->file, registry, err)))
		return false;
	if (!artifact_upload_add(&put->file, piece, err))
		return false;
	return !put->is_last || artifact_upload_end(&put->file, put->path, clock_wall_ms(), err);
}

static void run(struct work *work)
{
	struct artifact_put *put = (struct artifact_put *)work;

	put->is_stored = store(put, &work->err) && put->is_last;
	if (work->err.code != ERR_NONE)
		artifact_upload_done(&put->file);
}

static void on_written(struct work *work)
{
	struct artifact_put *put = (struct artifact_put *)work;

	put->is_writing = false;
	if (work->err.code != ERR_NONE)
		fail(put, &work->err);
	else if (put->is_stored)
		exchange_text(put->exchange, 200, NULL, STR(""));
	else if (put->exchange->request->is_gone)
		discard(put);
	else if (put->is_read)
		write_next(put);
}

static void write_next(struct artifact_put *put)
{
	struct worker *worker = put->exchange->worker;
	struct error err;

	put->writing = put->reading;
	put->is_read = false;
	put->is_last = put->is_whole;
	put->is_writing = worker_submit(worker->server->registry_pool, worker->loop, &put->work, &err);
	if (!put->is_writing) {
		artifact_upload_done(&put->file);
		fail(put, &err);
		return;
	}
	if (put->is_last)
		return;
	put->reading ^= 1;
	read_next(put);
}

/* ---- the client left ---- */

static void run_discard(struct work *work)
{
	artifact_upload_done(&((struct artifact_put *)work)->file);
}

static void on_discarded(struct work *work)
{
	struct artifact_put *put = (struct artifact_put *)work;
	struct error err;

	error_set(&err, ERR_CANCELLED, "the client left");
	fail(put, &err);
}

/* Removing a large file takes a while: on the pool, where it has room. */
static void discard(struct artifact_put *put)
{
	struct worker *worker = put->exchange->worker;
	struct error ignored;

	put->work.run = run_discard;
	put->work.done = on_discarded;
	if (worker_submit(worker->server->registry_pool, worker->loop, &put->work, &ignored))
		return;
	artifact_upload_done(&put->file);
	on_discarded(&put->work);
}

/* ---- the start ---- */

void artifact_put(struct exchange *exchange, struct str path)
{
	struct http_request *request = exchange->request;
	struct artifact_call *call;
	struct artifact_put *put;

	if (str_ends(path, STR("/"))) {
		artifact_answer_detail(exchange, 400, "Artifact path must include a filename (cannot end with '/').");
		return;
	}
	call = artifact_call_below(exchange, path);
	if (call == NULL)
		return;
	put = arena_zalloc(request->arena, sizeof(*put));
	put->exchange = exchange;
	put->path = call->path;
	put->file.fd = -1;
	put->work.run = run;
	put->work.done = on_written;
	put->work.owner = &exchange->worker->server->transfers;
	put->piece_size = request->body_length < PIECE ? (size_t)request->body_length : PIECE;
	if (put->piece_size == 0)
		put->piece_size = 1;
	exchange->put = put;
	request->on_gone = on_gone;
	read_next(put);
}

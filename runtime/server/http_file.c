/*
 * http_file_answer: head → submit → [pool: run] → on_piece → push → { submit … | end }
 *
 * Two things may hold it up: the disk (is_reading) and the client (is_taking is false until on_ready). A piece that was
 * read while the client held it up waits in `ahead`.
 */
#include "server/http_file.h"

#include "server/http_range.h"

#include <errno.h>
#include <unistd.h>

struct http_sending {
	struct work work; /* first: what run() and done() get */
	struct http_request *request;
	struct http_file file;
	int status;
	uint64_t at, end; /* not read yet */
	uint64_t sent;
	struct buf ahead;
	bool is_reading, is_taking, is_gone;
};

static void push(struct http_sending *sending);

static void finish(struct http_sending *sending, bool is_whole)
{
	struct http_request *request = sending->request;

	buf_done(&sending->ahead);
	close(sending->file.fd);
	request->on_gone = NULL;
	if (sending->file.on_end != NULL)
		sending->file.on_end(request, sending->status, sending->sent, is_whole);
	http_stream_end(request, is_whole);
}

/* On a pool thread. */
static void run(struct work *work)
{
	struct http_sending *sending = (struct http_sending *)work;
	const uint64_t left = sending->end - sending->at;
	const size_t wanted = left < HTTP_FILE_PIECE ? (size_t)left : HTTP_FILE_PIECE;
	struct buf *ahead = &sending->ahead;

	buf_reserve(ahead, wanted);
	while (ahead->len < wanted) {
		const ssize_t got = pread(sending->file.fd, ahead->data + ahead->len, wanted - ahead->len,
			(off_t)(sending->at + ahead->len));

		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0) {
			error_set_errno(&work->err, ERR_INTERNAL, got < 0 ? errno : EIO, "read a file to send");
			return;
		}
		ahead->len += (size_t)got;
	}
}

static void on_piece(struct work *work)
{
	struct http_sending *sending = (struct http_sending *)work;

	sending->is_reading = false;
	if (sending->is_gone || work->err.code != ERR_NONE) {
		finish(sending, false);
		return;
	}
	sending->at += sending->ahead.len;
	push(sending);
}

static bool submit(struct http_sending *sending, struct error *err)
{
	sending->is_reading = worker_submit(sending->file.pool, sending->request->loop, &sending->work, err);
	return sending->is_reading;
}

static void push(struct http_sending *sending)
{
	struct error ignored;

	/* Until then `ahead` is the pool's. */
	if (sending->is_reading)
		return;
	if (sending->is_taking && sending->ahead.len > 0) {
		sending->sent += sending->ahead.len;
		sending->is_taking = http_stream_take(sending->request, &sending->ahead);
	}
	if (sending->ahead.len > 0)
		return;
	if (sending->at == sending->end)
		finish(sending, true);
	else if (!submit(sending, &ignored))
		finish(sending, false);
}

static void on_ready(struct http_request *request)
{
	request->sending->is_taking = true;
	push(request->sending);
}

static void on_gone(struct http_request *request)
{
	struct http_sending *sending = request->sending;

	sending->is_gone = true;
	if (!sending->is_reading)
		finish(sending, false);
}

static struct http_answer head_of(
	struct http_request *request, const struct http_file *file, const struct http_range *range)
{
	struct http_field *fields = arena_array(request->arena, file->field_count + 3, sizeof(*fields));
	size_t count = file->field_count;
	const char *text = NULL;

	if (count > 0)
		memcpy(fields, file->fields, count * sizeof(*fields));
	fields[count++] = (struct http_field){STR("Accept-Ranges"), STR("bytes")};
	fields[count++] = (struct http_field){STR("ETag"), file->etag};
	if (range->status == 206)
		text = arena_printf(request->arena, "bytes %llu-%llu/%llu", (unsigned long long)range->from,
			(unsigned long long)range->end - 1, (unsigned long long)file->size);
	else if (range->status == 416)
		text = arena_printf(request->arena, "bytes */%llu", (unsigned long long)file->size);
	if (text != NULL)
		fields[count++] = (struct http_field){STR("Content-Range"), str_of(text)};
	return (struct http_answer){
		.status = range->status,
		.content_type = range->status == 304 || range->status == 416 ? NULL : file->content_type,
		.fields = fields,
		.field_count = count,
		.has_length = true,
		.length = range->end - range->from,
	};
}

/* Nothing of the file is to be sent, or to nobody. */
static void answer_empty(struct http_request *request, const struct http_file *file, const struct http_answer *head)
{
	close(file->fd);
	if (file->on_end != NULL)
		file->on_end(request, head->status, 0, !request->is_gone);
	http_stream_start(request, head);
	http_stream_end(request, !request->is_gone);
}

bool http_file_answer(struct http_request *request, const struct http_file *file, struct error *err)
{
	const struct http_range range = http_range_of(request, file->size, file->etag);
	const struct http_answer head = head_of(request, file, &range);

	if (request->is_gone || request->method == HTTP_HEAD || range.from == range.end) {
		answer_empty(request, file, &head);
		return true;
	}
	struct http_sending *sending = arena_zalloc(request->arena, sizeof(*sending));
	*sending = (struct http_sending){
		.work = {.run = run, .done = on_piece, .owner = file->owner},
		.request = request,
		.file = *file,
		.status = range.status,
		.at = range.from,
		.end = range.end,
		.is_taking = true,
	};
	if (!submit(sending, err)) {
		close(file->fd);
		return false;
	}
	request->sending = sending;
	request->on_gone = on_gone;
	http_stream_on_ready(request, on_ready);
	http_stream_start(request, &head);
	return true;
}

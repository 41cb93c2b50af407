#pragma once
/*
 * A file as an answer: Content-Length, ETag, one range, conditions, HEAD (http_range.h).
 *
 * The disk is read on the worker pool, a piece ahead of what the client takes, so that neither the loop waits for the
 * disk nor the disk for the client; no more than two pieces are in memory.
 */
#include "async/worker.h"
#include "server/http.h"

enum { HTTP_FILE_PIECE = 256 * 1024 };

struct http_file {
	int fd; /* taken over: closed in every case */
	uint64_t size;
	struct str etag; /* with its quotes */
	const char *content_type;
	const struct http_field *fields;
	size_t field_count;
	struct worker_pool *pool;
	struct work_owner *owner; /* whose turns the pieces take; may be NULL */
	/* Once, right before the request ends; `sent` counts the bytes handed to the connection. May be NULL. */
	void (*on_end)(struct http_request *request, int status, uint64_t sent, bool is_whole);
};

/* Answers the request, whose on_gone it sets; what it needs is copied to the request's arena. A file that gets
 * shorter while it is sent cuts the connection. False: nothing was answered (ERR_UNAVAILABLE: the pool is full). */
bool http_file_answer(struct http_request *request, const struct http_file *file, struct error *err);

#pragma once
/*
 * One socket's bytes, plain or TLS, without waiting.
 *
 * The socket is watched edge-triggered for its whole life, so a request costs no epoll_ctl:
 * `is_readable` and `is_writable` remember what the last edge said until a call finds otherwise.
 * libevent's bufferevents are not used: with them a request takes 7 system calls (ioctl FIONREAD,
 * readv, 2 epoll_ctl, writev, 2 epoll_wait), here 3 (recv, send, epoll_wait), and fewer under load:
 * tests/bench/harness/facts/syscalls.sh on rawbev_echo and on sluiced.
 */
#include <event2/event.h>
#include <event2/event_struct.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct evbuffer;
struct ssl_st;
struct ssl_ctx_st;

struct http_io {
	int fd; /* -1: closed */
	struct ssl_st *ssl;
	struct event event;
	bool is_readable, is_writable;
	bool is_drained; /* the last read took all there was: most likely, the next one finds
			    nothing */
	bool has_end;    /* the peer will send no more; unread bytes may be left */
	bool is_ended;   /* and all were read */
};

enum { HTTP_IO_END = 0, HTTP_IO_AGAIN = -1, HTTP_IO_BROKEN = -2 };

/* Takes fd over. `tls` NULL: plain. False where the machine can watch no more sockets; fd is closed
 * then. */
bool http_io_start(struct http_io *io, struct event_base *base, int fd, struct ssl_ctx_st *tls,
	event_callback_fn fn, void *data);
/* Closes at once. With is_reset the peer learns that the data sent is not whole. */
void http_io_close(struct http_io *io, bool is_reset);
/* To be called with what the event said. */
void http_io_wake(struct http_io *io, short what);

/* 1 when done, HTTP_IO_AGAIN, HTTP_IO_BROKEN. */
int http_io_handshake(struct http_io *io);
/*
 * Bytes read, or one of the above. A caller that waits for more must read on though is_drained: a
 * reset that came with the last bytes makes no edge of its own. One that has a whole request may
 * leave it, and save a call.
 */
ssize_t http_io_read(struct http_io *io, void *data, size_t size);
/* Sends from the front of `out` what the socket takes: the number of bytes, or HTTP_IO_BROKEN. */
ssize_t http_io_write(struct http_io *io, struct evbuffer *out);
/* Half-close: no more will be sent. */
void http_io_end(struct http_io *io);
/* Bytes wait to be read. */
bool http_io_has_bytes(const struct http_io *io);
/* The connection was reset; for when nothing is read from it. */
bool http_io_is_reset(const struct http_io *io);

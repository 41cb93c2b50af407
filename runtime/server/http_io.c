#include "server/http_io.h"

#include <errno.h>
#include <event2/buffer.h>
#include <limits.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

enum { PIECES_MAX = 16, TLS_RECORD = 16 * 1024 };

bool http_io_start(struct http_io *io, struct event_base *base, int fd, struct ssl_ctx_st *tls,
	event_callback_fn fn, void *data)
{
	*io = (struct http_io){.fd = fd, .is_writable = true};
	if (tls != NULL) {
		io->ssl = SSL_new(tls);
		if (io->ssl == NULL || SSL_set_fd(io->ssl, fd) != 1)
			abort();
		SSL_set_accept_state(io->ssl);
	}
	if (event_assign(&io->event, base, fd, EV_READ | EV_WRITE | EV_CLOSED | EV_ET | EV_PERSIST,
		    fn, data) != 0)
		abort();
	/* ENOSPC: fs.epoll.max_user_watches. */
	if (event_add(&io->event, NULL) == 0)
		return true;
	http_io_close(io, false);
	return false;
}

void http_io_close(struct http_io *io, bool is_reset)
{
	const struct linger at_once = {.l_onoff = 1};

	if (io->fd < 0)
		return;
	event_del(&io->event);
	SSL_free(io->ssl);
	io->ssl = NULL;
	if (is_reset)
		setsockopt(io->fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
	close(io->fd);
	io->fd = -1;
}

void http_io_wake(struct http_io *io, short what)
{
	if (what & (EV_READ | EV_CLOSED))
		io->is_readable = true;
	io->is_drained = false;
	if (what & EV_WRITE)
		io->is_writable = true;
	if (what & EV_CLOSED)
		io->has_end = true;
	/* Either direction of TLS may have waited for the other one of the socket. */
	if (io->ssl != NULL)
		io->is_readable = io->is_writable = true;
}

static int tls_failed(struct http_io *io, int result)
{
	const int error = SSL_get_error(io->ssl, result);

	ERR_clear_error();
	if (error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE)
		return HTTP_IO_AGAIN;
	return error == SSL_ERROR_ZERO_RETURN ? HTTP_IO_END : HTTP_IO_BROKEN;
}

int http_io_handshake(struct http_io *io)
{
	if (io->ssl == NULL)
		return 1;
	ERR_clear_error();
	const int result = SSL_do_handshake(io->ssl);
	if (result == 1)
		return 1;
	return tls_failed(io, result) == HTTP_IO_AGAIN ? HTTP_IO_AGAIN : HTTP_IO_BROKEN;
}

static ssize_t read_tls(struct http_io *io, void *data, size_t size)
{
	ERR_clear_error();
	const int result = SSL_read(io->ssl, data, size > INT_MAX ? INT_MAX : (int)size);
	if (result > 0)
		return result;
	const int failed = tls_failed(io, result);
	if (failed == HTTP_IO_AGAIN)
		io->is_readable = false;
	return failed;
}

static ssize_t read_plain(struct http_io *io, void *data, size_t size)
{
	ssize_t got;

	do
		got = recv(io->fd, data, size, 0);
	while (got < 0 && errno == EINTR);
	if (got < 0 && errno != EAGAIN)
		return HTTP_IO_BROKEN;
	if (got < 0)
		io->is_readable = false;
	/* Not where the end is known: it makes no further edge. */
	io->is_drained = got < (ssize_t)size && !io->has_end;
	return got < 0 ? HTTP_IO_AGAIN : got;
}

ssize_t http_io_read(struct http_io *io, void *data, size_t size)
{
	if (io->is_ended)
		return HTTP_IO_END;
	if (!io->is_readable)
		return HTTP_IO_AGAIN;
	const ssize_t got = io->ssl != NULL ? read_tls(io, data, size) : read_plain(io, data, size);
	if (got == HTTP_IO_END) {
		io->is_ended = true;
		io->is_readable = io->is_drained = false;
	}
	return got;
}

/* One piece for one record: small pieces would each become a record of their own. */
static ssize_t write_tls(struct http_io *io, struct evbuffer *out)
{
	const size_t waiting = evbuffer_get_length(out);
	const size_t size = waiting < TLS_RECORD ? waiting : TLS_RECORD;
	const unsigned char *data = evbuffer_pullup(out, (ev_ssize_t)size);

	if (data == NULL)
		abort();
	ERR_clear_error();
	const int result = SSL_write(io->ssl, data, (int)size);
	if (result > 0)
		return result;
	return tls_failed(io, result) == HTTP_IO_AGAIN ? HTTP_IO_AGAIN : HTTP_IO_BROKEN;
}

static ssize_t write_plain(struct http_io *io, struct evbuffer *out)
{
	struct evbuffer_iovec pieces[PIECES_MAX];
	const int count = evbuffer_peek(out, -1, NULL, pieces, PIECES_MAX);
	const struct msghdr message = {
		.msg_iov = (struct iovec *)pieces,
		.msg_iovlen = (size_t)(count < PIECES_MAX ? count : PIECES_MAX),
	};
	ssize_t sent;

	do
		sent = count == 1
			       ? send(io->fd, pieces[0].iov_base, pieces[0].iov_len, MSG_NOSIGNAL)
			       : sendmsg(io->fd, &message, MSG_NOSIGNAL);
	while (sent < 0 && errno == EINTR);
	if (sent >= 0)
		return sent;
	return errno == EAGAIN ? HTTP_IO_AGAIN : HTTP_IO_BROKEN;
}

ssize_t http_io_write(struct http_io *io, struct evbuffer *out)
{
	ssize_t total = 0;

	while (io->is_writable && evbuffer_get_length(out) > 0) {
		const ssize_t sent = io->ssl != NULL ? write_tls(io, out) : write_plain(io, out);

		if (sent == HTTP_IO_BROKEN)
			return HTTP_IO_BROKEN;
		if (sent == HTTP_IO_AGAIN) {
			io->is_writable = false;
			break;
		}
		evbuffer_drain(out, (size_t)sent);
		total += sent;
	}
	return total;
}

void http_io_end(struct http_io *io)
{
	if (io->ssl != NULL) {
		ERR_clear_error();
		SSL_shutdown(io->ssl);
		ERR_clear_error();
	}
	shutdown(io->fd, SHUT_WR);
}

bool http_io_has_bytes(const struct http_io *io)
{
	char byte;

	if (io->ssl != NULL && SSL_pending(io->ssl) > 0)
		return true;
	return recv(io->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) > 0;
}

bool http_io_is_reset(const struct http_io *io)
{
	int error = 0;
	socklen_t len = sizeof(error);

	return getsockopt(io->fd, SOL_SOCKET, SO_ERROR, &error, &len) != 0 || error != 0;
}

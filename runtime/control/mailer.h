#pragma once
/*
 * Mailer: mails of plain text through one SMTP server, one after the other, on a thread of its own. Each is tried once: a
 * mail server that should be patient is one on this machine. What becomes of it is in the log (mail.sent, mail.failed).
 *
 * smtp://HOST:PORT uses TLS where the server offers it, and insists on it where there is a user; smtps://HOST:PORT speaks
 * nothing else. Certificates are verified. libcurl is set up (fetch_global_init).
 */
#include "async/worker.h"
#include "base/arena.h"
#include "base/secret.h"

struct mailer;

struct mailer_options {
	const char *url, *from;
	const char *user;    /* NULL: none is asked for */
	const char *ca_file; /* NULL: the system's */
	/* The user's password, on the mailer's thread. */
	bool (*read_password)(void *data, struct arena *arena, struct secret *ret, struct error *err);
	void *data;
	struct loop *loop;
};

/* ERR_USAGE: `url` or `from` is none. All options outlive it. */
struct mailer *mailer_new(const struct mailer_options *options, struct error *err);
/* It is idle. NULL is fine. */
void mailer_free(struct mailer *mailer);

/* What may stand between < and > in a mail's envelope: not all of RFC 5321, but nothing that could be more than that. */
bool mail_is_address(struct str text);

/* On the loop's thread; everything is copied. `to` are addresses, at least one; `subject` is printable ASCII. */
void mailer_send(struct mailer *mailer, const struct str *to, size_t to_count, const char *subject, struct str text);
/* Called on the loop, each time when nothing is on its way any more. */
void mailer_on_idle(struct mailer *mailer, void (*on_idle)(void *data), void *data);
bool mailer_is_idle(const struct mailer *mailer);
/* On the loop's thread: what is on its way has MAIL_PATIENCE_MS left; what waits behind it is dropped and said so. */
enum { MAIL_PATIENCE_MS = 3000 };
void mailer_stop(struct mailer *mailer);

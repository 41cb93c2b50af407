/* mailer_send → on_pool: password → libcurl: envelope, message → on_done: log */
#include "control/mailer.h"

#include "base/base64.h"
#include "base/clock.h"
#include "base/log.h"

#include <curl/curl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

enum { MAIL_MS = 15000, CONNECT_MS = 5000, QUEUE_MAX = 1000, LINE_MAX_ = 76 };

struct mailer {
	struct mailer_options options;
	struct worker_pool *pool;
	size_t active;
	void (*on_idle)(void *data);
	void *idle_data;
	_Atomic int64_t ends_ms; /* clock_ms, when everything must be over; 0: it goes on */
};

struct mail {
	struct work work;
	struct mailer *mailer;
	struct arena arena;
	const char **to;
	size_t to_count;
	const char *subject;
	struct str text;
	struct buf message;
	size_t sent;
};

bool mail_is_address(struct str text)
{
	struct str domain = text, local;

	if (text.len > 254 || !str_cut(&domain, '@', &local) || local.len == 0 || domain.len == 0)
		return false;
	for (size_t i = 0; i < text.len; i++)
		if (text.data[i] <= ' ' || text.data[i] > '~' || strchr("<>()[],;:\\\"", text.data[i]) != NULL)
			return false;
	return memchr(domain.data, '@', domain.len) == NULL;
}

static bool check_url(const char *url, struct error *err)
{
	struct str rest = str_of(url), scheme;

	if (!str_cut(&rest, ':', &scheme) || !str_starts(rest, STR("//")) || rest.len < 3 ||
		(!str_is(scheme, "smtp") && !str_is(scheme, "smtps")))
		return error_set(err, ERR_USAGE, "--smtp '%s': expected smtp://HOST:PORT or smtps://HOST:PORT", url);
	return memchr(rest.data, '@', rest.len) == NULL ||
	       error_set(err, ERR_USAGE, "--smtp: a user is named by --smtp-user, its password by --smtp-password");
}

struct mailer *mailer_new(const struct mailer_options *options, struct error *err)
{
	if (!check_url(options->url, err))
		return NULL;
	if (!mail_is_address(str_of(options->from))) {
		error_set(err, ERR_USAGE, "--smtp-from '%s': expected a mail address", options->from);
		return NULL;
	}
	struct mailer *mailer = calloc(1, sizeof(*mailer));
	if (mailer == NULL)
		abort();
	mailer->options = *options;
	mailer->pool = worker_pool_new(1, QUEUE_MAX);
	return mailer;
}

void mailer_free(struct mailer *mailer)
{
	if (mailer == NULL)
		return;
	worker_pool_free(mailer->pool);
	free(mailer);
}

void mailer_on_idle(struct mailer *mailer, void (*on_idle)(void *data), void *data)
{
	mailer->on_idle = on_idle;
	mailer->idle_data = data;
}

bool mailer_is_idle(const struct mailer *mailer)
{
	return mailer->active == 0;
}

void mailer_stop(struct mailer *mailer)
{
	atomic_store(&mailer->ends_ms, clock_ms() + MAIL_PATIENCE_MS);
}

/* ---- the message ---- */

static void add_date(struct buf *out)
{
	static const char *const DAYS[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
	static const char *const MONTHS[] = {
		"Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
	const time_t now = clock_wall_ms() / 1000;
	struct tm tm;

	gmtime_r(&now, &tm);
	buf_printf(out, "Date: %s, %d %s %d %02d:%02d:%02d +0000\r\n", DAYS[tm.tm_wday], tm.tm_mday, MONTHS[tm.tm_mon],
		1900 + tm.tm_year, tm.tm_hour, tm.tm_min, tm.tm_sec);
}

/* In Base64, so that no line is too long and no byte means anything. */
static void add_text(struct mail *mail)
{
	const struct str coded = base64_encode(&mail->arena, mail->text);

	for (size_t at = 0; at < coded.len; at += LINE_MAX_) {
		const size_t len = coded.len - at < LINE_MAX_ ? coded.len - at : LINE_MAX_;

		buf_add(&mail->message, coded.data + at, len);
		buf_add_text(&mail->message, "\r\n");
	}
}

static void write_message(struct mail *mail)
{
	struct buf *out = &mail->message;

	buf_printf(out, "From: sluice <%s>\r\nTo: ", mail->mailer->options.from);
	for (size_t i = 0; i < mail->to_count; i++)
		buf_printf(out, "%s<%s>", i > 0 ? ",\r\n " : "", mail->to[i]);
	buf_printf(out, "\r\nSubject: %s\r\n", mail->subject);
	add_date(out);
	buf_add_text(out, "Auto-Submitted: auto-generated\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n"
			  "Content-Transfer-Encoding: base64\r\n\r\n");
	add_text(mail);
}

/* ---- sending ---- */

static size_t read_message(char *data, size_t size, size_t count, void *user)
{
	struct mail *mail = user;
	const size_t left = mail->message.len - mail->sent, room = size * count, len = left < room ? left : room;

	if (len > 0)
		memcpy(data, mail->message.data + mail->sent, len);
	mail->sent += len;
	return len;
}

static bool is_over(struct mailer *mailer)
{
	const int64_t ends_ms = atomic_load(&mailer->ends_ms);

	return ends_ms > 0 && clock_ms() >= ends_ms;
}

static int on_progress(void *data, curl_off_t total, curl_off_t now, curl_off_t upload_total, curl_off_t upload_now)
{
	return is_over(data);
}

static bool set_user(CURL *curl, struct mail *mail, struct error *err)
{
	const struct mailer_options *options = &mail->mailer->options;
	struct secret password = {0};

	if (options->user == NULL)
		return curl_easy_setopt(curl, CURLOPT_USE_SSL, (long)CURLUSESSL_TRY) == CURLE_OK;
	if (!options->read_password(options->data, &mail->arena, &password, err))
		return error_wrap(err, "--smtp-password");
	const struct str text = secret_reveal(password);
	char *copy = arena_memdup(&mail->arena, text.data, text.len);
	const bool is_set = curl_easy_setopt(curl, CURLOPT_USERNAME, options->user) == CURLE_OK &&
			    curl_easy_setopt(curl, CURLOPT_PASSWORD, copy) == CURLE_OK &&
			    curl_easy_setopt(curl, CURLOPT_USE_SSL, (long)CURLUSESSL_ALL) == CURLE_OK;
	explicit_bzero(copy, text.len);
	return is_set || error_set(err, ERR_INTERNAL, "libcurl refuses an option");
}

static bool set_options(CURL *curl, struct mail *mail, struct curl_slist *to, char *words, struct error *err)
{
	const struct mailer_options *options = &mail->mailer->options;

	curl_easy_setopt(curl, CURLOPT_URL, options->url);
	curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "smtp,smtps");
	curl_easy_setopt(curl, CURLOPT_MAIL_FROM, options->from);
	curl_easy_setopt(curl, CURLOPT_MAIL_RCPT, to);
	curl_easy_setopt(curl, CURLOPT_UPLOAD, 1L);
	curl_easy_setopt(curl, CURLOPT_READFUNCTION, read_message);
	curl_easy_setopt(curl, CURLOPT_READDATA, mail);
	curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, (long)CONNECT_MS);
	curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, (long)MAIL_MS);
	curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
	curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, on_progress);
	curl_easy_setopt(curl, CURLOPT_XFERINFODATA, mail->mailer);
	curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, words);
	if (options->ca_file != NULL)
		curl_easy_setopt(curl, CURLOPT_CAINFO, options->ca_file);
	return set_user(curl, mail, err);
}

static void send_it(CURL *curl, struct mail *mail, struct error *err)
{
	char words[CURL_ERROR_SIZE] = "";
	struct curl_slist *to = NULL;

	for (size_t i = 0; i < mail->to_count; i++)
		to = curl_slist_append(to, mail->to[i]);
	if (set_options(curl, mail, to, words, err)) {
		const CURLcode code = curl_easy_perform(curl);
		if (code != CURLE_OK)
			error_set(err, ERR_UPSTREAM, "%s", words[0] != '\0' ? words : curl_easy_strerror(code));
	}
	curl_slist_free_all(to);
}

static void on_pool(struct work *work)
{
	struct mail *mail = (struct mail *)work;

	if (atomic_load(&mail->mailer->ends_ms) > 0) {
		error_set(&work->err, ERR_CANCELLED, "the server stops");
		return;
	}
	CURL *curl = curl_easy_init();
	if (curl == NULL)
		abort();
	write_message(mail);
	send_it(curl, mail, &work->err);
	curl_easy_cleanup(curl);
}

static void mail_free(struct mail *mail)
{
	buf_done(&mail->message);
	arena_done(&mail->arena);
	free(mail);
}

static void on_done(struct work *work)
{
	struct mail *mail = (struct mail *)work;
	struct mailer *mailer = mail->mailer;

	if (work->err.code != ERR_NONE)
		log_error("mail.failed", LOG_TEXT("subject", mail->subject), LOG_ERR(&work->err));
	else
		log_info("mail.sent", LOG_TEXT("subject", mail->subject), LOG_INT("recipients", (int64_t)mail->to_count));
	mail_free(mail);
	mailer->active--;
	if (mailer->active == 0 && mailer->on_idle != NULL)
		mailer->on_idle(mailer->idle_data);
}

void mailer_send(struct mailer *mailer, const struct str *to, size_t to_count, const char *subject, struct str text)
{
	struct mail *mail = calloc(1, sizeof(*mail));
	struct error err;

	if (mail == NULL)
		abort();
	arena_init(&mail->arena);
	mail->work.run = on_pool;
	mail->work.done = on_done;
	mail->mailer = mailer;
	mail->to = arena_array(&mail->arena, to_count, sizeof(*mail->to));
	mail->to_count = to_count;
	for (size_t i = 0; i < to_count; i++)
		mail->to[i] = arena_memdup(&mail->arena, to[i].data, to[i].len);
	mail->subject = arena_strdup(&mail->arena, subject);
	mail->text = (struct str){arena_memdup(&mail->arena, text.data, text.len), text.len};
	if (worker_submit(mailer->pool, mailer->options.loop, &mail->work, &err)) {
		mailer->active++;
		return;
	}
	log_error("mail.failed", LOG_TEXT("subject", mail->subject), LOG_ERR(&err));
	mail_free(mail);
}

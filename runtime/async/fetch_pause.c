/*
 * A sink's back-pressure. libcurl is told by the next piece that is not taken (fetch_reply.c): to pause it inside of a
 * callback does not keep it from handing out the rest of its buffer. It keeps that piece and reads no more, and hands it
 * out inside of the call that unpauses: so that is made in a turn of its own.
 */
#include "async/fetch_internal.h"

static void on_resume(void *data);

void fetch_pause(struct fetch *fetch)
{
	struct loop *loop = fetch->fetcher->loop;

	if (fetch->handle == NULL)
		return;
	loop_undefer(loop, &fetch->resume_task);
	if (fetch->is_paused)
		return;
	fetch->is_paused = true;
	fetch->pause_began_ns = loop_now_ns(loop);
	deadline_set_remove(&fetch->fetcher->deadlines, &fetch->deadline);
}

void fetch_resume(struct fetch *fetch)
{
	if (fetch->handle != NULL && fetch->is_paused)
		loop_defer(fetch->fetcher->loop, &fetch->resume_task, on_resume, fetch);
}

static void on_resume(void *data)
{
	struct fetch *fetch = data;

	fetch->is_paused = false;
	fetch->paused_ns += loop_now_ns(fetch->fetcher->loop) - fetch->pause_began_ns;
	fetch_on_resume(fetch);

	const CURLcode code = curl_easy_pause(fetch->handle->easy, CURLPAUSE_CONT);

	if (code != CURLE_OK)
		fetch_fail(fetch, code);
}

void fetch_pause_forget(struct fetch *fetch)
{
	loop_undefer(fetch->fetcher->loop, &fetch->resume_task);
	fetch->is_paused = false;
}

/* Writing recordings. */
#include "model/recorder.h"

#include "model/recordings.h"
#include "model/seam.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

struct recorder {
	FILE *file;
	char *path;
};

struct recorder *recorder_new(const char *path, struct error *err)
{
	FILE *file = fopen(path, "ae");

	if (file == NULL) {
		error_set_errno(err, ERR_USAGE, errno, "cannot write recordings to '%s'", path);
		return NULL;
	}

	struct recorder *recorder = malloc(sizeof(*recorder));

	if (recorder == NULL || (recorder->path = strdup(path)) == NULL)
		abort();
	recorder->file = file;
	return recorder;
}

static struct json when_json(struct arena *arena, const struct seam *seam)
{
	const time_t now = (time_t)(seam->now_us(seam->data) / 1000000);
	struct tm utc;
	char text[32];

	gmtime_r(&now, &utc);
	strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &utc);
	return json_string(str_of(arena_strdup(arena, text)));
}

/* JSON as JSON, so that people can read and edit it; anything else as text, where it is any. */
static struct json body_json(struct arena *arena, struct str body)
{
	struct json tree;

	if (json_read(arena, body, &tree, &(struct error){0}))
		return tree;
	if (str_is_utf8(body))
		return json_string(body);
	return json_string(STR("(not UTF-8)"));
}

static struct json reply_json(struct arena *arena, const struct llm_call *call)
{
	const struct secret key = call->model->api_key;
	struct json reply = json_object();

	if (call->reply.status == 0) {
		json_set(arena, &reply, STR("error"),
			json_string(secret_redact(arena, str_of(call->flow.err.text), key)));
		return reply;
	}
	json_set(arena, &reply, STR("status"), json_integer(call->reply.status));
	json_set(arena, &reply, STR("body"),
		body_json(arena, secret_redact(arena, call->reply.body, key)));
	return reply;
}

void recorder_add(struct recorder *recorder, const struct llm_call *call)
{
	struct arena arena;
	struct json line = json_object();
	struct buf text = {0};

	arena_init(&arena);
	json_set(&arena, &line, STR("request"),
		recordings_request(&arena, &call->question, call->model));
	json_set(&arena, &line, STR("reply"), reply_json(&arena, call));
	json_set(&arena, &line, STR("model"), json_string(call->model->model));
	json_set(&arena, &line, STR("when"), when_json(&arena, call->context->seam));
	json_write(&text, &line);
	buf_add_char(&text, '\n');
	/* ferror() remembers a failure until recorder_close() asks. */
	fwrite(text.data, 1, text.len, recorder->file);
	buf_done(&text);
	arena_done(&arena);
}

bool recorder_close(struct recorder *recorder, struct error *err)
{
	errno = EIO; /* of a write that failed before, whose own reason is gone */
	bool is_written = !ferror(recorder->file) && fflush(recorder->file) == 0 &&
			  fsync(fileno(recorder->file)) == 0;
	const int why = errno;

	is_written = fclose(recorder->file) == 0 && is_written;
	if (!is_written)
		error_set_errno(err, ERR_INTERNAL, why, "write recordings to '%s'", recorder->path);
	free(recorder->path);
	free(recorder);
	return is_written;
}

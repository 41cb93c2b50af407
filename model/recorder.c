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

static struct json clean_string(struct arena *arena, const struct json *text, struct secret key)
{
	return json_string(secret_redact(arena, json_str(text), key));
}

/* A key of digits alone may come back as a number. */
static struct json clean_scalar(struct arena *arena, struct json value, struct secret key)
{
	struct buf text = {0};

	if (json_type(&value) == JSON_STRING)
		return clean_string(arena, &value, key);
	json_write(&text, &value);

	const struct str written = buf_str(&text), clean = secret_redact(arena, written, key);
	const bool is_clean = str_eq(clean, written);

	buf_done(&text);
	return is_clean ? value : json_string(clean);
}

/* Decoded first and redacted then: in the text a key may be written in many ways. */
static void clean_tree(struct arena *arena, struct json *value, struct secret key)
{
	switch (json_type(value)) {
	case JSON_ARRAY:
		for (size_t i = 0; i < value->size; i++)
			clean_tree(arena, &value->items[i], key);
		break;
	case JSON_OBJECT:
		for (size_t i = 0; i < value->size; i++) {
			value->members[i].key = clean_string(arena, &value->members[i].key, key);
			clean_tree(arena, &value->members[i].value, key);
		}
		break;
	default:
		*value = clean_scalar(arena, *value, key);
	}
}

/* JSON as JSON, so that people can read and edit it; anything else as text, where it is any. */
static struct json body_json(struct arena *arena, struct str body, struct secret key)
{
	struct json tree;

	if (json_read(arena, body, &tree, &(struct error){0})) {
		if (secret_is_set(key))
			clean_tree(arena, &tree, key);
		return tree;
	}
	if (str_is_utf8(body))
		return json_string(secret_redact(arena, body, key));
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
	json_set(arena, &reply, STR("body"), body_json(arena, call->reply.body, key));
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

#pragma once
/*
 * Recordings: replies of language models that a bundle carries (recordings/…jsonl), so that it runs
 *offline and in CI.
 *
 * A recording is found by the SHA-256 of the canonical request: the model's name in config.yaml,
 *messages, temperature, top_p, max_tokens, seed and answer schema, as JSON with sorted keys. What
 *depends on the environment (base_url, the endpoint's model, `extra`, keys) is no part of it: a
 *bundle recorded on one endpoint replays anywhere. Several recordings of one request answer in
 *order within a run; the last one repeats.
 *
 * Files: one JSON object a line, in the order of the files' names:
 *	{"request":{"model":…,"messages":[{"role":…,"content":…},…],"temperature":…,…,"schema":…},
 *	 "reply":{"status":200,"body":{…}},"model":"…","when":"2026-11-21T02:46:07Z"}
 * `body` is the endpoint's JSON, or text where it was none; {"error":"…"} is an attempt without
 *reply. `model` and `when` are for people. Frozen after loading.
 */
#include "base/hash.h"
#include "model/llm.h"

struct recordings;

struct recording {
	struct digest key;
	struct json request;
	struct str canonical; /* the request as it was hashed */
	int status;
	struct str body;  /* with JSON_PADDING readable bytes behind it */
	struct str error; /* no reply came: why */
	const char *file;
	unsigned line;
	const struct recording *next; /* of the same key */
};

/* How far a run has come with the recordings that it asked for. Zero is the start. */
struct recordings_played {
	struct recordings_position *first;
};

/* Reads dir/name/…jsonl; NULL where there is no such file. Mistakes are added to `problems`.
 */
const struct recordings *recordings_load(
	struct arena *arena, struct problems *problems, const char *dir, const char *name);
size_t recordings_count(const struct recordings *recordings);

/* What is hashed, without anything secret; refers to the question's texts. */
struct json recordings_request(
	struct arena *arena, const struct llm_question *question, const struct model_spec *model);
/* NULL with ERR_NOT_FOUND: the text shows the nearest recording and where it first differs. */
const struct recording *recordings_play(const struct recordings *recordings,
	struct recordings_played *played, struct arena *arena, const struct json *request,
	struct error *err);

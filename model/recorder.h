#pragma once
/*
 * Recorder: writes every reply of a language model to a file that a bundle can carry as
 * recordings/NAME.jsonl (the format is in model/recordings.h). For the command line's tools: it
 * writes to a file on the loop's thread. API keys are never part of a request, and a reply that
 * repeats one is written with *** in its place.
 */
#include "base/error.h"

struct llm_call;
struct recorder;

/* Appends to `path`; NULL on failure. One loop at a time. */
struct recorder *recorder_new(const char *path, struct error *err);
/* The reply that `call` just got. A failure to write is reported by recorder_close(). */
void recorder_add(struct recorder *recorder, const struct llm_call *call);
/* Writes what waits through to the disk and frees the recorder. False where anything was not
 * written. */
bool recorder_close(struct recorder *recorder, struct error *err);

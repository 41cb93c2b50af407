#pragma once
/*
 * Checks of what clients send beyond its type: names, lengths, page sizes. Values that MLflow cuts are cut.
 *
 * Sources: MLflow 3.17.2 utils/validation.py, whose messages these are, word for word. Lengths count characters.
 */
#include "rest/rest.h"

enum {
	REST_KEY_MAX = 250, /* of metrics, params and tags */
	REST_PARAM_VALUE_MAX = 6000,
	REST_TAG_VALUE_MAX = 8000,
	REST_EXPERIMENT_NAME_MAX = 500,
	REST_EXPERIMENT_TAG_VALUE_MAX = 20000,
	REST_REGISTRY_TAG_VALUE_MAX = 100000,
	REST_ALIAS_MAX = 255,
	REST_MAX_RESULTS_MAX = 50000,
};

/* `path` is what the message calls the value: "key", "metrics[0].name". */

/* The name of a metric, a param or a tag: only letters, digits, '_', '-', '.', ' ', ':' and '/', and the same when it is
 * read as a path. */
bool rest_check_key(struct str key, const char *path, struct error *err);
/* Only letters and digits of any script, and `marks`, which are ASCII. */
bool rest_has_only(struct str text, const char *marks);
/* The second half of rest_check_key alone, for names of models: not empty, absolute or with "//", "." or ".." in it. */
bool rest_check_path(struct str name, const char *path, struct error *err);
/* "'path' exceeds the maximum length of 250 characters" */
bool rest_check_length(struct str text, const char *path, size_t max, struct error *err);
/* The first `max` characters: what MLflow keeps of a long param or tag of a run. */
struct str rest_truncated(struct str text, size_t max);
bool rest_check_run_id(struct str run_id, struct error *err);
/* 1 to 50,000 */
bool rest_check_max_results(int64_t max_results, struct error *err);

/* As Python's json.dumps(sort_keys=True, separators=(",", ":")) shows values in messages; cut where no message goes on. */
void rest_add_json(struct buf *out, const struct json *value);
/* Python's repr() of a string: 'it', "it's". */
void rest_add_repr(struct buf *out, struct str text);

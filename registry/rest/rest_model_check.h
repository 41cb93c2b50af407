#pragma once
/*
 * Checks of what the model registry is sent: names, versions, aliases, stages, tags. Private to registry/rest.
 *
 * Sources: MLflow 3.17.2 utils/validation.py and entities/model_registry/model_version_stages.py, whose messages these
 * are, word for word. All errors are ERR_INVALID_PARAMETER.
 */
#include "rest/rest.h"

/* The tag that makes a registered model a prompt. */
#define REST_PROMPT_TAG "mlflow.prompt.is_prompt"

enum { STAGE_NONE, STAGE_STAGING, STAGE_PRODUCTION, STAGE_ARCHIVED, STAGE_COUNT };
extern const char *const rest_stages[STAGE_COUNT];

bool rest_check_model_name(struct str name, struct error *err);
bool rest_check_new_model_name(struct str name, struct error *err);
/* What Python's int() reads. Numbers beyond int64 become its ends: no version has those. */
bool rest_check_version(struct str text, int64_t *ret_version, struct error *err);
bool rest_check_alias(struct str alias, struct error *err);
/* Of one that is to be set: "latest" and "v1" are reserved. */
bool rest_check_new_alias(struct str alias, struct error *err);
/* Whatever the case of its letters; *ret_stage is an index of rest_stages. */
bool rest_check_stage(struct str text, int *ret_stage, struct error *err);
bool rest_check_registry_tag(struct str key, struct str value, bool is_version, struct error *err);
/* Each of a request's list (which may be NULL). */
bool rest_check_registry_tags(const struct json *tags, bool is_version, struct error *err);

/* Members of a tag; what is absent is "", as in proto3. */
struct str rest_tag_key(const struct json *tag);
struct str rest_tag_value(const struct json *tag);
/* The value that counts of a key that may come several times; NULL where it does not come. */
struct str rest_tag_of(const struct json *tags, const char *key);

#pragma once
/*
 * Bundle: a loaded model: MLmodel, signature, config.yaml, prompts, recordings, data. Frozen after
 * loading and reference-counted, so that a swap never pulls it from under a run; shared by all
 * threads.
 *
 * Layout: docs/bundle.md. A model logged with mlflow.pyfunc.log_model(artifacts={"config": …,
 * "prompts": …}) is a bundle too: its python_function artifacts name config and prompts; its pickle
 * is never opened.
 */
#include "model/config.h"
#include "model/signature.h"
#include "model/task.h"

struct prompts;

struct bundle {
	const char *dir;  /* where its files are */
	const char *name; /* the folder's or archive's name, for messages */
	const char
		*digest; /* hex SHA-256 of manifest.json, "" for an unpacked folder without one */
	struct json mlmodel; /* the whole file, as read */
	struct signature signature;
	struct config config;
	struct task task;
	const struct prompts *prompts;
	const struct recordings *recordings; /* NULL where it has none */
	struct json example; /* input_example.json as a request body ({"dataframe_records": …});
				JSON_ABSENT if none */
	/* private: */
	struct arena arena;
	int references; /* atomic */
};

/* Stands for an environment variable in ${env:NAME}, and goes before those of the process. One that is secret may only
 * stand where secrets may. */
struct bundle_variable {
	const char *name;
	struct secret value;
	bool is_secret;
};

typedef bool bundle_read_secret(void *data, struct arena *arena, struct str scope, struct str key, struct secret *ret,
	struct error *err);

struct bundle_options {
	const char *secret_dir; /* ${secret:name}: file NAME here, else environment
				   SLUICE_SECRET_<NAME>; may be NULL */
	/* ${secret:scope/key}; NULL: there is no store of secrets. On the thread that loads. */
	bundle_read_secret *read_secret;
	void *secret_data;
	bool is_offline; /* unresolved ${env:…} and ${secret:…} are no mistakes: pack and validate
			  */
	const struct bundle_variable *variables;
	size_t variable_count;
};

/* Reads an unpacked bundle. Every mistake goes to `problems`; false where there are any. */
bool bundle_load(const char *dir, const struct bundle_options *options, struct problems *problems,
	struct bundle **ret);
/* Whether rows may call out: a bundle that answers from its recordings, or has no models, needs no fetcher. */
bool bundle_calls_out(const struct bundle *bundle);
struct bundle *bundle_ref(struct bundle *bundle);
void bundle_unref(struct bundle *bundle);
/* Adds the mistakes that loading does not look for: an example that fails its own signature, files
 * no one names. */
void bundle_check(const struct bundle *bundle, struct problems *problems);

#pragma once
/*
 * Sample: a request that a registered version answers, from its files: serving_input_example.json, else one made from
 * the signature. And the line of curl that sends it.
 */
#include "cli/remote.h"
#include "model/signature.h"

struct sample {
	struct json body;           /* JSON_ABSENT: there is none */
	bool is_made;               /* from the signature: its values say nothing */
	struct signature signature; /* of MLmodel */
	bool has_signature;
};
/* An example of more than `size_max` bytes counts as none; what cannot be read is not there. */
void sample_read(struct remote *remote, struct str model, struct str version, size_t size_max, struct sample *ret);
/* Of MLmodel alone. */
bool sample_signature(
	struct remote *remote, struct str model, struct str version, struct sample *ret, struct error *err);

enum { SAMPLE_CURL_MAX = 4000 }; /* nobody pastes more */
/* "curl URL -H … -d '…'": logins by the variables that hold them. */
void sample_write_curl(struct buf *out, const struct remote *remote, const char *url, const struct json *body);

#include "theirs.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

static size_t theirs(struct str text, bool is_written)
{
	json_error_t err;
	size_t len = 0;
	json_t *value = json_loadb(text.data, text.len, 0, &err);
	char *written = value != NULL && is_written ? json_dumps(value, JSON_COMPACT) : NULL;

	if (value == NULL || (is_written && written == NULL)) {
		fprintf(stderr, "json_bench: jansson: %s\n",
			value == NULL ? err.text : "cannot write");
		exit(1);
	}
	if (written != NULL)
		len = strlen(written);
	free(written);
	len += json_object_size(value);
	json_decref(value);
	return len;
}

size_t theirs_read(struct str text)
{
	return theirs(text, false);
}

size_t theirs_both(struct str text)
{
	return theirs(text, true);
}

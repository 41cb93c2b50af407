#pragma once
/*
 * Tap: where the text of an answer goes while a language model still writes it, and how its reader says that it takes no
 * more at the moment.
 *
 * The writer hands pieces to on_text and then looks at is_closed: where it is, it stops its source and sets on_open.
 * What was handed out cannot be taken back: a call that fails from then on is not tried again.
 */
#include "base/str.h"

#include <stdbool.h>

struct tap {
	/* The reader's. `text` is valid UTF-8, not empty, and gone when the call returns. */
	void (*on_text)(void *data, struct str text);
	void *data;
	bool is_closed;
	/* The writer's, while it waits. */
	void (*on_open)(void *writer);
	void *writer;
};

static inline void tap_open(struct tap *tap)
{
	void (*const on_open)(void *writer) = tap->on_open;

	tap->is_closed = false;
	tap->on_open = NULL;
	if (on_open != NULL)
		on_open(tap->writer);
}

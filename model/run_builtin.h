#pragma once
/*
 * Built-in values: what a run knows about itself. A column or a step of the same name comes first.
 *	cost        dollars, a number made from integer micro-dollars
 *	tokens      input and output tokens, as reported
 *	latency_ms  since the run started
 *	now         UTC when asked, as 2026-11-21T02:46:07.123456Z
 *	error       null: only a failing row has one, and that row has nothing else
 *	trace_id, trace_url   null: there are no traces yet
 */
#include "model/run.h"

/* NULL where `name` is none of them. */
const struct json *run_builtin(struct run *run, struct str name);
/* One of their names. */
bool run_is_builtin(struct str name);

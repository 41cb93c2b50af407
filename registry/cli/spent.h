#pragma once
/*
 * Spent: what `sluice predict` says about a finished scoring: rows, calls, tokens and money, as the
 * models report them and config.yaml prices them. What they leave out is counted, never guessed.
 */
#include "cli/scoring.h"

/* "12 rows in 3.4 s, 24 model calls, 5210 (1024 cached) + 830 tokens, $0.028080". */
void spent_write(struct buf *out, const struct scored *scored);
/* The same as an object. */
struct json spent_json(struct arena *arena, const struct scored *scored);

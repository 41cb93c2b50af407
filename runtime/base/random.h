#pragma once
/* Random: ids and values that nobody can guess, from the kernel. */
#include <stddef.h>

enum { RANDOM_HEX_MAX = 256 };

/* `digits` lower-case hex digits, an even number of at most RANDOM_HEX_MAX; no NUL behind them. Aborts where the machine
 * has no randomness to start with. */
void random_hex(char *ret, size_t digits);

#pragma once
/*
 * Descriptors: what a program needs of those it was started with.
 */
#include <stdbool.h>

/*
 * First of all in main(): gives the standard descriptors 0 to 2 that are closed to /dev/null, so
 * that no file or socket gets their number and then what is meant for standard error. False with
 * errno where that fails: the program must end without a word.
 */
bool descriptors_fill_standard(void);

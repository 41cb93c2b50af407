#pragma once
/* Path: whether a call's path is that of an rpc. */
#include "base/str.h"

/* Component by component; `ret_ids` gets the raw text of each {…} of the pattern, as many as there is room for, NULL
 * behind them. */
bool rest_path_fits(struct str path, const char *pattern, struct str *ret_ids, size_t ids_max);
/* "GET, POST": once a method. */
enum { REST_ALLOW_SIZE = 64 };
void rest_allow_add(char allow[static REST_ALLOW_SIZE], const char *method);

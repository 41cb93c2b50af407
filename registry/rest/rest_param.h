#pragma once
/* Params of a run: once written, never changed. Private to registry/rest. */
#include "rest/rest.h"

/* `path` is "" or "params[0].". The value is cut where it is too long. */
bool rest_param_check(const char *path, struct str key, struct str *value, struct error *err);

enum rest_param_fate { REST_PARAM_NEW, REST_PARAM_SAME, REST_PARAM_OTHER };
/* What is there under that key: nothing, this value, or another one (in *ret_old). */
bool rest_param_compare(struct rest_call *call, struct str run_id, struct str key, struct str value,
	enum rest_param_fate *ret, struct str *ret_old, struct error *err);
bool rest_param_insert(struct rest_call *call, struct str run_id, struct str key, struct str value, struct error *err);

#include "rest/rest_param.h"

#include "rest/rest_check.h"

#include <stdio.h>

bool rest_param_check(const char *path, struct str key, struct str *value, struct error *err)
{
	char key_path[64];

	snprintf(key_path, sizeof(key_path), "%skey", path);
	*value = rest_truncated(*value, REST_PARAM_VALUE_MAX);
	return rest_check_key(key, key_path, err) && rest_check_length(key, "Param key", REST_KEY_MAX, err);
}

bool rest_param_compare(struct rest_call *call, struct str run_id, struct str key, struct str value,
	enum rest_param_fate *ret, struct str *ret_old, struct error *err)
{
	const int is_there = db_find_text(call->db, err, call->arena, ret_old,
		"SELECT value FROM params WHERE run_id = ? AND key = ?", "ss", run_id, key);

	if (is_there < 0)
		return false;
	*ret = is_there == 0 ? REST_PARAM_NEW : str_eq(*ret_old, value) ? REST_PARAM_SAME : REST_PARAM_OTHER;
	return true;
}

bool rest_param_insert(struct rest_call *call, struct str run_id, struct str key, struct str value, struct error *err)
{
	return db_run(call->db, err, "INSERT INTO params VALUES (?, ?, ?)", "sss", run_id, key, value);
}

#include "rest/rest_run_tag.h"

#include "rest/rest_check.h"

#include <stdio.h>

bool rest_run_tag_put(struct rest_call *call, struct str run_id, struct str key, struct str value, struct error *err)
{
	return db_run(call->db, err,
		"INSERT INTO run_tags VALUES (?, ?, ?) ON CONFLICT (run_id, key) DO UPDATE SET value = excluded.value", "sss",
		run_id, key, value);
}

bool rest_run_rename(struct rest_call *call, struct str run_id, struct str name, struct error *err)
{
	return db_run(call->db, err, "UPDATE runs SET name = ? WHERE run_id = ?", "ss", name, run_id) &&
	       rest_run_tag_put(call, run_id, STR(REST_RUN_NAME_TAG), name, err);
}

bool rest_run_tag_set(struct rest_call *call, struct str run_id, struct str key, struct str value, struct error *err)
{
	if (!str_is(key, REST_RUN_NAME_TAG))
		return rest_run_tag_put(call, run_id, key, value, err);
	return value.len == 0 || rest_run_rename(call, run_id, value, err);
}

bool rest_run_tag_check(const char *path, struct str key, struct str *value, struct error *err)
{
	char key_path[64];

	snprintf(key_path, sizeof(key_path), "%skey", path);
	*value = rest_truncated(*value, REST_TAG_VALUE_MAX);
	return rest_check_key(key, key_path, err) && rest_check_length(key, key_path, REST_KEY_MAX, err);
}

#include "rest/rest_eval_dataset.h"

#include "base/hash.h"

enum { DIGEST_LEN = 8 };

struct rest_eval_dataset rest_eval_dataset_read(const struct db_rows *rows, struct arena *arena)
{
	return (struct rest_eval_dataset){
		.dataset_id = db_text(rows, 0, arena),
		.name = db_text(rows, 1, arena),
		.digest = db_text(rows, 2, arena),
		.created_time = db_integer(rows, 3),
		.last_update_time = db_integer(rows, 4),
		.created_by = db_text(rows, 5, arena),
		.last_updated_by = db_text(rows, 6, arena),
		.schema = db_text(rows, 7, arena),
		.profile = db_text(rows, 8, arena),
	};
}

int rest_eval_dataset_find(struct rest_call *call, struct str id, struct rest_eval_dataset *ret, struct error *err)
{
	struct db_rows rows;

	if (!db_start(&rows, call->db, err,
		    "SELECT " REST_EVAL_DATASET_COLUMNS " FROM eval_datasets AS e WHERE e.dataset_id = ?", "s", id))
		return -1;
	const bool is_found = db_next(&rows);
	if (is_found)
		*ret = rest_eval_dataset_read(&rows, call->arena);
	return db_end(&rows) ? is_found : -1;
}

struct str rest_eval_dataset_digest(struct rest_call *call, struct str name, int64_t time_ms)
{
	const struct str text =
		str_of(arena_printf(call->arena, "%.*s:%lld", STR_ARGS(name), (long long)time_ms));
	char hex[DIGEST_HEX_SIZE];
	struct sha256 hash;

	sha256_init(&hash);
	sha256_add(&hash, text.data, text.len);
	const struct digest digest = sha256_end(&hash);
	return (struct str){arena_memdup(call->arena, digest_hex(&digest, hex), DIGEST_LEN), DIGEST_LEN};
}

struct str rest_eval_written(struct rest_call *call, const struct json *value)
{
	struct buf text = {0};

	json_write(&text, value);
	const struct str copy = {arena_memdup(call->arena, text.data, text.len), text.len};
	buf_done(&text);
	return copy;
}

struct str rest_eval_text(struct rest_call *call, const struct json *value)
{
	if (json_type(value) == JSON_STRING)
		return value->size > 0 ? json_str(value) : STR("");
	if (json_type(value) == JSON_BOOL)
		return value->boolean ? STR("True") : STR("False");
	return rest_eval_written(call, value);
}

bool rest_eval_check_object(const struct json *value, const char *name, struct error *err)
{
	if (json_type(value) != JSON_OBJECT)
		return error_set(err, ERR_INVALID_PARAMETER, "'%s' must be a JSON object, not %s", name, json_type_name(value));
	return value->size <= REST_EVAL_KEYS_MAX ||
	       error_set(err, ERR_INVALID_PARAMETER, "'%s' has more than %d keys", name, REST_EVAL_KEYS_MAX);
}

/* As text, as everything that is free-form in these messages. */
static bool read_tags(struct rest_call *call, struct str id, struct str *ret, struct error *err)
{
	struct json tags = json_object();
	struct db_rows rows;

	if (!db_start(&rows, call->db, err, "SELECT key, value FROM eval_dataset_tags WHERE dataset_id = ? ORDER BY key", "s", id))
		return false;
	while (db_next(&rows))
		json_set(call->arena, &tags, db_text(&rows, 0, call->arena), json_string(db_text(&rows, 1, call->arena)));
	*ret = rest_eval_written(call, &tags);
	return db_end(&rows);
}

static bool read_experiments(struct rest_call *call, struct str id, struct json *ret, struct error *err)
{
	struct db_rows rows;

	*ret = json_array();
	if (!db_start(&rows, call->db, err,
		    "SELECT experiment_id FROM eval_dataset_experiments WHERE dataset_id = ? ORDER BY experiment_id", "s", id))
		return false;
	while (db_next(&rows))
		json_append(call->arena, ret, json_string(db_text(&rows, 0, call->arena)));
	return db_end(&rows);
}

bool rest_eval_dataset_json(struct rest_call *call, const struct rest_eval_dataset *dataset, bool has_experiments,
	struct json *ret, struct error *err)
{
	struct json experiments = json_array();
	struct str tags;

	if (!read_tags(call, dataset->dataset_id, &tags, err) ||
		(has_experiments && !read_experiments(call, dataset->dataset_id, &experiments, err)))
		return false;
	*ret = json_object();
	rest_set_str(call, ret, "dataset_id", dataset->dataset_id);
	rest_set_str(call, ret, "name", dataset->name);
	rest_set_str(call, ret, "tags", tags);
	rest_set_str(call, ret, "schema", dataset->schema);
	rest_set_str(call, ret, "profile", dataset->profile);
	rest_set_str(call, ret, "digest", dataset->digest);
	rest_set_int(call, ret, "created_time", dataset->created_time);
	rest_set_int(call, ret, "last_update_time", dataset->last_update_time);
	rest_set_str(call, ret, "created_by", dataset->created_by);
	rest_set_str(call, ret, "last_updated_by", dataset->last_updated_by);
	rest_set(call, ret, "experiment_ids", experiments);
	return true;
}

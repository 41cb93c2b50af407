#include "rest/rest_experiment.h"

#include <stdlib.h>

struct rest_experiment rest_experiment_read(const struct db_rows *rows, struct arena *arena)
{
	return (struct rest_experiment){
		.experiment_id = db_integer(rows, 0),
		.name = db_text(rows, 1, arena),
		.artifact_location = db_text(rows, 2, arena),
		.lifecycle_stage = db_text(rows, 3, arena),
		.creation_time = db_integer(rows, 4),
		.last_update_time = db_integer(rows, 5),
	};
}

bool rest_experiment_id(struct str text, int64_t *ret, struct error *err)
{
	const struct str trimmed = str_trim_space(text);
	const size_t sign = trimmed.len > 0 && (trimmed.data[0] == '-' || trimmed.data[0] == '+');
	bool is_fine = trimmed.len > sign;
	int64_t id = 0;

	for (size_t i = sign; is_fine && i < trimmed.len; i++) {
		is_fine = trimmed.data[i] >= '0' && trimmed.data[i] <= '9' && id < INT64_MAX / 10;
		if (is_fine)
			id = id * 10 + (trimmed.data[i] - '0');
	}
	if (!is_fine)
		return error_set(err, ERR_INVALID_PARAMETER,
			"Invalid experiment ID '%.*s'. Experiment ID must be a valid integer.", STR_ARGS(text));
	*ret = sign > 0 && trimmed.data[0] == '-' ? -id : id;
	return true;
}

bool rest_experiment_find(
	struct rest_call *call, struct str id, const char *stage, struct rest_experiment *ret, struct error *err)
{
	struct db_rows rows;
	int64_t number = 0;

	if ((id.len > 0 && !rest_experiment_id(id, &number, err)) ||
		!db_start(&rows, call->db, err,
			"SELECT " REST_EXPERIMENT_COLUMNS " FROM experiments AS e WHERE e.experiment_id = ?", "i", number))
		return false;
	bool is_found = db_next(&rows);
	if (is_found)
		*ret = rest_experiment_read(&rows, call->arena);
	if (!db_end(&rows))
		return false;
	is_found = is_found && (stage == NULL || str_is(ret->lifecycle_stage, stage));
	return is_found || error_set(err, ERR_NOT_FOUND, "No Experiment with id=%lld exists", (long long)number);
}

bool rest_experiment_check_active(const struct rest_experiment *experiment, struct error *err)
{
	return str_is(experiment->lifecycle_stage, "active") ||
	       error_set(err, ERR_INVALID_PARAMETER,
		       "The experiment %lld must be in the 'active' state. Current state is %.*s.",
		       (long long)experiment->experiment_id, STR_ARGS(experiment->lifecycle_stage));
}

bool rest_experiment_json(
	struct rest_call *call, const struct rest_experiment *experiment, struct json *ret, struct error *err)
{
	struct db_rows rows;
	struct json tags;

	*ret = json_object();
	rest_set_str(call, ret, "experiment_id", rest_number_text(call, experiment->experiment_id));
	rest_set_str(call, ret, "name", experiment->name);
	rest_set_str(call, ret, "artifact_location", experiment->artifact_location);
	rest_set_str(call, ret, "lifecycle_stage", experiment->lifecycle_stage);
	rest_set_int(call, ret, "last_update_time", experiment->last_update_time);
	rest_set_int(call, ret, "creation_time", experiment->creation_time);
	if (!db_start(&rows, call->db, err, "SELECT key, value FROM experiment_tags WHERE experiment_id = ? ORDER BY key",
		    "i", experiment->experiment_id) ||
		!rest_read_pairs(call, &rows, &tags))
		return false;
	rest_set(call, ret, "tags", tags);
	rest_set_str(call, ret, "workspace", STR("default"));
	return true;
}

/* A query ("s3://bucket/path?region=x") stays behind. */
struct str rest_experiment_artifacts(
	struct rest_call *call, const struct rest_experiment *experiment, struct str folder, struct str id)
{
	struct str query = experiment->artifact_location, root;
	const bool has_query = str_cut(&query, '?', &root);

	while (root.len > 0 && root.data[root.len - 1] == '/')
		root.len--;
	return str_of(arena_printf(call->arena, "%.*s/%.*s%s%.*s/artifacts%s%.*s", STR_ARGS(root), STR_ARGS(folder),
		folder.len > 0 ? "/" : "", STR_ARGS(id), has_query ? "?" : "", STR_ARGS(query)));
}

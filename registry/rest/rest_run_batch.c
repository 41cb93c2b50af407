/*
 * runs/log-batch: check all → params → metrics → tags
 *
 * All or nothing, where MLflow may leave the first half.
 */
#include "rest/rest_check.h"
#include "rest/rest_element.h"
#include "rest/rest_metric.h"
#include "rest/rest_param.h"
#include "rest/rest_run.h"
#include "rest/rest_run_tag.h"
#include "rest/rest_tables.h"

#include <stdio.h>

enum { METRICS_MAX = 1000, PARAMS_MAX = 100, TAGS_MAX = 100, ALL_MAX = 1000 };

struct pair {
	struct str key, value;
};

struct batch {
	struct str run_id;
	struct rest_metric *metrics;
	struct pair *params, *tags;
	size_t metric_count, param_count, tag_count;
};

static const char *path_of(char room[static 32], const char *list, size_t index)
{
	snprintf(room, 32, "%s[%zu].", list, index);
	return room;
}

static bool read_metrics(struct rest_call *call, struct batch *batch, struct error *err)
{
	const struct json *list = rest_list(call, "metrics");
	char room[32];

	batch->metric_count = rest_element_count(list);
	batch->metrics = arena_array(call->arena, batch->metric_count, sizeof(*batch->metrics));
	for (size_t i = 0; i < batch->metric_count; i++) {
		batch->metrics[i] = rest_metric_read(&list->items[i]);
		if (!rest_metric_check(&batch->metrics[i], path_of(room, "metrics", i), err))
			return false;
	}
	return true;
}

typedef bool check_pair(const char *path, struct str key, struct str *value, struct error *err);

static bool read_pairs(struct rest_call *call, const char *name, check_pair *check, struct pair **ret, size_t *ret_count,
	struct error *err)
{
	const struct json *list = rest_list(call, name);
	char room[32];

	*ret_count = rest_element_count(list);
	*ret = arena_array(call->arena, *ret_count, sizeof(**ret));
	for (size_t i = 0; i < *ret_count; i++) {
		struct pair *pair = &(*ret)[i];

		pair->key = rest_element_str(&list->items[i], "key");
		pair->value = rest_element_str(&list->items[i], "value");
		if (!check(path_of(room, name, i), pair->key, &pair->value, err))
			return false;
	}
	return true;
}

static bool check_limit(const char *what, size_t max, size_t count, struct error *err)
{
	return count <= max ||
	       error_set(err, ERR_INVALID_PARAMETER,
		       "A batch logging request can contain at most %zu %s. Got %zu %s. Please split up %s across multiple requests "
		       "and try again.",
		       max, what, count, what, what);
}

static bool check_limits(const struct batch *batch, struct error *err)
{
	return check_limit("metrics", METRICS_MAX, batch->metric_count, err) &&
	       check_limit("params", PARAMS_MAX, batch->param_count, err) &&
	       check_limit("tags", TAGS_MAX, batch->tag_count, err) &&
	       check_limit("metrics, params, and tags", ALL_MAX,
		       batch->metric_count + batch->param_count + batch->tag_count, err);
}

static bool is_earlier(const struct batch *batch, size_t index)
{
	for (size_t i = 0; i < index; i++)
		if (str_eq(batch->params[i].key, batch->params[index].key))
			return true;
	return false;
}

static bool check_params_differ(const struct batch *batch, struct error *err)
{
	struct buf keys = {0};

	for (size_t i = 0; i < batch->param_count; i++) {
		if (!is_earlier(batch, i))
			continue;
		buf_add_text(&keys, keys.len > 0 ? ", " : "");
		rest_add_repr(&keys, batch->params[i].key);
	}
	const bool is_fine = keys.len == 0;
	if (!is_fine)
		error_set(err, ERR_INVALID_PARAMETER,
			"Duplicate parameter keys have been submitted: [%s]. Please ensure the request contains only one param "
			"value per param key.",
			buf_text(&keys));
	buf_done(&keys);
	return is_fine;
}

static void add_conflict(struct buf *conflicts, const struct pair *param, struct str old)
{
	buf_add_text(conflicts, conflicts->len > 0 ? ", {'key': " : "{'key': ");
	rest_add_repr(conflicts, param->key);
	buf_add_text(conflicts, ", 'old_value': ");
	rest_add_repr(conflicts, old);
	buf_add_text(conflicts, ", 'new_value': ");
	rest_add_repr(conflicts, param->value);
	buf_add_char(conflicts, '}');
}

static bool write_params_into(struct rest_call *call, const struct batch *batch, struct buf *conflicts, struct error *err)
{
	for (size_t i = 0; i < batch->param_count; i++) {
		const struct pair *param = &batch->params[i];
		enum rest_param_fate fate;
		struct str old;

		if (!rest_param_compare(call, batch->run_id, param->key, param->value, &fate, &old, err))
			return false;
		if (fate == REST_PARAM_OTHER)
			add_conflict(conflicts, param, old);
		if (fate == REST_PARAM_NEW && !rest_param_insert(call, batch->run_id, param->key, param->value, err))
			return false;
	}
	return true;
}

static bool write_params(struct rest_call *call, const struct batch *batch, struct error *err)
{
	struct buf conflicts = {0};
	bool is_written = write_params_into(call, batch, &conflicts, err);

	if (is_written && conflicts.len > 0)
		is_written = error_set(err, ERR_INVALID_PARAMETER,
			"Changing param values is not allowed. Params were already logged='[%s]' for run ID='%.*s'.",
			buf_text(&conflicts), STR_ARGS(batch->run_id));
	buf_done(&conflicts);
	return is_written;
}

static bool write_batch(struct rest_call *call, const struct batch *batch, struct error *err)
{
	if (!write_params(call, batch, err))
		return false;
	for (size_t i = 0; i < batch->metric_count; i++)
		if (!rest_metric_insert(call, batch->run_id, &batch->metrics[i], err))
			return false;
	for (size_t i = 0; i < batch->tag_count; i++)
		if (!rest_run_tag_set(call, batch->run_id, batch->tags[i].key, batch->tags[i].value, err))
			return false;
	return true;
}

static bool log_batch(struct rest_call *call, struct error *err)
{
	struct batch batch = {.run_id = rest_run_id(call)};
	struct rest_run run;

	return rest_check_run_id(batch.run_id, err) && read_metrics(call, &batch, err) &&
	       read_pairs(call, "params", rest_param_check, &batch.params, &batch.param_count, err) &&
	       read_pairs(call, "tags", rest_run_tag_check, &batch.tags, &batch.tag_count, err) &&
	       check_limits(&batch, err) && check_params_differ(&batch, err) &&
	       rest_run_find_active(call, batch.run_id, &run, err) && write_batch(call, &batch, err);
}

static const struct rest_field METRIC[] = {
	{"key", REST_STRING, REST_REQUIRED, 0, NULL, NULL},
	{"value", REST_DOUBLE, REST_REQUIRED, 0, NULL, NULL},
	{"timestamp", REST_INT, REST_REQUIRED, 0, NULL, NULL},
	{"step", REST_INT, 0, 0, NULL, NULL},
	{"dataset_name", REST_STRING, 0, 0, NULL, NULL},
	{"dataset_digest", REST_STRING, 0, 0, NULL, NULL},
	{"model_id", REST_STRING, 0, 0, NULL, NULL},
	{"run_id", REST_STRING, 0, 0, NULL, NULL},
	{0},
};
static const struct rest_field BATCH[] = {
	{"run_id", REST_STRING, REST_REQUIRED, 0, NULL, NULL},
	{"metrics", REST_MESSAGE, REST_REPEATED | REST_CHECKED | REST_KEYED, 0, METRIC, NULL},
	{"params", REST_MESSAGE, REST_REPEATED | REST_CHECKED | REST_KEYED, 0, rest_tag_fields, NULL},
	{"tags", REST_MESSAGE, REST_REPEATED | REST_CHECKED | REST_KEYED, 0, rest_tag_fields, NULL},
	{0},
};

const struct rest_rpc rest_run_batch[] = {
	REST_RPC("POST", "runs/log-batch", PERMISSION_MANAGE, BATCH, log_batch, DB_WRITE, "metrics, params and tags at once"),
	{0},
};

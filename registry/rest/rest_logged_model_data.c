/* logged-models/{model_id}/tags, params, artifacts/directories */
#include "rest/rest_artifact_list.h"
#include "rest/rest_check.h"
#include "rest/rest_element.h"
#include "rest/rest_logged_model.h"
#include "rest/rest_tables.h"

static bool set_tags(struct rest_call *call, struct error *err)
{
	const struct json *tags = rest_list(call, "tags");
	struct rest_logged_model model;

	if (!rest_logged_model_find(call, call->ids[0], true, &model, err))
		return false;
	for (size_t i = 0; i < rest_element_count(tags); i++)
		if (!rest_logged_model_put_tag(call, model.model_id, rest_element_str(&tags->items[i], "key"),
			    rest_element_str(&tags->items[i], "value"), err))
			return false;
	return true;
}

static bool fail_no_tag(struct str model_id, struct str key, struct error *err)
{
	struct buf text = {0};

	buf_add_text(&text, "No tag with key ");
	rest_add_repr(&text, key);
	buf_add_text(&text, " found for model with ID ");
	rest_add_repr(&text, model_id);
	error_set(err, ERR_NOT_FOUND, "%s.", buf_text(&text));
	buf_done(&text);
	return false;
}

static bool delete_tag(struct rest_call *call, struct error *err)
{
	const struct str key = call->ids[1];
	struct rest_logged_model model;

	if (!rest_logged_model_find(call, call->ids[0], true, &model, err) ||
		!db_run(call->db, err, "DELETE FROM logged_model_tags WHERE model_id = ? AND key = ?", "ss", model.model_id,
			key))
		return false;
	return db_changes(call->db) > 0 || fail_no_tag(model.model_id, key, err);
}

static bool log_params(struct rest_call *call, struct error *err)
{
	struct rest_logged_model model;

	return rest_logged_model_find(call, call->ids[0], true, &model, err) &&
	       rest_logged_model_add_params(call, model.model_id, rest_list(call, "params"), err);
}

static bool list_artifacts(struct rest_call *call, struct error *err)
{
	struct rest_logged_model model;

	return rest_logged_model_find(call, call->ids[0], false, &model, err) &&
	       rest_artifact_list(call, model.artifact_uri, rest_str(call, "artifact_directory_path"), err);
}

static const struct rest_field TAGS[] = {
	{"tags", REST_MESSAGE, REST_REPEATED | REST_CHECKED, 0, rest_tag_fields, NULL},
	{0},
};
static const struct rest_field PARAMS[] = {
	{"model_id", REST_STRING, REST_REQUIRED, 0, NULL, NULL},
	{"params", REST_MESSAGE, REST_REPEATED | REST_CHECKED, 0, rest_tag_fields, NULL},
	{0},
};
static const struct rest_field DIRECTORY[] = {
	{"artifact_directory_path", REST_STRING, REST_CHECKED, 0, NULL, NULL},
	{0},
};

const struct rest_rpc rest_logged_model_data[] = {
	REST_RPC("PATCH", "logged-models/{model_id}/tags", PERMISSION_MANAGE, TAGS, set_tags, DB_WRITE, "set tags of a logged model"),
	REST_RPC("DELETE", "logged-models/{model_id}/tags/{tag_key}", PERMISSION_MANAGE, NULL, delete_tag, DB_WRITE, "delete a tag of a logged model"),
	REST_RPC("POST", "logged-models/{model_id}/params", PERMISSION_MANAGE, PARAMS, log_params, DB_WRITE, "add params to a logged model"),
	REST_RPC("GET", "logged-models/{model_id}/artifacts/directories", PERMISSION_VIEW, DIRECTORY, list_artifacts, DB_READ,
		"a folder of a logged model's artifacts"),
	{0},
};

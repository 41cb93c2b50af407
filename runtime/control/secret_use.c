#include "control/secret_use.h"

enum { EARLIER_MAX = 100 };

static bool names_secret(const struct json *value)
{
	static const char MARK[] = "{{secrets/";
	const struct str text = json_str(value);

	return text.len > 0 && memmem(text.data, text.len, MARK, sizeof(MARK) - 1) != NULL;
}

static bool has_variable(const struct served_config *config, const struct json *value)
{
	for (size_t i = 0; i < config->count; i++) {
		const struct json *variables = &config->entities[i].variables;

		for (size_t j = 0; json_type(variables) == JSON_OBJECT && j < variables->size; j++)
			if (str_eq(json_str(&variables->members[j].value), json_str(value)))
				return true;
	}
	return false;
}

/* Of the newest configs; whoever wrote them was checked, too. 1, 0, -1 with the error set. */
static int was_named(
	struct control_call *call, struct str endpoint_id, const struct json *value, struct error *err)
{
	struct config_row *rows;
	size_t count;

	if (!rows_configs(call->db, call->arena, endpoint_id, 0, EARLIER_MAX, &rows, &count, err))
		return -1;
	for (size_t i = 0; i < count; i++) {
		struct served_config earlier;

		if (!served_config_restore(call->arena, rows[i].config, &earlier, err))
			return -1;
		if (has_variable(&earlier, value))
			return 1;
	}
	return 0;
}

static bool check_variable(
	struct control_call *call, struct str endpoint_id, const struct json_member *member, struct error *err)
{
	if (!names_secret(&member->value))
		return true;
	const int found = was_named(call, endpoint_id, &member->value, err);
	if (found == 0)
		error_set(err, ERR_PERMISSION_DENIED,
			"environment_vars.%.*s: %.*s: a secret that no config of this endpoint named before needs the permission "
			"'manage' on everything",
			STR_ARGS(str_clip(json_str(&member->key), 100)), STR_ARGS(str_clip(json_str(&member->value),
				300)));
	return found > 0;
}

bool secret_use_check(
	struct control_call *call, struct str endpoint_id, const struct served_config *config, struct error *err)
{
	/* An alias moved: the config is the one that serves. */
	if (call->principal == NULL)
		return true;
	if ((principal_rights(call->principal, (struct str){NULL, 0}) & RIGHT_MANAGE) != 0)
		return true;
	for (size_t i = 0; i < config->count; i++) {
		const struct json *variables = &config->entities[i].variables;

		for (size_t j = 0; json_type(variables) == JSON_OBJECT && j < variables->size; j++)
			if (!check_variable(call, endpoint_id, &variables->members[j], err))
				return false;
	}
	return true;
}

#include "cli/command.h"

#include <stdio.h>

const struct command *const commands[] = {
	&cmd_pack,
	&cmd_sign,
	&cmd_verify,
	&cmd_validate,
	&cmd_predict,
	&cmd_diff,
	&cmd_schema,
	&cmd_log,
	&cmd_register,
	&cmd_release,
	&cmd_search,
	&cmd_versions,
	&cmd_show,
	&cmd_download,
	&cmd_alias_set,
	&cmd_alias_rm,
	&cmd_alias_list,
	&cmd_alias_log,
	&cmd_alias_at,
	&cmd_tag_set,
	&cmd_tag_rm,
	&cmd_stage,
	&cmd_rm,
	&cmd_deploy,
	&cmd_status,
	&cmd_test,
	&cmd_traffic,
	&cmd_rollback,
	&cmd_history,
	&cmd_logs,
	&cmd_stop,
	&cmd_start,
	&cmd_undeploy,
	&cmd_token_create,
	&cmd_token_list,
	&cmd_token_revoke,
	&cmd_secret_put,
	&cmd_secret_list,
	&cmd_secret_rm,
	&cmd_completion,
	&cmd_man,
	&cmd_help,
	&cmd_version,
	NULL,
};

const struct command_group command_groups[] = {
	{"alias", "names that point at a version, and what they pointed at"},
	{"tag", "keys and values on models and versions"},
	{"token", "who may do what on a server"},
	{"secret", "what models of a server need and nobody may see"},
	{NULL, NULL},
};

const char *const command_areas[AREA_COUNT] = {
	[AREA_BUNDLES] = "Bundles",
	[AREA_REGISTRY] = "Registry",
	[AREA_SERVING] = "Serving",
	[AREA_TOOL] = "This tool",
};

enum { NAMES_MAX = 64 };

const struct command_group *command_group_find(const char *name)
{
	for (const struct command_group *group = command_groups; group->name != NULL; group++)
		if (strcmp(group->name, name) == 0)
			return group;
	return NULL;
}

struct str command_group_name(const struct command *command)
{
	struct str rest = str_of(command->name), first;

	return str_cut(&rest, ' ', &first) ? first : STR("");
}

static const struct command *fail_unknown(
	const char *what, const char *const *names, const char *word, struct error *err)
{
	const char *nearest = decode_nearest(str_of(word), names);

	if (nearest != NULL)
		error_set(err, ERR_USAGE, "unknown command '%s%s', did you mean '%s%s'?", what, word, what, nearest);
	else
		error_set(err, ERR_USAGE, "unknown command '%s%s' (see 'sluice help')", what, word);
	return NULL;
}

/* Every first word once. */
static const struct command *find_single(const char *word, struct error *err)
{
	const char *names[NAMES_MAX] = {0};
	size_t count = 0;

	for (size_t i = 0; commands[i] != NULL; i++) {
		if (strcmp(commands[i]->name, word) == 0)
			return commands[i];
		if (command_group_name(commands[i]).len == 0)
			names[count++] = commands[i]->name;
	}
	for (const struct command_group *group = command_groups; group->name != NULL; group++)
		names[count++] = group->name;
	return fail_unknown("", names, word, err);
}

/* "alias" and "set": the verbs of the group are in `names` where there is no such one. */
static const struct command *find_verb(const char *group, const char *word, const char *names[NAMES_MAX])
{
	const size_t prefix = strlen(group) + 1;
	size_t count = 0;

	for (size_t i = 0; commands[i] != NULL; i++) {
		if (!str_is(command_group_name(commands[i]), group))
			continue;
		if (word != NULL && strcmp(commands[i]->name + prefix, word) == 0)
			return commands[i];
		names[count++] = commands[i]->name + prefix;
	}
	return NULL;
}

static void fail_alone(const char *group, const char *const *names, struct error *err)
{
	struct buf list = {0};

	for (size_t i = 0; names[i] != NULL; i++)
		buf_printf(&list, "%s%s", i > 0 ? ", " : "", names[i]);
	error_set(err, ERR_USAGE, "'%s' needs a verb: %s (see 'sluice help %s')", group, buf_text(&list), group);
	buf_done(&list);
}

const struct command *command_find(const char *const *words, size_t count, size_t *ret_used, struct error *err)
{
	const char *names[NAMES_MAX] = {0};

	*ret_used = 1;
	if (command_group_find(words[0]) == NULL)
		return find_single(words[0], err);
	*ret_used = 2;
	const char *word = count > 1 && words[1][0] != '-' ? words[1] : NULL;
	const struct command *command = find_verb(words[0], word, names);
	if (command != NULL)
		return command;
	if (word == NULL || decode_nearest(str_of(word), names) == NULL) {
		fail_alone(words[0], names, err);
		return NULL;
	}
	char prefix[32];
	snprintf(prefix, sizeof(prefix), "%s ", words[0]);
	return fail_unknown(prefix, names, word, err);
}

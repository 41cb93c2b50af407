#pragma once
/*
 * Command: one verb of `sluice`. Each stands in a file of its own (cmd_VERB.c) that ends in its
 * `struct command`; the table of all is in command.c. What belongs together has a group in front: "alias set" and
 * "alias rm" are two commands of the group "alias".
 *
 * A command writes its result to standard output (through console.h) and returns false with an
 * error, which main reports once; its exit status comes from the error table. With --json
 * everything on standard output is JSON.
 */
#include "base/options.h"
#include "cli/console.h"

enum command_area { AREA_BUNDLES, AREA_REGISTRY, AREA_SERVING, AREA_TOOL, AREA_COUNT };

struct command {
	const char *name;                /* "pack", "alias set" */
	enum command_area area;          /* where the list of all shows it */
	const struct options_spec *spec; /* its summary is the command's, too */
	size_t options_size;             /* of the struct that the spec fills */
	size_t json_offset;              /* of its --json, a bool */
	bool (*run)(struct console *console, struct arena *arena, const void *options,
		const struct options_result *arguments, struct error *err);
};

/* The last row of every command's options but the end. */
#define OPTION_JSON(struct_)                                                                                           \
	{                                                                                                              \
		.name = "json", .kind = OPTION_FLAG, .offset = offsetof(struct_, is_json),                             \
		.help = "write JSON, for scripts"                                                                      \
	}

extern const struct command cmd_pack, cmd_sign, cmd_verify, cmd_validate, cmd_predict, cmd_schema, cmd_help, cmd_version, cmd_completion,
	cmd_man;
extern const struct command cmd_diff, cmd_log, cmd_register, cmd_release, cmd_versions, cmd_show, cmd_search,
	cmd_download;
extern const struct command cmd_alias_set, cmd_alias_rm, cmd_alias_list, cmd_alias_log, cmd_alias_at;
extern const struct command cmd_deploy, cmd_status, cmd_traffic, cmd_rollback, cmd_history, cmd_stop, cmd_start, cmd_logs,
	cmd_test, cmd_undeploy;
extern const struct command cmd_token_create, cmd_token_list, cmd_token_revoke, cmd_secret_put, cmd_secret_list,
	cmd_secret_rm;
extern const struct command cmd_tag_set, cmd_tag_rm, cmd_stage, cmd_rm;

/* All of them, NULL at the end; the commands of a group stand together. */
extern const struct command *const commands[];

struct command_group {
	const char *name, *summary;
};
extern const struct command_group command_groups[]; /* ended by a row without name */
extern const char *const command_areas[AREA_COUNT];

/* NULL where no group has that name. */
const struct command_group *command_group_find(const char *name);
/* The group's name is the first word; the rest is what follows it. "" where the command has no group. */
struct str command_group_name(const struct command *command);
/* The command that the first words name, and how many they are. NULL with ERR_USAGE that names the nearest one, or the
 * verbs of a group that stands alone. */
const struct command *command_find(const char *const *words, size_t count, size_t *ret_used, struct error *err);

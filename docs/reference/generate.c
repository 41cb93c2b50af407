/* Writes the reference pages from the tables that the programs run by: generate FOLDER.
 * `lint/reference` compares. */
#include "cli/command.h"
#include "cli/project.h"
#include "model/config.h"
#include "rest/rest.h"
#include "server/route.h"
#include "server/settings.h"

#include <stdio.h>
#include <stdlib.h>

static const char NOTICE[] =
	"<!-- Made by docs/reference/generate.c from the program's own tables; do not edit. -->\n\n";

static void write_config(struct buf *out)
{
	config_reference(out);
}

static void write_errors(struct buf *out)
{
	buf_add_text(out,
		"# Error codes\n\nThe table in `runtime/base/error.c`. `error_code` is what stands in an answer's JSON "
		"beside `message`; clients\nof MLflow and Databricks know these names.\n\n"
		"| code | `error_code` | HTTP status | exit status of the tools | when |\n|---|---|---:|---:|---|\n");
	for (int code = ERR_NONE + 1; code < ERR_COUNT; code++) {
		const struct error_info *info = error_info((enum error_code)code);

		buf_printf(out, "| %s | `%s` | %d | %d | %s |\n", info->name, info->error_code,
			info->http_status, info->exit_status, info->help);
	}
}

static void write_routes(struct buf *out)
{
	static const char *const METHODS[] = {
		"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "other"};
	size_t count;
	const struct route *routes = route_table(&count);

	buf_add_text(out,
		"# Routes\n\nThe table in `runtime/server/route.c`. What a permission is stands in [access.md](../access.md).\n\n"
		"| path | methods | permission | what |\n|---|---|---|---|\n");
	for (size_t i = 0; i < count; i++) {
		buf_printf(out, "| `%s%s` |", routes[i].path, routes[i].is_prefix ? "…" : "");
		if (~routes[i].methods == 0) {
			buf_printf(out, " as its page says | %s | %s |\n", permission_name(routes[i].permission), routes[i].help);
			continue;
		}
		for (unsigned m = 0; m < sizeof(METHODS) / sizeof(METHODS[0]); m++)
			if ((routes[i].methods & 1u << m) != 0)
				buf_printf(out, " %s", METHODS[m]);
		buf_printf(out, " | %s | %s |\n", permission_name(routes[i].permission), routes[i].help);
	}
}

static const char *type_name(const struct rest_field *field)
{
	static const char *const NAMES[] = {
		[REST_STRING] = "string", [REST_INT] = "integer", [REST_DOUBLE] = "number", [REST_BOOL] = "boolean",
		[REST_ENUM] = "enum", [REST_MESSAGE] = "object", [REST_ANY] = "any"};

	return NAMES[field->type];
}

static void write_fields(struct buf *out, const struct rest_field *fields)
{
	for (const struct rest_field *field = fields; field != NULL && field->name != NULL; field++) {
		buf_printf(out, "%s`%s` %s%s%s", field == fields ? "" : ", ", field->name, type_name(field),
			(field->flags & REST_REPEATED) != 0 ? "[]" : "", (field->flags & REST_REQUIRED) != 0 ? " (required)" : "");
		if (field->type == REST_MESSAGE) {
			buf_add_text(out, " {");
			write_fields(out, field->fields);
			buf_add_char(out, '}');
		}
	}
}

static void write_registry(struct buf *out)
{
	buf_add_text(out,
		"# The registry's calls\n\nThe tables in `registry/rest/rest_*.c`. Paths stand below `/api/2.0/mlflow/` and, for web pages, "
		"`/ajax-api/2.0/mlflow/`;\nwhole ones below `/api/` do so below `/ajax-api/`, too.\nGET takes its fields from the query, every other method from a JSON body. What MLflow's client sends "
		"and expects is in [protocol/MLFLOW_REST.md](../protocol/MLFLOW_REST.md).\n\n"
		"| method | path | permission | fields | what |\n|---|---|---|---|---|\n");
	for (size_t i = 0; rest_tables[i] != NULL; i++) {
		for (const struct rest_rpc *rpc = rest_tables[i]; rpc->path != NULL; rpc++) {
			buf_printf(out, "| %s | `%s` | %s | ", rpc->method, rpc->path, permission_name(rpc->permission));
			write_fields(out, rpc->fields);
			buf_printf(out, " | %s |\n", rpc->help);
		}
	}
}

static void write_body(struct buf *out, const struct control_rpc *rpc)
{
	if (rpc->fields == NULL || rpc->fields[0].name == NULL)
		return;
	buf_printf(out, "\n## %s %s\n\n| field | type | default | what |\n|---|---|---|---|\n", rpc->method, rpc->path);
	decode_reference(out, rpc->fields, "");
}

static void write_control(struct buf *out)
{
	buf_add_text(out,
		"# The control plane's calls\n\nThe tables in `runtime/control/control_*.c`. Paths stand below `/api/2.0/`. The permission is on "
		"the endpoint where the path\nnames one, else on everything: [access.md](../access.md).\n\n"
		"| method | path | permission | what |\n|---|---|---|---|\n");
	for (size_t i = 0; control_tables[i] != NULL; i++)
		for (const struct control_rpc *rpc = control_tables[i]; rpc->path != NULL; rpc++)
			buf_printf(out, "| %s | `%s` | %s | %s |\n", rpc->method, rpc->path, permission_name(rpc->permission),
				rpc->help);
	buf_add_text(out, "\nOther fields than these are refused, and so is a value that is not done here. Nothing (null, false, 0, \"\", "
			  "{}, [])\nmay stand everywhere; numbers may be text. Calls without a section take no body.\n");
	for (size_t i = 0; control_tables[i] != NULL; i++)
		for (const struct control_rpc *rpc = control_tables[i]; rpc->path != NULL; rpc++)
			write_body(out, rpc);
}

static void write_options(struct buf *out)
{
	buf_add_text(out,
		"# sluiced\n\nThe table in `runtime/server/settings.c`, as `sluiced --help` prints it.\n\n```\n");
	options_help(settings_spec(), out, false);
	buf_add_text(out, "```\n\nWhat SIGHUP changes while the server runs (all others need a restart or an upgrade):");
	for (const struct option *option = settings_spec()->options; option->name != NULL; option++)
		if (option->is_live)
			buf_printf(out, "\n- `--%s`", option->name);
	buf_add_char(out, '\n');
}

static void write_commands(struct buf *out)
{
	buf_add_text(out,
		"# sluice\n\nThe tables in `registry/cli/cmd_*.c`, as `sluice help COMMAND` prints them. Exit statuses are in "
		"errors.md.\n");
	for (size_t i = 0; commands[i] != NULL; i++) {
		buf_printf(out, "\n## sluice %s\n\n```\n", commands[i]->name);
		options_help(commands[i]->spec, out, false);
		buf_add_text(out, "```\n");
	}
}

static void write_project(struct buf *out)
{
	project_reference(out);
}

static const struct {
	const char *file;
	void (*write)(struct buf *out);
} PAGES[] = {
	{"config.md", write_config},
	{"control.md", write_control},
	{"errors.md", write_errors},
	{"registry.md", write_registry},
	{"routes.md", write_routes},
	{"sluice.md", write_commands},
	{"sluice.yaml.md", write_project},
	{"sluiced.md", write_options},
};

static bool write_page(const char *folder, const char *name, void (*write)(struct buf *out))
{
	struct buf page = {0};
	char path[4096];

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	buf_add_text(&page, NOTICE);
	write(&page);
	FILE *file = fopen(path, "we");
	const bool is_written = file != NULL && fwrite(page.data, 1, page.len, file) == page.len;
	const bool is_closed = file != NULL && fclose(file) == 0;
	buf_done(&page);
	if (!is_written || !is_closed)
		perror(path);
	return is_written && is_closed;
}

int main(int argc, char **argv)
{
	bool is_ok = argc == 2;

	/* The pages are the same wherever they are made. */
	setenv("COLUMNS", "100", 1);
	if (!is_ok)
		fprintf(stderr, "usage: generate FOLDER\n");
	for (size_t i = 0; is_ok && i < sizeof(PAGES) / sizeof(PAGES[0]); i++)
		is_ok = write_page(argv[1], PAGES[i].file, PAGES[i].write);
	return is_ok ? 0 : 1;
}

#include "cli/project.h"

#include "base/yaml.h"
#include "model/bundle.h"
#include "packaging/files.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

static const char DEFAULT_PATH[] = "sluice.yaml";

const char *const project_workload_sizes[] = {"Small", "Medium", "Large", NULL};

#define AT(struct_, field_) offsetof(struct struct_, field_)

static void decode_approval(struct decoder *decoder, const struct json *value, void *ret)
{
	if (json_type(value) == JSON_BOOL)
		*(bool *)ret = value->boolean;
	else
		decode_problem(decoder, value, "expected true or false, got %s", json_type_name(value));
}

static const struct decode_field environment_fields[] = {
	{"model_name", DECODE_STRING, AT(environment, model_name), .is_required = true,
		.help = "the registered model; catalog.schema.model in Unity Catalog"},
	{"endpoint_name", DECODE_STRING, AT(environment, endpoint_name), .help = "the serving endpoint"},
	{"workload_size", DECODE_ENUM, AT(environment, workload_size), .choices = project_workload_sizes,
		.fallback = "Small", .help = "of the endpoint"},
	{"scale_to_zero", DECODE_BOOL, AT(environment, scale_to_zero), .fallback = "false",
		.help = "whether the endpoint may stop when nobody asks"},
	{"env", DECODE_JSON, AT(environment, env), .json_type = JSON_OBJECT,
		.help = "variables of the endpoint, name to text; values may be {{secrets/scope/key}}"},
	{"registry", DECODE_STRING, AT(environment, registry), .help = "another registry than the project's"},
	{"serving", DECODE_STRING, AT(environment, serving),
		.help = "where the endpoint is, if not where the registry is"},
	{"alias", DECODE_STRING, AT(environment, alias), .help = "the alias that a release moves"},
	{"stage", DECODE_STRING, AT(environment, stage),
		.help = "the stage that a release moves the version to: Staging or Production; not in Unity Catalog"},
	{"experiment", DECODE_STRING, AT(environment, experiment), .help = "another experiment than the project's"},
	{"needs_approval", DECODE_CUSTOM, AT(environment, needs_approval), .custom = decode_approval,
		.help = "whether a release wants --approve; by default all environments but dev do"},
	{0},
};

static const struct decode_field project_fields[] = {
	{"registry", DECODE_STRING, AT(project, registry),
		.help = "http(s)://…, databricks-uc or databricks, with ://profile; --registry and MLFLOW_REGISTRY_URI win"},
	{"serving", DECODE_STRING, AT(project, serving),
		.help = "where endpoints are: http(s)://… of a sluiced, or databricks, with ://profile; without it where the "
			"registry is; --serving wins"},
	{"experiment", DECODE_STRING, AT(project, experiment), .help = "where runs are logged"},
	{"environments", DECODE_MAP, AT(project, environments), .fields = environment_fields,
		.size = sizeof(struct environment), .help = "name to settings: what `sluice release` knows"},
	{0},
};

void project_reference(struct buf *out)
{
	buf_add_text(out,
		"# sluice.yaml\n\nGenerated from the tables in registry/cli/project.c; docs/registry.md explains them. Keys that are "
		"not listed are refused.\n\n| key | value | default | meaning |\n|---|---|---|---|\n");
	decode_reference(out, project_fields, "");
}

/* *ret_is_there: false where the default file is missing. */
static bool read_text(
	struct arena *arena, const char *path, bool is_default, bool *ret_is_there, struct str *ret, struct error *err)
{
	const int fd = open(path, O_RDONLY | O_CLOEXEC);
	size_t len = 0;

	*ret_is_there = fd >= 0;
	if (fd < 0 && is_default && errno == ENOENT)
		return true;
	if (fd < 0)
		return error_set_errno(err, ERR_USAGE, errno, "%s", path);
	/* One byte more than YAML may have: the reader then says that it is too much. */
	char *data = arena_alloc(arena, YAML_SIZE_MAX + 1);
	const bool is_read = files_read_all(fd, data, YAML_SIZE_MAX + 1, &len);
	const int why = errno;
	close(fd);
	*ret = (struct str){data, len};
	return is_read || error_set_errno(err, ERR_USAGE, why, "%s", path);
}

static void set_approvals(const struct json *tree, struct project *project)
{
	struct environment *items = project->environments.items;

	for (size_t i = 0; i < project->environments.count; i++) {
		const struct json *own = json_get(json_get(tree, STR("environments")), items[i].name);
		if (json_get(own, STR("needs_approval")) == NULL)
			items[i].needs_approval = !str_is(items[i].name, "dev");
	}
}

struct expanding {
	struct bundle_options bundle; /* first: config_expand's */
	const char *environment;
};

static bool is_of_another(const struct decoder *decoder)
{
	const struct expanding *expanding = decoder->expand_data;
	struct str rest = buf_str(&decoder->path), name;

	str_cut(&rest, '.', &name);
	if (!str_is(name, "environments") ||
		(decoder->field->kind != DECODE_STRING && decoder->field->kind != DECODE_JSON))
		return false;
	str_cut(&rest, '.', &name);
	return expanding->environment == NULL || !str_is(name, expanding->environment);
}

static bool expand(struct decoder *decoder, struct str text, struct str *ret)
{
	if (!is_of_another(decoder))
		return config_expand(decoder, text, ret);
	*ret = text;
	return true;
}

bool project_read(
	struct arena *arena, const char *path, const char *environment, struct project *ret, struct error *err)
{
	struct expanding expanding = {.environment = environment};
	struct project project = {0};
	struct problems problems;
	struct decoder decoder;
	bool is_there = false;
	struct json tree;
	struct str text;

	project.path = path != NULL ? path : DEFAULT_PATH;
	if (!read_text(arena, project.path, path == NULL, &is_there, &text, err))
		return false;
	if (!is_there) {
		*ret = (struct project){0};
		return true;
	}
	if (!yaml_read(arena, project.path, text, &tree, err)) {
		err->code = ERR_USAGE;
		return false;
	}
	problems_init(&problems, arena);
	decoder_init(&decoder, arena, &problems, project.path);
	decoder.expand = expand;
	decoder.expand_data = &expanding;
	decode_object(&decoder, &tree, project_fields, &project);
	set_approvals(&tree, &project);
	decoder_done(&decoder);
	if (!problems_check(&problems, err)) {
		err->code = ERR_USAGE;
		return false;
	}
	*ret = project;
	return true;
}

static const char *name_all(struct buf *out, const struct project *project)
{
	const struct environment *items = project->environments.items;

	for (size_t i = 0; i < project->environments.count; i++)
		buf_printf(out, "%s%.*s", i > 0 ? ", " : "", STR_ARGS(items[i].name));
	return out->len > 0 ? buf_text(out) : "no environments";
}

const struct environment *project_environment(const struct project *project, const char *name, struct error *err)
{
	const struct environment *items = project->environments.items;
	struct buf names = {0};

	if (project->path == NULL) {
		error_set(err, ERR_USAGE,
			"--environment '%s': there is no %s here (write one, or name it with --project)", name,
			DEFAULT_PATH);
		return NULL;
	}
	for (size_t i = 0; i < project->environments.count; i++)
		if (str_is(items[i].name, name))
			return &items[i];
	error_set(err, ERR_USAGE, "--environment '%s': %s has %s", name, project->path, name_all(&names, project));
	buf_done(&names);
	return NULL;
}

/* What packing and validating look for beside loading: mistakes that a running bundle would not
 * notice. */
#include "model/bundle.h"

#include "model/bundle_example.h"
#include "model/bundle_files.h"
#include "model/input.h"
#include "model/prompt_lock.h"
#include "packaging/files.h"

static void check_example(
	const struct bundle *bundle, const struct mlmodel *mlmodel, struct problems *problems);
static void check_recordings(
	const struct bundle *bundle, const struct mlmodel *mlmodel, struct problems *problems);
static void check_files(
	const struct bundle *bundle, const struct mlmodel *mlmodel, struct problems *problems);

void bundle_check(const struct bundle *bundle, struct problems *problems)
{
	struct decoder decoder;
	struct problems loaded; /* loading told them already */
	struct arena arena;
	struct mlmodel mlmodel;

	arena_init(&arena);
	problems_init(&loaded, &arena);
	decoder_init(&decoder, &arena, &loaded, "MLmodel");
	mlmodel_decode(&decoder, &bundle->mlmodel, &mlmodel);
	decoder_done(&decoder);
	check_example(bundle, &mlmodel, problems);
	check_recordings(bundle, &mlmodel, problems);
	check_files(bundle, &mlmodel, problems);
	task_check(bundle, problems);
	arena_done(&arena);
}

static void check_example(
	const struct bundle *bundle, const struct mlmodel *mlmodel, struct problems *problems)
{
	struct arena arena;
	struct error err = {0};
	struct input input;
	const char *file = NULL;

	if (json_type(&bundle->example) == JSON_ABSENT)
		return;
	arena_init(&arena);
	bundle_example_read(&arena, bundle->dir, mlmodel, &bundle->signature, problems, &file);
	if (!input_read_tree(&arena, &bundle->signature, &bundle->example, &input, &err))
		problems_add(problems,
			arena_strdup(problems->arena, file != NULL ? file : "input_example.json"),
			0, "", "the example does not fit the bundle's own signature: %s", err.text);
	arena_done(&arena);
}

static void check_recordings(
	const struct bundle *bundle, const struct mlmodel *mlmodel, struct problems *problems)
{
	const struct model_spec *models = bundle->config.models.items;

	for (size_t i = 0; bundle->recordings == NULL && i < bundle->config.models.count; i++)
		if (str_is(models[i].provider, "recorded"))
			problems_add(problems,
				arena_memdup(
					problems->arena, mlmodel->config.data, mlmodel->config.len),
				models[i].line,
				arena_printf(
					problems->arena, "models.%.*s", STR_ARGS(models[i].name)),
				"is answered by recordings, but the bundle has none in recordings/ or artifacts/recordings/");
}

/* Names of files and, ended by "/", of folders that belong to a bundle whether or not something
 * reads them. */
static const char *const known[] = {
	/* ours */
	"MLmodel",
	"manifest.json",
	"manifest.sig",
	PROMPT_LOCK_NAME,
	"input_example.json",
	"serving_input_example.json",
	"data/",
	"recordings/",
	/* for people */
	"README.md",
	"README",
	"LICENSE",
	"LICENSE.txt",
	"NOTICE",
	"CHANGELOG.md",
	"MODEL_CARD.md",
	"docs/",
	/* MLflow's own (mlflow/pyfunc, mlflow/models/model.py, mlflow/store/artifact) */
	"conda.yaml",
	"python_env.yaml",
	"requirements.txt",
	"constraints.txt",
	"python_model.pkl",
	"registered_model_meta",
	"environment_variables.txt",
	"resources.yaml",
	"model_config",
	"metadata/",
	"code/",
	"artifacts/",
	"tracing/",
	NULL,
};

static bool names(struct str pattern, struct str path)
{
	if (str_eq(pattern, path))
		return true;
	if (pattern.len == 0 || !str_starts(path, pattern))
		return false;
	return pattern.data[pattern.len - 1] == '/' ||
	       (path.len > pattern.len && path.data[pattern.len] == '/');
}

/* Only templates count in a folder of prompts: something else there is a prompt that no step can
 * name. */
static bool is_prompt(const struct mlmodel *mlmodel, struct str path)
{
	const struct str place = mlmodel->prompts.len > 0 ? mlmodel->prompts : STR("prompts");

	if (str_eq(place, path) || (mlmodel->prompts.len == 0 && str_is(path, "prompts.yaml")))
		return true;
	if (!names(place, path) || !str_ends(path, STR(".txt")))
		return false;
	const struct str name = {path.data + place.len + 1, path.len - place.len - 1};
	return memchr(name.data, '/', name.len) == NULL;
}

static bool is_data(const struct bundle *bundle, struct str path)
{
	const struct data_spec *data = bundle->config.data.items;

	for (size_t i = 0; i < bundle->config.data.count; i++)
		if (str_eq(data[i].sqlite, path))
			return true;
	return false;
}

static bool is_named(const struct bundle *bundle, const struct mlmodel *mlmodel, struct str path)
{
	for (size_t i = 0; known[i] != NULL; i++)
		if (names(str_of(known[i]), path))
			return true;
	return str_eq(mlmodel->config, path) || str_eq(mlmodel->example, path) ||
	       str_eq(mlmodel->serving_example, path) || is_prompt(mlmodel, path) ||
	       is_data(bundle, path);
}

/* What packing leaves out needs no name. */
static bool is_left_out(struct arena *arena, const char *path)
{
	struct str rest = str_of(path), name;
	bool is_more = true;

	while (is_more) {
		is_more = str_cut(&rest, '/', &name);
		if (files_leave_out(arena_memdup(arena, name.data, name.len)) != NULL)
			return true;
	}
	return false;
}

static void check_files(
	const struct bundle *bundle, const struct mlmodel *mlmodel, struct problems *problems)
{
	struct decode_list files = {0};
	struct error err = {0};
	struct arena arena;

	arena_init(&arena);
	if (!bundle_folder_list(&arena, bundle->dir, "", true, &files, &err))
		problems_add(problems, NULL, 0, "", "%s", err.text);
	const char *const *paths = files.items;
	for (size_t i = 0; i < files.count; i++) {
		const char *file = arena_strdup(problems->arena, paths[i]);

		if (is_left_out(&arena, paths[i]))
			continue;
		if (bundle_file_kind(bundle->dir, paths[i]) != BUNDLE_FILE_REGULAR)
			problems_add(problems, file, 0, "", "is no regular file");
		else if (str_starts(str_of(paths[i]), STR("sluice/")))
			problems_add(problems, file, 0, "",
				"is what a registry keeps beside a bundle: take the archive in sluice/, or 'sluice download'");
		else if (!is_named(bundle, mlmodel, str_of(paths[i])))
			problems_add(problems, file, 0, "",
				"nothing names this file: files for tools go to data/, templates to the prompts folder");
	}
	arena_done(&arena);
}

/*
 * Loads a bundle: MLmodel → signature → config.yaml → prompts → links → SQL → recordings → example.
 * Each part adds its mistakes; those that need an earlier part that failed are skipped, so that no
 * mistake is told twice in other words.
 */
#include "model/bundle.h"

#include "base/hash.h"
#include "model/bundle_example.h"
#include "model/bundle_files.h"
#include "model/prompt.h"
#include "model/recordings.h"
#include "model/signature_decode.h"
#include "model/step.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

enum { MANIFEST_MAX = 16 << 20 };

struct loader {
	struct bundle *bundle;
	const struct bundle_options *options;
	struct problems *problems;
	size_t before; /* problems there were already */
	struct mlmodel mlmodel;
	struct json config_tree;
	struct decoder decoder; /* of config.yaml */
};

static void load_mlmodel(struct loader *loader);
static bool load_config(struct loader *loader);
static void load_prompts(struct loader *loader);
static void link_config(struct loader *loader);
static void load_extras(struct loader *loader);

static struct bundle *bundle_new(const char *dir)
{
	struct bundle *bundle = calloc(1, sizeof(*bundle));

	if (bundle == NULL)
		abort();
	arena_init(&bundle->arena);
	bundle->references = 1;
	bundle->dir = arena_strdup(&bundle->arena, dir);
	bundle->digest = "";
	return bundle;
}

/* "a/b/" is called "b". */
static const char *name_of(struct arena *arena, const char *dir)
{
	size_t end = strlen(dir);

	while (end > 1 && dir[end - 1] == '/')
		end--;
	size_t start = end;
	while (start > 0 && dir[start - 1] != '/')
		start--;
	return arena_memdup(arena, dir + start, end - start);
}

static bool is_fine(const struct loader *loader)
{
	return loader->problems->count + loader->problems->left_out == loader->before;
}

/* A folder that is not there would let every secret fall through to the environment. */
static void check_secret_dir(struct loader *loader)
{
	const char *dir = loader->options != NULL ? loader->options->secret_dir : NULL;

	if (dir == NULL || dir[0] == '\0')
		return;
	const int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd >= 0 && faccessat(fd, ".", R_OK | X_OK, AT_EACCESS) == 0) {
		close(fd);
		return;
	}
	problems_add(loader->problems, NULL, 0, "", "the secret folder '%s' cannot be read: %s",
		dir, strerror(errno));
	if (fd >= 0)
		close(fd);
}

bool bundle_load(const char *dir, const struct bundle_options *options, struct problems *problems,
	struct bundle **ret)
{
	struct bundle *bundle = bundle_new(dir);
	struct loader loader = {.bundle = bundle,
		.options = options,
		.problems = problems,

		.before = problems->count + problems->left_out};

	bundle->name = name_of(&bundle->arena, dir);
	check_secret_dir(&loader);
	load_mlmodel(&loader);
	if (loader.mlmodel.config.len > 0 && load_config(&loader)) {
		load_prompts(&loader);
		link_config(&loader);
		decoder_done(&loader.decoder);
		load_extras(&loader);
	}
	if (is_fine(&loader)) {
		*ret = bundle;
		return true;
	}
	bundle_unref(bundle);
	return false;
}

static void load_mlmodel(struct loader *loader)
{
	struct bundle *bundle = loader->bundle;
	struct decoder decoder;

	if (!bundle_yaml_read(
		    &bundle->arena, bundle->dir, "MLmodel", &bundle->mlmodel, loader->problems))
		return;
	decoder_init(&decoder, &bundle->arena, loader->problems, "MLmodel");
	mlmodel_decode(&decoder, &bundle->mlmodel, &loader->mlmodel);
	decode_enter(&decoder, "signature");
	signature_decode(&decoder, loader->mlmodel.signature, &bundle->signature);
	decode_leave(&decoder);
	decoder_done(&decoder);
}

static const char *text_of(struct arena *arena, struct str text)
{
	return arena_memdup(arena, text.data, text.len);
}

static bool load_config(struct loader *loader)
{
	struct bundle *bundle = loader->bundle;
	const char *path = text_of(loader->problems->arena, loader->mlmodel.config);

	if (!bundle_path_is_safe(loader->mlmodel.config) ||
		!bundle_yaml_read(
			&bundle->arena, bundle->dir, path, &loader->config_tree, loader->problems))
		return false;
	decoder_init(&loader->decoder, &bundle->arena, loader->problems, path);
	loader->decoder.expand = config_expand;
	loader->decoder.expand_data = (void *)loader->options;
	config_decode(&loader->decoder, &loader->config_tree, &bundle->config);
	return true;
}

/* Named in MLmodel, else prompts/ or prompts.yaml where they are. */
static const char *prompts_path(struct loader *loader)
{
	static const char *const places[] = {"prompts", "prompts.yaml"};

	if (loader->mlmodel.prompts.len > 0)
		return text_of(&loader->bundle->arena, loader->mlmodel.prompts);
	for (size_t i = 0; i < 2; i++)
		if (bundle_file_kind(loader->bundle->dir, places[i]) != BUNDLE_FILE_NONE)
			return places[i];
	return NULL;
}

static void load_prompts(struct loader *loader)
{
	struct bundle *bundle = loader->bundle;

	bundle->prompts =
		prompts_load(&bundle->arena, loader->problems, bundle->dir, prompts_path(loader));
}

/* MLflow puts what was logged as an artifact below artifacts/. */
static const char *place_in_artifacts(struct loader *loader, struct str path)
{
	const char *last = path.len > 0 ? memrchr(path.data, '/', path.len) : NULL;
	const char *name = last != NULL ? last + 1 : path.data;
	const struct str tails[] = {path, {name, (size_t)(path.data + path.len - name)}};

	for (size_t i = 0; i < 2; i++) {
		const char *place =
			arena_printf(loader->problems->arena, "artifacts/%.*s", STR_ARGS(tails[i]));

		if (bundle_path_is_safe(tails[i]) &&
			bundle_file_kind(loader->bundle->dir, place) == BUNDLE_FILE_REGULAR)
			return place;
	}
	return NULL;
}

static void tell_no_data(struct loader *loader, const struct json *where, struct str path)
{
	const char *place = place_in_artifacts(loader, path);

	if (place != NULL)
		decode_problem(&loader->decoder, where,
			"sqlite: '%.*s' is no file of the bundle, but %s is: write that",
			STR_ARGS(path), place);
	else
		decode_problem(&loader->decoder, where,
			"sqlite: '%.*s' is no file of the bundle (paths start at the folder of MLmodel)",
			STR_ARGS(path));
}

/* Databases are opened as immutable: rows that are only in the log would be missing. */
static void check_log(struct loader *loader, const struct json *where, struct str path)
{
	const char *log = arena_printf(&loader->bundle->arena, "%.*s-wal", STR_ARGS(path));

	if (bundle_file_kind(loader->bundle->dir, log) != BUNDLE_FILE_NONE)
		decode_problem(&loader->decoder, where,
			"sqlite: has a write-ahead log (%s), which is not read; run: sqlite3 %.*s "
			"'PRAGMA wal_checkpoint(TRUNCATE); PRAGMA journal_mode=DELETE'",
			log, STR_ARGS(path));
}

static void check_data(struct loader *loader)
{
	struct bundle *bundle = loader->bundle;
	const struct data_spec *data = bundle->config.data.items;
	const struct json *tree = json_get(&loader->config_tree, STR("data"));

	for (size_t i = 0; i < bundle->config.data.count; i++) {
		const struct str path = data[i].sqlite;

		if (path.len == 0 || str_is(path, ":memory:"))
			continue;
		decode_enter(&loader->decoder, "data");
		decode_enter(&loader->decoder, text_of(&bundle->arena, data[i].name));
		if (!bundle_path_is_safe(path) ||
			bundle_file_kind(bundle->dir, text_of(&bundle->arena, path)) !=
				BUNDLE_FILE_REGULAR)
			tell_no_data(loader, &tree->members[i].value, path);
		else
			check_log(loader, &tree->members[i].value, path);
		decode_leave(&loader->decoder);
		decode_leave(&loader->decoder);
	}
}

/* A default makes its column optional, whatever the signature says: one that MLflow inferred from
 * an example marks every column as required that the example fills. */
static void link_config(struct loader *loader)
{
	struct bundle *bundle = loader->bundle;

	config_link(&loader->decoder, &loader->config_tree, bundle->prompts, &bundle->signature,
		&bundle->config);
	check_data(loader);
	if (is_fine(loader))
		steps_prepare(&bundle->arena, loader->problems, bundle->dir, &loader->config_tree,
			&bundle->config);
	if (is_fine(loader))
		config_check_arguments(&loader->decoder, &loader->config_tree, &bundle->signature,
			&bundle->config);
	signature_set_defaults(&bundle->arena, &bundle->signature, &bundle->config.defaults);
	if (is_fine(loader))
		task_find(&bundle->arena, bundle, &bundle->task);
}

static const char *manifest_digest(struct bundle *bundle, struct problems *problems)
{
	struct error err = {0};
	struct str text = {0};

	if (bundle_file_kind(bundle->dir, "manifest.json") == BUNDLE_FILE_NONE)
		return "";
	if (!bundle_file_read(
		    &bundle->arena, bundle->dir, "manifest.json", MANIFEST_MAX, &text, &err)) {
		problems_add(problems, NULL, 0, "", "%s", err.text);
		return "";
	}
	const struct digest digest = digest_of(text);
	return digest_hex(&digest, arena_alloc(&bundle->arena, DIGEST_HEX_SIZE));
}

static void load_extras(struct loader *loader)
{
	static const char *const RECORDINGS[] = {"recordings", "artifacts/recordings"};
	struct bundle *bundle = loader->bundle;
	const char *file = NULL;

	/* The second is where MLflow's log_model puts them. */
	for (size_t i = 0; bundle->recordings == NULL && i < sizeof(RECORDINGS) / sizeof(*RECORDINGS); i++)
		if (bundle_file_kind(bundle->dir, RECORDINGS[i]) == BUNDLE_FILE_FOLDER)
			bundle->recordings =
				recordings_load(&bundle->arena, loader->problems, bundle->dir, RECORDINGS[i]);
	bundle->example = bundle_example_read(&bundle->arena, bundle->dir, &loader->mlmodel,
		&bundle->signature, loader->problems, &file);
	bundle->digest = manifest_digest(bundle, loader->problems);
}

bool bundle_calls_out(const struct bundle *bundle)
{
	const struct model_spec *models = bundle->config.models.items;

	for (size_t i = 0; i < bundle->config.models.count; i++)
		if (!str_is(models[i].provider, "recorded"))
			return true;
	return false;
}

struct bundle *bundle_ref(struct bundle *bundle)
{
	__atomic_fetch_add(&bundle->references, 1, __ATOMIC_RELAXED);
	return bundle;
}

void bundle_unref(struct bundle *bundle)
{
	if (bundle == NULL || __atomic_sub_fetch(&bundle->references, 1, __ATOMIC_ACQ_REL) > 0)
		return;
	arena_done(&bundle->arena);
	free(bundle);
}

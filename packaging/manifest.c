#include "packaging/manifest.h"

#include "base/json.h"
#include "packaging/names.h"

bool manifest_is_own(const char *path)
{
	return strcmp(path, MANIFEST_NAME) == 0 || strcmp(path, SIGNATURE_NAME) == 0;
}

/* Written by hand: names need no escaping (names.h), keys are in order, so these are the bytes that
 * json_write_canonical would give, without a tree of ten thousand objects. */
void manifest_write(struct buf *out, const struct file_list *files)
{
	char hex[DIGEST_HEX_SIZE];
	const char *comma = "";

	buf_add_text(out, "{\"files\":[");
	for (size_t i = 0; i < files->count; i++) {
		const struct file *file = &files->items[i];

		if (manifest_is_own(file->path))
			continue;
		buf_printf(out, "%s{\"path\":\"%s\",\"sha256\":\"%s\",\"size\":%llu}", comma,
			file->path, digest_hex(&file->sha256, hex), (unsigned long long)file->size);
		comma = ",";
	}
	buf_printf(out, "],\"version\":%d}", MANIFEST_VERSION);
}

static bool has_only(const struct json *object, const char *const *keys, struct error *err)
{
	for (size_t i = 0; i < object->size; i++) {
		const struct str key = json_str(&object->members[i].key);
		char shown[NAME_SHOW_SIZE];
		size_t at = 0;

		while (keys[at] != NULL && !str_is(key, keys[at]))
			at++;
		if (keys[at] == NULL)
			return error_set(
				err, ERR_INVALID_BUNDLE, "unknown key '%s'", name_show(key, shown));
	}
	return true;
}

static bool read_file(
	struct arena *arena, const struct json *value, struct file *ret, struct error *err)
{
	static const char *const KEYS[] = {"path", "sha256", "size", NULL};
	const struct json *size = json_get(value, STR("size"));
	const struct str path = json_str(json_get(value, STR("path")));

	if (json_type(value) != JSON_OBJECT)
		return error_set(err, ERR_INVALID_BUNDLE, "expected an object, got %s",
			json_type_name(value));
	if (!has_only(value, KEYS, err))
		return false;
	if (!name_check(path, err))
		return error_wrap(err, "path");
	if (!digest_parse(json_str(json_get(value, STR("sha256"))), &ret->sha256))
		return error_set(
			err, ERR_INVALID_BUNDLE, "sha256: expected 64 lower-case hex digits");
	if (json_type(size) != JSON_INTEGER || size->integer < 0)
		return error_set(err, ERR_INVALID_BUNDLE, "size: expected a number of bytes");
	ret->path = arena_memdup(arena, path.data, path.len);
	ret->size = (uint64_t)size->integer;
	if (manifest_is_own(ret->path))
		return error_set(err, ERR_INVALID_BUNDLE, "'%s' cannot list itself", ret->path);
	return true;
}

static bool read_files(
	struct arena *arena, const struct json *array, struct file_list *ret, struct error *err)
{
	struct file_list files = {0};

	for (size_t i = 0; i < array->size; i++) {
		struct file file = {0};

		if (!read_file(arena, &array->items[i], &file, err))
			return error_wrap(err, "files[%zu]", i);
		if (i > 0 && strcmp(files.items[i - 1].path, file.path) >= 0)
			return error_set(err, ERR_INVALID_BUNDLE,
				"files[%zu]: '%s' must come after '%s': sorted, each once", i,
				file.path, files.items[i - 1].path);
		files_add(arena, &files, file);
	}
	*ret = files;
	return true;
}

static bool read_manifest(
	struct arena *arena, struct str text, struct file_list *ret, struct error *err)
{
	static const char *const KEYS[] = {"files", "version", NULL};
	struct json *root = arena_alloc(arena, sizeof(*root));

	if (!json_read(arena, text, root, err)) {
		err->code = ERR_INVALID_BUNDLE;
		return false;
	}
	if (json_type(root) != JSON_OBJECT)
		return error_set(err, ERR_INVALID_BUNDLE, "expected an object, got %s",
			json_type_name(root));
	if (!has_only(root, KEYS, err))
		return false;
	const struct json *version = json_get(root, STR("version"));
	if (json_type(version) != JSON_INTEGER || version->integer != MANIFEST_VERSION)
		return error_set(err, ERR_INVALID_BUNDLE,
			"version: expected %d, the only one there is", MANIFEST_VERSION);
	const struct json *files = json_get(root, STR("files"));
	if (json_type(files) != JSON_ARRAY)
		return error_set(err, ERR_INVALID_BUNDLE, "files: expected an array, got %s",
			json_type_name(files));
	return read_files(arena, files, ret, err);
}

bool manifest_read(struct arena *arena, struct str text, struct file_list *ret, struct error *err)
{
	struct error scratch;

	if (err == NULL)
		err = &scratch;
	return read_manifest(arena, text, ret, err) || error_wrap(err, MANIFEST_NAME);
}

static bool check_one(const struct file *listed, const struct file *found, struct error *err)
{
	char want[DIGEST_HEX_SIZE], have[DIGEST_HEX_SIZE];

	if (listed->size != found->size)
		return error_set(err, ERR_INVALID_BUNDLE, "'%s' has %llu bytes, %s says %llu",
			listed->path, (unsigned long long)found->size, MANIFEST_NAME,
			(unsigned long long)listed->size);
	if (!digest_eq(&listed->sha256, &found->sha256))
		return error_set(err, ERR_INVALID_BUNDLE, "'%s' has sha256 %s, %s says %s",
			listed->path, digest_hex(&found->sha256, have), MANIFEST_NAME,
			digest_hex(&listed->sha256, want));
	return true;
}

bool manifest_check(
	const struct file_list *listed, const struct file_list *found, struct error *err)
{
	size_t want = 0, have = 0;

	while (want < listed->count || have < found->count) {
		const struct file *a = want < listed->count ? &listed->items[want] : NULL;
		const struct file *b = have < found->count ? &found->items[have] : NULL;

		if (b != NULL && manifest_is_own(b->path)) {
			have++;
			continue;
		}
		const int order = a == NULL ? 1 : b == NULL ? -1 : strcmp(a->path, b->path);
		if (order < 0)
			return error_set(err, ERR_INVALID_BUNDLE, "'%s' is missing, %s lists it",
				a->path, MANIFEST_NAME);
		if (order > 0)
			return error_set(err, ERR_INVALID_BUNDLE, "'%s' is not listed in %s",
				b->path, MANIFEST_NAME);
		if (!check_one(a, b, err))
			return false;
		want++;
		have++;
	}
	return true;
}

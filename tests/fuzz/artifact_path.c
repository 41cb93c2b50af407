/*
 * Any bytes are refused with an error set, or give a path that stays below the root for whoever reads it, and that is
 * its own reading. A URI of it names the same path.
 */
#include "store/artifacts.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool is_true)
{
	if (!is_true)
		abort();
}

static void check_part(struct str part)
{
	must(part.len > 0 && part.len <= ARTIFACT_NAME_MAX);
	must(!str_is(part, ".") && !str_is(part, ".."));
	for (size_t i = 0; i < part.len; i++)
		must((unsigned char)part.data[i] >= 0x20 && part.data[i] != 0x7F && part.data[i] != '#');
}

static void check(struct arena *arena, struct str path)
{
	struct str rest = path, part, again;
	struct error err = {0};
	bool is_more = path.len > 0;

	must(path.len <= ARTIFACT_PATH_MAX && str_is_utf8(path));
	while (is_more) {
		is_more = str_cut(&rest, '/', &part);
		check_part(part);
	}
	must(artifact_path_read(arena, path, &again, &err) && str_eq(again, path) && err.code == ERR_NONE);
	const char *uri = arena_printf(arena, "mlflow-artifacts:/%.*s", STR_ARGS(path));
	must(artifact_path_of_uri(arena, str_of(uri), STR(""), &again, &err) && str_eq(again, path));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena arena;
	struct error err = {0};
	struct str path;

	arena_init(&arena);
	if (artifact_path_read(&arena, (struct str){(const char *)data, size}, &path, &err))
		check(&arena, path);
	else
		must(err.code == ERR_INVALID_PARAMETER && err.text[0] != '\0');
	arena_done(&arena);
	return 0;
}

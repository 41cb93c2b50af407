#include "rest/rest_artifact_list.h"

#include "store/artifacts.h"

static struct json file_of(struct rest_call *call, struct str folder, const struct artifact_entry *entry)
{
	struct json file = json_object();

	rest_set_str(call, &file, "path",
		str_of(arena_printf(call->arena, "%.*s%s%.*s", STR_ARGS(folder), folder.len > 0 ? "/" : "",
			STR_ARGS(entry->name))));
	rest_set(call, &file, "is_dir", json_bool(entry->is_dir));
	if (!entry->is_dir)
		rest_set_int(call, &file, "file_size", entry->size);
	return file;
}

bool rest_artifact_list(struct rest_call *call, struct str root_uri, struct str path, struct error *err)
{
	struct artifact_list entries;
	struct str folder, whole;
	struct json files = json_array();

	if (!artifact_path_read(call->arena, path.data != NULL ? path : STR(""), &folder, err) ||
		!artifact_path_of_uri(call->arena, root_uri, folder, &whole, err) ||
		!artifacts_list(call->db, call->arena, whole, &entries, err))
		return false;
	for (size_t i = 0; i < entries.count; i++)
		json_append(call->arena, &files, file_of(call, folder, &entries.items[i]));
	rest_set_str(call, &call->out, "root_uri", root_uri);
	rest_set(call, &call->out, "files", files);
	return true;
}

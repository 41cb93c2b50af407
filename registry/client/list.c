/*
 * Lists: ask_folder → on_folder → ask_folder … → { done | ask_parent → on_parent } for what may be a file itself.
 *
 * Names come from a server and become files of ours: each is checked before anything else looks at it.
 */
#include "client/place.h"

#include "client/transfer.h"
#include "packaging/names.h"

enum { FILES_MAX = 100000 };

struct folder {
	struct folder *next;
	struct str path; /* below the listed one */
};

struct listing {
	struct operation op;
	struct place place;
	struct str uri, path;
	struct file_list *ret;

	struct folder *folders; /* still to be asked */
	struct str folder;      /* asked now */
	struct str page;
	struct json answer;
	struct names names;
};

static struct next begin(void *self);
static struct next ask_folder(void *self);
static struct next on_folder(void *self);
static struct next ask_parent(struct listing *listing);
static struct next on_parent(void *self);

struct operation *client_files_list(
	struct client *client, struct arena *arena, struct str place, struct str path, struct file_list *ret)
{
	struct listing *listing = operation_new(client, arena, sizeof(*listing));

	listing->uri = place;
	listing->path = path;
	listing->ret = ret;
	return operation_start(&listing->op, begin);
}

static void push_folder(struct listing *listing, struct str path)
{
	struct folder *folder = arena_alloc(listing->op.arena, sizeof(*folder));

	*folder = (struct folder){listing->folders, path};
	listing->folders = folder;
}

static struct next begin(void *self)
{
	struct listing *listing = self;
	struct operation *op = &listing->op;

	if (!place_read(op->client, op->arena, listing->uri, &listing->place, &op->flow.err))
		return next_fail(&op->flow, NULL);
	names_init(&listing->names, op->arena);
	*listing->ret = (struct file_list){0};
	push_folder(listing, (struct str){0});
	return next_step(ask_folder);
}

static struct next ask_folder(void *self)
{
	struct listing *listing = self;
	struct operation *op = &listing->op;
	struct client_call call;

	if (listing->page.len == 0) {
		if (listing->folders == NULL && listing->ret->count == 0 && listing->path.len > 0)
			return ask_parent(listing);
		if (listing->folders == NULL) {
			files_sort(listing->ret);
			return next_done();
		}
		listing->folder = listing->folders->path;
		listing->folders = listing->folders->next;
	}
	place_list(
		op->arena, &listing->place, path_join(op->arena, listing->path, listing->folder), listing->page, &call);
	return operation_try(op, client_call(op->client, op->arena, &call, &listing->answer), on_folder);
}

struct entry {
	struct str name;
	bool is_folder;
	uint64_t size;
};

/*
 * MLflow: path, is_dir, within the folder. The Files API: name, is_directory. A workspace's artifacts: path, is_dir,
 * within the run; of a file, the file itself, which makes its name empty.
 */
static void read_entry(struct listing *listing, struct str folder_path, const struct json *from, struct entry *ret)
{
	const bool is_unity = listing->place.kind == PLACE_UNITY;
	const struct json *folder = json_get(from, is_unity ? STR("is_directory") : STR("is_dir"));
	const struct json *size = json_get(from, STR("file_size"));
	const struct str whole = path_join(listing->op.arena, listing->place.root, folder_path);

	ret->name = json_str(json_get(from, is_unity ? STR("name") : STR("path")));
	if (place_is_signed(&listing->place) && whole.len > 0 && str_starts(ret->name, whole)) {
		const size_t cut = ret->name.len > whole.len ? whole.len + 1 : whole.len;

		ret->name = (struct str){ret->name.data + cut, ret->name.len - cut};
	}
	ret->is_folder = json_type(folder) == JSON_BOOL && folder->boolean;
	ret->size = json_type(size) == JSON_INTEGER && size->integer > 0 ? (uint64_t)size->integer : 0;
}

static bool add_entry(struct listing *listing, const struct entry *entry, struct error *err)
{
	struct arena *arena = listing->op.arena;
	const struct str name = path_join(arena, listing->folder, entry->name);
	char shown[NAME_SHOW_SIZE];

	if (memchr(entry->name.data, '/', entry->name.len) != NULL || entry->name.len == 0)
		return error_set(
			err, ERR_INVALID_BUNDLE, "listing: '%s' is no name of a file", name_show(entry->name, shown));
	if (!name_check(name, err) || !names_add(&listing->names, name, entry->is_folder ? NAME_DIR : NAME_FILE, err))
		return error_wrap(err, "listing: '%s'", name_show(name, shown));
	if (listing->names.count > FILES_MAX)
		return error_set(err, ERR_TOO_LARGE, "listing: over %d files and folders", FILES_MAX);
	if (entry->is_folder)
		push_folder(listing, name);
	else
		files_add(arena, listing->ret,
			(struct file){.path = arena_memdup(arena, name.data, name.len), .size = entry->size});
	return true;
}

static const struct json *entries_of(const struct listing *listing)
{
	const struct json *list =
		json_get(&listing->answer, listing->place.kind == PLACE_UNITY ? STR("contents") : STR("files"));

	return json_type(list) == JSON_ARRAY ? list : NULL;
}

static struct next on_folder(void *self)
{
	struct listing *listing = self;
	struct operation *op = &listing->op;

	/* Databricks has no such folder where MLflow has an empty one. */
	if (op->child_err.code != ERR_NONE && op->child_err.code != ERR_NOT_FOUND)
		return operation_fail_as_child(op);
	if (op->child_err.code == ERR_NOT_FOUND)
		listing->answer = json_object();
	const struct json *entries = entries_of(listing);
	for (size_t i = 0; entries != NULL && i < entries->size; i++) {
		struct entry entry;

		read_entry(listing, path_join(op->arena, listing->path, listing->folder), &entries->items[i], &entry);
		if (entry.name.len == 0 && place_is_signed(&listing->place))
			continue;
		if (!add_entry(listing, &entry, &op->flow.err))
			return next_fail(&op->flow, NULL);
	}
	listing->page = json_str(json_get(&listing->answer, STR("next_page_token")));
	return next_step(ask_folder);
}

static void split_path(struct str path, struct str *ret_folder, struct str *ret_name)
{
	size_t at = path.len;

	while (at > 0 && path.data[at - 1] != '/')
		at--;
	*ret_name = (struct str){path.data + at, path.len - at};
	*ret_folder = (struct str){path.data, at > 0 ? at - 1 : 0};
}

static struct next ask_parent(struct listing *listing)
{
	struct operation *op = &listing->op;
	struct client_call call;
	struct str folder, name;

	split_path(listing->path, &folder, &name);
	listing->folder = (struct str){0};
	place_list(op->arena, &listing->place, folder, listing->page, &call);
	return operation_try(op, client_call(op->client, op->arena, &call, &listing->answer), on_parent);
}

static struct next on_parent(void *self)
{
	struct listing *listing = self;
	struct operation *op = &listing->op;
	struct str folder, name;

	if (op->child_err.code != ERR_NONE && op->child_err.code != ERR_NOT_FOUND)
		return operation_fail_as_child(op);
	const struct json *entries = op->child_err.code == ERR_NONE ? entries_of(listing) : NULL;
	split_path(listing->path, &folder, &name);
	for (size_t i = 0; entries != NULL && i < entries->size; i++) {
		struct entry entry;

		read_entry(listing, folder, &entries->items[i], &entry);
		if (entry.is_folder || !str_eq(entry.name, name))
			continue;
		if (!add_entry(listing, &entry, &op->flow.err))
			return next_fail(&op->flow, NULL);
		break;
	}
	return next_done();
}

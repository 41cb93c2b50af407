/* Reading recordings/…jsonl of a bundle. */
#include "model/recordings_table.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

enum { FILES_MAX = 1000 };
static const off_t FILE_SIZE_MAX = 256 << 20;

struct loader {
	struct arena *arena;
	struct problems *problems;
	struct recordings *recordings;
	const char *file; /* as messages name it */
	unsigned line;
};

static bool problem(struct loader *loader, const char *path, const char *text)
{
	problems_add(loader->problems, loader->file, loader->line, path, "%s", text);
	return false;
}

static struct recording *append(struct loader *loader)
{
	struct recordings *all = loader->recordings;

	if (all->count == all->cap) {
		const size_t cap = all->cap > 0 ? 2 * all->cap : 16;
		struct recording *more = arena_array(loader->arena, cap, sizeof(*more));

		if (all->count > 0)
			memcpy(more, all->items, all->count * sizeof(*more));
		all->items = more;
		all->cap = cap;
	}
	return &all->items[all->count++];
}

static bool check_messages(const struct json *messages)
{
	if (json_type(messages) != JSON_ARRAY || messages->size == 0)
		return false;
	for (size_t i = 0; i < messages->size; i++) {
		const struct json *message = &messages->items[i];

		if (json_type(json_get(message, STR("role"))) != JSON_STRING ||
			json_type(json_get(message, STR("content"))) != JSON_STRING)
			return false;
	}
	return true;
}

static bool is_request_key(struct str key)
{
	static const char *const KEYS[] = {
		"model", "messages", "temperature", "top_p", "max_tokens", "seed", "schema"};

	for (size_t i = 0; i < sizeof(KEYS) / sizeof(*KEYS); i++)
		if (str_is(key, KEYS[i]))
			return true;
	return false;
}

static bool check_request(struct loader *loader, const struct json *request)
{
	if (json_type(request) != JSON_OBJECT)
		return problem(loader, "request", "a recording needs a request, an object");
	if (json_type(json_get(request, STR("model"))) != JSON_STRING)
		return problem(loader, "request.model", "expected a model's name in config.yaml");
	if (!check_messages(json_get(request, STR("messages"))))
		return problem(loader, "request.messages",
			"expected an array of objects with role and content, both text");
	for (size_t i = 0; i < request->size; i++) {
		const struct str key = json_str(&request->members[i].key);

		if (!is_request_key(key))
			return problem(loader,
				arena_printf(loader->arena, "request.%.*s", STR_ARGS(key)),
				"unknown key: it would never be asked for");
	}
	return true;
}

static bool check_reply(struct loader *loader, const struct json *reply)
{
	const struct json *status = json_get(reply, STR("status"));

	if (json_get(reply, STR("body")) == NULL &&
		json_type(json_get(reply, STR("error"))) != JSON_STRING)
		return problem(loader, "reply", "a recording needs the reply's body, or an error");
	if (status != NULL && (json_type(status) != JSON_INTEGER || status->integer < 100 ||
				      status->integer > 599))
		return problem(loader, "reply.status", "expected an HTTP status");
	return true;
}

/* The recorded provider reads bodies as the live one does: from text with padding behind it. */
static struct str body_text(struct arena *arena, const struct json *body)
{
	struct buf text = {0};

	if (json_type(body) == JSON_STRING)
		buf_add_str(&text, json_str(body));
	else if (body != NULL)
		json_write(&text, body);

	char *copy = arena_zalloc(arena, text.len + JSON_PADDING);
	const struct str result = {copy, text.len};

	if (text.len > 0)
		memcpy(copy, text.data, text.len);
	buf_done(&text);
	return result;
}

static void read_recording(struct loader *loader, const struct json *line)
{
	const struct json *request = json_get(line, STR("request"));
	const struct json *reply = json_get(line, STR("reply"));
	const struct json *status = json_get(reply, STR("status"));
	struct buf canonical = {0};

	if (!check_request(loader, request) || !check_reply(loader, reply))
		return;
	json_write_canonical(&canonical, request);
	*append(loader) = (struct recording){
		.key = digest_of(buf_str(&canonical)),
		.request = *request,
		.canonical = {arena_memdup(loader->arena, canonical.data, canonical.len),
			canonical.len},
		.status = status != NULL ? (int)status->integer : 200,
		.body = body_text(loader->arena, json_get(reply, STR("body"))),
		.error = json_str(json_get(reply, STR("error"))),
		.file = loader->file,
		.line = loader->line,
	};
	buf_done(&canonical);
}

static void read_lines(struct loader *loader, struct str text)
{
	struct str line;

	for (loader->line = 1; text.len > 0; loader->line++) {
		struct json tree;
		struct error err;

		str_cut(&text, '\n', &line);
		if (str_trim(line).len == 0 || (line.len == 1 && line.data[0] == '\r'))
			continue;
		if (json_read(loader->arena, line, &tree, &err))
			read_recording(loader, &tree);
		else
			problem(loader, "", err.text);
	}
}

static void read_file(struct loader *loader, const char *path)
{
	FILE *file = fopen(path, "re");
	struct stat info;

	loader->line = 0;
	if (file == NULL || fstat(fileno(file), &info) != 0) {
		problem(loader, "", strerror(errno));
	} else if (!S_ISREG(info.st_mode) || info.st_size > FILE_SIZE_MAX) {
		problem(loader, "", "expected a regular file of at most 256 MiB");
	} else {
		char *text = arena_alloc(loader->arena, (size_t)info.st_size + 1);

		read_lines(loader, (struct str){text, fread(text, 1, (size_t)info.st_size, file)});
	}
	if (file != NULL)
		fclose(file);
}

/* From the end, so that each slot starts with the first recording of its key and next follows the
 * order read. */
static void index_all(struct loader *loader)
{
	struct recordings *all = loader->recordings;

	for (all->slot_count = 16; all->slot_count < 2 * all->count;)
		all->slot_count *= 2;
	all->slots = arena_zalloc(loader->arena, all->slot_count * sizeof(*all->slots));
	for (size_t i = all->count; i-- > 0;) {
		struct recording **slot = recordings_slot(all, &all->items[i].key);

		all->items[i].next = *slot;
		*slot = &all->items[i];
	}
}

static int is_jsonl(const struct dirent *entry)
{
	return entry->d_name[0] != '.' && str_ends(str_of(entry->d_name), STR(".jsonl"));
}

const struct recordings *recordings_load(
	struct arena *arena, struct problems *problems, const char *dir, const char *name)
{
	struct loader loader = {.arena = arena,
		.problems = problems,
		.recordings = arena_zalloc(arena, sizeof(struct recordings))};
	const char *folder = arena_printf(arena, "%s/%s", dir, name);
	struct dirent **names = NULL;
	const int count = scandir(folder, &names, is_jsonl, alphasort);

	for (int i = 0; i < count; i++) {
		loader.file = arena_printf(arena, "%s/%s", name, names[i]->d_name);
		if (i < FILES_MAX)
			read_file(&loader, arena_printf(arena, "%s/%s", folder, names[i]->d_name));
		else if (i == FILES_MAX)
			problem(&loader, "", "more than 1000 files of recordings");
		free(names[i]);
	}
	free(names);
	if (loader.recordings->count == 0)
		return NULL;
	index_all(&loader);
	return loader.recordings;
}

#include "cli/pinned.h"

#include "cli/folders.h"
#include "client/search.h"
#include "model/prompt_lock.h"
#include "packaging/temporary.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

static bool load(struct remote *remote, struct str reference, struct prompt_pin *ret, struct error *err)
{
	struct client_prompt prompt;

	if (!remote_wait(remote, client_prompt_load(remote->client, remote->arena, reference, &prompt), err))
		return error_wrap(err, "prompt '%.*s'", STR_ARGS(reference));
	if (prompt.is_chat)
		return error_set(err, ERR_INVALID_BUNDLE,
			"prompt '%.*s': is a list of chat messages; a step takes a text", STR_ARGS(reference));
	*ret = (struct prompt_pin){reference, prompt.uri, prompt.text};
	return true;
}

/* Those that the lock has already stay as they are: they were pinned before. */
static bool load_all(struct remote *remote, const char *dir, const struct decode_list *missing, struct prompt_pin **ret,
	size_t *ret_count, struct error *err)
{
	const struct str *references = missing->items;
	struct decode_list old;
	struct problems problems;

	problems_init(&problems, remote->arena);
	prompt_lock_read(remote->arena, dir, &problems, &old);
	if (!problems_check(&problems, err))
		return false;
	struct prompt_pin *pins = arena_array(remote->arena, old.count + missing->count, sizeof(*pins));
	if (old.count > 0)
		memcpy(pins, old.items, old.count * sizeof(*pins));
	for (size_t i = 0; i < missing->count; i++) {
		if (!load(remote, references[i], &pins[old.count + i], err))
			return false;
		console_notice(remote->console, "pinned: %.*s is %.*s", STR_ARGS(references[i]),
			STR_ARGS(pins[old.count + i].uri));
	}
	*ret = pins;
	*ret_count = old.count + missing->count;
	return true;
}

static void without_lock(struct file_list *files)
{
	size_t kept = 0;

	for (size_t i = 0; i < files->count; i++)
		if (strcmp(files->items[i].path, PROMPT_LOCK_NAME) != 0)
			files->items[kept++] = files->items[i];
	files->count = kept;
}

bool pinned_copy(struct remote *remote, const char *dir, const struct files_walk *walk,
	const struct decode_list *missing, const char **ret_dir, struct error *err)
{
	struct file_list files = {0};
	struct prompt_pin *pins;
	struct buf lock = {0};
	size_t count;
	int to_fd;

	if (!load_all(remote, dir, missing, &pins, &count, err) ||
		!temporary_folder(remote->arena, ret_dir, &to_fd, err))
		return false;
	const int dir_fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir_fd < 0)
		return error_set_errno(err, ERR_NOT_FOUND, errno, "open folder '%s'", dir);
	bool is_fine = files_walk(remote->arena, dir_fd, walk, &files, err);
	without_lock(&files);
	prompt_lock_write(&lock, pins, count);
	is_fine = is_fine && folder_copy(dir_fd, &files, to_fd, err) &&
		  folder_write(to_fd, PROMPT_LOCK_NAME, buf_str(&lock), err);
	buf_done(&lock);
	close(dir_fd);
	return is_fine;
}

/* signature → MLmodel → files */
#include "cli/compare.h"

#include "cli/columns.h"
#include "cli/diff.h"
#include "model/bundle_files.h"
#include "model/signature_decode.h"
#include "packaging/archive.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

enum { SHOWN_MAX = 200 };

struct side {
	const struct compared *compared;
	struct json mlmodel;
	struct signature signature;
	struct file_list files;
	int dir_fd;
};

struct comparing {
	struct arena *arena;
	struct buf *out;
	bool has_color;
	struct side sides[2];
};

static bool read_mlmodel(struct comparing *comparing, struct side *side, struct error *err)
{
	struct arena *arena = comparing->arena;
	struct problems problems;
	struct decoder decoder;

	problems_init(&problems, arena);
	if (bundle_yaml_read(arena, side->compared->dir, "MLmodel", &side->mlmodel, &problems)) {
		decoder_init(&decoder, arena, &problems, "MLmodel");
		decode_enter(&decoder, "signature");
		signature_decode(&decoder, json_get(&side->mlmodel, STR("signature")), &side->signature);
		decode_leave(&decoder);
		decoder_done(&decoder);
	}
	return problems_check(&problems, err) || error_wrap(err, "'%s'", side->compared->name);
}

static bool read_side(struct comparing *comparing, struct side *side, struct error *err)
{
	const struct files_walk walk = {.limits = &archive_limits_default};

	side->dir_fd = open(side->compared->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (side->dir_fd < 0)
		return error_set_errno(err, ERR_NOT_FOUND, errno, "'%s'", side->compared->name);
	return read_mlmodel(comparing, side, err) &&
	       (files_walk(comparing->arena, side->dir_fd, &walk, &side->files, err) ||
		       error_wrap(err, "'%s'", side->compared->name));
}

/* One value on a line, short enough to be read. */
static struct str shown(struct arena *arena, const struct json *value)
{
	struct buf text = {0};

	if (json_type(value) == JSON_STRING)
		buf_add_str(&text, json_str(value));
	else
		json_write(&text, value);
	const struct str cut = str_clip(buf_str(&text), SHOWN_MAX);
	const struct str kept = str_of(arena_printf(arena, "%.*s%s", STR_ARGS(cut), cut.len < text.len ? "…" : ""));
	buf_done(&text);
	return kept;
}

static void add_part(struct comparing *comparing, enum console_style style, const char *mark, struct str where,
	const struct json *before, const struct json *after)
{
	struct buf line = {0};

	buf_printf(&line, "%s ", mark);
	buf_add_visible(&line, where);
	buf_add_text(&line, ": ");
	if (before != NULL)
		buf_add_visible(&line, shown(comparing->arena, before));
	if (before != NULL && after != NULL)
		buf_add_text(&line, " → ");
	if (after != NULL)
		buf_add_visible(&line, shown(comparing->arena, after));
	console_style(comparing->out, comparing->has_color, style, buf_text(&line));
	buf_add_char(comparing->out, '\n');
	buf_done(&line);
}

static void add_change(struct comparing *comparing, struct json *list, const char *prefix, struct str name,
	const struct json *before, const struct json *after)
{
	struct arena *arena = comparing->arena;
	const struct str where = str_of(arena_printf(arena, "%s%.*s", prefix, STR_ARGS(name)));
	struct json row = json_object();

	json_set(arena, &row, STR("where"), json_string(where));
	if (before != NULL)
		json_set(arena, &row, STR("before"), *before);
	if (after != NULL)
		json_set(arena, &row, STR("after"), *after);
	json_append(arena, list, row);
	if (before == NULL)
		add_part(comparing, STYLE_GOOD, "+", where, before, after);
	else if (after == NULL)
		add_part(comparing, STYLE_BAD, "-", where, before, after);
	else
		add_part(comparing, STYLE_NONE, "~", where, before, after);
}

/* Members of two objects, in the order of the first. */
static void compare_members(struct comparing *comparing, struct json *list, const char *prefix,
	const struct json *before, const struct json *after, const char *const *skipped)
{
	for (int pass = 0; pass < 2; pass++) {
		const struct json *own = pass == 0 ? before : after, *other = pass == 0 ? after : before;

		for (size_t i = 0; json_type(own) == JSON_OBJECT && i < own->size; i++) {
			const struct str name = json_str(&own->members[i].key);
			const struct json *theirs = json_get(other, name);
			bool is_skipped = pass == 1 && theirs != NULL;

			for (size_t j = 0; skipped != NULL && skipped[j] != NULL; j++)
				is_skipped = is_skipped || str_is(name, skipped[j]);
			if (is_skipped || (theirs != NULL && json_equal(&own->members[i].value, theirs)))
				continue;
			add_change(comparing, list, prefix, name, pass == 0 ? &own->members[i].value : NULL,
				pass == 0 ? theirs : &own->members[i].value);
		}
	}
}

static void heading(struct comparing *comparing, const char *text)
{
	console_style(comparing->out, comparing->has_color, STYLE_BOLD, text);
	buf_add_char(comparing->out, '\n');
}

/* A heading without anything below it is taken back. */
static void end_part(struct comparing *comparing, size_t before, const struct json *list)
{
	if (list->size == 0)
		comparing->out->len = before;
}

static struct json compare_signatures(struct comparing *comparing)
{
	const struct signature *before = &comparing->sides[0].signature, *after = &comparing->sides[1].signature;
	const struct {
		const char *prefix;
		struct json before, after;
	} PARTS[] = {
		{"inputs.", columns_of(comparing->arena, &before->inputs),
			columns_of(comparing->arena, &after->inputs)},
		{"outputs.", columns_of(comparing->arena, &before->outputs),
			columns_of(comparing->arena, &after->outputs)},
		{"params.", columns_of_params(comparing->arena, before), columns_of_params(comparing->arena, after)},
	};
	const size_t start = comparing->out->len;
	struct json list = json_array();

	heading(comparing, "signature");
	for (size_t i = 0; i < sizeof(PARTS) / sizeof(PARTS[0]); i++)
		compare_members(comparing, &list, PARTS[i].prefix, &PARTS[i].before, &PARTS[i].after, NULL);
	end_part(comparing, start, &list);
	return list;
}

/* What logging a model changes each time says nothing about the model. */
static struct json compare_mlmodels(struct comparing *comparing)
{
	static const char *const SKIPPED[] = {"signature", "utc_time_created", "model_uuid", "model_id", "run_id",
		"artifact_path", "model_size_bytes", NULL};
	const size_t start = comparing->out->len;
	struct json list = json_array();

	heading(comparing, "MLmodel");
	compare_members(comparing, &list, "", &comparing->sides[0].mlmodel, &comparing->sides[1].mlmodel, SKIPPED);
	end_part(comparing, start, &list);
	return list;
}

/* Empty where the side has no such file; false where it is no text of a readable size. */
static bool read_text(struct comparing *comparing, const struct side *side, const struct file *file, struct str *ret)
{
	struct error err = {0};

	*ret = STR("");
	if (file == NULL)
		return true;
	return file->size <= BUNDLE_TEXT_MAX &&
	       files_read(comparing->arena, side->dir_fd, file->path, BUNDLE_TEXT_MAX, ret, &err) &&
	       str_is_utf8(*ret) && memchr(ret->data, '\0', ret->len) == NULL;
}

/* "a/config.yaml", or "/dev/null" as diff(1) has it. */
static struct str side_name(struct comparing *comparing, const struct side *side, const struct file *file)
{
	if (file == NULL)
		return STR("/dev/null");
	return str_of(arena_printf(comparing->arena, "%s/%s", side->compared->name, file->path));
}

static void compare_file(
	struct comparing *comparing, struct json *list, const struct file *before, const struct file *after)
{
	const char *path = before != NULL ? before->path : after->path;
	const char *change = before == NULL ? "added" : after == NULL ? "removed" : "changed";
	struct arena *arena = comparing->arena;
	struct json row = json_object();
	struct str old_text, new_text;
	struct buf diff = {0};

	json_set(arena, &row, STR("path"), json_string(str_of(path)));
	json_set(arena, &row, STR("change"), json_string(str_of(change)));
	if (read_text(comparing, &comparing->sides[0], before, &old_text) &&
		read_text(comparing, &comparing->sides[1], after, &new_text)) {
		const struct str names[] = {side_name(comparing, &comparing->sides[0], before),
			side_name(comparing, &comparing->sides[1], after)};

		diff_write(&diff, names[0], old_text, names[1], new_text, false);
		json_set(arena, &row, STR("diff"),
			json_string((struct str){
				arena_memdup(arena, diff.data != NULL ? diff.data : "", diff.len), diff.len}));
		diff_write(comparing->out, names[0], old_text, names[1], new_text, comparing->has_color);
	} else {
		buf_printf(comparing->out, "%s: %s (no text)\n", path, change);
	}
	buf_done(&diff);
	json_append(arena, list, row);
}

static struct json compare_files(struct comparing *comparing)
{
	const struct file_list *before = &comparing->sides[0].files, *after = &comparing->sides[1].files;
	struct json list = json_array();
	size_t i = 0, j = 0;

	while (i < before->count || j < after->count) {
		const struct file *old_file = i < before->count ? &before->items[i] : NULL;
		const struct file *new_file = j < after->count ? &after->items[j] : NULL;
		const int order = old_file == NULL ? 1 : new_file == NULL ? -1 : strcmp(old_file->path, new_file->path);

		i += order <= 0;
		j += order >= 0;
		if (order < 0)
			new_file = NULL;
		if (order > 0)
			old_file = NULL;
		if (strcmp(order <= 0 ? old_file->path : new_file->path, "MLmodel") == 0 ||
			(order == 0 && digest_eq(&old_file->sha256, &new_file->sha256)))
			continue;
		compare_file(comparing, &list, old_file, new_file);
	}
	return list;
}

static void compare_all(struct comparing *comparing, struct json *ret)
{
	struct arena *arena = comparing->arena;
	const struct json signature = compare_signatures(comparing), mlmodel = compare_mlmodels(comparing),
			  files = compare_files(comparing);

	*ret = json_object();
	json_set(arena, ret, STR("same"), json_bool(signature.size + mlmodel.size + files.size == 0));
	json_set(arena, ret, STR("signature"), signature);
	json_set(arena, ret, STR("mlmodel"), mlmodel);
	json_set(arena, ret, STR("files"), files);
}

bool compare_bundles(struct arena *arena, const struct compared *before, const struct compared *after, bool has_color,
	struct buf *out, struct json *ret, struct error *err)
{
	struct comparing comparing = {.arena = arena,
		.out = out,
		.has_color = has_color,
		.sides = {{.compared = before, .dir_fd = -1}, {.compared = after, .dir_fd = -1}}};

	const bool is_fine =
		read_side(&comparing, &comparing.sides[0], err) && read_side(&comparing, &comparing.sides[1], err);
	if (is_fine)
		compare_all(&comparing, ret);
	for (size_t i = 0; i < 2; i++)
		if (comparing.sides[i].dir_fd >= 0)
			close(comparing.sides[i].dir_fd);
	return is_fine;
}

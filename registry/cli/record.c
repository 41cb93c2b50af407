#include "cli/record.h"

#include "base/datetime.h"
#include "cli/table.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

/* A number, or a string of digits as JSON of Protocol Buffers spells int64. */
static int64_t integer_of(const struct json *value)
{
	char text[24];

	if (json_type(value) == JSON_INTEGER)
		return value->integer;
	snprintf(text, sizeof(text), "%.*s", STR_ARGS(json_str(value)));
	return strtoll(text, NULL, 10);
}

static void set_text(struct arena *arena, struct json *record, struct str key, struct str text)
{
	if (text.len > 0)
		json_set(arena, record, key, json_string(text));
}

void record_set_time(struct arena *arena, struct json *record, struct str key, const struct json *value)
{
	const int64_t time_ms = integer_of(value);
	const time_t seconds = (time_t)(time_ms / 1000);
	struct tm utc;
	char text[32];

	if (time_ms <= 0 || gmtime_r(&seconds, &utc) == NULL ||
		strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", &utc) == 0)
		return;
	json_set(arena, record, key, json_string(str_of(arena_printf(arena, "%s.%03dZ", text, (int)(time_ms % 1000)))));
}

static int by_text(const void *a, const void *b)
{
	const struct str x = json_str(a), y = json_str(b);
	const int order = memcmp(x.data, y.data, x.len < y.len ? x.len : y.len);

	return order != 0 ? order : (x.len > y.len) - (x.len < y.len);
}

static int by_key(const void *a, const void *b)
{
	return by_text(&((const struct json_member *)a)->key, &((const struct json_member *)b)->key);
}

/* Sorted, as no server promises an order. */
static struct json tags_of(struct arena *arena, const struct json *list)
{
	struct json tags = json_object();

	for (size_t i = 0; json_type(list) == JSON_ARRAY && i < list->size; i++) {
		const struct json *value = json_get(&list->items[i], STR("value"));
		json_set(arena, &tags, json_str(json_get(&list->items[i], STR("key"))),
			json_type(value) == JSON_STRING ? *value : json_string(STR("")));
	}
	if (tags.size > 1)
		qsort(tags.members, tags.size, sizeof(*tags.members), by_key);
	return tags;
}

/* Names, or objects of Unity Catalog's native dialect; sorted, too. */
static struct json alias_names(struct arena *arena, const struct json *list)
{
	struct json names = json_array();

	for (size_t i = 0; json_type(list) == JSON_ARRAY && i < list->size; i++) {
		const struct json *item = &list->items[i];
		const struct json *name = json_type(item) == JSON_OBJECT ? json_get(item, STR("alias")) : item;
		if (json_type(name) == JSON_STRING)
			json_append(arena, &names, *name);
	}
	if (names.size > 1)
		qsort(names.items, names.size, sizeof(*names.items), by_text);
	return names;
}

struct json record_version(struct arena *arena, const struct client_version *version)
{
	const struct json *tree = &version->tree;
	struct json record = json_object();

	json_set(arena, &record, STR("name"), json_string(version->name));
	json_set(arena, &record, STR("version"), json_string(version->version));
	set_text(arena, &record, STR("status"), version->status);
	set_text(arena, &record, STR("stage"), version->stage);
	if (json_get(tree, STR("aliases")) != NULL)
		json_set(arena, &record, STR("aliases"), alias_names(arena, json_get(tree, STR("aliases"))));
	set_text(arena, &record, STR("digest"), client_tag_find(tree, STR(DIGEST_TAG)));
	set_text(arena, &record, STR("source"), version->source);
	set_text(arena, &record, STR("run_id"), version->run_id);
	set_text(arena, &record, STR("description"), version->description);
	json_set(arena, &record, STR("tags"), tags_of(arena, json_get(tree, STR("tags"))));
	record_set_time(arena, &record, STR("created"), json_get(tree, STR("creation_timestamp")));
	record_set_time(arena, &record, STR("updated"), json_get(tree, STR("last_updated_timestamp")));
	return record;
}

void record_set_aliases(struct arena *arena, struct json *record, const struct client_aliases *aliases)
{
	const struct str version = json_str(json_get(record, STR("version")));
	struct json names = json_array();

	for (size_t i = 0; i < aliases->count; i++)
		if (str_eq(aliases->items[i].version, version))
			json_append(arena, &names, json_string(aliases->items[i].alias));
	json_set(arena, record, STR("aliases"), names);
}

/* The servers' latest_versions are one a stage. */
static struct str latest_of(const struct json *tree)
{
	const struct json *list = json_get(tree, STR("latest_versions"));
	struct str latest = {0};
	int64_t highest = 0;

	for (size_t i = 0; json_type(list) == JSON_ARRAY && i < list->size; i++) {
		const struct json *version = json_get(&list->items[i], STR("version"));
		if (integer_of(version) <= highest)
			continue;
		highest = integer_of(version);
		latest = json_str(version);
	}
	return latest;
}

static struct json alias_map(struct arena *arena, const struct json *list)
{
	const struct json names = alias_names(arena, list);
	struct json map = json_object();

	for (size_t i = 0; i < names.size; i++)
		for (size_t j = 0; j < list->size; j++)
			if (str_eq(json_str(json_get(&list->items[j], STR("alias"))), json_str(&names.items[i])))
				json_set(arena, &map, json_str(&names.items[i]),
					json_string(json_str(json_get(&list->items[j], STR("version")))));
	return map;
}

struct json record_model(struct arena *arena, const struct client_model *model)
{
	const struct json *tree = &model->tree;
	struct json record = json_object();

	json_set(arena, &record, STR("name"), json_string(model->name));
	set_text(arena, &record, STR("latest"), latest_of(tree));
	json_set(arena, &record, STR("aliases"), alias_map(arena, json_get(tree, STR("aliases"))));
	set_text(arena, &record, STR("description"), model->description);
	json_set(arena, &record, STR("tags"), tags_of(arena, json_get(tree, STR("tags"))));
	record_set_time(arena, &record, STR("created"), json_get(tree, STR("creation_timestamp")));
	record_set_time(arena, &record, STR("updated"), json_get(tree, STR("last_updated_timestamp")));
	return record;
}

/* Milliseconds of a time in RFC 3339; -1 where the text is something else. */
static int64_t time_of(struct str text)
{
	int64_t ns;

	return memchr(text.data != NULL ? text.data : "", 'T', text.len) != NULL && datetime_parse(text, &ns)
		       ? ns / 1000000
		       : -1;
}

static bool is_time(struct str key)
{
	return str_is(key, "created") || str_is(key, "updated") || str_is(key, "time") || str_is(key, "since");
}

static void add_value(struct buf *out, const struct json *value)
{
	if (json_type(value) == JSON_STRING)
		buf_add_str(out, json_str(value));
	else
		json_write(out, value);
}

static void add_list(struct buf *out, const struct json *value)
{
	for (size_t i = 0; i < value->size; i++) {
		buf_add_text(out, i > 0 ? ", " : "");
		if (json_type(value) == JSON_OBJECT) {
			buf_add_str(out, json_str(&value->members[i].key));
			buf_add_char(out, '=');
			add_value(out, &value->members[i].value);
		} else {
			add_value(out, &value->items[i]);
		}
	}
}

struct str record_cell(struct arena *arena, const struct json *record, struct str key)
{
	const struct json *value = json_get(record, key);
	struct buf text = {0};

	if (value == NULL || json_type(value) == JSON_NULL)
		return STR("");
	if (is_time(key) && json_type(value) == JSON_INTEGER)
		return table_time(arena, value->integer);
	if (is_time(key) && time_of(json_str(value)) >= 0)
		return table_time(arena, time_of(json_str(value)));
	if (str_is(key, "size") && json_type(value) == JSON_INTEGER)
		return table_size(arena, (uint64_t)value->integer);
	if (json_type(value) == JSON_OBJECT || json_type(value) == JSON_ARRAY)
		add_list(&text, value);
	else
		add_value(&text, value);
	const struct str cell = {arena_memdup(arena, text.data != NULL ? text.data : "", text.len), text.len};
	buf_done(&text);
	return cell;
}

void record_write(struct buf *out, struct arena *arena, const struct json *record)
{
	size_t width = 0;

	for (size_t i = 0; i < record->size; i++)
		if (record->members[i].key.size > width)
			width = record->members[i].key.size;
	for (size_t i = 0; i < record->size; i++) {
		const struct str key = json_str(&record->members[i].key);
		const struct str cell = record_cell(arena, record, key);

		buf_printf(out, "  %-*.*s  ", (int)width, STR_ARGS(key));
		buf_add_visible(out, cell.len > 0 ? cell : STR("-"));
		buf_add_char(out, '\n');
	}
}

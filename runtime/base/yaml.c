/*
 * YAML to the JSON tree, by libyaml's events: no document object, no constructors, nothing that can
 * expand.
 *
 * Members and elements are gathered on one stack and copied to the arena where their container
 * ends. Aliases are refused where they appear, so a document can never grow beyond its text
 * ("billion laughs").
 */
#include "base/yaml.h"

#include <stdlib.h>
#include <yaml.h>

struct reader {
	yaml_parser_t parser;
	struct arena *arena;
	const char *name;
	struct str text;
	struct error *err;
	struct json_member *stack;
	size_t count, cap;
	unsigned depth;
};

static bool read_document(struct reader *reader, struct json *ret_value);
static bool read_node(struct reader *reader, const yaml_event_t *event, struct json *ret);

/* Texts are at most YAML_SIZE_MAX bytes, so `at` holds every line. */
static unsigned line_of(const yaml_event_t *event)
{
	return (unsigned)event->start_mark.line + 1;
}

static unsigned line_at(struct str text, size_t offset)
{
	if (offset < text.len)
		text.len = offset;
	return (unsigned)str_count(text, '\n') + 1;
}

bool yaml_read(struct arena *arena, const char *name, struct str text, struct json *ret_value,
	struct error *err)
{
	struct reader reader = {.arena = arena, .name = name, .text = text, .err = err};

	if (text.len > YAML_SIZE_MAX)
		return error_set(err, ERR_INVALID_BUNDLE, "%s: %zu bytes, at most %d are read",
			name, text.len, YAML_SIZE_MAX);
	for (size_t i = 0; i < text.len;) {
		const size_t step = str_utf8_step((struct str){text.data + i, text.len - i});
		if (step == 0)
			return error_set(err, ERR_INVALID_BUNDLE, "%s:%u: invalid UTF-8", name,
				line_at(text, i));
		i += step;
	}
	if (!yaml_parser_initialize(&reader.parser))
		abort();
	yaml_parser_set_input_string(
		&reader.parser, (const unsigned char *)(text.len > 0 ? text.data : ""), text.len);
	const bool is_read = read_document(&reader, ret_value);
	yaml_parser_delete(&reader.parser);
	free(reader.stack);
	return is_read;
}

static bool fail_at(struct reader *reader, unsigned line, const char *what)
{
	return error_set(reader->err, ERR_INVALID_BUNDLE, "%s:%u: %s", reader->name, line, what);
}

static bool fail_parse(struct reader *reader)
{
	const yaml_parser_t *parser = &reader->parser;
	const char *problem = parser->problem != NULL ? parser->problem : "malformed YAML";

	if (parser->error == YAML_MEMORY_ERROR)
		abort();
	/* The reader looks far ahead of the scanner's mark. */
	if (parser->error == YAML_READER_ERROR)
		return fail_at(reader, line_at(reader->text, parser->problem_offset), problem);
	if (parser->context == NULL)
		return fail_at(reader, (unsigned)parser->problem_mark.line + 1, problem);
	return error_set(reader->err, ERR_INVALID_BUNDLE, "%s:%zu: %s %s from line %zu",
		reader->name, parser->problem_mark.line + 1, problem, parser->context,
		parser->context_mark.line + 1);
}

/* The caller deletes the event. */
static bool next_event(struct reader *reader, yaml_event_t *ret)
{
	if (!yaml_parser_parse(&reader->parser, ret))
		return fail_parse(reader);
	return true;
}

/* A document of nothing (comments, "---") is an empty object: a file with no settings. */
static bool is_nothing(const yaml_event_t *event)
{
	return event->type == YAML_SCALAR_EVENT && event->data.scalar.length == 0 &&
	       event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE &&
	       event->data.scalar.anchor == NULL && event->data.scalar.tag == NULL;
}

static bool read_root(struct reader *reader, struct json *ret)
{
	yaml_event_t event;

	if (!next_event(reader, &event))
		return false;
	bool is_read = true;
	if (is_nothing(&event))
		*ret = json_object();
	else
		is_read = read_node(reader, &event, ret);
	yaml_event_delete(&event);
	return is_read;
}

static bool read_document(struct reader *reader, struct json *ret_value)
{
	struct json root = json_object();
	unsigned documents = 0;

	for (;;) {
		yaml_event_t event;
		if (!next_event(reader, &event))
			return false;
		const yaml_event_type_t type = event.type;
		const unsigned line = line_of(&event);
		yaml_event_delete(&event);

		if (type == YAML_STREAM_END_EVENT)
			break;
		if (type != YAML_DOCUMENT_START_EVENT)
			continue;
		if (++documents > 1)
			return fail_at(reader, line, "a second document, only one is allowed");
		if (!read_root(reader, &root))
			return false;
	}
	*ret_value = root;
	return true;
}

static struct json_member *push(struct reader *reader)
{
	if (reader->count == reader->cap) {
		reader->cap = reader->cap > 0 ? 2 * reader->cap : 64;
		reader->stack = realloc(reader->stack, reader->cap * sizeof(*reader->stack));
		if (reader->stack == NULL)
			abort();
	}
	return memset(&reader->stack[reader->count++], 0, sizeof(*reader->stack));
}

static struct json text_value(struct reader *reader, const yaml_event_t *event)
{
	const size_t len = event->data.scalar.length;
	const char *text = arena_memdup(reader->arena, event->data.scalar.value, len);

	return json_string((struct str){text, len});
}

static bool is_plain(const yaml_event_t *event)
{
	return event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
}

static bool read_scalar(struct reader *reader, const yaml_event_t *event, struct json *ret)
{
	const struct str text = {(const char *)event->data.scalar.value, event->data.scalar.length};
	struct error why;

	if (is_plain(event) && !yaml_scalar(text, ret, &why))
		return fail_at(reader, line_of(event), why.text);
	if (!is_plain(event) || ret->type == JSON_STRING)
		*ret = text_value(reader, event);
	ret->at = line_of(event) & JSON_FIELD_MAX;
	return true;
}

static bool refuse_decoration(
	struct reader *reader, const yaml_event_t *event, const void *anchor, const void *tag)
{
	if (anchor != NULL)
		return fail_at(reader, line_of(event), "anchors are not allowed");
	if (tag != NULL)
		return fail_at(reader, line_of(event), "tags are not allowed");
	return true;
}

static bool enter(struct reader *reader, const yaml_event_t *event)
{
	if (reader->depth == YAML_DEPTH_MAX)
		return error_set(reader->err, ERR_INVALID_BUNDLE,
			"%s:%u: nested deeper than %d levels", reader->name, line_of(event),
			YAML_DEPTH_MAX);
	reader->depth++;
	return true;
}

static bool read_sequence(struct reader *reader, const yaml_event_t *start, struct json *ret)
{
	const size_t base = reader->count;

	if (!enter(reader, start))
		return false;
	for (;;) {
		yaml_event_t event;
		struct json value;
		if (!next_event(reader, &event))
			return false;
		const bool is_end = event.type == YAML_SEQUENCE_END_EVENT;
		const bool is_read = is_end || read_node(reader, &event, &value);
		yaml_event_delete(&event);
		if (!is_read)
			return false;
		if (is_end)
			break;
		push(reader)->value = value;
	}

	const size_t count = reader->count - base;
	*ret = json_array_of(arena_array(reader->arena, count, sizeof(*ret->items)), count);
	ret->at = line_of(start) & JSON_FIELD_MAX;
	for (size_t i = 0; i < count; i++)
		ret->items[i] = reader->stack[base + i].value;
	reader->count = base;
	reader->depth--;
	return true;
}

static bool read_key(struct reader *reader, const yaml_event_t *event, struct json *ret)
{
	if (event->type != YAML_SCALAR_EVENT)
		return fail_at(reader, line_of(event), "a key must be text");
	if (!refuse_decoration(reader, event, event->data.scalar.anchor, event->data.scalar.tag))
		return false;
	/* Keys stay as they are written ("on", "1"), PyYAML would make true and 1 of them. */
	*ret = text_value(reader, event);
	ret->at = line_of(event) & JSON_FIELD_MAX;
	if (is_plain(event) && str_is(json_str(ret), "<<"))
		return fail_at(reader, line_of(event), "merge keys are not allowed");
	if (is_plain(event) && ret->size == 0)
		return fail_at(reader, line_of(event), "a key is missing");
	return true;
}

static bool read_member(struct reader *reader, const struct json *key)
{
	yaml_event_t event;
	struct json value;

	if (!next_event(reader, &event))
		return false;
	const bool is_read = read_node(reader, &event, &value);
	/* libyaml places a value that is not there behind the end of the text. */
	if (is_read && is_nothing(&event))
		value.at = key->at;
	yaml_event_delete(&event);
	if (is_read)
		*push(reader) = (struct json_member){.key = *key, .value = value};
	return is_read;
}

static int by_key(const void *a, const void *b)
{
	const struct json *x = *(const struct json *const *)a, *y = *(const struct json *const *)b;
	const size_t len = x->size < y->size ? x->size : y->size;
	const int order = len > 0 ? memcmp(x->text, y->text, len) : 0;

	if (order != 0)
		return order;
	if (x->size != y->size)
		return x->size < y->size ? -1 : 1;
	return (x->at > y->at) - (x->at < y->at);
}

/* By sorting: a hostile file may hold a hundred thousand keys. */
static bool check_duplicates(struct reader *reader, const struct json_member *members, size_t count)
{
	const struct json *found = NULL;

	if (count < 2)
		return true;
	const struct json **keys = malloc(count * sizeof(*keys));
	if (keys == NULL)
		abort();
	for (size_t i = 0; i < count; i++)
		keys[i] = &members[i].key;
	qsort(keys, count, sizeof(*keys), by_key);
	for (size_t i = 1; i < count; i++)
		if (str_eq(json_str(keys[i - 1]), json_str(keys[i])) &&
			(found == NULL || keys[i]->at < found->at))
			found = keys[i];
	free(keys);
	if (found == NULL)
		return true;
	return error_set(reader->err, ERR_INVALID_BUNDLE, "%s:%u: the key '%.*s' is there twice",
		reader->name, (unsigned)found->at, found->size < 100 ? (int)found->size : 100,
		found->text);
}

static bool read_mapping(struct reader *reader, const yaml_event_t *start, struct json *ret)
{
	const size_t base = reader->count;

	if (!enter(reader, start))
		return false;
	for (;;) {
		yaml_event_t event;
		struct json key;
		if (!next_event(reader, &event))
			return false;
		const bool is_end = event.type == YAML_MAPPING_END_EVENT;
		const bool is_read = is_end || read_key(reader, &event, &key);
		yaml_event_delete(&event);
		if (!is_read)
			return false;
		if (is_end)
			break;
		if (!read_member(reader, &key))
			return false;
	}

	const size_t count = reader->count - base;
	*ret = json_object_of(arena_array(reader->arena, count, sizeof(*ret->members)), count);
	ret->at = line_of(start) & JSON_FIELD_MAX;
	if (count > 0)
		memcpy(ret->members, reader->stack + base, count * sizeof(*ret->members));
	reader->count = base;
	reader->depth--;
	return check_duplicates(reader, ret->members, count);
}

static bool read_node(struct reader *reader, const yaml_event_t *event, struct json *ret)
{
	switch (event->type) {
	case YAML_SCALAR_EVENT:
		return refuse_decoration(
			       reader, event, event->data.scalar.anchor, event->data.scalar.tag) &&
		       read_scalar(reader, event, ret);
	case YAML_SEQUENCE_START_EVENT:
		return refuse_decoration(reader, event, event->data.sequence_start.anchor,
			       event->data.sequence_start.tag) &&
		       read_sequence(reader, event, ret);
	case YAML_MAPPING_START_EVENT:
		return refuse_decoration(reader, event, event->data.mapping_start.anchor,
			       event->data.mapping_start.tag) &&
		       read_mapping(reader, event, ret);
	case YAML_ALIAS_EVENT:
		return fail_at(reader, line_of(event), "aliases are not allowed");
	default:
		return fail_at(reader, line_of(event), "malformed YAML");
	}
}

/* Looking into value trees, and making them. */
#include "base/json.h"

#include <stdlib.h>

enum { CAPACITY_MIN = 4, SIZE_LAST = (1 << 28) - 1 };

static struct str key_of(const struct json_member *member)
{
	return (struct str){member->key.text, member->key.size};
}

static struct json_member *find(const struct json *object, struct str key)
{
	for (size_t i = 0; i < object->size; i++)
		if (str_eq(key_of(&object->members[i]), key))
			return &object->members[i];
	return NULL;
}

const struct json *json_get(const struct json *object, struct str key)
{
	if (json_type(object) != JSON_OBJECT)
		return NULL;
	const struct json_member *member = find(object, key);

	return member != NULL && member->value.type != JSON_ABSENT ? &member->value : NULL;
}

/* Element number `index`, written in decimal digits; NULL where it is none or not there. */
static const struct json *element(const struct json *array, struct str index)
{
	size_t at = 0;

	if (index.len == 0 || index.len > 9)
		return NULL;
	for (size_t i = 0; i < index.len; i++) {
		if (index.data[i] < '0' || index.data[i] > '9')
			return NULL;
		at = at * 10 + (size_t)(index.data[i] - '0');
	}
	return at < array->size && array->items[at].type != JSON_ABSENT ? &array->items[at] : NULL;
}

const struct json *json_at(const struct json *value, struct str path)
{
	bool is_more = true;

	while (is_more && value != NULL) {
		struct str name;

		is_more = str_cut(&path, '.', &name);
		value = value->type == JSON_ARRAY ? element(value, name) : json_get(value, name);
	}
	return value;
}

struct str json_str(const struct json *value)
{
	if (json_type(value) != JSON_STRING)
		return (struct str){"", 0};
	return (struct str){value->text, value->size};
}

const char *json_type_name(const struct json *value)
{
	static const char *const NAMES[] = {
		[JSON_ABSENT] = "nothing",
		[JSON_NULL] = "null",
		[JSON_BOOL] = "a boolean",
		[JSON_INTEGER] = "an integer",
		[JSON_DOUBLE] = "a number",
		[JSON_STRING] = "a string",
		[JSON_ARRAY] = "an array",
		[JSON_OBJECT] = "an object",
	};

	return NAMES[json_type(value)];
}

static size_t capacity(size_t size)
{
	size_t cap = CAPACITY_MIN;

	while (cap < size)
		cap *= 2;
	return cap;
}

/* Where to put one more element of `size` bytes; `elements` moves when it is full. */
static void *grown(struct arena *arena, struct json *value, const void *elements, size_t size)
{
	if (value->size >= SIZE_LAST)
		abort();
	if (value->is_growable && value->size < capacity(value->size))
		return (void *)elements;
	void *memory = arena_array(arena, capacity(value->size + 1u), size);

	if (value->size > 0)
		memcpy(memory, elements, value->size * size);
	value->is_growable = 1;
	return memory;
}

void json_append(struct arena *arena, struct json *array, struct json value)
{
	array->items = grown(arena, array, array->items, sizeof(value));
	array->items[array->size] = value;
	array->size++;
}

void json_set(struct arena *arena, struct json *object, struct str key, struct json value)
{
	struct json_member *member = find(object, key);

	if (member != NULL) {
		member->value = value;
		return;
	}
	object->members = grown(arena, object, object->members, sizeof(*member));
	object->members[object->size] = (struct json_member){json_string(key), value};
	object->size++;
}

static struct json copy_string(struct arena *arena, const struct json *string)
{
	struct json copy = *string;

	char *text = arena_alloc(arena, string->size + (size_t)JSON_ROOM);

	if (string->size > 0)
		memcpy(text, string->text, string->size);
	copy.text = text;
	copy.is_roomy = 1;
	return copy;
}

struct json json_copy(struct arena *arena, const struct json *value)
{
	struct json copy = *value;

	copy.is_growable = 0;
	if (value->type == JSON_STRING)
		return copy_string(arena, value);
	if (value->type == JSON_ARRAY && value->size > 0) {
		copy.items = arena_array(arena, value->size, sizeof(*copy.items));
		for (size_t i = 0; i < value->size; i++)
			copy.items[i] = json_copy(arena, &value->items[i]);
	}
	if (value->type == JSON_OBJECT && value->size > 0) {
		copy.members = arena_array(arena, value->size, sizeof(*copy.members));
		for (size_t i = 0; i < value->size; i++) {
			copy.members[i].key = copy_string(arena, &value->members[i].key);
			copy.members[i].value = json_copy(arena, &value->members[i].value);
		}
	}
	return copy;
}

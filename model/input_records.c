/*
 * Records: objects become rows. Clients send the same keys in the same order again and again, and
 * the JSON reader gives equal keys of neighbours the same bytes; so each position remembers the key
 * it met last and its column.
 */
#include "model/input_form.h"

struct hint {
	const char *text;
	size_t len;
	long column;
};

struct gather {
	struct names names;
	struct hint *hints;
	size_t hint_count;
	struct json *cells;
	bool *has_column;
};

static bool hint_fits(struct hint *hint, struct str key)
{
	if (hint->len != key.len || hint->text == NULL)
		return false;
	if (hint->text == key.data)
		return true;
	if (memcmp(hint->text, key.data, key.len) != 0)
		return false;
	hint->text = key.data;
	return true;
}

static long find_column(struct gather *gather, struct str key, size_t position, size_t guess)
{
	if (position >= gather->hint_count)
		return names_find(&gather->names, key, guess);
	struct hint *hint = &gather->hints[position];
	if (!hint_fits(hint, key))
		*hint = (struct hint){key.data, key.len, names_find(&gather->names, key, guess)};
	return hint->column;
}

static void gather_record(struct gather *gather, const struct json *record, struct json *cells)
{
	size_t guess = 0;

	for (size_t i = 0; i < record->size; i++) {
		const struct json_member *member = &record->members[i];
		const struct str key = {member->key.text, member->key.size};
		const long column = find_column(gather, key, i, guess);
		if (column == NAMES_NONE)
			continue;
		cells[column] = member->value;
		gather->has_column[column] = true;
		guess = (size_t)column + 1;
	}
}

/* Fills cells of the columns `names`; false where the table would be too large. */
static bool gather_records(struct form *form, const struct json *records, const struct str *names,
	size_t count, size_t size_max, struct gather *ret)
{
	struct gather gather = {
		.names = {.arena = form->arena, .items = names, .count = count},
	};

	if (!table_fits(form, names, count, records->size, size_max))
		return false;
	gather.cells = arena_zalloc(form->arena, records->size * count * sizeof(*gather.cells));
	gather.has_column = arena_zalloc(form->arena, count * sizeof(*gather.has_column));
	if (records->size > 1) {
		gather.hint_count = records->items[0].size;
		gather.hints = arena_zalloc(form->arena, gather.hint_count * sizeof(*gather.hints));
	}
	for (size_t row = 0; row < records->size; row++)
		gather_record(&gather, &records->items[row], &gather.cells[row * count]);
	*ret = gather;
	return true;
}

/* All keys, but for those that a record has at the same place as the one before. */
static struct str *collect_keys(struct form *form, const struct json *records, size_t *ret_count)
{
	struct buf keys = {0};

	for (size_t row = 0; row < records->size; row++) {
		const struct json *record = &records->items[row];
		const struct json *before = row > 0 ? &records->items[row - 1] : NULL;
		for (size_t i = 0; i < record->size; i++) {
			const struct str key = json_str(&record->members[i].key);
			if (before != NULL && i < before->size &&
				str_eq(key, json_str(&before->members[i].key)))
				continue;
			buf_add(&keys, &key, sizeof(key));
		}
	}
	*ret_count = keys.len / sizeof(struct str);
	struct str *copy = arena_array(form->arena, *ret_count, sizeof(*copy));
	if (keys.len > 0)
		memcpy(copy, keys.data, keys.len);
	buf_done(&keys);
	return copy;
}

bool records_table(struct form *form, const struct json *records, struct table *ret)
{
	struct gather gather;
	size_t count;
	struct str *names = collect_keys(form, records, &count);

	names = names_unique(form->arena, names, &count);
	if (!gather_records(form, records, names, count, form->size_max, &gather))
		return false;
	*ret = (struct table){
		.row_count = records->size,
		.column_count = count,
		.names = names,
		.cells = gather.cells,
	};
	return true;
}

/* The names found are those of the first record: they tell enough. */
static bool fail_missing(struct form *form, const struct json *records, long missing)
{
	struct names found = {.arena = form->arena};

	if (records->size > 0) {
		const struct json first = {.type = JSON_ARRAY, .size = 1, .items = records->items};
		found.items = collect_keys(form, &first, &found.count);
	}
	return columns_fail(form, missing, records->size, &found);
}

bool records_bind(struct form *form, const struct json *records, struct input *ret)
{
	const struct sig_schema *schema = &form->signature->inputs;
	struct gather gather;

	if (!gather_records(form, records, schema->names, schema->count, TABLE_SIZE_MAX, &gather))
		return false;
	const long missing = columns_missing(form, gather.has_column);
	if (missing != NAMES_NONE)
		return fail_missing(form, records, missing);
	if (!cells_enforce(form, gather.cells, records->size, gather.has_column))
		return false;
	ret->shape = INPUT_TABLE;
	ret->row_count = records->size;
	ret->column_count = schema->count;
	ret->columns = schema->names;
	ret->keys = schema->keys;
	ret->cells = gather.cells;
	return true;
}

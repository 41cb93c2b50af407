#include "cli/rows.h"
#include "model/enforce_text.h"
#include "model/input_names.h"

enum { TOLD_MAX = 3 };

struct unknown {
	struct names columns;
	struct str told[TOLD_MAX];
	size_t told_count;
	const struct rows_notices *notices;
};

static bool is_told(const struct unknown *unknown, struct str key)
{
	for (size_t i = 0; i < unknown->told_count; i++)
		if (str_eq(unknown->told[i], key))
			return true;
	return false;
}

static void tell(struct unknown *unknown, size_t row, struct str key)
{
	struct buf text = {0};

	buf_printf(&text, "row %zu: unknown column '%.*s'", row, STR_ARGS(text_clip(key)));
	const long nearest = names_nearest(&unknown->columns, key);
	if (nearest != NAMES_NONE)
		buf_printf(&text, ", did you mean '%.*s'?",
			STR_ARGS(text_clip(unknown->columns.items[nearest])));
	unknown->notices->tell(unknown->notices->data, buf_text(&text));
	unknown->told[unknown->told_count++] = key;
	buf_done(&text);
}

void rows_tell_unknown(struct arena *arena, const struct signature *signature,
	const struct json *rows, const struct rows_notices *notices)
{
	const struct sig_schema *schema = &signature->inputs;
	struct unknown unknown = {
		.columns = {.arena = arena, .items = schema->names, .count = schema->count},
		.notices = notices,
	};

	if (!schema->is_declared || !schema->is_named || json_type(rows) != JSON_ARRAY)
		return;
	for (size_t row = 0; row < rows->size && unknown.told_count < TOLD_MAX; row++) {
		const struct json *record = &rows->items[row];
		const size_t count = record->type == JSON_OBJECT ? record->size : 0;
		for (size_t i = 0; i < count && unknown.told_count < TOLD_MAX; i++) {
			const struct str key = json_str(&record->members[i].key);
			if (names_find(&unknown.columns, key, i) == NAMES_NONE &&
				!is_told(&unknown, key))
				tell(&unknown, row, key);
		}
	}
}

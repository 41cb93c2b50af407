#include "cli/columns.h"

static struct json text_of(struct arena *arena, struct buf *text)
{
	const struct json value = json_string((struct str){arena_memdup(arena, text->data, text->len), text->len});

	buf_done(text);
	return value;
}

struct json columns_of(struct arena *arena, const struct sig_schema *schema)
{
	struct json columns = json_object();

	for (size_t i = 0; i < schema->count; i++) {
		const struct sig_property *column = &schema->columns[i];
		struct buf type = {0};
		sig_node_write(&type, &column->node);
		buf_add_text(&type, column->is_required ? "" : " (optional)");
		const struct str name = column->name.data != NULL ? column->name : STR("(unnamed)");
		json_set(arena, &columns, name, text_of(arena, &type));
	}
	return columns;
}

struct json columns_of_params(struct arena *arena, const struct signature *signature)
{
	struct json columns = json_object();

	for (size_t i = 0; i < signature->param_count; i++) {
		const struct sig_param *param = &signature->params[i];
		struct buf type = {0};
		sig_node_write(&type, &param->node);
		buf_add_text(&type, param->is_list ? " list = " : " = ");
		json_write(&type, &param->fallback);
		json_set(arena, &columns, param->name, text_of(arena, &type));
	}
	return columns;
}

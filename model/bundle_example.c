#include "model/bundle_example.h"

#include "model/bundle_files.h"
#include "model/input.h"

static bool is_split(const struct json *value)
{
	return json_type(json_get(value, STR("columns"))) == JSON_ARRAY &&
	       json_type(json_get(value, STR("data"))) == JSON_ARRAY;
}

static struct json wrap(struct arena *arena, struct str key, struct json value)
{
	struct json body = json_object();

	json_set(arena, &body, key, value);
	return body;
}

static bool is_records(const struct json *value)
{
	return json_type(value) == JSON_ARRAY && value->size > 0 &&
	       json_type(&value->items[0]) == JSON_OBJECT;
}

/* An object that is a row: its form would need guessing where columns are not declared. */
static bool is_row(const struct json *value, const struct signature *signature)
{
	return json_type(value) == JSON_OBJECT && signature->inputs.is_declared &&
	       signature->inputs.is_named && !signature->inputs.is_tensor;
}

static struct json data_body(struct arena *arena, const struct mlmodel *mlmodel,
	const struct signature *signature, const struct json *data)
{
	const bool is_frame = str_is(mlmodel->example_type, "dataframe");
	struct json rows = json_array();

	if (is_split(data) && (is_frame || mlmodel->example_type.len == 0))
		return wrap(arena, STR("dataframe_split"), *data);
	if (is_records(data) && (is_frame || mlmodel->example_type.len == 0))
		return wrap(arena, STR("dataframe_records"), *data);
	if (input_is_request(data) && mlmodel->example_type.len == 0)
		return *data;
	if (is_row(data, signature) && mlmodel->example_type.len == 0) {
		json_append(arena, &rows, *data);
		return wrap(arena, STR("dataframe_records"), rows);
	}
	return wrap(arena, STR("inputs"), *data);
}

struct json bundle_example_body(struct arena *arena, const struct mlmodel *mlmodel,
	const struct signature *signature, const struct json *example)
{
	const struct json *inputs = json_get(example, STR("inputs"));
	const struct json *params = json_get(example, STR("params"));

	if (mlmodel->has_params && inputs != NULL && params != NULL) {
		struct json body = data_body(arena, mlmodel, signature, inputs);

		json_set(arena, &body, STR("params"), *params);
		return body;
	}
	if (input_is_llm_form(example))
		return *example;
	return data_body(arena, mlmodel, signature, example);
}

static bool read_json(struct arena *arena, const char *dir, const char *path, struct json *ret,
	struct problems *problems)
{
	struct error err = {0};
	struct str text = {0};

	if (!bundle_file_read(arena, dir, path, BUNDLE_EXAMPLE_MAX, &text, &err)) {
		problems_add(problems, NULL, 0, "", "%s", err.text);
		return false;
	}
	if (!json_read_padded(arena, text, ret, &err)) {
		problems_add(problems, arena_strdup(problems->arena, path), 0, "", "%s", err.text);
		return false;
	}
	return true;
}

/* `named` by MLmodel, or the file that is always looked for. */
static const char *find_file(
	struct arena *arena, const char *dir, struct str named, const char *fallback)
{
	const char *path = named.len > 0 ? arena_memdup(arena, named.data, named.len) : fallback;
	const bool is_there = bundle_file_kind(dir, path) != BUNDLE_FILE_NONE;

	return is_there || named.len > 0 ? path : NULL;
}

struct json bundle_example_read(struct arena *arena, const char *dir, const struct mlmodel *mlmodel,
	const struct signature *signature, struct problems *problems, const char **ret_file)
{
	const char *serving =
		find_file(arena, dir, mlmodel->serving_example, "serving_input_example.json");
	const char *plain = find_file(arena, dir, mlmodel->example, "input_example.json");
	struct json example = {0};

	*ret_file = serving != NULL ? serving : plain;
	if (*ret_file == NULL || !read_json(arena, dir, *ret_file, &example, problems))
		return (struct json){0};
	return serving != NULL ? example : bundle_example_body(arena, mlmodel, signature, &example);
}

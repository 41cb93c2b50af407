#include "cli/mlmodel_text.h"

#include <stdio.h>
#include <time.h>

static const char EXAMPLE[] = "input_example.json", SERVING_EXAMPLE[] = "serving_input_example.json";

/* MLflow's own form: str(datetime) in UTC. */
static struct str created_at(struct arena *arena, int64_t now_us)
{
	const time_t seconds = (time_t)(now_us / 1000000);
	struct tm utc;
	char text[32] = "";

	if (gmtime_r(&seconds, &utc) != NULL)
		strftime(text, sizeof(text), "%Y-%m-%d %H:%M:%S", &utc);
	return str_of(arena_printf(arena, "%s.%06d", text, (int)(now_us % 1000000)));
}

/* A bundle's own MLmodel need not tell how its example is saved. A table in split form is what MLflow calls a
 * dataframe, everything else is JSON as it is. */
static struct json example_info(struct arena *arena, const struct json *told, const struct mlmodel_text *text)
{
	struct json info = json_type(told) == JSON_OBJECT ? json_copy(arena, told) : json_object();
	const bool is_table = json_type(json_get(text->example, STR("columns"))) == JSON_ARRAY &&
			      json_type(json_get(text->example, STR("data"))) == JSON_ARRAY;

	if (json_get(&info, STR("artifact_path")) == NULL)
		json_set(arena, &info, STR("artifact_path"), json_string(str_of(EXAMPLE)));
	if (json_get(&info, STR("type")) == NULL) {
		json_set(arena, &info, STR("type"), json_string(is_table ? STR("dataframe") : STR("json_object")));
		if (is_table)
			json_set(arena, &info, STR("pandas_orient"), json_string(STR("split")));
	}
	if (text->has_serving_example && json_get(&info, STR("serving_input_path")) == NULL)
		json_set(arena, &info, STR("serving_input_path"), json_string(str_of(SERVING_EXAMPLE)));
	return info;
}

struct json mlmodel_annotate(struct arena *arena, const struct json *mlmodel, const struct mlmodel_text *text)
{
	struct json tree = json_copy(arena, mlmodel);
	const struct json *metadata = json_get(&tree, STR("metadata"));
	struct json noted = json_type(metadata) == JSON_OBJECT ? *metadata : json_object();

	json_set(arena, &noted, STR("sluice_digest"), json_string(text->digest));
	if (text->model_id.len > 0) {
		json_set(arena, &tree, STR("artifact_path"), json_string(text->artifact_uri));
		json_set(arena, &tree, STR("run_id"), json_string(text->run_id));
		json_set(arena, &tree, STR("model_id"), json_string(text->model_id));
		json_set(arena, &tree, STR("model_uuid"), json_string(text->model_id));
	}
	json_set(arena, &tree, STR("utc_time_created"), json_string(created_at(arena, text->now_us)));
	json_set(arena, &tree, STR("model_size_bytes"), json_integer((int64_t)text->size));
	json_set(arena, &tree, STR("metadata"), noted);
	if (text->has_example)
		json_set(arena, &tree, STR("saved_input_example_info"),
			example_info(arena, json_get(&tree, STR("saved_input_example_info")), text));
	return tree;
}

static void add_key(struct buf *out, struct str key)
{
	static const char *const WORDS[] = {"null", "true", "false", "yes", "no", "on", "off", "y", "n"};
	bool is_plain = key.len > 0;

	for (size_t i = 0; i < key.len; i++) {
		const char c = key.data[i];
		is_plain = is_plain && ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' ||
					       (i > 0 && ((c >= '0' && c <= '9') || c == '-')));
	}
	for (size_t i = 0; i < sizeof(WORDS) / sizeof(WORDS[0]); i++)
		is_plain = is_plain && !str_eq_nocase(key, str_of(WORDS[i]));
	if (is_plain)
		buf_add_str(out, key);
	else
		json_write_string(out, key);
}

static bool is_printable(struct str text)
{
	for (size_t i = 0; i < text.len; i++)
		if ((unsigned char)text.data[i] < 0x20 || (unsigned char)text.data[i] >= 0x7F)
			return false;
	return true;
}

/* JSON inside of a string stays readable between single quotes. */
static void add_single_quoted(struct buf *out, struct str text)
{
	buf_add_char(out, '\'');
	for (size_t i = 0; i < text.len; i++) {
		buf_add_char(out, text.data[i]);
		if (text.data[i] == '\'')
			buf_add_char(out, '\'');
	}
	buf_add_char(out, '\'');
}

/* What YAML 1.1 takes for a line's end, or for nothing that may stand there, is escaped. */
static void add_value(struct buf *out, const struct json *value)
{
	static const char SEPARATOR[] = "\xE2\x80"; /* and A8 or A9: U+2028, U+2029 */
	struct buf text = {0}, visible = {0};
	struct str rest;

	if (json_type(value) == JSON_STRING && memchr(value->text, '"', value->size) != NULL &&
		is_printable(json_str(value))) {
		add_single_quoted(out, json_str(value));
		return;
	}
	json_write(&text, value);
	buf_add_visible_json(&visible, buf_str(&text));
	rest = buf_str(&visible);
	for (const char *at; (at = memmem(rest.data, rest.len, SEPARATOR, 2)) != NULL;) {
		const size_t len = (size_t)(at - rest.data);
		const unsigned char last = len + 2 < rest.len ? (unsigned char)at[2] : 0;

		buf_add(out, rest.data, len);
		if (last == 0xA8 || last == 0xA9)
			buf_printf(out, "\\u%04x", 0x2028u + (last - 0xA8u));
		else
			buf_add(out, at, 3);
		rest = (struct str){at + 3, rest.len - len - 3};
	}
	buf_add_str(out, rest);
	buf_done(&text);
	buf_done(&visible);
}

static void add_object(struct buf *out, const struct json *object, unsigned indent)
{
	for (size_t i = 0; i < object->size; i++) {
		const struct json *value = &object->members[i].value;

		for (unsigned j = 0; j < indent; j++)
			buf_add_char(out, ' ');
		add_key(out, json_str(&object->members[i].key));
		buf_add_char(out, ':');
		if (json_type(value) == JSON_OBJECT && value->size > 0) {
			buf_add_char(out, '\n');
			add_object(out, value, indent + 2);
			continue;
		}
		buf_add_char(out, ' ');
		add_value(out, value);
		buf_add_char(out, '\n');
	}
}

void mlmodel_write(struct buf *out, const struct json *tree)
{
	add_object(out, tree, 0);
}

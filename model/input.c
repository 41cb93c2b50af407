/*
 * Input: the request's form is found, read and bound to the signature.
 *
 *   media ─┬─ CSV ──────────────────────────────────────────────┐
 *          └─ JSON ─┬─ messages, prompt, input: LLM form ───────┤
 *                   ├─ dataframe_records, dataframe_split ──────┼─→ table or value → params → input
 *                   └─ inputs, instances ───────────────────────┘
 */
#include "model/input.h"

#include "model/enforce_text.h"
#include "model/input_form.h"
#include "model/params.h"

/* What a request's top level may name its rows; behind FORM_COUNT the LLM form. */
static const char *const FORM_NAMES[] = {"dataframe_records", "dataframe_split", "inputs",
	"instances", "messages", "prompt", "input", NULL};
enum { FORM_COUNT = 4 };

typedef bool form_read(struct form *form, struct json *value, struct input *ret);
static form_read *const FORMS[FORM_COUNT] = {form_records, form_split, form_inputs, form_instances};

static struct form form_of(
	struct arena *arena, const struct signature *signature, size_t size, struct error *err);
static bool read_tree(struct form *form, struct json *tree, struct input *ret);
static bool read_form(struct form *form, struct json *tree, struct input *ret);
static bool fail_no_object(struct form *form, const struct json *tree);
static bool fail_no_form(struct form *form, const struct json *tree);

bool input_read(struct arena *arena, const struct signature *signature, enum input_media media,
	struct str body, struct input *ret, struct error *err)
{
	struct form form = form_of(arena, signature, body.len, err);
	struct input input = {0};
	struct json tree;

	if (media == INPUT_CSV) {
		if (!form_csv(&form, body, &input) ||
			!params_enforce(arena, signature, NULL, &input.params, err))
			return false;
	} else if (!json_read_padded(arena, body, &tree, err) || !read_tree(&form, &tree, &input)) {
		return false;
	}
	*ret = input;
	return true;
}

bool input_read_tree(struct arena *arena, const struct signature *signature,
	const struct json *tree, struct input *ret, struct error *err)
{
	struct json copy;

	if (json_type(tree) == JSON_ABSENT)
		return error_set(err, ERR_BAD_REQUEST, "there is no request");
	/* Values are converted in place; the caller's stay as they are. */
	copy = json_copy(arena, tree);
	return input_take_tree(arena, signature, &copy, JSON_SIZE_MAX, ret, err);
}

bool input_take_tree(struct arena *arena, const struct signature *signature,
	struct json *take_tree, size_t size, struct input *ret, struct error *err)
{
	struct form form = form_of(arena, signature, size, err);
	struct input input = {0};

	if (!read_tree(&form, take_tree, &input))
		return false;
	*ret = input;
	return true;
}

static struct form form_of(
	struct arena *arena, const struct signature *signature, size_t size, struct error *err)
{
	const size_t size_max = TABLE_SIZE_FREE + TABLE_SIZE_PER_BYTE * size;

	return (struct form){
		arena, signature, err, size_max < TABLE_SIZE_MAX ? size_max : TABLE_SIZE_MAX};
}

static bool read_tree(struct form *form, struct json *tree, struct input *ret)
{
	const struct json *params;

	if (tree->type != JSON_OBJECT)
		return fail_no_object(form, tree);
	ret->is_bare = input_is_llm_form(tree);
	if (!(ret->is_bare ? form_llm(form, tree, ret) : read_form(form, tree, ret)))
		return false;
	params = ret->is_bare ? (form->signature->has_params ? tree : NULL)
			      : json_get(tree, STR("params"));
	return params_enforce(form->arena, form->signature, params, &ret->params, form->err);
}

static bool has_any(const struct json *tree, const char *const *names)
{
	for (; *names != NULL; names++)
		if (json_get(tree, str_of(*names)) != NULL)
			return true;
	return false;
}

bool input_is_llm_form(const struct json *tree)
{
	return json_type(tree) == JSON_OBJECT && has_any(tree, FORM_NAMES + FORM_COUNT);
}

bool input_is_request(const struct json *tree)
{
	return json_type(tree) == JSON_OBJECT && has_any(tree, FORM_NAMES);
}

static bool read_form(struct form *form, struct json *tree, struct input *ret)
{
	size_t found = FORM_COUNT;
	struct json *value = NULL;

	for (size_t i = 0; i < tree->size; i++) {
		const struct str key = json_str(&tree->members[i].key);
		for (size_t j = 0; j < FORM_COUNT; j++) {
			if (!str_is(key, FORM_NAMES[j]))
				continue;
			if (found != FORM_COUNT)
				return error_set(form->err, ERR_BAD_REQUEST,
					"a request has one of '%s' and '%s', not both",
					FORM_NAMES[found], FORM_NAMES[j]);
			found = j;
			value = &tree->members[i].value;
		}
	}
	if (found == FORM_COUNT)
		return fail_no_form(form, tree);
	return FORMS[found](form, value, ret);
}

static bool fail_no_object(struct form *form, const struct json *tree)
{
	const char *advice = "";

	if (tree->type == JSON_ARRAY)
		advice = form->signature->inputs.is_declared
				 ? "; put the rows under \"dataframe_records\""
				 : "; put the rows under \"dataframe_records\": "
				   "{\"dataframe_records\":[…]}";
	return form_error(
		form, "a request is a JSON object, got %s%s", json_type_name(tree), advice);
}

static bool fail_no_form(struct form *form, const struct json *tree)
{
	enum { LOOKED_AT = 20 };
	const struct json *got = NULL;
	const char *nearest = NULL;
	struct buf text = {0};

	for (size_t i = 0; i < tree->size && i < LOOKED_AT && nearest == NULL; i++) {
		const struct json *key = &tree->members[i].key;
		if (str_eq(json_str(key), STR("params")))
			continue;
		nearest = decode_nearest(json_str(key), FORM_NAMES);
		if (got == NULL || nearest != NULL)
			got = key;
	}
	if (got != NULL)
		buf_printf(&text, ", got '%.*s'", STR_ARGS(text_clip(json_str(got))));
	if (nearest != NULL)
		buf_printf(&text, ", did you mean '%s'?", nearest);
	form_error(form,
		"a request has one of dataframe_records, dataframe_split, inputs and instances, or "
		"messages, prompt or input of the LLM form%s",
		buf_text(&text));
	buf_done(&text);
	return false;
}

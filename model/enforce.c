/*
 * Cells: nulls and nested types (docs/protocol/RULES.md V3, V4); scalars are enforce_scalar.c's.
 */
#include "model/enforce.h"

#include "model/enforce_text.h"

static bool is_in_list_or_object(const struct json *value)
{
	return value->type == JSON_ARRAY || value->type == JSON_OBJECT;
}

static bool enforce_null(struct enforce *enforce, const struct sig_node *node, bool is_required,
	bool is_property, const struct place *place, const struct json *value);
static bool enforce_array(struct enforce *enforce, const struct sig_node *node, bool is_required,
	const struct place *place, struct json *value);
static bool enforce_map(struct enforce *enforce, const struct sig_node *node, bool is_required,
	const struct place *place, struct json *value);
static bool enforce_object(struct enforce *enforce, const struct sig_node *node, bool is_required,
	const struct place *place, struct json *value);

bool enforce_cell(
	struct enforce *enforce, const struct sig_node *node, bool is_required, struct json *value)
{
	if (value->type == JSON_NULL)
		return enforce_null(enforce, node, is_required, false, NULL, value);
	if (node->type <= SIG_ANY)
		return enforce_scalar(enforce, node->type, NULL, value);
	return enforce_nested(enforce, node, is_required, NULL, value);
}

/* An element, a map's value or a property: text is a scalar there, too. */
static bool enforce_value(struct enforce *enforce, const struct sig_node *node, bool is_required,
	bool is_property, const struct place *place, struct json *value)
{
	if (value->type == JSON_NULL)
		return enforce_null(enforce, node, is_required, is_property, place, value);
	if (sig_type_is_scalar(node->type) && is_in_list_or_object(value))
		return enforce_fail(enforce, place, enforce_expected(node->type), value);
	if (node->type <= SIG_ANY)
		return enforce_scalar(enforce, node->type, place, value);
	return enforce_nested(enforce, node, is_required, place, value);
}

bool enforce_nested(struct enforce *enforce, const struct sig_node *node, bool is_required,
	const struct place *place, struct json *value)
{
	switch (node->type) {
	case SIG_ARRAY:
		return enforce_array(enforce, node, is_required, place, value);
	case SIG_MAP:
		return enforce_map(enforce, node, is_required, place, value);
	case SIG_OBJECT:
		return enforce_object(enforce, node, is_required, place, value);
	default:
		return enforce_value(enforce, node, is_required, false, place, value);
	}
}

static const char *expected_of(struct enforce *enforce, const struct sig_node *node)
{
	struct buf text = {0};

	if (node->type <= SIG_ANY)
		return enforce_expected(node->type);
	sig_node_write(&text, node);
	const char *expected = arena_memdup(enforce->arena, text.data, text.len);
	buf_done(&text);
	return expected;
}

static bool enforce_null(struct enforce *enforce, const struct sig_node *node, bool is_required,
	bool is_property, const struct place *place, const struct json *value)
{
	bool is_fine = !is_required;

	if (node->type == SIG_ANY)
		is_fine = true;
	else if (node->type < SIG_ANY)
		is_fine |= enforce_takes_null(node->type) && !is_property;
	else if (node->type == SIG_ARRAY || node->type == SIG_MAP)
		is_fine |= node->items->type == SIG_ANY;
	return is_fine || enforce_fail(enforce, place, expected_of(enforce, node), value);
}

static bool enforce_array(struct enforce *enforce, const struct sig_node *node, bool is_required,
	const struct place *place, struct json *value)
{
	struct place inside = {.up = place};

	if (value->type != JSON_ARRAY)
		return enforce_fail(enforce, place, expected_of(enforce, node), value);
	if (node->items->type == SIG_ANY)
		return true;
	for (; inside.index < value->size; inside.index++)
		if (!enforce_value(enforce, node->items, is_required, false, &inside,
			    &value->items[inside.index]))
			return false;
	return true;
}

static bool enforce_map(struct enforce *enforce, const struct sig_node *node, bool is_required,
	const struct place *place, struct json *value)
{
	struct place inside = {.up = place};

	if (value->type != JSON_OBJECT)
		return enforce_fail(enforce, place, expected_of(enforce, node), value);
	if (node->items->type == SIG_ANY)
		return true;
	for (size_t i = 0; i < value->size; i++) {
		inside.key = json_str(&value->members[i].key);
		if (!enforce_value(enforce, node->items, is_required, false, &inside,
			    &value->members[i].value))
			return false;
	}
	return true;
}

/* Properties mostly come in their declared order: look at `hint` first. */
static const struct sig_property *find_property(
	const struct sig_node *node, struct str name, size_t hint)
{
	if (hint < node->property_count && str_eq(node->properties[hint].name, name))
		return &node->properties[hint];
	for (size_t i = 0; i < node->property_count; i++)
		if (str_eq(node->properties[i].name, name))
			return &node->properties[i];
	return NULL;
}

static bool enforce_required(struct enforce *enforce, const struct sig_node *node,
	const struct place *place, const struct json *value)
{
	for (size_t i = 0; i < node->property_count; i++) {
		const struct sig_property *property = &node->properties[i];
		if (property->is_required && json_get(value, property->name) == NULL)
			return enforce_fail_text(enforce, place, "property '%.*s' is missing",
				STR_ARGS(text_clip(property->name)));
	}
	return true;
}

static bool enforce_object(struct enforce *enforce, const struct sig_node *node, bool is_required,
	const struct place *place, struct json *value)
{
	struct place inside = {.up = place};
	size_t required_seen = 0, required = 0;

	if (value->type != JSON_OBJECT)
		return enforce_fail(enforce, place, expected_of(enforce, node), value);
	if (value->size == 0 && !is_required)
		return true;
	for (size_t i = 0; i < value->size; i++) {
		struct json_member *member = &value->members[i];
		inside.key = json_str(&member->key);
		const struct sig_property *property = find_property(node, inside.key, i);
		if (property == NULL)
			return enforce_fail_text(enforce, place, "no property '%.*s' is declared",
				STR_ARGS(text_clip(inside.key)));
		required_seen += property->is_required;
		if (!enforce_value(enforce, &property->node, property->is_required, true, &inside,
			    &member->value))
			return false;
	}
	for (size_t i = 0; i < node->property_count; i++)
		required += node->properties[i].is_required;
	return required == required_seen || enforce_required(enforce, node, place, value);
}

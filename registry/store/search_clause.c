/*
 * search_parse: groups → clauses and what is none → { identify → value } … → { operator } …
 *
 * MLflow reads all clauses before it looks at the first operator, and names everything that is no clause before it
 * reads one. Logged models have a parser of their own, which takes one after the other.
 */
#include "store/search_clause.h"
#include "store/search_python.h"

struct parsing {
	struct arena *arena;
	enum search_entity entity;
	const struct search_spec *spec;
	struct str filter;
	struct group *groups; /* comparisons, keywords and what is invalid; IN and IS NULL made comparisons */
	size_t group_count;
	struct search_clause *clauses;
	size_t count;
	struct error *err;
};

static bool read_groups(struct parsing *parsing);
static void join_in(struct parsing *parsing);
static bool check_invalid(struct parsing *parsing);
static bool read_clauses(struct parsing *parsing);

bool search_parse(struct arena *arena, enum search_entity entity, struct str filter, struct search_clause **ret,
	size_t *ret_count, struct error *err)
{
	struct parsing parsing = {
		.arena = arena, .entity = entity, .spec = &search_specs[entity], .filter = filter, .err = err};

	*ret = NULL;
	*ret_count = 0;
	if (filter.len == 0)
		return true;
	if (filter.len > SEARCH_FILTER_MAX)
		return search_fail(err, "the filter is longer than %d bytes", SEARCH_FILTER_MAX);
	if (!read_groups(&parsing))
		return false;
	join_in(&parsing);
	if (!check_invalid(&parsing) || !read_clauses(&parsing))
		return false;
	for (size_t i = 0; i < parsing.count && !parsing.spec->is_model_grammar; i++)
		if (!search_check(arena, entity, &parsing.clauses[i], err))
			return false;
	*ret = parsing.clauses;
	*ret_count = parsing.count;
	return true;
}

bool search_fail(struct error *err, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	error_vset(err, ERR_INVALID_PARAMETER, format, args);
	va_end(args);
	return false;
}

/* ---- groups ---- */

static bool read_groups(struct parsing *parsing)
{
	bool is_many;

	parsing->groups = group_all(parsing->arena, parsing->filter, &parsing->group_count, &is_many);
	if (!is_many && parsing->group_count > 0)
		return true;
	if (parsing->spec->is_model_grammar)
		return search_fail(parsing->err, "Invalid filter string: %s. Expected a single SQL expression.",
			python_repr(parsing->arena, parsing->filter));
	if (is_many)
		return search_fail(parsing->err,
			"Search filter contained multiple expression %s. Provide AND-ed expression list.",
			python_repr(parsing->arena, parsing->filter));
	return search_fail(parsing->err, "Invalid filter '%.*s'. Could not be parsed.", STR_ARGS(parsing->filter));
}

static struct group comparison(const struct group *first, struct str op, const struct group *last)
{
	const struct group_part left = {first->kind, first->text}, right = {last->kind, last->text};
	const struct str text = {first->text.data, (size_t)(last->text.data + last->text.len - first->text.data)};

	return (struct group){GROUP_COMPARISON, text, left, {GROUP_COMPARE, op}, right};
}

/* How many groups from `at` on an IN or IS NULL takes; *ret_op is its operator. 0: it is none. */
static size_t in_length(const struct group *at, size_t left, struct str *ret_op)
{
	*ret_op = at[1].text;
	if (group_is_word(&at[1], "IN") && at[2].kind == GROUP_LIST)
		return 3;
	*ret_op = STR("IS NULL");
	if (group_is_word(&at[1], "IS") && group_is_word(&at[2], "NULL"))
		return 3;
	*ret_op = STR("IS NOT NULL");
	if (group_is_word(&at[1], "IS") && group_is_word(&at[2], "NOT NULL"))
		return 3;
	*ret_op = STR("NOT IN");
	const bool is_not_in =
		left > 3 && group_is_word(&at[1], "NOT") && group_is_word(&at[2], "IN") && at[3].kind == GROUP_LIST;
	return is_not_in ? 4 : 0;
}

/* A name that begins neither takes the groups behind it along, as in MLflow: an IN among them is not found. */
static void join_in(struct parsing *parsing)
{
	struct group *groups = parsing->groups;
	size_t kept = 0, taken;
	struct str op;

	for (size_t i = 0; i < parsing->group_count; i += taken) {
		const size_t left = parsing->group_count - i;

		if (left < 3 || groups[i].kind != GROUP_IDENTIFIER) {
			taken = 1;
			groups[kept++] = groups[i];
			continue;
		}
		taken = in_length(&groups[i], left, &op);
		if (taken > 0) {
			groups[kept++] = comparison(&groups[i], op, &groups[i + taken - 1]);
			continue;
		}
		taken = left < 4 ? left : 4;
		memmove(&groups[kept], &groups[i], taken * sizeof(*groups));
		kept += taken;
	}
	parsing->group_count = kept;
}

static bool is_clause(const struct group *group)
{
	return group->kind == GROUP_COMPARISON || group_is_word(group, "AND");
}

static bool check_invalid(struct parsing *parsing)
{
	const char *quote = parsing->spec->is_quoting ? "'" : "";
	struct buf invalid = {0};

	if (parsing->spec->is_model_grammar)
		return true;
	for (size_t i = 0; i < parsing->group_count && invalid.len < ERROR_TEXT_MAX; i++)
		if (!is_clause(&parsing->groups[i]))
			buf_printf(&invalid, "%s%s%.*s%s", invalid.len > 0 ? ", " : "", quote,
				STR_ARGS(parsing->groups[i].text), quote);
	const bool is_fine = invalid.len == 0;
	if (!is_fine)
		search_fail(parsing->err, "Invalid clause(s) in filter string: %s", buf_text(&invalid));
	buf_done(&invalid);
	return is_fine;
}

/* ---- identifiers ---- */

struct str search_unquote(struct str text, char quote)
{
	const bool is_quoted = text.len >= 2 && text.data[0] == quote && text.data[text.len - 1] == quote;

	return is_quoted ? (struct str){text.data + 1, text.len - 2} : text;
}

/* One pair of quotes, and one of backticks in them. */
static struct str key_of(struct str text)
{
	const struct str single = search_unquote(text, '\'');

	return search_unquote(single.len < text.len ? single : search_unquote(text, '"'), '`');
}

static const struct search_key *find_key(const struct search_spec *spec, struct str name, bool is_order)
{
	for (const struct search_key *key = spec->keys; key->name != NULL; key++)
		if (str_is(name, key->name) && (is_order ? key->is_ordered : key->is_filtered))
			return key;
	return NULL;
}

static bool type_of(const struct search_spec *spec, struct str prefix, enum search_type *ret)
{
	static const struct {
		const char *prefix;
		enum search_type type;
		bool is_everywhere, is_of_models;
	} PREFIXES[] = {
		{"attribute", SEARCH_ATTRIBUTE, true, false},
		{"attributes", SEARCH_ATTRIBUTE, false, true},
		{"attr", SEARCH_ATTRIBUTE, false, false},
		{"run", SEARCH_ATTRIBUTE, false, false},
		{"tag", SEARCH_TAG, true, false},
		{"tags", SEARCH_TAG, true, true},
		{"metric", SEARCH_METRIC, false, false},
		{"metrics", SEARCH_METRIC, false, true},
		{"parameter", SEARCH_PARAM, false, false},
		{"parameters", SEARCH_PARAM, false, false},
		{"param", SEARCH_PARAM, false, false},
		{"params", SEARCH_PARAM, false, true},
		{"dataset", SEARCH_DATASET, false, false},
		{"datasets", SEARCH_DATASET, false, false},
	};

	for (size_t i = 0; i < sizeof(PREFIXES) / sizeof(*PREFIXES); i++) {
		if (!str_is(prefix, PREFIXES[i].prefix))
			continue;
		*ret = PREFIXES[i].type;
		return spec->is_model_grammar ? PREFIXES[i].is_of_models
					      : spec->has_all_types || PREFIXES[i].is_everywhere;
	}
	return false;
}

static bool fail_key(const struct search_spec *spec, struct str key, bool is_order, struct error *err)
{
	const char *keys = is_order ? spec->order_keys : spec->filter_keys;

	if (spec->is_tag_grammar)
		return search_fail(err, "Invalid attribute key '%.*s' specified. Valid keys are: %s", STR_ARGS(key), keys);
	return search_fail(err, "Invalid attribute key '%.*s' specified. Valid keys are '%s'", STR_ARGS(key), keys);
}

static struct str strip(struct str text, char c)
{
	while (text.len > 0 && text.data[0] == c)
		text = (struct str){text.data + 1, text.len - 1};
	while (text.len > 0 && text.data[text.len - 1] == c)
		text.len--;
	return text;
}

/* A prefix is what small letters and a dot are; everything else is an attribute. */
static bool identify_of_model(struct arena *arena, const struct search_spec *spec, struct str identifier, bool is_order,
	struct search_clause *ret, struct error *err)
{
	size_t len = 0;

	while (len < identifier.len && identifier.data[len] >= 'a' && identifier.data[len] <= 'z')
		len++;
	const bool has_prefix = len > 0 && len + 1 < identifier.len && identifier.data[len] == '.';
	const struct str prefix = {identifier.data, len};
	if (has_prefix && !type_of(spec, prefix, &ret->type))
		return search_fail(err, "Invalid entity type: %s. Expected one of %s.", python_repr(arena, prefix),
			spec->types_text);
	ret->key =
		strip(has_prefix ? (struct str){identifier.data + len + 1, identifier.len - len - 1} : identifier, '`');
	if (ret->type != SEARCH_ATTRIBUTE)
		return true;
	ret->attribute = find_key(spec, ret->key, is_order);
	return ret->attribute != NULL || fail_key(spec, ret->key, is_order, err);
}

static bool identify_key(
	const struct search_spec *spec, struct str raw, bool is_order, struct search_clause *ret, struct error *err)
{
	ret->key = key_of(raw);
	if (ret->type == SEARCH_ATTRIBUTE) {
		const struct str key = spec->is_key_raw && !is_order ? raw : ret->key;

		ret->attribute = find_key(spec, key, is_order);
		return ret->attribute != NULL || fail_key(spec, key, is_order, err);
	}
	if (ret->type != SEARCH_DATASET || str_is(ret->key, "name") || str_is(ret->key, "digest") ||
		str_is(ret->key, "context"))
		return true;
	return search_fail(err, "Invalid dataset key '%.*s' specified. Valid keys are '{'name', 'digest', 'context'}'",
		STR_ARGS(ret->key));
}

bool search_identify(struct arena *arena, const struct search_spec *spec, struct str identifier, bool is_order,
	struct search_clause *ret, struct error *err)
{
	struct str prefix, rest = identifier;

	*ret = (struct search_clause){.type = SEARCH_ATTRIBUTE};
	if (spec->is_model_grammar)
		return identify_of_model(arena, spec, identifier, is_order, ret, err);
	if (!str_cut(&rest, '.', &prefix))
		return identify_key(spec, identifier, is_order, ret, err);
	if (spec->is_tag_grammar && !str_is(prefix, "tags"))
		return search_fail(err, "Invalid identifier token '%.*s' specified", STR_ARGS(prefix));
	if (spec->has_all_types)
		prefix = search_unquote(prefix, '`');
	if (!type_of(spec, prefix, &ret->type))
		return search_fail(err, "Invalid entity type '%.*s'. Valid %s are %s", STR_ARGS(prefix),
			spec->has_all_types ? "values" : "entity types", spec->types_text);
	return identify_key(spec, rest, is_order, ret, err);
}

/* ---- clauses ---- */

static enum search_op op_of(struct str text)
{
	for (int op = 0; op < SEARCH_OP_COUNT; op++)
		if (str_is(text, search_op_names[op]))
			return (enum search_op)op;
	return SEARCH_OP_NONE;
}

static struct str in_capitals(struct arena *arena, struct str text)
{
	char *copy = arena_memdup(arena, text.data, text.len);

	for (size_t i = 0; i < text.len; i++)
		if (copy[i] >= 'a' && copy[i] <= 'z')
			copy[i] &= ~0x20;
	return (struct str){copy, text.len};
}

static bool is_null_op(enum search_op op)
{
	return op == SEARCH_IS_NULL || op == SEARCH_IS_NOT_NULL;
}

static bool check_null(const struct parsing *parsing, const struct search_clause *clause)
{
	static const char *const TYPES[] = {"attribute", "metric", "parameter", "tag", "dataset"};

	if (!parsing->spec->has_null)
		return search_fail(
			parsing->err, "IS NULL / IS NOT NULL is not supported here: '%.*s'", STR_ARGS(clause->key));
	if (clause->type == SEARCH_TAG || clause->type == SEARCH_PARAM)
		return true;
	if (!parsing->spec->has_all_types)
		return search_fail(parsing->err,
			"IS NULL / IS NOT NULL is only supported for tags, not for attribute '%.*s'",
			STR_ARGS(clause->key));
	return search_fail(parsing->err,
		"IS NULL / IS NOT NULL is only supported for tags and params, not for '%s' '%.*s'", TYPES[clause->type],
		STR_ARGS(clause->key));
}

static bool read_clause(struct parsing *parsing, const struct group *group)
{
	struct search_clause *clause = &parsing->clauses[parsing->count];

	if (parsing->count == SEARCH_CLAUSES_MAX)
		return search_fail(parsing->err, "the filter has more than %d comparisons", SEARCH_CLAUSES_MAX);
	if (group->left.kind != GROUP_IDENTIFIER && !parsing->spec->is_model_grammar)
		return search_fail(parsing->err, "Invalid comparison clause. Expected 'Identifier' found '%.*s'",
			STR_ARGS(group->left.text));
	if (parsing->spec->is_model_grammar &&
		(str_is(group->op.text, "IS NULL") || str_is(group->op.text, "IS NOT NULL")))
		return search_fail(parsing->err, "Invalid comparison: %.*s%.*s. Expected a comparison with 3 tokens.",
			STR_ARGS(group->left.text), STR_ARGS(group->op.text));
	if (!search_identify(parsing->arena, parsing->spec, group->left.text, false, clause, parsing->err))
		return false;
	clause->op_text = parsing->spec->is_case_kept ? group->op.text : in_capitals(parsing->arena, group->op.text);
	clause->op = op_of(clause->op_text);
	parsing->count++;
	if (parsing->spec->is_model_grammar)
		return search_check(parsing->arena, parsing->entity, clause, parsing->err) &&
		       search_read_value(parsing->arena, parsing->entity, &group->right, clause, parsing->err);
	if (is_null_op(clause->op))
		return check_null(parsing, clause);
	return search_read_value(parsing->arena, parsing->entity, &group->right, clause, parsing->err);
}

static bool fail_clause(const struct parsing *parsing)
{
	return search_fail(parsing->err,
		"Invalid filter string: %s. Expected a list of comparisons separated by 'AND' (e.g. 'metrics.loss > 0.1 AND params.lr = "
		"0.01').",
		python_repr(parsing->arena, parsing->filter));
}

static bool read_clauses(struct parsing *parsing)
{
	parsing->clauses = arena_array(parsing->arena, SEARCH_CLAUSES_MAX, sizeof(*parsing->clauses));
	for (size_t i = 0; i < parsing->group_count; i++) {
		const struct group *group = &parsing->groups[i];

		if (!is_clause(group))
			return fail_clause(parsing);
		if (group->kind == GROUP_COMPARISON && !read_clause(parsing, group))
			return false;
	}
	return true;
}

/*
 *	tokens → primary (a name with its dots, a list, a value) → operation → comparison → alias → list with commas
 */
#include "store/search_group.h"

struct grouping {
	struct scan_token *tokens; /* ended by SCAN_END */
	size_t *closing;           /* a token */
	size_t at;
};

static struct scan_token *read_tokens(struct arena *arena, struct str text, size_t *ret_count)
{
	struct scan scan = {.text = text};
	size_t count = 0, cap = 64;
	struct scan_token *tokens = arena_array(arena, cap, sizeof(*tokens));

	for (;;) {
		if (count == cap) {
			struct scan_token *more = arena_array(arena, 2 * cap, sizeof(*more));

			memcpy(more, tokens, cap * sizeof(*more));
			tokens = more;
			cap *= 2;
		}
		tokens[count] = scan_next(&scan);
		if (tokens[count++].kind == SCAN_END)
			break;
	}
	*ret_count = count;
	return tokens;
}

static bool has_second_statement(const struct scan_token *tokens)
{
	long depth = 0;

	for (; tokens->kind != SCAN_END; tokens++) {
		depth += tokens->kind == SCAN_OPEN ? 1 : tokens->kind == SCAN_CLOSE ? -1 : 0;
		if (tokens->kind == SCAN_SEMICOLON && depth <= 0 && tokens[1].kind != SCAN_END)
			return true;
	}
	return false;
}

static struct scan_token *now(struct grouping *grouping)
{
	return &grouping->tokens[grouping->at];
}

static struct str span(struct str first, struct str last)
{
	return (struct str){first.data, (size_t)(last.data + last.len - first.data)};
}

/* Notes at every token of kind `open` which one closes it, 0 where none does. In linear time: while one is open,
 * `closing` is the link to the one around it. */
static void match_all(struct grouping *grouping, size_t count, enum scan_kind open, enum scan_kind close)
{
	size_t top = 0; /* plus 1 */

	for (size_t i = 0; i < count; i++) {
		if (grouping->tokens[i].kind == open) {
			grouping->closing[i] = top;
			top = i + 1;
		} else if (grouping->tokens[i].kind == close && top > 0) {
			const size_t opened = top - 1;

			top = grouping->closing[opened];
			grouping->closing[opened] = i;
		}
	}
	while (top > 0) {
		const size_t opened = top - 1;

		top = grouping->closing[opened];
		grouping->closing[opened] = 0;
	}
}

static bool take_closed(struct grouping *grouping, struct str *text, enum scan_kind open)
{
	const size_t end = now(grouping)->kind == open ? grouping->closing[grouping->at] : 0;

	if (end == 0)
		return false;
	*text = span(*text, grouping->tokens[end].text);
	grouping->at = end + 1;
	return true;
}

/* ---- primaries ---- */

/* A name, and an argument list behind it: a function. */
static bool take_name(struct grouping *grouping, struct str *text)
{
	const enum scan_kind kind = now(grouping)->kind;

	*text = span(*text, now(grouping)->text);
	grouping->at++;
	return kind == SCAN_NAME && take_closed(grouping, text, SCAN_OPEN);
}

/* ?, $a and :a are names, but not behind a dot. */
static bool is_placeholder(struct str text)
{
	return memchr("?$:%", text.data[0], 4) != NULL;
}

static bool is_member(const struct scan_token *token)
{
	return (token->kind == SCAN_NAME && !is_placeholder(token->text)) || token->kind == SCAN_SYMBOL ||
	       token->kind == SCAN_STRING || (token->kind == SCAN_OPERATOR && str_is(token->text, "*"));
}

static struct group_part take_identifier(struct grouping *grouping)
{
	struct group_part part = {GROUP_IDENTIFIER, now(grouping)->text};

	if (take_name(grouping, &part.text))
		part.kind = GROUP_OPERATION;
	while (part.kind == GROUP_IDENTIFIER && now(grouping)->kind == SCAN_DOT) {
		part.text = span(part.text, now(grouping)->text);
		grouping->at++;
		/* A dot without a name behind it belongs to the name before it; a string is the last of its name. */
		const bool is_last = now(grouping)->kind == SCAN_STRING;
		if (is_member(now(grouping)))
			take_name(grouping, &part.text);
		if (is_last)
			break;
	}
	while (part.kind == GROUP_IDENTIFIER && take_closed(grouping, &part.text, SCAN_OPEN_SQUARE))
		;
	return part;
}

static bool take_primary(struct grouping *grouping, struct group_part *ret)
{
	static const enum group_kind KINDS[] = {
		[SCAN_STRING] = GROUP_STRING,
		[SCAN_INTEGER] = GROUP_INTEGER,
		[SCAN_FLOAT] = GROUP_FLOAT,
		[SCAN_HEX] = GROUP_OPERATION,
	};
	const struct scan_token *token = now(grouping);

	*ret = (struct group_part){GROUP_LIST, token->text};
	switch (token->kind) {
	case SCAN_NAME:
	case SCAN_SYMBOL:
		*ret = take_identifier(grouping);
		break;
	case SCAN_STRING:
	case SCAN_INTEGER:
	case SCAN_FLOAT:
	case SCAN_HEX:
		ret->kind = KINDS[token->kind];
		grouping->at++;
		break;
	case SCAN_OPEN:
		return take_closed(grouping, &ret->text, SCAN_OPEN);
	default:
		return false;
	}
	/* "a DESC" and "1 DESC" are one thing. */
	if (now(grouping)->kind == SCAN_ORDER &&
		(ret->kind == GROUP_IDENTIFIER || token->kind == SCAN_INTEGER || token->kind == SCAN_FLOAT)) {
		*ret = (struct group_part){GROUP_IDENTIFIER, span(ret->text, now(grouping)->text)};
		grouping->at++;
	}
	return true;
}

/* ---- operands and comparisons ---- */

static bool take_operand(struct grouping *grouping, struct group_part *ret)
{
	struct group_part next;

	if (!take_primary(grouping, ret))
		return false;
	while (now(grouping)->kind == SCAN_OPERATOR) {
		const size_t before = grouping->at++;

		if (!take_primary(grouping, &next)) {
			grouping->at = before;
			break;
		}
		*ret = (struct group_part){GROUP_OPERATION, span(ret->text, next.text)};
	}
	return true;
}

static bool take_side(struct grouping *grouping, struct group_part *ret)
{
	const struct scan_token *token = now(grouping);

	if (token->kind != SCAN_KEYWORD || !str_eq_nocase(token->text, STR("NULL")))
		return take_operand(grouping, ret);
	*ret = (struct group_part){GROUP_KEYWORD, token->text};
	grouping->at++;
	return true;
}

static bool take_comparison(struct grouping *grouping, struct group *ret)
{
	struct group_part left, right;

	if (!take_side(grouping, &left))
		return false;
	*ret = (struct group){.kind = left.kind, .text = left.text};
	while (now(grouping)->kind == SCAN_COMPARE) {
		const size_t before = grouping->at++;

		if (!take_side(grouping, &right)) {
			grouping->at = before;
			break;
		}
		*ret = (struct group){GROUP_COMPARISON, span(left.text, right.text), left,
			{GROUP_COMPARE, grouping->tokens[before].text}, right};
		left = (struct group_part){ret->kind, ret->text};
	}
	return true;
}

static void take_group(struct grouping *grouping, struct group *ret)
{
	if (take_comparison(grouping, ret))
		return;
	const struct scan_token *token = now(grouping);
	*ret = (struct group){.kind = token->kind == SCAN_KEYWORD ? GROUP_KEYWORD : GROUP_OTHER, .text = token->text};
	grouping->at++;
}

/* ---- what stands side by side ---- */

static bool has_alias(const struct group *group)
{
	return group->kind != GROUP_STRING && group->kind != GROUP_COMPARE && group->kind != GROUP_KEYWORD &&
	       group->kind != GROUP_OTHER;
}

static size_t join_aliases(struct group *groups, size_t count)
{
	size_t kept = 0;

	for (size_t i = 0; i < count; i++) {
		struct group *group = &groups[kept++];

		*group = groups[i];
		if (i + 1 < count && has_alias(group) && groups[i + 1].kind == GROUP_IDENTIFIER)
			*group = (struct group){.kind = GROUP_IDENTIFIER, .text = span(group->text, groups[++i].text)};
	}
	return kept;
}

static bool is_comma(const struct group *group)
{
	return group->kind == GROUP_OTHER && str_is(group->text, ",");
}

static bool is_listable(const struct group *group)
{
	return group->kind != GROUP_LIST && group->kind != GROUP_OTHER && group->kind != GROUP_COMPARE;
}

static size_t join_commas(struct group *groups, size_t count)
{
	size_t kept = 0;

	for (size_t i = 0; i < count; i++) {
		struct group *group = &groups[kept++];

		*group = groups[i];
		while (i + 2 < count && is_comma(&groups[i + 1]) &&
			(group->kind == GROUP_OTHER ? group->text.len > 1 : is_listable(group)) &&
			is_listable(&groups[i + 2])) {
			*group = (struct group){.kind = GROUP_OTHER, .text = span(group->text, groups[i + 2].text)};
			i += 2;
		}
	}
	return kept;
}

struct group *group_all(struct arena *arena, struct str text, size_t *ret_count, bool *ret_is_many)
{
	size_t token_count, count = 0;
	struct grouping grouping = {.tokens = read_tokens(arena, text, &token_count)};
	struct group *groups = arena_array(arena, token_count, sizeof(*groups));

	grouping.closing = arena_array(arena, token_count, sizeof(*grouping.closing));
	match_all(&grouping, token_count, SCAN_OPEN, SCAN_CLOSE);
	match_all(&grouping, token_count, SCAN_OPEN_SQUARE, SCAN_CLOSE_SQUARE);
	*ret_is_many = has_second_statement(grouping.tokens);
	while (now(&grouping)->kind != SCAN_END)
		take_group(&grouping, &groups[count++]);
	count = join_aliases(groups, count);
	*ret_count = join_commas(groups, count);
	return groups;
}

bool group_is_word(const struct group *group, const char *word)
{
	return group->kind == GROUP_KEYWORD && str_eq_nocase(group->text, str_of(word));
}

#include "cli/shares.h"

#include "base/decode.h"

#include <inttypes.h>

static bool read_percent(struct str text, int64_t *ret, struct error *err)
{
	int64_t number = 0;

	if (text.len > 0 && text.data[text.len - 1] == '%')
		text.len--;
	text = str_trim_space(text);
	if (!str_is_digits(text) || text.len > 3)
		return error_set(err, ERR_USAGE, "traffic '%.*s': expected whole percents, as 90,10", STR_ARGS(text));
	for (size_t i = 0; i < text.len; i++)
		number = number * 10 + (text.data[i] - '0');
	*ret = number;
	return true;
}

static const char *list_of(struct arena *arena, const struct json *names)
{
	struct buf out = {0};

	for (size_t i = 0; i < names->size; i++)
		buf_printf(&out, "%s%.*s", i > 0 ? ", " : "", STR_ARGS(json_str(&names->items[i])));
	const char *text = arena_memdup(arena, out.data, out.len);
	buf_done(&out);
	return text;
}

static bool check_sum(const struct json *shares, struct error *err)
{
	int64_t sum = 0;

	for (size_t i = 0; i < shares->size; i++)
		sum += shares->members[i].value.integer;
	return sum == 100 || error_set(err, ERR_USAGE, "the traffic adds up to %" PRId64 " percent, not to 100", sum);
}

static bool read_list(
	struct arena *arena, const struct json *names, struct str rest, struct json *ret, struct error *err)
{
	const size_t count = str_count(rest, ',') + 1;
	struct str text;
	int64_t percent;

	if (count != names->size)
		return error_set(err, ERR_USAGE, "traffic '%.*s' has %zu share%s for %zu served entit%s: %s",
			STR_ARGS(rest), count, count == 1 ? "" : "s", (size_t)names->size,
			names->size == 1 ? "y" : "ies", list_of(arena, names));
	for (size_t i = 0; i < names->size; i++) {
		str_cut(&rest, ',', &text);
		if (!read_percent(text, &percent, err))
			return false;
		json_set(arena, ret, json_str(&names->items[i]), json_integer(percent));
	}
	return true;
}

static bool read_word(
	struct arena *arena, const struct json *names, const char *word, struct json *ret, struct error *err)
{
	const char **known = arena_array(arena, names->size + 1, sizeof(*known));
	struct str rest = str_of(word), name;
	int64_t percent;

	str_cut(&rest, '=', &name);
	if (!read_percent(rest, &percent, err))
		return false;
	for (size_t i = 0; i < names->size; i++) {
		if (str_eq(json_str(&names->items[i]), name)) {
			json_set(arena, ret, name, json_integer(percent));
			return true;
		}
		known[i] = arena_memdup(arena, names->items[i].text, names->items[i].size);
	}
	known[names->size] = NULL;
	const char *nearest = decode_nearest(name, known);
	return error_set(err, ERR_USAGE, "no served entity '%.*s'%s%s%s; there %s %s", STR_ARGS(name),
		nearest != NULL ? ", did you mean '" : "", nearest != NULL ? nearest : "", nearest != NULL ? "'?" : "",
		names->size == 1 ? "is" : "are", list_of(arena, names));
}

/* In the order of the entities. */
static struct json complete(struct arena *arena, const struct json *names, const struct json *said)
{
	struct json shares = json_object();
	int64_t left = 100;

	for (size_t i = 0; i < said->size; i++)
		left -= said->members[i].value.integer;
	const bool takes_rest = said->size + 1 == names->size && left > 0;
	for (size_t i = 0; i < names->size; i++) {
		const struct str name = json_str(&names->items[i]);
		const struct json *share = json_get(said, name);

		json_set(arena, &shares, name, share != NULL ? *share : json_integer(takes_rest ? left : 0));
	}
	return shares;
}

bool shares_read(struct arena *arena, const struct json *names, const char *const *words, size_t word_count,
	struct json *ret, struct error *err)
{
	struct json said = json_object();

	if (word_count == 1 && strchr(words[0], '=') == NULL) {
		if (!read_list(arena, names, str_of(words[0]), &said, err))
			return false;
	} else {
		for (size_t i = 0; i < word_count; i++)
			if (!read_word(arena, names, words[i], &said, err))
				return false;
	}
	*ret = complete(arena, names, &said);
	return check_sum(ret, err);
}

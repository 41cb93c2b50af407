/*
 * Content types (docs/protocol/RULES.md V5): JSON and CSV in UTF-8, and no parameter but charset.
 */
#include "model/enforce_text.h"
#include "model/input.h"

static bool fail(struct str content_type, struct error *err)
{
	/* A header may hold any bytes, a message may not. */
	const struct str shown = str_is_utf8(content_type) ? text_clip(content_type) : STR("…");

	/* What curl and Python's requests send where nobody told them. */
	const bool is_form = str_starts(shown, STR("application/x-www-form-urlencoded"));

	return error_set(err, ERR_UNSUPPORTED_MEDIA,
		"unsupported content type '%.*s', expected application/json or text/csv in UTF-8%s",
		STR_ARGS(shown),
		is_form ? " (curl: -H 'Content-Type: application/json'; Python requests: json=…)"
			: "");
}

static bool is_utf8_charset(struct str parameter)
{
	struct str name, value = parameter;

	if (!str_cut(&value, '=', &name) || !str_eq_nocase(name, STR("charset")))
		return false;
	if (value.len >= 2 && value.data[0] == '"' && value.data[value.len - 1] == '"')
		value = (struct str){value.data + 1, value.len - 2};
	return str_eq_nocase(value, STR("utf-8")) || str_eq_nocase(value, STR("utf8"));
}

bool input_media_parse(struct str content_type, enum input_media *ret, struct error *err)
{
	struct str rest = content_type, type, parameter;
	enum input_media media = INPUT_JSON;

	if (content_type.data == NULL) {
		*ret = INPUT_JSON;
		return true;
	}
	bool has_more = str_cut(&rest, ';', &type);
	type = str_trim(type);
	if (str_eq_nocase(type, STR("text/csv")))
		media = INPUT_CSV;
	else if (!str_eq_nocase(type, STR("application/json")))
		return fail(content_type, err);
	while (has_more) {
		has_more = str_cut(&rest, ';', &parameter);
		parameter = str_trim(parameter);
		if (parameter.len > 0 && !is_utf8_charset(parameter))
			return fail(content_type, err);
	}
	*ret = media;
	return true;
}

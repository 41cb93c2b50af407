#include "server/http_range.h"

/* Digits of a whole number; false where there are none, others, or too many. */
static bool read_number(struct str digits, uint64_t *ret)
{
	uint64_t number = 0;

	if (digits.len == 0 || digits.len > 19)
		return false;
	for (size_t i = 0; i < digits.len; i++) {
		if (digits.data[i] < '0' || digits.data[i] > '9')
			return false;
		number = number * 10 + (uint64_t)(digits.data[i] - '0');
	}
	*ret = number;
	return true;
}

static struct http_range part(uint64_t from, uint64_t end, uint64_t size)
{
	if (end > size)
		end = size;
	if (from >= end)
		return (struct http_range){.status = 416};
	return (struct http_range){206, from, end};
}

/* "0-99", "100-", "-100" (the last ones). */
static struct http_range read_range(struct str spec, uint64_t size)
{
	const struct http_range whole = {200, 0, size};
	struct str first;
	uint64_t from, to;

	if (!str_cut(&spec, '-', &first))
		return whole;
	first = str_trim(first);
	spec = str_trim(spec);
	if (first.len == 0) {
		if (!read_number(spec, &to))
			return whole;
		return part(to < size ? size - to : 0, to > 0 ? size : 0, size);
	}
	if (!read_number(first, &from))
		return whole;
	if (spec.len == 0)
		return part(from, size, size);
	if (!read_number(spec, &to) || to < from)
		return whole;
	return part(from, to + 1, size);
}

static bool names_etag(struct str list, struct str etag)
{
	struct str one;
	bool is_more = true;

	if (str_is(str_trim(list), "*"))
		return true;
	while (is_more) {
		is_more = str_cut(&list, ',', &one);
		one = str_trim(one);
		/* If-None-Match compares weakly (13.1.2). */
		if (str_starts(one, STR("W/")))
			one = (struct str){one.data + 2, one.len - 2};
		if (str_eq(one, etag))
			return true;
	}
	return false;
}

struct http_range http_range_of(const struct http_request *request, uint64_t size, struct str etag)
{
	const struct str none_match = http_field_get(request, "if-none-match");
	const struct str if_range = http_field_get(request, "if-range");
	struct str spec = http_field_get(request, "range"), unit;
	const struct http_range whole = {200, 0, size};

	if (none_match.data != NULL && names_etag(none_match, etag))
		return (struct http_range){.status = 304};
	if (request->method != HTTP_GET || spec.data == NULL || !str_cut(&spec, '=', &unit))
		return whole;
	if (!str_eq_nocase(str_trim(unit), STR("bytes")) || str_count(spec, ',') > 0)
		return whole;
	/* The client has a part of another file: it needs all of this one (13.1.5). */
	if (if_range.data != NULL && !str_eq(if_range, etag))
		return whole;
	return read_range(spec, size);
}

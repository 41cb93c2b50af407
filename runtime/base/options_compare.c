#include "base/options.h"

static const void *at(const struct option *option, const void *values)
{
	return (const char *)values + option->offset;
}

static bool is_same_text(const char *a, const char *b)
{
	return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

static bool is_same_list(const struct decode_list *a, const struct decode_list *b)
{
	const char *const *a_items = a->items, *const *b_items = b->items;

	for (size_t i = 0; a->count == b->count && i < a->count; i++)
		if (!is_same_text(a_items[i], b_items[i]))
			return false;
	return a->count == b->count;
}

bool option_is_same(const struct option *option, const void *a, const void *b)
{
	switch (option->kind) {
	case OPTION_FLAG:
		return *(const bool *)at(option, a) == *(const bool *)at(option, b);
	case OPTION_STRING:
		return is_same_text(*(const char *const *)at(option, a), *(const char *const *)at(option, b));
	case OPTION_CHOICE:
		return *(const int *)at(option, a) == *(const int *)at(option, b);
	case OPTION_STRINGS:
		return is_same_list(at(option, a), at(option, b));
	default:
		return *(const int64_t *)at(option, a) == *(const int64_t *)at(option, b);
	}
}

static size_t size_of(enum option_kind kind)
{
	switch (kind) {
	case OPTION_FLAG:
		return sizeof(bool);
	case OPTION_STRING:
		return sizeof(const char *);
	case OPTION_CHOICE:
		return sizeof(int);
	case OPTION_STRINGS:
		return sizeof(struct decode_list);
	default:
		return sizeof(int64_t);
	}
}

void option_copy(const struct option *option, const void *from, void *to)
{
	memcpy((char *)to + option->offset, at(option, from), size_of(option->kind));
}

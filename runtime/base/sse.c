#include "base/sse.h"

static const struct str MARK = {"\xEF\xBB\xBF", 3};

void sse_init(struct sse *sse, size_t size_max)
{
	*sse = (struct sse){.size_max = size_max};
}

void sse_done(struct sse *sse)
{
	buf_done(&sse->line);
	buf_done(&sse->data);
}

static bool fail_long(const struct sse *sse, const char *what, struct error *err)
{
	return error_set(err, ERR_TOO_LARGE, "%s of the event stream is longer than %zu bytes", what, sse->size_max);
}

static bool end_event(struct sse *sse, sse_event *on_event, void *data, struct error *err)
{
	const struct str text = {sse->data.data, sse->data.len > 0 ? sse->data.len - 1 : 0};
	const bool has_data = sse->data.len > 0;

	sse->data.len = 0; /* the bytes stay until more are added */
	return !has_data || on_event(data, text, err);
}

static bool add_data(struct sse *sse, struct str value, struct error *err)
{
	if (value.len > 0 && value.data[0] == ' ') {
		value.data++;
		value.len--;
	}
	if (value.len + sse->data.len >= sse->size_max)
		return fail_long(sse, "an event", err);
	buf_add_str(&sse->data, value);
	buf_add_char(&sse->data, '\n');
	return true;
}

static bool end_line(struct sse *sse, sse_event *on_event, void *data, struct error *err)
{
	struct str rest = buf_str(&sse->line), name;

	sse->line.len = 0;
	if (rest.len == 0)
		return end_event(sse, on_event, data, err);
	str_cut(&rest, ':', &name);
	return !str_is(name, "data") || add_data(sse, rest, err);
}

/* Bytes of a mark that is none are the first line's. */
static void skip_mark(struct sse *sse, struct str *bytes)
{
	while (sse->mark < MARK.len && bytes->len > 0) {
		if (*bytes->data != MARK.data[sse->mark]) {
			buf_add(&sse->line, MARK.data, sse->mark);
			sse->mark = (unsigned)MARK.len;
			return;
		}
		sse->mark++;
		bytes->data++;
		bytes->len--;
	}
}

static size_t line_length(struct str bytes)
{
	size_t len = 0;

	while (len < bytes.len && bytes.data[len] != '\n' && bytes.data[len] != '\r')
		len++;
	return len;
}

static bool feed_line(struct sse *sse, struct str *bytes, sse_event *on_event, void *data, struct error *err)
{
	const size_t len = line_length(*bytes);

	if (len > sse->size_max - sse->line.len)
		return fail_long(sse, "a line", err);
	buf_add(&sse->line, bytes->data, len);
	bytes->data += len;
	bytes->len -= len;
	if (bytes->len == 0)
		return true;
	sse->is_after_cr = *bytes->data == '\r';
	bytes->data++;
	bytes->len--;
	return end_line(sse, on_event, data, err);
}

bool sse_feed(struct sse *sse, struct str bytes, sse_event *on_event, void *data, struct error *err)
{
	skip_mark(sse, &bytes);
	while (bytes.len > 0) {
		if (sse->is_after_cr && *bytes.data == '\n') {
			bytes.data++;
			bytes.len--;
		}
		sse->is_after_cr = false;
		if (bytes.len > 0 && !feed_line(sse, &bytes, on_event, data, err))
			return false;
	}
	return true;
}

bool sse_is_inside(const struct sse *sse)
{
	return sse->line.len > 0 || sse->data.len > 0;
}

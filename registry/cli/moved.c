#include "cli/moved.h"

#include <inttypes.h>

bool moved_answer(struct remote *remote, const char *verb, const struct json *endpoint, struct error *err)
{
	struct json record = json_object();
	struct buf out = {0};

	if (remote->is_dry_run)
		return remote_answer(remote, &record, &out, err);
	record = endpoint_record(remote, endpoint);
	console_style(&out, remote->console->has_out_color, STYLE_GOOD, verb);
	buf_add_char(&out, ' ');
	buf_add_visible(&out, json_str(json_get(&record, STR("name"))));
	buf_printf(&out, " at %s, config version %" PRId64 ", ", remote->target.serving.url,
		endpoint_config_version(endpoint));
	buf_add_visible(&out, json_str(json_get(&record, STR("state"))));
	buf_add_char(&out, '\n');
	endpoint_write_entities(&out, remote, &record);
	const bool is_written = remote_answer(remote, &record, &out, err);
	buf_done(&out);
	return is_written;
}

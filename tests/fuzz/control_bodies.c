/* Bodies about endpoints: whatever is sent is taken or refused as a wrong parameter; what is taken comes back as the same
 * from what is stored, and attributes that are sent as they are shown stay the same. */
#include "control/attributes.h"
#include "control/served_config.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool is_true)
{
	if (!is_true)
		abort();
}

static void check_config(struct arena *arena, const struct json *body)
{
	const struct served_config_context context = {STR("e"), STR("ann"), 7};
	struct served_config config, again;
	struct error err = {0};
	struct buf text = {0};

	if (!served_config_read(arena, body, &context, &config, &err)) {
		must(err.code == ERR_INVALID_PARAMETER);
		return;
	}
	if (config.count == 0)
		return;
	const struct json stored = served_config_stored(arena, &config);
	json_write(&text, &stored);
	must(served_config_restore(arena, buf_str(&text), &again, &err));
	const struct json twice = served_config_stored(arena, &again);
	must(json_equal(&stored, &twice));
	buf_done(&text);
}

static void check_attributes(struct arena *arena, const struct json *body)
{
	struct json object = json_object(), again = json_object();
	struct attributes attributes = {.arena = arena, .object = &object, .can_mail = true};
	struct attributes second = {.arena = arena, .object = &again, .can_mail = true};
	struct str description = STR("");
	struct error err = {0};

	if (!attributes_read_new(&attributes, body, &description, &err)) {
		must(err.code == ERR_INVALID_PARAMETER);
		return;
	}
	struct json shown = json_copy(arena, &object);
	json_set(arena, &shown, STR("name"), json_string(STR("e")));
	must(attributes_read_new(&second, &shown, &description, &err) && json_equal(&object, &again));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct json body;
	struct arena arena;
	struct error err;

	arena_init(&arena);
	if (json_read(&arena, (struct str){(const char *)data, size}, &body, &err) && body.type == JSON_OBJECT) {
		check_config(&arena, &body);
		check_attributes(&arena, &body);
	}
	arena_done(&arena);
	return 0;
}

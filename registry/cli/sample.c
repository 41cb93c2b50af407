#include "cli/sample.h"

#include "base/yaml.h"
#include "client/models.h"
#include "model/signature_decode.h"

#include <stdlib.h>

static bool decode(struct remote *remote, struct str text, struct sample *ret, struct error *err)
{
	struct arena *arena = remote->arena;
	struct problems problems;
	struct decoder decoder;
	struct json tree;

	if (!yaml_read(arena, "MLmodel", text, &tree, err))
		return false;
	problems_init(&problems, arena);
	decoder_init(&decoder, arena, &problems, "MLmodel");
	decode_enter(&decoder, "signature");
	signature_decode(&decoder, json_get(&tree, STR("signature")), &ret->signature);
	decoder_done(&decoder);
	ret->has_signature = problems_check(&problems, err);
	return ret->has_signature;
}

static bool read_file(
	struct remote *remote, struct str place, const char *name, size_t size_max, struct str *ret, struct error *err)
{
	return remote_wait(
		remote, client_file_read(remote->client, remote->arena, place, str_of(name), size_max, ret), err);
}

static bool find_place(struct remote *remote, struct str model, struct str version, struct str *ret, struct error *err)
{
	return remote_wait(remote, client_version_place(remote->client, remote->arena, model, version, ret), err);
}

bool sample_signature(
	struct remote *remote, struct str model, struct str version, struct sample *ret, struct error *err)
{
	struct str place, text;

	return find_place(remote, model, version, &place, err) &&
	       read_file(remote, place, "MLmodel", YAML_SIZE_MAX, &text, err) && decode(remote, text, ret, err);
}

void sample_read(struct remote *remote, struct str model, struct str version, size_t size_max, struct sample *ret)
{
	struct error ignored;
	struct str place, text;

	*ret = (struct sample){.is_made = false};
	if (!find_place(remote, model, version, &place, &ignored))
		return;
	if (read_file(remote, place, "serving_input_example.json", size_max, &text, &ignored) &&
		json_read_padded(remote->arena, text, &ret->body, &ignored) && ret->body.type == JSON_OBJECT)
		return;
	ret->body = (struct json){0};
	if (!read_file(remote, place, "MLmodel", YAML_SIZE_MAX, &text, &ignored) ||
		!decode(remote, text, ret, &ignored))
		return;
	ret->body = signature_example(remote->arena, &ret->signature);
	ret->is_made = true;
}

/* ---- curl ---- */

/* For a shell: in single quotes, which it leaves alone. */
static void add_quoted(struct buf *out, struct str text)
{
	buf_add_char(out, '\'');
	for (size_t i = 0; i < text.len; i++)
		if (text.data[i] == '\'')
			buf_add_text(out, "'\\''");
		else
			buf_add_char(out, text.data[i]);
	buf_add_char(out, '\'');
}

static void add_login(struct buf *out, const struct target_site *site)
{
	if (site->is_databricks)
		buf_add_text(out, " -H \"Authorization: Bearer $DATABRICKS_TOKEN\"");
	else if (site->login == LOGIN_BEARER)
		buf_add_text(out, " -H \"Authorization: Bearer $MLFLOW_TRACKING_TOKEN\"");
	else if (site->login == LOGIN_BASIC && getenv("MLFLOW_TRACKING_USERNAME") != NULL)
		buf_add_text(out, " -u \"$MLFLOW_TRACKING_USERNAME:$MLFLOW_TRACKING_PASSWORD\"");
	else if (site->login == LOGIN_BASIC) {
		buf_add_text(out, " -u ");
		add_quoted(out, site->user); /* curl asks for the password */
	}
}

void sample_write_curl(struct buf *out, const struct remote *remote, const char *url, const struct json *body)
{
	struct buf text = {0};

	json_write(&text, body);
	buf_printf(out, "curl %s", url);
	add_login(out, &remote->target.serving);
	buf_add_text(out, " -H 'Content-Type: application/json' -d ");
	add_quoted(out, buf_str(&text));
	buf_done(&text);
}

/* Who wants a mail about how an update ended gets one. */
#include "control/deploy_internal.h"

#include "control/attributes.h"
#include "control/mailer.h"

static size_t addresses_of(const struct deployment *deployment, const char *list, struct str ret[static MAIL_ADDRESSES_MAX])
{
	const struct json *mail = json_get(&deployment->row.attributes, STR("email_notifications"));
	const struct json *addresses = json_get(mail, str_of(list));
	size_t count = 0;

	for (; json_type(addresses) == JSON_ARRAY && count < addresses->size && count < MAIL_ADDRESSES_MAX; count++)
		ret[count] = json_str(&addresses->items[count]);
	return count;
}

static void write_text(struct buf *out, const struct deployment *deployment)
{
	const struct endpoint_row *row = &deployment->row;

	buf_printf(out, "Endpoint: %.*s\nConfig version: %lld\n", STR_ARGS(row->name), (long long)deployment->version);
	for (size_t i = 0; deployment->entities != NULL && i < deployment->config.count; i++) {
		const struct served_config_entity *entity = &deployment->config.entities[i];

		buf_printf(out, "Served entity: %.*s, model %.*s, version %.*s, %lld %% of the traffic\n",
			STR_ARGS(entity->name), STR_ARGS(entity->model), STR_ARGS(deployment->entities[i].version),
			(long long)entity->percent);
	}
	if (deployment->err.code == ERR_NONE)
		buf_add_text(out, "\nIt serves.\n");
	else
		buf_printf(out, "\nIt failed: %s\n\n%s\n", deployment->err.text,
			row->config_version > 0 ? "What served before goes on serving." : "The endpoint serves nothing.");
}

void deployment_notify(struct deployment *deployment)
{
	struct mailer *mailer = deployment->deployer->options.mailer;
	const bool is_fine = deployment->err.code == ERR_NONE;
	struct str to[MAIL_ADDRESSES_MAX];
	struct buf text = {0};

	if (mailer == NULL || deployment->is_dropped || deployment->deployer->is_stopping)
		return;
	const size_t count = addresses_of(deployment, is_fine ? "on_update_success" : "on_update_failure", to);
	if (count == 0)
		return;
	write_text(&text, deployment);
	mailer_send(mailer, to, count,
		arena_printf(&deployment->arena, "Endpoint %.*s: config version %lld %s", STR_ARGS(deployment->row.name),
			(long long)deployment->version, is_fine ? "serves" : "failed"),
		buf_str(&text));
	buf_done(&text);
}

/* What a deployment changes: rows in one transaction, then the table. */
#include "control/deploy_internal.h"

#include "base/clock.h"
#include "control/attributes.h"

/* ---- rows ---- */

static struct json resolved_json(struct deployment *deployment)
{
	struct arena *arena = &deployment->arena;
	struct json all = json_object();

	for (size_t i = 0; i < deployment->config.count; i++) {
		const struct deploying *deploying = &deployment->entities[i];
		struct json one = json_object();

		json_set(arena, &one, STR("version"), json_string(deploying->version));
		json_set(arena, &one, STR("digest"), json_string(str_of(deploying->digest)));
		if (deploying->task != NULL)
			json_set(arena, &one, STR("task"), json_string(str_of(deploying->task)));
		json_set(arena, &all, deploying->entity->name, one);
	}
	return all;
}

static bool write_logs(struct deployment *deployment, struct db *db, struct error *err)
{
	for (size_t i = 0; i < deployment->config.count; i++) {
		const struct deploying *deploying = &deployment->entities[i];

		if (deploying->log.len > 0 && !rows_log(db, deployment->row.id, deployment->version,
						      deploying->entity->name, buf_str(&deploying->log), err))
			return false;
	}
	return true;
}

/* The row may have changed while this was prepared: tags, limits, a deletion. */
static bool read_again(struct deployment *deployment, struct db *db, struct error *err)
{
	struct endpoint_row *row = &deployment->row;

	if (!rows_endpoint_by_id(db, &deployment->arena, row->id, row, err)) {
		deployment->is_dropped = err->code == ERR_NOT_FOUND;
		return false;
	}
	deployment->is_dropped = row->pending_version != deployment->version;
	return !deployment->is_dropped || error_set(err, ERR_CANCELLED, "the update was cancelled");
}

static struct str message_of(struct deployment *deployment)
{
	return str_of(arena_printf(
		&deployment->arena, "config version %lld serves", (long long)deployment->version));
}

static bool activate(struct deployment *deployment, struct db *db, struct error *err)
{
	struct endpoint_row *row = &deployment->row;
	const struct json resolved = resolved_json(deployment);
	const int64_t now_ms = clock_wall_ms(), old = row->config_version;

	row->config_version = deployment->version;
	row->pending_version = 0;
	row->update_state = STR(UPDATE_NONE);
	row->updated_ms = now_ms;
	row->is_stopped = false;
	return (old == 0 || rows_config_change(db, &deployment->arena, row->id, old, CONFIG_SUPERSEDED, STR(""), NULL, now_ms,
				    err)) &&
	       rows_config_change(db, &deployment->arena, row->id, deployment->version, CONFIG_ACTIVE, STR(""), &resolved,
		       now_ms, err) &&
	       rows_change(db, &deployment->arena, row, err) &&
	       rows_event(db, row->id, deployment->version, "UPDATE_SUCCEEDED", STR(""),
		       message_of(deployment), now_ms, err) &&
	       write_logs(deployment, db, err);
}

bool deployment_commit(struct deployment *deployment, struct error *err)
{
	struct db *db = db_begin(deployment->deployer->options.registry->db, DB_WRITE, err);

	if (db == NULL)
		return false;
	if (read_again(deployment, db, err) && activate(deployment, db, err))
		return db_commit(db, err);
	db_rollback(db);
	return false;
}

static bool note_failure(struct deployment *deployment, struct db *db, struct error *err)
{
	struct endpoint_row *row = &deployment->row;
	const struct str why = str_of(deployment->err.text);
	const int64_t now_ms = clock_wall_ms();

	row->update_state = STR(UPDATE_FAILED);
	row->updated_ms = now_ms;
	return rows_config_change(
		       db, &deployment->arena, row->id, deployment->version, CONFIG_FAILED, why, NULL, now_ms, err) &&
	       rows_change(db, &deployment->arena, row, err) &&
	       rows_event(db, row->id, deployment->version, "UPDATE_FAILED", STR(""), why, now_ms, err) &&
	       write_logs(deployment, db, err);
}

bool deployment_fail(struct deployment *deployment, struct error *err)
{
	struct db *db = db_begin(deployment->deployer->options.registry->db, DB_WRITE, err);

	if (db == NULL)
		return false;
	if (read_again(deployment, db, err) && note_failure(deployment, db, err))
		return db_commit(db, err);
	db_rollback(db);
	return false;
}

/* ---- the table ---- */

bool deployment_keeps(const struct deployment *deployment, const struct served_config_entity *entity)
{
	return !entity->is_scaling_to_zero && !deployment->row.is_stopped && entity->percent + entity->shadow_percent > 0;
}

/* The counts go on where the same version is served under the same name. */
static struct entity_stats *stats_of(
	struct deployment *deployment, const struct endpoint *old, const struct entity *entity)
{
	const struct deployer_options *options = &deployment->deployer->options;
	const struct gate_limits limits = {
		.slots = entity->slots,
		.queue_max = options->queue_max,
		.queue_timeout_ms = options->queue_timeout_ms,
		.sheds = true,
	};
	const struct entity *before = old != NULL ? endpoint_entity(old, str_of(entity->name)) : NULL;

	if (before != NULL && strcmp(before->model, entity->model) == 0 && strcmp(before->version, entity->version) == 0) {
		gate_change(before->stats->gate, &limits);
		return entity_stats_ref(before->stats);
	}
	return entity_stats_new(options->worker_count, &limits, entity->name, entity->model, entity->version);
}

static const char *copy(struct endpoint *endpoint, struct str text)
{
	return arena_memdup(&endpoint->arena, text.data, text.len);
}

static void fill_entity(struct deployment *deployment, const struct endpoint *old, struct endpoint *endpoint,
	const struct deploying *deploying, struct entity *ret)
{
	const struct served_config_entity *entity = deploying->entity;

	*ret = (struct entity){
		.name = copy(endpoint, entity->name),
		.model = copy(endpoint, entity->model),
		.version = copy(endpoint, deploying->version),
		.alias = entity->alias.len > 0 ? copy(endpoint, entity->alias) : NULL,
		.resident = resident_ref(deploying->resident),
		.slots = entity->slots,
		.percent = (unsigned)entity->percent,
		.shadow_percent = (unsigned)entity->shadow_percent,
		.is_scaling_to_zero = entity->is_scaling_to_zero,
		.is_kept = deployment_keeps(deployment, entity),
	};
	if (ret->is_kept)
		resident_keep(ret->resident);
	ret->stats = stats_of(deployment, old, ret);
}

static void fill_sticky(struct deployment *deployment, struct endpoint *endpoint)
{
	const struct served_config *config = &deployment->config;

	if (config->sticky_header.len > 0) {
		endpoint->sticky = STICKY_HEADER;
		endpoint->sticky_by = copy(endpoint, config->sticky_header);
	} else if (config->sticky_column.len > 0) {
		endpoint->sticky = STICKY_COLUMN;
		endpoint->sticky_by = copy(endpoint, config->sticky_column);
	}
}

struct limiter *deployment_limiter(const struct endpoint_row *row, const struct endpoint *old)
{
	const bool is_known = old != NULL && old->limiter != NULL && str_is(row->id, old->id);
	struct limiter *limiter = is_known ? limiter_ref(old->limiter) : limiter_new();
	struct limit limits[LIMITER_LIMITS_MAX];

	limiter_set(limiter, limits, attributes_limits(&row->attributes, limits));
	return limiter;
}

struct endpoint *deployment_endpoint(struct deployment *deployment)
{
	const struct endpoint_row *row = &deployment->row;
	struct endpoint *old = serving_get(deployment->deployer->options.serving, row->name);
	struct endpoint *endpoint =
		endpoint_new(arena_memdup(&deployment->arena, row->name.data, row->name.len), deployment->endpoint_id);

	endpoint->config_version = deployment->version;
	endpoint->is_stopped = row->is_stopped;
	if (deployment->err.code != ERR_NONE) {
		endpoint->not_ready = copy(endpoint, str_of(deployment->err.text));
	} else {
		endpoint->entity_count = deployment->config.count;
		endpoint->entities = arena_zalloc(
			&endpoint->arena, (endpoint->entity_count + 1) * sizeof(*endpoint->entities));
		for (size_t i = 0; i < endpoint->entity_count; i++)
			fill_entity(deployment, old, endpoint, &deployment->entities[i], &endpoint->entities[i]);
		if (endpoint->entity_count > 0 && deployment->entities[0].task != NULL)
			endpoint->task = copy(endpoint, str_of(deployment->entities[0].task));
		fill_sticky(deployment, endpoint);
		endpoint->limiter = deployment_limiter(row, old);
	}
	endpoint_unref(old);
	return endpoint;
}

void deployment_publish(struct deployment *deployment)
{
	serving_put(deployment->deployer->options.serving, deployment_endpoint(deployment));
}

void deployment_publish_nothing(struct deployment *deployment)
{
	const struct endpoint_row *row = &deployment->row;
	struct endpoint *endpoint =
		endpoint_new(arena_memdup(&deployment->arena, row->name.data, row->name.len), deployment->endpoint_id);

	endpoint->not_ready = copy(endpoint, str_of(deployment->err.text));
	serving_put(deployment->deployer->options.serving, endpoint);
}

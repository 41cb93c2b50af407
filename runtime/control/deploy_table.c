/* The table of endpoints from the rows, without a deployment: at the start, after a change of something else, at the end of
 * an endpoint. */
#include "control/deploy_internal.h"

#include "base/log.h"

/* Bundles without traffic wait for their first request. */
static struct endpoint *restore_one(struct deployer *deployer, const struct endpoint_row *row)
{
	struct deployment *deployment = deployment_new(deployer, row->id, row->config_version);

	deployment->is_restore = true;
	const bool is_fine = deployment_read(deployment) && deployment_prepare(deployment);

	if (deployment->row.name.data == NULL)
		deployment->row = *row;
	if (!is_fine)
		log_error("endpoint.not_ready", LOG_STR("endpoint", row->name), LOG_ERR(&deployment->err));
	struct endpoint *endpoint = deployment_endpoint(deployment);
	deployment_free(deployment);
	return endpoint;
}

static bool is_current(struct deployer *deployer, const struct endpoint_row *row)
{
	struct endpoint *served = serving_get(deployer->options.serving, row->name);
	const bool is_same = served != NULL && str_is(row->id, served->id) &&
			     served->config_version == row->config_version && served->is_stopped == row->is_stopped;

	endpoint_unref(served);
	return is_same;
}

/* It has no config that ever worked. */
static struct endpoint *unready(const struct endpoint_row *row)
{
	struct endpoint *endpoint = endpoint_new(row->name.data, row->id.data);

	endpoint->is_coming = str_is(row->update_state, UPDATE_RUNNING);
	endpoint->not_ready = endpoint->is_coming ? "its first config is being deployed" : "it has no config that works yet";
	return endpoint;
}

/* Started again: they are wanted in memory. */
static void load_kept(const struct endpoint *endpoint)
{
	struct error err;

	for (size_t i = 0; i < endpoint->entity_count; i++)
		if (endpoint->entities[i].is_kept && !resident_load(endpoint->entities[i].resident, NULL, &err))
			log_error("endpoint.load", LOG_TEXT("endpoint", endpoint->name),
				LOG_TEXT("served_entity", endpoint->entities[i].name), LOG_ERR(&err));
}

/* What serves goes on serving: it is not resolved anew, which may fail. What was resolved when it was deployed is served
 * again, whatever aliases stand for now: following is follow.c's. */
static struct endpoint *refreshed(struct deployer *deployer, const struct endpoint_row *row)
{
	struct endpoint *old = serving_get(deployer->options.serving, row->name), *endpoint;

	if (row->config_version == 0) {
		endpoint = unready(row);
	} else if (old != NULL && str_is(row->id, old->id) && old->config_version == row->config_version &&
		   old->not_ready == NULL) {
		endpoint = endpoint_copy(old, row->is_stopped);
		endpoint->limiter = deployment_limiter(row, old);
		load_kept(endpoint);
	} else {
		endpoint = restore_one(deployer, row);
	}
	endpoint_unref(old);
	return endpoint;
}

static void put_changed(struct deployer *deployer, struct arena *arena, const struct endpoint_row *rows, size_t count)
{
	struct endpoint **changed = arena_array(arena, count + 1, sizeof(*changed));
	size_t changed_count = 0, ready = 0;

	for (size_t i = 0; i < count; i++) {
		if (is_current(deployer, &rows[i]))
			continue;
		changed[changed_count] = refreshed(deployer, &rows[i]);
		ready += changed[changed_count++]->not_ready == NULL;
	}
	if (changed_count == 0)
		return;
	serving_put_all(deployer->options.serving, changed, changed_count);
	log_info("endpoints.restored", LOG_INT("endpoints", (int64_t)changed_count), LOG_INT("ready", (int64_t)ready));
}

/* It may have been made since the rows were read. */
static bool is_deleted(struct deployer *deployer, struct arena *arena, const struct endpoint *endpoint)
{
	struct error err = {0};
	struct db *db = db_begin(deployer->options.registry->db, DB_READ, &err);
	struct endpoint_row row;

	if (db != NULL) {
		rows_endpoint_by_id(db, arena, str_of(endpoint->id), &row, &err);
		db_rollback(db);
	}
	return err.code == ERR_NOT_FOUND;
}

static void remove_deleted(struct deployer *deployer, struct arena *arena, const struct endpoint_row *rows, size_t count)
{
	struct endpoint **served;
	const size_t served_count = serving_list(deployer->options.serving, arena, &served);

	for (size_t i = 0; i < served_count; i++) {
		bool is_there = false;

		for (size_t j = 0; j < count && !is_there; j++)
			is_there = str_is(rows[j].name, served[i]->name);
		if (!is_there && is_deleted(deployer, arena, served[i]))
			serving_remove(deployer->options.serving, str_of(served[i]->name));
	}
}

static bool read_all(
	struct deployer *deployer, struct arena *arena, struct endpoint_row **ret, size_t *ret_count, struct error *err)
{
	struct db *db = db_begin(deployer->options.registry->db, DB_READ, err);

	if (db == NULL)
		return false;
	const bool is_read = rows_endpoints(db, arena, ret, ret_count, err);
	db_rollback(db);
	return is_read;
}

bool deployer_sync(struct deployer *deployer, bool is_alone, struct error *err)
{
	struct endpoint_row *rows;
	struct arena arena;
	size_t count;

	arena_init(&arena);
	pthread_mutex_lock(&deployer->publishing);
	const bool is_read = read_all(deployer, &arena, &rows, &count, err);
	if (is_read) {
		remove_deleted(deployer, &arena, rows, count);
		put_changed(deployer, &arena, rows, count);
	}
	pthread_mutex_unlock(&deployer->publishing);
	for (size_t i = 0; is_read && is_alone && i < count; i++)
		if (str_is(rows[i].update_state, UPDATE_RUNNING) && !deployer_is_deploying(deployer, rows[i].id))
			deployer_start(deployer, rows[i].id, rows[i].pending_version);
	arena_done(&arena);
	return is_read;
}

static bool refresh(struct deployer *deployer, struct arena *arena, struct str endpoint_id, struct error *err)
{
	struct db *db = db_begin(deployer->options.registry->db, DB_READ, err);
	struct endpoint_row row;

	if (db == NULL)
		return false;
	const bool is_there = rows_endpoint_by_id(db, arena, endpoint_id, &row, err);
	db_rollback(db);
	if (is_there)
		serving_put(deployer->options.serving, refreshed(deployer, &row));
	return is_there;
}

bool deployer_refresh(struct deployer *deployer, struct str endpoint_id, struct error *err)
{
	struct arena arena;

	arena_init(&arena);
	pthread_mutex_lock(&deployer->publishing);
	const bool is_fine = refresh(deployer, &arena, endpoint_id, err);
	pthread_mutex_unlock(&deployer->publishing);
	arena_done(&arena);
	return is_fine;
}

void deployer_remove(struct deployer *deployer, struct str name, struct str endpoint_id)
{
	pthread_mutex_lock(&deployer->publishing);
	struct endpoint *endpoint = serving_get(deployer->options.serving, name);
	/* Another one of the same name may have been made since. */
	if (endpoint != NULL && str_is(endpoint_id, endpoint->id))
		serving_remove(deployer->options.serving, name);
	endpoint_unref(endpoint);
	pthread_mutex_unlock(&deployer->publishing);
}

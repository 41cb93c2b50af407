/* Each entity: alias → version → files in the store → variables → resident → loaded. */
#include "control/deploy_internal.h"

#include "base/clock.h"
#include "base/datetime.h"
#include "model/mlmodel.h"

static bool fail(struct deployment *deployment, struct deploying *deploying, const struct error *err)
{
	deployment_log(deploying, "failed: %s", err->text);
	deployment->err = *err;
	return error_wrap(&deployment->err, "served entity '%.*s'", STR_ARGS(deploying->entity->name));
}

void deployment_log(struct deploying *deploying, const char *format, ...)
{
	char time[DATETIME_TEXT_MAX];
	const size_t len = datetime_format(clock_wall_us() * 1000, time);
	va_list args;

	buf_printf(&deploying->log, "%.*sZ ", (int)len, time);
	va_start(args, format);
	buf_vprintf(&deploying->log, format, args);
	va_end(args);
	buf_add_char(&deploying->log, '\n');
}

/* ---- rows ---- */

static bool read_config(struct deployment *deployment, struct db *db)
{
	struct config_row row;
	const int found = rows_config(db, &deployment->arena, deployment->row.id, deployment->version, &row, &deployment->err);

	if (found == 0)
		return error_set(&deployment->err, ERR_INTERNAL, "config version %lld has no row",
			(long long)deployment->version);
	if (found > 0)
		deployment->resolved = row.resolved;
	return found > 0 && served_config_restore(&deployment->arena, row.config, &deployment->config, &deployment->err);
}

bool deployment_read(struct deployment *deployment)
{
	struct db *db = db_begin(deployment->deployer->options.registry->db, DB_READ, &deployment->err);

	if (db == NULL)
		return false;
	bool is_fine = rows_endpoint_by_id(
		db, &deployment->arena, str_of(deployment->endpoint_id), &deployment->row, &deployment->err);
	if (!is_fine)
		deployment->is_dropped = deployment->err.code == ERR_NOT_FOUND;
	if (deployment->is_restore)
		deployment->version = deployment->row.config_version;
	is_fine = is_fine && read_config(deployment, db);
	db_rollback(db);
	if (!is_fine)
		return false;
	const size_t count = deployment->config.count;
	deployment->entities = arena_zalloc(&deployment->arena, (count + 1) * sizeof(*deployment->entities));
	for (size_t i = 0; i < count; i++)
		deployment->entities[i].entity = &deployment->config.entities[i];
	return true;
}

/* ---- variables ---- */

/* {{secrets/scope/key}}, the whole value. */
static bool is_secret(struct str value, struct str *ret_scope, struct str *ret_key)
{
	static const struct str HEAD = {"{{secrets/", 10}, TAIL = {"}}", 2};
	const struct str text = str_trim(value);

	if (text.len < HEAD.len + TAIL.len || !str_starts(text, HEAD) || !str_ends(text, TAIL))
		return false;
	*ret_key = (struct str){text.data + HEAD.len, text.len - HEAD.len - TAIL.len};
	return str_cut(ret_key, '/', ret_scope);
}

static bool read_variable(struct deployment *deployment, const struct json_member *member,
	struct bundle_variable *ret, struct error *err)
{
	const struct deployer_options *options = &deployment->deployer->options;
	const struct str name = json_str(&member->key), value = json_str(&member->value);
	struct str scope, key;

	ret->name = arena_memdup(&deployment->arena, name.data, name.len);
	ret->is_secret = is_secret(value, &scope, &key);
	if (!ret->is_secret) {
		ret->value = secret_new(&deployment->arena, value);
		return true;
	}
	if (options->read_secret == NULL)
		error_set(err, ERR_NOT_FOUND, "there is no store of secrets here");
	else if (options->read_secret(options->data, &deployment->arena, scope, key, &ret->value, err))
		return true;
	return error_wrap(err, "environment_vars.%s: %.*s", ret->name, STR_ARGS(value));
}

static bool read_variables(
	struct deployment *deployment, const struct deploying *deploying, struct resident_spec *spec, struct error *err)
{
	const struct json *variables = &deploying->entity->variables;
	const size_t count = json_type(variables) == JSON_OBJECT ? variables->size : 0;
	struct bundle_variable *list = arena_array(&deployment->arena, count + 1, sizeof(*list));

	for (size_t i = 0; i < count; i++)
		if (!read_variable(deployment, &variables->members[i], &list[i], err))
			return false;
	spec->variables = list;
	spec->variable_count = count;
	return true;
}

/* ---- residents ---- */

static struct resident *find_served(struct deployer *deployer, const struct resident_spec *spec)
{
	struct resident *found = NULL;
	struct endpoint **endpoints;
	struct arena arena;

	arena_init(&arena);
	const size_t count = serving_list(deployer->options.serving, &arena, &endpoints);
	for (size_t i = 0; i < count && found == NULL; i++)
		for (size_t j = 0; j < endpoints[i]->entity_count && found == NULL; j++)
			if (resident_is(endpoints[i]->entities[j].resident, spec))
				found = resident_ref(endpoints[i]->entities[j].resident);
	arena_done(&arena);
	return found;
}

static struct resident *find_resident(struct deployer *deployer, const struct resident_spec *spec)
{
	struct resident *found = NULL;

	pthread_mutex_lock(&deployer->lock);
	for (size_t i = 0; i < RECENT_MAX && found == NULL; i++)
		if (deployer->recent[i] != NULL && resident_is(deployer->recent[i], spec))
			found = resident_ref(deployer->recent[i]);
	pthread_mutex_unlock(&deployer->lock);
	if (found == NULL)
		found = find_served(deployer, spec);
	if (found != NULL)
		return found;
	found = resident_new(spec);
	pthread_mutex_lock(&deployer->lock);
	struct resident **slot = &deployer->recent[deployer->recent_at++ % RECENT_MAX];
	struct resident *old = *slot;
	*slot = resident_ref(found);
	pthread_mutex_unlock(&deployer->lock);
	resident_unref(old);
	return found;
}

/* ---- one entity ---- */

static bool resolve(struct deployment *deployment, struct deploying *deploying, struct error *err)
{
	const struct served_config_entity *entity = deploying->entity;

	deploying->version = entity->version;
	if (entity->alias.len == 0)
		return true;
	/* What served goes on, whatever the alias stands for now: following it is another deployment. */
	if (deployment->is_restore) {
		deploying->version = json_str(json_get(json_get(&deployment->resolved, entity->name), STR("version")));
		return true;
	}
	if (!origin_alias(deployment->deployer->options.origin, &deployment->arena, entity->model, entity->alias,
		    &deploying->version, err))
		return false;
	deployment_log(deploying, "alias '%.*s' of '%.*s' stands for version %.*s", STR_ARGS(entity->alias),
		STR_ARGS(entity->model), STR_ARGS(deploying->version));
	return true;
}

/* It served before: the registry may have lost it since. */
static bool find_served_before(struct deployment *deployment, struct deploying *deploying, struct fetched_bundle *ret)
{
	const struct json *resolved = json_get(&deployment->resolved, deploying->entity->name);
	struct digest digest;
	struct stored stored;

	if (!deployment->is_restore || !digest_parse(json_str(json_get(resolved, STR("digest"))), &digest) ||
		!store_find(&deployment->arena, deployment->deployer->options.origin->store, &digest, &stored))
		return false;
	const struct str task = json_str(json_get(resolved, STR("task")));
	if (task.len > 0)
		deploying->task = arena_memdup(&deployment->arena, task.data, task.len);
	*ret = (struct fetched_bundle){.dir = stored.dir, .was_present = true, .has_manifest = true};
	digest_hex(&digest, ret->digest);
	deploying->digest = arena_strdup(&deployment->arena, ret->digest);
	return true;
}

static bool fetch(struct deployment *deployment, struct deploying *deploying, bool anew, struct fetched_bundle *ret,
	struct error *err)
{
	const struct served_config_entity *entity = deploying->entity;

	if (!anew && find_served_before(deployment, deploying, ret))
		return true;
	if (!origin_fetch(deployment->deployer->options.origin, &deployment->arena, entity->model, deploying->version, anew, ret, err))
		return false;
	deploying->digest = arena_strdup(&deployment->arena, ret->digest);
	deployment_log(deploying, "bundle %s %s%s", ret->digest,
		ret->was_present ? "is in the store" : "was fetched and verified",
		ret->has_manifest ? "" : "; it came without a manifest");
	return true;
}

static bool check_signature(
	struct deployment *deployment, struct deploying *deploying, const char *dir, struct error *err)
{
	const struct trusted_keys *trusted = deployment->deployer->options.trusted;
	const char *key;

	if (trusted == NULL)
		return true;
	if (!trusted_check(&deployment->arena, trusted, dir, &key, err))
		return false;
	deployment_log(deploying, "signed by key %s", key);
	return true;
}

/* Where the store's signatures will not do, those of the registry may. */
static bool fetch_signed(
	struct deployment *deployment, struct deploying *deploying, struct fetched_bundle *ret, struct error *err)
{
	if (!fetch(deployment, deploying, false, ret, err))
		return false;
	if (check_signature(deployment, deploying, ret->dir, err))
		return true;
	return ret->was_present && err->code == ERR_INVALID_BUNDLE && fetch(deployment, deploying, true, ret, err) &&
	       check_signature(deployment, deploying, ret->dir, err);
}

static bool load(struct deployment *deployment, struct deploying *deploying, struct error *err)
{
	struct problems problems;

	if (resident_is_loaded(deploying->resident)) {
		deployment_log(deploying, "is in memory already%s",
			resident_has_passed(deploying->resident) ? ", and has passed its self-test" : "");
		return true;
	}
	const uint64_t started_ns = clock_ns();
	problems_init(&problems, &deployment->arena);
	if (!resident_load(deploying->resident, &problems, err)) {
		for (size_t i = 0; i < problems.count; i++) {
			struct buf line = {0};

			problem_write(&line, &problems.items[i]);
			deployment_log(deploying, "%s", buf_text(&line));
			buf_done(&line);
		}
		return false;
	}
	deployment_log(deploying, "loaded in %.1f ms", (double)(clock_ns() - started_ns) * 1e-6);
	return true;
}

/* What stands in MLmodel's metadata, as chat clients and UIs want to know it. */
static const char *task_of(struct deployment *deployment, struct bundle *bundle)
{
	const struct str task = json_str(json_at(&bundle->mlmodel, STR("metadata.task")));

	return task.len > 0 ? arena_memdup(&deployment->arena, task.data, task.len) : NULL;
}

static bool prepare_entity(struct deployment *deployment, struct deploying *deploying)
{
	const struct deployer_options *options = &deployment->deployer->options;
	struct resident_spec spec = {
		.secret_dir = options->secret_dir, .read_secret = options->read_secret, .secret_data = options->data};
	struct fetched_bundle sourced;
	struct error err = {0};

	if (!resolve(deployment, deploying, &err) || !fetch_signed(deployment, deploying, &sourced, &err) ||
		!read_variables(deployment, deploying, &spec, &err))
		return fail(deployment, deploying, &err);
	spec.dir = str_of(sourced.dir);
	spec.name = deploying->entity->model;
	spec.digest = str_of(deploying->digest);
	deploying->resident = find_resident(deployment->deployer, &spec);
	/* Until the table keeps it, or not: what is unloaded meanwhile could not be tested. */
	resident_keep(deploying->resident);
	if (deployment->is_restore && !deployment_keeps(deployment, deploying->entity))
		return true;
	if (!load(deployment, deploying, &err))
		return fail(deployment, deploying, &err);
	struct bundle *bundle = resident_bundle(deploying->resident);
	if (bundle != NULL)
		deploying->task = task_of(deployment, bundle);
	bundle_unref(bundle);
	return true;
}

bool deployment_prepare(struct deployment *deployment)
{
	bool is_fine = true;

	for (size_t i = 0; is_fine && i < deployment->config.count; i++)
		is_fine = prepare_entity(deployment, &deployment->entities[i]);
	return is_fine;
}

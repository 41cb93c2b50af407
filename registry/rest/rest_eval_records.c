/*
 * /api/3.0/mlflow/datasets/{dataset_id}/records: questions, and what is expected of their answers. A record is known by
 * its inputs: what comes with the same inputs again is merged into it.
 *
 *	upsert: records (JSON in a text) → each: hash of inputs → insert or merge → the dataset's schema, profile, digest
 *
 * Source: MLflow 3.17.2 store/tracking/sqlalchemy_store.py, entities/dataset_record.py.
 */
#include "base/hash.h"
#include "rest/rest_element.h"
#include "rest/rest_eval_dataset.h"
#include "rest/rest_search.h"
#include "rest/rest_tables.h"

enum { MAX_RESULTS_DEFAULT = 1000, UPSERT_MAX = 50000 };

/* One that was sent; of what is absent, the data is NULL. */
struct record {
	const struct json *inputs, *outputs, *expectations, *tags;
	bool has_outputs;
	struct str hash, user, source, source_id, source_type;
};

/* ---- what was sent ---- */

static struct str hash_of(struct rest_call *call, const struct json *inputs)
{
	struct buf text = {0};
	char hex[DIGEST_HEX_SIZE];
	struct sha256 hash;

	json_write_canonical(&text, inputs);
	sha256_init(&hash);
	sha256_add(&hash, text.data, text.len);
	buf_done(&text);
	const struct digest digest = sha256_end(&hash);
	return str_of(arena_strdup(call->arena, digest_hex(&digest, hex)));
}

static struct str upper_of(struct rest_call *call, struct str text)
{
	char *copy = arena_memdup(call->arena, text.data != NULL ? text.data : "", text.len);

	for (size_t i = 0; i < text.len; i++)
		if (copy[i] >= 'a' && copy[i] <= 'z')
			copy[i] = (char)(copy[i] - 'a' + 'A');
	return (struct str){copy, text.len};
}

static bool check_source_type(struct str type, struct error *err)
{
	static const char *const TYPES[] = {"UNSPECIFIED", "TRACE", "HUMAN", "DOCUMENT", "CODE"};

	for (size_t i = 0; i < sizeof(TYPES) / sizeof(*TYPES); i++)
		if (str_is(type, TYPES[i]))
			return true;
	return error_set(err, ERR_INVALID_PARAMETER,
		"Invalid dataset record source type: %.*s. Valid source types: ['UNSPECIFIED', 'TRACE', 'HUMAN', 'DOCUMENT', 'CODE']",
		STR_ARGS(str_clip(type, 100)));
}

static bool read_source(struct rest_call *call, const struct json *source, struct record *ret, struct error *err)
{
	struct json kept = json_object();

	if (json_type(source) == JSON_ABSENT || json_type(source) == JSON_NULL)
		return true;
	if (!rest_eval_check_object(source, "source", err))
		return false;
	const struct json *data = json_get(source, STR("source_data"));
	ret->source_type = upper_of(call, json_str(json_get(source, STR("source_type"))));
	if (!check_source_type(ret->source_type, err))
		return false;
	const bool is_trace = str_is(ret->source_type, "TRACE");
	const struct str id = json_str(json_get(data, is_trace ? STR("trace_id") : STR("source_id")));
	ret->source_id = id.len > 0 ? id : (struct str){NULL, 0};
	json_set(call->arena, &kept, STR("source_type"), json_string(ret->source_type));
	json_set(call->arena, &kept, STR("source_data"), json_type(data) == JSON_OBJECT ? *data : json_object());
	ret->source = rest_eval_written(call, &kept);
	return true;
}

/* An object, or NULL where it is absent or null. */
static bool read_part(const struct json *record, const char *name, const struct json **ret, struct error *err)
{
	const struct json *value = json_get(record, str_of(name));

	*ret = json_type(value) == JSON_NULL ? NULL : value;
	return *ret == NULL || rest_eval_check_object(*ret, name, err);
}

static bool read_record(struct rest_call *call, const struct json *sent, struct record *ret, struct error *err)
{
	static const struct json NOTHING = {.type = JSON_OBJECT};

	*ret = (struct record){0};
	if (json_type(sent) != JSON_OBJECT)
		return error_set(err, ERR_INVALID_PARAMETER, "expected an object, got %s", json_type_name(sent));
	if (!read_part(sent, "inputs", &ret->inputs, err) || !read_part(sent, "expectations", &ret->expectations, err) ||
		!read_part(sent, "tags", &ret->tags, err) || !read_source(call, json_get(sent, STR("source")), ret, err))
		return false;
	if (ret->inputs == NULL)
		ret->inputs = &NOTHING;
	ret->outputs = json_get(sent, STR("outputs"));
	ret->has_outputs = ret->outputs != NULL;
	ret->hash = hash_of(call, ret->inputs);
	const struct json *user = json_get(ret->tags, STR("mlflow.user"));
	if (user != NULL)
		ret->user = rest_eval_text(call, user);
	return true;
}

/* ---- insert and merge ---- */

static struct str written_or_null(struct rest_call *call, const struct json *value)
{
	return json_type(value) != JSON_ABSENT && json_type(value) != JSON_NULL ? rest_eval_written(call, value)
										 : (struct str){NULL, 0};
}

static bool insert(struct rest_call *call, const struct record *record, struct error *err)
{
	const struct str outputs = record->has_outputs ? written_or_null(call, record->outputs) : STR("{}");
	const struct str tags = record->tags != NULL ? rest_eval_written(call, record->tags) : STR("{}");

	return db_run(call->db, err, "INSERT INTO eval_records VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
		"sssiisssssssss", call->ids[0], record->hash, rest_new_id(call, "dr-"), call->now_ms, call->now_ms, record->user,
		record->user, rest_eval_written(call, record->inputs), outputs, written_or_null(call, record->expectations), tags,
		record->source, record->source_id, record->source_type);
}

/* The members of `more` over those of the object in `text`. */
static bool merged(struct rest_call *call, struct str text, const struct json *more, struct str *ret, struct error *err)
{
	struct json object = json_object();

	*ret = text;
	if (more == NULL)
		return true;
	if (text.len > 0 && !json_read(call->arena, text, &object, err))
		return false;
	for (size_t i = 0; i < more->size; i++)
		json_set(call->arena, &object, json_str(&more->members[i].key), more->members[i].value);
	*ret = rest_eval_written(call, &object);
	return rest_eval_check_object(&object, "merged record", err);
}

static bool merge(struct rest_call *call, const struct record *record, const struct str old[static 4], struct error *err)
{
	const struct str outputs = record->has_outputs ? written_or_null(call, record->outputs) : old[0];
	const struct str user = record->user.data != NULL ? record->user : old[3];
	struct str expectations, tags;

	return merged(call, old[1], record->expectations, &expectations, err) &&
	       merged(call, old[2], record->tags, &tags, err) &&
	       db_run(call->db, err,
		       "UPDATE eval_records SET outputs = ?, expectations = ?, tags = ?, last_updated_by = ?, last_update_time = ? "
		       "WHERE dataset_id = ? AND input_hash = ?",
		       "ssssiss", outputs, expectations, tags, user, call->now_ms, call->ids[0], record->hash);
}

static bool put(struct rest_call *call, const struct record *record, bool *ret_is_new, struct error *err)
{
	struct db_rows rows;
	struct str old[4] = {{0}};

	if (!db_start(&rows, call->db, err,
		    "SELECT outputs, expectations, tags, last_updated_by FROM eval_records WHERE dataset_id = ? AND input_hash = ?",
		    "ss", call->ids[0], record->hash))
		return false;
	*ret_is_new = !db_next(&rows);
	for (int i = 0; !*ret_is_new && i < 4; i++)
		old[i] = db_text(&rows, i, call->arena);
	if (!db_end(&rows))
		return false;
	return *ret_is_new ? insert(call, record, err) : merge(call, record, old, err);
}

/* ---- what the dataset says of its records ---- */

static const char *type_of(const struct json *value)
{
	static const char *const NAMES[] = {[JSON_ABSENT] = "null", [JSON_NULL] = "null", [JSON_BOOL] = "boolean",
		[JSON_INTEGER] = "integer", [JSON_DOUBLE] = "float", [JSON_STRING] = "string", [JSON_ARRAY] = "array",
		[JSON_OBJECT] = "object"};

	return NAMES[json_type(value)];
}

static struct json *section_of(struct json *schema, const char *name)
{
	for (size_t i = 0; i < schema->size; i++)
		if (str_is(json_str(&schema->members[i].key), name))
			return &schema->members[i].value;
	return NULL;
}

/* The first REST_EVAL_KEYS_MAX names: who has more has no schema. */
static void note_types(struct rest_call *call, struct json *schema, const char *name, const struct json *part)
{
	struct json *section = section_of(schema, name);

	if (section == NULL || part == NULL)
		return;
	if (json_type(part) != JSON_OBJECT) {
		if (json_type(part) != JSON_NULL && section->size == 0)
			*section = json_string(str_of(type_of(part)));
		return;
	}
	for (size_t i = 0; json_type(section) == JSON_OBJECT && i < part->size && section->size < REST_EVAL_KEYS_MAX; i++)
		if (json_get(section, json_str(&part->members[i].key)) == NULL)
			json_set(call->arena, section, json_str(&part->members[i].key),
				json_string(str_of(type_of(&part->members[i].value))));
}

static bool read_schema(struct rest_call *call, struct str text, struct json *ret, struct error *err)
{
	return json_read(call->arena,
		text.len > 0 ? text : STR("{\"inputs\": {}, \"outputs\": {}, \"expectations\": {}, \"version\": \"1.0\"}"), ret, err);
}

static bool read_profile(struct rest_call *call, struct str *ret, struct error *err)
{
	int64_t count = 0;

	if (db_find(call->db, err, &count, "SELECT count(*) FROM eval_records WHERE dataset_id = ?", "s", call->ids[0]) < 0)
		return false;
	if (count > 0)
		*ret = str_of(arena_printf(call->arena, "{\"num_records\": %lld}", (long long)count));
	return true;
}

static bool note_upsert(struct rest_call *call, struct rest_eval_dataset *dataset, const struct json *schema, struct str user,
	struct error *err)
{
	if (!read_profile(call, &dataset->profile, err))
		return false;
	return db_run(call->db, err,
		"UPDATE eval_datasets SET last_update_time = ?, last_updated_by = ?, digest = ?, schema = ?, profile = ? "
		"WHERE dataset_id = ?",
		"isssss", call->now_ms, user, rest_eval_dataset_digest(call, dataset->name, call->now_ms),
		rest_eval_written(call, schema), dataset->profile, dataset->dataset_id);
}

/* ---- the calls ---- */

static bool find_dataset(struct rest_call *call, struct rest_eval_dataset *ret, struct error *err)
{
	const int found = rest_eval_dataset_find(call, call->ids[0], ret, err);

	return found > 0 || (found == 0 && error_set(err, ERR_NOT_FOUND, "Evaluation dataset with id '%.*s' not found",
						   STR_ARGS(call->ids[0])));
}

static bool read_records(struct rest_call *call, struct json *ret, struct error *err)
{
	if (!json_read(call->arena, rest_str(call, "records"), ret, err))
		return error_wrap(err, "records");
	if (json_type(ret) != JSON_ARRAY)
		return error_set(err, ERR_INVALID_PARAMETER, "records must be a JSON list, not %s", json_type_name(ret));
	/* One transaction, for which all other writers wait. */
	return ret->size <= UPSERT_MAX ||
	       error_set(err, ERR_INVALID_PARAMETER, "more than %d records at once; send them in several requests", UPSERT_MAX);
}

static bool upsert_all(struct rest_call *call, const struct json *records, struct json *schema, struct str *ret_user,
	int64_t counts[static 2], struct error *err)
{
	for (size_t i = 0; i < records->size; i++) {
		struct record record;
		bool is_new = false;

		if (!read_record(call, &records->items[i], &record, err) || !put(call, &record, &is_new, err))
			return error_wrap(err, "records[%zu]", i);
		counts[is_new]++;
		note_types(call, schema, "inputs", record.inputs);
		note_types(call, schema, "outputs", record.outputs);
		note_types(call, schema, "expectations", record.expectations);
		if (record.user.data != NULL)
			*ret_user = record.user;
	}
	return true;
}

static bool upsert(struct rest_call *call, struct error *err)
{
	struct rest_eval_dataset dataset;
	struct json records, schema;
	struct str user = {NULL, 0};
	int64_t counts[2] = {0, 0}; /* updated, inserted */

	if (!find_dataset(call, &dataset, err) || !read_records(call, &records, err) ||
		!read_schema(call, dataset.schema, &schema, err) ||
		!upsert_all(call, &records, &schema, &user, counts, err) ||
		!note_upsert(call, &dataset, &schema, user, err))
		return false;
	rest_set_int(call, &call->out, "inserted_count", counts[1]);
	rest_set_int(call, &call->out, "updated_count", counts[0]);
	return true;
}

static bool delete(struct rest_call *call, struct error *err)
{
	const struct json *ids = rest_list(call, "dataset_record_ids");
	struct str profile = {NULL, 0};
	int64_t count = 0;

	for (size_t i = 0; i < rest_element_count(ids); i++) {
		if (!db_run(call->db, err, "DELETE FROM eval_records WHERE dataset_id = ? AND record_id = ?", "ss", call->ids[0],
			    json_str(&ids->items[i])))
			return false;
		count += db_changes(call->db);
	}
	rest_set_int(call, &call->out, "deleted_count", count);
	return count == 0 || (read_profile(call, &profile, err) &&
				     db_run(call->db, err, "UPDATE eval_datasets SET profile = ? WHERE dataset_id = ?", "ss", profile,
					     call->ids[0]));
}

/* A column's JSON as a member; NULL is none. */
static bool set_part(
	struct rest_call *call, struct json *record, const char *name, const struct db_rows *rows, int column, struct error *err)
{
	const struct str text = db_text(rows, column, call->arena);
	struct json value;

	if (text.data == NULL)
		return true;
	if (!json_read(call->arena, text, &value, err))
		return false;
	/* Empty ones, too. */
	json_set(call->arena, record, str_of(name), value);
	return true;
}

static bool found_record(struct rest_call *call, const struct db_rows *rows, struct json *ret, struct error *err)
{
	*ret = json_object();
	rest_set_str(call, ret, "dataset_record_id", db_text(rows, 0, call->arena));
	rest_set_str(call, ret, "dataset_id", call->ids[0]);
	if (!set_part(call, ret, "inputs", rows, 5, err) || !set_part(call, ret, "expectations", rows, 7, err) ||
		!set_part(call, ret, "tags", rows, 8, err) || !set_part(call, ret, "source", rows, 9, err))
		return false;
	rest_set_str(call, ret, "source_id", db_text(rows, 10, call->arena));
	rest_set_str(call, ret, "source_type", db_text(rows, 11, call->arena));
	rest_set_int(call, ret, "created_time", db_integer(rows, 1));
	rest_set_int(call, ret, "last_update_time", db_integer(rows, 2));
	rest_set_str(call, ret, "created_by", db_text(rows, 3, call->arena));
	rest_set_str(call, ret, "last_updated_by", db_text(rows, 4, call->arena));
	return set_part(call, ret, "outputs", rows, 6, err);
}

static bool list_with(struct rest_call *call, struct search *search, struct error *err)
{
	const int64_t asked = rest_int(call, "max_results", 0);

	search_add(search,
		"SELECT record_id, created_time, last_update_time, created_by, last_updated_by, inputs, outputs, expectations, tags, "
		"source, source_id, source_type FROM eval_records WHERE dataset_id = ?");
	search_bind_str(search, call->ids[0]);
	search_add(search, " ORDER BY created_time, record_id");
	return search_page(search, asked > 0 ? asked : MAX_RESULTS_DEFAULT, rest_str(call, "page_token"), err) &&
	       rest_search_run(call, search, "records", found_record, err);
}

/* A list as text: what is free-form is, in these messages. */
static bool list(struct rest_call *call, struct error *err)
{
	struct json nothing = json_array();

	if (!rest_search(call, list_with, err))
		return false;
	const struct json *records = json_get(&call->out, STR("records"));
	rest_set_str(call, &call->out, "records", rest_eval_written(call, records != NULL ? records : &nothing));
	return true;
}

static const struct rest_field UPSERT[] = {{"records", REST_STRING, REST_REQUIRED, 0, NULL, NULL}, {0}};
static const struct rest_field LIST[] = {
	{"max_results", REST_INT, REST_CHECKED, 0, NULL, NULL}, {"page_token", REST_STRING, REST_CHECKED, 0, NULL, NULL}, {0}};
static const struct rest_field DELETE[] = {
	{"dataset_record_ids", REST_STRING, REST_REPEATED | REST_CHECKED, 0, NULL, NULL}, {0}};

#define RECORDS "/api/3.0/mlflow/datasets/{dataset_id}/records"

const struct rest_rpc rest_eval_records[] = {
	REST_RPC("POST", RECORDS, PERMISSION_MANAGE, UPSERT, upsert, DB_WRITE, "add records to an evaluation dataset, or to records"),
	REST_RPC("GET", RECORDS, PERMISSION_VIEW, LIST, list, DB_READ, "records of an evaluation dataset"),
	REST_RPC("DELETE", RECORDS, PERMISSION_MANAGE, DELETE, delete, DB_WRITE, "delete records of an evaluation dataset"),
	{0},
};

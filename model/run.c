/* begin → next_step_of_row → (a step kind's own steps) → run_step_done → … → answer */
#include "model/run.h"

#include "model/bundle.h"
#include "model/run_builtin.h"
#include "model/run_output.h"
#include "model/step.h"

static struct next begin(void *self);
static struct next begin_step(void *self);
static struct next answer(void *self);

static const struct step_spec *step_at(const struct run *run, size_t index)
{
	return (const struct step_spec *)run->context->bundle->config.steps.items + index;
}

const struct step_spec *run_step(const struct run *run)
{
	return step_at(run, run->step);
}

static void on_deadline(void *data)
{
	struct run *run = data;

	if (run->flow.is_waiting)
		step_kind(run_step(run)->type)->tell(run, run->waited, sizeof(run->waited));
	run->is_late = true;
	run->late_step = run->step;
	flow_cancel(&run->flow);
}

static void on_cancel(void *self)
{
	struct run *run = self;

	step_kind(run_step(run)->type)->cancel(run);
}

/* A late run was cancelled by itself: what its caller wants to know is the deadline, and where it
 * was. */
static void tell_late(const struct run *run, struct error *err)
{
	if (run->waited[0] == '\0')
		error_set(err, ERR_DEADLINE,
			"the deadline of all rows ran out before this one began");
	else
		error_set(err, ERR_DEADLINE,
			"step '%.*s': the row's deadline of %llu ms ran out while it waited %s",
			STR_ARGS(step_at(run, run->late_step)->name),
			(unsigned long long)run->timeout_ms, run->waited);
}

/* Here every error of a row passes, whoever made it: what quotes an upstream is redacted where it
 * is read, and this holds for what nobody thought of. */
static void hide_keys(struct run *run, struct error *err)
{
	const struct config *config = &run->context->bundle->config;
	const struct model_spec *models = config->models.items;

	for (size_t i = 0; i < config->models.count; i++) {
		if (!secret_is_strong(models[i].api_key))
			continue;

		const struct str text = str_of(err->text);
		const struct str clean = secret_redact(&run->arena, text, models[i].api_key);

		if (clean.data != text.data)
			error_set(err, err->code, "%.*s", STR_ARGS(clean));
	}
}

static void on_flow_done(void *self, const struct error *err)
{
	struct run *run = self;
	struct error told;

	timer_stop(&run->deadline);
	if (err != NULL) {
		told = *err;
		if (run->is_late)
			tell_late(run, &told);
		hide_keys(run, &told);
		err = &told;
	}
	run->done(run, err);
}

static void set_deadline(struct run *run, uint64_t deadline_ns)
{
	const uint64_t own_ms = (uint64_t)run->context->bundle->config.timeout_ms;

	if (own_ms > 0 && (deadline_ns == 0 || run->started_ns + own_ms * 1000000 < deadline_ns))
		deadline_ns = run->started_ns + own_ms * 1000000;
	run->llm.deadline_ns = deadline_ns;
	run->timeout_ms = 0;
	if (deadline_ns == 0)
		return;
	/* Rounded up: an attempt that waits for its own timeout of the same length fails first and
	 * says more. */
	run->timeout_ms = deadline_ns > run->started_ns
				  ? (deadline_ns - run->started_ns + 999999) / 1000000
				  : 0;
	if (run->timeout_ms > 0)
		timer_start(&run->deadline, run->timeout_ms);
	else
		on_deadline(run);
}

/* The run adds to its row: it must not share its members with the input, which every run reads. */
static struct json own_row(struct arena *arena, const struct input *input, size_t index)
{
	struct json row = input_row(arena, input, index);

	if (input->shape == INPUT_VALUE && row.size > 0) {
		struct json_member *members = arena_array(arena, row.size, sizeof(*members));

		memcpy(members, row.members, row.size * sizeof(*members));
		row.members = members;
	}
	row.is_growable = 0;
	return row;
}

void run_start(struct run *run, const struct run_context *context, const struct input *input,
	size_t index, uint64_t deadline_ns, void (*done)(struct run *run, const struct error *err),
	void *data)
{
	arena_init(&run->arena);
	run->context = context;
	run->index = index;
	run->row = own_row(&run->arena, input, index);
	run->step = 0;
	run->is_late = false;
	run->is_cut = false;
	run->waited[0] = '\0';
	run->played = (struct recordings_played){0};
	run->usage = (struct batch_usage){0};
	run->answer = (struct json){0};
	run->done = done;
	run->data = data;
	run->started_ns = loop_now_ns(context->seam->loop);
	run->llm = (struct llm_context){
		.seam = context->seam,
		.recordings = context->bundle->recordings,
		.played = &run->played,
		.recorder = context->recorder,
		.usage = &run->usage,
	};
	timer_init(&run->deadline, context->seam->loop, on_deadline, run);
	flow_start(&run->flow, context->seam->loop, run, begin, on_cancel, on_flow_done);
	set_deadline(run, deadline_ns);
}

void run_cancel(struct run *run)
{
	flow_cancel(&run->flow);
}

void run_done(struct run *run)
{
	arena_done(&run->arena);
}

/* A table has its columns' defaults already. Rows that nobody declared get them here. */
static void set_defaults(struct run *run)
{
	const struct bundle *bundle = run->context->bundle;
	const struct json *defaults = &bundle->config.defaults;

	if (bundle->signature.inputs.is_declared || json_type(defaults) != JSON_OBJECT)
		return;
	for (size_t i = 0; i < defaults->size; i++) {
		const struct str key = json_str(&defaults->members[i].key);
		const enum json_type type = json_type(json_get(&run->row, key));

		if (type == JSON_ABSENT || type == JSON_NULL)
			json_set(&run->arena, &run->row, key, defaults->members[i].value);
	}
}

static struct next begin(void *self)
{
	struct run *run = self;

	set_defaults(run);
	return next_step(begin_step);
}

const struct json *run_value(struct run *run, struct str path)
{
	const struct json *value = json_at(&run->row, path);

	return value != NULL ? value : run_builtin(run, path);
}

/* `when`: all its paths hold the values given; an absent value counts as null. */
static bool is_wanted(struct run *run, const struct step_spec *step)
{
	static const struct json NOTHING = {.type = JSON_NULL};

	for (size_t i = 0; json_type(&step->when) == JSON_OBJECT && i < step->when.size; i++) {
		const struct json_member *wanted = &step->when.members[i];
		const struct json *value = run_value(run, json_str(&wanted->key));

		if (!json_equal(value != NULL ? value : &NOTHING, &wanted->value))
			return false;
	}
	return true;
}

static struct next begin_step(void *self)
{
	struct run *run = self;
	const size_t count = run->context->bundle->config.steps.count;

	if (run->step == count)
		return next_step(answer);
	if (!is_wanted(run, run_step(run)))
		return run_step_done(run, json_null());
	return next_step(step_kind(run_step(run)->type)->start);
}

struct next run_step_done(struct run *run, struct json value)
{
	json_set(&run->arena, &run->row, run_step(run)->name, value);
	run->step++;
	return next_step(begin_step);
}

static struct next answer(void *self)
{
	struct run *run = self;

	if (!run_answer(run, &run->answer, &run->flow.err))
		return next_fail(&run->flow, NULL);
	return next_done();
}

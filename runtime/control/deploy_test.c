/*
 * Self-test, on the loop's thread: each bundle that did not pass one before runs its input example; what a client would
 * get must be an answer, and no row of it an error.
 *
 * test → { nothing to test → next
 *        | read the example → batch_start … on_done → passed, or failed }
 */
#include "control/deploy_internal.h"

static void pass(struct deployment *deployment, struct deploying *deploying, const char *how)
{
	deployment_log(deploying, "self-test: %s", how);
	resident_passed(deploying->resident);
}

static void fail(struct deployment *deployment, const struct error *err)
{
	struct deploying *deploying = &deployment->entities[deployment->testing];

	deployment_log(deploying, "self-test failed: %s", err->text);
	deployment->err = *err;
	error_wrap(&deployment->err, "served entity '%.*s': self-test with the input example",
		STR_ARGS(deploying->entity->name));
}

static void end_one(struct deployment *deployment)
{
	deployment->batch = NULL;
	arena_done(&deployment->test_arena);
	bundle_unref(deployment->bundle);
	deployment->bundle = NULL;
}

/* A row's own error, of a batch that goes on after it. */
static void on_row(void *data, size_t row, const struct json *answer, const struct error *err)
{
	struct deployment *deployment = data;

	if (err != NULL && deployment->err.code == ERR_NONE) {
		deployment->err = *err;
		error_wrap(&deployment->err, "row %zu", row);
	}
}

static void on_done(void *data, const struct error *err)
{
	struct deployment *deployment = data;
	struct deploying *deploying = &deployment->entities[deployment->testing];
	const struct error row_error = deployment->err;

	deployment->err = (struct error){0};
	if (err != NULL || row_error.code != ERR_NONE)
		fail(deployment, err != NULL ? err : &row_error);
	else
		pass(deployment, deploying, "the input example was answered");
	end_one(deployment);
	deployment->testing++;
	deployment_test(deployment);
}

static void start_batch(struct deployment *deployment)
{
	const struct deployer_options *options = &deployment->deployer->options;
	const struct batch_options batch_options = {
		.timeout_ms = options->self_test_ms, .on_row = on_row, .done = on_done, .data = deployment};

	deployment->batch = batch_start(
		options->seam, deployment->bundle, &deployment->test_arena, &deployment->input, &batch_options);
}

/* True where the batch runs. */
static bool begin_one(struct deployment *deployment, struct deploying *deploying)
{
	const struct deployer_options *options = &deployment->deployer->options;
	struct error err;

	arena_init(&deployment->test_arena);
	deployment->bundle = resident_bundle(deploying->resident);
	if (deployment->bundle == NULL) {
		error_set(&err, ERR_UNAVAILABLE, "it is not in memory any more");
		fail(deployment, &err);
	} else if (json_type(&deployment->bundle->example) == JSON_ABSENT) {
		pass(deployment, deploying, "skipped, the bundle has no input example");
	} else if (!input_read_tree(&deployment->test_arena, &deployment->bundle->signature, &deployment->bundle->example,
			   &deployment->input, &err)) {
		fail(deployment, &err);
	} else if (deployment->bundle->config.steps.count == 0) {
		pass(deployment, deploying, "the input example fits the signature");
	} else if (!options->ready_to_run(options->data, deployment->bundle, &err)) {
		fail(deployment, &err);
	} else {
		start_batch(deployment);
		return true;
	}
	end_one(deployment);
	return false;
}

void deployment_test(struct deployment *deployment)
{
	for (; deployment->testing < deployment->config.count; deployment->testing++) {
		struct deploying *deploying = &deployment->entities[deployment->testing];

		if (deployment->err.code != ERR_NONE || deployment->deployer->is_stopping)
			break;
		if (!resident_has_passed(deploying->resident) && begin_one(deployment, deploying))
			return;
	}
	deployment_tested(deployment);
}

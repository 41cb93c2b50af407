#include "cli/remote.h"

#include "async/fetch.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

static void close_remote(void *data)
{
	struct remote *remote = data;

	client_free(remote->client);
	if (remote->loop != NULL)
		loop_free(remote->loop);
	fetch_global_done();
}

static void print_call(struct remote *remote, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void print_call(struct remote *remote, const char *format, ...)
{
	struct buf line = {0}, visible = {0};
	va_list args;

	va_start(args, format);
	buf_vprintf(&line, format, args);
	va_end(args);
	buf_add_visible(&visible, buf_str(&line));
	buf_add_char(&visible, '\n');
	if (remote->err.code == ERR_NONE)
		console_write(remote->console, buf_str(&visible), &remote->err);
	buf_done(&line);
	buf_done(&visible);
}

static void keep_call(struct remote *remote, const char *method, const char *url, const struct client_planned *planned)
{
	struct arena *arena = remote->arena;
	struct json row = json_object();

	json_set(arena, &row, STR("method"), json_string(str_of(arena_strdup(arena, method))));
	json_set(arena, &row, STR("url"), json_string(str_of(arena_strdup(arena, url))));
	json_set(arena, &row, STR("made"), json_bool(planned == NULL));
	if (planned != NULL && json_type(planned->body) != JSON_ABSENT)
		json_set(arena, &row, STR("body"), json_copy(arena, planned->body));
	if (planned != NULL && planned->file != NULL) {
		json_set(arena, &row, STR("file"), json_string(str_of(arena_strdup(arena, planned->file))));
		json_set(arena, &row, STR("size"), json_integer((int64_t)planned->file_size));
	}
	json_append(arena, &remote->calls, row);
}

static void on_planned(void *data, const struct client_planned *planned)
{
	struct remote *remote = data;
	struct buf body = {0};

	if (remote->console->is_json) {
		keep_call(remote, planned->method, planned->url, planned);
		return;
	}
	if (json_type(planned->body) != JSON_ABSENT)
		json_write(&body, planned->body);
	if (planned->file != NULL)
		print_call(remote, "would %s %s < %s (%" PRIu64 " bytes)", planned->method, planned->url, planned->file,
			planned->file_size);
	else
		print_call(remote, "would %s %s %s", planned->method, planned->url, buf_text(&body));
	buf_done(&body);
}

static void on_asked(void *data, const char *method, const char *url)
{
	struct remote *remote = data;

	if (remote->console->is_json)
		keep_call(remote, method, url, NULL);
	else
		print_call(remote, "%s %s", method, url);
}

static void on_retry(void *data, const char *text)
{
	console_notice(((struct remote *)data)->console, "%s", text);
}

static const char *text_of(struct arena *arena, struct str text)
{
	return text.len > 0 ? arena_memdup(arena, text.data, text.len) : NULL;
}

/* A workspace named as a whole: its endpoints, and its Unity Catalog unless a registry of Databricks is named. */
static bool read_target(struct remote *remote, struct target_source *source, struct error *err)
{
	const char *target = remote->options->target, *named = getenv("MLFLOW_REGISTRY_URI");
	const struct str text = str_of(target);

	if (target == NULL)
		return true;
	if (!str_is(text, "databricks") && !str_starts(text, STR("databricks://")))
		return error_set(err, ERR_USAGE,
			"--target '%s': expected databricks or databricks://PROFILE; of a sluiced: --registry URI",
			target);
	if (source->serving == NULL)
		source->serving = target;
	if (source->uri == NULL && (named == NULL || !str_starts(str_of(named), STR("databricks"))))
		source->uri = arena_printf(remote->arena, "databricks-uc%s", target + strlen("databricks"));
	return true;
}

static bool choose_target(struct remote *remote, const struct environment *environment, struct error *err)
{
	const struct remote_options *options = remote->options;
	const struct project *project = &remote->project;
	struct arena *arena = remote->arena;
	struct target_source source = {
		.uri = options->registry,
		.fallback = text_of(arena, project->registry),
		.serving = options->serving,
	};

	if (source.uri == NULL && environment != NULL)
		source.uri = text_of(arena, environment->registry);
	if (source.fallback == NULL)
		source.fallback = REMOTE_DEFAULT;
	if (!read_target(remote, &source, err))
		return false;
	if (source.serving == NULL && environment != NULL)
		source.serving = text_of(arena, environment->serving);
	/* Who names another registry does not mean what is served elsewhere. */
	if (source.serving == NULL && options->registry == NULL)
		source.serving = text_of(arena, project->serving);
	return target_read(arena, &source, &remote->target, err);
}

static bool connect_to(struct remote *remote, const struct environment *environment, struct error *err)
{
	const struct remote_options *options = remote->options;
	const struct client_options client_options = {
		.target = &remote->target,
		.reason = options->why,
		.is_dry_run = options->is_dry_run,
		.on_planned = on_planned,
		.on_asked = on_asked,
		.on_retry = on_retry,
		.data = remote,
	};

	if (!choose_target(remote, environment, err) || !fetch_global_init(err))
		return false;
	arena_on_end(remote->arena, close_remote, remote);
	remote->loop = loop_new();
	remote->client = client_new(remote->loop, &client_options, err);
	return remote->client != NULL;
}

static bool init(struct remote *remote, struct console *console, struct arena *arena,
	const struct remote_options *options, const char *environment, struct error *err)
{
	*remote = (struct remote){.console = console,
		.arena = arena,
		.options = options,
		.calls = json_array(),
		.is_dry_run = options->is_dry_run,
		.doing = "transfer"};
	return project_read(arena, options->project, environment, &remote->project, err);
}

bool remote_open(struct remote *remote, struct console *console, struct arena *arena,
	const struct remote_options *options, struct error *err)
{
	return init(remote, console, arena, options, NULL, err) && connect_to(remote, NULL, err);
}

bool remote_open_environment(struct remote *remote, struct console *console, struct arena *arena,
	const struct remote_options *options, const char *name, const struct environment **ret, struct error *err)
{
	if (!init(remote, console, arena, options, name, err))
		return false;
	*ret = project_environment(&remote->project, name, err);
	return *ret != NULL && connect_to(remote, *ret, err);
}

/* Nobody listens: mostly it is the local one that nobody started. */
static void hint_unreachable(const struct remote *remote, struct error *err)
{
	const struct target *target = &remote->target;
	const struct target_site *sites[] = {&target->registry, &target->tracking, &target->serving}, *site = NULL;
	const struct error failed = *err;

	for (size_t i = 0; i < sizeof(sites) / sizeof(*sites) && site == NULL; i++)
		if (strstr(err->text, sites[i]->url) != NULL)
			site = sites[i];
	if (site == NULL || (err->code != ERR_UNREACHABLE && err->code != ERR_NO_HOST))
		return;
	if (site->is_local)
		error_set(err, failed.code,
			"no %s answers at %s: start one (`sluiced --state DIR --port N`), "
			"or name another with --%s URI (%s)",
			site == &target->serving ? "sluiced" : "registry", site->url,
			site == &target->serving ? "serving" : "registry", failed.text);
	else
		error_set(err, failed.code, "no %s answers at %s (%s)",
			site == &target->serving ? "server of endpoints" : "registry", site->url, failed.text);
}

bool remote_wait(struct remote *remote, struct operation *operation, struct error *err)
{
	int number = 0;
	const bool is_fine = operation_wait(operation, &number, err);

	if (number != 0)
		remote->console->signal_number = number;
	console_progress_end(remote->console);
	if (!is_fine)
		hint_unreachable(remote, err);
	if (is_fine && remote->err.code != ERR_NONE) {
		*err = remote->err;
		return false;
	}
	return is_fine;
}

void remote_progress(void *data, const struct client_progress *progress)
{
	struct remote *remote = data;
	char text[96];

	snprintf(text, sizeof(text), "%s: %zu of %zu files, kB", remote->doing, progress->files_done, progress->files);
	console_progress(
		remote->console, text, (size_t)(progress->bytes_done / 1000), (size_t)(progress->bytes / 1000));
}

bool remote_answer(struct remote *remote, const struct json *answer, const struct buf *text, struct error *err)
{
	struct json dry = json_object();

	if (remote->is_dry_run && !remote->console->is_json)
		return true;
	if (remote->is_dry_run) {
		json_set(remote->arena, &dry, STR("dry_run"), json_bool(true));
		json_set(remote->arena, &dry, STR("calls"), remote->calls);
		return console_write_json(remote->console, &dry, err);
	}
	if (remote->console->is_json)
		return console_write_json(remote->console, answer, err);
	return console_write(remote->console, buf_str(text), err);
}

/* Options: every kind, every source, their precedence, and what the messages name. */
#include "base/options.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

struct choices {
	bool is_fast;
	const char *file;
	int64_t port, size;
	int level;
	struct decode_list tags;
	bool is_version;
};

#define AT(field) offsetof(struct choices, field)

static const char *const LEVELS[] = {"low", "high", NULL};

static const struct option OPTIONS[] = {
	{"fast", 'f', OPTION_FLAG, AT(is_fast), .help = "go fast"},
	{"out-file", 'o', OPTION_STRING, AT(file), .value = "FILE", .help = "where to write"},
	{"port", 'p', OPTION_INTEGER, AT(port), .value = "N", .fallback = "80", .min = 1, .max = 99,
		.help = "port to listen on"},
	{"body-max", 0, OPTION_SIZE, AT(size), .value = "BYTES", .fallback_number = 16 << 20,
		.help = "largest body"},
	{"level", 0, OPTION_CHOICE, AT(level), .fallback = "high", .choices = LEVELS,
		.help = "how much"},
	{"tag", 't', OPTION_STRINGS, AT(tags), .value = "TAG", .help = "any number of tags"},
	{"version", 0, OPTION_FLAG, AT(is_version), .help = "the version",
		.is_argument_only = true},
	{0},
};

static const char *const EXAMPLES[] = {"thing --fast", NULL};

static const struct options_spec SPEC = {
	.program = "thing",
	.summary = "does a thing",
	.arguments = "DIR",
	.arguments_max = 1,
	.options = OPTIONS,
	.examples = EXAMPLES,
};

struct fixture {
	struct arena arena;
	struct choices choices;
	struct options_result result;
	struct error err;
	char path[64];
};

static int setup(void **state)
{
	static const char *const NAMES[] = {"SLUICE_FAST", "SLUICE_OUT_FILE", "SLUICE_PORT",
		"SLUICE_BODY_MAX", "SLUICE_LEVEL", "SLUICE_TAG", "SLUICE_CONFIG", "SLUICE_VERSION",
		"THING_CONFIG", "THING_DO_CONFIG"};
	struct fixture *fixture = calloc(1, sizeof(*fixture));

	for (size_t i = 0; i < sizeof(NAMES) / sizeof(NAMES[0]); i++)
		unsetenv(NAMES[i]);
	snprintf(fixture->path, sizeof(fixture->path), "/tmp/options_test.XXXXXX");
	close(mkstemp(fixture->path));
	*state = fixture;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *fixture = *state;

	unlink(fixture->path);
	arena_done(&fixture->arena);
	free(fixture);
	return 0;
}

/* Words are separated by single spaces. */
static bool read_line(struct fixture *fixture, const struct options_spec *spec, const char *line)
{
	char name[] = "thing", *argv[16] = {name}, *copy = arena_strdup(&fixture->arena, line),
	     *save = NULL;
	int argc = 1;

	for (char *word = strtok_r(copy, " ", &save); word != NULL;
		word = strtok_r(NULL, " ", &save))
		argv[argc++] = word;
	memset(&fixture->choices, 0, sizeof(fixture->choices));
	error_clear(&fixture->err);
	return options_read(spec, &fixture->arena, argc, argv, &fixture->choices, &fixture->result,
		&fixture->err);
}

static void ok(struct fixture *fixture, const char *line)
{
	if (!read_line(fixture, &SPEC, line))
		fail_msg("%s: %s", line, fixture->err.text);
}

static void fails(struct fixture *fixture, const char *line, const char *message)
{
	if (read_line(fixture, &SPEC, line))
		fail_msg("accepted: %s", line);
	assert_int_equal(fixture->err.code, ERR_USAGE);
	assert_string_equal(fixture->err.text, message);
}

static void write_config(struct fixture *fixture, const char *text)
{
	FILE *file = fopen(fixture->path, "w");

	assert_non_null(file);
	fputs(text, file);
	fclose(file);
	setenv("THING_CONFIG", fixture->path, 1);
}

static const char *tag(const struct fixture *fixture, size_t index)
{
	assert_true(index < fixture->choices.tags.count);
	return ((const char **)fixture->choices.tags.items)[index];
}

static void defaults(void **state)
{
	struct fixture *f = *state;

	ok(f, "");
	assert_false(f->choices.is_fast);
	assert_null(f->choices.file);
	assert_int_equal(f->choices.port, 80);
	assert_int_equal(f->choices.size, 16 << 20);
	assert_int_equal(f->choices.level, 1);
	assert_int_equal(f->choices.tags.count, 0);
	assert_int_equal(f->result.argument_count, 0);
	assert_false(f->result.is_help);
}

static void command_line(void **state)
{
	struct fixture *f = *state;

	ok(f, "--fast --out-file a --port=7 --body-max 64K --level low -t x --tag=y,z dir");
	assert_true(f->choices.is_fast);
	assert_string_equal(f->choices.file, "a");
	assert_int_equal(f->choices.port, 7);
	assert_int_equal(f->choices.size, 65536);
	assert_int_equal(f->choices.level, 0);
	assert_int_equal(f->choices.tags.count, 2);
	assert_string_equal(tag(f, 1), "y,z");
	assert_string_equal(f->result.arguments[0], "dir");

	ok(f, "-fp9 -o - -");
	assert_true(f->choices.is_fast);
	assert_int_equal(f->choices.port, 9);
	assert_string_equal(f->choices.file, "-");
	assert_string_equal(f->result.arguments[0], "-");

	ok(f, "-ffffffffffff --port 1 --port 2 --no-fast -- --port");
	assert_false(f->choices.is_fast);
	assert_int_equal(f->choices.port, 2);
	assert_string_equal(f->result.arguments[0], "--port");

	ok(f, "--out-file=");
	assert_string_equal(f->choices.file, "");
}

static void mistakes(void **state)
{
	struct fixture *f = *state;

	fails(f, "--prot 1", "unknown option '--prot', did you mean '--port'?");
	fails(f, "--prot=1", "unknown option '--prot', did you mean '--port'?");
	fails(f, "--zzzzzzz", "unknown option '--zzzzzzz'");
	fails(f, "--no-port", "unknown option '--no-port'");
	fails(f, "-x", "unknown option '-x'");
	fails(f, "--port", "--port needs a value: N");
	fails(f, "-p", "-p needs a value");
	fails(f, "--config", "--config needs a value: FILE");
	fails(f, "--port x", "--port: expected an integer from 1 to 99, got 'x'");
	fails(f, "--port 100", "--port: expected an integer from 1 to 99, got '100'");
	fails(f, "--port 99999999999999999999",
		"--port: expected an integer from 1 to 99, got '99999999999999999999'");
	fails(f, "--port 1k", "--port: expected an integer from 1 to 99, got '1k'");
	fails(f, "--body-max 1x",
		"--body-max: expected a size in bytes (512, 64k, 16m, 1g), got '1x'");
	fails(f, "--body-max 9223372036854775807g",
		"--body-max: expected a size in bytes (512, 64k, 16m, 1g), got "
		"'9223372036854775807g'");
	fails(f, "--level mid", "--level: expected one of low, high, got 'mid'");
	fails(f, "--fast=maybe", "--fast: expected true or false, got 'maybe'");
	fails(f, "a b", "unexpected argument 'b'");
}

static void required(void **state)
{
	static const struct option NEEDED[] = {
		{"out-file", 'o', OPTION_STRING, AT(file), .value = "FILE", .is_required = true},
		{0}};
	const struct options_spec spec = {.program = "thing",
		.arguments = "DIR",
		.arguments_min = 1,
		.arguments_max = 1,
		.options = NEEDED};
	struct fixture *f = *state;

	assert_false(read_line(f, &spec, "d"));
	assert_string_equal(f->err.text, "--out-file FILE is missing (see 'thing --help')");
	assert_false(read_line(f, &spec, "-o x"));
	assert_string_equal(f->err.text, "DIR is missing (see 'thing --help')");
	assert_true(read_line(f, &spec, "-o x d"));
	setenv("SLUICE_OUT_FILE", "y", 1);
	assert_true(read_line(f, &spec, "d"));
	assert_string_equal(f->choices.file, "y");
}

static void environment(void **state)
{
	struct fixture *f = *state;

	setenv("SLUICE_FAST", "yes", 1);
	setenv("SLUICE_PORT", "11", 1);
	setenv("SLUICE_TAG", "a,b", 1);
	setenv("SLUICE_LEVEL", "", 1);
	setenv("SLUICE_VERSION", "1.2.3", 1);
	ok(f, "--no-fast");
	assert_false(f->choices.is_fast);
	assert_int_equal(f->choices.port, 11);
	assert_int_equal(f->choices.tags.count, 2);
	assert_string_equal(tag(f, 1), "b");
	assert_int_equal(f->choices.level, 1);
	assert_false(f->choices.is_version);
	ok(f, "--port 12 --tag c");
	assert_true(f->choices.is_fast);
	assert_int_equal(f->choices.port, 12);
	assert_int_equal(f->choices.tags.count, 1);
	assert_string_equal(tag(f, 0), "c");
	setenv("SLUICE_PORT", "eleven", 1);
	fails(f, "", "environment SLUICE_PORT: expected an integer from 1 to 99, got 'eleven'");
}

static void config_file(void **state)
{
	struct fixture *f = *state;

	write_config(
		f, "fast: true\nport: 21\nbody_max: 1k\nout_file: 0x10\ntag: [a, 2]\nlevel:\n");
	ok(f, "");
	assert_true(f->choices.is_fast);
	assert_int_equal(f->choices.port, 21);
	assert_int_equal(f->choices.size, 1024);
	assert_int_equal(f->choices.tags.count, 2);
	assert_string_equal(tag(f, 1), "2");
	assert_int_equal(f->choices.level, 1);
	setenv("SLUICE_PORT", "22", 1);
	ok(f, "");
	assert_int_equal(f->choices.port, 22);
	ok(f, "--port 23");
	assert_int_equal(f->choices.port, 23);
}

/* A file has one program's keys: another one's must not stop this one. */
static void config_file_of_others(void **state)
{
	struct options_spec spec = SPEC;
	struct fixture *f = *state;

	write_config(f, "port: 21\n");
	spec.program = "thing do";
	assert_true(read_line(f, &spec, ""));
	assert_int_equal(f->choices.port, 80);
	setenv("SLUICE_CONFIG", "/nonexistent/file", 1);
	setenv("SLUICE_JSON", "neither", 1);
	assert_true(read_line(f, &spec, ""));
	setenv("THING_DO_CONFIG", f->path, 1);
	assert_true(read_line(f, &spec, ""));
	assert_int_equal(f->choices.port, 21);
}

static void config_file_mistakes(void **state)
{
	struct fixture *f = *state;
	const char *path = f->path;

	write_config(f, "fast: true\nprot: 1\n");
	fails(f, "",
		arena_printf(&f->arena, "%s:2: unknown key 'prot', did you mean 'port'?", path));
	write_config(f, "body-max: 1\n");
	fails(f, "",
		arena_printf(
			&f->arena, "%s:1: unknown key 'body-max', did you mean 'body_max'?", path));
	write_config(f, "version: true\n");
	assert_false(read_line(f, &SPEC, ""));
	write_config(f, "\nport: 1000\n");
	fails(f, "",
		arena_printf(&f->arena, "%s:2: port: expected an integer from 1 to 99, got '1000'",
			path));
	write_config(f, "port: [1]\n");
	fails(f, "", arena_printf(&f->arena, "%s:1: port: expected one value, got an array", path));
	write_config(f, "- 1\n");
	fails(f, "",
		arena_printf(&f->arena, "%s: expected option: value lines, got an array", path));
	write_config(f, "port: *x\n");
	fails(f, "", arena_printf(&f->arena, "%s:1: aliases are not allowed", path));
	fails(f, "--config /nonexistent/file",
		"--config '/nonexistent/file': No such file or directory");
}

static void help(void **state)
{
	struct buf out = {0};
	size_t longest = 0;

	options_help(&SPEC, &out, false);
	const char *text = buf_text(&out);
	assert_non_null(strstr(text, "thing: does a thing\n"));
	assert_non_null(strstr(text, "  thing [OPTIONS] DIR\n"));
	assert_non_null(strstr(
		text, "  -p, --port N              port to listen on [default 80; SLUICE_PORT]\n"));
	assert_non_null(strstr(text, "largest body [default 16m; SLUICE_BODY_MAX]"));
	assert_non_null(strstr(text, "how much: low, high [default high; SLUICE_LEVEL]"));
	assert_non_null(strstr(text, "      --version             the version\n"));
	assert_non_null(strstr(text, "--config FILE"));
	assert_non_null(strstr(text, "THING_CONFIG]"));
	assert_non_null(strstr(text, "-h, --help"));
	assert_non_null(strstr(text, "  thing --fast\n"));
	assert_null(strchr(text, '\033'));
	for (struct str rest = buf_str(&out), line; rest.len > 0;) {
		str_cut(&rest, '\n', &line);
		longest = line.len > longest ? line.len : longest;
	}
	assert_in_range(longest, 60, 80);
	setenv("COLUMNS", "60", 1);
	out.len = 0;
	longest = 0;
	options_help(&SPEC, &out, false);
	for (struct str rest = buf_str(&out), line; rest.len > 0;) {
		str_cut(&rest, '\n', &line);
		longest = line.len > longest ? line.len : longest;
	}
	assert_in_range(longest, 40, 60);
	unsetenv("COLUMNS");
	buf_done(&out);
}

static void values_are_compared_and_copied(void **state)
{
	static const char *const LINES[] = {"--fast", "--out-file x", "--port 7", "--body-max 1k", "--level low", "--tag a --tag b"};
	struct fixture *fixture = *state;

	ok(fixture, "");
	const struct choices plain = fixture->choices;
	for (size_t at = 0; at < sizeof(LINES) / sizeof(LINES[0]); at++) {
		ok(fixture, LINES[at]);
		struct choices set = fixture->choices;

		ok(fixture, LINES[at]);
		for (size_t i = 0; i < sizeof(LINES) / sizeof(LINES[0]); i++) {
			assert_int_equal(option_is_same(&OPTIONS[i], &set, &plain), i != at);
			assert_true(option_is_same(&OPTIONS[i], &set, &fixture->choices));
		}
		option_copy(&OPTIONS[at], &plain, &set);
		assert_true(option_is_same(&OPTIONS[at], &set, &plain));
	}
	ok(fixture, "--tag a --tag b");
	const struct choices two = fixture->choices;
	ok(fixture, "--tag a --tag c");
	assert_false(option_is_same(&OPTIONS[5], &fixture->choices, &two));
}

#define TEST(name_) cmocka_unit_test_setup_teardown(name_, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(defaults),
		TEST(command_line),
		TEST(mistakes),
		TEST(required),
		TEST(environment),
		TEST(config_file),
		TEST(config_file_of_others),
		TEST(config_file_mistakes),
		TEST(help),
		TEST(values_are_compared_and_copied),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

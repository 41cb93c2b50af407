#pragma once
/*
 * Options: one table gives command line, environment, configuration file and --help.
 * Precedence: command line, then environment (SLUICE_<NAME>, dashes as underscores), then the file of --config (YAML,
 * the option's name with underscores as key), then the default. Unknown options and keys are errors that name the
 * nearest known one; a value out of range names option, source, value and what was expected.
 *
 * Command line: --name VALUE, --name=VALUE, -n VALUE, -nVALUE; flags --name and --no-name; `--` ends the options, and
 * `-` is an argument. Given twice, the last one counts, but repeatable options gather. Environment: an empty variable
 * counts as unset; repeatable options are separated by commas; flags are true or false, yes or no, 1 or 0.
 * Every program has --help (-h) and --config FILE besides its table. The file's variable is the program's own
 * (SLUICED_CONFIG, SLUICE_PREDICT_CONFIG): a file has one program's keys and would stop any other. Options share their
 * variables, so that SLUICE_STATE means the same to all.
 */
#include "base/decode.h"

enum option_kind { OPTION_FLAG, OPTION_STRING, OPTION_INTEGER, OPTION_SIZE /* 16m, 64k, bytes */, OPTION_CHOICE,
	OPTION_STRINGS /* repeatable */ };

struct option {
	const char *name;    /* "http-body-max" */
	char letter;         /* 'o' for -o; 0: none */
	enum option_kind kind;
	size_t offset;       /* FLAG bool, STRING const char *, INTEGER and SIZE int64_t, CHOICE int, STRINGS decode_list of const char * */
	const char *value;   /* what --help calls the value: "BYTES" */
	const char *fallback; /* default as text */
	int64_t fallback_number; /* default of INTEGER and SIZE that stands as a number elsewhere, but 0 */
	int64_t min, max;
	const char *const *choices;
	bool is_required;
	const char *help;
	bool is_argument_only; /* no environment, no file: --version */
	bool is_live;        /* sluiced: a reload changes it while the program runs */
};

struct options_spec {
	const char *program;   /* "sluiced", "sluice pack" */
	const char *summary;   /* one line */
	const char *about;     /* a paragraph for whom that line is not enough; may be NULL */
	const char *arguments; /* "DIR|FILE …", or NULL where none are taken */
	unsigned arguments_min, arguments_max;
	const struct option *options; /* ended by a row without name */
	const char *const *examples;  /* NULL-terminated command lines for --help */
};

struct options_result {
	const char *const *arguments;
	unsigned argument_count;
	bool is_help; /* --help was given and printed */
};

/* Fills `ret` from argv[1…], environment and file; strings live on the arena. ERR_USAGE on failure. */
bool options_read(const struct options_spec *spec, struct arena *arena, int argc, char **argv, void *ret,
	struct options_result *ret_result, struct error *err);
/* Of two structs that options_read() filled: has the option the same value in both? */
bool option_is_same(const struct option *option, const void *a, const void *b);
/* What the value points to is not copied. */
void option_copy(const struct option *option, const void *from, void *to);
void options_help(const struct options_spec *spec, struct buf *out, bool is_terminal);

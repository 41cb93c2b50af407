#pragma once
/*
 * What options.c (order of the sources), options_scan.c (command line) and options_file.c share
 * while a program's options are read. Internal to options.
 */
#include "base/options.h"

struct options_given {
	const struct option *option;
	const char *source, *text;
};

struct options_reading {
	const struct options_spec *spec;
	struct arena *arena;
	void *ret;
	struct error *err;
	bool *is_set; /* an option */
	/* What the command line has. */
	struct options_given *given;
	size_t given_count;
	const char **arguments;
	unsigned argument_count;
	const char *config_path;
	bool is_help;
};

/* Ended by a row without name, also where the spec has none. */
const struct option *options_table(const struct options_spec *spec);
/* The option's name, or its key in files, that `name` probably means; NULL where none is near. */
const char *options_nearest(struct options_reading *reading, struct str name, bool is_key);
/* Stores a value; `source` begins the message. */
bool options_set(struct options_reading *reading, const struct option *option, const char *source,
	const char *text);

/* Options into `given`, the rest into `arguments`; stores no value. */
bool options_scan(struct options_reading *reading, int argc, char **argv);
/* Stores the values of a configuration file. */
bool options_read_file(struct options_reading *reading, const char *path);

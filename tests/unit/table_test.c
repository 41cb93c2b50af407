/* Tables, records and the commands' own table: what people see. */
#include "cli/command.h"
#include "cli/man.h"
#include "cli/record.h"
#include "cli/table.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <cmocka.h>

static void columns_align_by_characters(void **state)
{
	static const char *const HEADERS[] = {"NAME", "N", NULL};
	const struct str rows[][2] = {{STR("größer"), STR("1")}, {STR("a"), STR("")}, {STR("\033[2J"), STR("22")}};
	struct arena arena;
	struct table table;
	struct buf out = {0};

	arena_init(&arena);
	table_init(&table, &arena, HEADERS);
	for (size_t i = 0; i < 3; i++)
		table_add(&table, rows[i]);
	table_write(&out, &table, false);
	assert_string_equal(buf_text(&out), "NAME     N\ngrößer   1\na        -\n\\x1b[2J  22\n");
	buf_done(&out);
	arena_done(&arena);
}

static void many_rows(void **state)
{
	static const char *const HEADERS[] = {"N", NULL};
	struct arena arena;
	struct table table;

	arena_init(&arena);
	table_init(&table, &arena, HEADERS);
	for (int i = 0; i < 1000; i++)
		table_add(&table, (struct str[]){str_of(arena_printf(&arena, "%d", i))});
	assert_int_equal(table.row_count, 1000);
	assert_true(str_is(table.cells[999], "999"));
	arena_done(&arena);
}

static void times_are_local(void **state)
{
	struct arena arena;

	arena_init(&arena);
	setenv("TZ", "Europe/Berlin", 1);
	tzset();
	assert_string_equal(table_time(&arena, 1764088262123).data, "2025-11-25T17:31:02+01:00");
	setenv("TZ", "UTC", 1);
	tzset();
	assert_string_equal(table_time(&arena, 1764088262123).data, "2025-11-25T16:31:02+00:00");
	assert_int_equal(table_time(&arena, 0).len, 0);
	arena_done(&arena);
}

static void sizes_are_decimal(void **state)
{
	static const struct {
		uint64_t size;
		const char *text;
	} CASES[] = {{0, "0 B"}, {999, "999 B"}, {1000, "1.0 kB"}, {999949, "999.9 kB"}, {999950, "1.0 MB"},
		{100000000, "100.0 MB"}};
	struct arena arena;

	arena_init(&arena);
	for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++)
		assert_string_equal(table_size(&arena, CASES[i].size).data, CASES[i].text);
	arena_done(&arena);
}

static struct json read_json(struct arena *arena, const char *text)
{
	struct error err = {0};
	struct json tree;

	assert_true(json_read(arena, str_of(text), &tree, &err));
	return tree;
}

/* Numbers as text, aliases as objects: Unity Catalog's spellings say the same. */
static void one_record_for_all_registries(void **state)
{
	static const char *const TREES[] = {
		"{\"creation_timestamp\":1764088262123,\"aliases\":[\"b\",\"a\"],\"tags\":[{\"key\":\"sluice.digest\",\"value\":\"d\"}]}",
		"{\"creation_timestamp\":\"1764088262123\",\"aliases\":[{\"alias\":\"b\"},{\"alias\":\"a\"}],"
		"\"tags\":[{\"key\":\"sluice.digest\",\"value\":\"d\"}]}"};
	struct arena arena;

	arena_init(&arena);
	for (size_t i = 0; i < 2; i++) {
		const struct client_version version = {.name = STR("m"),
			.version = STR("3"),
			.status = STR("READY"),
			.tree = read_json(&arena, TREES[i])};
		const struct json record = record_version(&arena, &version);
		struct buf out = {0};

		json_write(&out, &record);
		assert_string_equal(buf_text(&out),
			"{\"name\":\"m\",\"version\":\"3\",\"status\":\"READY\",\"aliases\":[\"a\",\"b\"],\"digest\":\"d\","
			"\"tags\":{\"sluice.digest\":\"d\"},\"created\":\"2025-11-25T16:31:02.123Z\"}");
		buf_done(&out);
	}
	arena_done(&arena);
}

/* Microseconds, milliseconds or none: the same second. */
static void cells_show_times(void **state)
{
	static const char *const RECORDS[] = {"{\"time\":\"2025-11-25T16:31:02.788513Z\"}",
		"{\"time\":\"2025-11-25T16:31:02.7Z\"}", "{\"time\":\"2025-11-25T16:31:02Z\"}",
		"{\"time\":1764088262123}"};
	struct arena arena;

	arena_init(&arena);
	setenv("TZ", "UTC", 1);
	tzset();
	for (size_t i = 0; i < sizeof(RECORDS) / sizeof(RECORDS[0]); i++) {
		const struct json record = read_json(&arena, RECORDS[i]);
		assert_true(str_is(record_cell(&arena, &record, STR("time")), "2025-11-25T16:31:02+00:00"));
	}
	const struct json odd =
		read_json(&arena, "{\"time\":\"yesterday\",\"list\":[\"a\",1],\"map\":{\"k\":\"v\"},\"none\":null}");
	assert_true(str_is(record_cell(&arena, &odd, STR("time")), "yesterday"));
	assert_true(str_is(record_cell(&arena, &odd, STR("list")), "a, 1"));
	assert_true(str_is(record_cell(&arena, &odd, STR("map")), "k=v"));
	assert_true(str_is(record_cell(&arena, &odd, STR("none")), ""));
	arena_done(&arena);
}

static void commands_are_found(void **state)
{
	static const struct {
		const char *words[3], *name;
		size_t used;
		const char *message;
	} CASES[] = {
		{{"pack"}, "pack", 1, NULL},
		{{"alias", "set"}, "alias set", 2, NULL},
		{{"tag", "rm"}, "tag rm", 2, NULL},
		{{"pakc"}, NULL, 0, "unknown command 'pakc', did you mean 'pack'?"},
		{{"alais"}, NULL, 0, "unknown command 'alais', did you mean 'alias'?"},
		{{"alias", "lst"}, NULL, 0, "unknown command 'alias lst', did you mean 'alias list'?"},
		{{"alias"}, NULL, 0, "'alias' needs a verb: set, rm, list, log, at (see 'sluice help alias')"},
		{{"alias", "--json"}, NULL, 0,
			"'alias' needs a verb: set, rm, list, log, at (see 'sluice help alias')"},
	};

	for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
		struct error err = {0};
		size_t used = 0, count = CASES[i].words[1] != NULL ? 2 : 1;
		const struct command *command = command_find(CASES[i].words, count, &used, &err);

		if (CASES[i].name != NULL) {
			assert_non_null(command);
			assert_string_equal(command->name, CASES[i].name);
			assert_int_equal(used, CASES[i].used);
		} else {
			assert_null(command);
			assert_int_equal(err.code, ERR_USAGE);
			assert_string_equal(err.text, CASES[i].message);
		}
	}
}

/* A command that stands apart from its group would not be found in lists. */
static void groups_stand_together(void **state)
{
	for (size_t i = 0; commands[i] != NULL; i++) {
		const struct str group = command_group_name(commands[i]);
		bool is_over = false;

		char program[64];
		snprintf(program, sizeof(program), "sluice %s", commands[i]->name);
		assert_string_equal(commands[i]->spec->program, program);
		for (size_t j = i + 1; group.len > 0 && commands[j] != NULL; j++) {
			const bool is_same = str_eq(command_group_name(commands[j]), group);
			assert_false(is_same && is_over);
			is_over = is_over || !is_same;
		}
		if (group.len > 0) {
			char name[32];
			snprintf(name, sizeof(name), "%.*s", STR_ARGS(group));
			assert_non_null(command_group_find(name));
		}
	}
}

static void every_command_has_a_page(void **state)
{
	for (size_t i = 0; commands[i] != NULL; i++) {
		struct buf page = {0};

		man_write(&page, commands[i]);
		assert_non_null(strstr(buf_text(&page), ".SH NAME\nsluice\\-"));
		assert_non_null(strstr(buf_text(&page), "\\fB\\-\\-json\\fR"));
		assert_non_null(strstr(buf_text(&page), ".SH EXIT STATUS\n"));
		buf_done(&page);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(columns_align_by_characters),
		cmocka_unit_test(many_rows),
		cmocka_unit_test(times_are_local),
		cmocka_unit_test(sizes_are_decimal),
		cmocka_unit_test(one_record_for_all_registries),
		cmocka_unit_test(cells_show_times),
		cmocka_unit_test(commands_are_found),
		cmocka_unit_test(groups_stand_together),
		cmocka_unit_test(every_command_has_a_page),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

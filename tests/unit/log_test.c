/* The log: records are JSON whatever comes in, none is lost that fits, and nobody waits for the
 * reader. */
#include "base/json.h"
#include "base/log.h"
#include "base/log_line.h"

#include <fcntl.h>
#include <math.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

/* Standard error, caught in a file or a pipe. */
struct fixture {
	int saved, file, pipe[2];
	char path[40];
	struct arena arena;
};

static int setup(void **state)
{
	struct fixture *fixture = calloc(1, sizeof(*fixture));

	snprintf(fixture->path, sizeof(fixture->path), "/tmp/log_test.XXXXXX");
	fixture->file = mkstemp(fixture->path);
	unlink(fixture->path);
	fixture->saved = dup(STDERR_FILENO);
	dup2(fixture->file, STDERR_FILENO);
	*state = fixture;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *fixture = *state;

	log_done();
	dup2(fixture->saved, STDERR_FILENO);
	close(fixture->saved);
	close(fixture->file);
	arena_done(&fixture->arena);
	free(fixture);
	return 0;
}

static struct str written(struct fixture *fixture)
{
	const off_t len = lseek(fixture->file, 0, SEEK_END);
	char *text = arena_alloc(&fixture->arena, (size_t)len + 1);

	assert_int_equal(pread(fixture->file, text, (size_t)len, 0), len);
	return (struct str){text, (size_t)len};
}

/* Reads every line as JSON and returns how many there are; *ret_last is the last one. */
static size_t records(struct fixture *fixture, struct str text, struct json *ret_last)
{
	struct error err;
	struct str line;
	size_t count = 0;

	while (text.len > 0) {
		assert_true(str_cut(&text, '\n', &line));
		if (!json_read(&fixture->arena, line, ret_last, &err))
			fail_msg("%s: %.*s", err.text, STR_ARGS(line));
		assert_int_equal(json_type(ret_last), JSON_OBJECT);
		assert_true(str_is(json_str(&ret_last->members[0].key), "id"));
		count++;
	}
	return count;
}

static void every_kind_of_field(void **state)
{
	struct fixture *fixture = *state;
	struct error err;
	struct json record;

	log_init(LOG_INFO);
	error_set(&err, ERR_UPSTREAM, "no \"answer\"");
	log_warn("test.kinds", LOG_STR("text", STR("a\0b")), LOG_TEXT("none", NULL),
		LOG_INT("least", INT64_MIN), LOG_INT("most", INT64_MAX), LOG_BOOL("yes", true),
		LOG_BOOL("no", false), LOG_DOUBLE("tenth", 0.1), LOG_DOUBLE("whole", 3),
		LOG_DOUBLE("nan", NAN), LOG_DOUBLE("large", 1e300), LOG_ERR(&err));
	log_done();
	assert_int_equal(records(fixture, written(fixture), &record), 1);
	assert_true(str_is(json_str(json_get(&record, STR("id"))), "test.kinds"));
	assert_true(str_is(json_str(json_get(&record, STR("level"))), "warn"));
	assert_true(str_eq(json_str(json_get(&record, STR("text"))), STR("a\0b")));
	assert_true(str_is(json_str(json_get(&record, STR("none"))), ""));
	assert_true(json_get(&record, STR("least"))->integer == INT64_MIN);
	assert_true(json_get(&record, STR("most"))->integer == INT64_MAX);
	assert_true(json_get(&record, STR("yes"))->boolean);
	assert_false(json_get(&record, STR("no"))->boolean);
	assert_true(json_get(&record, STR("tenth"))->number == 0.1);
	assert_int_equal(json_get(&record, STR("whole"))->integer, 3);
	assert_int_equal(json_type(json_get(&record, STR("nan"))), JSON_NULL);
	assert_true(json_get(&record, STR("large"))->number == 1e300);
	assert_true(str_is(json_str(json_get(&record, STR("error"))), "no \"answer\""));
	assert_true(str_is(json_str(json_get(&record, STR("code"))), "upstream"));
}

static void time_is_utc(void **state)
{
	static struct log_line line;
	const struct log_field none = {0};

	log_line_write(&line, 1795229167123456, LOG_ERROR, "x", &none);
	line.text[line.len] = '\0';
	assert_string_equal(line.text,
		"{\"id\":\"x\",\"time\":\"2026-11-21T02:46:07.123456Z\",\"level\":\"error\"}\n");
	log_line_write(&line, 1795229168000001, LOG_DEBUG, "x", &none);
	line.text[line.len] = '\0';
	assert_string_equal(line.text,
		"{\"id\":\"x\",\"time\":\"2026-11-21T02:46:08.000001Z\",\"level\":\"debug\"}\n");
}

/* Every byte alone, then bytes by chance: each line is JSON in valid UTF-8 without control
 * characters. */
static void any_bytes(void **state)
{
	struct fixture *fixture = *state;
	static struct log_line line;
	static char bytes[20000];
	struct json record;
	unsigned seed = 1;

	for (size_t round = 0; round < 600; round++) {
		size_t len = 1;
		bytes[0] = (char)round;
		if (round >= 256) {
			len = round < 300 ? sizeof(bytes) : (size_t)rand_r(&seed) % 300;
			for (size_t i = 0; i < len; i++)
				bytes[i] = (char)(rand_r(&seed) >> (round % 2 ? 3 : 8));
		}
		const struct str text = {bytes, len};
		log_line_write(&line, 0, LOG_INFO, "x",
			(const struct log_field[]){LOG_STR("a", text), LOG_STR("b", text),
				LOG_INT("c", 1), LOG_STR("d", text), LOG_STR("e", text),
				LOG_STR("f", text), LOG_STR("g", text), LOG_STR("h", text), {0}});
		assert_true(line.len <= LOG_LINE_MAX);
		assert_true(str_is_utf8((struct str){line.text, line.len}));
		for (size_t i = 0; i + 1 < line.len; i++)
			assert_true((unsigned char)line.text[i] >= 0x20);
		records(fixture, (struct str){line.text, line.len}, &record);
		assert_int_equal(json_get(&record, STR("c"))->integer, 1);
		arena_clear(&fixture->arena);
	}
}

static void levels(void **state)
{
	struct fixture *fixture = *state;
	struct json record;

	log_init(LOG_WARN);
	assert_false(log_is_on(LOG_INFO));
	assert_true(log_is_on(LOG_ERROR));
	assert_false(log_is_on(LOG_OFF));
	log_info("no");
	log_error("yes");
	log_done();
	assert_int_equal(records(fixture, written(fixture), &record), 1);
	assert_true(str_is(json_str(json_get(&record, STR("id"))), "yes"));
	assert_string_equal(log_level_names[LOG_DEBUG], "debug");
	assert_string_equal(log_level_names[LOG_OFF], "off");
	assert_null(log_level_names[LOG_OFF + 1]);
	log_init(LOG_INFO);
}

static void before_and_after_are_written_at_once(void **state)
{
	struct fixture *fixture = *state;
	struct json record;

	log_info("before");
	assert_int_equal(records(fixture, written(fixture), &record), 1);
	log_init(LOG_INFO);
	log_done();
	log_info("after");
	assert_int_equal(records(fixture, written(fixture), &record), 2);
}

enum { THREADS = 4, RECORDS = 2000 };

static void *write_many(void *data)
{
	for (int i = 0; i < RECORDS; i++)
		log_info("test.many", LOG_INT("thread", (intptr_t)data), LOG_INT("record", i));
	return NULL;
}

static void threads_lose_nothing(void **state)
{
	struct fixture *fixture = *state;
	pthread_t threads[THREADS];
	struct json record;

	log_init(LOG_INFO);
	for (intptr_t i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, write_many, (void *)i), 0);
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	log_done();
	assert_int_equal(records(fixture, written(fixture), &record), THREADS * RECORDS);
	assert_int_equal(log_dropped(), 0);
}

/* Nobody reads: the callers go on, what does not fit is counted, and the end is not waited for
 * forever. */
static void a_stalled_reader_holds_nobody(void **state)
{
	struct fixture *fixture = *state;
	static char text[LOG_TEXT_MAX];
	const uint64_t before = log_dropped();

	assert_int_equal(pipe(fixture->pipe), 0);
	dup2(fixture->pipe[1], STDERR_FILENO);
	memset(text, 'x', sizeof(text));
	log_init(LOG_INFO);
	for (int i = 0; i < 3000; i++)
		log_info("test.stall", LOG_STR("text", ((struct str){text, sizeof(text)})));
	assert_in_range(log_dropped() - before, 900, 1100);
	log_done();
	dup2(fixture->file, STDERR_FILENO);
	close(fixture->pipe[0]);
	close(fixture->pipe[1]);
}

static void *read_slowly(void *data)
{
	struct fixture *fixture = data;
	char bytes[65536];
	ssize_t got;

	while ((got = read(fixture->pipe[0], bytes, sizeof(bytes))) > 0)
		assert_int_equal(write(fixture->file, bytes, (size_t)got), got);
	return NULL;
}

static void drops_are_told(void **state)
{
	struct fixture *fixture = *state;
	static char text[LOG_TEXT_MAX];
	const uint64_t before = log_dropped();
	pthread_t reader;
	struct json record;

	assert_int_equal(pipe(fixture->pipe), 0);
	dup2(fixture->pipe[1], STDERR_FILENO);
	close(fixture->pipe[1]);
	memset(text, 'x', sizeof(text));
	log_init(LOG_INFO);
	for (int i = 0; i < 3000; i++)
		log_info("test.drop", LOG_STR("text", ((struct str){text, sizeof(text)})));
	const uint64_t dropped = log_dropped() - before;
	assert_true(dropped > 0);
	assert_int_equal(pthread_create(&reader, NULL, read_slowly, fixture), 0);
	log_done();
	dup2(fixture->saved, STDERR_FILENO);
	pthread_join(reader, NULL);
	close(fixture->pipe[0]);
	assert_int_equal(records(fixture, written(fixture), &record), 3000 - dropped + 1);
	assert_true(str_is(json_str(json_get(&record, STR("id"))), "log.dropped"));
	assert_int_equal(json_get(&record, STR("count"))->integer, dropped);
}

/* ThreadSanitizer ends a forked child that starts a thread. */
#ifdef __SANITIZE_THREAD__
enum { CHILD_STARTS_THREADS = 0 };
#else
enum { CHILD_STARTS_THREADS = 1 };
#endif

static void a_forked_child_may_log(void **state)
{
	struct fixture *fixture = *state;
	struct json record;
	int status = -1;

	log_init(LOG_INFO);
	log_info("parent");
	const pid_t child = fork();
	if (child == 0) {
		log_info("child");
		if (CHILD_STARTS_THREADS) {
			log_init(LOG_INFO);
			log_info("child.again");
			log_done();
		}
		_exit(0);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
	log_done();
	assert_int_equal(records(fixture, written(fixture), &record), 2 + CHILD_STARTS_THREADS);
}

#define TEST(name_) cmocka_unit_test_setup_teardown(name_, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(before_and_after_are_written_at_once),
		TEST(every_kind_of_field),
		TEST(time_is_utc),
		TEST(any_bytes),
		TEST(levels),
		TEST(threads_lose_nothing),
		TEST(a_stalled_reader_holds_nobody),
		TEST(drops_are_told),
		TEST(a_forked_child_may_log),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

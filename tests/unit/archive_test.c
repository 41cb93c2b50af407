#include "packaging_test.h"

#include "packaging/jail.h"
#include "packaging/jail_child.h"
#include "packaging/names.h"

#include <errno.h>
#include <locale.h>
#include <seccomp.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <utime.h>

static const char *const FORMATS[] = {"tar", "tar.gz", "tgz", "tar.zst", "zip"};
enum { FORMAT_COUNT = sizeof(FORMATS) / sizeof(FORMATS[0]) };

static const char *target(const char *stem, size_t format)
{
	return arena_printf(&arena, "%s.%s", stem, FORMATS[format]);
}

/* --- names --- */

static void names_follow_the_rule(void **state)
{
	static const char *const GOOD[] = {"a", "a/b", "A-b_c.9", "...", ".hidden", "a/..b", "-"};
	static const struct {
		const char *name, *why;
		enum error_code code;
	} BAD[] = {
		{"", "empty name", ERR_INVALID_BUNDLE},
		{"/a", "absolute", ERR_INVALID_BUNDLE},
		{"a/", "empty component", ERR_INVALID_BUNDLE},
		{"a//b", "empty component", ERR_INVALID_BUNDLE},
		{"..", "'..'", ERR_INVALID_BUNDLE},
		{"a/./b", "'.'", ERR_INVALID_BUNDLE},
		{"a\\b", "0x5c", ERR_INVALID_BUNDLE},
		{"a b", "0x20", ERR_INVALID_BUNDLE},
		{"\xc3\xa9", "0xc3", ERR_INVALID_BUNDLE},
		{"1/2/3/4/5/6/7/8/9/a/b/c/d/e/f/g/h", "deep", ERR_TOO_LARGE},
	};

	for (size_t i = 0; i < sizeof(GOOD) / sizeof(GOOD[0]); i++)
		OK(name_check(str_of(GOOD[i]), &err));
	for (size_t i = 0; i < sizeof(BAD) / sizeof(BAD[0]); i++)
		FAILS(name_check(str_of(BAD[i].name), &err), BAD[i].code, BAD[i].why);
	OK(name_check(str_of("1/2/3/4/5/6/7/8/9/a/b/c/d/e/f/g"), &err));
	FAILS(name_check((struct str){"a\0b", 3}, &err), ERR_INVALID_BUNDLE, "0x00");
}

static void names_are_shown_in_printable_ascii(void **state)
{
	char shown[NAME_SHOW_SIZE], large[2000];

	assert_string_equal(name_show(STR("a\x1b[1m\\\xff/b"), shown), "a\\x1b[1m\\x5c\\xff/b");
	memset(large, 1, sizeof(large));
	name_show((struct str){large, sizeof(large)}, shown);
	assert_true(strlen(shown) < NAME_SHOW_SIZE);
	assert_string_equal(shown + strlen(shown) - 3, "...");
}

static void names_meet_each_other(void **state)
{
	struct names names;

	names_init(&names, &arena);
	OK(names_add(&names, STR("dir/file"), NAME_FILE, &err));
	OK(names_add(&names, STR("dir/other"), NAME_FILE, &err));
	OK(names_add(&names, STR("dir"), NAME_DIR, &err));
	FAILS(names_add(&names, STR("dir"), NAME_DIR, &err), ERR_INVALID_BUNDLE, "twice");
	FAILS(names_add(&names, STR("dir/file"), NAME_FILE, &err), ERR_INVALID_BUNDLE, "twice");
	FAILS(names_add(&names, STR("dir/FILE"), NAME_FILE, &err), ERR_INVALID_BUNDLE, "case");
	FAILS(names_add(&names, STR("DIR/x"), NAME_FILE, &err), ERR_INVALID_BUNDLE, "case");
	FAILS(names_add(&names, STR("dir"), NAME_FILE, &err), ERR_INVALID_BUNDLE,
		"a file and a folder");
	FAILS(names_add(&names, STR("dir/file/x"), NAME_FILE, &err), ERR_INVALID_BUNDLE,
		"a file and a folder");
	for (int i = 0; i < 5000; i++) {
		const char *name = arena_printf(&arena, "many/n%d", i);
		OK(names_add(&names, str_of(name), NAME_FILE, &err));
	}
	FAILS(names_add(&names, STR("many/n4999"), NAME_FILE, &err), ERR_INVALID_BUNDLE, "twice");
}

/* --- packing --- */

static void touch(const char *path, time_t at, mode_t mode)
{
	const struct utimbuf times = {.actime = at, .modtime = at};

	assert_int_equal(utime(path, &times), 0);
	assert_int_equal(chmod(path, mode), 0);
}

/* The same files, made in another order, at other times, with other modes, under another umask and
 * time zone. */
static void put_bundle_otherwise(const char *folder)
{
	const mode_t old = umask(0077);

	put_file(arena_printf(&arena, "%s/prompts/intent.txt", folder), "{{question}}");
	put_file(arena_printf(&arena, "%s/data/deep/empty.txt", folder), "");
	put_file(arena_printf(&arena, "%s/config.yaml", folder), "steps: []\n");
	put_file(arena_printf(&arena, "%s/MLmodel", folder), "flavors: {}\n");
	touch(arena_printf(&arena, "%s/MLmodel", folder), 1, 0755);
	touch(arena_printf(&arena, "%s/config.yaml", folder), 2000000000, 0600);
	umask(old);
}

static void same_input_gives_same_bytes(void **state)
{
	put_bundle("one");
	put_bundle_otherwise("two");
	for (size_t i = 0; i < FORMAT_COUNT; i++) {
		setenv("TZ", "Pacific/Kiritimati", 1);
		tzset();
		pack("one", target("one", i));
		setenv("TZ", "America/Adak", 1);
		tzset();
		setlocale(LC_ALL, "C.UTF-8");
		umask(0);
		pack("two", target("two", i));
		umask(0022);
		setlocale(LC_ALL, "C");
		unsetenv("TZ");
		tzset();
		if (!str_eq(get_file(target("one", i)), get_file(target("two", i))))
			fail_msg("%s differs", FORMATS[i]);
	}
}

static void digest_is_that_of_the_manifest_in_every_format(void **state)
{
	char hex[DIGEST_HEX_SIZE], first[DIGEST_HEX_SIZE];

	put_bundle("bundle");
	for (size_t i = 0; i < FORMAT_COUNT; i++) {
		struct file_list files;
		struct pack_result packed = pack("bundle", target("out", i));
		const int fd = open_dir(FORMATS[i]);

		OK(archive_extract(
			&arena, target("out", i), fd, &archive_limits_default, &files, &err));
		close(fd);
		const struct digest digest =
			digest_of(get_file(arena_printf(&arena, "%s/manifest.json", FORMATS[i])));
		assert_true(digest_eq(&digest, &packed.digest));
		digest_hex(&digest, i == 0 ? first : hex);
		if (i > 0)
			assert_string_equal(hex, first);
	}
}

static void round_trip_keeps_every_byte(void **state)
{
	put_bundle("bundle");
	char *large = arena_alloc(&arena, 300001);
	for (unsigned i = 0; i < 300000; i++)
		large[i] = (char)('a' + (i * 7919 >> 3) % 26);
	large[300000] = '\0';
	put_file("bundle/data/large.txt", large);
	const char *deep =
		"bundle/d1/d2/d3/d4/d5/d6/d7/d8/d9/"
		"a-name-that-is-longer-than-the-hundred-bytes-of-a-plain-tar-header/"
		"and-goes-on-for-so-long-that-it-does-not-fit-into-its-prefix-field-either-so-that-it-"
		"needs-an-extended-header.txt";
	put_file(deep, "deep");
	for (size_t i = 0; i < FORMAT_COUNT; i++) {
		struct file_list files;
		const int fd = open_dir(FORMATS[i]);
		struct pack_result packed = pack("bundle", target("out", i));

		OK(archive_extract(
			&arena, target("out", i), fd, &archive_limits_default, &files, &err));
		close(fd);
		assert_int_equal(files.count, packed.files.count + 1);
		for (size_t k = 0; k < packed.files.count; k++) {
			const char *path = packed.files.items[k].path;
			assert_true(str_eq(get_file(arena_printf(&arena, "bundle/%s", path)),
				get_file(arena_printf(&arena, "%s/%s", FORMATS[i], path))));
		}
		assert_true(str_is(
			get_file(arena_printf(&arena, "%s%s", FORMATS[i], deep + 6)), "deep"));
	}
}

struct notices {
	struct buf text;
};

static void note(void *data, const char *path, const char *why)
{
	buf_printf(&((struct notices *)data)->text, "%s: %s\n", path, why);
}

static void what_does_not_belong_is_left_out_with_a_notice(void **state)
{
	struct notices notices = {0};
	const struct files_walk walk = {
		.limits = &archive_limits_default, .notice = note, .notice_data = &notices};
	struct file_list files;
	struct str manifest;

	put_bundle("bundle");
	put_file("bundle/.git/config", "x");
	put_file("bundle/config.yaml~", "x");
	put_file("bundle/#config.yaml#", "x");
	put_file("bundle/prompts/__pycache__/a.pyc", "x");
	put_file("bundle/tool.pyc", "x");
	put_file("bundle/manifest.json", "old");
	const int fd = open_dir("bundle");
	OK(pack_manifest(&arena, fd, &walk, &manifest, &files, &err));
	close(fd);
	assert_int_equal(files.count, 4);
	static const char *const EXPECTED[] = {".git: hidden\n",
		"config.yaml~: an editor's backup\n", "#config.yaml#: an editor's backup\n",
		"prompts/__pycache__: made by Python\n", "tool.pyc: made by Python\n"};
	const char *said = buf_text(&notices.text);
	size_t len = 0;
	for (size_t i = 0; i < sizeof(EXPECTED) / sizeof(EXPECTED[0]); i++) {
		assert_non_null(strstr(said, EXPECTED[i]));
		len += strlen(EXPECTED[i]);
	}
	assert_int_equal(strlen(said), len);
	buf_done(&notices.text);
}

static bool try_pack(const char *name, const struct archive_limits *limits)
{
	const struct files_walk walk = {.limits = limits};
	struct pack_result result;
	const bool ok = pack_folder(&arena, "bundle", name, &walk, &result, &err);

	/* Refused or not: nothing half-written beside it. */
	if (!ok)
		assert_false(exists(name));
	return ok;
}

static void packing_refuses_what_loading_would(void **state)
{
	const struct archive_limits *limits = &archive_limits_default;

	put_bundle("bundle");
	assert_int_equal(symlink("/etc/passwd", "bundle/prompts/link.txt"), 0);
	FAILS(try_pack("o.zip", limits), ERR_INVALID_BUNDLE,
		"'prompts/link.txt': is a symbolic link");
	unlink("bundle/prompts/link.txt");
	assert_int_equal(mkfifo("bundle/pipe", 0644), 0);
	FAILS(try_pack("o.zip", limits), ERR_INVALID_BUNDLE, "'pipe': is a pipe");
	unlink("bundle/pipe");
	put_file("bundle/two words", "x");
	FAILS(try_pack("o.zip", limits), ERR_INVALID_BUNDLE, "'two words': byte 0x20");
	unlink("bundle/two words");
	put_file("bundle/mlmodel", "x");
	FAILS(try_pack("o.zip", limits), ERR_INVALID_BUNDLE, "in case only");
	unlink("bundle/mlmodel");
	FAILS(try_pack("o.rar", limits), ERR_USAGE, "must end in .tar.gz");
	FAILS(try_pack("bundle/o.zip", limits), ERR_USAGE, "inside");
	FAILS(try_pack("nowhere/o.zip", limits), ERR_NOT_FOUND, "nowhere");
	OK(try_pack("o.zip", limits));
}

static void packing_keeps_the_limits(void **state)
{
	struct archive_limits limits = archive_limits_default;
	char *zeros = arena_alloc(&arena, 2000001);

	put_bundle("bundle");
	limits.file_max = 11;
	FAILS(try_pack("o.zip", &limits), ERR_TOO_LARGE, "more than 11 bytes");
	limits = archive_limits_default;
	limits.total_max = 20;
	FAILS(try_pack("o.zip", &limits), ERR_TOO_LARGE, "more than 20 bytes in all");
	limits = archive_limits_default;
	limits.entries_max = 3;
	FAILS(try_pack("o.zip", &limits), ERR_TOO_LARGE, "more than 3 files");
	memset(zeros, '0', 2000000);
	zeros[2000000] = '\0';
	put_file("bundle/zeros.txt", zeros);
	FAILS(try_pack("o.tar.gz", &archive_limits_default), ERR_TOO_LARGE, "100 times");
	OK(try_pack("o.tar", &archive_limits_default));
}

static void empty_folders_are_no_bundles(void **state)
{
	mkdir("bundle", 0755);
	FAILS(try_pack("o.zip", &archive_limits_default), ERR_INVALID_BUNDLE, "no files");
	mkdir("bundle/.git", 0755);
	FAILS(try_pack("o.zip", &archive_limits_default), ERR_INVALID_BUNDLE, "no files");
	rmdir("bundle/.git");
	rmdir("bundle");
	FAILS(try_pack("o.zip", &archive_limits_default), ERR_NOT_FOUND, "bundle");
}

static bool has_signature(const char *archive)
{
	struct file_list files;

	OK(archive_extract_bytes(
		&arena, get_file(archive), -1, &archive_limits_default, &files, &err));
	return files_find(&files, "manifest.sig") != NULL;
}

static void a_signature_goes_along_where_it_fits(void **state)
{
	put_bundle("bundle");
	put_file("bundle/manifest.sig", "signed");
	pack("bundle", "o.zip");
	assert_false(has_signature("o.zip"));

	struct file_list files;
	struct str manifest;
	const int fd = open_dir("bundle");
	OK(pack_manifest(&arena, fd, &plain_walk, &manifest, &files, &err));
	close(fd);
	put_file("bundle/manifest.json", arena_memdup(&arena, manifest.data, manifest.len));
	pack("bundle", "o.zip");
	assert_true(has_signature("o.zip"));
}

static void archive_names_are_told_by_their_end(void **state)
{
	struct str stem;

	assert_true(pack_is_archive_name("a/slides.tar.gz", &stem));
	assert_true(str_is(stem, "a/slides"));
	assert_true(pack_is_archive_name("slides.v2.zip", &stem));
	assert_true(str_is(stem, "slides.v2"));
	assert_false(pack_is_archive_name("slides", &stem));
	assert_false(pack_is_archive_name(".zip", NULL));
	assert_false(pack_is_archive_name("a/.tar.gz", NULL));
}

/* --- extraction; the attacks are in tests/faults/archive_attacks.py --- */

static bool try_extract(const char *archive, const struct archive_limits *limits, bool is_jailed)
{
	struct file_list files;
	const int fd = open_dir("out");
	const bool ok = is_jailed ? archive_extract(&arena, archive, fd, limits, &files, &err)
				  : archive_extract_bytes(
					    &arena, get_file(archive), fd, limits, &files, &err);

	close(fd);
	if (!ok)
		assert_int_equal(rmdir("out"), 0);
	else
		files_remove(AT_FDCWD, "out");
	return ok;
}

static void limits_hold_with_and_without_the_jail(void **state)
{
	put_bundle("bundle");
	pack("bundle", "o.tar.gz");
	for (int is_jailed = 0; is_jailed < 2; is_jailed++) {
		struct archive_limits limits = archive_limits_default;

		OK(try_extract("o.tar.gz", &limits, is_jailed));
		limits.entries_max = 4;
		FAILS(try_extract("o.tar.gz", &limits, is_jailed), ERR_TOO_LARGE,
			"more than 4 entries");
		limits.entries_max = 5;
		OK(try_extract("o.tar.gz", &limits, is_jailed));
		limits.file_max = 11;
		FAILS(try_extract("o.tar.gz", &limits, is_jailed), ERR_TOO_LARGE,
			"more than 11 bytes");
		limits = archive_limits_default;
		limits.total_max = 475;
		FAILS(try_extract("o.tar.gz", &limits, is_jailed), ERR_TOO_LARGE, "bytes");
		limits = archive_limits_default;
		limits.ratio_floor = 0;
		limits.ratio_max = 1;
		FAILS(try_extract("o.tar.gz", &limits, is_jailed), ERR_TOO_LARGE,
			"more than 1 times");
		limits = archive_limits_default;
		limits.deadline_ms = 0;
		if (is_jailed)
			FAILS(try_extract("o.tar.gz", &limits, is_jailed), ERR_DEADLINE, "0 ms");
	}
}

static void what_is_no_archive_is_told(void **state)
{
	put_file("empty", "");
	put_file("text", "hello");
	mkdir("folder", 0755);
	assert_int_equal(mkfifo("pipe", 0644), 0);
	FAILS(try_extract("nothing", &archive_limits_default, true), ERR_NOT_FOUND, "nothing");
	FAILS(try_extract("empty", &archive_limits_default, true), ERR_INVALID_BUNDLE, "empty");
	FAILS(try_extract("text", &archive_limits_default, true), ERR_INVALID_BUNDLE,
		"Unrecognized");
	FAILS(try_extract("folder", &archive_limits_default, true), ERR_INVALID_BUNDLE, "regular");
	FAILS(try_extract("pipe", &archive_limits_default, true), ERR_INVALID_BUNDLE, "regular");
}

/* --- the jail --- */

static int execute(void)
{
	return execl("/bin/true", "true", NULL);
}

static int connect_somewhere(void)
{
	return socket(AF_INET, SOCK_STREAM, 0);
}

static int write_elsewhere(void)
{
	return (int)write(STDOUT_FILENO, "x", 1);
}

static int make_code(void)
{
	return mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == NULL;
}

static int signal_parent(void)
{
	return kill(getppid(), 0);
}

static int open_a_file(void)
{
	return open("/etc/passwd", O_RDONLY | O_CLOEXEC) < 0 && errno == EACCES ? 0 : 1;
}

static int use_memory(void)
{
	void *memory =
		mmap(NULL, 1 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return memory == MAP_FAILED || munmap(memory, 1 << 20) != 0;
}

static int status_behind_filter(int (*fn)(void))
{
	void *filter = jail_filter_new();
	int status;
	const pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		/* A core file of a wanted death helps nobody. */
		prctl(PR_SET_DUMPABLE, 0);
		if (seccomp_load(filter) != 0)
			_exit(99);
		_exit(fn());
	}
	jail_filter_free(filter);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return status;
}

static void the_filter_knows_neither_files_nor_sockets(void **state)
{
	static int (*const DEADLY[])(void) = {
		execute, connect_somewhere, write_elsewhere, make_code, signal_parent};
	void *filter = jail_filter_new();

	if (filter == NULL)
		skip(); /* a sanitizer's build */
	jail_filter_free(filter);
	for (size_t i = 0; i < sizeof(DEADLY) / sizeof(DEADLY[0]); i++) {
		const int status = status_behind_filter(DEADLY[i]);
		if (!WIFSIGNALED(status) || WTERMSIG(status) != SIGSYS)
			fail_msg("call %zu was not stopped: status %x", i, (unsigned)status);
	}
	assert_int_equal(status_behind_filter(open_a_file), 0);
	assert_int_equal(status_behind_filter(use_memory), 0);
}

/* The archive shrinks after it was mapped: the reader dies of it, and only the reader. */
static void a_reader_that_dies_is_an_error(void **state)
{
	char *text = arena_zalloc(&arena, 20001);
	const struct reader_sink sink = {0};

	memset(text, 'x', 20000);
	put_file("file", text);
	const int fd = open("file", O_RDWR | O_CLOEXEC);
	void *bytes = mmap(NULL, 20000, PROT_READ, MAP_PRIVATE, fd, 0);
	bool is_unfiltered;
	assert_true(bytes != MAP_FAILED);
	assert_int_equal(ftruncate(fd, 0), 0);
	FAILS(jail_run((struct str){bytes, 20000}, 10000, &sink, &is_unfiltered, &err),
		ERR_INVALID_BUNDLE, "reading it");
	assert_false(is_unfiltered);
	munmap(bytes, 20000);
	close(fd);
}

/* No filter that libseccomp knows: loading it fails, as where the kernel has no seccomp. */
static void a_reader_without_filter_says_so(void **state)
{
	static char no_filter[4096];
	struct frame frame;
	int fds[2], status;

	assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
	const struct jail_child child = {.archive = STR("nothing"),
		.deadline_ms = 10000,
		.memory_max = RLIM_INFINITY,
		.filter = no_filter,
		.buffer = arena_alloc(&arena, JAIL_BUFFER_SIZE),
		.pipe_fd = fds[1],
		.parent = getpid()};
	const pid_t pid = fork();
	if (pid == 0)
		jail_child_run(&child);
	close(fds[1]);
	assert_int_equal(read(fds[0], &frame, sizeof(frame)), sizeof(frame));
	assert_int_equal(frame.kind, FRAME_UNFILTERED);
	assert_int_equal(frame.len, 0);
	close(fds[0]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
}

static size_t open_descriptors(void)
{
	size_t count = 0;

	for (int fd = 0; fd < 1024; fd++)
		count += fcntl(fd, F_GETFD) >= 0;
	return count;
}

static void nothing_leaks(void **state)
{
	struct archive_limits tight = archive_limits_default;

	tight.entries_max = 2;
	put_bundle("bundle");
	const size_t before = open_descriptors();
	for (int i = 0; i < 20; i++) {
		pack("bundle", "o.zip");
		OK(try_extract("o.zip", &archive_limits_default, true));
		FAILS(try_extract("o.zip", &tight, true), ERR_TOO_LARGE, "entries");
		FAILS(try_pack("p.zip", &tight), ERR_TOO_LARGE, "files");
	}
	assert_int_equal(open_descriptors(), before);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(names_follow_the_rule),
		TEST(names_are_shown_in_printable_ascii),
		TEST(names_meet_each_other),
		TEST(same_input_gives_same_bytes),
		TEST(digest_is_that_of_the_manifest_in_every_format),
		TEST(round_trip_keeps_every_byte),
		TEST(what_does_not_belong_is_left_out_with_a_notice),
		TEST(packing_refuses_what_loading_would),
		TEST(packing_keeps_the_limits),
		TEST(empty_folders_are_no_bundles),
		TEST(a_signature_goes_along_where_it_fits),
		TEST(archive_names_are_told_by_their_end),
		TEST(limits_hold_with_and_without_the_jail),
		TEST(a_reader_without_filter_says_so),
		TEST(what_is_no_archive_is_told),
		TEST(the_filter_knows_neither_files_nor_sockets),
		TEST(a_reader_that_dies_is_an_error),
		TEST(nothing_leaks),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

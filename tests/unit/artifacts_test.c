/* The registry's files: what is visible when, what is left over, and which paths there are. */
#include "packaging_test.h"

#include "store/artifact_source.h"
#include "store/artifact_upload.h"

#include <dirent.h>
#include <signal.h>
#include <sys/wait.h>

static struct registry *registry;

static void open_registry(void)
{
	OK((registry = registry_open("state", &err)) != NULL);
}

static int set_up_registry(void **state)
{
	if (set_up(state) != 0)
		return -1;
	registry = registry_open("state", &err);
	return registry != NULL ? 0 : -1;
}

static int tear_down_registry(void **state)
{
	registry_close(registry);
	return tear_down(state);
}

static size_t files_below(const char *path)
{
	DIR *dir = opendir(path);
	const struct dirent *entry;
	size_t count = 0;

	assert_non_null(dir);
	while ((entry = readdir(dir)) != NULL)
		if (entry->d_name[0] != '.')
			count += entry->d_type == DT_DIR
					 ? files_below(arena_printf(&arena, "%s/%s", path, entry->d_name))
					 : 1;
	closedir(dir);
	return count;
}

/* So many files in blobs/, nothing on its way. */
static void holds(size_t blobs)
{
	assert_int_equal(files_below("state/registry/blobs"), blobs);
	assert_int_equal(files_below("state/registry/staging"), 0);
}

static bool try_put(const char *path, const char *text)
{
	struct artifact_upload upload = {0};
	bool is_done = artifact_upload_start(&upload, registry, &err) &&
		       artifact_upload_add(&upload, str_of(text), &err) &&
		       artifact_upload_end(&upload, str_of(path), 1700000000000, &err);

	artifact_upload_done(&upload);
	return is_done;
}

static void put(const char *path, const char *text)
{
	OK(try_put(path, text));
}

static bool try_open(const char *path, int *ret_fd)
{
	struct artifact artifact;

	return artifacts_open(registry, &arena, str_of(path), &artifact, ret_fd, &err);
}

static const char *read_fd(int fd)
{
	char text[256];
	size_t len = 0;

	assert_true(files_read_all(fd, text, sizeof(text), &len));
	close(fd);
	return arena_memdup(&arena, text, len);
}

static const char *get(const char *path)
{
	int fd = -1;

	OK(try_open(path, &fd));
	return read_fd(fd);
}

/* "a 3, sub/" */
static const char *list(const char *folder)
{
	struct artifact_list found = {0};
	struct buf text = {0};
	struct db *db;

	OK((db = db_begin(registry->db, DB_READ, &err)) != NULL);
	OK(artifacts_list(db, &arena, str_of(folder), &found, &err));
	db_rollback(db);
	for (size_t i = 0; i < found.count; i++) {
		buf_printf(&text, "%s%.*s", i > 0 ? ", " : "", STR_ARGS(found.items[i].name));
		if (found.items[i].is_dir)
			buf_add_char(&text, '/');
		else
			buf_printf(&text, " %lld", (long long)found.items[i].size);
	}
	const char *copy = arena_memdup(&arena, text.len > 0 ? text.data : "", text.len);
	buf_done(&text);
	return copy;
}

static void test_a_file_comes_back(void **state)
{
	struct artifact artifact;
	char hex[DIGEST_HEX_SIZE];
	int fd;

	put("2/run/artifacts/a.txt", "hello");
	OK(artifacts_open(registry, &arena, STR("2/run/artifacts/a.txt"), &artifact, &fd, &err));
	assert_string_equal(read_fd(fd), "hello");
	assert_int_equal(artifact.size, 5);
	assert_int_equal(artifact.modified_ms, 1700000000000);
	assert_string_equal(digest_hex(&artifact.digest, hex),
		"2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824");
	assert_true(exists("state/registry/blobs/2c/2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824"));
	holds(1);
	FAILS(try_open("2/run/artifacts/b.txt", &fd), ERR_NOT_FOUND, "No such artifact: '2/run/artifacts/b.txt'");
	FAILS(try_open("2/run", &fd), ERR_INVALID_PARAMETER,
		"Artifact path refers to a directory, not a file: '2/run'");
	FAILS(try_open("", &fd), ERR_INVALID_PARAMETER, "Artifact path refers to a directory");
	registry_close(registry);
	open_registry();
	assert_string_equal(get("2/run/artifacts/a.txt"), "hello");
}

static void test_pieces_and_nothing_make_a_file(void **state)
{
	struct artifact_upload upload;

	OK(artifact_upload_start(&upload, registry, &err));
	OK(artifact_upload_add(&upload, STR("hel"), &err));
	OK(artifact_upload_add(&upload, STR(""), &err));
	OK(artifact_upload_add(&upload, STR("lo"), &err));
	OK(artifact_upload_end(&upload, STR("a"), 1, &err));
	assert_string_equal(get("a"), "hello");
	put("empty", "");
	assert_string_equal(get("empty"), "");
	assert_string_equal(list(""), "a 5, empty 0");
	holds(2);
}

static void test_a_list_is_one_level_sorted_by_name(void **state)
{
	static const char *const PATHS[] = {"a/x", "a/y/z", "a.b", "a-b", "a0", "b", "a/y/w", "\xC3\xBC/1", "ab/c", NULL};

	for (size_t i = 0; PATHS[i] != NULL; i++)
		put(PATHS[i], "1");
	assert_string_equal(list(""), "a/, a-b 1, a.b 1, a0 1, ab/, b 1, \xC3\xBC/");
	assert_string_equal(list("a"), "x 1, y/");
	assert_string_equal(list("a/y"), "w 1, z 1");
	assert_string_equal(list("ab"), "c 1");
	assert_string_equal(list("\xC3\xBC"), "1 1");
	assert_string_equal(list("b"), "");
	assert_string_equal(list("nope"), "");
	holds(1);
}

static void test_a_path_is_a_file_or_a_folder(void **state)
{
	put("a/b/c", "1");
	FAILS(try_put("a/b", "2"), ERR_INVALID_PARAMETER, "'a/b' cannot be stored as a file, because it is a directory");
	FAILS(try_put("a/b/c/d", "2"), ERR_INVALID_PARAMETER,
		"'a/b/c/d' cannot be stored, because 'a/b/c' is a file");
	FAILS(try_put("a/b/c/d/e/f", "2"), ERR_INVALID_PARAMETER, "because 'a/b/c' is a file");
	FAILS(try_put("", "2"), ERR_INVALID_PARAMETER, "because it is a directory");
	holds(1);
	put("a/bc", "2");
	assert_string_equal(list("a"), "b/, bc 1");
	OK(artifacts_remove(registry, STR("a/b"), &err));
	put("a/b", "3");
	assert_string_equal(get("a/b"), "3");
	holds(2);
}

static void test_bytes_go_with_the_last_name(void **state)
{
	put("one", "same");
	put("two", "same");
	put("three", "other");
	holds(2);
	put("one", "new");
	holds(3);
	put("two", "new");
	holds(2);
	assert_string_equal(get("one"), "new");
	OK(artifacts_remove(registry, STR("one"), &err));
	holds(2);
	OK(artifacts_remove(registry, STR("two"), &err));
	holds(1);
	OK(artifacts_remove(registry, STR("nope"), &err));
	assert_string_equal(list(""), "three 5");
	/* The same bytes once more: nothing is lost, nothing doubled. */
	put("three", "other");
	assert_string_equal(get("three"), "other");
	holds(1);
}

static void test_a_folder_goes_as_a_whole(void **state)
{
	for (int i = 0; i < 600; i++)
		put(arena_printf(&arena, "d/%d/f", i), arena_printf(&arena, "%d", i));
	put("d.txt", "5");
	put("d0", "beside");
	OK(artifacts_remove(registry, STR("d"), &err));
	assert_string_equal(list(""), "d.txt 1, d0 6");
	assert_string_equal(get("d.txt"), "5");
	holds(2);
	OK(artifacts_remove(registry, STR(""), &err));
	assert_string_equal(list(""), "");
	holds(0);
}

static void test_a_download_outlives_its_file(void **state)
{
	int fd;

	put("a", "hello");
	OK(try_open("a", &fd));
	OK(artifacts_remove(registry, STR("a"), &err));
	holds(0);
	assert_string_equal(read_fd(fd), "hello");
}

static void test_a_lost_file_is_told(void **state)
{
	int fd;

	put("a", "hello");
	files_remove(registry->blobs_fd, "2c");
	FAILS(try_open("a", &fd), ERR_INTERNAL, "open artifact 'a': No such file or directory");
	/* … and made good by whoever sends it again. */
	put("a", "hello");
	assert_string_equal(get("a"), "hello");
}

static void test_an_upload_that_stops_leaves_nothing(void **state)
{
	struct artifact_upload upload;

	put("a", "old");
	OK(artifact_upload_start(&upload, registry, &err));
	OK(artifact_upload_add(&upload, STR("half"), &err));
	artifact_upload_done(&upload);
	artifact_upload_done(&upload);
	assert_string_equal(get("a"), "old");
	holds(1);
}

/* Runs fn in a process of its own that never returns from it. */
static pid_t start_child(void (*fn)(int ready_fd))
{
	int ends[2];
	char byte;

	assert_int_equal(pipe(ends), 0);
	const pid_t pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		close(ends[0]);
		registry = registry_open("state", &err);
		fn(ends[1]);
		_exit(0);
	}
	close(ends[1]);
	assert_int_equal(read(ends[0], &byte, 1), 1);
	close(ends[0]);
	return pid;
}

static void upload_half(int ready_fd)
{
	struct artifact_upload upload;

	if (artifact_upload_start(&upload, registry, &err) && artifact_upload_add(&upload, STR("half"), &err) &&
		write(ready_fd, "x", 1) == 1)
		pause();
	_exit(1);
}

static void test_what_a_dead_process_left_goes(void **state)
{
	registry_close(registry);
	registry = NULL;
	const pid_t pid = start_child(upload_half);

	assert_int_equal(files_below("state/registry/staging"), 1);
	/* It lives: its upload is its own. */
	open_registry();
	assert_int_equal(files_below("state/registry/staging"), 1);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	OK(artifacts_recover(registry, &err));
	holds(0);
}

#define HELLO "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824"

/* Killed after the file was moved in, before the row was committed. */
static void test_a_file_without_a_row_goes(void **state)
{
	put_file("state/registry/blobs/2c/" HELLO, "hello");
	put_file("state/registry/staging/" HELLO ".0123456789abcdef", "hello");
	OK(artifacts_recover(registry, &err));
	holds(0);
}

/* Killed after the commit. */
static void test_a_file_with_a_row_stays(void **state)
{
	put("a", "hello");
	put_file("state/registry/staging/" HELLO ".0123456789abcdef", "hello");
	put_file("state/registry/staging/no.digest", "?");
	OK(artifacts_recover(registry, &err));
	assert_string_equal(get("a"), "hello");
	holds(1);
}

/* Killed after rows went and before their files did. */
static void test_orphans_are_swept_at_the_start(void **state)
{
	struct db *db;

	put("a", "hello");
	put("b", "there");
	OK((db = db_begin(registry->db, DB_WRITE, &err)) != NULL);
	OK(artifacts_delete(db, STR("a"), &err));
	OK(db_run(db, &err, "INSERT INTO orphans SELECT digest FROM artifacts", ""));
	OK(db_commit(db, &err));
	holds(2);
	registry_close(registry);
	open_registry();
	assert_string_equal(get("b"), "there");
	holds(1);
}

static const char *path_of(const char *text)
{
	struct str path;

	OK(artifact_path_read(&arena, str_of(text), &path, &err));
	return arena_memdup(&arena, path.data, path.len);
}

static bool try_path(struct str text)
{
	struct str path;

	return artifact_path_read(&arena, text, &path, &err);
}

static void test_paths(void **state)
{
	static const char *const REFUSED[] = {"..", "a/..", "../a", "a/../b", "%2e%2e/a", "a/%2E%2e", "%252e%252e/a",
		"%25252e%25252e", "/a", "//host/a", "%2fa", "%252Fa", "a#b", "a%23b", "#", "c:/a", "c:\\a", "\\\\host\\a",
		"file:a", "FILE:///etc/passwd", "a/..%2f..%2fb", "%ff", "a%c0%af", "./c:/a",
		"./\\/a", "./file:a"};

	assert_string_equal(path_of("2/run/artifacts/a b.txt"), "2/run/artifacts/a b.txt");
	assert_string_equal(path_of(""), "");
	assert_string_equal(path_of("."), "");
	assert_string_equal(path_of("a//b/./c/"), "a/b/c");
	assert_string_equal(path_of("a%20b%2Fc"), "a b/c");
	assert_string_equal(path_of("100%"), "100%");
	assert_string_equal(path_of("%zz%4"), "%zz%4");
	assert_string_equal(path_of("..a/b..c/..."), "..a/b..c/...");
	assert_string_equal(path_of("a\\b"), "a\\b");
	assert_string_equal(path_of("a:b"), "a:b");
	assert_string_equal(path_of("%C3%BC"), "\xC3\xBC");
	/* Control characters stay visible, and their escapes are decoded only once more. */
	assert_string_equal(path_of("a\nb"), "a%0ab");
	assert_string_equal(path_of("a%0Ab"), "a%0ab");
	assert_string_equal(path_of("a%00b"), "a%00b");
	assert_string_equal(path_of("a\x7F"), "a%7f");
	for (size_t i = 0; i < sizeof(REFUSED) / sizeof(*REFUSED); i++)
		FAILS(try_path(str_of(REFUSED[i])), ERR_INVALID_PARAMETER, "Invalid path");
}

static void test_long_paths(void **state)
{
	struct buf text = {0};

	for (int i = 0; i < 255; i++)
		buf_add_char(&text, 'n');
	OK(try_path(buf_str(&text)));
	buf_add_char(&text, 'n');
	FAILS(try_path(buf_str(&text)), ERR_INVALID_PARAMETER, "a part of it has 256 bytes, at most 255");
	text.len = 0;
	for (int i = 0; i < 2048; i++)
		buf_add_text(&text, i == 0 ? "nn" : "/n");
	OK(try_path((struct str){text.data, 4096}));
	buf_add_char(&text, 'n');
	FAILS(try_path(buf_str(&text)), ERR_INVALID_PARAMETER, "4097 bytes, at most 4096");
	buf_done(&text);
	/* An escape of an escape of an escape …, further than anybody decodes. */
	const char *deep = "%2e";
	for (int i = 0; i < 12; i++)
		deep = arena_printf(&arena, "%%25%s", deep + 1);
	FAILS(try_path(str_of(deep)), ERR_INVALID_PARAMETER, "Invalid path");
}

static const char *path_of_uri(const char *uri, const char *below)
{
	struct str path;

	OK(artifact_path_of_uri(&arena, str_of(uri), str_of(below), &path, &err));
	return arena_memdup(&arena, path.data, path.len);
}

static bool try_uri(const char *uri)
{
	struct str path;

	return artifact_path_of_uri(&arena, str_of(uri), STR("x"), &path, &err);
}

static void test_uris(void **state)
{
	assert_string_equal(path_of_uri("mlflow-artifacts:/2/r/artifacts", "m/x"), "2/r/artifacts/m/x");
	assert_string_equal(path_of_uri("mlflow-artifacts:/2/", ""), "2");
	assert_string_equal(path_of_uri("mlflow-artifacts://host:80/2/r", "x"), "2/r/x");
	assert_string_equal(path_of_uri("mlflow-artifacts:", "x"), "x");
	assert_string_equal(path_of_uri("http://h/api/2.0/mlflow-artifacts/artifacts/2/r", "x"), "2/r/x");
	assert_string_equal(path_of_uri("https://h/api/2.0/mlflow-artifacts/artifacts", "x"), "x");
	FAILS(try_uri("s3://bucket/2"), ERR_INVALID_PARAMETER, "'s3://bucket/2' are not kept in this registry");
	FAILS(try_uri("/tmp/x"), ERR_INVALID_PARAMETER, "not kept");
	FAILS(try_uri("http://h/2/r"), ERR_INVALID_PARAMETER, "not kept");
	FAILS(try_uri("http://h/api/2.0/mlflow-artifacts/artifactsX"), ERR_INVALID_PARAMETER, "not kept");
	FAILS(try_uri("mlflow-artifacts:/../x"), ERR_INVALID_PARAMETER, "Invalid path");
	FAILS(try_uri("mlflow-artifacts:/a/%2e%2e/x"), ERR_INVALID_PARAMETER, "Invalid path");
}

static void test_sources(void **state)
{
	struct str path;
	struct db *db;

	OK((db = db_begin(registry->db, DB_WRITE, &err)) != NULL);
	OK(db_run(db, &err,
		"INSERT INTO runs VALUES ('r1', 0, 'n', 'u', 'RUNNING', 0, NULL, NULL, 'active', 'mlflow-artifacts:/0/r1/artifacts')",
		""));
	OK(db_run(db, &err, "INSERT INTO registered_models VALUES ('m', 0, 0, NULL)", ""));
	OK(db_run(db, &err,
		"INSERT INTO model_versions VALUES ('m', 1, 0, 0, NULL, NULL, 'None', 'runs:/r1/model', '', 'r1', '', '',"
		" 'READY', NULL), ('m', 2, 0, 0, NULL, NULL, 'None', 'models:/m-1', 'mlflow-artifacts:/0/models/m-1/artifacts',"
		" '', '', 'm-1', 'READY', NULL), ('m', 3, 0, 0, NULL, NULL, 'Deleted_Internal', 'REDACTED', '', '', '', '',"
		" 'READY', NULL), ('m', 4, 0, 0, NULL, NULL, 'None', 's3://b/x', '', '', '', '', 'READY', NULL)",
		""));
	OK(artifact_source_of_run(db, &arena, STR("r1"), STR("a/b"), &path, &err));
	assert_true(str_is(path, "0/r1/artifacts/a/b"));
	FAILS(artifact_source_of_run(db, &arena, STR("r2"), STR("a"), &path, &err), ERR_NOT_FOUND,
		"Run with id=r2 not found");
	OK(artifact_source_of_version(db, &arena, STR("m"), STR("1"), STR("MLmodel"), &path, &err));
	assert_true(str_is(path, "0/r1/artifacts/model/MLmodel"));
	OK(artifact_source_of_version(db, &arena, STR("m"), STR("2"), STR("MLmodel"), &path, &err));
	assert_true(str_is(path, "0/models/m-1/artifacts/MLmodel"));
	FAILS(artifact_source_of_version(db, &arena, STR("m"), STR("3"), STR("x"), &path, &err), ERR_NOT_FOUND,
		"Model Version (name=m, version=3) not found");
	FAILS(artifact_source_of_version(db, &arena, STR("m"), STR("4"), STR("x"), &path, &err), ERR_INVALID_PARAMETER,
		"not kept");
	FAILS(artifact_source_of_version(db, &arena, STR("m"), STR("x1"), STR("x"), &path, &err), ERR_INVALID_PARAMETER,
		"Parameter 'version' must be an integer, got 'x1'.");
	db_rollback(db);
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, set_up_registry, tear_down_registry)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_a_file_comes_back),
		TEST(test_pieces_and_nothing_make_a_file),
		TEST(test_a_list_is_one_level_sorted_by_name),
		TEST(test_a_path_is_a_file_or_a_folder),
		TEST(test_bytes_go_with_the_last_name),
		TEST(test_a_folder_goes_as_a_whole),
		TEST(test_a_download_outlives_its_file),
		TEST(test_a_lost_file_is_told),
		TEST(test_an_upload_that_stops_leaves_nothing),
		TEST(test_what_a_dead_process_left_goes),
		TEST(test_a_file_without_a_row_goes),
		TEST(test_a_file_with_a_row_stays),
		TEST(test_orphans_are_swept_at_the_start),
		TEST(test_paths),
		TEST(test_long_paths),
		TEST(test_uris),
		TEST(test_sources),
	};

	return cmocka_run_group_tests_name("artifacts", tests, NULL, NULL);
}

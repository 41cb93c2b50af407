#include "packaging_test.h"

#include "packaging/manifest.h"
#include "packaging/package.h"
#include "packaging/stage.h"
#include "packaging/store.h"

#include <archive.h>
#include <archive_entry.h>
#include <dirent.h>
#include <signal.h>
#include <sys/wait.h>

static size_t count_in(const char *path)
{
	DIR *dir = opendir(path);
	const struct dirent *entry;
	size_t count = 0;

	assert_non_null(dir);
	while ((entry = readdir(dir)) != NULL)
		count += entry->d_name[0] != '.';
	closedir(dir);
	return count;
}

static struct store open_store(const char *state)
{
	struct store store = {0};

	OK(store_open(&arena, state, &store, &err));
	return store;
}

static struct stored add(const struct store *store, const char *archive)
{
	struct stored stored = {0};

	OK(store_add(&arena, store, archive, &archive_limits_default, &stored, &err));
	assert_int_equal(count_in("state/staging"), 0);
	return stored;
}

static bool try_add(const struct store *store, const char *archive)
{
	struct stored stored;

	return store_add(&arena, store, archive, &archive_limits_default, &stored, &err);
}

/* An archive as `tar` writes it, with the files as given: "path", "text", … NULL. */
static void put_tar(const char *path, const char *const *files)
{
	struct archive *out = archive_write_new();

	assert_int_equal(archive_write_set_format_ustar(out), ARCHIVE_OK);
	assert_int_equal(archive_write_open_filename(out, path), ARCHIVE_OK);
	for (; files[0] != NULL; files += 2) {
		struct archive_entry *entry = archive_entry_new();

		archive_entry_set_pathname(entry, files[0]);
		archive_entry_set_filetype(entry, AE_IFREG);
		archive_entry_set_perm(entry, 0600);
		archive_entry_set_size(entry, (la_int64_t)strlen(files[1]));
		assert_int_equal(archive_write_header(out, entry), ARCHIVE_OK);
		assert_int_equal(
			archive_write_data(out, files[1], strlen(files[1])), strlen(files[1]));
		archive_entry_free(entry);
	}
	assert_int_equal(archive_write_free(out), ARCHIVE_OK);
}

/* The whole bundle is there, byte for byte, and describes itself. */
static void check_whole(const char *dir)
{
	struct package package;

	OK(package_open(&arena, dir, NULL, NULL, &package, &err));
	assert_int_equal(strlen(package.digest), 64);
	assert_non_null(strstr(dir, package.digest));
}

static void a_bundle_is_stored_by_its_digest(void **state)
{
	char hex[DIGEST_HEX_SIZE];

	put_bundle("bundle");
	const struct pack_result packed = pack("bundle", "b.tar.gz");
	pack("bundle", "b.zip");
	const struct store store = open_store("state");
	const struct stored stored = add(&store, "b.tar.gz");

	assert_true(digest_eq(&stored.digest, &packed.digest));
	assert_false(stored.was_present);
	assert_string_equal(stored.dir,
		arena_printf(&arena, "state/bundles/%s", digest_hex(&packed.digest, hex)));
	check_whole(stored.dir);

	const struct stored again = add(&store, "b.zip");
	assert_true(again.was_present);
	assert_string_equal(again.dir, stored.dir);
	assert_int_equal(count_in("state/bundles"), 1);
}

static void an_archive_without_manifest_gets_one(void **state)
{
	static const char *const FLAT[] = {"MLmodel", "m", "data/x", "y", NULL};
	static const char *const IN_FOLDER[] = {
		"./model/MLmodel", "m", "./model/data/x", "y", NULL};
	const struct store store = open_store("state");

	put_tar("flat.tar", FLAT);
	put_tar("folder.tar", IN_FOLDER);
	const struct stored flat = add(&store, "flat.tar");
	check_whole(flat.dir);
	const struct stored folder = add(&store, "folder.tar");
	assert_true(folder.was_present);
	assert_string_equal(folder.dir, flat.dir);
	assert_true(str_is(get_file(arena_printf(&arena, "%s/data/x", folder.dir)), "y"));
}

static void a_packed_bundle_may_lie_in_one_folder(void **state)
{
	put_bundle("bundle");
	const struct pack_result packed = pack("bundle", "b.zip");
	const struct store first = open_store("state");
	const struct stored stored = add(&first, "b.zip");
	const char *manifest = arena_printf(&arena, "%s/manifest.json", stored.dir);
	const char *text = arena_memdup(&arena, get_file(manifest).data, get_file(manifest).len);
	const char *const files[] = {"top/MLmodel", "flavors: {}\n", "top/config.yaml",
		"steps: []\n", "top/prompts/intent.txt", "{{question}}", "top/data/deep/empty.txt",
		"", "top/manifest.json", text, NULL};

	put_tar("folder.tar", files);
	const struct stored again = add(&first, "folder.tar");
	assert_true(again.was_present);
	assert_true(digest_eq(&again.digest, &packed.digest));
}

static void two_folders_at_the_top_stay(void **state)
{
	static const char *const TWO[] = {"data/x", "1", "data2/x", "2", NULL};
	const struct store store = open_store("state");

	put_tar("two.tar", TWO);
	const struct stored stored = add(&store, "two.tar");
	assert_true(str_is(get_file(arena_printf(&arena, "%s/data2/x", stored.dir)), "2"));
}

static void what_does_not_fit_its_manifest_is_refused(void **state)
{
	struct buf text = {0};
	struct file_list files = {0};
	const struct file file = {.path = "MLmodel", .size = 1, .sha256 = digest_of(STR("m"))};

	files_add(&arena, &files, file);
	manifest_write(&text, &files);
	const char *manifest = buf_text(&text);
	const char *const good[] = {"MLmodel", "m", "manifest.json", manifest, NULL};
	const char *const changed[] = {"MLmodel", "n", "manifest.json", manifest, NULL};
	const char *const more[] = {"MLmodel", "m", "extra", "", "manifest.json", manifest, NULL};
	const char *const less[] = {"manifest.json", manifest, NULL};
	const char *const broken[] = {"MLmodel", "m", "manifest.json", "{", NULL};
	const struct {
		const char *const *files;
		const char *why;
	} bad[] = {{changed, "bad.tar: 'MLmodel' has sha256"},
		{more, "bad.tar: 'extra' is not listed"}, {less, "bad.tar: 'MLmodel' is missing"},
		{broken, "bad.tar: manifest.json: "}};
	const struct store store = open_store("state");

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		put_tar("bad.tar", bad[i].files);
		FAILS(try_add(&store, "bad.tar"), ERR_INVALID_BUNDLE, bad[i].why);
		assert_int_equal(count_in("state/staging"), 0);
		assert_int_equal(count_in("state/bundles"), 0);
	}
	put_tar("good.tar", good);
	add(&store, "good.tar");
	buf_done(&text);
}

static void a_damaged_bundle_is_replaced(void **state)
{
	static const char *const HARMED[] = {"MLmodel", "manifest.json", "prompts/intent.txt"};

	put_bundle("bundle");
	pack("bundle", "b.zip");
	const struct store store = open_store("state");
	for (size_t i = 0; i < sizeof(HARMED) / sizeof(HARMED[0]); i++) {
		const struct stored stored = add(&store, "b.zip");
		const char *path = arena_printf(&arena, "%s/%s", stored.dir, HARMED[i]);

		assert_int_equal(truncate(path, 3), 0);
		assert_false(add(&store, "b.zip").was_present);
		unlink(path);
		assert_int_equal(symlink("/etc/passwd", path), 0);
		assert_false(add(&store, "b.zip").was_present);
		check_whole(stored.dir);
	}
}

static void wait_for(pid_t pid, int expected)
{
	int status;

	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), expected);
}

static void all_who_add_at_once_succeed(void **state)
{
	enum { ADDERS = 8, ROUNDS = 5 };

	put_bundle("bundle");
	pack("bundle", "b.zip");
	for (int round = 0; round < ROUNDS; round++) {
		pid_t pids[ADDERS];

		files_remove(AT_FDCWD, "state");
		for (int i = 0; i < ADDERS; i++) {
			pids[i] = fork();
			assert_true(pids[i] >= 0);
			if (pids[i] == 0) {
				struct store store;
				_exit(store_open(&arena, "state", &store, &err) &&
							try_add(&store, "b.zip")
						? 0
						: 1);
			}
		}
		for (int i = 0; i < ADDERS; i++)
			wait_for(pids[i], 0);
		assert_int_equal(count_in("state/bundles"), 1);
		assert_int_equal(count_in("state/staging"), 0);
	}
}

static void opening_sweeps_what_nobody_makes(void **state)
{
	struct stage stage;
	const struct store store = open_store("state");

	put_file("state/staging/left/files/deep/er/x", "x");
	OK(stage_init(&stage, store.staging_fd, &err));
	open_store("state");
	assert_int_equal(count_in("state/staging"), 1);
	assert_true(exists(arena_printf(&arena, "state/staging/%s/files", stage.name)));
	stage_done(&stage);
	assert_int_equal(count_in("state/staging"), 0);
}

/* A reader that was just started holds its maker's lock until it notices the death: some
 * microseconds. */
static struct store open_swept_store(void)
{
	struct store store = open_store("state");

	for (int i = 0; i < 1000 && count_in("state/staging") > 0; i++) {
		usleep(1000);
		store = open_store("state");
	}
	assert_int_equal(count_in("state/staging"), 0);
	return store;
}

/* Kills at ever later moments; the steps of an addition take a few milliseconds all in all. */
static void a_kill_leaves_nothing_or_all(void **state)
{
	enum { KILLS = 60, STEP_US = 300 };
	int whole = 0;

	put_bundle("bundle");
	pack("bundle", "b.zip");
	for (int i = 0; i < KILLS; i++) {
		files_remove(AT_FDCWD, "state");
		open_store("state");
		const pid_t pid = fork();
		assert_true(pid >= 0);
		if (pid == 0) {
			struct store store;
			_exit(store_open(&arena, "state", &store, &err) && try_add(&store, "b.zip")
					? 0
					: 1);
		}
		usleep((useconds_t)(i * STEP_US));
		kill(pid, SIGKILL);
		assert_int_equal(waitpid(pid, NULL, 0), pid);

		if (count_in("state/bundles") > 0) {
			const struct store store = open_swept_store();
			assert_true(add(&store, "b.zip").was_present);
			whole++;
		}
		const struct store store = open_swept_store();
		check_whole(add(&store, "b.zip").dir);
	}
	print_message("%d of %d kills came after the bundle was whole\n", whole, KILLS);
}

static void state_folders_are_made(void **state)
{
	struct stat st;

	open_store("a/b/state/");
	assert_int_equal(stat("a/b/state", &st), 0);
	assert_int_equal(st.st_mode & 0777, 0700);
	put_file("file", "x");
	struct store store;
	FAILS(store_open(&arena, "file/state", &store, &err), ERR_INTERNAL, "file/state");
	/* The first of two folders fails, the second does not. */
	put_file("blocked/bundles", "x");
	FAILS(store_open(&arena, "blocked", &store, &err), ERR_INTERNAL,
		"make folder 'blocked/bundles': Not a directory");
}

/* --- package --- */

static struct package open_package(const char *path, const char *state_dir)
{
	struct package package = {0};

	OK(package_open(&arena, path, state_dir, NULL, &package, &err));
	return package;
}

static bool try_open(const char *path)
{
	struct package package;

	return package_open(&arena, path, "state", NULL, &package, &err);
}

static void a_folder_is_used_in_place(void **state)
{
	put_bundle("slides");
	struct package package = open_package("slides//", NULL);
	assert_string_equal(package.dir, "slides");
	assert_string_equal(package.name, "slides");
	assert_string_equal(package.digest, "");
	assert_false(package.is_archive);
	assert_int_equal(chdir("slides"), 0);
	package = open_package(".", NULL);
	assert_string_equal(package.name, "slides");
	assert_int_equal(chdir(".."), 0);
	FAILS(try_open("nowhere"), ERR_NOT_FOUND, "'nowhere'");
}

static void a_folder_must_fit_its_manifest(void **state)
{
	struct file_list files;
	struct str manifest;

	put_bundle("slides");
	const int fd = open_dir("slides");
	OK(pack_manifest(&arena, fd, &plain_walk, &manifest, &files, &err));
	close(fd);
	put_file("slides/manifest.json", arena_memdup(&arena, manifest.data, manifest.len));
	const struct package package = open_package("slides", NULL);
	struct digest digest = digest_of(manifest), parsed;
	assert_true(digest_parse(str_of(package.digest), &parsed) && digest_eq(&digest, &parsed));
	put_file("slides/.editing.swp", "left out, so no matter");
	open_package("slides", NULL);

	put_file("slides/MLmodel", "changed: {}\n");
	FAILS(try_open("slides"), ERR_INVALID_BUNDLE, "slides: 'MLmodel' has sha256");
	unlink("slides/MLmodel");
	FAILS(try_open("slides"), ERR_INVALID_BUNDLE, "slides: 'MLmodel' is missing");
	unlink("slides/manifest.json");
	assert_int_equal(symlink("/dev/zero", "slides/manifest.json"), 0);
	FAILS(try_open("slides"), ERR_INVALID_BUNDLE, "manifest.json");
}

static void an_archive_goes_through_the_store(void **state)
{
	put_bundle("slides");
	pack("slides", "slides.v1.tar.zst");
	const struct package package = open_package("./slides.v1.tar.zst", "state");
	assert_string_equal(package.name, "slides.v1");
	assert_true(package.is_archive);
	assert_string_equal(package.dir, arena_printf(&arena, "state/bundles/%s", package.digest));
	check_whole(package.dir);
}

static void without_a_state_folder_nothing_stays(void **state)
{
	struct arena own;
	struct package package;

	put_bundle("slides");
	pack("slides", "slides.zip");
	setenv("TMPDIR", place, 1);
	for (int i = 0; i < 2; i++) {
		const size_t before = count_in(".");

		arena_init(&own);
		if (i == 0) {
			OK(package_open(&own, "slides.zip", NULL, NULL, &package, &err));
			assert_true(str_starts(str_of(package.dir), str_of(place)));
			check_whole(package.dir);
		} else {
			put_file("slides.zip", "broken");
			FAILS(package_open(&own, "slides.zip", NULL, NULL, &package, &err),
				ERR_INVALID_BUNDLE, "Unrecognized");
		}
		arena_done(&own);
		assert_int_equal(count_in("."), before);
	}
	unsetenv("TMPDIR");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(a_bundle_is_stored_by_its_digest),
		TEST(an_archive_without_manifest_gets_one),
		TEST(a_packed_bundle_may_lie_in_one_folder),
		TEST(two_folders_at_the_top_stay),
		TEST(what_does_not_fit_its_manifest_is_refused),
		TEST(a_damaged_bundle_is_replaced),
		TEST(all_who_add_at_once_succeed),
		TEST(opening_sweeps_what_nobody_makes),
		TEST(a_kill_leaves_nothing_or_all),
		TEST(state_folders_are_made),
		TEST(a_folder_is_used_in_place),
		TEST(a_folder_must_fit_its_manifest),
		TEST(an_archive_goes_through_the_store),
		TEST(without_a_state_folder_nothing_stays),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

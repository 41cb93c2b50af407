#include "packaging_test.h"

#include "base/json.h"
#include "packaging/manifest.h"

#define EMPTY_SHA "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
#define A_SHA     "ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb"

static struct file_list list_of(const char *const *paths, size_t count)
{
	struct file_list files = {0};

	for (size_t i = 0; i < count; i++) {
		const struct file file = {
			.path = paths[i], .size = 1, .sha256 = digest_of(STR("a"))};
		files_add(&arena, &files, file);
	}
	files_sort(&files);
	return files;
}

static void digests_are_those_of_the_standard(void **state)
{
	char hex[DIGEST_HEX_SIZE];
	struct digest digest = digest_of(STR("")), again;
	struct sha256 hash;

	/* FIPS 180-4 examples. */
	assert_string_equal(digest_hex(&digest, hex), EMPTY_SHA);
	digest = digest_of(STR("abc"));
	assert_string_equal(digest_hex(&digest, hex),
		"ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
	assert_true(digest_parse(str_of(hex), &again));
	assert_true(digest_eq(&digest, &again));

	sha256_init(&hash);
	for (int i = 0; i < 2; i++) {
		sha256_add(&hash, "a", 1);
		sha256_add(&hash, "", 0);
		sha256_add(&hash, "bc", 2);
		again = sha256_end(&hash);
		assert_true(digest_eq(&digest, &again));
	}
}

static void digests_are_read_strictly(void **state)
{
	static const char *const BAD[] = {"", "abc", EMPTY_SHA "0",
		"E3B0C44298FC1C149AFBF4C8996FB92427AE41E4649B934CA495991B7852B855",
		"g3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"};
	struct digest digest;

	for (size_t i = 0; i < sizeof(BAD) / sizeof(BAD[0]); i++)
		assert_false(digest_parse(str_of(BAD[i]), &digest));
}

static void what_is_written_is_canonical_and_reads_back(void **state)
{
	static const char *const PATHS[] = {
		"b", "manifest.json", "a/z", "manifest.sig", "a-z", "data/manifest.json"};
	const struct file_list files = list_of(PATHS, 6);
	struct buf text = {0}, canonical = {0};
	struct file_list back;
	struct json tree;

	manifest_write(&text, &files);
	const char *expected =
		"{\"files\":["
		"{\"path\":\"a-z\",\"sha256\":\"" A_SHA "\",\"size\":1},"
		"{\"path\":\"a/z\",\"sha256\":\"" A_SHA "\",\"size\":1},"
		"{\"path\":\"b\",\"sha256\":\"" A_SHA "\",\"size\":1},"
		"{\"path\":\"data/manifest.json\",\"sha256\":\"" A_SHA "\",\"size\":1}"
		"],\"version\":1}";
	assert_string_equal(buf_text(&text), expected);
	OK(json_read(&arena, buf_str(&text), &tree, &err));
	json_write_canonical(&canonical, &tree);
	assert_true(str_eq(buf_str(&text), buf_str(&canonical)));
	OK(manifest_read(&arena, buf_str(&text), &back, &err));
	assert_int_equal(back.count, 4);
	OK(manifest_check(&back, &files, &err));
	buf_done(&text);
	buf_done(&canonical);
}

static bool try_read(const char *text)
{
	struct file_list files;

	return manifest_read(&arena, str_of(text), &files, &err);
}

#define ONE(path, sha, size) "{\"path\":" path ",\"sha256\":" sha ",\"size\":" size "}"
#define MANIFEST(files)      "{\"files\":[" files "],\"version\":1}"
#define SHA                  "\"" A_SHA "\""

static void wrong_manifests_are_named(void **state)
{
	static const struct {
		const char *text, *why;
	} BAD[] = {
		{"", "manifest.json"},
		{"[]", "expected an object, got an array"},
		{"{\"files\":[]}", "version: expected 1"},
		{"{\"files\":[],\"version\":2}", "version: expected 1"},
		{"{\"files\":[],\"version\":\"1\"}", "version: expected 1"},
		{"{\"version\":1}", "files: expected an array"},
		{"{\"files\":{},\"version\":1}", "files: expected an array, got an object"},
		{"{\"files\":[],\"version\":1,\"\\u001bx\":0}", "unknown key '\\x1bx'"},
		{MANIFEST("1"), "files[0]: expected an object"},
		{MANIFEST(ONE("\"../x\"", SHA, "1")), "files[0]: path: a component '..'"},
		{MANIFEST(ONE("\"/x\"", SHA, "1")), "files[0]: path: an absolute"},
		{MANIFEST(ONE("7", SHA, "1")), "files[0]: path: an empty name"},
		{MANIFEST(ONE("\"a\\u0000b\"", SHA, "1")), "files[0]: path: byte 0x00"},
		{MANIFEST(ONE("\"a\"", "\"abc\"", "1")), "files[0]: sha256: expected 64"},
		{MANIFEST(ONE("\"a\"", SHA, "-1")), "files[0]: size: expected"},
		{MANIFEST(ONE("\"a\"", SHA, "1.5")), "files[0]: size: expected"},
		{MANIFEST(ONE("\"a\"", SHA, "1,\"mode\":0")), "files[0]: unknown key 'mode'"},
		{MANIFEST(ONE("\"manifest.json\"", SHA, "1")), "cannot list itself"},
		{MANIFEST(ONE("\"a\"", SHA, "1") "," ONE("\"a\"", SHA, "1")),
			"files[1]: 'a' must come after 'a'"},
		{MANIFEST(ONE("\"b\"", SHA, "1") "," ONE("\"a\"", SHA, "1")),
			"files[1]: 'a' must come after 'b'"},
	};

	for (size_t i = 0; i < sizeof(BAD) / sizeof(BAD[0]); i++)
		FAILS(try_read(BAD[i].text), ERR_INVALID_BUNDLE, BAD[i].why);
	OK(try_read(MANIFEST("")));
	OK(try_read(" {\"version\": 1, \"files\": [" ONE("\"a\"", SHA, "1") "]}\n"));
}

static void deep_manifests_are_refused(void **state)
{
	char *deep = arena_alloc(&arena, 200001);

	memset(deep, '[', 200000);
	deep[200000] = '\0';
	FAILS(try_read(deep), ERR_INVALID_BUNDLE, "manifest.json");
}

static void differences_name_the_file_and_both_values(void **state)
{
	static const char *const THREE[] = {"a", "b", "c"}, *const TWO[] = {"a", "c"};
	const struct file_list three = list_of(THREE, 3), two = list_of(TWO, 2), none = {0};
	struct file_list other = list_of(THREE, 3);

	OK(manifest_check(&three, &other, &err));
	FAILS(manifest_check(&three, &two, &err), ERR_INVALID_BUNDLE,
		"'b' is missing, manifest.json lists it");
	FAILS(manifest_check(&three, &none, &err), ERR_INVALID_BUNDLE, "'a' is missing");
	FAILS(manifest_check(&two, &three, &err), ERR_INVALID_BUNDLE,
		"'b' is not listed in manifest.json");
	FAILS(manifest_check(&none, &three, &err), ERR_INVALID_BUNDLE, "'a' is not listed");
	other.items[2].size = 7;
	FAILS(manifest_check(&three, &other, &err), ERR_INVALID_BUNDLE,
		"'c' has 7 bytes, manifest.json says 1");
	other.items[2].size = 1;
	other.items[2].sha256 = digest_of(STR(""));
	FAILS(manifest_check(&three, &other, &err), ERR_INVALID_BUNDLE,
		"'c' has sha256 " EMPTY_SHA ", manifest.json says " A_SHA);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(digests_are_those_of_the_standard),
		TEST(digests_are_read_strictly),
		TEST(what_is_written_is_canonical_and_reads_back),
		TEST(wrong_manifests_are_named),
		TEST(deep_manifests_are_refused),
		TEST(differences_name_the_file_and_both_values),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* sluice sign, sluice verify: who vouches for a bundle. */
#include "cli/command.h"
#include "cli/console.h"
#include "cli/record.h"
#include "packaging/pack.h"
#include "packaging/package.h"
#include "packaging/sign.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

struct sign_options {
	const char *key;
	bool is_json;
};

struct verify_options {
	const char *trusted;
	bool is_json;
};

static bool answer(struct console *console, struct arena *arena, const char *done, const char *path,
	const struct package *package, const char *key, struct error *err)
{
	struct json record = json_object();
	struct buf out = {0};

	json_set(arena, &record, STR("bundle"), json_string(str_of(path)));
	json_set(arena, &record, STR("digest"), json_string(str_of(package->digest)));
	json_set(arena, &record, STR("key"), json_string(str_of(key)));
	if (console->is_json)
		return console_write_json(console, &record, err);
	console_style(&out, console->has_out_color, STYLE_GOOD, done);
	buf_add_char(&out, ' ');
	buf_add_visible(&out, str_of(path));
	buf_add_char(&out, '\n');
	record_write(&out, arena, &record);
	const bool is_written = console_write(console, buf_str(&out), err);
	buf_done(&out);
	return is_written;
}

/* ---- sign ---- */

static bool write_signatures(int dir_fd, struct str text, struct error *err)
{
	unlinkat(dir_fd, SIGNATURE_NAME, 0);
	const int fd = files_create(dir_fd, SIGNATURE_NAME);
	const bool is_written = fd >= 0 && files_write_all(fd, text);

	if (!is_written)
		error_set_errno(err, ERR_INTERNAL, errno, "write " SIGNATURE_NAME);
	if (fd >= 0)
		close(fd);
	return is_written;
}

static bool sign_folder(struct arena *arena, const char *dir, const char *key_file, const char **ret_key, struct error *err)
{
	const int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct str manifest, old, made;
	struct error ignored;

	if (fd < 0)
		return error_set_errno(err, ERR_INTERNAL, errno, "open '%s'", dir);
	bool is_fine = files_read(arena, fd, MANIFEST_NAME, MANIFEST_SIZE_MAX, &manifest, err);
	if (!files_read(arena, fd, SIGNATURE_NAME, SIGNATURES_SIZE_MAX, &old, &ignored))
		old = STR("");
	is_fine = is_fine && sign_manifest(arena, manifest, old, key_file, &made, ret_key, err) &&
		  write_signatures(fd, made, err);
	close(fd);
	return is_fine;
}

/* The archive's other bytes stay what they are: packing is deterministic. */
static bool run_sign(struct console *console, struct arena *arena, const void *data,
	const struct options_result *arguments, struct error *err)
{
	const struct files_walk walk = {.limits = &archive_limits_default};
	const struct sign_options *options = data;
	const char *file = arguments->arguments[0], *key;
	struct pack_result packed;
	struct package package;

	if (!package_open(arena, file, NULL, NULL, &package, err))
		return false;
	if (!package.is_archive)
		return error_set(err, ERR_USAGE, "'%s' is a folder: pack it first (sluice pack %s -o FILE), and sign the archive",
			file, file);
	return sign_folder(arena, package.dir, options->key, &key, err) &&
	       pack_folder(arena, package.dir, file, &walk, &packed, err) &&
	       answer(console, arena, "signed", file, &package, key, err);
}

static const struct option SIGN_OPTIONS[] = {
	{"key", 'k', OPTION_STRING, offsetof(struct sign_options, key), .value = "FILE", .is_required = true,
		.help = "Ed25519 private key in PEM: openssl genpkey -algorithm ed25519 -out FILE"},
	OPTION_JSON(struct sign_options),
	{0},
};

static const char *const SIGN_EXAMPLES[] = {"sluice sign slides.tar.gz --key release.pem", NULL};

static const struct options_spec SIGN_SPEC = {
	.program = "sluice sign",
	.summary = "adds a signature to a bundle's archive",
	.about = "The signature is over manifest.json, which names every file by its SHA-256. Several may sign: signatures of others stay.",
	.arguments = "FILE",
	.arguments_min = 1,
	.arguments_max = 1,
	.options = SIGN_OPTIONS,
	.examples = SIGN_EXAMPLES,
};

const struct command cmd_sign = {
	.name = "sign",
	.area = AREA_BUNDLES,
	.spec = &SIGN_SPEC,
	.options_size = sizeof(struct sign_options),
	.json_offset = offsetof(struct sign_options, is_json),
	.run = run_sign,
};

/* ---- verify ---- */

static bool run_verify(struct console *console, struct arena *arena, const void *data,
	const struct options_result *arguments, struct error *err)
{
	const struct verify_options *options = data;
	const char *path = arguments->arguments[0], *key;
	struct trusted_keys keys;
	struct package package;

	if (!trusted_read(arena, options->trusted, &keys, err) || !package_open(arena, path, NULL, NULL, &package, err))
		return false;
	if (!trusted_check(arena, &keys, package.dir, &key, err))
		return error_wrap(err, "%s", path);
	return answer(console, arena, "verified", path, &package, key, err);
}

static const struct option VERIFY_OPTIONS[] = {
	{"trusted-keys", 0, OPTION_STRING, offsetof(struct verify_options, trusted), .value = "FILE", .is_required = true,
		.help = "Ed25519 public keys in PEM, one behind the other: openssl pkey -in KEY -pubout"},
	OPTION_JSON(struct verify_options),
	{0},
};

static const char *const VERIFY_EXAMPLES[] = {"sluice verify slides.tar.gz --trusted-keys release.pub", NULL};

static const struct options_spec VERIFY_SPEC = {
	.program = "sluice verify",
	.summary = "checks a bundle's files, and that one of the trusted keys signed it",
	.arguments = "FILE|DIR",
	.arguments_min = 1,
	.arguments_max = 1,
	.options = VERIFY_OPTIONS,
	.examples = VERIFY_EXAMPLES,
};

const struct command cmd_verify = {
	.name = "verify",
	.area = AREA_BUNDLES,
	.spec = &VERIFY_SPEC,
	.options_size = sizeof(struct verify_options),
	.json_offset = offsetof(struct verify_options, is_json),
	.run = run_verify,
};

/*
 * ${env:NAME}, ${env:NAME:-default}, ${secret:NAME}, ${secret:SCOPE/KEY}; "$${" stands for "${". What a reference
 * expands to is not looked at again. As in a shell, :- also takes the default where the variable is
 * empty.
 *
 * Text of a secret is built in memory that is wiped, and only for fields of the type secret.
 */
#include "model/bundle.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { NAME_SIZE = 128, SECRET_SIZE = 64 * 1024 };

enum outcome { FOUND, UNRESOLVED, MISTAKEN };

static bool is_name(struct str name)
{
	for (size_t i = 0; i < name.len; i++) {
		const char c = name.data[i];
		const bool is_letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
		const bool is_other = (c >= '0' && c <= '9') || c == '-' || c == '.';

		if (!is_letter && (i == 0 || !is_other))
			return false;
	}
	return name.len > 0 && name.len < NAME_SIZE;
}

static bool is_for_secret(const struct decoder *decoder)
{
	return decoder->field != NULL && decoder->field->kind == DECODE_SECRET;
}

static const struct bundle_variable *find_variable(const struct decoder *decoder, struct str name)
{
	const struct bundle_options *options = decoder->expand_data;

	for (size_t i = 0; options != NULL && i < options->variable_count; i++)
		if (str_is(name, options->variables[i].name))
			return &options->variables[i];
	return NULL;
}

static enum outcome expand_variable(struct decoder *decoder, const struct bundle_variable *variable, struct buf *out)
{
	if (variable->is_secret && !is_for_secret(decoder)) {
		decode_problem(decoder, decoder->value,
			"the endpoint's environment variable '%s' is a secret, which would show here: it may only stand in "
			"a field of the type secret (api_key)",
			variable->name);
		return MISTAKEN;
	}
	buf_add_str(out, secret_reveal(variable->value));
	return FOUND;
}

static enum outcome expand_env(struct decoder *decoder, struct str body, struct buf *out)
{
	char name[NAME_SIZE];
	const char *mark = memmem(body.data, body.len, ":-", 2);
	const struct str key = {body.data, mark != NULL ? (size_t)(mark - body.data) : body.len};

	if (!is_name(key)) {
		decode_problem(decoder, decoder->value,
			"'%.*s' is no name of an environment variable", STR_ARGS(key));
		return MISTAKEN;
	}
	const struct bundle_variable *variable = find_variable(decoder, key);
	if (variable != NULL && (mark == NULL || variable->value.len > 0))
		return expand_variable(decoder, variable, out);
	memcpy(name, key.data, key.len);
	name[key.len] = '\0';
	const char *value = getenv(name);
	if (mark != NULL && (value == NULL || value[0] == '\0')) {
		buf_add(out, mark + 2, body.len - key.len - 2);
		return FOUND;
	}
	if (value == NULL)
		return UNRESOLVED;
	if (!str_is_utf8(str_of(value))) {
		decode_problem(decoder, decoder->value,
			"environment variable '%s' is no valid UTF-8", name);
		return MISTAKEN;
	}
	buf_add_text(out, value);
	return FOUND;
}

/* Secrets are mounted as links to files: those are followed, unlike a bundle's. */
static bool read_secret_file(const char *dir, const char *name, struct buf *out)
{
	struct buf path = {0};
	struct stat info;

	buf_printf(&path, "%s/%s", dir, name);
	const int fd = open(buf_text(&path), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	buf_done(&path);
	if (fd < 0)
		return false;
	bool is_fine =
		fstat(fd, &info) == 0 && S_ISREG(info.st_mode) && info.st_size <= SECRET_SIZE;
	const ssize_t got = is_fine ? read(fd, buf_reserve(out, SECRET_SIZE), SECRET_SIZE) : -1;
	close(fd);
	if (got < 0)
		return false;
	out->len += (size_t)got;
	while (out->len > 0 && (out->data[out->len - 1] == '\n' || out->data[out->len - 1] == '\r'))
		out->len--;
	return true;
}

static bool read_secret_env(const char *name, struct buf *out)
{
	char key[sizeof("SLUICE_SECRET_") + NAME_SIZE] = "SLUICE_SECRET_";
	char *at = key + strlen(key);

	for (; *name != '\0'; name++) {
		const bool is_lower = *name >= 'a' && *name <= 'z';

		*at++ = (char)(is_lower ? *name - 32 : *name == '-' || *name == '.' ? '_' : *name);
	}
	*at = '\0';
	const char *value = getenv(key);
	if (value != NULL)
		buf_add_text(out, value);
	return value != NULL;
}

/* scope/key, in the server's store, whose names begin with more. */
static bool is_stored_name(struct str key)
{
	struct str scope;

	if (!str_cut(&key, '/', &scope) || scope.len == 0 || key.len == 0 || scope.data[0] == '.')
		return false;
	for (size_t i = 0; i < scope.len + 1 + key.len; i++) {
		const char c = scope.data[i];
		const bool is_letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');

		if (!is_letter && i != scope.len && (c == '\0' || strchr("-_.@", c) == NULL))
			return false;
	}
	return true;
}

static enum outcome expand_stored(struct decoder *decoder, struct str name, struct buf *out)
{
	const struct bundle_options *options = decoder->expand_data;
	struct secret secret;
	struct str key = name, scope;
	struct error err;

	if (options == NULL || options->read_secret == NULL)
		return UNRESOLVED;
	str_cut(&key, '/', &scope);
	if (!options->read_secret(options->secret_data, decoder->arena, scope, key, &secret, &err)) {
		decode_problem(decoder, decoder->value, "'${secret:%.*s}': %s", STR_ARGS(name), err.text);
		return MISTAKEN;
	}
	if (!str_is_utf8(secret_reveal(secret))) {
		decode_problem(decoder, decoder->value, "secret '%.*s' is no valid UTF-8", STR_ARGS(name));
		return MISTAKEN;
	}
	buf_add_str(out, secret_reveal(secret));
	return FOUND;
}

static enum outcome expand_secret(struct decoder *decoder, struct str key, struct buf *out)
{
	const struct bundle_options *options = decoder->expand_data;
	struct buf text = {0};
	char name[NAME_SIZE];

	if (!is_for_secret(decoder)) {
		decode_problem(decoder, decoder->value,
			"secret '%.*s' would show here: a secret may only stand in a field of the type secret "
			"(api_key)",
			STR_ARGS(key));
		return MISTAKEN;
	}
	if (is_stored_name(key))
		return expand_stored(decoder, key, out);
	if (!is_name(key)) {
		decode_problem(
			decoder, decoder->value, "'%.*s' is no name of a secret", STR_ARGS(key));
		return MISTAKEN;
	}
	memcpy(name, key.data, key.len);
	name[key.len] = '\0';
	const char *dir = options != NULL ? options->secret_dir : NULL;
	bool is_found = dir != NULL && read_secret_file(dir, name, &text);
	if (!is_found)
		is_found = read_secret_env(name, &text);
	if (is_found && !str_is_utf8(buf_str(&text))) {
		decode_problem(decoder, decoder->value, "secret '%s' is no valid UTF-8", name);
		buf_done(&text);
		return MISTAKEN;
	}
	buf_add_str(out, buf_str(&text));
	if (text.data != NULL)
		explicit_bzero(text.data, text.cap);
	buf_done(&text);
	return is_found ? FOUND : UNRESOLVED;
}

/* `body` is what stands between ${ and }. */
static enum outcome expand_one(struct decoder *decoder, struct str body, struct buf *out)
{
	static const struct str env = {"env:", 4}, secret = {"secret:", 7};

	if (str_starts(body, env))
		return expand_env(
			decoder, (struct str){body.data + env.len, body.len - env.len}, out);
	if (str_starts(body, secret))
		return expand_secret(
			decoder, (struct str){body.data + secret.len, body.len - secret.len}, out);
	decode_problem(decoder, decoder->value,
		"'${%.*s}' is neither ${env:NAME} nor ${secret:NAME} (write $${ for plain text)",
		STR_ARGS(body));
	return MISTAKEN;
}

static enum outcome expand_text(
	struct decoder *decoder, struct str text, struct buf *out, struct str *ret_unresolved)
{
	while (text.len > 0) {
		const char *open = memmem(text.data, text.len, "${", 2);
		const size_t plain = open != NULL ? (size_t)(open - text.data) : text.len;

		buf_add(out, text.data, plain);
		text = (struct str){text.data + plain, text.len - plain};
		if (text.len == 0)
			break;
		if (plain > 0 && open[-1] == '$') {
			buf_add_char(out, '{');
			text = (struct str){text.data + 2, text.len - 2};
			continue;
		}
		const char *close = memchr(text.data, '}', text.len);
		if (close == NULL) {
			decode_problem(decoder, decoder->value, "'${' without '}'");
			return MISTAKEN;
		}
		const struct str body = {text.data + 2, (size_t)(close - text.data - 2)};
		const enum outcome outcome = expand_one(decoder, body, out);
		*ret_unresolved = body;
		if (outcome != FOUND)
			return outcome;
		text = (struct str){close + 1, text.len - body.len - 3};
	}
	return FOUND;
}

static const char *hint_of(struct str body)
{
	if (!str_starts(body, STR("secret:")))
		return " (give a default with ${env:NAME:-default})";
	if (memchr(body.data, '/', body.len) != NULL) /* is_stored_name(), or it were a mistake */
		return ": there is no store of secrets here, only a server has one";
	return " (a file of that name in the secret folder, or SLUICE_SECRET_<NAME>)";
}

/* Offline an unresolved reference stays as it is where any text may stand; elsewhere the default
 * does. */
static bool leave_unresolved(
	struct decoder *decoder, struct str text, struct str body, struct str *ret)
{
	const struct bundle_options *options = decoder->expand_data;
	const enum decode_kind kind = decoder->field != NULL ? decoder->field->kind : DECODE_STRING;
	const bool is_number = kind == DECODE_INTEGER || kind == DECODE_DOUBLE ||
			       kind == DECODE_BOOL || kind == DECODE_ENUM;

	if (options == NULL || !options->is_offline) {
		decode_problem(decoder, decoder->value, "'${%.*s}' is not set%s", STR_ARGS(body), hint_of(body));
		return false;
	}
	*ret = text;
	return !is_number;
}

bool config_expand(struct decoder *decoder, struct str text, struct str *ret)
{
	struct str unresolved = {0};
	struct buf out = {0};
	const enum outcome outcome = expand_text(decoder, text, &out, &unresolved);

	if (outcome == FOUND && is_for_secret(decoder))
		*ret = secret_reveal(secret_new(decoder->arena, buf_str(&out)));
	else if (outcome == FOUND)
		*ret = (struct str){arena_memdup(decoder->arena, out.data, out.len), out.len};
	if (out.data != NULL)
		explicit_bzero(out.data, out.cap);
	buf_done(&out);
	if (outcome == UNRESOLVED)
		return leave_unresolved(decoder, text, unresolved, ret);
	return outcome == FOUND;
}

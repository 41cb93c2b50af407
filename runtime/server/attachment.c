#include "server/attachment.h"

#include "base/percent.h"

/* Shown as text, whatever they are registered as. */
static const char *const TEXTS[] = {"txt", "log", "err", "cfg", "conf", "cnf", "cf", "ini", "properties", "prop",
	"hocon", "toml", "yaml", "yml", "xml", "json", "js", "py", "py3", "csv", "tsv", "md", "rst", "ipynb", "MLmodel",
	"mlproject"};

/* The common ones of the IANA registry; what is not here is bytes. */
static const struct {
	const char *extension, *type;
} TYPES[] = {
	{"7z", "application/x-7z-compressed"},
	{"aac", "audio/aac"},
	{"avi", "video/x-msvideo"},
	{"avif", "image/avif"},
	{"bmp", "image/bmp"},
	{"c", "text/plain"},
	{"css", "text/css"},
	{"doc", "application/msword"},
	{"docx", "application/vnd.openxmlformats-officedocument.wordprocessingml.document"},
	{"eot", "application/vnd.ms-fontobject"},
	{"epub", "application/epub+zip"},
	{"flac", "audio/flac"},
	{"gif", "image/gif"},
	{"h", "text/plain"},
	{"h5", "application/x-hdf5"},
	{"hdf", "application/x-hdf"},
	{"heic", "image/heic"},
	{"htm", "text/html"},
	{"html", "text/html"},
	{"ico", "image/vnd.microsoft.icon"},
	{"ics", "text/calendar"},
	{"jar", "application/java-archive"},
	{"jpeg", "image/jpeg"},
	{"jpg", "image/jpeg"},
	{"m4a", "audio/mp4"},
	{"mid", "audio/midi"},
	{"mjs", "text/javascript"},
	{"mov", "video/quicktime"},
	{"mp3", "audio/mpeg"},
	{"mp4", "video/mp4"},
	{"mpeg", "video/mpeg"},
	{"mpg", "video/mpeg"},
	{"nc", "application/x-netcdf"},
	{"odp", "application/vnd.oasis.opendocument.presentation"},
	{"ods", "application/vnd.oasis.opendocument.spreadsheet"},
	{"odt", "application/vnd.oasis.opendocument.text"},
	{"oga", "audio/ogg"},
	{"ogg", "audio/ogg"},
	{"ogv", "video/ogg"},
	{"opus", "audio/opus"},
	{"otf", "font/otf"},
	{"pdf", "application/pdf"},
	{"png", "image/png"},
	{"ppt", "application/vnd.ms-powerpoint"},
	{"pptx", "application/vnd.openxmlformats-officedocument.presentationml.presentation"},
	{"ps", "application/postscript"},
	{"pyc", "application/x-python-code"},
	{"rtf", "application/rtf"},
	{"sh", "application/x-sh"},
	{"svg", "image/svg+xml"},
	{"tar", "application/x-tar"},
	{"tgz", "application/x-tar"},
	{"tif", "image/tiff"},
	{"tiff", "image/tiff"},
	{"ttf", "font/ttf"},
	{"wasm", "application/wasm"},
	{"wav", "audio/x-wav"},
	{"weba", "audio/webm"},
	{"webm", "video/webm"},
	{"webp", "image/webp"},
	{"woff", "font/woff"},
	{"woff2", "font/woff2"},
	{"xls", "application/vnd.ms-excel"},
	{"xlsx", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"},
	{"zip", "application/zip"},
};

static const char *const COMPRESSIONS[] = {"gz", "bz2", "xz", "Z", "br"};

/* Behind the last dot; empty where there is none, or only dots before the name. */
static struct str extension_of(struct str name)
{
	size_t start = 0, at = name.len;

	while (start < name.len && name.data[start] == '.')
		start++;
	while (at > start && name.data[at - 1] != '.')
		at--;
	if (at <= start)
		return STR("");
	return (struct str){name.data + at, name.len - at};
}

static bool is_compression(struct str extension)
{
	for (size_t i = 0; i < sizeof(COMPRESSIONS) / sizeof(*COMPRESSIONS); i++)
		if (str_is(extension, COMPRESSIONS[i]))
			return true;
	return false;
}

const char *attachment_type(struct str name)
{
	struct str extension = extension_of(name);
	const struct str text = extension.len > 0 ? extension : name;

	for (size_t i = 0; i < sizeof(TEXTS) / sizeof(*TEXTS); i++)
		if (str_is(text, TEXTS[i]))
			return "text/plain";
	/* x.tar.gz is a tar that somebody compressed. */
	if (is_compression(extension))
		extension = extension_of((struct str){name.data, name.len - extension.len - 1});
	for (size_t i = 0; i < sizeof(TYPES) / sizeof(*TYPES); i++)
		if (extension.len > 0 && str_eq_nocase(extension, str_of(TYPES[i].extension)))
			return TYPES[i].type;
	return "application/octet-stream";
}

static bool is_one_of(char c, const char *others)
{
	const bool is_letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');

	return is_letter || (c != '\0' && strchr(others, c) != NULL);
}

/* A token stays as it is, other text gets quotes. */
static void add_value(struct buf *buf, struct str text)
{
	bool is_token = text.len > 0;

	for (size_t i = 0; i < text.len; i++)
		is_token = is_token && is_one_of(text.data[i], "!#$%&'*+-.^_`|~");
	if (is_token) {
		buf_add_str(buf, text);
		return;
	}
	buf_add_char(buf, '"');
	for (size_t i = 0; i < text.len; i++) {
		if (text.data[i] == '"' || text.data[i] == '\\')
			buf_add_char(buf, '\\');
		buf_add_char(buf, text.data[i]);
	}
	buf_add_char(buf, '"');
}

/* For clients that know no UTF-8: letters of Latin-1 and Latin Extended-A (U+00C0 to U+017F) lose their accents, what
 * has no ASCII letter below them ('_' here) and all else is left out. */
static void add_plain(struct buf *buf, struct str text)
{
	static const char LETTERS[] = "AAAAAA_CEEEEIIII_NOOOOO__UUUUY__aaaaaa_ceeeeiiii_nooooo__uuuuy_y"
				      "AaAaAaCcCcCcCcDd__EeEeEeEeEeGgGgGgGgHh__IiIiIiIiI_IiJjKk_LlLlLlL"
				      "l__NnNnNnn__OoOoOo__RrRrRrSsSsSsSsTtTt__UuUuUuUuUuUuWwYyYZzZzZzs";
	_Static_assert(sizeof(LETTERS) == 0x180 - 0xC0 + 1, "a letter for each");

	for (size_t i = 0; i < text.len;) {
		const struct str rest = {text.data + i, text.len - i};
		const size_t step = str_utf8_step(rest);
		const unsigned code = step == 2 ? ((unsigned)rest.data[0] & 31) << 6 | ((unsigned)rest.data[1] & 63) : 0;

		if (step <= 1)
			buf_add_char(buf, rest.data[0]);
		else if (code >= 0xC0 && code < 0x180 && LETTERS[code - 0xC0] != '_')
			buf_add_char(buf, LETTERS[code - 0xC0]);
		i += step > 0 ? step : 1;
	}
}

struct str attachment_disposition(struct arena *arena, struct str name)
{
	struct buf text = {0}, plain = {0};

	add_plain(&plain, name);
	const bool is_ascii = plain.len == name.len;
	if (plain.len == 0 && !is_ascii)
		buf_add_text(&plain, "download");
	buf_add_text(&text, "attachment; filename=");
	add_value(&text, buf_str(&plain));
	if (!is_ascii) {
		buf_add_text(&text, "; filename*=UTF-8''");
		percent_encode(&text, name, "!#$&+-.^_`|~");
	}
	const struct str disposition = {arena_memdup(arena, text.data, text.len), text.len};
	buf_done(&text);
	buf_done(&plain);
	return disposition;
}

/*
 * Enforce tool: MLmodel's signature and request bodies in, statuses and answers out, without a
 * server.
 *
 *   enforce_tool MODEL_DIR < records > answers
 *   enforce_tool MODEL_DIR bench BODY_FILE SECONDS
 *
 * A record is a 32-bit little-endian length and a Content-Type (0xFFFFFFFF: no header), then length
 * and body. An answer is a length and "STATUS\n" with the body behind. An echo's answer is the
 * validated input, with params beside it where the signature declares some.
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/yaml.h"
#include "model/input.h"
#include "model/signature_decode.h"

static void fail(const char *what, const struct error *err)
{
	fprintf(stderr, "enforce_tool: %s: %s\n", what, err != NULL ? err->text : "failed");
	exit(EXIT_FAILURE);
}

static struct str read_file(struct arena *arena, const char *path)
{
	struct buf text = {0};
	FILE *file = fopen(path, "rb");
	size_t got;

	if (file == NULL)
		fail(path, NULL);
	do {
		got = fread(buf_reserve(&text, 65536), 1, 65536, file);
		text.len += got;
	} while (got > 0);
	fclose(file);
	const struct str copy = {arena_memdup(arena, text.data, text.len), text.len};
	buf_done(&text);
	return copy;
}

static void load(struct arena *arena, const char *dir, struct signature *ret)
{
	struct error err = {0};
	struct problems problems;
	struct decoder decoder;
	struct json mlmodel;
	const struct str text = read_file(arena, arena_printf(arena, "%s/MLmodel", dir));

	if (!yaml_read(arena, "MLmodel", text, &mlmodel, &err))
		fail(dir, &err);
	problems_init(&problems, arena);
	decoder_init(&decoder, arena, &problems, "MLmodel");
	decode_enter(&decoder, "signature");
	signature_decode(&decoder, json_get(&mlmodel, STR("signature")), ret);
	decode_leave(&decoder);
	decoder_done(&decoder);
	if (!problems_check(&problems, &err))
		fail(dir, &err);
}

/* False at the end of the input. */
static bool read_record(struct buf *text, bool *ret_is_absent)
{
	uint32_t len;

	text->len = 0;
	if (fread(&len, sizeof(len), 1, stdin) != 1)
		return false;
	*ret_is_absent = len == UINT32_MAX;
	if (*ret_is_absent)
		len = 0;
	buf_reserve(text, len + JSON_PADDING);
	if (fread(text->data, 1, len, stdin) != len)
		fail("record", NULL);
	text->len = len;
	return true;
}

static const struct error_info *score(const struct signature *signature, struct str content_type,
	struct str body, struct buf *out)
{
	struct arena arena;
	struct error err = {0};
	struct input input;
	enum input_media media;

	arena_init(&arena);
	out->len = 0;
	if (input_media_parse(content_type, &media, &err) &&
		input_read(&arena, signature, media, body, &input, &err)) {
		input_write(out, &input);
	} else {
		buf_add_text(out, "{\"error_code\":");
		json_write_string(out, str_of(error_info(err.code)->error_code));
		buf_add_text(out, ",\"message\":");
		json_write_string(out, str_of(err.text));
		buf_add_char(out, '}');
	}
	arena_done(&arena);
	return error_info(err.code);
}

static void serve(const struct signature *signature)
{
	struct buf type = {0}, body = {0}, out = {0};
	bool is_absent, ignored;

	while (read_record(&type, &is_absent) && read_record(&body, &ignored)) {
		const struct str content_type = {is_absent ? NULL : type.data, type.len};
		const int status =
			score(signature, content_type, buf_str(&body), &out)->http_status;
		char line[16];
		const int len = snprintf(line, sizeof(line), "%d\n", status);
		const uint32_t size = (uint32_t)len + (uint32_t)out.len;
		fwrite(&size, sizeof(size), 1, stdout);
		fwrite(line, 1, (size_t)len, stdout);
		fwrite(out.data, 1, out.len, stdout);
		fflush(stdout);
	}
	buf_done(&type);
	buf_done(&body);
	buf_done(&out);
}

static double now_s(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

/* JSON reading alone, reading and enforcing, and the whole way to the answer's text. */
static void bench(const struct signature *signature, const char *path, double seconds)
{
	static const char *const PARTS[] = {"json_read", "input_read", "input_read + input_write"};
	struct arena file, arena;
	struct error err = {0};
	struct input input = {0};
	struct buf body = {0}, out = {0};

	arena_init(&file);
	arena_init(&arena);
	buf_add_str(&body, read_file(&file, path));
	buf_reserve(&body, JSON_PADDING);
	for (int part = 0; part < 3; part++) {
		const double start = now_s();
		double end;
		size_t rounds = 0;
		do {
			for (int i = 0; i < 32; i++, rounds++) {
				struct json tree;
				const bool is_fine =
					part == 0 ? json_read_padded(
							    &arena, buf_str(&body), &tree, &err)
						  : input_read(&arena, signature, INPUT_JSON,
							    buf_str(&body), &input, &err);
				if (!is_fine)
					fail(path, &err);
				out.len = 0;
				if (part == 2)
					input_write(&out, &input);
				arena_clear(&arena);
			}
			end = now_s();
		} while (end - start < seconds);
		printf("%-26s %12.0f ns\n", PARTS[part], (end - start) * 1e9 / (double)rounds);
	}
	buf_done(&body);
	buf_done(&out);
	arena_done(&arena);
	arena_done(&file);
}

int main(int argc, char **argv)
{
	struct signature signature;
	struct arena arena;

	if (argc != 2 && argc != 5) {
		fprintf(stderr, "usage: enforce_tool MODEL_DIR [bench BODY_FILE SECONDS]\n");
		return EXIT_FAILURE;
	}
	arena_init(&arena);
	load(&arena, argv[1], &signature);
	if (argc == 5)
		bench(&signature, argv[3], atof(argv[4]));
	else
		serve(&signature);
	arena_done(&arena);
	return EXIT_SUCCESS;
}

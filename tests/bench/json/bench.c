/*
 * json_bench FILE…: reading, and reading + writing, of each file by Sluice's JSON and by jansson,
 * in turns within one process, medians over many rounds. Prints one JSON line a file: nanoseconds
 * and ratios (jansson / ours).
 */
#include "base/json.h"
#include "theirs.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { ROUNDS = 61, ROUND_NS = 3 * 1000 * 1000 };

struct subject {
	const char *name;
	size_t (*once)(struct str text); /* returns a number that depends on the result */
};

static double now_ns(void)
{
	struct timespec at;

	clock_gettime(CLOCK_MONOTONIC, &at);
	return (double)at.tv_sec * 1e9 + (double)at.tv_nsec;
}

static void must(bool is_done, const char *what)
{
	if (!is_done) {
		fprintf(stderr, "json_bench: %s\n", what);
		exit(1);
	}
}

static size_t ours(struct str text, bool is_written)
{
	static struct arena arena;
	static struct buf out;
	struct error err = {0};
	struct json value;

	must(json_read_padded(&arena, text, &value, &err), err.text);
	out.len = 0;
	if (is_written)
		json_write(&out, &value);
	arena_clear(&arena);
	return out.len + value.size;
}

static size_t ours_read(struct str text)
{
	return ours(text, false);
}

static size_t ours_both(struct str text)
{
	return ours(text, true);
}

enum { OURS_READ, OURS_BOTH, THEIRS_READ, THEIRS_BOTH, SUBJECTS };
static const struct subject TABLE[SUBJECTS] = {
	[OURS_READ] = {"sluice read", ours_read},
	[OURS_BOTH] = {"sluice read+write", ours_both},
	[THEIRS_READ] = {"jansson read", theirs_read},
	[THEIRS_BOTH] = {"jansson read+write", theirs_both},
};

static volatile size_t sink;

static double time_one(const struct subject *subject, struct str text, size_t repeats)
{
	const double start = now_ns();

	for (size_t i = 0; i < repeats; i++)
		sink += subject->once(text);
	return (now_ns() - start) / (double)repeats;
}

static int order(const void *a, const void *b)
{
	const double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static struct str read_file(const char *path)
{
	FILE *file = fopen(path, "rb");
	struct buf buf = {0};
	size_t got;

	must(file != NULL, path);
	while ((got = fread(buf_reserve(&buf, 65536), 1, 65536, file)) > 0)
		buf.len += got;
	fclose(file);
	memset(buf_reserve(&buf, JSON_PADDING), 0, JSON_PADDING);
	return buf_str(&buf);
}

static void bench(const char *path)
{
	const struct str text = read_file(path);
	static double times[SUBJECTS][ROUNDS];
	double median[SUBJECTS];
	size_t repeats[SUBJECTS];

	for (int s = 0; s < SUBJECTS; s++)
		repeats[s] = (size_t)(ROUND_NS / time_one(&TABLE[s], text, 20)) + 1;
	for (int round = 0; round < ROUNDS; round++)
		for (int s = 0; s < SUBJECTS; s++)
			times[s][round] = time_one(&TABLE[s], text, repeats[s]);
	for (int s = 0; s < SUBJECTS; s++) {
		qsort(times[s], ROUNDS, sizeof(double), order);
		median[s] = times[s][ROUNDS / 2];
	}
	printf("{\"file\":\"%s\",\"bytes\":%zu", path, text.len);
	for (int s = 0; s < SUBJECTS; s++)
		printf(",\"%s ns\":%.0f", TABLE[s].name, median[s]);
	printf(",\"read ratio\":%.2f,\"read+write ratio\":%.2f}\n",
		median[THEIRS_READ] / median[OURS_READ], median[THEIRS_BOTH] / median[OURS_BOTH]);
	free((char *)text.data);
}

int main(int argc, char **argv)
{
	if (argc < 2) {
		fprintf(stderr, "usage: json_bench FILE...\n");
		return 64;
	}
	for (int i = 1; i < argc; i++)
		bench(argv[i]);
	return 0;
}

/*
 * For yaml_differential.py: reads documents, each after a line with its length in bytes, and
 * answers a line each: the tree as JSON, or "! message".
 */
#include "base/yaml.h"

#include <stdio.h>
#include <stdlib.h>

int main(void)
{
	static char text[YAML_SIZE_MAX + 1];
	size_t len;

	while (scanf("%zu", &len) == 1 && getchar() == '\n' && len < sizeof(text)) {
		struct arena arena;
		struct buf out = {0};
		struct error err;
		struct json tree;

		if (fread(text, 1, len, stdin) != len)
			return 1;
		arena_init(&arena);
		if (yaml_read(&arena, "f", (struct str){text, len}, &tree, &err))
			json_write(&out, &tree);
		else
			buf_printf(&out, "! %s", err.text);
		puts(buf_text(&out));
		fflush(stdout);
		buf_done(&out);
		arena_done(&arena);
	}
	return 0;
}

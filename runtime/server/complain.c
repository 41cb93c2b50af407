#include "server/complain.h"

#include "base/log.h"

#include <stdio.h>
#include <unistd.h>

enum { SHOWN_MAX = 20 };

/* Text of bundles could drive the terminal. */
static void tell(struct str text)
{
	struct buf line = {0};

	buf_add_text(&line, "sluiced: ");
	buf_add_visible(&line, text);
	fprintf(stderr, "%s\n", buf_text(&line));
	buf_done(&line);
}

void complain(const struct error *err)
{
	if (isatty(STDERR_FILENO) == 1)
		tell(str_of(err->text));
	else
		log_error("server.start", LOG_ERR(err));
}

static void complain_problem(const struct problem *problem)
{
	struct buf line = {0};

	if (isatty(STDERR_FILENO) == 1) {
		problem_write(&line, problem);
		tell(buf_str(&line));
	} else {
		log_error("bundle.problem", LOG_TEXT("file", problem->file),
			LOG_INT("line", problem->line), LOG_TEXT("path", problem->path),
			LOG_TEXT("problem", problem->text));
	}
	buf_done(&line);
}

void complain_problems(const struct problems *problems)
{
	for (size_t i = 0; i < problems->count && i < SHOWN_MAX; i++)
		complain_problem(&problems->items[i]);
}

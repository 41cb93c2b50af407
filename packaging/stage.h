#pragma once
/*
 * Stage: a folder of one's own below staging/, where a bundle is made. Its maker holds a lock on it
 * (flock, which ends with the process however it ends), so that a sweep can tell what nobody makes
 * any more. Private to packaging/.
 */
#include "base/error.h"

#define STAGE_FILES "files" /* the folder in it that files are extracted to */

struct stage {
	int staging_fd; /* the caller's */
	int fd, files_fd;
	char name[32];
};

bool stage_init(struct stage *stage, int staging_fd, struct error *err);
/* Removes it with all that is still in it. */
void stage_done(struct stage *stage);
/* Removes the stages whose makers are gone. */
void stage_sweep(int staging_fd);

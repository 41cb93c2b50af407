#pragma once
/*
 * Attachment: how a file of any name is sent: its media type by its name, and a Content-Disposition that a browser
 * saves rather than shows. As MLflow answers: 3.17.2 utils/mime_type_utils.py, server/handlers.py; RFC 6266, RFC 8187.
 */
#include "base/arena.h"
#include "base/str.h"

/* "text/plain" for MLmodel, JSON, YAML, code …; "application/octet-stream" where the name says nothing. */
const char *attachment_type(struct str name);
/* attachment; filename=a.txt, with filename*=UTF-8''… where the name is not ASCII. `name` is UTF-8 without control
 * characters. */
struct str attachment_disposition(struct arena *arena, struct str name);

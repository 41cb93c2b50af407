#pragma once
/*
 * Which part of a file a request asks for: RFC 9110 13 (If-None-Match, If-Range) and 14 (Range). Pure: no files.
 *
 * One range is answered as a part; several, and what cannot be read, as the whole, which 14.2 allows.
 */
#include "server/http.h"

struct http_range {
	int status; /* 200, 206; 304 and 416 without a part */
	uint64_t from, end; /* bytes from … end - 1 */
};

/* `etag` has its quotes and is a strong one. */
struct http_range http_range_of(const struct http_request *request, uint64_t size, struct str etag);

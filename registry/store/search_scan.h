#pragma once
/*
 * Scan: a filter's words, as sqlparse finds them for MLflow. Nothing is decoded: a token is a view of the text, and a
 * string's value is what stands between its quotes (MLflow takes it raw, too). Private to registry/store.
 */
#include "base/str.h"

enum scan_kind {
	SCAN_END,
	SCAN_NAME,    /* a, a.b, a.`b c`, "a".b: an identifier; also a value in double quotes */
	SCAN_STRING,  /* 'text' */
	SCAN_INTEGER, /* -12 */
	SCAN_FLOAT,   /* 1.5, 2e9 */
	SCAN_COMPARE, /* =, !=, <=, … any run of these characters */
	SCAN_LIKE,    /* LIKE, ILIKE, NOT LIKE … */
	SCAN_LIST,    /* ( … ), with its parentheses */
	SCAN_WORD,    /* AND, OR, NOT, IN, IS, NULL */
	SCAN_OTHER,   /* one character that begins nothing */
};

struct scan_token {
	enum scan_kind kind;
	struct str text;
};

struct scan {
	struct str rest;
	struct scan_token token; /* the current one */
};

/* Stands at the first token. */
void scan_start(struct scan *scan, struct str text);
void scan_next(struct scan *scan);
/* Is the current token that keyword, whatever its case? */
bool scan_is_word(const struct scan *scan, const char *word);

#pragma once
/*
 * Scan: a filter's tokens, as the lexer of sqlparse cuts them for MLflow. Nothing is decoded: a token is a view of the
 * text. Comments are SCAN_OTHER, which no search takes. Private to registry/store.
 */
#include "base/str.h"

enum scan_kind {
	SCAN_END,
	SCAN_NAME,     /* a word that is no keyword, `quoted` or [quoted] */
	SCAN_SYMBOL,   /* "text": a name or a value */
	SCAN_STRING,   /* 'text' */
	SCAN_INTEGER,  /* -12 */
	SCAN_FLOAT,    /* 1.5, .5, 2e9 */
	SCAN_HEX,      /* 0x1f: a number that nothing takes */
	SCAN_COMPARE,  /* a run of <>=~!, LIKE, NOT LIKE, ILIKE, … */
	SCAN_KEYWORD,  /* AND, OR, NOT, IN, IS, NULL, NOT NULL, … */
	SCAN_ORDER,    /* ASC, DESC */
	SCAN_OPERATOR, /* + - * / … */
	SCAN_DOT,
	SCAN_COMMA,
	SCAN_SEMICOLON,
	SCAN_OPEN,
	SCAN_CLOSE,
	SCAN_OPEN_SQUARE,
	SCAN_CLOSE_SQUARE,
	SCAN_OTHER,
};

struct scan_token {
	enum scan_kind kind;
	struct str text;
};

struct scan {
	struct str text;
	size_t at;
};

/* The next token without the white space before it; SCAN_END at the end. */
struct scan_token scan_next(struct scan *scan);

#pragma once
/*
 * Permission: what a call needs of who makes it. Every row of every table of calls declares one (route.c, the tables of
 * registry/rest and runtime/control), by a macro that takes it through PERMISSION(): a row without one does not compile.
 *
 * What a principal may is a set of rights, on everything or on single endpoints. A call that names an endpoint needs its
 * permission on that endpoint, any other on everything.
 */
#include <stdbool.h>

enum permission {
	/* 0 is none: what has it is refused. */
	PERMISSION_PUBLIC = 1, /* anybody */
	PERMISSION_KNOWN,      /* whoever has a token: the call itself looks at what it touches */
	PERMISSION_QUERY,
	PERMISSION_VIEW,
	PERMISSION_MANAGE,
	PERMISSION_INNER,      /* of routes only: what is below has a table of its own that declares it */
};

/* Its argument, which must not be 0. */
#define PERMISSION(permission_) ((enum permission)((permission_) * (int)sizeof(char[(permission_) > 0 ? 1 : -1])))

enum right { RIGHT_NONE = 0, RIGHT_QUERY = 1 << 0, RIGHT_VIEW = 1 << 1, RIGHT_MANAGE = 1 << 2, RIGHT_ALL = 7 };

/* "query", …, for messages and reference pages. */
const char *permission_name(enum permission permission);
/* The right that it asks for; RIGHT_NONE for those that ask for none. */
enum right permission_right(enum permission permission);

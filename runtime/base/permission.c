#include "base/permission.h"

static const struct {
	const char *name;
	enum right right;
} TABLE[] = {
	[0] = {"none", RIGHT_ALL},
	[PERMISSION_PUBLIC] = {"public", RIGHT_NONE},
	[PERMISSION_KNOWN] = {"any token", RIGHT_NONE},
	[PERMISSION_QUERY] = {"query", RIGHT_QUERY},
	[PERMISSION_VIEW] = {"view", RIGHT_VIEW},
	[PERMISSION_MANAGE] = {"manage", RIGHT_MANAGE},
	[PERMISSION_INNER] = {"as its page says", RIGHT_ALL},
};

const char *permission_name(enum permission permission)
{
	return TABLE[permission].name;
}

enum right permission_right(enum permission permission)
{
	return TABLE[permission].right;
}

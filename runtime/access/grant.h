#pragma once
/*
 * Grant: what the permissions of one endpoint give a user, a service principal or a group, in rows. Levels are
 * Databricks': CAN_VIEW looks, CAN_QUERY looks and asks, CAN_MANAGE does everything. Two groups exist: `users`, which is
 * whoever has a token, and `admins`, whoever can manage everything.
 */
#include "access/access.h"

#define GROUP_USERS  "users"
#define GROUP_ADMINS "admins"

struct access_grant;

struct grant_row {
	struct str kind; /* "user", "service", "group" */
	struct str name, level;
};

bool grant_rights(struct str level, enum right *ret);
/* All grants on endpoints that are not deleted, ordered by the endpoint's name. */
bool grants_read(struct db *db, struct arena *arena, struct access_grant **ret, size_t *ret_count, struct error *err);
bool grants_of(struct db *db, struct arena *arena, struct str endpoint_id, struct grant_row **ret, size_t *ret_count,
	struct error *err);
/* Of an endpoint that goes. */
bool grants_drop(struct db *db, struct str endpoint_id, struct error *err);
/* Replaces them all, or only sets the ones given. */
bool grants_set(struct db *db, struct str endpoint_id, const struct grant_row *rows, size_t count, bool replaces,
	struct error *err);

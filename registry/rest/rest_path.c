#include "rest/rest_path.h"

#include <stdio.h>

bool rest_path_fits(struct str path, const char *pattern, struct str *ret_ids, size_t ids_max)
{
	struct str wanted_rest = str_of(pattern), wanted, part;
	size_t ids = 0;
	bool has_wanted = true, has_part = true;

	memset(ret_ids, 0, ids_max * sizeof(*ret_ids));
	while (has_wanted && has_part) {
		has_wanted = str_cut(&wanted_rest, '/', &wanted);
		has_part = str_cut(&path, '/', &part);
		const bool is_id = wanted.len > 0 && wanted.data[0] == '{';
		if (is_id ? part.len == 0 : !str_eq(wanted, part))
			return false;
		if (is_id && ids < ids_max)
			ret_ids[ids++] = part;
	}
	return has_wanted == has_part;
}

void rest_allow_add(char allow[static REST_ALLOW_SIZE], const char *method)
{
	const size_t len = strlen(allow);

	if (strstr(allow, method) == NULL)
		snprintf(allow + len, REST_ALLOW_SIZE - len, "%s%s", len > 0 ? ", " : "", method);
}

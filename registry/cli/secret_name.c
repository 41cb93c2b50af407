#include "cli/secret_name.h"

bool secret_name_read(const char *text, bool needs_key, struct secret_name *ret, struct error *err)
{
	struct str rest = str_of(text);
	const bool has_key = str_cut(&rest, '/', &ret->scope);

	ret->key = rest;
	if (ret->scope.len > 0 && (has_key ? rest.len > 0 : !needs_key))
		return true;
	return error_set(err, ERR_USAGE, "'%s': expected SCOPE/KEY%s", text, needs_key ? "" : " or SCOPE");
}

#pragma once
/* Names for runs and logged models that come without one: "quiet-otter-417". Private to registry/rest. */
#include "rest/rest.h"

struct str rest_new_name(struct rest_call *call);

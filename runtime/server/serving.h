#pragma once
/* Queries of serving endpoints: which endpoint, entity and bundle answer. What they answer is scoring.h's. */
#include "server/scoring.h"

/* Ends the exchange. `served` names the entity; data NULL: by the endpoint's traffic. */
void serving_query(struct exchange *exchange, struct str name, struct str served, enum scoring_form form);
/* The request is answered: its place is free. For account() alone. */
void serving_query_end(struct exchange *exchange);
/* What the answer of an endpoint cost its caller. */
void serving_spend(const struct exchange *exchange, uint64_t tokens);
/* The endpoint is the body's `model`. */
void serving_query_model(struct exchange *exchange, enum scoring_form form);

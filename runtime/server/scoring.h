#pragma once
/*
 * Scoring: a request answered by a bundle, in one of the forms that a path speaks. Which bundle serves is for whoever
 * calls; how a request becomes rows, and how the answer is shaped and streamed, is here.
 *
 *	scoring_model()   where the body says which model is asked: reads it
 *	scoring_handle()  reads the body, unless that was done, and ends the exchange
 *
 * SCORING_INVOCATIONS takes every input form (docs/protocol/RULES.md). A bundle that says it is a chat (model/task.h) answers the
 * request of one as a completion there, too. The other forms are OpenAI's; their errors carry OpenAI's member `error`.
 * With `"stream": true` a bundle with steps answers server-sent events: docs/streaming.md.
 */
#include "server/route.h"

enum scoring_form { SCORING_INVOCATIONS, SCORING_CHAT, SCORING_COMPLETIONS, SCORING_RESPONSES };

/* The body's `model`, an empty str where it names none; it lies on the request's arena. False with the error set: the
 * body is no JSON object; answer with exchange_error(). */
bool scoring_model(struct exchange *exchange, enum scoring_form form, struct str *ret_model, struct error *err);
/* Ends the exchange, now or later. `take_bundle` is given back then. `name` is what answers call the model, and must live
 * as long as the bundle or the request; data NULL: the bundle's own name. */
void scoring_handle(struct exchange *exchange, struct bundle *take_bundle, enum scoring_form form, struct str name);
/* What a body is to this bundle in that form: rows, or a kind of completion. */
enum task_kind scoring_kind(
	const struct exchange *exchange, const struct bundle *bundle, const struct json *tree, enum scoring_form form);

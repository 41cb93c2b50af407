/* POST /invocations and OpenAI's paths: where one bundle is served, it is the one that every request means; else OpenAI's
 * `model` names an endpoint. */
#include "server/permit.h"
#include "server/serving.h"

static void handle(struct exchange *exchange, enum scoring_form form)
{
	struct bundle *bundle = server_bundle(exchange->worker->server);
	struct error err;

	exchange->is_openai = form != SCORING_INVOCATIONS;
	if (bundle != NULL && !permit_or_refuse(exchange, PERMISSION_QUERY, (struct str){NULL, 0})) {
		bundle_unref(bundle);
		return;
	}
	if (bundle != NULL) {
		scoring_handle(exchange, bundle, form, (struct str){0});
		return;
	}
	if (exchange->worker->server->has_control && form != SCORING_INVOCATIONS) {
		serving_query_model(exchange, form);
		return;
	}
	error_set(&err, ERR_NOT_FOUND,
		"no bundle is served here: start sluiced with --bundle DIR|FILE, or ask an endpoint: "
		"POST /serving-endpoints/NAME/invocations");
	exchange_error(exchange, &err, NULL);
}

void invocations_handle(struct exchange *exchange)
{
	handle(exchange, SCORING_INVOCATIONS);
}

void chat_handle(struct exchange *exchange)
{
	handle(exchange, SCORING_CHAT);
}

void completions_handle(struct exchange *exchange)
{
	handle(exchange, SCORING_COMPLETIONS);
}

void responses_handle(struct exchange *exchange)
{
	handle(exchange, SCORING_RESPONSES);
}

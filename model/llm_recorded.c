/* Provider "recorded": answers from the bundle's recordings; nothing leaves the process. */
#include "model/llm.h"

#include "model/recordings.h"

static struct next ask_recorded(struct llm_call *call, flow_step *on_reply)
{
	const struct llm_context *context = call->context;
	const struct json request = recordings_request(call->arena, &call->question, call->model);
	const struct recording *recording = recordings_play(
		context->recordings, context->played, call->arena, &request, &call->flow.err);

	if (recording != NULL && recording->error.len > 0)
		error_set(&call->flow.err, ERR_UPSTREAM, "%.*s", STR_ARGS(recording->error));
	else if (recording != NULL)
		call->reply = (struct llm_reply){
			.status = recording->status, .body = recording->body, .retry_after_ms = -1};
	return next_step(on_reply);
}

static void cancel_recorded(struct llm_call *call)
{
	/* Nothing is ever in flight. */
}

const struct llm_provider LLM_RECORDED = {
	.name = "recorded",
	.is_instant = true,
	.ask = ask_recorded,
	.cancel = cancel_recorded,
};

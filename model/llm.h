#pragma once
/*
 * LLM: one question to a language model, with everything that makes it an answer: waiting for a
 * free slot, attempts, pauses between them, the fallback model. docs/llm.md tells the rules.
 *
 * Invariants: `done` is called exactly once, never inside llm_start() or llm_cancel(); the call and
 * its arena stay until then. Errors: ERR_UPSTREAM, ERR_DEADLINE, ERR_NOT_FOUND (no recording),
 * ERR_CANCELLED; the text names model, URL without query, number of attempts, last status and the
 * beginning of the body.
 */
#include "async/flow.h"
#include "async/gate.h"
#include "model/chat.h"
#include "model/config.h"

struct recorder;
struct recordings;
struct recordings_played;
struct llm_call;
struct chat_stream;
struct tap;

/* What all calls of one run share. */
struct llm_context {
	const struct seam *seam;
	const struct recordings *recordings; /* NULL: the bundle has none */
	struct recordings_played *played;    /* what this run was answered so far */
	struct recorder *recorder;           /* NULL: nothing is recorded */
	struct batch_usage *usage;           /* counted up */
	uint64_t deadline_ns;                /* loop_now_ns(); 0: none */
};

struct llm_question {
	const struct model_spec *model;
	const struct chat *chat;
	const struct schema *schema; /* NULL: text */
	struct str step;             /* for messages and the schema's name */
	bool takes_cut;              /* a text that ends at a limit which the chat sets is an answer */
	struct tap *tap;             /* takes the text while it comes, where the provider streams; may be NULL */
};

/* A provider makes one attempt: fills call->reply or call->flow.err and says what follows. */
struct llm_provider {
	const char *name;
	bool is_instant; /* answers come from memory: no slot, no pauses */
	struct next (*ask)(struct llm_call *call, flow_step *on_reply);
	void (*cancel)(struct llm_call *call); /* of the attempt in flight; on_reply follows */
};
extern const struct llm_provider LLM_OPENAI, LLM_RECORDED;
/* NULL where there is none of that name. */
const struct llm_provider *llm_provider(struct str name);

struct llm_reply {
	int status;             /* 0: none came; why is in flow.err */
	struct str body;        /* with JSON_PADDING readable bytes behind it */
	int64_t retry_after_ms; /* -1: not said */
};

enum llm_wait { LLM_WAIT_NOTHING, LLM_WAIT_SLOT, LLM_WAIT_REPLY, LLM_WAIT_PAUSE };

struct llm_call {
	struct flow flow;
	struct arena *arena;
	const struct llm_context *context;
	struct llm_question question;

	const struct model_spec *model; /* asked now: the question's, or a fallback of it */
	const struct llm_provider *provider;
	enum llm_wait waits_for;
	bool has_slot;
	struct gate_pass pass;
	struct timer pause;
	struct fetch *fetch;
	struct chat_stream *stream; /* of the attempt, where there is a tap */
	bool has_told;              /* the tap took text: nothing is tried again */
	const char *url;  /* of the attempt, as asked */
	int64_t attempts; /* of this model */
	struct llm_reply reply;
	struct error first; /* why the models before this one failed; ERR_NONE: it is the first */

	struct chat_reply answer;
	void (*done)(void *data, const struct error *err);
	void *data;
};

/* `call`, `context` and what the question points to must stay until done. */
void llm_start(struct llm_call *call, struct arena *arena, const struct llm_context *context,
	const struct llm_question *question, void (*done)(void *data, const struct error *err),
	void *data);
void llm_cancel(struct llm_call *call);
/* Writes what the call waits for: "an answer of model 'm' (attempt 2)". */
void llm_tell(const struct llm_call *call, char *ret, size_t size);

/* How long to wait before attempt `attempt` + 1: what the endpoint asked for (at most 30 s), else a
 * random time up to 250 ms × 2^(attempt - 1), at most 8 s (full jitter, so that clients that failed
 * together do not come back so). */
uint64_t llm_pause_ms(int64_t attempt, int64_t retry_after_ms, uint64_t random);
bool llm_status_is_retried(int status);

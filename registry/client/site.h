#pragma once
/*
 * Site: one server, as the calls to it share it: connections, login, what it is. Private to client/, as are
 *   operation.h    acts made of acts
 *   call.h         one call's life: login, sending, retries, errors
 *   ask.h          calls with a result of a type
 *   pages.h        lists that come in several answers
 *   place.h        where files are; lanes.h: many of them, a few at a time
 *   profile.h      sections of ~/.databrickscfg
 */
#include "async/fetch.h"
#include "client/operation.h"

enum {
	RETRIES_MAX = 7,
	RETRIES_REFUSED_MAX = 2, /* nobody listens, or the name is wrong: that seldom heals */
	PAUSE_FACTOR_MS = 2000,
	PAUSE_MAX_MS = 120000,
	TIMEOUT_MS = 120000,
	TRANSFERS_MAX = 8,
	TRANSFER_WAIT_MS = 600000, /* a server may write gigabytes to its store before it answers */
	TRANSFER_IDLE_MS = 60000,
	ANSWER_MAX = 64 * 1024 * 1024,
};

/* Whose registry it is shows in the Server header of any answer. */
enum site_flavour { FLAVOUR_UNKNOWN, FLAVOUR_SLUICE, FLAVOUR_OTHER };

struct site {
	const struct target_site *target;
	struct fetcher *fetcher;
	struct secret authorization; /* "Basic …", "Bearer …"; not set: none (yet) */
	struct secret token;         /* of OAuth, for redaction */
	uint64_t token_until_ns;     /* loop_now_ns(); 0: there is none */
	enum site_flavour flavour;
};

struct client {
	struct loop *loop;
	struct client_options options;
	struct arena arena; /* strings, secrets */
	struct site sites[3];
	struct site *registry, *tracking, *serving; /* may be the same */
	unsigned active;
};

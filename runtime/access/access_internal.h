#pragma once
/* What access.c keeps and identify.c looks at. Private to runtime/access. */
#include "access/access_snapshot.h"
#include "access/key_file.h"

#include <pthread.h>

struct access {
	pthread_rwlock_t lock; /* of the pointer */
	struct access_snapshot *snapshot;
	pthread_mutex_t refreshing; /* one after the other: the newest stays */
	atomic_bool is_on;
	struct secret_store *secrets;
	atomic_bool has_oauth_key; /* set once */
	struct key oauth_key;
	_Atomic int64_t due_ms; /* of the next look at what others changed */
	/* The thread that looks. */
	struct registry *registry; /* NULL: none */
	pthread_t thread;
	pthread_mutex_t watch_lock;
	pthread_cond_t poked;
	bool is_poked, is_ending;
};

/* With a reference; NULL where there is none. */
struct access_snapshot *access_take_snapshot(struct access *access);
/* A request comes: it may be time to look what other processes changed. */
void access_poke(struct access *access, int64_t now_ms);

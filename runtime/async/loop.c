/*
 * One turn: wait for events and run their callbacks (libevent), then run what was deferred.
 *
 * The turn is driven here, not by event_base_dispatch(), so that deferred calls need no event of
 * their own and the clock is read at most once a turn. Only the loop's thread touches the base:
 * libevent runs without its locks, and other threads reach the loop through a mutex and an eventfd.
 */
#include "async/loop.h"

#include "base/clock.h"

#include <assert.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

/* Deferred calls may defer again. That many rounds run before events get their turn: a chain of
 * steps does not cost a system call a link, and cannot starve the sockets either. */
enum { ROUNDS_MAX = 16 };

struct task_list {
	struct loop_task *first, **last;
};

struct loop {
	struct event_base *base;
	struct task_list deferred, running;
	uint64_t now_ns; /* 0: not read yet in this turn */
	bool is_running;
	atomic_bool is_stopped;

	int wake_fd;
	struct event wake;
	pthread_mutex_t lock; /* guards posted and its tasks' is_posted */
	struct task_list posted;
};

static void on_wake(evutil_socket_t fd, short what, void *data);
static void take_posted(struct loop *loop);
static void run_deferred(struct loop *loop);

static void must(bool is_fine)
{
	if (!is_fine)
		abort();
}

static void list_init(struct task_list *list)
{
	list->first = NULL;
	list->last = &list->first;
}

static void list_push(struct task_list *list, struct loop_task *task)
{
	task->next = NULL;
	*list->last = task;
	list->last = &task->next;
}

static struct loop_task *list_pop(struct task_list *list)
{
	struct loop_task *task = list->first;

	if (task == NULL)
		return NULL;
	list->first = task->next;
	if (list->first == NULL)
		list->last = &list->first;
	return task;
}

/* Puts all of `from` behind `to`. */
static void list_move(struct task_list *to, struct task_list *from)
{
	if (from->first == NULL)
		return;
	*to->last = from->first;
	to->last = from->last;
	list_init(from);
}

static bool list_remove(struct task_list *list, struct loop_task *task)
{
	for (struct loop_task **link = &list->first; *link != NULL; link = &(*link)->next) {
		if (*link != task)
			continue;
		*link = task->next;
		if (task->next == NULL)
			list->last = link;
		return true;
	}
	return false;
}

static struct event_base *base_new(void)
{
	struct event_config *config = event_config_new();

	must(config != NULL);
	must(event_config_set_flag(config, EVENT_BASE_FLAG_NOLOCK) == 0);
	struct event_base *base = event_base_new_with_config(config);
	event_config_free(config);
	must(base != NULL);
	return base;
}

struct loop *loop_new(void)
{
	struct loop *loop = calloc(1, sizeof(*loop));

	must(loop != NULL);
	list_init(&loop->deferred);
	list_init(&loop->running);
	list_init(&loop->posted);
	must(pthread_mutex_init(&loop->lock, NULL) == 0);
	loop->base = base_new();
	loop->wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	must(loop->wake_fd >= 0);
	event_assign(&loop->wake, loop->base, loop->wake_fd, EV_READ | EV_PERSIST, on_wake, loop);
	must(event_add(&loop->wake, NULL) == 0);
	return loop;
}

void loop_free(struct loop *loop)
{
	if (loop == NULL)
		return;
	assert(!loop->is_running);
	assert(loop->deferred.first == NULL && loop->posted.first == NULL);
	event_del(&loop->wake);
	close(loop->wake_fd);
	event_base_free(loop->base);
	pthread_mutex_destroy(&loop->lock);
	free(loop);
}

void loop_run(struct loop *loop)
{
	loop->is_running = true;
	/* The flag falls where it is seen, so a stop that came before the run is kept. */
	while (!atomic_exchange(&loop->is_stopped, false)) {
		const bool is_due = loop->deferred.first != NULL;

		loop->now_ns = 0;
		event_base_loop(loop->base, EVLOOP_ONCE | (is_due ? EVLOOP_NONBLOCK : 0));
		run_deferred(loop);
	}
	/* Who posted before the stop may have come too late for the last turn. */
	take_posted(loop);
	run_deferred(loop);
	loop->is_running = false;
}

/* From here on the task may be queued again, and be changed by another thread: nothing of it is
 * read after that. */
static void run_task(struct loop *loop, struct loop_task *task)
{
	void (*const fn)(void *data) = task->fn;
	void *const data = task->data;

	if (task->is_posted) {
		pthread_mutex_lock(&loop->lock);
		task->is_posted = false;
		pthread_mutex_unlock(&loop->lock);
	} else {
		task->is_queued = false;
	}
	fn(data);
}

static void run_deferred(struct loop *loop)
{
	struct loop_task *task;

	for (int i = 0; i < ROUNDS_MAX && loop->deferred.first != NULL; i++) {
		list_move(&loop->running, &loop->deferred);
		while ((task = list_pop(&loop->running)) != NULL)
			run_task(loop, task);
	}
}

static void wake_up(struct loop *loop)
{
	const uint64_t one = 1;

	/* EAGAIN means that the counter is full, so the loop wakes up anyway. */
	ssize_t written = write(loop->wake_fd, &one, sizeof(one));
	(void)written;
}

static void take_posted(struct loop *loop)
{
	pthread_mutex_lock(&loop->lock);
	list_move(&loop->deferred, &loop->posted);
	pthread_mutex_unlock(&loop->lock);
}

static void on_wake(evutil_socket_t fd, short what, void *data)
{
	uint64_t count;

	ssize_t got = read(fd, &count, sizeof(count));
	(void)got;
	take_posted(data);
}

void loop_stop(struct loop *loop)
{
	atomic_store(&loop->is_stopped, true);
	wake_up(loop);
}

struct event_base *loop_base(struct loop *loop)
{
	return loop->base;
}

uint64_t loop_now_ns(struct loop *loop)
{
	if (!loop->is_running || loop->now_ns == 0)
		loop->now_ns = clock_ns();
	return loop->now_ns;
}

static void queue(
	struct task_list *list, struct loop_task *task, void (*fn)(void *data), void *data)
{
	task->fn = fn;
	task->data = data;
	list_push(list, task);
}

void loop_defer(struct loop *loop, struct loop_task *task, void (*fn)(void *data), void *data)
{
	if (task->is_queued)
		return;
	task->is_queued = true;
	queue(&loop->deferred, task, fn, data);
}

void loop_undefer(struct loop *loop, struct loop_task *task)
{
	if (!task->is_queued)
		return;
	if (list_remove(&loop->deferred, task) || list_remove(&loop->running, task))
		task->is_queued = false;
}

void loop_post(struct loop *loop, struct loop_task *task, void (*fn)(void *data), void *data)
{
	pthread_mutex_lock(&loop->lock);
	if (!task->is_posted) {
		const bool is_first = loop->posted.first == NULL;

		task->is_posted = true;
		queue(&loop->posted, task, fn, data);
		/* Inside the lock: once the loop can have run the task, its owner may free the
		 * loop. */
		if (is_first)
			wake_up(loop);
	}
	pthread_mutex_unlock(&loop->lock);
}

static void on_timer(evutil_socket_t fd, short what, void *data)
{
	struct timer *timer = data;

	timer->fn(timer->data);
}

void timer_init(struct timer *timer, struct loop *loop, void (*fn)(void *data), void *data)
{
	timer->fn = fn;
	timer->data = data;
	evtimer_assign(&timer->event, loop->base, on_timer, timer);
	timer->is_ready = true;
}

void timer_start(struct timer *timer, uint64_t after_ms)
{
	const struct timeval after = {
		.tv_sec = (time_t)(after_ms / 1000),
		.tv_usec = (suseconds_t)(after_ms % 1000) * 1000,
	};

	assert(timer->is_ready);
	must(evtimer_add(&timer->event, &after) == 0);
}

void timer_stop(struct timer *timer)
{
	if (timer->is_ready)
		evtimer_del(&timer->event);
}

#pragma once
/*
 * Endpoint: a scripted language model for unit tests, on a free port of 127.0.0.1, one thread a
 * connection.
 *
 * Answers its script in order, the last answer for ever; remembers every request and how many were
 * in flight at once.
 */
#include <arpa/inet.h>
#include <assert.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { ENDPOINT_REQUESTS_MAX = 512, ENDPOINT_REQUEST_SIZE = 64 * 1024 };

struct endpoint_answer {
	int status;          /* 0: the connection is closed without an answer */
	const char *headers; /* each ended by \r\n; NULL: none */
	const char *body;
	unsigned delay_ms;
};

struct endpoint {
	int listener;
	char url[64]; /* base_url */
	pthread_t thread;
	pthread_t connections[ENDPOINT_REQUESTS_MAX];
	unsigned connection_count;
	pthread_mutex_t lock; /* of what follows */
	const struct endpoint_answer *script;
	unsigned script_count, asked, in_flight, in_flight_max;
	char *requests[ENDPOINT_REQUESTS_MAX]; /* head and body */
};

struct endpoint_connection {
	struct endpoint *endpoint;
	int fd;
};

static inline bool endpoint_is_whole(const char *text, size_t len)
{
	const char *end = strstr(text, "\r\n\r\n");
	const char *length = strcasestr(text, "\r\nContent-Length:");

	if (end == NULL)
		return false;
	return len >=
	       (size_t)(end + 4 - text) + (length != NULL ? strtoul(length + 17, NULL, 10) : 0);
}

static inline char *endpoint_read(int fd)
{
	char *text = calloc(1, ENDPOINT_REQUEST_SIZE);
	size_t len = 0;

	while (!endpoint_is_whole(text, len)) {
		const ssize_t got = read(fd, text + len, ENDPOINT_REQUEST_SIZE - 1 - len);

		if (got <= 0) {
			free(text);
			return NULL;
		}
		len += (size_t)got;
	}
	return text;
}

static inline void endpoint_write(int fd, const struct endpoint_answer *answer)
{
	char *text;
	const int len = asprintf(&text,
		"HTTP/1.1 %d X\r\nContent-Type: application/json\r\nConnection: close\r\n"
		"Content-Length: %zu\r\n%s\r\n%s",
		answer->status, strlen(answer->body),
		answer->headers != NULL ? answer->headers : "", answer->body);
	/* The client may have left: that is what some tests are about. */
	const ssize_t sent = send(fd, text, (size_t)len, MSG_NOSIGNAL);

	(void)sent;
	free(text);
}

static inline void *endpoint_serve(void *data)
{
	struct endpoint_connection *connection = data;
	struct endpoint *endpoint = connection->endpoint;
	char *request = endpoint_read(connection->fd);

	if (request != NULL) {
		pthread_mutex_lock(&endpoint->lock);
		const unsigned index = endpoint->asked++;
		assert(index < ENDPOINT_REQUESTS_MAX);
		endpoint->requests[index] = request;
		const struct endpoint_answer answer =
			endpoint->script[index < endpoint->script_count
						 ? index
						 : endpoint->script_count - 1];
		if (++endpoint->in_flight > endpoint->in_flight_max)
			endpoint->in_flight_max = endpoint->in_flight;
		pthread_mutex_unlock(&endpoint->lock);

		const struct timespec delay = {.tv_sec = answer.delay_ms / 1000,
			.tv_nsec = (long)(answer.delay_ms % 1000) * 1000000};

		nanosleep(&delay, NULL);
		pthread_mutex_lock(&endpoint->lock);
		endpoint->in_flight--;
		pthread_mutex_unlock(&endpoint->lock);
		if (answer.status != 0)
			endpoint_write(connection->fd, &answer);
	}
	close(connection->fd);
	free(connection);
	return NULL;
}

static inline void *endpoint_accept(void *data)
{
	struct endpoint *endpoint = data;
	int fd;

	while ((fd = accept(endpoint->listener, NULL, NULL)) >= 0) {
		struct endpoint_connection *connection = malloc(sizeof(*connection));

		*connection = (struct endpoint_connection){endpoint, fd};
		assert(endpoint->connection_count < ENDPOINT_REQUESTS_MAX);
		pthread_create(&endpoint->connections[endpoint->connection_count++], NULL,
			endpoint_serve, connection);
	}
	return NULL;
}

static inline void endpoint_start(
	struct endpoint *endpoint, const struct endpoint_answer *script, unsigned count)
{
	struct sockaddr_in address = {
		.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t size = sizeof(address);

	memset(endpoint, 0, sizeof(*endpoint));
	endpoint->script = script;
	endpoint->script_count = count;
	pthread_mutex_init(&endpoint->lock, NULL);
	endpoint->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert(bind(endpoint->listener, (struct sockaddr *)&address, size) == 0);
	assert(listen(endpoint->listener, 128) == 0);
	getsockname(endpoint->listener, (struct sockaddr *)&address, &size);
	snprintf(endpoint->url, sizeof(endpoint->url), "http://127.0.0.1:%d/v1",
		ntohs(address.sin_port));
	pthread_create(&endpoint->thread, NULL, endpoint_accept, endpoint);
}

static inline void endpoint_stop(struct endpoint *endpoint)
{
	shutdown(endpoint->listener, SHUT_RDWR);
	pthread_join(endpoint->thread, NULL);
	close(endpoint->listener);
	for (unsigned i = 0; i < endpoint->connection_count; i++)
		pthread_join(endpoint->connections[i], NULL);
	for (unsigned i = 0; i < endpoint->asked; i++)
		free(endpoint->requests[i]);
	pthread_mutex_destroy(&endpoint->lock);
}

#define ENDPOINT_OK(content_)                                                                      \
	"{\"choices\":[{\"message\":{\"role\":\"assistant\",\"content\":" content_ "},"            \
	"\"finish_reason\":\"stop\"}],\"usage\":{\"prompt_tokens\":100,\"completion_tokens\":10}}"

#pragma once
/*
 * Settings: sluiced's options as one struct. The table in settings.c defines command line,
 * environment (SLUICE_…), configuration file and --help; what is not in it does not exist.
 */
#include "base/log.h"
#include "base/options.h"
#include "server/http.h"

enum tls_client_auth { TLS_CLIENT_REQUIRE, TLS_CLIENT_OPTIONAL };

struct settings {
	const char *bundle;
	const char *host;
	struct decode_list allowed_hosts, allowed_origins; /* of const char * */
	int64_t port;
	int64_t workers;
	const char *state_dir;
	const char *secret_dir;
	const char *secret_key; /* file */
	const char *tls_cert, *tls_key, *tls_client_ca;
	int tls_client_auth; /* enum tls_client_auth */
	const char *ca_file;
	const char *gateway; /* a URL; NULL: none */
	int log_level; /* enum log_level */
	int64_t request_timeout_ms;
	int64_t rows_in_flight;
	int64_t rows_max;
	int64_t answer_max;
	int64_t stream_after_ms;
	int64_t drain_timeout_ms, drain_delay_ms;
	int64_t upgrade_timeout_ms;
	const char *pid_file;
	const char *smtp, *smtp_from, *smtp_user, *smtp_password;
	const char *registry, *trusted_keys;
	int64_t registry_poll_ms;
	int64_t self_test_timeout_ms, unload_after_ms;
	int64_t queue_max, queue_timeout_ms;
	int64_t artifact_max; /* 0: any */
	int64_t http_target_max, http_header_max, http_fields_max, http_body_max, http_bodies_max;
	int64_t http_header_timeout_ms, http_body_timeout_ms, http_body_rate_min,
		http_idle_timeout_ms;
	int64_t http_write_timeout_ms, http_tls_timeout_ms, http_connections_max;
	bool is_version;
	/* made from the above */
	struct http_limits limits;
};

/* Strings live on the arena. On --help or --version, *ret_is_over is set after printing. */
bool settings_read(struct settings *ret, struct arena *arena, int argc, char **argv,
	bool *ret_is_over, struct error *err);
/* Makes the rest of it anew, after an option was changed. */
void settings_derive(struct settings *settings);
const struct options_spec *settings_spec(void);
struct http_tls_files settings_tls_files(const struct settings *settings);

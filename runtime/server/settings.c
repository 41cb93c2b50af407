#include "server/settings.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define AT(field) offsetof(struct settings, field)

/* By enum tls_client_auth. */
static const char *const CLIENT_AUTHS[] = {"require", "optional", NULL};

static const struct option OPTIONS[] = {
	{"bundle", 'b', OPTION_STRING, AT(bundle), .value = "DIR|FILE",
		.help = "the model: a bundle's folder, or its archive (.tar.gz, .tar.zst, .tar, .zip); without "
			"one only the registry answers"},
	{"host", 0, OPTION_STRING, AT(host), .value = "ADDRESS", .fallback = "127.0.0.1",
		.help = "address to listen on"},
	{"port", 'p', OPTION_INTEGER, AT(port), .value = "N", .fallback = "8080", .min = 0,
		.max = 65535,
		.help = "port to listen on; 0 picks a free one and the log says which"},
	{"allowed-host", 0, OPTION_STRINGS, AT(allowed_hosts), .value = "NAME",
		.help = "a host name under which browsers may reach it, besides localhost and private addresses; * allows all",
		.is_live = true},
	{"allowed-origin", 0, OPTION_STRINGS, AT(allowed_origins), .value = "ORIGIN",
		.help = "a web page's origin that may change something, as https://ml.example.com; * allows all",
		.is_live = true},
	{"workers", 'w', OPTION_INTEGER, AT(workers), .value = "N", .fallback = "0", .min = 0,
		.max = 256, .help = "threads that serve; 0: one a processor"},
	{"state", 0, OPTION_STRING, AT(state_dir), .value = "DIR",
		.help = "where the registry and unpacked archives are kept (default: $XDG_STATE_HOME/sluice or ~/.local/state/sluice)"},
	{"secrets", 0, OPTION_STRING, AT(secret_dir), .value = "DIR",
		.help = "a file a secret, for ${secret:name}; without one: environment SLUICE_SECRET_NAME"},
	{"secret-key", 0, OPTION_STRING, AT(secret_key), .value = "FILE",
		.help = "the key that secrets in the registry's database are sealed with; made where it is not there (default: "
			"keys/secret.key in the state folder)"},
	{"tls-cert", 0, OPTION_STRING, AT(tls_cert), .value = "FILE",
		.help = "certificate chain in PEM; with --tls-key the port speaks TLS only",
		.is_live = true},
	{"tls-key", 0, OPTION_STRING, AT(tls_key), .value = "FILE", .help = "private key in PEM",
		.is_live = true},
	{"tls-client-ca", 0, OPTION_STRING, AT(tls_client_ca), .value = "FILE",
		.help = "authorities in PEM that sign clients' certificates; with one, clients are asked for theirs",
		.is_live = true},
	{"tls-client-auth", 0, OPTION_CHOICE, AT(tls_client_auth), .value = "WHEN", .fallback = "require",
		.choices = CLIENT_AUTHS,
		.help = "whether a client without a certificate is served; one with a wrong certificate never is",
		.is_live = true},
	{"ca-file", 0, OPTION_STRING, AT(ca_file), .value = "FILE",
		.help = "certificates to trust in outgoing calls instead of the system's"},
	{"gateway", 0, OPTION_STRING, AT(gateway), .value = "URL",
		.help = "a gateway of models that MLflow's web pages are let through to (default: $MLFLOW_DEPLOYMENTS_TARGET)"},
	{"log-level", 0, OPTION_CHOICE, AT(log_level), .value = "LEVEL", .fallback = "info",
		.choices = log_level_names, .help = "least level that is logged",
		.is_live = true},
	{"request-timeout-ms", 0, OPTION_INTEGER, AT(request_timeout_ms), .value = "N",
		.fallback = "297000", .min = 1, .max = 86400000,
		.help = "deadline of a request's rows",
		.is_live = true},
	{"rows-in-flight", 0, OPTION_INTEGER, AT(rows_in_flight), .value = "N", .fallback = "64",
		.min = 1, .max = 65536, .help = "rows of one request that run at the same time",
		.is_live = true},
	{"rows-max", 0, OPTION_INTEGER, AT(rows_max), .value = "N", .fallback = "100000", .min = 1,
		.max = 1 << 28, .help = "most rows of one request (413)",
		.is_live = true},
	{"answer-max", 0, OPTION_SIZE, AT(answer_max), .value = "BYTES", .fallback = "64m",
		.min = 1 << 10, .max = 1 << 30,
		.help = "longest answer (413); a row beyond it fails alone where the signature has an `error` column",
		.is_live = true},
	{"stream-after-ms", 0, OPTION_INTEGER, AT(stream_after_ms), .value = "N",
		.fallback = "5000", .min = 0, .max = 86400000,
		.help = "a batch that takes longer sends its first rows while later ones run, where the signature "
			"has an `error` column",
		.is_live = true},
	{"drain-timeout-ms", 0, OPTION_INTEGER, AT(drain_timeout_ms), .value = "N",
		.fallback = "30000", .min = 0, .max = 86400000,
		.help = "how long SIGTERM waits for requests in flight",
		.is_live = true},
	{"drain-delay-ms", 0, OPTION_INTEGER, AT(drain_delay_ms), .value = "N", .fallback = "0", .min = 0,
		.max = 86400000,
		.help = "after SIGTERM, /ready says 503 for that long before the drain begins: load balancers look away meanwhile",
		.is_live = true},
	{"upgrade-timeout-ms", 0, OPTION_INTEGER, AT(upgrade_timeout_ms), .value = "N", .fallback = "60000",
		.min = 1, .max = 86400000,
		.help = "how long SIGUSR2 waits for the new process to be ready; then it is given up",
		.is_live = true},
	{"pid-file", 0, OPTION_STRING, AT(pid_file), .value = "FILE",
		.help = "keeps the number of the process that serves; written when it is ready"},
	{"registry", 0, OPTION_STRING, AT(registry), .value = "URI",
		.help = "where models of endpoints come from: http(s)://… of an MLflow server or another sluiced, databricks-uc[://profile]; "
			"default: the embedded registry"},
	{"trusted-keys", 0, OPTION_STRING, AT(trusted_keys), .value = "FILE",
		.help = "Ed25519 public keys in PEM, one behind the other: only bundles that one of them signed (sluice sign) are served"},
	{"registry-poll-ms", 0, OPTION_INTEGER, AT(registry_poll_ms), .value = "N", .fallback = "5000", .min = 10,
		.max = 86400000, .help = "how often that one is asked whether an alias that is followed has moved"},
	{"smtp", 0, OPTION_STRING, AT(smtp), .value = "URL",
		.help = "smtp://HOST:PORT or smtps://HOST:PORT: who is named in an endpoint's email_notifications gets mail through it"},
	{"smtp-from", 0, OPTION_STRING, AT(smtp_from), .value = "ADDRESS", .help = "the sender's address of these mails"},
	{"smtp-user", 0, OPTION_STRING, AT(smtp_user), .value = "NAME", .help = "the user at --smtp; only over TLS"},
	{"smtp-password", 0, OPTION_STRING, AT(smtp_password), .value = "SCOPE/KEY",
		.help = "the stored secret that is the password of --smtp-user"},
	{"queue-max", 0, OPTION_INTEGER, AT(queue_max), .value = "N", .fallback = "0", .min = 0, .max = 1000000,
		.help = "most requests that wait for a free place at one served entity (429); 0: as many as are served in good time (docs/limits.md)"},
	{"queue-timeout-ms", 0, OPTION_INTEGER, AT(queue_timeout_ms), .value = "N", .fallback = "30000", .min = 1,
		.max = 86400000, .help = "how long a request may wait there (503)"},
	{"self-test-timeout-ms", 0, OPTION_INTEGER, AT(self_test_timeout_ms), .value = "N",
		.fallback = "60000", .min = 1, .max = 86400000,
		.help = "how long a bundle that is deployed may take to answer its own input example"},
	{"unload-after-ms", 0, OPTION_INTEGER, AT(unload_after_ms), .value = "N",
		.fallback = "1800000", .min = 0, .max = INT64_C(31536000000),
		.help = "a served entity that scales to zero, or has no traffic, gives its memory back after this long without requests"},
	{"http-target-max", 0, OPTION_SIZE, AT(http_target_max), .value = "BYTES",
		.fallback = "0", .min = 0, .max = 1 << 20,
		.help = "longest request target (414); 0: 8k, or 64k for a registry alone, whose clients name many runs in one",
		.is_live = true},
	{"http-header-max", 0, OPTION_SIZE, AT(http_header_max), .value = "BYTES",
		.fallback_number = HTTP_HEADER_MAX, .min = 256, .max = 16 << 20,
		.help = "largest header section (431)",
		.is_live = true},
	{"http-fields-max", 0, OPTION_INTEGER, AT(http_fields_max), .value = "N",
		.fallback_number = HTTP_FIELDS_MAX, .min = 1, .max = 10000,
		.help = "most header fields (431)",
		.is_live = true},
	{"http-body-max", 0, OPTION_SIZE, AT(http_body_max), .value = "BYTES",
		.fallback_number = HTTP_BODY_MAX, .min = 0, .max = 255 << 20,
		.help = "largest request body (413)",
		.is_live = true},
	{"http-bodies-max", 0, OPTION_SIZE, AT(http_bodies_max), .value = "BYTES",
		.fallback_number = HTTP_BODIES_MAX, .min = 1 << 20, .max = 1ll << 40,
		.help = "what bodies of requests in flight may take together (503)"},
	{"artifact-max", 0, OPTION_SIZE, AT(artifact_max), .value = "BYTES",
		.fallback = "0", .min = 0, .max = INT64_MAX,
		.help = "longest artifact that is taken (413); 0: any",
		.is_live = true},
	{"http-header-timeout-ms", 0, OPTION_INTEGER, AT(http_header_timeout_ms), .value = "N",
		.fallback_number = HTTP_HEADER_TIMEOUT_MS, .min = 1, .max = 86400000,
		.help = "a header section must be there that long after its first byte (408)",
		.is_live = true},
	{"http-body-timeout-ms", 0, OPTION_INTEGER, AT(http_body_timeout_ms), .value = "N",
		.fallback_number = HTTP_BODY_TIMEOUT_MS, .min = 1, .max = 86400000,
		.help = "a body must be there in this time, longer if it keeps its rate (408)",
		.is_live = true},
	{"http-body-rate-min", 0, OPTION_SIZE, AT(http_body_rate_min), .value = "BYTES",
		.fallback_number = HTTP_BODY_RATE_MIN, .min = 1, .max = 1 << 30,
		.help = "bytes a second that prolong the body's deadline",
		.is_live = true},
	{"http-idle-timeout-ms", 0, OPTION_INTEGER, AT(http_idle_timeout_ms), .value = "N",
		.fallback_number = HTTP_IDLE_TIMEOUT_MS, .min = 1, .max = 86400000,
		.help = "a connection between two requests is closed after this",
		.is_live = true},
	{"http-write-timeout-ms", 0, OPTION_INTEGER, AT(http_write_timeout_ms), .value = "N",
		.fallback_number = HTTP_WRITE_TIMEOUT_MS, .min = 1, .max = 86400000,
		.help = "a client that takes nothing of its answer is cut off after this",
		.is_live = true},
	{"http-tls-timeout-ms", 0, OPTION_INTEGER, AT(http_tls_timeout_ms), .value = "N",
		.fallback_number = HTTP_TLS_TIMEOUT_MS, .min = 1, .max = 86400000,
		.help = "deadline of a TLS handshake",
		.is_live = true},
	{"http-connections-max", 0, OPTION_INTEGER, AT(http_connections_max), .value = "N",
		.fallback_number = HTTP_CONNECTIONS_MAX, .min = 1, .max = 1000000,
		.help = "beyond it accepting pauses",
		.is_live = true},
	{"version", 0, OPTION_FLAG, AT(is_version), .is_argument_only = true,
		.help = "print the version and exit"},
	{0},
};

static const char *const EXAMPLES[] = {
	"sluiced --bundle slide_generator.tar.gz --port 8080",
	"sluiced --state /var/lib/sluice --port 8080",
	"LLM_PROVIDER=openai LLM_BASE_URL=http://127.0.0.1:11434/v1 sluiced --bundle examples/slide_generator",
	NULL,
};

static const struct options_spec SPEC = {
	.program = "sluiced",
	.summary = "serves a bundle behind the Model Serving protocol (POST /invocations), and an MLflow-compatible registry",
	.options = OPTIONS,
	.examples = EXAMPLES,
};

const struct options_spec *settings_spec(void)
{
	return &SPEC;
}

enum { REGISTRY_TARGET_MAX = 64 << 10, HTTP_TARGET_LEAST = 64 };

static size_t target_max(const struct settings *settings)
{
	if (settings->http_target_max > 0)
		return (size_t)settings->http_target_max;
	return settings->bundle != NULL ? HTTP_TARGET_MAX : REGISTRY_TARGET_MAX;
}

void settings_derive(struct settings *settings)
{
	settings->limits = (struct http_limits){
		.target_max = target_max(settings),
		.header_max = (size_t)settings->http_header_max,
		.fields_max = (unsigned)settings->http_fields_max,
		.body_max = (size_t)settings->http_body_max,
		.header_timeout_ms = (uint32_t)settings->http_header_timeout_ms,
		.body_timeout_ms = (uint32_t)settings->http_body_timeout_ms,
		.body_rate_min = (uint32_t)settings->http_body_rate_min,
		.idle_timeout_ms = (uint32_t)settings->http_idle_timeout_ms,
		.write_timeout_ms = (uint32_t)settings->http_write_timeout_ms,
		.tls_timeout_ms = (uint32_t)settings->http_tls_timeout_ms,
		.connections_max = (unsigned)settings->http_connections_max,
	};
}

static bool check_smtp(const struct settings *settings, struct error *err)
{
	if ((settings->smtp == NULL) != (settings->smtp_from == NULL))
		return error_set(err, ERR_USAGE, "--smtp and --smtp-from come together; only --%s was given",
			settings->smtp != NULL ? "smtp" : "smtp-from");
	if ((settings->smtp_user == NULL) != (settings->smtp_password == NULL))
		return error_set(err, ERR_USAGE, "--smtp-user and --smtp-password come together; only --%s was given",
			settings->smtp_user != NULL ? "smtp-user" : "smtp-password");
	if (settings->smtp_user != NULL && settings->smtp == NULL)
		return error_set(err, ERR_USAGE, "--smtp-user needs --smtp");
	return settings->smtp == NULL || settings->bundle == NULL ||
	       error_set(err, ERR_USAGE, "--smtp is for endpoints: --bundle has none");
}

static bool set_state_dir(struct settings *settings, struct arena *arena, struct error *err)
{
	if (settings->state_dir != NULL)
		return true;
	const char *state = getenv("XDG_STATE_HOME"), *home = getenv("HOME");

	if (state != NULL && state[0] == '/')
		settings->state_dir = arena_printf(arena, "%s/sluice", state);
	else if (home != NULL && home[0] == '/')
		settings->state_dir = arena_printf(arena, "%s/.local/state/sluice", home);
	else
		return error_set(
			err, ERR_USAGE, "neither XDG_STATE_HOME nor HOME is set: give --state DIR");
	return true;
}

struct http_tls_files settings_tls_files(const struct settings *settings)
{
	return (struct http_tls_files){
		.cert = settings->tls_cert,
		.key = settings->tls_key,
		.client_ca = settings->tls_client_ca,
		.is_client_optional = settings->tls_client_auth == TLS_CLIENT_OPTIONAL,
	};
}

static bool check_tls(const struct settings *settings, struct error *err)
{
	if ((settings->tls_cert == NULL) != (settings->tls_key == NULL))
		return error_set(err, ERR_USAGE, "--tls-cert and --tls-key come together; only --%s was given",
			settings->tls_cert != NULL ? "tls-cert" : "tls-key");
	if (settings->tls_client_ca != NULL && settings->tls_cert == NULL)
		return error_set(err, ERR_USAGE, "--tls-client-ca needs --tls-cert and --tls-key");
	return (settings->tls_client_auth == TLS_CLIENT_REQUIRE || settings->tls_client_ca != NULL) ||
	       error_set(err, ERR_USAGE, "--tls-client-auth optional needs --tls-client-ca");
}

static bool set_gateway(struct settings *settings, struct error *err)
{
	if (settings->gateway == NULL)
		settings->gateway = getenv("MLFLOW_DEPLOYMENTS_TARGET");
	if (settings->gateway == NULL || settings->gateway[0] == '\0') {
		settings->gateway = NULL;
		return true;
	}
	return str_starts(str_of(settings->gateway), STR("http://")) || str_starts(str_of(settings->gateway), STR("https://")) ||
	       error_set(err, ERR_USAGE, "--gateway or MLFLOW_DEPLOYMENTS_TARGET: '%s' is no http or https URL", settings->gateway);
}

static bool set_paths(struct settings *settings, struct arena *arena, struct error *err)
{
	if (!set_state_dir(settings, arena, err))
		return false;
	if (settings->secret_key == NULL)
		settings->secret_key = arena_printf(arena, "%s/keys/secret.key", settings->state_dir);
	return true;
}

bool settings_read(struct settings *ret, struct arena *arena, int argc, char **argv,
	bool *ret_is_over, struct error *err)
{
	struct options_result result = {0};

	/* Neither needs a bundle. */
	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "--version") == 0) {
			printf("sluiced %s\n", SLUICE_VERSION);
			*ret_is_over = true;
			return true;
		}
	}
	*ret = (struct settings){0};
	if (!options_read(&SPEC, arena, argc, argv, ret, &result, err))
		return false;
	*ret_is_over = result.is_help;
	if (result.is_help)
		return true;
	if (ret->http_target_max > 0 && ret->http_target_max < HTTP_TARGET_LEAST)
		return error_set(err, ERR_USAGE, "--http-target-max '%lld': expected 0, or %d and more",
			(long long)ret->http_target_max, HTTP_TARGET_LEAST);
	if (!check_tls(ret, err) || !check_smtp(ret, err))
		return false;
	if (ret->workers == 0)
		ret->workers =
			sysconf(_SC_NPROCESSORS_ONLN) > 0 ? sysconf(_SC_NPROCESSORS_ONLN) : 1;
	settings_derive(ret);
	return set_paths(ret, arena, err) && set_gateway(ret, err);
}

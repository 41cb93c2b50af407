#pragma once
/*
 * Browser: keeps web pages of others away from what they could change here.
 *
 * A page can make its visitor's browser call any port of the visitor's machine. Two things give it away: by DNS
 * rebinding it arrives under a host name that is not ours, and with every change it sends its Origin. So, of routes that are
 * not public: the Host field must be an IP address of this machine's own or a private network (127.0.0.0/8, 10.0.0.0/8,
 * 172.16.0.0/12, 192.168.0.0/16, ::1, fc00::/7), `localhost`, what --host says, or one of --allowed-host; and what
 * changes something must come without an Origin, from a localhost page or from one of --allowed-origin.
 * Rows for the one bundle (/invocations) are taken under whatever name, as ever, but of browsers: what they fetch for a page
 * says so (Origin, Sec-Fetch-Site).
 * Clients that are no browsers never notice. As MLflow's server does (mlflow/server/security_utils.py), but addresses are
 * read as such: there 10.example.com counts as private.
 */
#include "base/error.h"
#include "server/http.h"
#include "server/settings.h"

/* localhost, or an address of this machine alone. */
bool browser_is_loopback(const char *host);
/* ERR_PERMISSION_DENIED with MLflow's words. */
bool browser_check(const struct settings *settings, const struct http_request *request, struct error *err);
/* A page's script made it; also the oldest browsers send Origin with a POST. */
bool browser_made(const struct http_request *request);
/* Only where it comes from, under whatever name it arrived: for who has proved who he is. */
bool browser_check_origin(const struct settings *settings, const struct http_request *request, struct error *err);

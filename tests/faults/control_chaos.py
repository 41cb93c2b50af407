#!/usr/bin/env python3
"""Everything at once on a few endpoints: creates, deletes, updates (also to bundles that must not serve), rollbacks,
stops, starts, alias moves and limits, while clients ask, half of them for streams; then kills, restarts and upgrades, if asked.

    control_chaos.py SLUICED SLUICE [--seconds 4] [--clients 6] [--operators 3] [--seed N] [--kills 1] [--upgrades 0]
                     [--stops 1]
                     [--slack-ms 1000] [--unload-after-ms N]

What may be served at a moment is in the rows: config versions with the time since when they served, stops, deletions.
Every answer must come whole from one version that was active between the request's start and its end, every refusal from
a state that was; the slack is what lies between a commit and the table. Nothing may answer 5xx, but for an endpoint whose
first config is being deployed. At the end, and after each restart, rows, answers and the table agree.
"""
import argparse
import contextlib
import http.client
import json
import os
import pathlib
import random
import signal
import socket
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time

from deploy_load import FAILS, GOOD, HANGS, versions_of, write_bundle

NAMES = ["alpha", "beta", "gamma"]
VERSIONS = 4
ENDPOINTS = "/api/2.0/serving-endpoints"
REGISTRY = "/api/2.0/mlflow/"
DONE = {200}
# What an operator may hear: it is not there, is there already, another update runs, there is nothing to go back to.
OPERATORS_MAY = {200, 400, 404, 409}
END_MAX_S = 10
SANITIZED = ("ERROR: AddressSanitizer", "ERROR: LeakSanitizer", "runtime error:", "WARNING: ThreadSanitizer", "Assertion")


def now_ms():
    return time.time() * 1e3


class Gone(Exception):
    """No answer."""


def lasting_port():
    """Free while the service restarts, too: none that a client's own end may get, which would then talk to itself."""
    with open("/proc/sys/net/ipv4/ip_local_port_range") as limits:
        lowest = int(limits.read().split()[0])
    while True:
        port = random.SystemRandom().randrange(10000, lowest)
        with contextlib.suppress(OSError), socket.socket() as s:
            s.bind(("127.0.0.1", port))
            return port


class Service:
    def __init__(self, sluiced, folder, options):
        self.port = lasting_port()
        self.state, self.pid_file, self.log_path = folder / "state", folder / "pid", folder / "log"
        self.command = [sluiced, "--state", str(self.state), "--port", str(self.port), "--pid-file", str(self.pid_file),
                        "--log-level", "warn", "--self-test-timeout-ms", "300", *options]
        self.downs = []  # [from, to]: nobody answers, and who asked before may not be answered
        self.start()

    def start(self):
        self.pid_file.unlink(missing_ok=True)
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen(self.command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        self.wait(lambda: self.pid != 0, "ready")

    def wait(self, is_so, what, seconds=60):
        end = time.monotonic() + seconds
        while not is_so():
            if time.monotonic() > end:
                raise SystemExit("%s: not within %d s: %s" % (what, seconds, self.log()[-3000:]))
            time.sleep(0.01)

    @property
    def pid(self):
        try:
            return int(self.pid_file.read_text())
        except (OSError, ValueError):
            return 0

    def log(self):
        return self.log_path.read_text("utf-8", "replace")

    def restart(self, number):
        down = [now_ms(), float("inf")]
        self.downs.append(down)
        status = self.end(number)
        if number == signal.SIGTERM and status != 0:
            raise SystemExit("it ended with %d: %s" % (status, self.log()[-3000:]))
        self.start()
        down[1] = now_ms()

    def kill(self):
        self.restart(signal.SIGKILL)

    def stop(self):
        """In the middle of deployments, self-tests that hang among them."""
        start = time.monotonic()
        self.restart(signal.SIGTERM)
        if time.monotonic() - start > END_MAX_S:
            raise SystemExit("its end took %.1f s" % (time.monotonic() - start))

    def upgrade(self):
        old = self.pid
        os.kill(old, signal.SIGUSR2)
        self.wait(lambda: self.pid not in (0, old), "upgrade")
        self.wait(lambda: not self.is_running(old), "the end of who was upgraded")

    def end(self, number=signal.SIGTERM):
        pid = self.pid
        if pid == 0:
            self.process.kill()
            raise SystemExit("it does not run: %s" % self.log()[-3000:])
        os.kill(pid, number)
        self.wait(lambda: not self.is_running(pid), "end")
        return self.process.wait(10)

    def is_running(self, pid):
        """The first process is ours to reap. One that is a zombie already may have threads that hold the port."""
        self.process.poll()
        try:
            with open("/proc/%d/stat" % pid) as stat:
                is_over = stat.read().rsplit(")", 1)[1].split()[0] in "ZX"
            return not is_over or len(os.listdir("/proc/%d/task" % pid)) > 1
        except OSError:
            return False

    def was_down(self, start, end):
        return any(start <= down[1] and down[0] <= end for down in self.downs)

    def ask(self, method, path, body=None, connection=None, timeout=30):
        """-> status, headers, text, connection: None where it is not to be used again"""
        try:
            if connection is None:
                connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout)
            data = None if body is None else json.dumps(body)
            connection.request(method, path, data, {"Content-Type": "application/json"})
            answer = connection.getresponse()
            text = answer.read()
        except (OSError, http.client.HTTPException) as error:
            connection.close()
            raise Gone(repr(error)) from error
        if answer.will_close:
            connection.close()
        return answer.status, dict(answer.getheaders()), text, None if answer.will_close else connection

    def call(self, method, path, body=None):
        """-> status, decoded"""
        status, _, text, connection = self.ask(method, path, body)
        if connection is not None:
            connection.close()
        return status, json.loads(text)

    def query(self, name):
        """-> what answered: a version, "missing", "stopped", …"""
        status, _, text, connection = self.ask("POST", "/serving-endpoints/%s/invocations" % name,
                                               {"dataframe_records": [{"q": "x"}] * 3})
        if connection is not None:
            connection.close()
        return token_of(status, text, False)


def token_of(status, text, is_stream):
    """What an answer says: "v3", or the state that refuses."""
    if status == 200:
        versions = set(versions_of(text, is_stream))
        return versions.pop() if len(versions) == 1 else "mixed %s" % sorted(versions)
    message = text.decode("utf-8", "replace")
    for mark, token in (("does not exist", "missing"), ("is stopped", "stopped"), ("is being deployed", "coming"),
                        ("is not ready", "unready")):
        if mark in message and (status in (400, 404) or (status == 503 and token == "coming")):
            return token
    return "%d %s" % (status, message[:300])


# ---- what the rows say ----


class Rows:
    """What may have answered when: for each name, [from, to, token]."""

    def __init__(self, state):
        self.spans = {}
        with contextlib.closing(sqlite3.connect("file:%s/registry/registry.db?mode=ro" % state, uri=True)) as db:
            lives = db.execute("SELECT id, name, created_ms, deleted_ms FROM endpoints ORDER BY created_ms").fetchall()
            for ident, name, created, deleted in lives:
                self.add_life(db, ident, self.spans.setdefault(name, []), created, deleted or float("inf"))
        for name in NAMES:
            self.add_missing(self.spans.setdefault(name, []))

    def add_life(self, db, ident, spans, created, deleted):
        served = db.execute("SELECT served_ms, config, resolved FROM endpoint_configs WHERE endpoint_id = ? AND"
                            " coalesce(served_ms, 0) > 0 ORDER BY served_ms", (ident,)).fetchall()
        stops = db.execute("SELECT time_ms, type FROM endpoint_events WHERE endpoint_id = ? AND type IN"
                           " ('ENDPOINT_STOPPED', 'ENDPOINT_STARTED', 'UPDATE_SUCCEEDED') ORDER BY id", (ident,)).fetchall()
        first = served[0][0] if served else deleted
        spans += [[created, first, "coming"], [created, first, "unready"], [created, deleted, "there"]]
        for (since, config, resolved), until in zip(served, [row[0] for row in served[1:]] + [deleted]):
            for version in versions_with_traffic(json.loads(config), json.loads(resolved)):
                spans.append([since, until, "v" + version])
        for i, (since, kind) in enumerate(stops):
            if kind == "ENDPOINT_STOPPED":
                spans.append([since, next((t for t, k in stops[i + 1:] if k != kind), deleted), "stopped"])

    @staticmethod
    def add_missing(spans):
        at = 0
        for since, until, token in sorted(span for span in spans if span[2] == "there"):
            spans.append([at, since, "missing"])
            at = until
        spans.append([at, float("inf"), "missing"])

    def may(self, name, start, end, token, slack):
        return any(said == token and since <= end and until + slack >= start for since, until, said in self.spans[name])

    def at(self, name, start, end, slack):
        return sorted({said for since, until, said in self.spans[name] if since <= end and until + slack >= start})


def versions_with_traffic(config, resolved):
    shares = {route.get("served_entity_name", route.get("served_model_name")): route["traffic_percentage"]
              for route in config.get("traffic_config", {}).get("routes", [])}
    return {one["version"] for name, one in resolved.items() if shares.get(name, 100) > 0}


# ---- who asks ----


class Client(threading.Thread):
    def __init__(self, service, number, seed):
        super().__init__(daemon=True)
        self.service, self.random = service, random.Random("%d client %d" % (seed, number))
        self.is_stream, self.is_keeping = number % 2 == 1, number % 4 < 2
        self.seen, self.is_over = [], False  # name, start, end, token

    def run(self):
        connection = None
        while not self.is_over:
            name = self.random.choice(NAMES)
            body = {"dataframe_records": [{"q": "x" * 20}] * (30 if self.is_stream else 3)}
            if self.is_stream:
                body["stream"] = True
            start, is_new = now_ms(), connection is None
            try:
                status, _, text, connection = self.service.ask(
                    "POST", "/serving-endpoints/%s/invocations" % name, body, connection)
                token = token_of(status, text, self.is_stream)
            except Gone as gone:
                # A kept connection may end when nothing was asked on it.
                token, connection = "gone: %s" % gone if is_new else None, None
            except (ValueError, KeyError) as broken:
                token, connection = "broken: %r" % broken, None
            if token is not None:
                self.seen.append((name, start, now_ms(), token))
            if not self.is_keeping and connection is not None:
                connection.close()
                connection = None
            time.sleep(0.003)
        if connection is not None:
            connection.close()


class Operator(threading.Thread):
    def __init__(self, service, number, seed, bad):
        super().__init__(daemon=True)
        self.service, self.bad = service, bad
        self.random = random.Random("%d operator %d" % (seed, number))
        self.failures, self.calls, self.is_over = [], 0, False

    def entity(self, **more):
        pick = self.random.randrange(10)
        version = "@champion" if pick < 3 else self.random.choice(self.bad) if pick == 9 else str(1 + pick % VERSIONS)
        return {"entity_name": "load", "entity_version": version, "workload_size": "Large",
                "scale_to_zero_enabled": self.random.random() < 0.5, **more}

    def config(self):
        if self.random.random() < 0.6:
            return {"served_entities": [self.entity(name="a")]}
        share = self.random.choice([0, 1, 50, 99, 100])
        routes = [{"served_entity_name": "a", "traffic_percentage": share, "shadow_percentage": 100 - share},
                  {"served_entity_name": "b", "traffic_percentage": 100 - share}]
        sticky = self.random.choice([{}, {"sticky": {"header": "x-user"}}, {"sticky": {"column": "q"}}])
        return {"served_entities": [self.entity(name="a"), self.entity(name="b")],
                "traffic_config": {"routes": routes, **sticky}}

    def step(self):
        """-> method, path, body"""
        name = self.random.choice(NAMES)
        path = "%s/%s" % (ENDPOINTS, name)
        steps = [
            (5, ("POST", ENDPOINTS, {"name": name, "config": self.config()})),
            (2, ("DELETE", path, None)),
            (6, ("PUT", path + "/config", self.config())),
            (3, ("POST", path + "/rollback", {})),
            (1, ("POST", path + "/config:stop", {})),
            (3, ("POST", path + "/config:start", {})),
            (2, ("PATCH", path + "/tags", {"add_tags": [{"key": "k", "value": str(self.random.random())}]})),
            (3, ("POST", REGISTRY + "registered-models/alias", {
                "name": "load", "alias": "champion", "version": self.random.choice([*"1234", self.bad[0]])})),
            (2, ("PUT", path + "/rate-limits", {"rate_limits": self.random.choice([[], [
                {"key": "user", "renewal_period": "minute", "calls": 10 ** 6}]])})),
            (2, ("GET", self.random.choice(["/metrics", path + "/metrics", path + "/openapi", path + "/served-models/a/logs",
                                            path + "/served-models/a/build-logs"]), None)),
            (2, ("GET", path, None)),
            (1, ("GET", ENDPOINTS, None)),
            (1, ("GET", path + "/config-versions", None)),
            (1, ("GET", path + "/events", None)),
        ]
        return self.random.choices([step for _, step in steps], [weight for weight, _ in steps])[0]

    def run(self):
        while not self.is_over:
            step, start = self.step(), now_ms()
            try:
                status, _, answer, connection = self.service.ask(*step)
            except Gone as gone:
                if not self.service.was_down(start, now_ms()):
                    self.failures.append("%s %s: %s" % (step[0], step[1], gone))
                continue
            if connection is not None:
                connection.close()
            self.calls += 1
            if status not in OPERATORS_MAY:
                self.failures.append("%s %s: %d %s" % (step[0], step[1], status, answer[:300]))
            time.sleep(0.005)


# ---- the end ----


def settle(service):
    """-> the endpoints, none of which is being deployed"""
    end = time.monotonic() + 60
    while True:
        endpoints = {e["name"]: service.call("GET", "%s/%s" % (ENDPOINTS, e["name"]))[1]
                     for e in service.call("GET", ENDPOINTS)[1]["endpoints"]}
        if all(e["state"]["config_update"] != "IN_PROGRESS" for e in endpoints.values()):
            return endpoints
        if time.monotonic() > end:
            raise SystemExit("an update does not end: %s" % endpoints)
        time.sleep(0.02)


def expected(endpoint):
    """What may answer."""
    if endpoint is None:
        return {"missing"}
    if endpoint["state"].get("suspend") == "STOPPED":
        return {"stopped"}
    if "config" not in endpoint:
        return {"unready"}
    if endpoint["state"]["ready"] != "READY":
        raise SystemExit("it served before, and does not: %s" % endpoint)
    shares = {route["served_entity_name"]: route["traffic_percentage"]
              for route in endpoint["config"]["traffic_config"]["routes"]}
    return {"v" + e["resolved_entity_version"] for e in endpoint["config"]["served_entities"] if shares[e["name"]] > 0}


def check_agree(service, where, before=None):
    endpoints = settle(service)
    for name in NAMES:
        wanted = expected(endpoints.get(name))
        said = {service.query(name) for _ in range(5)}
        if not said <= wanted:
            raise SystemExit("%s: '%s' answers %s, its rows say %s: %s" % (where, name, said, wanted, endpoints.get(name)))
    configs = {name: endpoint.get("config", {}).get("config_version") for name, endpoint in endpoints.items()}
    if before is not None and configs != before:
        raise SystemExit("%s: config versions %s became %s" % (where, before, configs))
    return configs


def check_seen(service, clients, slack):
    rows, failures, counts = Rows(service.state), [], {}
    for name, start, end, token in (seen for client in clients for seen in client.seen):
        counts[token[:12]] = counts.get(token[:12], 0) + 1
        if not rows.may(name, start, end, token, slack) and not service.was_down(start, end):
            failures.append("'%s' from %.0f for %.0f ms: %s, which none of %s allows" % (
                name, start, end - start, token, rows.at(name, start, end, slack)))
    return failures, counts


def prepare(service, sluice, folder):
    """-> versions that must not serve: one that fails its example, one that hangs in it"""
    env, bad = {**os.environ, "MLFLOW_TRACKING_URI": "http://127.0.0.1:%d" % service.port}, []
    bundles = [("v%d" % n, GOOD % ("v%d" % n)) for n in range(1, VERSIONS + 1)] + [("fails", FAILS), ("hangs", HANGS)]
    for name, statement in bundles:
        bundle = write_bundle(folder / name, statement)
        made = subprocess.run([sluice, "register", str(bundle), "--name", "load", "--json"], env=env, check=True,
                              stdout=subprocess.PIPE)
        if not name.startswith("v"):
            bad.append(json.loads(made.stdout)["version"])
    alias = {"name": "load", "alias": "champion", "version": "1"}
    assert service.call("POST", REGISTRY + "registered-models/alias", alias)[0] == 200
    return bad


def disturb(service, given, rng):
    """Waits the seconds, with kills and upgrades in between."""
    events = [service.kill] * given.kills + [service.stop] * given.stops + [service.upgrade] * given.upgrades
    rng.shuffle(events)
    start, step = time.monotonic(), given.seconds / (len(events) + 1)
    for i, event in enumerate(events):
        time.sleep(max(0, start + step * (i + 1) - time.monotonic()))
        event()
    time.sleep(max(0, start + given.seconds - time.monotonic()))


def run(service, sluice, folder, given):
    bad = prepare(service, sluice, folder)
    operators = [Operator(service, i, given.seed, bad) for i in range(given.operators)]
    clients = [Client(service, i, given.seed) for i in range(given.clients)]
    for thread in operators + clients:
        thread.start()
    disturb(service, given, random.Random(given.seed))
    for group in operators, clients:
        for thread in group:
            thread.is_over = True
        for thread in group:
            thread.join(60)
            if thread.is_alive():
                raise SystemExit("%s hangs" % thread)
    before = check_agree(service, "at the end")
    service.kill()
    check_agree(service, "after kill -9", before)
    failures, counts = check_seen(service, clients, given.slack_ms)
    print("%d calls of operators, %d answers: %s" % (
        sum(o.calls for o in operators), sum(counts.values()), dict(sorted(counts.items()))))
    return failures + [failure for operator in operators for failure in operator.failures]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sluiced")
    parser.add_argument("sluice")
    parser.add_argument("--seconds", type=float, default=4)
    parser.add_argument("--clients", type=int, default=6)
    parser.add_argument("--operators", type=int, default=3)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(10 ** 6))
    parser.add_argument("--kills", type=int, default=1)
    parser.add_argument("--stops", type=int, default=1)
    parser.add_argument("--upgrades", type=int, default=0)
    parser.add_argument("--slack-ms", type=float, default=1000)
    parser.add_argument("--unload-after-ms", default="0")
    given = parser.parse_args()
    print("seed", given.seed, flush=True)
    with tempfile.TemporaryDirectory() as name:
        service = Service(given.sluiced, pathlib.Path(name), ["--unload-after-ms", given.unload_after_ms])
        try:
            failures = run(service, given.sluice, pathlib.Path(name), given)
        finally:
            status = service.end()
            log = service.log()
    if status != 0:
        failures.append("sluiced ended with %d: %s" % (status, log[-3000:]))
    failures += ["%s: %s" % (mark, log[log.index(mark):][:6000]) for mark in SANITIZED if mark in log]
    for failure in failures[:20]:
        print("FAILED:", failure)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())

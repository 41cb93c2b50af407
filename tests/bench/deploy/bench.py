#!/usr/bin/env python3
"""Times what an operator waits for, as a client sees it: from the call to the first answer of the other version.

  deploy     of a bundle that the store has, but that is not in memory: resolved, verified, loaded, self-tested, swapped
  rollback   one call
  alias      moving the alias that an endpoint follows
  and with many endpoints: memory, threads, descriptors and the start

Medians of all rounds; the most of each, too.
"""
import argparse
import http.client
import json
import os
import pathlib
import socket
import statistics
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "faults"))
from deploy_load import GOOD, write_bundle  # noqa: E402

ENDPOINTS = "/api/2.0/serving-endpoints"


class Server:
    def __init__(self, program, state, *options):
        with socket.socket() as s:
            s.bind(("127.0.0.1", 0))
            self.port = s.getsockname()[1]
        started = time.monotonic()
        self.process = subprocess.Popen([program, "--state", str(state), "--port", str(self.port), "--log-level", "warn",
                                         *options])
        while True:
            try:
                self.connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
                self.call("GET", "/ready")
                break
            except OSError:
                time.sleep(0.001)
        self.start_s = time.monotonic() - started

    def call(self, method, path, body=None):
        self.connection.request(method, path, None if body is None else json.dumps(body),
                                {"Content-Type": "application/json"})
        answer = self.connection.getresponse()
        text = answer.read()
        if answer.status != 200:
            raise SystemExit("%s %s: %d %s" % (method, path, answer.status, text[:500]))
        return json.loads(text) if text[:1] == b"{" else text

    def version(self):
        rows = {"dataframe_records": [{"q": "x"}]}
        return self.call("POST", "/serving-endpoints/ep/invocations", rows)["predictions"][0]["version"].split()[0]

    def seconds_until(self, version, *call):
        """From the call to the first answer of that version; asked after the call's own answer, as one client does."""
        started = time.monotonic()
        self.call(*call)
        while self.version() != version:
            pass
        return time.monotonic() - started

    def size(self):
        status = dict(line.split(":", 1) for line in open("/proc/%d/status" % self.process.pid) if ":" in line)
        return (int(status["VmRSS"].split()[0]) / 1024, int(status["Threads"]),
                len(os.listdir("/proc/%d/fd" % self.process.pid)))

    def stop(self):
        self.process.terminate()
        self.process.wait(60)


def config(version):
    return {"served_entities": [{"entity_name": "m", "entity_version": version, "workload_size": "Small", "name": "e"}]}


def register(server, sluice, folder, count, text="v%d"):
    env = {**os.environ, "MLFLOW_TRACKING_URI": "http://127.0.0.1:%d" % server.port}
    for n in range(1, count + 1):
        bundle = write_bundle(folder / str(n), GOOD % (text % n))
        subprocess.run([sluice, "register", str(bundle), "--name", "m"], env=env, check=True, stdout=subprocess.DEVNULL)


def tell(name, seconds):
    print("%-44s median %6.2f ms, most %6.2f ms, %d times" % (
        name, 1e3 * statistics.median(seconds), 1e3 * max(seconds), len(seconds)))


def time_changes(options, folder):
    server = Server(options.sluiced, folder / "state")
    # More versions than are kept in memory after they served.
    register(server, options.sluice, folder / "bundles", 40)
    server.call("POST", ENDPOINTS, {"name": "ep", "config": config("1")})
    first = [server.seconds_until("v%d" % n, "PUT", ENDPOINTS + "/ep/config", config(str(n))) for n in range(2, 41)]
    again = []
    for i in range(options.rounds):
        n = i % 40 + 1
        again.append(server.seconds_until("v%d" % n, "PUT", ENDPOINTS + "/ep/config", config(str(n))))
    rollback = []
    for i in range(options.rounds):
        server.call("PUT", ENDPOINTS + "/ep/config", config("1"))
        server.call("PUT", ENDPOINTS + "/ep/config", config("2"))
        rollback.append(server.seconds_until("v1", "POST", ENDPOINTS + "/ep/rollback", {}))
    alias = []
    move = "/api/2.0/mlflow/registered-models/alias"
    server.call("POST", move, {"name": "m", "alias": "champion", "version": "1"})
    server.call("PUT", ENDPOINTS + "/ep/config", config("@champion"))
    for i in range(options.rounds):
        n = i % 2 + 2
        alias.append(server.seconds_until("v%d" % n, "POST", move,
                                          {"name": "m", "alias": "champion", "version": str(n)}))
    server.stop()
    tell("first deploy of a version (unpacked, loaded)", first)
    tell("deploy of a bundle in the store", again)
    tell("rollback", rollback)
    tell("alias moved, endpoint follows", alias)


def time_many(options, folder):
    server = Server(options.sluiced, folder / "many")
    register(server, options.sluice, folder / "many bundles", 4, "w%d")
    empty = server.size()
    started = time.monotonic()
    for i in range(options.endpoints):
        entity = {"entity_name": "m", "entity_version": str(i % 4 + 1),
                  "environment_vars": {"N": str(i)} if options.apart else {}}
        server.call("POST", ENDPOINTS, {"name": "e%d" % i, "config": {"served_entities": [entity]}})
    took = time.monotonic() - started
    full = server.size()
    server.stop()
    server = Server(options.sluiced, folder / "many")
    print("%d endpoints, %s: made in %.1f s; %.1f MB, %d threads, %d descriptors (none: %.1f MB, %d, %d); start %.0f ms, then %.1f MB" % (
        options.endpoints, "each with a bundle of its own in memory" if options.apart else "4 bundles", took,
        *full, *empty, 1e3 * server.start_s, server.size()[0]))
    server.stop()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sluiced", required=True)
    parser.add_argument("--sluice", required=True)
    parser.add_argument("--rounds", type=int, default=200)
    parser.add_argument("--endpoints", type=int, default=1000)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        time_changes(options, folder)
        for options.apart in False, True:
            time_many(options, folder / str(options.apart))


if __name__ == "__main__":
    main()

#!/usr/bin/env python3
"""Deploys, rolls back and moves an alias while clients ask, half of them for streams; nothing may fail, and every answer
must come from exactly one version, the one that its header names.

usage: deploy_load.py SLUICED SLUICE [--changes 400] [--clients 64] [--seconds 600] [--bad]

A change is a deploy or a rollback, in turn, spread over the seconds. --bad puts three kinds of bundles between them that
must not serve: one that does not load, one that fails its own example, one that hangs in it.
"""
import argparse
import asyncio
import collections
import json
import os
import pathlib
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request

VERSIONS, ENDPOINT = 6, "load"
INPUTS = [{"type": "string", "name": "q", "required": True}]
OUTPUTS = [{"type": "string", "name": "version", "required": True}]
GOOD = "SELECT '%s ' || :q"
FAILS = "SELECT CASE WHEN :q = 'hello' THEN abs(-9223372036854775807 - 1) ELSE 'bad' END"
HANGS = "WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c) SELECT 'bad' || max(x) || :q FROM c"


def write_bundle(folder, statement, config_tail=""):
    folder.mkdir(parents=True)
    (folder / "MLmodel").write_text(json.dumps({
        "flavors": {"sluice": {"config": "config.yaml"}}, "mlflow_version": "3.17.2", "model_uuid": "0" * 32,
        "utc_time_created": "2026-11-21 00:00:00.000000",
        "saved_input_example_info": {"artifact_path": "input_example.json", "type": "json_object",
                                     "serving_input_path": "serving_input_example.json"},
        "signature": {"inputs": json.dumps(INPUTS), "outputs": json.dumps(OUTPUTS), "params": None}}, indent=1))
    (folder / "config.yaml").write_text(
        "version: 1\ntools:\n  - {name: say, sql: {statement: \"%s\", result: value, timeout_ms: 60000}}\n"
        "steps:\n  - {name: version, tool: say}\n%s" % (statement, config_tail))
    (folder / "input_example.json").write_text('{"q": "hello"}')
    (folder / "serving_input_example.json").write_text('{"dataframe_records": [{"q": "hello"}]}')
    return folder


class Server:
    def __init__(self, sluiced, state):
        with socket.socket() as s:
            s.bind(("127.0.0.1", 0))
            self.port = s.getsockname()[1]
        self.url = "http://127.0.0.1:%d" % self.port
        self.log = open(pathlib.Path(state) / "sluiced.log", "wb")
        self.process = subprocess.Popen(
            [sluiced, "--state", str(pathlib.Path(state) / "state"), "--port", str(self.port), "--log-level", "warn",
             "--self-test-timeout-ms", "300"], stderr=self.log, stdout=self.log)
        end = time.monotonic() + 30
        while time.monotonic() < end:
            try:
                return self.call("GET", "/health") and None
            except OSError:
                time.sleep(0.02)
        raise SystemExit("sluiced does not listen")

    def call(self, method, path, body=None):
        data = None if body is None else body if isinstance(body, bytes) else json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, data, {"Content-Type": "application/json"}, method=method)
        with urllib.request.urlopen(request, timeout=60) as answer:
            text = answer.read()
        return json.loads(text) if text[:1] in (b"{", b"[") else text

    def config_of(self, version, model="load"):
        return {"served_entities": [{"entity_name": model, "entity_version": str(version), "workload_size": "Large",
                                     "scale_to_zero_enabled": False}]}

    def endpoint(self):
        return self.call("GET", "/api/2.0/serving-endpoints/" + ENDPOINT)

    def settle(self):
        """Until no deployment runs."""
        while True:
            state = self.endpoint()
            if state["state"]["config_update"] != "IN_PROGRESS":
                return state
            time.sleep(0.02)

    def register_broken(self):
        """A version whose files are no bundle: the tool would not log it."""
        api = "/api/2.0/mlflow/"
        run = self.call("POST", api + "runs/create", {"experiment_id": "0"})["run"]["info"]
        place = run["artifact_uri"].split(":/", 1)[1].strip("/")
        self.call("PUT", "/api/2.0/mlflow-artifacts/artifacts/%s/model/MLmodel" % place, b"flavors: {sluice: [\n")
        made = self.call("POST", api + "model-versions/create", {
            "name": "load", "source": run["artifact_uri"] + "/model", "run_id": run["run_id"]})
        return made["model_version"]["version"]


class Watch:
    """What the clients saw."""

    def __init__(self):
        self.answers, self.by_version, self.failures = 0, collections.Counter(), []
        self.is_over = False

    def fail(self, text):
        if len(self.failures) < 20:
            self.failures.append(text)
        else:
            self.failures[-1] = "and more"

    def check(self, status, headers, versions, kind):
        self.answers += 1
        served = headers.get("served-model-name", "")
        if status != 200 or len(set(versions)) != 1 or "load-%s" % versions[0].lstrip("v") != served:
            self.fail("%s: status %d, served %r, versions %s" % (kind, status, served, sorted(set(versions))[:5]))
        else:
            self.by_version[versions[0]] += 1


async def read_head(reader):
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    fields = dict(line.lower().split(": ", 1) for line in head[1:] if ": " in line)
    return int(head[0].split()[1]), fields


async def read_body(reader, fields):
    if fields.get("transfer-encoding") != "chunked":
        return await reader.readexactly(int(fields.get("content-length", 0)))
    whole = b""
    while True:
        size = int(await reader.readline(), 16)
        piece = await reader.readexactly(size + 2)
        if size == 0:
            return whole
        whole += piece[:-2]


def versions_of(text, is_stream):
    if not is_stream:
        return [row["version"].split()[0] for row in json.loads(text)["predictions"]]
    frames = [line[6:] for line in text.decode().splitlines() if line.startswith("data: ")]
    if not frames or frames[-1] != "[DONE]":
        return ["cut"]
    return [row["version"].split()[0] for frame in frames[:-1] for row in json.loads(frame)["predictions"]]


async def client(watch, port, number):
    is_stream = number % 2 == 1
    rows = [{"q": "x" * 20}] * (40 if is_stream else 3)
    body = json.dumps({"dataframe_records": rows, **({"stream": True} if is_stream else {})}).encode()
    request = (b"POST /serving-endpoints/%s/invocations HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
               b"Content-Length: %d\r\n\r\n" % (ENDPOINT.encode(), len(body))) + body
    asked, writer = 0, None
    while not watch.is_over:
        try:
            # Some connections are kept, some are made anew.
            if writer is None or (number % 4 < 2 and asked % 50 == 0):
                if writer is not None:
                    writer.close()
                reader, writer = await asyncio.open_connection("127.0.0.1", port)
            asked += 1
            writer.write(request)
            status, fields = await asyncio.wait_for(read_head(reader), 60)
            text = await asyncio.wait_for(read_body(reader, fields), 60)
            if status != 200:
                watch.fail("client %d: %d %s" % (number, status, text[:300]))
                await asyncio.sleep(0.1)
            else:
                watch.check(status, fields, versions_of(text, is_stream), "stream" if is_stream else "rows")
        except (OSError, asyncio.IncompleteReadError, asyncio.TimeoutError, ValueError, KeyError) as error:
            watch.fail("client %d: %r" % (number, error))
            writer = None
            await asyncio.sleep(0.1)
        await asyncio.sleep(0.02)
    if writer is not None:
        writer.close()


def change(server, index, bad):
    """-> seconds until the call was answered, which is when the other version serves"""
    started = time.monotonic()
    if index % 2 == 0:
        server.call("PUT", "/api/2.0/serving-endpoints/%s/config" % ENDPOINT, server.config_of(1 + index // 2 % VERSIONS))
    else:
        server.call("POST", "/api/2.0/serving-endpoints/%s/rollback" % ENDPOINT, {})
    took = time.monotonic() - started
    state = server.settle()["state"]
    if state["config_update"] != "NOT_UPDATING":
        raise SystemExit("change %d failed: %s" % (index, server.endpoint()))
    if bad:
        before = server.endpoint()["config"]["config_version"]
        server.call("PUT", "/api/2.0/serving-endpoints/%s/config" % ENDPOINT, server.config_of(bad[index % len(bad)]))
        after = server.settle()
        if after["state"]["config_update"] != "UPDATE_FAILED" or after["config"]["config_version"] != before:
            raise SystemExit("a bad bundle was not refused: %s" % after)
    return took


async def run(server, options, bad):
    watch, loop = Watch(), asyncio.get_running_loop()
    clients = [asyncio.create_task(client(watch, server.port, i)) for i in range(options.clients)]
    took, started = [], time.monotonic()
    for index in range(options.changes):
        took.append(await loop.run_in_executor(None, change, server, index, bad))
        wait = started + options.seconds * (index + 1) / options.changes - time.monotonic()
        if wait > 0:
            await asyncio.sleep(wait)
    watch.is_over = True
    await asyncio.gather(*clients)
    return watch, took


def prepare(server, sluice, folder, is_bad):
    env = {**os.environ, "MLFLOW_TRACKING_URI": server.url}
    for n in range(1, VERSIONS + 1):
        bundle = write_bundle(folder / ("v%d" % n), GOOD % ("v%d" % n))
        subprocess.run([sluice, "register", str(bundle), "--name", "load"], env=env, check=True, stdout=subprocess.DEVNULL)
    bad = []
    for name, statement in (("fails", FAILS), ("hangs", HANGS)) if is_bad else ():
        bundle = write_bundle(folder / name, statement)
        made = subprocess.run([sluice, "register", str(bundle), "--name", "load", "--json"], env=env, check=True,
                              stdout=subprocess.PIPE)
        bad.append(json.loads(made.stdout)["version"])
    if is_bad:
        bad.append(server.register_broken())
    server.call("POST", "/api/2.0/serving-endpoints", {"name": ENDPOINT, "config": server.config_of(VERSIONS)})
    if server.settle()["state"] != {"ready": "READY", "config_update": "NOT_UPDATING"}:
        raise SystemExit("the first deploy failed: %s" % server.endpoint())
    return bad


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sluiced")
    parser.add_argument("sluice")
    parser.add_argument("--changes", type=int, default=400)
    parser.add_argument("--clients", type=int, default=64)
    parser.add_argument("--seconds", type=float, default=600)
    parser.add_argument("--bad", action="store_true")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        server = Server(options.sluiced, folder)
        try:
            bad = prepare(server, options.sluice, pathlib.Path(folder), options.bad)
            watch, took = asyncio.run(run(server, options, bad))
        finally:
            server.process.terminate()
            ended = server.process.wait(60)
        log = (pathlib.Path(folder) / "sluiced.log").read_text()
    print("%d changes in %.0f s, median %.1f ms, most %.1f ms; %d bad bundles refused" % (
        options.changes, options.seconds, 1e3 * statistics.median(took), 1e3 * max(took), options.changes if bad else 0))
    print("%d answers to %d clients, by version: %s" % (watch.answers, options.clients, dict(sorted(watch.by_version.items()))))
    for text in watch.failures:
        print("FAILED:", text)
    if ended != 0 or "Sanitizer" in log:
        print("FAILED: sluiced ended with %d: %s" % (ended, log[-3000:]))
    return 1 if watch.failures or ended != 0 or "Sanitizer" in log or len(watch.by_version) < 2 else 0


if __name__ == "__main__":
    sys.exit(main())

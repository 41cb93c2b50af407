#!/usr/bin/env python3
"""Overload of one served entity: ten times what it can, from clients that do not wait for answers.

  overload.py --sluiced build/release/sluiced --sluice build/release/sluice [--case llm|sql] [--size Small|Medium|Large]
              [--seconds 10] [--workers N] [--arrivals constant|random]

Two bundles: `llm` waits 50 ms for a model, `sql` needs about 20 ms of a processor. For each: the capacity (a closed
loop with as many clients as places), a closed loop of 16 clients a place (nobody may be refused), then an open loop at
80 %, at ten times and at 80 % of the capacity again, in one run of the server.

Asserts: goodput at least 90 % of the capacity, p99 of what is accepted at most twice that at 80 %, p99 of refusals at
most 10 ms, each with Retry-After, memory flat, /health answers in 100 ms all the time, and 5 s after the load nothing
of it is left. Load and server share the machine's processors: it should have nothing else to do. Standard library, cc.
"""
import argparse
import contextlib
import http.client
import json
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
SLOTS = {"Small": 4, "Medium": 16, "Large": 64}
ROW = {"question": "What is priority support?", "context": "a page", "customer": "ACME", "locale": "en"}
SQL_CONFIG = """version: 1
tools:
  - name: count
    parameters: {type: object, properties: {n: {type: integer}}, required: [n]}
    sql:
      statement: "WITH RECURSIVE c(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM c WHERE i < :n) SELECT count(*) FROM c"
      result: value
steps:
  - name: count
    tool: count
outputs: {count: count}
"""
SQL_MLMODEL = """flavors:
  sluice:
    config: config.yaml
mlflow_version: 3.17.2
model_uuid: 0b8f3c6d2a9e4f5180c7d1e2f3a4b5c7
signature:
  inputs: '[{"type": "long", "name": "n", "required": true}]'
  outputs: '[{"type": "long", "name": "count", "required": true}]'
  params: null
utc_time_created: '2026-11-21 00:00:00.000000'
"""


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def call(port, method, path, body=None, timeout=30):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=timeout)
    with contextlib.closing(connection):
        connection.request(method, path, body and json.dumps(body),
                           {"Content-Type": "application/json"} if body else {})
        answer = connection.getresponse()
        return answer.status, answer.headers, answer.read()


@contextlib.contextmanager
def running(command, port, log):
    """A program until the block ends; ready when its port answers."""
    with open(log, "wb") as out:
        process = subprocess.Popen([str(part) for part in command], stdin=subprocess.DEVNULL, stdout=out, stderr=out)
    try:
        end = time.monotonic() + 20
        while True:
            with contextlib.suppress(OSError):
                socket.create_connection(("127.0.0.1", port), 1).close()
                break
            assert process.poll() is None and time.monotonic() < end, f"{command[0]} does not start: {log}"
            time.sleep(0.01)
        yield process
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(30)


def percentile(values, share):
    values = sorted(values)
    return values[min(len(values) - 1, int(len(values) * share))] if values else 0.0


class Requests:
    """What tests/faults/load.c wrote: when a request was due (s), how long until its answer was whole (ms), status."""

    def __init__(self, text):
        self.all = [(int(due) / 1e6, int(took) / 1e3, int(status))
                    for due, took, status in (line.split() for line in text.splitlines())]

    def of(self, *statuses, since=0.0):
        return [took for due, took, status in self.all if status in statuses and due >= since]

    def statuses(self):
        return {status: sum(1 for _, _, other in self.all if other == status)
                for status in sorted({status for _, _, status in self.all})}

    def answered_until(self, until):
        return sum(1 for due, took, status in self.all if status == 200 and due + took / 1e3 <= until)


class Watch(threading.Thread):
    """Looks at the server ten times a second: its memory (MiB) and how long GET /health takes (ms)."""

    def __init__(self, pid, port):
        super().__init__(daemon=True)
        self.pid, self.port, self.is_over = pid, port, threading.Event()
        self.rss, self.health = [], []
        self.start()

    def run(self):
        while not self.is_over.wait(0.1):
            began = time.monotonic()
            status = call(self.port, "GET", "/health")[0]
            self.health.append((time.monotonic() - began) * 1e3 if status == 200 else 1e9)
            pages = int(pathlib.Path(f"/proc/{self.pid}/statm").read_text().split()[1])
            self.rss.append(pages * os.sysconf("SC_PAGE_SIZE") / 2**20)

    def end(self):
        self.is_over.set()
        self.join()


class Bench:
    def __init__(self, args, folder, case):
        self.args, self.folder, self.case = args, folder, case
        self.port, self.upstream = free_port(), free_port()
        self.path = f"/serving-endpoints/{case}/invocations"
        self.load = [folder / "load", self.port, self.path, folder / "body.json"]
        self.misses = []
        for program, source in (("load", "tests/faults/load.c"), ("mock", "tests/bench/harness/c/mock.c")):
            subprocess.run(["cc", "-O2", "-o", folder / program, ROOT / source, "-lm"], check=True)
        row = ROW if case == "llm" else {"n": args.sql_rows}
        (folder / "body.json").write_text(json.dumps({"dataframe_records": [row]}))

    def bundle(self):
        if self.case == "llm":
            return ROOT / "tests/bench/bundles/llm"
        path = self.folder / "sql"
        path.mkdir(exist_ok=True)
        (path / "config.yaml").write_text(SQL_CONFIG)
        (path / "MLmodel").write_text(SQL_MLMODEL)
        return path

    def deploy(self):
        url = f"http://127.0.0.1:{self.port}"
        subprocess.run([self.args.sluice, "register", self.bundle(), "--name", self.case, "--registry", url],
                       check=True, stdout=subprocess.DEVNULL)
        entity = {"entity_name": self.case, "entity_version": "1", "workload_size": self.args.size,
                  "scale_to_zero_enabled": False,
                  "environment_vars": {"BENCH_UPSTREAM": f"http://127.0.0.1:{self.upstream}/v1"}}
        status, _, text = call(self.port, "POST", "/api/2.0/serving-endpoints",
                               {"name": self.case, "config": {"served_entities": [entity]}})
        assert status == 200, text
        end = time.monotonic() + 20
        while (text := call(self.port, "GET", f"/api/2.0/serving-endpoints/{self.case}")[2]).find(b'"READY"') < 0:
            assert time.monotonic() < end, text
            time.sleep(0.05)

    def run(self, *how):
        command = [str(part) for part in (*self.load, *how)]
        return Requests(subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout)

    def open(self, rate, seconds):
        return self.run("open", rate, self.args.arrivals, seconds)

    def claim(self, is_so, text):
        print(f"  {'ok  ' if is_so else 'MISS'} {text}", flush=True)
        if not is_so:
            self.misses.append(text)

    def measure(self, pid):
        seconds, slots = self.args.seconds, SLOTS[self.args.size]
        self.run("closed", slots, 1)
        capacity = self.run("closed", slots, 3).answered_until(3) / 3
        print(f"{self.case}, {self.args.size} ({slots} places), {self.args.arrivals} arrivals: "
              f"capacity {capacity:.1f}/s", flush=True)
        crowd = self.run("closed", 16 * slots, 3)
        self.claim(set(crowd.statuses()) == {200},
                   f"closed loop of {16 * slots} clients: {crowd.statuses()}, "
                   f"p99 {percentile(crowd.of(200), .99):.0f} ms")
        calm = self.open(0.8 * capacity, seconds)
        calm_p99 = percentile(calm.of(200), .99)
        self.claim(set(calm.statuses()) == {200}, f"at 80 %: {calm.statuses()}, "
                   f"p50 {percentile(calm.of(200), .5):.1f} ms, p99 {calm_p99:.1f} ms")
        watch = Watch(pid, self.port)
        storm = self.open(10 * capacity, seconds)
        after = self.open(0.8 * capacity, 8)
        watch.end()
        self.judge(capacity, calm_p99, storm, after, watch)

    def judge(self, capacity, calm_p99, storm, after, watch):
        goodput = storm.answered_until(self.args.seconds) / self.args.seconds
        accepted, refused = storm.of(200), storm.of(429)
        self.claim(set(storm.statuses()) == {200, 429}, f"at 10 times: {storm.statuses()}")
        self.claim(goodput >= 0.9 * capacity,
                   f"goodput {goodput:.1f}/s, {100 * goodput / capacity:.1f} % of the capacity")
        self.claim(percentile(accepted, .99) <= 2 * calm_p99,
                   f"accepted: p50 {percentile(accepted, .5):.1f} ms, p99 {percentile(accepted, .99):.1f} ms, "
                   f"{percentile(accepted, .99) / calm_p99:.2f} times that at 80 %")
        self.claim(percentile(refused, .99) <= 10,
                   f"refused: p50 {percentile(refused, .5):.2f} ms, p99 {percentile(refused, .99):.2f} ms, "
                   f"max {max(refused, default=0):.1f} ms, later than 10 ms: {sum(1 for took in refused if took > 10)}")
        self.claim(max(watch.rss) - watch.rss[0] <= 16,
                   f"memory {watch.rss[0]:.1f} MiB at its beginning, {max(watch.rss):.1f} at most")
        self.claim(max(watch.health) <= 100,
                   f"/health: p50 {percentile(watch.health, .5):.2f} ms, max {max(watch.health):.1f} ms")
        bad = [due for due, took, status in after.all if status != 200 or took > 1.5 * calm_p99]
        since = max(bad, default=0.0)
        self.claim(since <= 5 and percentile(after.of(200, since=5), .99) <= 1.5 * calm_p99,
                   f"recovery: the last slow or refused request {since:.2f} s after the load, {len(bad)} in all, "
                   f"then p99 {percentile(after.of(200, since=5), .99):.1f} ms")

    def check_refusal(self):
        """A refusal says when to come again."""
        command = [str(part) for part in (*self.load, "open", 3000, "constant", 2)]
        with subprocess.Popen(command, stdout=subprocess.DEVNULL) as load:
            body = json.loads((self.folder / "body.json").read_text())
            answers = [call(self.port, "POST", self.path, body) for _ in range(40)]
            load.wait()
        full = [(headers, json.loads(text)) for status, headers, text in answers if status == 429]
        self.claim(full and all(int(headers["Retry-After"]) >= 1 and "Too many concurrent requests" in error["message"]
                                for headers, error in full),
                   f"{len(full)} of 40 refused, each with Retry-After and why")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sluiced", default=ROOT / "build/release/sluiced")
    parser.add_argument("--sluice", default=ROOT / "build/release/sluice")
    parser.add_argument("--case", choices=["llm", "sql"], action="append")
    parser.add_argument("--size", choices=SLOTS, default="Small")
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--arrivals", choices=["constant", "random"], default="constant")
    parser.add_argument("--workers", default="2")
    parser.add_argument("--sql-rows", type=int, default=100000, help="what the statement counts to")
    args = parser.parse_args()
    misses = []
    for case in args.case or ["llm", "sql"]:
        folder = pathlib.Path(tempfile.mkdtemp(prefix="overload-"))
        bench = Bench(args, folder, case)
        server = [args.sluiced, "--state", folder / "state", "--port", bench.port, "--workers", args.workers]
        with running([folder / "mock", bench.upstream, 50], bench.upstream, folder / "mock.log"), \
                running(server, bench.port, folder / "server.log") as process:
            bench.deploy()
            bench.measure(process.pid)
            bench.check_refusal()
        misses += bench.misses
        if not bench.misses:
            shutil.rmtree(folder)
    sys.exit(1 if misses else 0)


if __name__ == "__main__":
    main()

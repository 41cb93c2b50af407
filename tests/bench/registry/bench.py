#!/usr/bin/env python3
"""The embedded registry beside a real MLflow server, in one run: the same calls to both in turn, three rounds, medians.

  bench.py --sluiced build/release/sluiced --mlflow .venv/bin/mlflow [--rounds 3] [--out FILE]

Both keep their state in a fresh folder of the same disk, on loopback, one worker. One client with one kept connection, raw
HTTP: what the client itself costs is the same for both. The limits measured beside them: a plain file written and synced,
and the same bytes through a loopback socket. Last table: our figure as a multiple of theirs (times: theirs by ours).
Standard library only.
"""
import argparse
import http.client
import json
import os
import pathlib
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time

API = "/api/2.0/mlflow/"
BIG = 100 * 1000 * 1000
SMALL_CALLS = 200


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Server:
    def __init__(self, name, command, folder, env=None):
        self.name, self.port = name, free_port()
        self.log = open(folder / (name + ".log"), "wb")
        began = time.perf_counter()
        self.process = subprocess.Popen([a.format(port=self.port, dir=folder) for a in command], stdout=self.log,
                                        stderr=self.log, start_new_session=True, env={**os.environ, **(env or {})})
        self.connection = None
        while True:
            try:
                self.connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=120)
                self.connection.request("GET", "/health")
                if self.connection.getresponse().read() is not None:
                    break
            except OSError:
                if self.process.poll() is not None or time.perf_counter() - began > 120:
                    sys.exit("%s does not start: see %s" % (name, self.log.name))
                time.sleep(0.002)
        self.start_s = time.perf_counter() - began
        self.connection.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def call(self, method, path, body=None, headers=None):
        data = json.dumps(body).encode() if isinstance(body, dict) else body
        self.connection.request(method, path, data, headers or ({"Content-Type": "application/json"} if data else {}))
        answer = self.connection.getresponse()
        text = answer.read()
        if answer.status != 200:
            sys.exit("%s: %s %s answers %d: %s" % (self.name, method, path, answer.status, text[:300]))
        return text

    def drain(self, path):
        """Reads a file into one buffer over and over: what is measured is the server, not Python's memory."""
        self.connection.request("GET", path)
        answer = self.connection.getresponse()
        room, got = bytearray(1 << 20), 0
        while n := answer.readinto(room):
            got += n
        if got != BIG:
            sys.exit("%s: GET %s gave %d bytes" % (self.name, path, got))

    def memory_mb(self):
        """Resident memory of the process and what it started."""
        total, pids = 0, [self.process.pid]
        while pids:
            pid = pids.pop()
            try:
                total += int(next(l for l in open("/proc/%d/status" % pid) if l.startswith("VmRSS")).split()[1])
                for task in os.listdir("/proc/%d/task" % pid):
                    pids += map(int, open("/proc/%d/task/%s/children" % (pid, task)).read().split())
            except (OSError, StopIteration):
                pass
        return total / 1024

    def stop(self):
        os.killpg(self.process.pid, 15)
        self.process.wait(60)
        self.log.close()


def timed(function, count=1):
    times = []
    for i in range(count):
        began = time.perf_counter()
        function(i)
        times.append(time.perf_counter() - began)
    return statistics.median(times)


def prepare(server):
    """A model with 1,000 versions beside the one that is worked on."""
    for name in ("bench", "many"):
        server.call("POST", API + "registered-models/create", {"name": name})
    server.call("POST", API + "model-versions/create", {"name": "bench", "source": "s3://b/0"})
    for i in range(1000):
        server.call("POST", API + "model-versions/create", {"name": "many", "source": "s3://b/%d" % i})


def measure(server, round_, data):
    found = {}

    def post(path, body):
        return server.call("POST", API + path, body)

    found["create version, ms"] = 1e3 * timed(
        lambda i: post("model-versions/create", {"name": "bench", "source": "s3://b/%d" % i}), SMALL_CALLS)
    found["set alias, ms"] = 1e3 * timed(
        lambda i: post("registered-models/alias", {"name": "bench", "alias": "champion", "version": str(1 + i % 50)}), SMALL_CALLS)
    found["version by alias, ms"] = 1e3 * timed(
        lambda i: server.call("GET", API + "registered-models/alias?name=bench&alias=champion"), SMALL_CALLS)
    found["search 1,000 versions, ms"] = 1e3 * timed(
        lambda i: server.call("GET", API + "model-versions/search?filter=name%3D%27many%27&max_results=1000"), 5)
    path = "/api/2.0/mlflow-artifacts/artifacts/bench/%d.bin" % round_
    found["upload 100 MB, MB/s"] = BIG / 1e6 / timed(
        lambda i: server.call("PUT", path, data, {"Content-Type": "application/octet-stream"}))
    found["download 100 MB, MB/s"] = BIG / 1e6 / timed(lambda i: server.drain(path), 3)
    return found


def disk_mb_s(folder, data):
    path = folder / "limit.bin"
    began = time.perf_counter()
    with open(path, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    seconds = time.perf_counter() - began
    path.unlink()
    return BIG / 1e6 / seconds


def loopback_mb_s(data):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        def send():
            peer, _ = listener.accept()
            with peer:
                peer.sendall(data)
        thread = threading.Thread(target=send)
        thread.start()
        room, got, began = bytearray(1 << 20), 0, time.perf_counter()
        with socket.create_connection(listener.getsockname()) as reader:
            while n := reader.recv_into(room):
                got += n
        thread.join()
    return got / 1e6 / (time.perf_counter() - began)


def show(rows, servers, limits):
    print("\n| | sluiced | MLflow server | ratio |\n|---|---:|---:|---:|")
    for key in rows[servers[0].name][0]:
        ours, theirs = (statistics.median(r[key] for r in rows[s.name]) for s in servers)
        ratio = ours / theirs if key.endswith("MB/s") else theirs / ours
        print("| %s | %.3g | %.3g | %.1fx |" % (key, ours, theirs, ratio))
    for key in ("start_s", "idle_mb", "after_mb"):
        label = {"start_s": "start to the first answer, s", "idle_mb": "resident, idle, MB", "after_mb": "resident, after, MB"}[key]
        print("| %s | %.3g | %.3g | %.1fx |" % (label, *(getattr(s, key) for s in servers),
                                                getattr(servers[1], key) / getattr(servers[0], key)))
    for name, values in limits.items():
        print("limit: %s %.0f MB/s" % (name, statistics.median(values)))


def main():
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--sluiced", required=True)
    options.add_argument("--mlflow", required=True)
    options.add_argument("--rounds", type=int, default=3)
    options.add_argument("--out")
    args = options.parse_args()
    folder = pathlib.Path(tempfile.mkdtemp(prefix="sluice-bench-", dir="."))
    data = os.urandom(BIG)
    mlflow = [args.mlflow, "server", "--backend-store-uri", "sqlite:///{dir}/mlflow.db", "--artifacts-destination",
              "{dir}/mlartifacts", "--host", "127.0.0.1", "--port", "{port}", "--workers", "1"]
    ours = [args.sluiced, "--state", "{dir}/state", "--port", "{port}", "--workers", "1"]
    tools = {"PATH": str(pathlib.Path(args.mlflow).parent) + os.pathsep + os.environ["PATH"], "MLFLOW_DISABLE_TELEMETRY": "true"}
    servers = [Server("sluiced", ours, folder.resolve()), Server("mlflow", mlflow, folder.resolve(), tools)]
    rows, limits = {s.name: [] for s in servers}, {"a file written and synced": [], "loopback socket": []}
    try:
        for server in servers:
            server.idle_mb = server.memory_mb()
            prepare(server)
        for round_ in range(args.rounds):
            for server in servers:
                rows[server.name].append(measure(server, round_, data))
                print("round %d %s: %s" % (round_ + 1, server.name, rows[server.name][-1]), flush=True)
            limits["a file written and synced"].append(disk_mb_s(folder, data))
            limits["loopback socket"].append(loopback_mb_s(data))
        for server in servers:
            server.after_mb = server.memory_mb()
        show(rows, servers, limits)
        if args.out:
            pathlib.Path(args.out).write_text(json.dumps({"rows": rows, "limits": limits}))
    finally:
        for server in servers:
            server.stop()
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()

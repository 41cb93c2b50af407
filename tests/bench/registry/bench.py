#!/usr/bin/env python3
"""The embedded registry beside a real MLflow server, in one run: the same calls to both in turn, three rounds, medians.

  bench.py --sluiced build/release/sluiced --mlflow .venv/bin/mlflow [--rounds 3] [--client lean|http] [--folder DIR]
           [--out FILE]

Both keep their state in a fresh folder of the same disk (DIR, which may be a RAM disk), on loopback, one worker. One client with one kept connection.
Small calls go over its socket as they are (--client lean), because http.client spends 0.1 ms on each, as much as sluiced;
with --client http they go through it. Blocks of 20 calls go to the servers in turn, so that what else the machine does
meets both alike, and measuring begins when both have come to rest after their start: MLflow's goes on long after its
first answer. The limits measured beside them: one small record of a file overwritten and synced, which is what a write
cannot do without; a large file written and synced; the same bytes through a loopback socket. Last table: our figure as a
multiple of theirs (times: theirs by ours). Standard library only.
"""
import argparse
import http.client
import json
import os
import pathlib
import re
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
SMALL_CALLS, BLOCK = 200, 20


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
        while True:
            try:
                self.connect()
                break
            except OSError:
                if self.process.poll() is not None or time.perf_counter() - began > 120:
                    sys.exit("%s does not start: see %s" % (name, self.log.name))
                time.sleep(0.002)
        self.start_s = time.perf_counter() - began

    def connect(self):
        """Anew: servers close connections that were not used for a while."""
        self.connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=120)
        self.call("GET", "/health")
        self.connection.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def call(self, method, path, body=None, headers=None):
        data = json.dumps(body).encode() if isinstance(body, dict) else body
        self.connection.request(method, path, data, headers or ({"Content-Type": "application/json"} if data else {}))
        answer = self.connection.getresponse()
        text = answer.read()
        if answer.status != 200:
            sys.exit("%s: %s %s answers %d: %s" % (self.name, method, path, answer.status, text[:300]))
        return text

    def small(self, method, path, body=None):
        data = json.dumps(body) if body else ""
        sock = self.connection.sock
        sock.sendall(("%s %s HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s"
                      % (method, path, self.port, len(data), data)).encode())
        answer, end = bytearray(), -1
        while end < 0 or len(answer) < end:
            if not (part := sock.recv(1 << 16)):
                sys.exit("%s: %s %s: cut off after %d bytes" % (self.name, method, path, len(answer)))
            answer += part
            if end < 0 and (head := answer.find(b"\r\n\r\n") + 4) > 3:
                end = head + int(re.search(rb"(?i)\ncontent-length: *(\d+)", answer[:head])[1])
        if not answer.startswith(b"HTTP/1.1 200 "):
            sys.exit("%s: %s %s answers %s" % (self.name, method, path, bytes(answer[:600])))

    def drain(self, path):
        """Reads a file into one buffer over and over: what is measured is the server, not Python's memory."""
        self.connection.request("GET", path)
        answer = self.connection.getresponse()
        room, got = bytearray(1 << 20), 0
        while n := answer.readinto(room):
            got += n
        if got != BIG:
            sys.exit("%s: GET %s gave %d bytes" % (self.name, path, got))

    def sum_of_processes(self, read):
        """Of the process and what it started: read(pid) of each."""
        total, pids = 0, [self.process.pid]
        while pids:
            pid = pids.pop()
            try:
                total += read(pid)
                for task in os.listdir("/proc/%d/task" % pid):
                    pids += map(int, open("/proc/%d/task/%s/children" % (pid, task)).read().split())
            except (OSError, StopIteration):
                pass
        return total

    def memory_mb(self):
        """Resident."""
        return self.sum_of_processes(lambda pid: int(next(
            l for l in open("/proc/%d/status" % pid) if l.startswith("VmRSS")).split()[1])) / 1024

    def cpu_s(self):
        return self.sum_of_processes(lambda pid: sum(
            map(int, open("/proc/%d/stat" % pid).read().rsplit(")", 1)[1].split()[11:13]))) / os.sysconf("SC_CLK_TCK")

    def settle(self):
        """Waits until it uses less than 5 % of a core for two seconds, two minutes at most."""
        for _ in range(60):
            before = self.cpu_s()
            time.sleep(2)
            if self.cpu_s() - before < 0.1:
                return

    def stop(self):
        os.killpg(self.process.pid, 15)
        self.process.wait(60)
        self.log.close()


def times_of(function, numbers):
    times = []
    for i in numbers:
        began = time.perf_counter()
        function(i)
        times.append(time.perf_counter() - began)
    return times


def prepare(server):
    """A model with 1,000 versions beside the one that is worked on."""
    for name in ("bench", "many"):
        server.call("POST", API + "registered-models/create", {"name": name})
    server.call("POST", API + "model-versions/create", {"name": "bench", "source": "s3://b/0"})
    for i in range(1000):
        server.call("POST", API + "model-versions/create", {"name": "many", "source": "s3://b/%d" % i})


def calls_of(server, round_, data):
    """What is measured: name and unit, how often, the call."""
    path = "/api/2.0/mlflow-artifacts/artifacts/bench/%d.bin" % round_

    def post(path, body):
        server.quick("POST", API + path, body)

    return (
        ("create version, ms", SMALL_CALLS, lambda i: post("model-versions/create", {"name": "bench", "source": "s3://b/%d" % i})),
        ("set alias, ms", SMALL_CALLS, lambda i: post("registered-models/alias", {
            "name": "bench", "alias": "champion", "version": str(1 + i % 50)})),
        ("version by alias, ms", SMALL_CALLS, lambda i: server.quick(
            "GET", API + "registered-models/alias?name=bench&alias=champion")),
        ("search 1,000 versions, ms", 5, lambda i: server.quick(
            "GET", API + "model-versions/search?filter=name%3D%27many%27&max_results=1000")),
        ("upload 100 MB, MB/s", 1, lambda i: server.call("PUT", path, data, {"Content-Type": "application/octet-stream"})),
        ("download 100 MB, MB/s", 3, lambda i: server.drain(path)),
    )


def measure(servers, round_, data):
    """A round: {server: {figure: median}}."""
    found = {server.name: {} for server in servers}
    for calls in zip(*(calls_of(server, round_, data) for server in servers)):
        name, count, _ = calls[0]
        times = [[] for _ in servers]
        for first in range(0, count, BLOCK):
            for (_, _, call), got in zip(calls, times):
                got += times_of(call, range(first, min(first + BLOCK, count)))
        for server, got in zip(servers, times):
            median_s = statistics.median(got)
            found[server.name][name] = BIG / 1e6 / median_s if name.endswith("MB/s") else 1e3 * median_s
    return found


def sync_ms(folder):
    """A record of 20 KB, as a small write makes it, over what is there already."""
    path = folder / "limit.log"
    record = os.urandom(20000)
    with open(path, "wb+", buffering=0) as file:
        for _ in range(SMALL_CALLS):
            file.write(record)
        os.fsync(file.fileno())
        file.seek(0)
        median_s = statistics.median(times_of(lambda i: (file.write(record), os.fdatasync(file.fileno())), range(SMALL_CALLS)))
    path.unlink()
    return 1e3 * median_s


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
        print("limit: %s %.3g" % (name, statistics.median(values)))


def main():
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--sluiced", required=True)
    options.add_argument("--mlflow", required=True)
    options.add_argument("--rounds", type=int, default=3)
    options.add_argument("--client", choices=("lean", "http"), default="lean")
    options.add_argument("--folder", default=".")
    options.add_argument("--out")
    args = options.parse_args()
    folder = pathlib.Path(tempfile.mkdtemp(prefix="sluice-bench-", dir=args.folder))
    data = os.urandom(BIG)
    mlflow = [args.mlflow, "server", "--backend-store-uri", "sqlite:///{dir}/mlflow.db", "--artifacts-destination",
              "{dir}/mlartifacts", "--host", "127.0.0.1", "--port", "{port}", "--workers", "1"]
    ours = [args.sluiced, "--state", "{dir}/state", "--port", "{port}", "--workers", "1"]
    tools = {"PATH": str(pathlib.Path(args.mlflow).parent) + os.pathsep + os.environ["PATH"], "MLFLOW_DISABLE_TELEMETRY": "true"}
    servers = [Server("sluiced", ours, folder.resolve()), Server("mlflow", mlflow, folder.resolve(), tools)]
    rows = {s.name: [] for s in servers}
    limits = {"20 KB overwritten and synced, ms": [], "100 MB written and synced, MB/s": [], "loopback socket, MB/s": []}
    try:
        for server in servers:
            server.quick = server.small if args.client == "lean" else server.call
            server.settle()
            server.idle_mb = server.memory_mb()
            server.connect()
            prepare(server)
        for round_ in range(args.rounds):
            for server in servers:
                server.connect()
            for name, found in measure(servers, round_, data).items():
                rows[name].append(found)
                print("round %d %s: %s" % (round_ + 1, name, found), flush=True)
            for limit, found in zip(limits.values(), (sync_ms(folder), disk_mb_s(folder, data), loopback_mb_s(data))):
                limit.append(found)
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

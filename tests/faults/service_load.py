"""Clients that notice every lost request, for ends, reloads and upgrades of sluiced under load.

    service_load.py drain 100        SIGTERM that many times under load
    service_load.py upgrade 20       SIGUSR2 that many times under load, on one service
    service_load.py reload 100       new certificates that many times under load
    options: --tls, --endpoint, --clients N, --build FOLDER

A request counts as accepted when its connection was: then it has to be answered whole, and rightly. While a service is
upgraded or reloaded no connection may be refused, either.
"""
import argparse
import contextlib
import json
import os
import pathlib
import random
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import threading
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
QUIET = ("--log-level", "warn", "--drain-timeout-ms", "120000")
QUIET_MAX_S = 0.9
ROWS, PIPED, UPLOAD = 40, 8, 300_000
STATEMENT = "WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x+1 FROM c WHERE x<500) SELECT count(*) FROM c"
CONFIG = """
version: 1
tools:
  - {name: work, sql: {statement: "%s", result: value, timeout_ms: 120000}}
steps:
  - {name: done, tool: work}
outputs: {answer: done}
""" % STATEMENT
SIGNATURE = {"inputs": [{"type": "string", "name": "question", "required": True}],
             "outputs": [{"type": "long", "name": "answer", "required": True},
                         {"type": "string", "name": "error", "required": False}]}


def write_bundle(folder):
    """A bundle whose rows take a moment, so that batches are streams."""
    folder.mkdir(parents=True)
    (folder / "config.yaml").write_text(CONFIG)
    (folder / "MLmodel").write_text(json.dumps({
        "flavors": {"sluice": {"config": "config.yaml"}}, "mlflow_version": "3.17.2", "model_uuid": "0" * 32,
        "utc_time_created": "2026-11-21 00:00:00.000000",
        "signature": {k: json.dumps(v) for k, v in SIGNATURE.items()}}))
    return folder


def write_certificate(folder):
    """cert.pem and key.pem, each replaced in one step, of one authority: clients trust that. -> the authority's file"""
    ca, ext = folder / "ca.pem", folder / "server.ext"
    curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]

    def openssl(*args):
        subprocess.run(["openssl", *map(str, args)], check=True, capture_output=True)

    if not ca.exists():
        openssl("req", "-x509", *curve, "-keyout", folder / "ca.key", "-out", ca, "-days", "2", "-subj", "/CN=authority")
        ext.write_text("subjectAltName=IP:127.0.0.1\n")
    openssl("req", "-new", *curve, "-keyout", folder / "new.key", "-out", folder / "new.csr", "-subj", "/CN=localhost")
    openssl("x509", "-req", "-in", folder / "new.csr", "-CA", ca, "-CAkey", folder / "ca.key", "-CAcreateserial", "-out",
            folder / "new.pem", "-days", "2", "-extfile", ext)
    os.replace(folder / "new.key", folder / "key.pem")
    os.replace(folder / "new.pem", folder / "cert.pem")
    return ca


class Refused(Exception):
    """Nobody listens."""


class Lost(Exception):
    pass


class Connection:
    def __init__(self, port, tls=None):
        self.is_closing = False
        self.answered_at, self.quiet_s = None, 0
        self.socket = socket.socket()
        self.socket.settimeout(30)
        try:
            self.socket.connect(("127.0.0.1", port))
        except ConnectionError as refused:
            self.socket.close()
            raise Refused from refused
        if tls is not None:
            self.socket = tls.wrap_socket(self.socket, server_hostname="127.0.0.1")
        self.file = self.socket.makefile("rb")

    def close(self):
        self.file.close()
        self.socket.close()

    def send(self, method, path, body=b"", pieces=1, **headers):
        head = "%s %s HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"
        data = (head % (method, path, len(body))).encode() + body
        step = max(1, -(-len(data) // pieces))
        for at in range(0, len(data), step):
            self.socket.sendall(data[at:at + step])
            self.note_pause()

    def note_pause(self):
        if self.answered_at is not None:
            self.quiet_s = time.monotonic() - self.answered_at
            self.answered_at = None

    def answer(self):
        found = self.read_answer()
        self.answered_at = time.monotonic()
        return found

    def read_answer(self):
        """-> status, body"""
        line = self.file.readline()
        if not line.endswith(b"\r\n"):
            raise Lost("no answer: %r" % line)
        status, headers = int(line.split()[1]), {}
        while (line := self.file.readline()) not in (b"\r\n", b""):
            name, _, value = line.decode().partition(":")
            headers[name.lower()] = value.strip()
        self.is_closing = headers.get("connection") == "close"
        if headers.get("transfer-encoding") == "chunked":
            return status, self.chunks()
        body = self.file.read(int(headers["content-length"]))
        if len(body) != int(headers["content-length"]):
            raise Lost("half an answer")
        return status, body

    def chunks(self):
        body = b""
        while True:
            size = int(self.file.readline() or b"-1", 16)
            if size < 0:
                raise Lost("half a stream")
            data = self.file.read(size + 2)
            if len(data) != size + 2:
                raise Lost("half a stream")
            if size == 0:
                return body
            body += data[:-2]


def batch(rows):
    return json.dumps({"dataframe_records": [{"question": "q%d" % i} for i in range(rows)]}).encode()


def check(status, body, rows):
    if status != 200:
        raise Lost("status %d: %s" % (status, body[:300]))
    if json.loads(body) != {"predictions": [{"answer": 500, "error": None}] * rows}:
        raise Lost("another answer: %s" % body[:300])


class Client(threading.Thread):
    """One kind of client, over and over: `asked` requests were sent, those in `lost` went wrong."""

    def __init__(self, kind, port, tls, path):
        super().__init__(daemon=True)
        self.kind, self.port, self.tls, self.path = kind, port, tls, path
        self.asked = self.refused = 0
        self.lost = []
        self.is_stopped = False

    def run(self):
        while not self.is_stopped:
            try:
                connection = Connection(self.port, self.tls)
            except Refused:
                self.refused += 1
                return
            except (OSError, ValueError) as broken:
                self.lost.append("%s: handshake: %r" % (self.kind, broken))
                return
            try:
                getattr(self, self.kind)(connection)
            except (OSError, Lost, ValueError) as broken:
                # On a machine with too much to do a client may pause for longer than a drain keeps quiet connections;
                # such an end between two requests is nobody's fault (RFC 9112 9.6).
                if connection.quiet_s < QUIET_MAX_S:
                    self.lost.append("%s, %.3f s after the answer before: %r" % (self.kind, connection.quiet_s, broken))
            connection.close()

    def kept(self, connection):
        """One request after the other, until the server closes."""
        while not self.is_stopped and not connection.is_closing:
            self.asked += 1
            connection.send("POST", self.path, batch(1))
            check(*connection.answer(), 1)

    def fresh(self, connection):
        self.asked += 1
        connection.send("POST", self.path, batch(1))
        check(*connection.answer(), 1)

    def piped(self, connection):
        """Several requests in one piece: what was sent before the end was announced is answered."""
        one = b"GET /ping HTTP/1.1\r\nHost: localhost\r\n\r\n"
        while not self.is_stopped and not connection.is_closing:
            self.asked += PIPED
            connection.socket.sendall(one * PIPED)
            connection.note_pause()
            for _ in range(PIPED):
                status, _ = connection.answer()
                if status != 200:
                    raise Lost("status %d" % status)

    def streams(self, connection):
        while not self.is_stopped and not connection.is_closing:
            self.asked += 1
            connection.send("POST", self.path, batch(ROWS))
            check(*connection.answer(), ROWS)

    def uploads(self, connection):
        path = "/api/2.0/mlflow-artifacts/artifacts/1/r/artifacts/%d" % id(self)
        while not self.is_stopped and not connection.is_closing:
            data = random.randbytes(UPLOAD)
            self.asked += 1
            connection.send("PUT", path, data, pieces=4)
            status, body = connection.answer()
            if status != 200:
                raise Lost("status %d: %s" % (status, body[:300]))
            if connection.is_closing:
                return
            self.asked += 1
            connection.send("GET", path)
            if connection.answer() != (200, data):
                raise Lost("another file")


KINDS = ("kept", "fresh", "piped", "streams", "kept", "fresh", "uploads", "streams")


class Load:
    def __init__(self, service, count=16):
        self.clients = [Client(KINDS[i % len(KINDS)], service.port, service.tls, service.path) for i in range(count)]
        for client in self.clients:
            client.start()

    def asked(self):
        return sum(client.asked for client in self.clients)

    def wait(self, more, seconds=60):
        """Until every client asked that many times more."""
        wanted = [(client, client.asked + more) for client in self.clients]
        end = time.monotonic() + seconds
        while any(client.asked < count for client, count in wanted):
            assert all(client.is_alive() for client in self.clients), "a client gave up: %s" % self.lost()
            assert time.monotonic() < end, "the load stands still: %s" % [client.asked for client in self.clients]
            time.sleep(0.01)

    def stop(self):
        for client in self.clients:
            client.is_stopped = True
        return self.join()

    def join(self, seconds=60):
        for client in self.clients:
            client.join(seconds)
            assert not client.is_alive(), "a client of kind %s hangs" % client.kind
        return self.lost()

    def lost(self):
        return [loss for client in self.clients for loss in client.lost]


class Service:
    """sluiced with a pid file: its process changes."""

    def __init__(self, folder, build, bundle, *args, tls=False, program=None):
        self.folder, self.pid_file = folder, folder / "sluiced.pid"
        with socket.socket() as s:
            s.bind(("127.0.0.1", 0))
            self.port = s.getsockname()[1]
        self.tls = None
        self.path = "/invocations" if bundle is not None else "/serving-endpoints/load/invocations"
        command = [str(program or build / "sluiced"), *(["--bundle", str(bundle)] if bundle is not None else []), "--port",
                   str(self.port), "--state", str(folder / "state"), "--pid-file", str(self.pid_file), "--stream-after-ms", "0",
                   *map(str, args)]
        if tls:
            self.tls = ssl.create_default_context(cafile=str(write_certificate(folder)))
            command += ["--tls-cert", str(folder / "cert.pem"), "--tls-key", str(folder / "key.pem")]
        self.log_path = folder / "sluiced.log"
        self.pid_file.unlink(missing_ok=True)
        with open(self.log_path, "wb") as log:
            self.first = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        self.wait_pid_other_than(None)

    def deploy(self, build, bundle):
        """The bundle becomes what the endpoint `load` serves."""
        env = {**os.environ, "MLFLOW_TRACKING_URI": "http://127.0.0.1:%d" % self.port, "SLUICE_STATE": str(self.folder / "tool")}
        for command in (("register", bundle, "--name", "load"), ("deploy", "load/1", "--endpoint", "load", "--size", "Large")):
            subprocess.run([build / "sluice", *command], env=env, check=True, capture_output=True, timeout=60)

    @property
    def pid(self):
        try:
            return int(self.pid_file.read_text())
        except (OSError, ValueError):
            return None

    def wait_pid_other_than(self, old, seconds=60):
        end = time.monotonic() + seconds
        while self.pid in (None, old):
            assert time.monotonic() < end, "no other process: %s" % self.log[-3000:]
            time.sleep(0.005)
        return self.pid

    @property
    def log(self):
        return self.log_path.read_text("utf-8", "replace")

    def records(self, name):
        found = []
        for line in self.log.splitlines():
            with contextlib.suppress(ValueError):
                record = json.loads(line)
                if record.get("id") == name:
                    found.append(record)
        return found

    def wait_records(self, name, count=1, seconds=60):
        end = time.monotonic() + seconds
        while len(self.records(name)) < count:
            assert time.monotonic() < end, "no %d records %s: %s" % (count, name, self.log[-3000:])
            time.sleep(0.01)
        return self.records(name)

    def signal(self, number):
        os.kill(self.pid, number)

    def certificate(self):
        connection = Connection(self.port, self.tls)
        found = connection.socket.getpeercert()["serialNumber"]
        connection.close()
        return found

    def upgrade(self):
        old = self.pid
        self.signal(signal.SIGUSR2)
        return self.wait_pid_other_than(old)

    def wait_gone(self, pid, seconds=150):
        """Zombies count as gone; the first process is ours to reap."""
        end = time.monotonic() + seconds
        while is_running(pid):
            assert time.monotonic() < end, "process %d does not end: %s" % (pid, self.log[-3000:])
            self.first.poll()
            time.sleep(0.01)

    def stop(self):
        """Ends the process that serves; every one has to have ended well."""
        pid = self.pid
        if pid is not None and is_running(pid):
            os.kill(pid, signal.SIGTERM)
            self.wait_gone(pid)
        assert self.first.wait(60) == 0, self.log[-3000:]
        for mark in ("ERROR: AddressSanitizer", "ERROR: LeakSanitizer", "runtime error:", "WARNING: ThreadSanitizer"):
            assert mark not in self.log, self.log[-4000:]


def is_running(pid):
    try:
        with open("/proc/%d/stat" % pid) as stat:
            return stat.read().rsplit(")", 1)[1].split()[0] not in "ZX"
    except OSError:
        return False


def start(folder, build, bundle, tls, is_endpoint):
    service = Service(folder, build, None if is_endpoint else bundle, *QUIET, tls=tls)
    if is_endpoint and not (folder / "deployed").exists():
        service.deploy(build, bundle)
        (folder / "deployed").touch()
    return service


def drain_under_load(folder, build, bundle, clients=16, tls=False, is_endpoint=False):
    """One SIGTERM. -> requests, losses"""
    service = start(folder, build, bundle, tls, is_endpoint)
    load = Load(service, clients)
    load.wait(5)
    service.stop()
    return load.asked(), load.join()


def upgrade_under_load(folder, build, bundle, times, clients=16, tls=False, is_endpoint=False):
    service = start(folder, build, bundle, tls, is_endpoint)
    load = Load(service, clients)
    for _ in range(times):
        load.wait(3)
        service.upgrade()
    load.wait(5)
    losses = load.stop() + ["refused"] * sum(client.refused for client in load.clients)
    service.stop()
    return load.asked(), losses


def reload_under_load(folder, build, bundle, times, clients=16):
    service = Service(folder, build, bundle, *QUIET, tls=True)
    load = Load(service, clients)
    for _ in range(times):
        load.wait(1)
        old = service.certificate()
        write_certificate(folder)
        service.signal(signal.SIGHUP)
        while service.certificate() == old:
            assert not service.records("server.reload_failed"), service.log
    load.wait(3)
    losses = load.stop() + ["refused"] * sum(client.refused for client in load.clients)
    service.stop()
    return load.asked(), losses


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("what", choices=("drain", "upgrade", "reload"))
    parser.add_argument("times", type=int)
    parser.add_argument("--clients", type=int, default=16)
    parser.add_argument("--tls", action="store_true")
    parser.add_argument("--endpoint", action="store_true", help="a serving endpoint instead of --bundle")
    parser.add_argument("--build", type=pathlib.Path, default=ROOT / "build" / "release")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        bundle = write_bundle(folder / "bundle")
        if given.what == "drain":
            runs = [drain_under_load(folder, given.build, bundle, given.clients, given.tls, given.endpoint)
                    for _ in range(given.times)]
        elif given.what == "upgrade":
            runs = [upgrade_under_load(folder, given.build, bundle, given.times, given.clients, given.tls, given.endpoint)]
        else:
            runs = [reload_under_load(folder, given.build, bundle, given.times, given.clients)]
    losses = [loss for _, lost in runs for loss in lost]
    print("%d %ss, %d clients, %d requests, %d lost" % (given.times, given.what, given.clients,
                                                        sum(asked for asked, _ in runs), len(losses)))
    for loss in losses[:20]:
        print(" ", loss)
    return 1 if losses else 0


if __name__ == "__main__":
    sys.exit(main())

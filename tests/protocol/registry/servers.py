"""A registry as a child process, sluiced or the real MLflow server, and raw calls to it. Standard library only.

    with Registry.sluiced("build/dev/sluiced", folder) as registry:
        registry.call("POST", "registered-models/create", {"name": "n"})     # -> (200, {"registered_model": …})
        registry.kill()
        registry.start()

The real server is the one that MLFLOW_SERVER names, or .venv/bin/mlflow.
"""
import contextlib
import http.client
import json
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import threading
import time
import urllib.parse

ROOT = pathlib.Path(__file__).resolve().parents[3]
API = "/api/2.0/mlflow/"
SANITIZER = ("ERROR: AddressSanitizer", "ERROR: LeakSanitizer", "runtime error:", "WARNING: ThreadSanitizer")


def real_mlflow():
    """The path of the real server, or None."""
    named = os.environ.get("MLFLOW_SERVER")
    for path in [named] if named else [str(ROOT / ".venv/bin/mlflow"), shutil.which("mlflow")]:
        if path and os.access(path, os.X_OK):
            return path
    return None


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Registry:
    def __init__(self, command, folder, env=None, is_real=False, ready_s=30):
        self.command, self.folder, self.env = command, pathlib.Path(folder), env or {}
        self.is_real, self.ready_s = is_real, ready_s
        self.port = free_port()
        self.url = "http://127.0.0.1:%d" % self.port
        self.log_path = self.folder / "server.log"
        self.process = None
        self._local = threading.local()

    @classmethod
    def sluiced(cls, program, folder, wrapper=(), options=(), env=None):
        command = [*wrapper, str(program), "--state", str(folder), "--port", "@PORT@", *options]
        return cls(command, folder, env)

    @classmethod
    def mlflow(cls, folder, program=None):
        command = [program or real_mlflow(), "server", "--host", "127.0.0.1", "--port", "@PORT@", "--workers", "1",
                   "--backend-store-uri", "sqlite:///%s/mlflow.db" % folder,
                   "--artifacts-destination", "%s/artifacts" % folder]
        env = {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false", "MLFLOW_DISABLE_TELEMETRY": "true", "DO_NOT_TRACK": "1"}
        return cls(command, folder, env, is_real=True, ready_s=120)

    def start(self, is_awaited=True):
        """-> seconds until /health says 200, by the wall clock"""
        began = time.monotonic()
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen([part.replace("@PORT@", str(self.port)) for part in self.command],
                                            stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
                                            env={**os.environ, **self.env})
        if is_awaited:
            self.await_ready()
        return time.monotonic() - began

    def await_ready(self):
        end = time.monotonic() + self.ready_s
        while time.monotonic() < end:
            if self.process.poll() is not None:
                raise RuntimeError("the server ended with %d: %s" % (self.process.returncode, self.log[-2000:]))
            with contextlib.suppress(OSError, http.client.HTTPException):
                connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=5)
                connection.request("GET", "/health")
                if connection.getresponse().status == 200:
                    return
            time.sleep(0.002)
        raise RuntimeError("the server is not ready within %d s: %s" % (self.ready_s, self.log[-2000:]))

    @property
    def log(self):
        return self.log_path.read_text("utf-8", "replace") if self.log_path.exists() else ""

    def is_alive(self):
        return self.process is not None and self.process.poll() is None

    def kill(self):
        self.signal(signal.SIGKILL)
        self.process.wait(30)
        self.disconnect()

    def signal(self, number):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, number)

    def stop(self):
        """Ends it as an operator does; a sanitizer's word or a wrong exit status is an error, but the real server's."""
        self.disconnect()
        if self.process is None:
            return
        self.signal(signal.SIGTERM)
        try:
            status = self.process.wait(30)
        except subprocess.TimeoutExpired:
            self.kill()
            status = "SIGKILL after 30 s"
        if not self.is_real:
            self.check_log()
            assert status in (0, -signal.SIGKILL), "the server ended with %s: %s" % (status, self.log[-2000:])

    def check_log(self):
        for mark in SANITIZER:
            assert mark not in self.log, self.log[-4000:]

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *why):
        self.stop()

    # ---- calls ----

    def disconnect(self):
        connection = getattr(self._local, "connection", None)
        if connection is not None:
            connection.close()
        self._local.connection = None

    def connection(self):
        if getattr(self._local, "connection", None) is None:
            self._local.connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        return self._local.connection

    def send(self, method, target, data=None, headers=None):
        """-> status, headers, bytes. OSError or HTTPException where there was no answer; a kept connection that the
        server closed meanwhile is opened again, but only where nothing can have been done."""
        is_kept = getattr(self._local, "connection", None) is not None
        connection = self.connection()
        try:
            connection.request(method, target, data, headers or {})
            answer = connection.getresponse()
            body = answer.read()
        except (OSError, http.client.HTTPException) as lost:
            self.disconnect()
            if is_kept and isinstance(lost, (http.client.RemoteDisconnected, BrokenPipeError)) and method == "GET":
                return self.send(method, target, data, headers)
            raise
        if answer.getheader("Connection", "").lower() == "close":
            self.disconnect()
        return answer.status, answer.headers, body

    def call(self, method, path, body=None):
        """A call below /api/2.0/mlflow/ -> status, JSON (or text where it is none)"""
        target, data, headers = API + path, None, {}
        if method == "GET":
            pairs = [(key, item) for key, value in (body or {}).items()
                     for item in (value if isinstance(value, list) else [value])]
            target += "?" + urllib.parse.urlencode(pairs) if pairs else ""
        else:
            data, headers = json.dumps(body or {}).encode(), {"Content-Type": "application/json"}
        status, _, text = self.send(method, target, data, headers)
        return status, decoded(text)

    def ok(self, method, path, body=None):
        status, said = self.call(method, path, body)
        assert status == 200, (method, path, body, status, said)
        return said

    def put(self, path, data):
        """An artifact's upload -> status, JSON or text"""
        status, _, text = self.send("PUT", "/api/2.0/mlflow-artifacts/artifacts/" + urllib.parse.quote(path), data,
                                    {"Content-Type": "application/octet-stream"})
        return status, decoded(text)

    def download(self, path):
        """-> status, bytes"""
        status, _, data = self.send("GET", "/api/2.0/mlflow-artifacts/artifacts/" + urllib.parse.quote(path))
        return status, data

    def rss_kib(self):
        """Of the process and its children."""
        parents = {}
        for entry in os.listdir("/proc"):
            with contextlib.suppress(OSError, ValueError):
                text = pathlib.Path("/proc", entry, "stat").read_text()
                parents[int(entry)] = int(text[text.rindex(")") + 2:].split()[1])
        family, sizes = {self.process.pid}, 0
        while True:
            more = {pid for pid, parent in parents.items() if parent in family} - family
            if not more:
                break
            family |= more
        for pid in family:
            with contextlib.suppress(OSError):
                lines = pathlib.Path("/proc", str(pid), "status").read_text().splitlines()
                sizes += sum(int(line.split()[1]) for line in lines if line.startswith("VmRSS"))
        return sizes


def decoded(text):
    try:
        return json.loads(text)
    except ValueError:
        return text.decode("utf-8", "replace")

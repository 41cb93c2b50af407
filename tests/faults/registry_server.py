"""sluiced as a registry, for tests that kill it and let its calls fail; and all that its clients can see of a model."""
import contextlib
import http.client
import json
import os
import pathlib
import signal
import socket
import sqlite3
import subprocess
import time
import urllib.parse

START_MAX_S = 1.0
API = "/api/2.0/mlflow/"
TAGS = [{"key": "team", "value": "a"}, {"key": "why", "value": "b"}]
CREATE_MODEL = ("POST", "registered-models/create", {"name": "m", "description": "d", "tags": TAGS})
CREATE_VERSION = ("POST", "model-versions/create", {"name": "m", "source": "s3://bucket/model", "tags": TAGS})
RUNNING = []  # a check that fails must not leave a server behind


class Server:
    """sluiced as a registry. `tracing` has strace's options, from its first call on; trace() does it from now on."""

    def __init__(self, program, state, tracing=()):
        with socket.socket() as s:
            s.bind(("127.0.0.1", 0))
            self.port = s.getsockname()[1]
        self.log_path = pathlib.Path(str(state) + ".log")
        self.tracer = None
        command = [str(program), "--state", str(state), "--port", str(self.port), "--workers", "1"]
        if tracing:
            command = ["strace", "-f", "-qq", *tracing, *command]
        self.started = time.monotonic()
        with open(self.log_path, "wb") as log:
            self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        RUNNING.append(self)

    def ready(self, where="", max_s=30.0):
        """True once GET /health says 200; False where the server ended before."""
        while self.process.poll() is None:
            with contextlib.suppress(OSError, http.client.HTTPException):
                if self.request("GET", "/health", timeout=5)[0] == 200:
                    took = time.monotonic() - self.started
                    assert took < max_s, f"{where}: ready after {took:.2f} s"
                    return True
            assert time.monotonic() - self.started < 30, f"{where}: not ready: {self.log}"
            time.sleep(0.002)
        return False

    @property
    def log(self):
        return self.log_path.read_text("utf-8", "replace")[-2000:]

    def request(self, method, path, body=None, timeout=30):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout)
        try:
            headers = {"Content-Type": "application/json"} if body else {}
            connection.request(method, path, body and json.dumps(body), headers)
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()

    def call(self, step):
        """-> status and decoded JSON; None where no answer came."""
        method, path, body = step
        if method == "GET":
            path, body = path + "?" + urllib.parse.urlencode(body), None
        try:
            status, text = self.request(method, API + path, body)
            return status, json.loads(text)
        except (OSError, http.client.HTTPException):
            return None

    def get(self, path, missing, **query):
        status, answer = self.call(("GET", path, query))
        if status == 200:
            return answer
        assert (status, answer["error_code"]) in missing, (path, status, answer)
        return None

    def trace(self, *options):
        self.tracer = subprocess.Popen(["strace", "-f", "-qq", "-p", str(self.process.pid), *options],
                                       stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        while not self.is_traced():
            assert self.tracer.poll() is None, self.tracer.stderr.read().decode()
            time.sleep(0.001)

    def is_traced(self):
        for task in pathlib.Path(f"/proc/{self.process.pid}/task").iterdir():
            if "TracerPid:\t0\n" in (task / "status").read_text():
                return False
        return True

    def untrace(self):
        self.tracer.terminate()
        self.tracer.wait(30)
        self.tracer.stderr.close()
        self.tracer = None

    def send(self, sig):
        """To sluiced, though strace may have started it."""
        if self.process.poll() is None:
            children = pathlib.Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
            os.kill(int(children[0]) if children else self.process.pid, sig)

    def has_ended(self, within_s):
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(within_s)
        return self.process.poll() is not None

    def end(self, sig=signal.SIGKILL):
        with contextlib.suppress(ProcessLookupError, FileNotFoundError):
            self.send(sig)
        status = self.process.wait(30)
        if self.tracer is not None:
            self.untrace()
        RUNNING.remove(self)
        return status


def pairs(tags):
    return sorted((tag["key"], tag["value"]) for tag in tags or [])


def view(server, where=""):
    """All that clients can see of the model "m", but for times; rows and history must agree."""
    missing = [(404, "RESOURCE_DOES_NOT_EXIST")]
    model = server.get("registered-models/get", missing, name="m")
    versions = server.get("model-versions/search", [], filter="name='m'").get("model_versions", [])
    history = server.get("sluice/history", missing, name="m")
    no_alias = missing + [(400, "INVALID_PARAMETER_VALUE")]
    alias = server.get("registered-models/alias", no_alias, name="m", alias="champion")
    moves = [tuple(row.get(key) for key in ("action", "name", "version", "alias", "before", "after"))
             for row in reversed(history["history"] if history else [])]
    said = {"models": [m[1] for m in moves if m[0] == "model_created"],
            "versions": [m[2] for m in moves if m[0] == "version_created"],
            "champion": ([m[5] for m in moves if m[0] == "alias_set"] or [None])[-1]}
    model = model and model["registered_model"]
    found = {"models": [model["name"]] if model else [],
             "versions": sorted((version["version"] for version in versions), key=int),
             "champion": alias and alias["model_version"]["version"]}
    assert found == said, f"{where}: the rows say {found}, the history {said}"
    if versions:
        newest = max(version["creation_timestamp"] for version in versions)
        assert model["last_updated_timestamp"] >= newest, f"{where}: a version that did not touch its model"
    aliases = [(a["alias"], a["version"]) for a in (model or {}).get("aliases", [])]
    assert aliases == ([("champion", said["champion"])] if said["champion"] else []), f"{where}: {aliases}, {said}"
    return json.dumps([model and (model.get("description"), pairs(model.get("tags"))),
                       sorted((v["version"], v["source"], pairs(v.get("tags"))) for v in versions), moves])


def check_file(state, where):
    with contextlib.closing(sqlite3.connect(state / "registry" / "registry.db")) as db:
        for pragma in ("integrity_check", "foreign_key_check"):
            found = db.execute("PRAGMA " + pragma).fetchall()
            assert found in ([], [("ok",)]), f"{where}: {found}"


def end_all():
    for server in list(RUNNING):
        server.end()

"""Black box tests: the real binaries on free ports of 127.0.0.1.

SLUICE_BUILD names the build folder (default build/dev). A server that ends unexpectedly, or whose sanitizer speaks,
fails the test that used it.
"""
import contextlib
import datetime
import importlib
import json
import os
import pathlib
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request

import pytest

ROOT = pathlib.Path(__file__).resolve().parent.parent
BUILD = pathlib.Path(os.environ.get("SLUICE_BUILD", ROOT / "build" / "dev")).resolve()
MODELS = ROOT / "tests" / "protocol" / "invocations" / "models"
for folder in ("faults", "protocol/registry", "system"):
    sys.path.insert(0, str(ROOT / "tests" / folder))


def client_module(name):
    """A module that tests/requirements.txt installs: a test that needs it is skipped without it, but for scripts/test,
    which sets SLUICE_TESTS_COMPLETE=1 and where it must be there."""
    if os.environ.get("SLUICE_TESTS_COMPLETE") == "1":
        return importlib.import_module(name)
    return pytest.importorskip(name)


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Sluiced:
    """sluiced as a child; `log` is its standard error, one JSON record a line. Without a bundle it is a registry."""

    def __init__(self, bundle=None, *args, env=None, state=None, scheme="http", wait_s=15, program=BUILD / "sluiced"):
        self.port = free_port()
        self.url = "%s://127.0.0.1:%d" % (scheme, self.port)
        self.log_path = pathlib.Path(state) / ("sluiced-%d.log" % self.port)
        self._log = open(self.log_path, "wb")
        command = [str(program), *(["--bundle", str(bundle)] if bundle is not None else []), "--port", str(self.port),
                   "--state", str(state), *map(str, args)]
        self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=self._log, stderr=self._log,
                                        env={**os.environ, **(env or {})})
        self._wait(wait_s)

    def _wait(self, seconds):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if self.process.poll() is not None:
                raise RuntimeError("sluiced ended with %d: %s" % (self.process.returncode, self.log[-2000:]))
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 1):
                return
            time.sleep(0.01)
        raise RuntimeError("sluiced does not listen: " + self.log[-2000:])

    @property
    def log(self):
        return self.log_path.read_text("utf-8", "replace")

    def records(self, record_id=None):
        found = []
        for line in self.log.splitlines():
            with contextlib.suppress(ValueError):
                record = json.loads(line)
                if record_id in (None, record.get("id")):
                    found.append(record)
        return found

    def wait_records(self, record_id, count=1, seconds=20):
        """The log is written within 50 ms: waits for `count` records of that id."""
        end = time.monotonic() + seconds
        while len(self.records(record_id)) < count and time.monotonic() < end:
            time.sleep(0.01)
        found = self.records(record_id)
        assert len(found) >= count, "%d records %s in the log: %s" % (len(found), record_id, self.log[-2000:])
        return found

    def post(self, body, path="/invocations", content_type="application/json", timeout=30):
        """-> status, decoded JSON"""
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, data, {"Content-Type": content_type})
        try:
            with urllib.request.urlopen(request, timeout=timeout) as answer:
                return answer.status, json.load(answer)
        except urllib.error.HTTPError as refused:
            return refused.code, json.load(refused)

    def get(self, path, headers=None):
        with urllib.request.urlopen(urllib.request.Request(self.url + path, headers=headers or {}), timeout=10) as answer:
            return answer.read().decode()

    def wait_metric(self, line, seconds=20):
        """Waits for a line of /metrics, as "sluice_http_requests_active 2"."""
        end = time.monotonic() + seconds
        while line + "\n" not in self.get("/metrics"):
            assert time.monotonic() < end, "no '%s' within %g s: %s" % (line, seconds, self.get("/metrics"))
            time.sleep(0.01)

    def drain_seconds(self):
        """After the end: from the first signal to the end of the last connection, by the server's own clock."""
        times = [datetime.datetime.fromisoformat(self.wait_records(name)[0]["time"].replace("Z", "+00:00"))
                 for name in ("server.drain", "server.end")]
        return (times[1] - times[0]).total_seconds()

    def rss_kib(self):
        with open("/proc/%d/status" % self.process.pid) as status:
            return next(int(line.split()[1]) for line in status if line.startswith("VmRSS"))

    def stop(self, sig=signal.SIGTERM, expect=0):
        if self.process.poll() is None:
            self.process.send_signal(sig)
        try:
            code = self.process.wait(30)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise AssertionError("sluiced did not end within 30 s of signal %d: %s" % (sig, self.log[-2000:]))
        finally:
            self._log.close()
        for mark in ("ERROR: AddressSanitizer", "ERROR: LeakSanitizer", "runtime error:", "WARNING: ThreadSanitizer"):
            assert mark not in self.log, self.log[-4000:]
        assert code == expect, "sluiced ended with %d: %s" % (code, self.log[-2000:])


@pytest.fixture(autouse=True)
def forget_registries():
    """MLflow keeps its URIs in the process and its environment: the next test would ask a server that is gone, for minutes."""
    yield
    mlflow = sys.modules.get("mlflow")
    if mlflow is not None and hasattr(mlflow, "set_registry_uri"):
        mlflow.set_tracking_uri(None)
        mlflow.set_registry_uri(None)  # which leaves the variable
        os.environ.pop("MLFLOW_REGISTRY_URI", None)


@pytest.fixture
def sluiced(tmp_path):
    """Starts servers: sluiced(bundle, *options, env={}), or sluiced() for a registry alone; all are stopped, and must end
    with 0. They share a state folder."""
    started = []

    def start(bundle=None, *args, **kw):
        server = Sluiced(bundle, *args, state=tmp_path, **kw)
        started.append(server)
        return server

    yield start
    for server in started:
        if not server._log.closed:
            server.stop()


@pytest.fixture
def run_sluice():
    """Runs the tool: run_sluice("validate", DIR) -> CompletedProcess with text output."""

    def run(*args, env=None, stdin=None, timeout=60):
        return subprocess.run([str(BUILD / "sluice"), *map(str, args)], capture_output=True, text=True, input=stdin,
                              env={**os.environ, **(env or {})}, timeout=timeout)

    return run


@pytest.fixture
def make_bundle(tmp_path):
    """Writes a bundle folder from texts: make_bundle(config=…, signature={…}, files={…}) -> path."""
    count = iter(range(1000))

    def make(config="version: 1\n", inputs=None, outputs=None, params=None, prompts=None, files=None):
        folder = tmp_path / ("bundle%d" % next(count))
        (folder / "prompts").mkdir(parents=True)
        mlmodel = {"flavors": {"sluice": {"config": "config.yaml", "prompts": "prompts"}}, "mlflow_version": "3.17.2",
                   "model_uuid": "0" * 32, "utc_time_created": "2026-11-21 00:00:00.000000"}
        if inputs or outputs or params:
            mlmodel["signature"] = {k: json.dumps(v) if v else None
                                    for k, v in (("inputs", inputs), ("outputs", outputs), ("params", params))}
        (folder / "MLmodel").write_text(json.dumps(mlmodel, indent=1).replace("\t", "  "))
        (folder / "config.yaml").write_text(config)
        for name, text in (prompts or {}).items():
            (folder / "prompts" / (name + ".txt")).write_text(text)
        for name, data in (files or {}).items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes(data if isinstance(data, bytes) else data.encode())
        if not prompts:
            (folder / "prompts").rmdir()
            mlmodel["flavors"]["sluice"].pop("prompts")
            (folder / "MLmodel").write_text(json.dumps(mlmodel, indent=1))
        return folder

    return make


def column(name, kind="string", required=True, **more):
    return {"type": kind, "name": name, "required": required, **more}

#!/usr/bin/env python3
"""Registers models and moves aliases in a running sluiced, and lets every single write of that go wrong, in turn.

    registry_kills.py SLUICED [--all]

Killed at a call: the next start is ready within a second, with the state before or the state after, rows and history
alike, and what was answered with 200 is there. A call that fails: nobody is told 200 for what is not there, the error
says what the disk did, a kill afterwards changes nothing any more, and the same server goes on once the disk does.
Starting and stopping are killed and fail, too; and the disk runs full.

What takes hundreds of calls is sampled without --all. Needs strace, and the right to look into a process that forbids
it (root, or user namespaces); without them the status is 77 (skipped).
"""
import contextlib
import http.client
import json
import os
import pathlib
import random
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import time
import urllib.parse

from kills import SKIPPED, has_strace, work_folder

KILLED_AT = ["write", "writev", "sendmsg", "sendto", "pwrite64", "fsync", "fdatasync", "rename", "renameat", "renameat2",
             "unlink", "unlinkat", "linkat", "ftruncate", "mkdir", "mkdirat"]
OTHERS_WRITES = ("write", "writev", "sendmsg", "sendto")  # the log's and the loop's, too: these come when they come
FAILING = {"pwrite64": ("ENOSPC", "EIO"), "fsync": ("EIO",), "fdatasync": ("EIO", "ENOSPC"), "ftruncate": ("EIO",)}
SAMPLED_ABOVE = 60  # calls of one kind in one operation
START_MAX_S = 1.0
API = "/api/2.0/mlflow/"
TAGS = [{"key": "team", "value": "a"}, {"key": "why", "value": "b"}]
CREATE_MODEL = ("POST", "registered-models/create", {"name": "m", "description": "d", "tags": TAGS})
CREATE_VERSION = ("POST", "model-versions/create", {"name": "m", "source": "s3://bucket/model", "tags": TAGS})
# More than a connection keeps in memory, and than the journal holds without being copied into the database.
DESCRIBE = ("PATCH", "registered-models/update", {"name": "m", "description": "0123456789" * 600000})


def set_alias(version):
    return "POST", "registered-models/alias", {"name": "m", "alias": "champion", "version": str(version)}


STEPS = [CREATE_MODEL, CREATE_VERSION, CREATE_VERSION, set_alias(1), set_alias(2), DESCRIBE]
OTHER = ("POST", "registered-models/create", {"name": "other"})  # a write that no view shows

COUNTED = ["kills in a request", "failing calls in a request", "… answered 200", "… answered an error",
           "… ended the server", "kills in a start or stop", "failing calls in a start or stop", "… ended it with an error"]
RUNNING = []  # servers: a check that fails must not leave one behind


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
            connection.request(method, path, body and json.dumps(body), {"Content-Type": "application/json"} if body else {})
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
    alias = server.get("registered-models/alias", missing + [(400, "INVALID_PARAMETER_VALUE")], name="m", alias="champion")
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


class Kills:
    def __init__(self, program, work, is_all):
        self.program, self.work, self.is_all = program, work, is_all
        self.views, self.slowest_s = [], 0.0
        self.counts = dict.fromkeys(COUNTED, 0)

    def make_bases(self):
        """base-N: the folder after N steps, as a clean end leaves it; wal-N: as a kill after the last of them does."""
        self.server(self.work / "base-0").end(signal.SIGTERM)
        for n in range(len(STEPS) + 1):
            base, wal = self.work / f"base-{n}", self.work / f"wal-{n + 1}"
            server = self.server(base)
            self.views.append(view(server))
            server.end(signal.SIGTERM)
            if n == len(STEPS):
                return
            for folder in (wal, self.work / f"base-{n + 1}"):
                shutil.copytree(base, folder)
                server = self.server(folder)
                assert server.call(STEPS[n])[0] == 200
                server.end(signal.SIGKILL if folder == wal else signal.SIGTERM)

    def server(self, state, where="", max_s=30.0):
        server = Server(self.program, state)
        assert server.ready(where, max_s), f"{where}: ended with {server.process.returncode}: {server.log}"
        return server

    def copy(self, base):
        state = self.work / "state"
        shutil.rmtree(state, ignore_errors=True)
        if base is not None:
            shutil.copytree(self.work / base, state)
        return state

    def restart(self, allowed, where):
        """The next start after a kill; -> what is there then."""
        state = self.work / "state"
        server = self.server(state, where, max_s=START_MAX_S)
        self.slowest_s = max(self.slowest_s, time.monotonic() - server.started)
        found = view(server, where)
        assert found in allowed, f"{where}: {found[:1000]}"
        self.still_works(server, self.views.index(found), where)
        server.end()
        check_file(state, where)
        return found

    def still_works(self, server, at, where):
        for step in STEPS[at:min(at + 2, len(STEPS) - 1)]:
            answer = server.call(step)
            assert answer is not None and answer[0] == 200, f"{where}: then {step[1]}: {answer}"

    def count(self, base, act):
        """How often the busiest thread makes each call."""
        out = self.work / "calls"
        server = self.server(self.copy(base))
        server.trace("-o", str(out), "-e", "trace=" + ",".join(KILLED_AT))
        act(server)
        server.end()
        return busiest(out)

    def points(self, calls, is_failing=False):
        for call, count in calls.items():
            if is_failing and call not in FAILING:
                continue
            numbers = range(1, count + 1)
            if count > SAMPLED_ABOVE:
                chosen = random.Random(count).sample(numbers, 60 if self.is_all else 6)
                numbers = sorted({1, count, *chosen})
            elif not self.is_all and call in OTHERS_WRITES:
                numbers = numbers[:2]
            elif not self.is_all and is_failing and call == "pwrite64":
                numbers = numbers[::3]
            yield from ((call, n) for n in numbers)

    # ---- a step: its calls are counted from the request on ----

    def step_under(self, base, at, inject, where):
        server = self.server(self.copy(base), where)
        server.trace("-o", "/dev/null", "-e", "trace=" + inject.split(":")[0], "-e", "inject=" + inject)
        return server, server.call(STEPS[at])

    def kill_step(self, base, at):
        """STEPS[at], killed at every call."""
        old, new = self.views[at], self.views[at + 1]
        calls, seen = self.count(base, lambda server: server.call(STEPS[at])), set()
        print(f"{STEPS[at][1]} on {base}:", calls)
        assert calls.get("pwrite64", 0) >= 6 and calls.get("fdatasync", 0) + calls.get("fsync", 0) >= 1, calls
        for call, n in self.points(calls):
            where = f"{STEPS[at][1]} on {base} killed at {call} {n}"
            server, answer = self.step_under(base, at, f"{call}:signal=KILL:when={n}", where)
            assert answer is None or answer[0] == 200, f"{where}: {answer}"
            assert answer is None or call in OTHERS_WRITES, f"{where}: was not"
            server.end()
            seen.add(self.restart([new] if answer else [old, new], where))
            self.counts["kills in a request"] += 1
        assert seen == {old, new}, f"{STEPS[at][1]}: the kills came too early or too late"

    def fail_step(self, base, at):
        """STEPS[at], each of its calls failing: once, or from then on; until a kill, or until the disk works again."""
        calls = self.count(base, lambda server: server.call(STEPS[at]))
        for call, n in self.points(calls, is_failing=True):
            for code in FAILING[call]:
                for is_lasting, is_killed in ((False, True), (True, True), (True, False)):
                    self.fail_once(base, at, f"{call}:error={code}:when={n}{'+' * is_lasting}", is_lasting, is_killed)
                    self.counts["failing calls in a request"] += 1

    def fail_once(self, base, at, inject, is_lasting, is_killed):
        where = f"{STEPS[at][1]} on {base} with {inject}"
        old, new = self.views[at], self.views[at + 1]
        server, answer = self.step_under(base, at, inject, where)
        is_done = answer is not None and answer[0] == 200
        self.note(server, answer, where)
        if answer is not None:
            assert view(server, where) == (new if is_done else old), f"{where}: another state"
        if answer is not None and is_lasting and not inject.startswith("ftruncate"):
            refused = server.call(OTHER)
            assert refused is None or refused[0] in (500, 503), f"{where}: and then 200 for another"
        if answer is not None and not is_killed:
            server.untrace()
            then = server.call(OTHER)
            assert then is not None and then[0] == 200, f"{where}: does not recover: {then}"
            assert view(server, where) == (new if is_done else old), f"{where}: another state when it goes on"
        server.end()
        # What others have seen as not done must not be there later. Only a disk that fails until the end leaves it open.
        is_open = answer is None or (is_lasting and is_killed)
        self.restart([new] if is_done else [old, new] if is_open else [old], where)

    def note(self, server, answer, where):
        if answer is None:
            status = server.process.wait(10)
            assert status > 0, f"{where}: ended with {status}: {server.log}"
            self.counts["… ended the server"] += 1
        elif answer[0] == 200:
            self.counts["… answered 200"] += 1
        else:
            assert answer[0] in (500, 503) and "registry database: " in answer[1]["message"], f"{where}: {answer}"
            self.counts["… answered an error"] += 1

    # ---- start and stop ----

    def life(self, base, tracing):
        """A start and, where it came to that, a stop; -> whether both went well."""
        server = Server(self.program, self.copy(base), tracing)
        if not server.ready():
            return server.end() == 0
        return server.end(signal.SIGTERM) == 0

    def kill_life(self, base, at):
        """A start on `base` and a clean stop (where `base` is None the first start of all), killed at every call."""
        out = self.work / "calls"
        assert self.life(base, ["-o", str(out), "-e", "trace=" + ",".join(KILLED_AT)])
        calls = busiest(out)
        print(f"start and stop on {base}:", calls)
        for call, n in self.points(calls):
            where = f"start and stop on {base} killed at {call} {n}"
            was_killed = not self.life(base, ["-o", "/dev/null", "-e", f"inject={call}:signal=KILL:when={n}"])
            assert was_killed or call in OTHERS_WRITES, f"{where}: was not"
            self.restart([self.views[at]], where)
            self.counts["kills in a start or stop"] += was_killed
        for call, n in self.points(calls, is_failing=True):
            for code in FAILING[call]:
                where = f"start and stop on {base}, {call} {n} fails with {code}"
                is_fine = self.life(base, ["-o", "/dev/null", "-e", f"inject={call}:error={code}:when={n}"])
                self.restart([self.views[at]], where)
                self.counts["failing calls in a start or stop"] += 1
                self.counts["… ended it with an error"] += not is_fine


def busiest(out):
    """The lines of `strace -f -o`: -> {call: how often the thread that makes it most does}."""
    counts = {}
    for line in out.read_text().splitlines():
        thread, rest = line.split(None, 1)
        call = rest.split("(", 1)[0]
        if call in KILLED_AT:
            counts[call, thread] = counts.get((call, thread), 0) + 1
    return {call: max(count for (name, _), count in counts.items() if name == call)
            for call in KILLED_AT if any(name == call for name, _ in counts)}


# ---- a full disk ----

def error_of(answer):
    assert answer is not None and answer[0] in (500, 503) and "full" in answer[1]["message"], answer
    return answer[1]["message"]


def fill(server, acked, refused_max):
    """Versions until `refused_max` in a row are refused; -> how many were refused."""
    version = {**CREATE_VERSION[2], "description": "0123456789" * 2000}
    in_a_row = refused = 0
    while in_a_row < refused_max:
        answer = server.call(("POST", "model-versions/create", version))
        if answer is not None and answer[0] == 200:
            acked.append(answer[1]["model_version"]["version"])
            in_a_row = 0
        else:
            error_of(answer)
            in_a_row, refused = in_a_row + 1, refused + 1
    return refused


def check_acked(server, acked, where):
    found = server.get("model-versions/search", [], filter="name='m'").get("model_versions", [])
    history = server.get("sluice/history", [], name="m", max_results=1000)["history"]
    assert sorted(int(v["version"]) for v in found) == sorted(map(int, acked)), f"{where}: rows"
    assert [m["version"] for m in reversed(history) if m["action"] == "version_created"] == acked, f"{where}: history"


def full_disk(program, work):
    """Two megabytes, of which somebody else takes 400 KB."""
    disk = work / "disk"
    disk.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(disk)], check=True)
    try:
        acked, refused = [], 0
        for name in ("goes on", "is killed"):
            (disk / name).write_bytes(b"x" * 200000)
        for where in ("goes on", "is killed"):
            server = Server(program, disk / "state")
            assert server.ready()
            if not acked:
                assert server.call(CREATE_MODEL)[0] == 200
            refused += fill(server, acked, 10)
            check_acked(server, acked, "full disk")
            if where == "is killed":
                server.end()
                server = Server(program, disk / "state")
                assert server.ready("full disk", START_MAX_S), f"no start on a full disk: {server.log}"
                check_acked(server, acked, "full disk after a kill")
            (disk / where).unlink()
            answer = server.call(CREATE_VERSION)
            assert answer is not None and answer[0] == 200, f"space has returned: {answer}"
            acked.append(answer[1]["model_version"]["version"])
            server.end()
            server = Server(program, disk / "state")
            assert server.ready("full disk", START_MAX_S)
            check_acked(server, acked, "after the full disk")
            server.end()
            check_file(disk / "state", "full disk")
        return len(acked), refused
    finally:
        subprocess.run(["umount", "--lazy", str(disk)], check=True)


def unshared():
    """Starts this again with mounts of its own, and as their root, where that is allowed."""
    if "SLUICE_KILLS_UNSHARED" in os.environ:
        return True
    command = ["unshare", "-m"] if os.geteuid() == 0 else ["unshare", "-r", "-m"]
    if not shutil.which("unshare") or subprocess.run(command + ["true"], stderr=subprocess.DEVNULL).returncode != 0:
        return False
    os.environ["SLUICE_KILLS_UNSHARED"] = "1"
    os.execvp(command[0], command + [sys.executable, *sys.argv])


def may_trace(program, work):
    server = Server(program, work / "state")
    assert server.ready(), server.log
    try:
        server.trace("-o", "/dev/null", "-e", "trace=fsync")
        return True
    except AssertionError as why:
        print(f"skipped: {str(why).strip()}")
        return False
    finally:
        server.end()


def main():
    if not has_strace():
        return SKIPPED
    has_mounts, program = unshared(), pathlib.Path(sys.argv[1]).resolve()
    with work_folder("registry-kills-") as work:
        if not may_trace(program, work):
            return SKIPPED
        kills = Kills(program, work, "--all" in sys.argv)
        kills.make_bases()
        for base, at in (("base-0", 0), ("base-1", 1), ("base-4", 4), ("wal-4", 4), ("base-5", 5)):
            kills.kill_step(base, at)
            kills.fail_step(base, at)
        for base, at in ((None, 0), ("base-2", 2), ("wal-4", 4)):
            kills.kill_life(base, at)
        for what, count in kills.counts.items():
            print(f"{count:5} {what}")
        print(f"the slowest of all starts took {kills.slowest_s * 1000:.0f} ms until it had answered what is there")
        if has_mounts:
            print("full disk: %d versions acknowledged, %d refused, none lost" % full_disk(program, work))
        else:
            print("full disk: skipped: no mount namespace of one's own is allowed here")
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    finally:
        for left in list(RUNNING):
            left.end()

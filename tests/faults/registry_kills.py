#!/usr/bin/env python3
"""Registers models and moves aliases in a running sluiced, and lets every single write of that go wrong, in turn.

    registry_kills.py SLUICED [--all]

Killed at a call: the next start is ready within a second, with the state before or the state after, rows and history
alike, and what was answered with 200 is there. A call that fails: nobody is told 200 for what is not there, the error
says what the disk did, a kill afterwards changes nothing any more, and the same server goes on once the disk does.
Starting and stopping are killed and fail, too.

What takes hundreds of calls is sampled without --all. Needs strace, and the right to look into a process that forbids
it (root, or user namespaces); without them the status is 77 (skipped).
"""
import pathlib
import random
import shutil
import signal
import sys
import time

from kills import SKIPPED, has_strace, unshared, work_folder
from registry_server import CREATE_MODEL, CREATE_VERSION, START_MAX_S, Server, check_file, end_all, view

KILLED_AT = ["write", "writev", "sendmsg", "sendto", "pwrite64", "fsync", "fdatasync", "rename", "renameat",
             "renameat2", "unlink", "unlinkat", "linkat", "ftruncate", "mkdir", "mkdirat"]
OTHERS_WRITES = ("write", "writev", "sendmsg", "sendto")  # the log's and the loop's, too: these come when they come
FAILING = {"pwrite64": ("ENOSPC", "EIO"), "fsync": ("EIO",), "fdatasync": ("EIO", "ENOSPC"), "ftruncate": ("EIO",)}
SAMPLED_ABOVE = 60, 1000  # calls of one kind in one operation: usually, with --all
# More than a connection keeps in memory, and than the journal holds without being copied into the database.
DESCRIBE = ("PATCH", "registered-models/update", {"name": "m", "description": "0123456789" * 600000})


def set_alias(version):
    return "POST", "registered-models/alias", {"name": "m", "alias": "champion", "version": str(version)}


STEPS = [CREATE_MODEL, CREATE_VERSION, CREATE_VERSION, set_alias(1), set_alias(2), DESCRIBE]
OTHER = ("POST", "registered-models/create", {"name": "other"})  # a write that no view shows
COUNTED = ["kills in a request", "failing calls in a request", "… answered 200", "… answered an error",
           "… ended the server", "kills in a start or stop", "failing calls in a start or stop",
           "… ended it with an error"]


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
            if count > SAMPLED_ABOVE[self.is_all]:
                chosen = random.Random(count).sample(numbers, 60 if self.is_all else 4)
                numbers = sorted({1, count, *chosen})
            elif not self.is_all and call in OTHERS_WRITES:
                numbers = numbers[:2]
            elif not self.is_all and is_failing and call == "pwrite64":
                numbers = numbers[::4]
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
            self.counts["kills in a request"] += server.has_ended(within_s=0.5)
            server.end()
            seen.add(self.restart([new] if answer else [old, new], where))
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
        # What others have seen as not done must not be there later. Only a disk that fails to the end leaves it open.
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
    # Root of a user namespace may look into what it started there.
    unshared()
    program = pathlib.Path(sys.argv[1]).resolve()
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
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    finally:
        end_all()

#!/usr/bin/env python3
"""Kills sluiced at each of its writes while it deploys, rolls back, creates and deletes an endpoint, or follows an alias.

    deploy_kills.py SLUICED SLUICE [--all]

After each kill the next start is ready within two seconds and serves the config before or the one after, whole: what the
endpoint says is what its answers come from; what was answered with 200 comes to its end. Then the same change works.

What takes hundreds of calls is sampled without --all. Needs strace and the right to look into the process, else the
status is 77 (skipped).
"""
import contextlib
import http.client
import json
import os
import pathlib
import random
import shutil
import signal
import subprocess
import sys
import time

from deploy_load import GOOD, write_bundle
from kills import SKIPPED, has_strace, unshared, work_folder
from registry_kills import KILLED_AT, OTHERS_WRITES, busiest, may_trace
from registry_server import Server, end_all

START_MAX_S = 2.0
ENDPOINTS = "/api/2.0/serving-endpoints"
SAMPLED_ABOVE = 8, 1000  # calls of one kind: usually, with --all


def config(version):
    return {"served_entities": [{"entity_name": "load", "entity_version": version, "name": "e"}]}


# name, the call, what serves before and after it ("": nothing)
CHANGES = [
    ("deploy", ("PUT", ENDPOINTS + "/ep/config", config("2")), "1", "2"),
    ("roll back", ("POST", ENDPOINTS + "/ep/rollback", {}), "2", "1"),
    ("follow", ("POST", "/api/2.0/mlflow/registered-models/alias",
                {"name": "load", "alias": "champion", "version": "2"}), "1", "2"),
    ("delete", ("DELETE", ENDPOINTS + "/ep", None), "1", ""),
    ("create", ("POST", ENDPOINTS, {"name": "ep", "config": config("1")}), "", "1"),
]


def ask(server, call):
    """-> status, decoded JSON; None where no answer came"""
    try:
        status, text = server.request(*call)
        return status, json.loads(text)
    except (OSError, http.client.HTTPException, ValueError):
        return None


def settle(server, where):
    """-> what serves: a version, or "" """
    end = time.monotonic() + 20
    while True:
        status, endpoint = ask(server, ("GET", ENDPOINTS + "/ep"))
        if status == 404:
            assert ask(server, ("POST", "/serving-endpoints/ep/invocations", {"inputs": []}))[0] == 404, where
            return ""
        if endpoint["state"]["config_update"] == "NOT_UPDATING":
            break
        assert endpoint["state"]["config_update"] == "IN_PROGRESS", f"{where}: {endpoint}"
        assert time.monotonic() < end, f"{where}: {endpoint}"
        time.sleep(0.005)
    if "config" not in endpoint:
        return ""
    entity = endpoint["config"]["served_entities"][0]
    assert endpoint["state"]["ready"] == "READY" and "pending_config" not in endpoint, f"{where}: {endpoint}"
    status, answer = ask(server, ("POST", "/serving-endpoints/ep/invocations", {"dataframe_records": [{"q": "x"}]}))
    said = answer["predictions"][0]["version"] if status == 200 else answer
    assert said == "v%s x" % entity["resolved_entity_version"], f"{where}: says {entity}, answers {said}"
    return entity["resolved_entity_version"]


class Kills:
    def __init__(self, program, sluice, work, is_all):
        self.program, self.sluice, self.work, self.is_all = program, sluice, work, is_all
        self.kills, self.slowest_s = 0, 0.0

    def server(self, state, where="", max_s=30.0):
        server = Server(self.program, state)
        assert server.ready(where, max_s), f"{where}: ended with {server.process.returncode}: {server.log}"
        return server

    def make_base(self, name, before):
        """A state folder in which `before` serves."""
        base = self.work / ("base " + name)
        server = self.server(base)
        env = {**os.environ, "MLFLOW_TRACKING_URI": "http://127.0.0.1:%d" % server.port}
        for version in ("1", "2"):
            bundle = self.work / ("bundle " + name) / version
            write_bundle(bundle, GOOD % ("v" + version))
            subprocess.run([self.sluice, "register", str(bundle), "--name", "load"], env=env, check=True,
                           stdout=subprocess.DEVNULL)
        alias = {"name": "load", "alias": "champion", "version": "1"}
        assert ask(server, ("POST", "/api/2.0/mlflow/registered-models/alias", alias))[0] == 200
        first = config("@champion" if name == "follow" else "1")
        if before:
            assert ask(server, ("POST", ENDPOINTS, {"name": "ep", "config": first}))[0] == 200
            settle(server, "base")
        if before == "2":
            assert ask(server, ("PUT", ENDPOINTS + "/ep/config", config("2")))[0] == 200
        assert settle(server, "base") == before
        assert server.end(signal.SIGTERM) == 0
        return base

    def copy(self, base):
        state = self.work / "state"
        shutil.rmtree(state, ignore_errors=True)
        shutil.copytree(base, state)
        return state

    def points(self, calls):
        for call, count in calls.items():
            numbers = range(1, count + 1)
            if count > SAMPLED_ABOVE[self.is_all]:
                numbers = sorted({1, count, *random.Random(count).sample(numbers, 60 if self.is_all else 3)})
            elif not self.is_all and call in OTHERS_WRITES:
                numbers = numbers[:2]
            yield from ((call, n) for n in numbers)

    def change(self, name, call, before, after):
        base, out, seen = self.make_base(name, before), self.work / "calls", set()
        server = self.server(self.copy(base))
        server.trace("-o", str(out), "-e", "trace=" + ",".join(KILLED_AT))
        assert ask(server, call)[0] == 200 and settle(server, name) == after
        server.end()
        calls = busiest(out)
        print(f"{name}:", calls)
        for system_call, n in self.points(calls):
            where = f"{name} killed at {system_call} {n}"
            server = self.server(self.copy(base), where)
            server.trace("-o", "/dev/null", "-e", f"trace={system_call}", "-e",
                         f"inject={system_call}:signal=KILL:when={n}")
            answer = ask(server, call)
            assert answer is None or answer[0] == 200, f"{where}: {answer}"
            if answer is not None:
                with contextlib.suppress(Exception):
                    settle(server, where)
            self.kills += server.has_ended(within_s=0.3)
            server.end()
            seen.add(self.restart(call, before, after, answer, where))
        assert seen == {before, after}, f"{name}: only {seen} was seen"

    def restart(self, call, before, after, answer, where):
        state = self.work / "state"
        server = self.server(state, where, max_s=START_MAX_S)
        self.slowest_s = max(self.slowest_s, time.monotonic() - server.started)
        found = settle(server, where)
        assert found in ([after] if answer else [before, after]), f"{where}: {found!r} serves"
        if found == before:
            assert ask(server, call)[0] == 200 and settle(server, where) == after, f"{where}: and then not again"
        server.end()
        return found


def main():
    if not has_strace():
        return SKIPPED
    unshared()
    program, sluice = pathlib.Path(sys.argv[1]).resolve(), pathlib.Path(sys.argv[2]).resolve()
    with work_folder("deploy-kills-") as work:
        if not may_trace(program, work):
            return SKIPPED
        kills = Kills(program, sluice, work, "--all" in sys.argv)
        for change in CHANGES:
            kills.change(*change)
        print(f"{kills.kills} kills; the slowest start took {kills.slowest_s * 1000:.0f} ms")
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    finally:
        end_all()

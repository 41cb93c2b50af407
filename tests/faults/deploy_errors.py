#!/usr/bin/env python3
"""Lets each of sluiced's writes fail, once and from then on, while it deploys, rolls back, creates and deletes an endpoint.

    deploy_errors.py SLUICED SLUICE [--all]

Whatever fails: what the endpoint says is what its answers come from, an update that was begun comes to an end once the disk
is well again, what was refused changed nothing, the same change then works, and a restart finds all of it.

Needs strace and the right to look into the process, else the status is 77 (skipped).
"""
import pathlib
import signal
import sys
import time

import deploy_kills
from deploy_kills import CHANGES, ENDPOINTS, Kills, ask
from kills import SKIPPED, has_strace, unshared, work_folder
from registry_kills import KILLED_AT, OTHERS_WRITES, busiest, may_trace
from registry_server import end_all

UNDECIDED_MAX_S = 5.0
FAILING = [call for call in KILLED_AT if call not in OTHERS_WRITES]  # those are the loop's and the clients', too


def settle(server, where):
    """-> what serves: a version, or ""; what it says is what answers"""
    end = time.monotonic() + UNDECIDED_MAX_S
    while True:
        status, endpoint = ask(server, ("GET", ENDPOINTS + "/ep"))
        if status == 404 or endpoint["state"]["config_update"] != "IN_PROGRESS":
            break
        assert time.monotonic() < end, f"{where}: its update does not end: {endpoint}"
        time.sleep(0.01)
    status, answer = ask(server, ("POST", "/serving-endpoints/ep/invocations", {"dataframe_records": [{"q": "x"}]}))
    if endpoint.get("config") is None:
        assert status in (400, 404), f"{where}: {endpoint} answers {answer}"
        return ""
    version = endpoint["config"]["served_entities"][0]["resolved_entity_version"]
    assert status == 200 and answer["predictions"][0]["version"] == "v%s x" % version, f"{where}: {endpoint}: {answer}"
    return version


class Errors(Kills):
    def change(self, name, call, before, after):
        base, out = self.make_base(name, before), self.work / "calls"
        server = self.server(self.copy(base))
        server.trace("-o", str(out), "-e", "trace=" + ",".join(FAILING))
        assert ask(server, call)[0] == 200 and settle(server, name) == after
        server.end()
        calls = busiest(out)
        print(f"{name}:", calls, flush=True)
        for system_call, n in self.points(calls):
            for error, when in (("EIO", n), ("ENOSPC", "%d+" % n)):
                self.fail(base, call, before, after, f"inject={system_call}:error={error}:when={when}",
                          f"{name} while {system_call} {when} fails with {error}")

    def fail(self, base, call, before, after, inject, where):
        server = self.server(self.copy(base), where)
        server.trace("-o", "/dev/null", "-e", inject)
        answer = ask(server, call)
        time.sleep(0.05)  # what it set going meets the failing disk, too
        server.untrace()
        found = settle(server, where)
        assert found in (before, after), f"{where}: {found!r} serves"
        assert answer is not None and (answer[0] != 200 or answer[1] is not None), where
        self.kills += answer[0] != 200 or found == before
        self.again(server, call, before, after, found, where)
        assert server.end(signal.SIGTERM) == 0, where
        server = self.server(self.work / "state", where)
        assert settle(server, where) == after, f"{where}: and after a restart not"
        server.end()

    @staticmethod
    def again(server, call, before, after, found, where):
        if found == after:
            return
        status, answer = ask(server, call)
        if call[1] == ENDPOINTS and status == 400 and "already exists" in answer["message"]:
            status, answer = ask(server, ("PUT", ENDPOINTS + "/ep/config", call[2]["config"]))
        assert status == 200, f"{where}: and then not again: {answer}"
        found = settle(server, where)
        assert found == after, f"{where}: and then not again: {found!r}"


def main():
    if not has_strace():
        return SKIPPED
    unshared()
    program, sluice = pathlib.Path(sys.argv[1]).resolve(), pathlib.Path(sys.argv[2]).resolve()
    deploy_kills.settle = settle
    with work_folder("deploy-errors-") as work:
        if not may_trace(program, work):
            return SKIPPED
        errors = Errors(program, sluice, work, "--all" in sys.argv)
        for change in CHANGES:
            if change[0] != "follow":
                errors.change(*change)
        print(f"{errors.kills} changes failed")
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    finally:
        end_all()

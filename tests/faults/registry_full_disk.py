#!/usr/bin/env python3
"""Registers versions until the disk is full; it gets space again under the running server, and after a kill.

    registry_full_disk.py SLUICED

Errors say that it is full, reads go on, nothing that was answered is lost and nothing else is there. Needs the right to
mount (root, or user namespaces); without it the status is 77 (skipped).
"""
import pathlib
import subprocess
import sys

from kills import SKIPPED, unshared, work_folder
from registry_server import CREATE_MODEL, CREATE_VERSION, START_MAX_S, Server, check_file, end_all


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


def main():
    if not unshared():
        print("skipped: a mount namespace of one's own is not allowed here")
        return SKIPPED
    with work_folder("registry-full-") as work:
        counts = full_disk(pathlib.Path(sys.argv[1]).resolve(), work)
    print("%d versions acknowledged, %d refused, none lost" % counts)
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    finally:
        end_all()

#!/usr/bin/env python3
"""Replaces and removes a file of the registry and lets every single system call of that go wrong, in turn.

    artifact_kills.py PROBE

Killed at a call, or failing in it: after the next start the file is the old one or the new one, whole, and blobs/ has
what the rows name and nothing else. What was reported as done is done. Needs strace; without it the status is 77 (skipped).
"""
import contextlib
import hashlib
import os
import shutil
import sqlite3
import subprocess
import sys

from kills import SKIPPED, has_strace, traced, work_folder

KILLED_AT = ["openat", "mkdirat", "write", "pwrite64", "fsync", "fdatasync", "sync_file_range", "renameat", "linkat",
             "unlinkat", "unlink", "close", "flock", "ftruncate"]
FAILING = [("openat", "EMFILE"), ("mkdirat", "ENOSPC"), ("write", "ENOSPC"), ("pwrite64", "ENOSPC"), ("fsync", "EIO"),
           ("fdatasync", "EIO"), ("renameat", "EIO"), ("linkat", "EMLINK"), ("unlinkat", "EIO"), ("flock", "ENOLCK")]
POINTS_MAX = 200
PATH = "r/a/data"


def run(probe, *args, inject=None):
    return subprocess.run(traced([probe, *map(str, args)], inject), capture_output=True, timeout=60)


def check(probe, state, allowed, where):
    """Opens the registry again, as a server does at its start; returns the file's bytes, None where there is none."""
    got = run(probe, "get", state, PATH)
    body = got.stdout if got.returncode == 0 else None
    assert got.returncode in (0, 66), f"{where}: {got.stderr}"
    assert body in allowed, f"{where}: {body and body[:20]}"
    registry = state / "registry"
    with contextlib.closing(sqlite3.connect(registry / "registry.db")) as db:
        wanted = {digest for digest, in db.execute("SELECT digest FROM artifacts")}
        orphans = db.execute("SELECT count(*) FROM orphans").fetchone()[0]
    found = {file.name for file in (registry / "blobs").rglob("*") if file.is_file()}
    assert found == wanted and orphans == 0, f"{where}: blobs {found}, rows {wanted}, {orphans} orphans"
    for name in found:
        data = (registry / "blobs" / name[:2] / name).read_bytes()
        assert hashlib.sha256(data).hexdigest() == name, f"{where}: {name} has other bytes"
    assert not list((registry / "staging").iterdir()), f"{where}: left in staging"
    return body


def points(probe, work, base, command, call, what):
    """Every n-th `call` in turn, until there is no n-th one."""
    for n in range(1, POINTS_MAX):
        state = work / "state"
        shutil.rmtree(state, ignore_errors=True)
        shutil.copytree(base, state)
        done = run(probe, command[0], state, *command[1:], inject=f"{call}:{what}:when={n}")
        yield n, done, state
        # The loader opens files, too: an early failure there may not matter.
        if done.returncode == 0 and n > (40 if call in ("openat", "close") else 3):
            return


def everywhere(probe, work, base, command, old, new):
    killed, failed, seen = 0, 0, set()
    for call in KILLED_AT:
        for n, done, state in points(probe, work, base, command, call, "signal=KILL"):
            where = f"{command[0]} killed at {call} {n}"
            assert done.returncode in (0, 137, -9), f"{where}: status {done.returncode} {done.stderr}"
            seen.add(check(probe, state, [new] if b"ok" in done.stderr else [old, new], where))
            killed += 1
    assert seen == {old, new}, f"{command[0]}: the kills came too early or too late"
    for call, code in FAILING:
        for n, done, state in points(probe, work, base, command, call, f"error={code}"):
            where = f"{command[0]}, {call} {n} fails with {code}"
            assert done.returncode >= 0 and b"Sanitizer" not in done.stderr, f"{where}: {done.returncode} {done.stderr}"
            check(probe, state, [new] if done.returncode == 0 else [old, new], where)
            failed += 1
    return killed, failed


def main():
    probe = sys.argv[1]
    if not has_strace():
        return SKIPPED
    with work_folder("artifact-kills-") as work:
        old, new = os.urandom(1000), os.urandom(150000)
        (work / "old").write_bytes(old)
        (work / "new").write_bytes(new)
        for path, file in ((PATH, "old"), ("r/same", "old"), ("r/other", "new")):
            assert run(probe, "put", work / "shared", path, work / file).returncode == 0
        assert run(probe, "put", work / "base", PATH, work / "old").returncode == 0
        counts = [everywhere(probe, work, work / base, command, old, wanted) for base, command, wanted in (
            ("base", ["put", PATH, work / "new"], new), ("shared", ["put", PATH, work / "new"], new),
            ("base", ["rm", PATH], None))]
    print("%d kills and %d failing calls: the old file or the new one each time" %
          (sum(killed for killed, _ in counts), sum(failed for _, failed in counts)))
    return 0


if __name__ == "__main__":
    sys.exit(main())

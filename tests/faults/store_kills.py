#!/usr/bin/env python3
"""Adds a bundle to a store and lets every single system call of it go wrong, in turn.

    store_kills.py PROBE

Killed at a call, or failing in it: bundles/ then holds nothing, or the whole bundle with the bytes its manifest names;
the next addition succeeds, and staging/ is empty. A failure is reported as one, except where the call did not matter.
Needs strace; without it the status is 77 (skipped).
"""
import hashlib
import json
import os
import shutil
import subprocess
import sys

from kills import SKIPPED, has_strace, traced, work_folder

KILLED_AT = ["openat", "mkdirat", "write", "fchmod", "fsync", "sync_file_range", "renameat", "unlinkat", "close", "flock",
             "clone", "wait4", "read"]
FAILING = [("openat", "EMFILE"), ("mkdirat", "ENOSPC"), ("write", "ENOSPC"), ("fsync", "EIO"), ("renameat", "EIO"),
           ("clone", "EAGAIN"), ("pipe2", "EMFILE"), ("flock", "ENOLCK"), ("read", "EIO")]
SYNCED = 5 + 4 + 1  # files with the manifest, folders with the bundle's own, and bundles/


def make_bundle(folder):
    for path, size in [("MLmodel", 300), ("config.yaml", 2000), ("prompts/a.txt", 70), ("data/deep/b.bin", 200000)]:
        full = os.path.join(folder, path)
        os.makedirs(os.path.dirname(full), exist_ok=True)
        with open(full, "wb") as file:
            file.write(os.urandom(size))


def check_bundles(state):
    """Whatever is there is whole; returns how many."""
    bundles = os.path.join(state, "bundles")
    names = os.listdir(bundles) if os.path.isdir(bundles) else []
    for name in names:
        folder = os.path.join(bundles, name)
        with open(os.path.join(folder, "manifest.json"), "rb") as file:
            text = file.read()
        assert hashlib.sha256(text).hexdigest() == name, f"{name} has another manifest"
        listed = {entry["path"]: entry for entry in json.loads(text)["files"]}
        found = {os.path.relpath(os.path.join(base, file), folder) for base, _, files in os.walk(folder) for file in files}
        assert found == set(listed) | {"manifest.json"}, f"{name} has {found}"
        for path, entry in listed.items():
            with open(os.path.join(folder, path), "rb") as file:
                assert hashlib.sha256(file.read()).hexdigest() == entry["sha256"], f"{name}: {path} has other bytes"
    return len(names)


def add(probe, state, archive, inject=None):
    command = traced([probe, "store", state, archive], inject)
    return subprocess.run(command, capture_output=True, text=True, timeout=60)


def after(probe, state, archive, where):
    """The next one, on what the fault left."""
    done = add(probe, state, archive)
    assert done.returncode == 0, f"{where}: the next addition fails: {done.stdout}"
    assert check_bundles(state) == 1, where
    # A reader whose maker was killed lets go of the stage a moment later.
    for _ in range(100):
        if not os.listdir(os.path.join(state, "staging")):
            return
        add(probe, state, archive)
    raise AssertionError(f"{where}: staging is not empty")


def points(probe, work, archive, call, what):
    """Every n-th `call` in turn, until there is no n-th one; yields the run and its state folder."""
    for n in range(1, 1000):
        state = os.path.join(work, f"state-{call}-{n}")
        done = add(probe, state, archive, f"{call}:{what}:when={n}")
        yield n, done, state
        is_past = done.returncode == 0 and done.stdout.endswith("new\n")
        shutil.rmtree(state, ignore_errors=True)
        if is_past and not matters(call, n, done):
            return


def matters(call, n, done):
    # Calls whose failure changes nothing come early (locale files, larger pipes): go on past the first few of them.
    return n < 40 and call in ("openat", "read", "write")


def kill_everywhere(probe, work, archive):
    count = 0
    for call in KILLED_AT:
        for n, done, state in points(probe, work, archive, call, "signal=KILL"):
            where = f"kill at {call} {n}"
            assert done.returncode in (0, 137, -9), f"{where}: status {done.returncode} {done.stdout} {done.stderr}"
            try:
                check_bundles(state)
            except AssertionError as why:
                raise AssertionError(f"{where}: {why}") from why
            after(probe, state, archive, where)
            count += 1
    return count


def fail_everywhere(probe, work, archive):
    count, refused = 0, {call: 0 for call, _ in FAILING}
    for call, code in FAILING:
        for n, done, state in points(probe, work, archive, call, f"error={code}"):
            where = f"{call} {n} fails with {code}"
            assert done.returncode >= 0 and "Sanitizer" not in done.stderr, f"{where}: {done.returncode} {done.stderr}"
            present = check_bundles(state)
            refused[call] += done.returncode != 0
            if done.stdout.startswith("ok"):
                assert present == 1, f"{where}: reported as done, but there is none"
            elif os.path.isdir(os.path.join(state, "staging")) and call != "openat":
                assert not os.listdir(os.path.join(state, "staging")), f"{where}: left in staging"
            if os.path.isdir(state):
                after(probe, state, archive, where)
            count += 1
    assert refused["fsync"] == SYNCED, f"{refused['fsync']} of {SYNCED} failing fsyncs are reported"
    return count


def main():
    probe = sys.argv[1]
    if not has_strace():
        return SKIPPED
    with work_folder("store-kills-") as work:
        make_bundle(os.path.join(work, "bundle"))
        archive = os.path.join(work, "bundle.tar.gz")
        subprocess.run([probe, "pack", os.path.join(work, "bundle"), archive], check=True, capture_output=True)
        killed = kill_everywhere(probe, work, archive)
        failed = fail_everywhere(probe, work, archive)
    print(f"{killed} kills and {failed} failing calls: nothing or a whole bundle each time")
    return 0


if __name__ == "__main__":
    sys.exit(main())

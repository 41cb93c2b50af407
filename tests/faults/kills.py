"""What the tests have in common that kill a program at each of its system calls, or let each of them fail, in turn."""
import contextlib
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

SKIPPED = 77
MEMORY = "/dev/shm"


def has_strace():
    if not shutil.which("strace"):
        print("skipped: no strace")
        return False
    return True


def traced(command, inject=None):
    """The command with "CALL:signal=KILL:when=N" or "CALL:error=EIO:when=N" done to it."""
    if not inject:
        return list(command)
    return ["strace", "-qq", "-o", "/dev/null", "-e", "inject=" + inject, *command]


@contextlib.contextmanager
def work_folder(prefix):
    # In memory where there is such a place: what is tested is the order of calls, not the disk.
    memory = MEMORY if os.access(MEMORY, os.W_OK) else None
    with tempfile.TemporaryDirectory(prefix=prefix, dir=memory) as name:
        yield pathlib.Path(name)


def unshared():
    """Starts this again with mounts of its own, and as their root, where that is allowed."""
    if "SLUICE_KILLS_UNSHARED" in os.environ:
        return True
    command = ["unshare", "-m"] if os.geteuid() == 0 else ["unshare", "-r", "-m"]
    if not shutil.which("unshare") or subprocess.run(command + ["true"], stderr=subprocess.DEVNULL).returncode != 0:
        return False
    os.environ["SLUICE_KILLS_UNSHARED"] = "1"
    os.execvp(command[0], command + [sys.executable, *sys.argv])

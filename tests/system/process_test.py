"""sluiced and sluice as processes: the descriptors they are started with, and signals that do not only drain."""
import os
import signal
import subprocess
import time

import pytest

from conftest import BUILD, MODELS, free_port


def closing(fds, command):
    """The command with these descriptors closed."""
    return ["sh", "-c", 'exec "$@" %s' % " ".join("%d>&-" % fd for fd in fds), "sh", *map(str, command)]


def targets(pid):
    return {int(fd): os.readlink("/proc/%d/fd/%s" % (pid, fd)) for fd in os.listdir("/proc/%d/fd" % pid)}


def wait_listening(process, port):
    """Until the process listens, by the kernel's table: a connection would take a descriptor."""
    end = time.monotonic() + 20
    while time.monotonic() < end:
        assert process.poll() is None, "sluiced ended with %d" % process.returncode
        with open("/proc/net/tcp") as table:
            if any(line.split()[1].endswith(":%04X" % port) and line.split()[3] == "0A" for line in list(table)[1:]):
                return
        time.sleep(0.01)
    raise AssertionError("sluiced does not listen")


@pytest.mark.parametrize("fds", [(2,), (0, 1, 2), (1,)])
def test_closed_standard_descriptors_are_no_sockets(fds, tmp_path):
    port = free_port()
    process = subprocess.Popen(closing(fds, [BUILD / "sluiced", "--bundle", MODELS / "echo", "--port", port,
                                             "--state", tmp_path]), stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    try:
        wait_listening(process, port)
        found = targets(process.pid)
        assert {fd: found.get(fd) for fd in fds} == {fd: "/dev/null" for fd in fds}
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0
    finally:
        process.kill()
        process.communicate()


def test_messages_of_the_tool_do_not_go_into_its_files(tmp_path):
    """Without standard descriptors, an archive that is written would get the number of one."""
    for name, fds in (("open", ()), ("closed", (0, 1, 2))):
        command = [BUILD / "sluice", "pack", MODELS / "echo", "-o", tmp_path / (name + ".tar.gz")]
        subprocess.run(closing(fds, command), stdout=subprocess.DEVNULL, timeout=60, check=True)
    assert (tmp_path / "closed.tar.gz").read_bytes() == (tmp_path / "open.tar.gz").read_bytes()


def test_sigquit_drains_at_once(sluiced):
    server = sluiced(MODELS / "echo", "--drain-timeout-ms", "60000")
    server.stop(signal.SIGQUIT)
    record, = server.wait_records("server.drain")
    assert record["quick"] is True and record["signal"] == signal.SIGQUIT


def test_the_server_links_no_archive_writer():
    """libxml2 stands for it: with it come ICU and libstdc++, 2 MB of every process (packaging/pack_manifest.c)."""
    needed = subprocess.run(["readelf", "-d", str(BUILD / "sluiced")], capture_output=True, text=True, check=True).stdout
    assert "libcurl" in needed and "libxml2" not in needed and "libstdc++" not in needed


@pytest.mark.parametrize("state", ["", "/dev/null", "/proc/nowhere", "/dev/null/below"])
def test_a_state_that_cannot_be_is_named(state):
    """Empty: was read beyond its end."""
    done = subprocess.run([BUILD / "sluiced", "--state", state, "--port", "0"], capture_output=True, text=True, timeout=60)
    assert done.returncode == 64 and "--state or SLUICE_STATE: open the registry in '%s'" % state in done.stderr, done.stderr


def test_ready_tells_the_state(sluiced):
    server = sluiced(None)
    state = server.wait_records("server.ready")[0]["state"]
    assert os.path.isdir(os.path.join(state, "registry"))

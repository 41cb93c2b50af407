"""SIGUSR2: another process of the program takes the clients over; none is lost, whatever becomes of the new one."""
import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import time

import pytest

from conftest import BUILD, MODELS
from service_load import ROWS, Connection, Lost, Service, batch, check, is_running, upgrade_under_load, write_bundle
from service_test import Manager

ECHO = b'{"inputs": [1]}'


@pytest.fixture
def service(tmp_path):
    """service(*options, bundle=, program=): a copy of the program, which tests replace."""
    program, started = tmp_path / "bin" / "sluiced", []
    program.parent.mkdir()
    shutil.copy(BUILD / "sluiced", program)

    def start(*args, bundle=MODELS / "echo", **kw):
        made = Service(tmp_path, BUILD, bundle, *args, program=kw.pop("run", program), **kw)
        made.program = program
        started.append(made)
        return made

    yield start
    for made in started:
        try:
            made.stop()
        finally:
            for pid in {made.pid, made.first.pid} - {None}:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)


def replace(program, text):
    """By a script, in one step, as package managers do."""
    beside = program.with_name("next")
    beside.write_text("#!/bin/sh\n" + text)
    beside.chmod(0o755)
    os.replace(beside, program)


def served(service):
    connection = Connection(service.port)
    connection.send("POST", "/invocations", ECHO)
    found = connection.answer()
    connection.close()
    return found == (200, b'{"predictions":[1]}')


@pytest.mark.parametrize("tls, times", [(False, 4), (True, 2)])
def test_upgrades_under_load_lose_nothing(tmp_path, tls, times):
    """A handful; `tests/faults/service_load.py upgrade 20` runs as many as one likes."""
    asked, lost = upgrade_under_load(tmp_path, BUILD, write_bundle(tmp_path / "bundle"), times, clients=16, tls=tls)
    assert asked > 40 and lost == []


def test_the_file_that_stands_there_now_is_started(service):
    s = service("--rows-max", 7)
    old = s.pid
    shutil.copy(BUILD / "sluiced", s.program.with_name("next"))
    os.replace(s.program.with_name("next"), s.program)
    new = s.upgrade()
    s.wait_gone(old)
    assert s.first.wait(30) == 0
    assert os.stat("/proc/%d/exe" % new).st_ino == s.program.stat().st_ino
    assert open("/proc/%d/cmdline" % new).read().split("\0")[:2] == [str(s.program), "--bundle"]
    assert "--rows-max" in open("/proc/%d/cmdline" % new).read()
    assert served(s)
    assert [r["pid"] for r in s.wait_records("server.ready", 2)] == [old, new]
    s.wait_records("server.predecessor_ended")


def test_a_link_that_moved_is_followed(service, tmp_path):
    for version in ("one", "two"):
        (tmp_path / version).mkdir()
        shutil.copy(BUILD / "sluiced", tmp_path / version)
    (tmp_path / "current").symlink_to("one")
    s = service(run=tmp_path / "current" / "sluiced")
    (tmp_path / "next").symlink_to("two")
    os.replace(tmp_path / "next", tmp_path / "current")
    assert os.readlink("/proc/%d/exe" % s.upgrade()) == str(tmp_path / "two" / "sluiced")


@pytest.mark.parametrize("script, part", [
    ("exit 3\n", "ended with status 3 before it was ready"),
    ("kill -9 $$\n", "ended by signal 9 before it was ready"),
    (None, "start '"),
])
def test_a_program_that_does_not_start_changes_nothing(service, script, part):
    s = service()
    old = s.pid
    if script is None:
        s.program.unlink()
    else:
        replace(s.program, script)
    s.signal(signal.SIGUSR2)
    record = s.wait_records("server.upgrade_failed")[0]
    assert record["level"] == "error" and part in record["error"] and str(s.program) in record["error"]
    assert s.pid == old and served(s)
    # And the next attempt works.
    shutil.copy(BUILD / "sluiced", s.program.with_name("next"))
    os.replace(s.program.with_name("next"), s.program)
    assert s.upgrade() != old and served(s)


def test_one_that_is_not_ready_in_time_is_killed(service, tmp_path):
    s = service("--upgrade-timeout-ms", 200)
    replace(s.program, "echo $$ > %s\nexec sleep 600\n" % (tmp_path / "slow"))
    old = s.pid
    s.signal(signal.SIGUSR2)
    assert "--upgrade-timeout-ms" in s.wait_records("server.upgrade_failed")[0]["error"]
    assert not is_running(int((tmp_path / "slow").read_text()))
    assert s.pid == old and served(s)


def test_an_end_ends_the_one_that_was_started_too(service, tmp_path):
    s = service()
    replace(s.program, "echo $$ > %s\nexec sleep 600\n" % (tmp_path / "slow"))
    s.signal(signal.SIGUSR2)
    while not (tmp_path / "slow").exists() or not (tmp_path / "slow").read_text():
        assert s.first.poll() is None
    s.signal(signal.SIGUSR2)
    assert "not ready yet" in s.wait_records("server.upgrade_failed")[0]["error"]
    s.signal(signal.SIGTERM)
    assert s.first.wait(30) == 0
    assert not is_running(int((tmp_path / "slow").read_text()))
    assert not s.pid_file.exists()


def test_only_what_is_handed_over_is_open_in_the_new_process(service, tmp_path):
    s = service(bundle=write_bundle(tmp_path / "bundle"))
    connection = Connection(s.port)
    connection.send("GET", "/api/2.0/mlflow/registered-models/search?max_results=1")
    assert connection.answer()[0] == 200, "the registry's files are open"
    assert any("registry" in os.readlink(entry.path) for entry in os.scandir("/proc/%d/fd" % s.pid))
    replace(s.program, "cd %s; env > environment; exec > open; ls -l /proc/$$/fd; exec grep '^Sig' /proc/self/status > signals\n"
            % tmp_path)
    s.signal(signal.SIGUSR2)
    s.wait_records("server.upgrade_failed")
    connection.close()
    found = dict(line.split()[8:11:2] for line in (tmp_path / "open").read_text().splitlines() if "->" in line)
    own = {fd for fd, target in found.items() if target.endswith("/bin/sluiced")}
    assert set(found) - own == {"0", "1", "2", "3", "4"}
    assert found["3"].startswith("socket:") and found["4"].startswith("socket:")
    environment = (tmp_path / "environment").read_text().splitlines()
    assert "SLUICED_HANDOVER=own" in environment and not any(line.startswith("LISTEN_") for line in environment)
    signals = dict(line.split() for line in (tmp_path / "signals").read_text().splitlines() if "SigQ" not in line)
    with open("/proc/self/status") as ours:
        mask = next(line.split()[1] for line in ours if line.startswith("SigBlk"))
    assert signals["SigBlk:"] == mask and int(signals["SigIgn:"], 16) & 1 << (signal.SIGPIPE - 1) == 0


def test_another_address_needs_a_restart(service, tmp_path):
    config = tmp_path / "sluiced.yaml"
    config.write_text("{}\n")
    s = service("--config", config)
    command = s.first.args
    # What would come from the file is on the command line of this test: so the host changes, by the file.
    config.write_text("host: 127.0.0.2\n")
    s.signal(signal.SIGUSR2)
    assert "status 64" in s.wait_records("server.upgrade_failed")[0]["error"]
    assert "another address needs a restart" in s.log
    assert served(s) and command[0] == str(s.program)


def test_a_stream_ends_in_the_process_where_it_began(service, tmp_path):
    """And upgrades do not wait for one another: processes end in the order of their chain."""
    slow = tmp_path / "slow"
    write_bundle(slow)
    text = (slow / "config.yaml").read_text()
    (slow / "config.yaml").write_text(text.replace("x<500", "x<50000"))
    s = service("--rows-in-flight", 1, "--drain-timeout-ms", 120000, bundle=slow)
    first = s.pid
    connection = Connection(s.port)
    connection.send("POST", "/invocations", batch(ROWS))
    assert connection.file.readline() == b"HTTP/1.1 200 OK\r\n"
    second = s.upgrade()
    third = s.upgrade()
    assert is_running(first) and is_running(second) and is_running(third)
    while connection.file.readline() != b"\r\n":
        pass
    assert json.loads(connection.chunks()) == {"predictions": [{"answer": 50000, "error": None}] * ROWS}
    connection.close()
    s.wait_gone(first)
    s.wait_gone(second)
    s.wait_records("server.predecessor_ended", 2)
    assert s.pid == third


def test_a_process_that_hands_over_stays_ready(service):
    """A load balancer must not look away: the service is there."""
    s = service()
    connection = Connection(s.port)
    connection.send("GET", "/ready")
    assert connection.answer()[0] == 200 and not connection.is_closing
    s.upgrade()
    while not connection.is_closing:
        connection.send("GET", "/ready")
        assert connection.answer() == (200, b'{"ready":true,"reasons":[]}')
    connection.close()


def test_requests_that_are_half_sent_are_answered(service):
    s = service()
    connection = Connection(s.port)
    head = "POST /invocations HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(ECHO)
    connection.socket.sendall(head.encode() + ECHO[:3])
    old = s.pid
    s.upgrade()
    assert is_running(old)
    connection.socket.sendall(ECHO[3:])
    assert connection.answer() == (200, b'{"predictions":[1]}')
    connection.close()
    s.wait_gone(old)


def test_the_manager_hears_of_the_new_process(service, tmp_path, monkeypatch):
    manager = Manager(str(tmp_path / "notify"))
    monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
    s = service()
    old = s.pid
    assert manager.hear() == ("READY=1", old)
    new = s.upgrade()
    assert manager.hear() == ("MAINPID=%d" % new, old)
    assert manager.hear() == ("READY=1", new)
    s.stop()
    assert manager.hear() == ("STOPPING=1", new)
    manager.socket.close()


def test_an_upgrade_of_an_activated_service_keeps_the_managers_socket(service, tmp_path):
    """The socket stays the manager's: the end of the last process resets nobody who waits in the queue."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen(64)
        port, pid_file = listening.getsockname()[1], tmp_path / "activated.pid"
        launcher = "import os, sys\nos.dup2(%d, 3)\nos.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS='1')\n" \
                   "os.execv(sys.argv[1], sys.argv[1:])" % listening.fileno()
        with open(tmp_path / "log", "wb") as log:
            first = subprocess.Popen(["python3", "-c", launcher, BUILD / "sluiced", "--bundle", MODELS / "echo", "--state", tmp_path,
                                      "--pid-file", pid_file], stdout=log, stderr=log, pass_fds=[listening.fileno()])
        end = time.monotonic() + 20
        while not pid_file.exists():
            assert time.monotonic() < end, (tmp_path / "log").read_text()
        first.send_signal(signal.SIGUSR2)
        assert first.wait(30) == 0, (tmp_path / "log").read_text()
        new = int(pid_file.read_text())
        assert new != first.pid
        connection = Connection(port)
        connection.send("POST", "/invocations", ECHO)
        assert connection.answer()[0] == 200
        connection.close()
        os.kill(new, signal.SIGTERM)
        while is_running(new):
            assert time.monotonic() < end + 30
        waiting = Connection(port)
        with pytest.raises((Lost, TimeoutError)):
            waiting.socket.settimeout(0.2)
            waiting.send("GET", "/ping")
            waiting.answer()
        waiting.close()


def test_the_variable_alone_makes_no_successor(tmp_path):
    done = subprocess.run([BUILD / "sluiced", "--bundle", MODELS / "echo", "--port", "0", "--state", tmp_path],
                          env={**os.environ, "SLUICED_HANDOVER": "own"}, capture_output=True, text=True, timeout=60)
    assert done.returncode == 64 and "no sluiced started this one" in done.stderr, done.stderr


def test_check_notices_another_answer():
    with pytest.raises(Lost):
        check(200, b'{"predictions": []}', 1)

"""sluiced as a service: readiness, the delay before a drain, a service manager's messages and sockets, the pid file, the units."""
import configparser
import contextlib
import http.client
import json
import os
import shutil
import signal
import socket
import struct
import subprocess
import sys
import time

import pytest

from conftest import BUILD, MODELS, ROOT, free_port
from service_load import write_bundle, drain_under_load


def ready(server):
    """-> status, decoded JSON"""
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)
    connection.request("GET", "/ready")
    answer = connection.getresponse()
    said = json.load(answer)
    connection.close()
    return answer.status, said


def test_live_and_ready(sluiced):
    server = sluiced(MODELS / "echo")
    assert json.loads(server.get("/live")) == {"live": True}
    assert ready(server) == (200, {"ready": True, "reasons": []})


def test_a_delay_says_not_ready_and_serves_on(sluiced):
    server = sluiced(MODELS / "echo", "--drain-delay-ms", 60000)
    server.process.send_signal(signal.SIGTERM)
    server.wait_records("server.leaving")
    assert ready(server) == (503, {"ready": False, "reasons": ["draining"]})
    assert server.post({"inputs": [1]}) == (200, {"predictions": [1]})
    assert server.get("/live")
    started = time.monotonic()
    server.stop(signal.SIGTERM)
    assert time.monotonic() - started < 20, "a second signal skips the delay"
    assert [(r["signal"], r["quick"]) for r in server.records("server.drain")] == [(signal.SIGTERM, False)]


def test_a_delay_ends_by_itself(sluiced):
    server = sluiced(MODELS / "echo", "--drain-delay-ms", 300)
    started = time.monotonic()
    server.stop(signal.SIGINT)
    assert time.monotonic() - started >= 0.3
    assert [r["delay_ms"] for r in server.records("server.leaving")] == [300]
    assert [(r["signal"], r["quick"]) for r in server.records("server.drain")] == [(signal.SIGINT, False)]


def test_sigquit_knows_no_delay(sluiced):
    server = sluiced(MODELS / "echo", "--drain-delay-ms", 60000)
    server.stop(signal.SIGQUIT)
    assert not server.records("server.leaving")


@pytest.mark.parametrize("tls", [False, True])
def test_drains_under_load_lose_nothing(tmp_path, tls):
    """A handful; `tests/faults/service_load.py drain 100` runs as many as one likes."""
    bundle = write_bundle(tmp_path / "bundle")
    for _ in range(2):
        asked, lost = drain_under_load(tmp_path, BUILD, bundle, clients=8, tls=tls)
        assert asked > 40 and lost == []


class Manager:
    """The end of NOTIFY_SOCKET; messages come with the number of their sender."""

    def __init__(self, address):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
        self.socket.settimeout(30)
        self.socket.bind(address)

    def hear(self):
        text, extra, _, _ = self.socket.recvmsg(4096, socket.CMSG_SPACE(12))
        pid, _, _ = struct.unpack("3i", extra[0][2])
        return text.decode(), pid


@pytest.fixture(params=["file", "abstract"])
def manager(request, tmp_path):
    name = str(tmp_path / "notify") if request.param == "file" else "@sluice-test-%d" % os.getpid()
    made = Manager(name.replace("@", "\0"))
    made.name = name
    yield made
    made.socket.close()


def test_a_service_manager_is_told(sluiced, manager):
    server = sluiced(MODELS / "echo", env={"NOTIFY_SOCKET": manager.name})
    pid = server.process.pid
    assert manager.hear() == ("READY=1", pid)
    before_us = time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000
    server.process.send_signal(signal.SIGHUP)
    text, sender = manager.hear()
    name, _, moment = text.partition("\nMONOTONIC_USEC=")
    assert (name, sender) == ("RELOADING=1", pid)
    assert before_us <= int(moment) <= time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000
    assert manager.hear() == ("READY=1", pid)
    server.stop()
    assert manager.hear() == ("STOPPING=1", pid)


def test_a_manager_that_does_not_listen_is_no_reason_to_fail(sluiced, tmp_path):
    server = sluiced(MODELS / "echo", env={"NOTIFY_SOCKET": str(tmp_path / "nobody")})
    assert "nobody" in server.wait_records("server.notify")[0]["error"]
    assert server.get("/ping") is not None


LAUNCHER = """
import json, os, sys
import fcntl
fds = [fcntl.fcntl(fd, fcntl.F_DUPFD, 64) for fd in json.loads(sys.argv[2])]
for at, fd in enumerate(fds):
    os.dup2(fd, 3 + at)
os.closerange(3 + len(fds), 256)
os.environ["LISTEN_PID"] = str(os.getpid()) if sys.argv[1] == "own" else sys.argv[1]
os.execv(sys.argv[3], sys.argv[3:])
"""


class Activated:
    """What systemd-socket-activate does: holds listening sockets, and starts the program with them from descriptor 3 on."""

    def __init__(self, folder, *sockets, names=None, pid="own"):
        self.folder, self.sockets = folder, sockets
        self.pid = pid
        self.env = {**os.environ, "LISTEN_FDS": str(len(sockets)), **({"LISTEN_FDNAMES": names} if names else {})}

    def start(self, *args):
        fds = [s.fileno() for s in self.sockets]
        with open(self.folder / "log", "ab") as log:
            return subprocess.Popen([sys.executable, "-c", LAUNCHER, self.pid, json.dumps(fds), BUILD / "sluiced", "--bundle",
                                     MODELS / "echo", "--state", self.folder, *args],
                                    env=self.env, stdout=log, stderr=log, pass_fds=fds)

    @property
    def log(self):
        return (self.folder / "log").read_text()


def listening(kind=socket.SOCK_STREAM):
    s = socket.socket(socket.AF_INET, kind)
    s.bind(("127.0.0.1", 0))
    if kind == socket.SOCK_STREAM:
        s.listen(64)
    return s


def ping(s):
    connection = socket.create_connection(s.getsockname(), 10)
    connection.sendall(b"GET /ping HTTP/1.1\r\nHost: t\r\nConnection: close\r\n\r\n")
    return connection


def answer_of(connection):
    with connection:
        connection.settimeout(20)
        return connection.makefile("rb").read()


def end(process):
    process.send_signal(signal.SIGTERM)
    assert process.wait(30) == 0


def test_sockets_of_an_activation_outlive_the_process(tmp_path):
    with listening() as s:
        activated = Activated(tmp_path, s)
        early = ping(s)
        process = activated.start()
        assert answer_of(early).startswith(b"HTTP/1.1 200 ")
        assert answer_of(ping(s)).startswith(b"HTTP/1.1 200 ")
        end(process)
        between = ping(s)
        process = activated.start()
        assert answer_of(between).startswith(b"HTTP/1.1 200 "), "what came between two processes waited"
        end(process)
        urls = [json.loads(line)["url"] for line in activated.log.splitlines() if "server.ready" in line]
        assert urls == ["http://127.0.0.1:%d" % s.getsockname()[1]] * 2


def test_of_several_sockets_the_named_one_is_served(tmp_path):
    with listening() as other, listening() as s:
        process = Activated(tmp_path, other, s, names="admin:http").start()
        assert answer_of(ping(s)).startswith(b"HTTP/1.1 200 ")
        end(process)


@pytest.mark.parametrize("kinds, names, part", [
    ([socket.SOCK_STREAM] * 2, None, "FileDescriptorName=http"),
    ([socket.SOCK_DGRAM], None, "no listening TCP socket"),
])
def test_sockets_that_cannot_be_served_are_refused(tmp_path, kinds, names, part):
    with contextlib.ExitStack() as stack:
        activated = Activated(tmp_path, *[stack.enter_context(listening(kind)) for kind in kinds], names=names)
        assert activated.start().wait(30) == 64
        assert part in activated.log


def test_sockets_for_another_process_are_not_taken(tmp_path):
    port = free_port()
    with listening() as s:
        process = Activated(tmp_path, s, pid="1").start("--port", str(port))
        end_at = time.monotonic() + 20
        while '"server.ready"' not in (activated_log := (tmp_path / "log").read_text()):
            assert time.monotonic() < end_at and process.poll() is None, activated_log
            time.sleep(0.01)
        assert '"url":"http://127.0.0.1:%d"' % port in activated_log
        end(process)


@pytest.mark.skipif(shutil.which("systemd-socket-activate") is None, reason="systemd is not installed")
def test_systemds_own_activation(tmp_path):
    port = free_port()
    with open(tmp_path / "log", "wb") as log:
        process = subprocess.Popen(["systemd-socket-activate", "-l", "127.0.0.1:%d" % port, "--fdname=http", BUILD / "sluiced",
                                    "--bundle", MODELS / "echo", "--state", tmp_path], stdout=log, stderr=log)
    try:
        end_at = time.monotonic() + 20
        while True:
            with contextlib.suppress(OSError):
                s = socket.create_connection(("127.0.0.1", port), 10)
                break
            assert time.monotonic() < end_at, (tmp_path / "log").read_text()
            time.sleep(0.01)
        s.sendall(b"GET /ready HTTP/1.1\r\nHost: t\r\nConnection: close\r\n\r\n")
        assert answer_of(s).startswith(b"HTTP/1.1 200 ")
    finally:
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0


def test_a_pid_file_is_there_while_the_process_serves(sluiced, tmp_path):
    path = tmp_path / "sluiced.pid"
    path.write_text("1\n")
    server = sluiced(MODELS / "echo", "--pid-file", path)
    server.wait_records("server.ready")
    assert path.read_text() == "%d\n" % server.process.pid
    server.stop()
    assert not path.exists()
    assert list(tmp_path.glob("sluiced.pid*")) == []


def test_a_pid_file_of_somebody_else_is_left(sluiced, tmp_path):
    path = tmp_path / "sluiced.pid"
    server = sluiced(MODELS / "echo", "--pid-file", path)
    server.wait_records("server.ready")
    path.write_text("1\n")
    server.stop()
    assert path.read_text() == "1\n"


def test_a_pid_file_that_cannot_be_written_ends_the_start(tmp_path):
    done = subprocess.run([BUILD / "sluiced", "--bundle", MODELS / "echo", "--port", "0", "--state", tmp_path, "--pid-file",
                           tmp_path / "no" / "file"], capture_output=True, text=True, timeout=60)
    assert done.returncode == 64 and "--pid-file" in done.stderr, done.stderr


def unit(name):
    parser = configparser.RawConfigParser(strict=False)
    parser.optionxform = str
    parser.read_string((ROOT / "service" / name).read_text())
    return {section: dict(parser[section]) for section in parser.sections()}


def test_the_units_say_what_is_wanted():
    service = unit("sluiced.service.in")["Service"]
    assert {name: service[name] for name in ("Type", "NotifyAccess", "ExecReload", "KillMode")} == {
        "Type": "notify", "NotifyAccess": "main", "ExecReload": "kill -HUP $MAINPID", "KillMode": "control-group"}
    hardening = {"NoNewPrivileges": "true", "ProtectSystem": "strict", "PrivateTmp": "true", "PrivateDevices": "true",
                 "RestrictAddressFamilies": "AF_INET AF_INET6 AF_UNIX", "SystemCallFilter": "@system-service seccomp",
                 "MemoryDenyWriteExecute": "true", "CapabilityBoundingSet": "", "LimitCORE": "0", "UMask": "0077"}
    assert {name: service[name] for name in hardening} == hardening
    # What stop waits for, and 5 s.
    assert int(service["TimeoutStopSec"]) * 1000 >= 30000 + 5000
    assert unit("sluiced.socket")["Socket"]["FileDescriptorName"] == "http"


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd is not installed")
def test_systemd_takes_the_units(tmp_path):
    text = (ROOT / "service" / "sluiced.service.in").read_text()
    for name in ("BINDIR", "DOCDIR"):
        text = text.replace("@CMAKE_INSTALL_FULL_%s@" % name, str(BUILD))
    (tmp_path / "sluiced.service").write_text(text)
    shutil.copy(ROOT / "service" / "sluiced.socket", tmp_path)
    done = subprocess.run(["systemd-analyze", "verify", tmp_path / "sluiced.service", tmp_path / "sluiced.socket"],
                          capture_output=True, text=True, timeout=60)
    assert done.returncode == 0 and "sluiced" not in done.stderr, done.stderr


def test_install_puts_everything_in_its_place(tmp_path):
    done = subprocess.run(["cmake", "--install", BUILD, "--prefix", tmp_path], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    for name in ("bin/sluiced", "bin/sluice", "lib/systemd/system/sluiced.socket", "lib/sysusers.d/sluice.conf",
                 "share/man/man1/sluice.1"):
        assert (tmp_path / name).is_file(), name
    assert "ExecStart=%s/bin/sluiced " % tmp_path in (tmp_path / "lib/systemd/system/sluiced.service").read_text()

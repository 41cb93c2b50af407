"""Runs http_test_server, the program with nothing behind the HTTP front end, and speaks to it over raw sockets."""
import contextlib
import json
import os
import signal
import socket
import ssl
import struct
import subprocess
import time

from conftest import BUILD

GET = b"GET %s HTTP/1.1\r\nHost: t\r\n\r\n"
MARKS = ("ERROR: AddressSanitizer", "ERROR: LeakSanitizer", "runtime error:", "WARNING: ThreadSanitizer")
PROGRAM = BUILD / "tests" / "http_test_server"
# Sanitizers keep freed memory back, so memory limits are only meant for what users run.
IS_SANITIZED = PROGRAM.exists() and any(mark in PROGRAM.read_bytes() for mark in (b"__asan_init", b"__tsan_init"))


class HttpServer:
    def __init__(self, folder, limits=None, tls=False, nofile=None, drain_ms=5000, workers=1, piece=0,
                 client_ca=None, client_optional=False):
        self.errors = folder / "stderr"
        command = [str(PROGRAM), "-d", str(drain_ms), "-w", str(workers)]
        if piece:
            command += ["-s", str(piece)]
        for name, value in (limits or {}).items():
            command += ["-l", "%s=%d" % (name.replace("_", "-"), value)]
        self.tls = tls
        if tls:
            command += ["-c", str(folder / "cert.pem"), "-k", str(folder / "key.pem")]
            subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                            "-keyout", str(folder / "key.pem"), "-out", str(folder / "cert.pem"), "-days", "2",
                            "-subj", "/CN=localhost"], check=True, capture_output=True)
        if client_ca:
            command += ["-a", str(client_ca)] + (["-o"] if client_optional else [])
        if nofile:
            command = ["prlimit", "--nofile=%d" % nofile, *command]
        with open(self.errors, "wb") as errors:
            self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=errors)
        line = self.process.stdout.readline().split()
        assert line[:1] == [b"port"], self.errors.read_text()
        self.port = int(line[1])

    def connect(self, plain=False, timeout=10, rcvbuf=None):
        s = socket.socket()
        if rcvbuf:
            s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, rcvbuf)
        s.settimeout(timeout)
        s.connect(("127.0.0.1", self.port))
        if self.tls and not plain:
            context = ssl.create_default_context()
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
            s = context.wrap_socket(s)
        return s

    def ask(self, request):
        """Sends bytes on a connection of their own, reads until the server closes or a whole answer is there."""
        with self.connect() as s:
            s.sendall(request)
            return read_answer(s)

    def stats(self):
        return json.loads(self.ask(GET % b"/stats")[1])

    def wait_stats(self, wanted, seconds=20):
        """Waits until wanted(stats); returns the seconds that took."""
        start = time.monotonic()
        while time.monotonic() < start + seconds:
            stats = self.stats()
            if wanted(stats):
                return time.monotonic() - start
            time.sleep(0.02)
        raise AssertionError("not within %g s: %s" % (seconds, stats))

    def rss_kib(self):
        with open("/proc/%d/status" % self.process.pid) as status:
            return next(int(line.split()[1]) for line in status if line.startswith("VmRSS"))

    def cpu_seconds(self):
        with open("/proc/%d/stat" % self.process.pid) as stat:
            fields = stat.read().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def term(self):
        self.process.send_signal(signal.SIGTERM)

    def wait(self, seconds=20):
        try:
            code = self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise AssertionError("the server did not end")
        said = self.errors.read_text("utf-8", "replace")
        assert not any(mark in said for mark in MARKS), said[-6000:]
        assert code == 0, "ended with %d: %s" % (code, said[-3000:])

    def stop(self):
        if self.process.returncode is None:
            self.term()
            self.wait()
        self.process.stdout.close()


def read_answer(s):
    """-> status, body; by Content-Length, chunks or the end of the connection. Interim answers are skipped."""
    with s.makefile("rb") as stream:
        while True:
            line = stream.readline()
            if not line:
                return None, b""
            status, headers = int(line.split()[1]), {}
            while (line := stream.readline().strip()):
                name, _, value = line.partition(b":")
                headers[name.lower()] = value.strip()
            if status >= 200:
                break
        if b"content-length" in headers:
            return status, stream.read(int(headers[b"content-length"]))
        body = []
        if headers.get(b"transfer-encoding") == b"chunked":
            while True:
                size = stream.readline()
                if not size.endswith(b"\r\n"):
                    raise EOFError("cut")
                data = stream.read(int(size, 16) + 2)
                if size.strip(b"0\r\n") == b"":
                    return status, b"".join(body)
                body.append(data[:-2])
        return status, stream.read()


def reset(s):
    s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    s.close()


def closed_within(s, seconds):
    """Reads until the server ends the connection; returns what came, fails when it does not end in time."""
    end, got = time.monotonic() + seconds, b""
    with contextlib.suppress(ConnectionError, ssl.SSLError):
        while True:
            s.settimeout(max(end - time.monotonic(), 0.01))
            try:
                data = s.recv(65536)
            except TimeoutError:
                raise AssertionError("still open after %g s, got %r" % (seconds, got[:200]))
            if not data:
                break
            got += data
    return got

"""SIGTERM loses no accepted request: every connection that sent a whole request gets its whole answer."""
import contextlib
import http.client
import json
import signal
import socket
import sqlite3
import threading
import time

from conftest import BUILD, MODELS, column

BODY = json.dumps({"dataframe_records": [{"question": "Q3?"}]})


class Client(threading.Thread):
    """Posts on one kept connection, reconnecting when told to close, until the server refuses connections."""

    def __init__(self, port):
        super().__init__(daemon=True)
        self.port, self.ok, self.lost = port, 0, []

    def run(self):
        while True:
            connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
            try:
                connection.connect()
            except OSError:
                return
            if not self.use(connection):
                return

    def use(self, connection):
        """Until the connection ends. Who got a connection gets an answer to the first request on it."""
        first = True
        while True:
            try:
                connection.request("POST", "/invocations", BODY, {"Content-Type": "application/json"})
                answer = connection.getresponse()
                answer.read()
            except (OSError, http.client.HTTPException) as broken:
                # RFC 9112 9.6: a kept connection may be closed while idle, before any byte of the answer.
                if first or not isinstance(broken, (http.client.RemoteDisconnected, ConnectionError)):
                    self.lost.append(repr(broken))
                return True
            if answer.status != 200:
                self.lost.append(answer.status)
            self.ok += 1
            first = False
            if answer.getheader("Connection") == "close":
                connection.close()
                return True


def test_drain_under_load_loses_nothing(sluiced):
    for _ in range(5):
        server = sluiced(MODELS / "slides")
        started = time.monotonic()
        clients = [Client(server.port) for _ in range(12)]
        for client in clients:
            client.start()
        while not all(c.ok >= 10 for c in clients):
            assert time.monotonic() < started + 30
            time.sleep(0.01)
        server.stop(signal.SIGTERM)
        for client in clients:
            client.join(30)
            assert not client.is_alive()
        assert [loss for c in clients for loss in c.lost] == []


def test_a_request_that_is_half_sent_at_sigterm_is_answered(sluiced):
    server = sluiced(MODELS / "slides", "--drain-timeout-ms", 60000)
    with socket.create_connection(("127.0.0.1", server.port)) as s:
        head = "POST /invocations HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(BODY)
        s.sendall(head.encode() + BODY[:10].encode())
        server.wait_metric("sluice_http_connections_open 2")
        server.process.send_signal(signal.SIGTERM)
        server.wait_records("server.drain")
        s.sendall(BODY[10:].encode())
        s.settimeout(20)
        answer = b""
        while True:
            data = s.recv(65536)
            if not data:
                break
            answer += data
    assert answer.startswith(b"HTTP/1.1 200 ") and b"connection: close" in answer.lower()
    server.stop()


def test_an_idle_server_ends_at_once(sluiced):
    server = sluiced(MODELS / "slides", "--drain-timeout-ms", 60000)
    idle = [socket.create_connection(("127.0.0.1", server.port)) for _ in range(3)]
    server.stop(signal.SIGINT)
    assert server.drain_seconds() < 10, "only what works is waited for"
    for s in idle:
        s.close()


def test_two_signals_close_together_end_every_worker(sluiced):
    for first, second in [(signal.SIGTERM, signal.SIGINT), (signal.SIGINT, signal.SIGTERM)] * 5:
        server = sluiced(MODELS / "slides", "--workers", 4)
        with socket.create_connection(("127.0.0.1", server.port)):
            server.process.send_signal(first)
            server.process.send_signal(second)
            assert server.process.wait(10) == 0, server.log
        assert [r["quick"] for r in server.wait_records("server.drain", 2)] == [False, True]


# Minutes of work: few instructions, each on megabytes.
HEAVY = ("WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x+1 FROM c WHERE x<100000) "
         "SELECT sum(length(hex(zeroblob(2000000+x)))) FROM c")


def start_statement(sluiced, make_bundle, statement, *args, database=None, **kw):
    """A server with one request in flight, whose statement runs."""
    config = """
version: 1
%s
tools:
  - {name: work, sql: {%sstatement: "%s", result: value, timeout_ms: 600000}}
steps:
  - {name: done, tool: work}
outputs: {answer: done}
""" % ("data: {words: {sqlite: data/words.db}}" if database else "", "data: words, " if database else "", statement)
    files = {"data/words.db": database} if database else None
    server = sluiced(make_bundle(config, [column("question")], [column("answer", "long")], files=files),
                     "--request-timeout-ms", 600000, *args, **kw)
    s = socket.create_connection(("127.0.0.1", server.port))
    head = "POST /invocations HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(BODY)
    s.sendall(head.encode() + BODY.encode())
    server.wait_metric("sluice_http_requests_active 2")
    return server, s


def test_a_statement_that_runs_ends_before_what_it_uses(sluiced, make_bundle):
    for _ in range(3):
        server, s = start_statement(sluiced, make_bundle, HEAVY)
        server.process.send_signal(signal.SIGTERM)
        server.wait_records("server.drain")
        server.stop(signal.SIGTERM)
        assert server.drain_seconds() < 20, "interrupted, not waited for"
        s.close()


def large_database(folder):
    with contextlib.closing(sqlite3.connect(folder / "words.db")) as db:
        db.execute("CREATE TABLE t(x)")
        db.executemany("INSERT INTO t VALUES (?)", [("a" * 4000,)] * 200)
        db.commit()
    return (folder / "words.db").read_bytes()


def test_a_drain_that_cannot_end_ends_the_process(sluiced, make_bundle, tmp_path):
    """A disk that does not answer any more: from its 50th read of the database on, a thread waits."""
    program = tmp_path / "stuck"
    program.write_text('#!/bin/sh\nexec strace -D -f -qq -o "%s" -e trace=pread64 -e inject=pread64:delay_enter=12s:when=50 '
                       '"%s" "$@"\n' % (tmp_path / "trace", BUILD / "sluiced"))
    program.chmod(0o755)
    server, s = start_statement(sluiced, make_bundle, "SELECT sum(length(x)) FROM t", "--drain-timeout-ms", 100,
                                database=large_database(tmp_path), program=program)
    started = time.monotonic()
    server.stop(signal.SIGTERM, expect=75)
    assert time.monotonic() - started > 5
    (stuck,) = server.records("server.stuck")
    assert stuck["level"] == "error" and "did not end" in stuck["error"]
    s.close()

"""Clients that leave at every point, half-closes, cut streams, and drains."""
import contextlib
import http.client
import select
import socket
import threading
import time

import pytest
from http_server import GET, HttpServer, closed_within, read_answer, reset


@pytest.fixture
def server(tmp_path):
    started = []

    def start(*args, **kw):
        started.append(HttpServer(tmp_path, *args, **kw))
        return started[-1]

    yield start
    for one in started:
        one.stop()


LEAVE = {"close": lambda s: s.close(), "reset": reset}


@pytest.mark.parametrize("tls", [False, True])
@pytest.mark.parametrize("leave", LEAVE)
@pytest.mark.parametrize("path", [b"/slow?ms=20000", b"/endless?ms=50", b"/endless?ms=20000"])
def test_work_ends_with_its_client(server, tls, leave, path):
    s = server(tls=tls)
    client = s.connect()
    client.sendall(GET % path)
    s.wait_stats(lambda stats: stats["active"] == 2)
    LEAVE[leave](client)
    assert s.wait_stats(lambda stats: stats["active"] == 1) < 10, "not at its own end, after 20 s"
    assert s.stats()["gone"] == 1


def test_leaving_is_noticed_behind_much_read_ahead(server):
    s = server()
    client = s.connect()
    client.sendall(GET % b"/slow?ms=20000" + (GET % b"/ping") * 3000)
    time.sleep(0.2)  # for the server to read ahead as far as it wants, which no one can see
    reset(client)
    assert s.wait_stats(lambda stats: stats["gone"] == 1) < 10
    client = s.connect()
    client.sendall(GET % b"/slow?ms=20000" + (GET % b"/ping") * 300)
    time.sleep(0.2)
    client.close()
    assert s.wait_stats(lambda stats: stats["gone"] == 2) < 10


@pytest.mark.parametrize("path, wanted", [(b"/slow?ms=700", b"slow\n"), (b"/stream?bytes=3000000", None),
                                          (b"/ping", b"{}")])
def test_a_half_closed_client_gets_its_answers(server, path, wanted):
    s = server()
    with s.connect() as client:
        client.sendall(GET % path)
        client.shutdown(socket.SHUT_WR)
        status, body = read_answer(client)
        assert status == 200
        assert body == wanted or len(body) == 3000000
        assert closed_within(client, 10) == b""
    assert s.stats()["gone"] == 0


def test_leaving_at_every_byte_harms_nothing(server):
    s = server()
    request = b"POST /echo HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabcde\r\n0\r\n\r\n"
    for at in range(len(request) + 1):
        for leave in LEAVE.values():
            client = s.connect()
            client.sendall(request[:at])
            leave(client)
    s.wait_stats(lambda stats: stats["open"] == 1 and stats["active"] == 1)


def test_a_cut_stream_is_seen_as_cut(server):
    s = server()
    client = http.client.HTTPConnection("127.0.0.1", s.port, timeout=20)
    client.request("GET", "/cut")
    answer = client.getresponse()
    with pytest.raises(http.client.IncompleteRead):
        answer.read()
    client.close()
    with s.connect() as old, pytest.raises(ConnectionResetError):
        old.sendall(b"GET /cut HTTP/1.0\r\n\r\n")
        while old.recv(1000):
            pass


def test_streams_to_old_clients_end_with_the_connection(server):
    s = server()
    with s.connect() as client:
        client.sendall(b"GET /stream?bytes=100000 HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
        got = closed_within(client, 20)
    head, _, body = got.partition(b"\r\n\r\n")
    assert b"chunked" not in head and b"Connection: close" in head
    assert len(body) == 100000


def test_head_has_no_body(server):
    s = server()
    with s.connect() as client:
        client.sendall(b"HEAD /ping HTTP/1.1\r\nHost: t\r\n\r\n" + GET % b"/ping")
        first = client.recv(1 << 16)
        while first.count(b"HTTP/1.1 200") < 2:
            first += client.recv(1 << 16)
        assert first.split(b"HTTP/1.1 200 OK\r\n")[1].endswith(b"\r\n\r\n")


class Busy(threading.Thread):
    """One request after the other on a kept connection until it is told to go."""

    def __init__(self, port):
        super().__init__(daemon=True)
        self.port, self.answers, self.lost = port, 0, None

    def run(self):
        client = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        while self.lost is None:
            try:
                client.request("POST", "/echo", b"x" * 2000)
                answer = client.getresponse()
                if answer.read() != b"x" * 2000:
                    self.lost = "body"
            except (OSError, http.client.HTTPException) as broken:
                self.lost = repr(broken)
                return
            self.answers += 1
            if answer.getheader("Connection") == "close":
                client.close()
                return


@pytest.mark.parametrize("workers", [1, 3])
def test_drain_loses_nothing(server, workers):
    for _ in range(5):
        s = server(workers=workers, drain_ms=60000)
        busy = [Busy(s.port) for _ in range(16)]
        for one in busy:
            one.start()
        end = time.monotonic() + 20
        while min(one.answers for one in busy) == 0 and time.monotonic() < end:
            time.sleep(0.01)
        s.term()
        for one in busy:
            one.join(20)
        s.wait()
        assert [one.lost for one in busy] == [None] * 16
        assert min(one.answers for one in busy) > 0


def test_drain_answers_what_waits_in_the_queue(server):
    s = server()
    late = [s.connect() for _ in range(50)]
    s.term()
    for client in late:
        client.sendall(GET % b"/ping")
    for client in late:
        assert read_answer(client)[0] == 200
        client.close()
    # The signal may reach the server behind the answers; soon it must refuse.
    end = time.monotonic() + 10
    with contextlib.suppress(ConnectionRefusedError):
        while time.monotonic() < end:
            s.connect().close()
    assert time.monotonic() < end
    s.wait()


def test_threads_share_the_connections(server):
    s = server(workers=2)
    for _ in range(3):
        crowd = [s.connect() for _ in range(50)]
        for client in crowd:
            client.sendall(GET % b"/slow?ms=100")
        for client in crowd:
            assert read_answer(client) == (200, b"slow\n")
            client.close()
    with s.connect() as new:
        s.term()
        new.sendall(GET % b"/ping")
        assert read_answer(new)[0] == 200
    s.wait()


def test_drain_closes_idle_and_finishes_work(server):
    s = server(drain_ms=60000)
    with s.connect() as idle, s.connect() as slow, s.connect() as piped, s.connect() as stream:
        for client in idle, piped:
            client.sendall(GET % b"/ping")
            assert read_answer(client)[0] == 200
        slow.sendall(GET % b"/slow?ms=3000")
        stream.sendall(GET % b"/stream?bytes=50000000")
        piped.sendall(GET % b"/slow?ms=300" + (GET % b"/ping") * 3)
        s.wait_stats(lambda stats: stats["active"] == 4)
        s.term()
        assert closed_within(idle, 10) == b""
        assert not select.select([slow], [], [], 0)[0], "who is idle does not wait for who works"
        assert read_answer(slow) == (200, b"slow\n")
        assert len(read_answer(stream)[1]) == 50000000
        got = closed_within(piped, 10)
        assert got.count(b"HTTP/1.1 200 OK") == 4
        assert got.count(b"Connection: close") == 1
    s.wait()


def test_drain_has_an_end(server):
    s = server(drain_ms=700)
    with s.connect() as stuck:
        stuck.sendall(GET % b"/slow?ms=60000")
        s.wait_stats(lambda stats: stats["active"] == 2)
        started = time.monotonic()
        s.term()
        s.wait(20)
        assert time.monotonic() - started > 0.6

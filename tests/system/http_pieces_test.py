"""Bodies that a handler takes in pieces: the same framing, back-pressure, deadlines, early answers, clients that go."""
import contextlib
import json
import subprocess
import sys
import threading
import time

import pytest
from conftest import ROOT
from http_server import IS_SANITIZED, HttpServer, closed_within, read_answer, reset

CASES = ROOT / "tests" / "protocol" / "http"
CHUNKED = b"Transfer-Encoding: chunked\r\n"


def put(path, length=None, fields=b""):
    length = b"" if length is None else b"Content-Length: %d\r\n" % length
    return b"PUT %s HTTP/1.1\r\nHost: t\r\n%s%s\r\n" % (path, length, fields)


def chunks(body, size):
    pieces = (body[at:at + size] for at in range(0, len(body), size))
    return b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in pieces) + b"0\r\n\r\n"


@pytest.fixture
def server(tmp_path):
    started = []

    def start(*args, **kw):
        started.append(HttpServer(tmp_path, *args, **kw))
        return started[-1]

    yield start
    for one in started:
        one.stop()


@pytest.mark.slow
@pytest.mark.parametrize("piece, tls", [(1, False), (7, False), (4096, False), (20000, True)])
def test_all_cases_hold_with_bodies_in_pieces(server, piece, tls):
    s = server({"header_ms": 3000, "idle_ms": 3000, "body_ms": 10000, "body_max": 1 << 20}, piece=piece, tls=tls)
    for cases in ("cases.jsonl", "cases_own.jsonl"):
        command = [sys.executable, CASES / "run_http_cases.py", "--port", str(s.port), "--cases", CASES / cases,
                   "--get-path", "/ping", "--post-path", "/invocations", "--header", "Content-Type: text/plain"]
        ran = subprocess.run(command + (["--tls"] if tls else []), capture_output=True, text=True)
        assert ran.returncode == 0, ran.stdout[-4000:]


@pytest.mark.parametrize("tls", [False, True])
@pytest.mark.parametrize("size", [1, 1000, 16384, 1 << 20])
@pytest.mark.parametrize("length", [0, 1, 999, 1000, 1001, 20000, 300000])
def test_pieces_are_full_but_the_last(server, length, size, tls):
    if length > 20000 and size == 1:
        size = 3
    s, body = server(tls=tls), b"x" * length
    path = b"/pieces?size=%d" % size
    wanted = {"length": length, "pieces": -(-length // size)}
    for request in (put(path, length) + body, put(path, None, CHUNKED) + chunks(body, 777),
                    put(path, None, CHUNKED) + chunks(body, 100000)):
        status, answer = s.ask(request)
        assert (status, json.loads(answer)) == (200, wanted)


@pytest.mark.parametrize("framing", ["length", "chunked"])
def test_a_request_behind_the_body_is_the_next_one(server, framing):
    s = server()
    for length in (0, 5, 16000, 40000):
        body = b"b" * length
        first = put(b"/pieces?size=1000", length) + body if framing == "length" else \
            put(b"/pieces?size=1000", None, CHUNKED) + chunks(body, 300)
        with s.connect() as client:
            last = b"GET /ping HTTP/1.1\r\nHost: t\r\nConnection: close\r\n\r\n"
            client.sendall(first + put(b"/pieces", 3) + b"abc" + last)
            got = closed_within(client, 10)
        assert got.count(b"HTTP/1.1 200 OK") == 3, (length, got)
        assert b'{"length":%d,' % length in got and b'{"length":3,"pieces":1}' in got and got.endswith(b"{}")


def test_a_body_in_pieces_has_a_limit_of_its_own(server):
    s = server({"body_max": 100})
    assert s.ask(put(b"/pieces", 1000) + b"x" * 1000)[0] == 200
    assert s.ask(put(b"/pieces", None, CHUNKED) + chunks(b"x" * 1000, 99))[0] == 200
    assert s.ask(b"POST /echo HTTP/1.1\r\nHost: t\r\nContent-Length: 101\r\n\r\n")[0] == 413
    assert s.ask(put(b"/pieces", (1 << 30) + 1))[0] == 413
    assert s.ask(put(b"/pieces", None, CHUNKED) + b"40000001\r\n")[0] == 413
    assert s.stats()["gone"] == 1, "the chunked one was in the handler's hands"


def test_the_word_goes_out_when_the_body_is_asked_for(server):
    s = server()
    expect = b"Expect: 100-continue\r\n"
    with s.connect() as client:
        client.sendall(put(b"/pieces", 5, expect))
        assert client.recv(100).startswith(b"HTTP/1.1 100 Continue\r\n")
        client.sendall(b"hello")
        assert read_answer(client) == (200, b'{"length":5,"pieces":1}')
    with s.connect() as client:
        client.sendall(put(b"/early", 5, expect))
        assert closed_within(client, 10).startswith(b"HTTP/1.1 403 "), "no word for a body that is not wanted"


def test_an_early_answer_closes_and_nothing_behind_it_is_a_request(server):
    s = server()
    smuggled = b"GET /echo HTTP/1.1\r\nHost: t\r\n\r\n"
    for request in (put(b"/early", len(smuggled)) + smuggled, put(b"/early", 10 ** 9) + smuggled * 1000,
                    put(b"/early", None, CHUNKED) + chunks(smuggled * 3, 10)):
        with s.connect() as client:
            client.sendall(request)
            got = closed_within(client, 10)
        assert got.startswith(b"HTTP/1.1 403 ") and b"\r\nConnection: close\r\n" in got
        assert got.endswith(b"early\n") and got.count(b"HTTP/1.1") == 1
    with s.connect() as client:
        client.sendall(put(b"/early", 0) + put(b"/pieces", 1, b"Connection: close\r\n") + b"x")
        got = closed_within(client, 10)
    assert b"early\nHTTP/1.1 200 OK" in got, "without a body there is nothing to lose"


def test_a_slow_handler_slows_its_client_down(server):
    s = server()
    with s.connect() as client:
        client.sendall(put(b"/pieces?size=65536&ms=50", 64 << 20))
        def send():
            with contextlib.suppress(OSError):
                client.sendall(bytes(64 << 20))

        sender = threading.Thread(target=send, daemon=True)
        before = s.rss_kib()
        sender.start()
        time.sleep(1)
        stats = s.stats()
        assert 0 < stats["bytes_in"] < 65536 * 60, "no more is read than was asked for"
        assert s.rss_kib() - before < (4 if IS_SANITIZED else 1) * 1024
        assert sender.is_alive(), "what is not read waits at the client"
        reset(client)
        sender.join(10)
    s.wait_stats(lambda found: found["gone"] == 1 and found["active"] == 1)


def test_memory_stays_flat(server):
    s = server()
    assert s.ask(put(b"/pieces", 1 << 20) + bytes(1 << 20))[0] == 200
    before, body = s.rss_kib(), bytes(1 << 20)
    for framing in ("length", "chunked"):
        with s.connect() as client:
            client.sendall(put(b"/pieces", 200 << 20) if framing == "length" else put(b"/pieces", None, CHUNKED))
            for _ in range(200):
                client.sendall(body if framing == "length" else chunks(body, 1 << 20)[:-5])
            if framing == "chunked":
                client.sendall(b"0\r\n\r\n")
            assert json.loads(read_answer(client)[1])["length"] == 200 << 20
    assert s.rss_kib() - before < (8 if IS_SANITIZED else 1) * 1024


# Of a client that ends its side while nothing is read of it, nothing is seen before the handler asks on.
LEAVE = {"close": (lambda s: s.close(), 0), "reset": (reset, 0), "reset while held": (reset, 20000)}


@pytest.mark.parametrize("tls", [False, True])
@pytest.mark.parametrize("leave", LEAVE)
@pytest.mark.parametrize("fields", [b"Content-Length: 100000\r\n", CHUNKED])
def test_a_client_that_leaves_inside_its_body_is_noticed(server, fields, leave, tls):
    s, (go, hold_ms) = server(tls=tls), LEAVE[leave]
    client = s.connect()
    client.sendall(put(b"/pieces?size=10&ms=%d" % hold_ms, None, fields) + b"64\r\n" + b"x" * 50)
    s.wait_stats(lambda stats: stats["active"] == 2)
    if hold_ms:
        time.sleep(0.1)  # for the piece to have been handed over
    go(client)
    assert s.wait_stats(lambda stats: stats["gone"] == 1 and stats["active"] == 1) < 10


def test_a_body_that_ends_early_is_refused_once(server):
    s = server()
    with s.connect() as client:
        client.sendall(put(b"/pieces", 100) + b"x" * 99)
        client.shutdown(1)
        got = closed_within(client, 10)
    assert got.startswith(b"HTTP/1.1 400 ") and b"the connection ended inside the body" in got
    assert got.count(b"HTTP/1.1") == 1
    s.wait_stats(lambda stats: stats["gone"] == 1 and stats["active"] == 1)


def test_a_broken_chunk_is_refused_once(server):
    s = server()
    for hold_ms in (0, 300):
        with s.connect() as client:
            head = put(b"/pieces?size=10&ms=%d" % hold_ms, None, CHUNKED)
            client.sendall(head + b"f\r\n" + b"x" * 15 + b"\r\n-1\r\n")
            got = closed_within(client, 10)
        assert got.startswith(b"HTTP/1.1 400 ") and b"a malformed chunk size line" in got
        assert got.count(b"HTTP/1.1") == 1
    s.wait_stats(lambda stats: stats["gone"] == 2 and stats["active"] == 1)


def test_a_slow_client_is_refused_but_not_a_slow_handler(server):
    s = server({"body_ms": 700, "body_rate": 1000000})
    with s.connect() as client:
        client.sendall(put(b"/pieces", 100) + b"x")
        got = closed_within(client, 10)
    assert got.startswith(b"HTTP/1.1 408 ")
    s.wait_stats(lambda stats: stats["gone"] == 1 and stats["active"] == 1)
    assert s.ask(put(b"/pieces?size=50&ms=1500", 100) + b"x" * 100) == (200, b'{"length":100,"pieces":2}')


def test_a_client_that_keeps_its_rate_may_take_its_time(server):
    s = server({"body_ms": 500, "body_rate": 100})
    with s.connect() as client:
        client.sendall(put(b"/pieces?size=64", 1000))
        for _ in range(20):
            client.sendall(b"x" * 50)
            time.sleep(0.1)
        assert read_answer(client)[0] == 200


def test_a_drain_waits_for_the_body(server):
    s = server(drain_ms=10000)
    with s.connect() as client:
        client.sendall(put(b"/pieces", 100) + b"x" * 50)
        s.wait_stats(lambda stats: stats["active"] == 2)
        s.term()
        time.sleep(0.3)
        client.sendall(b"x" * 50)
        got = closed_within(client, 10)
    assert got.startswith(b"HTTP/1.1 200 ") and got.endswith(b'{"length":100,"pieces":1}')
    s.wait()


def test_a_desk_that_a_refusal_left_behind_reads_chunks(server):
    """A refusal in the middle of a short body gave its memory to the next request, and this one's body seemed empty."""
    s = server({"body_ms": 500, "body_rate": 1})
    with s.connect() as client:
        client.sendall(b"POST /echo HTTP/1.1\r\nHost: t\r\nContent-Length: 10\r\n\r\nx")
        assert closed_within(client, 10).startswith(b"HTTP/1.1 408 ")
    assert s.ask(b"POST /echo HTTP/1.1\r\nHost: t\r\n" + CHUNKED + b"\r\n" + chunks(b"hello", 2)) == (200, b"hello")

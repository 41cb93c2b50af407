"""What slow, greedy and absent clients cost: deadlines, limits of connections and descriptors, bounded memory."""
import http.client
import socket
import ssl
import time

import pytest
from http_server import GET, IS_SANITIZED, HttpServer, closed_within, read_answer, reset

POST = b"POST %s HTTP/1.1\r\nHost: t\r\nContent-Length: %d\r\n\r\n"


@pytest.fixture
def server(tmp_path):
    started = []

    def start(*args, **kw):
        started.append(HttpServer(tmp_path, *args, **kw))
        return started[-1]

    yield start
    for one in started:
        one.stop()


def test_clients_that_do_not_read_cost_no_memory(server):
    s = server()
    s.ask(GET % b"/stream?bytes=10000000")
    before = s.rss_kib()
    clients = [s.connect(rcvbuf=4096) for _ in range(3)]
    for client in clients:
        client.sendall(GET % b"/stream?bytes=300000000")
    time.sleep(2)
    assert s.stats()["active"] == 4
    grown = s.rss_kib() - before
    for client in clients:
        reset(client)
    s.wait_stats(lambda stats: stats["gone"] == 3 and stats["active"] == 1)
    assert grown < (30 if IS_SANITIZED else 3) * 1024, grown


def test_announced_bodies_cost_no_memory(server):
    s = server()
    s.ask(GET % b"/ping")
    before = s.rss_kib()
    clients = [s.connect() for _ in range(200)]
    for client in clients:
        client.sendall(POST % (b"/echo", 16 << 20) + b"x")
    s.wait_stats(lambda stats: stats["open"] == 201)
    assert s.rss_kib() - before < (200 if IS_SANITIZED else 40) * 200
    for client in clients:
        client.close()


def test_a_client_that_stops_reading_is_cut(server):
    s = server({"write_ms": 700})
    with s.connect(rcvbuf=4096) as client:
        started = time.monotonic()
        client.sendall(GET % b"/stream?bytes=100000000")
        s.wait_stats(lambda stats: stats["gone"] == 1)
        assert time.monotonic() - started > 0.6
    assert s.stats()["timeouts"] == 1


def test_slow_heads_end_while_others_are_served(server):
    s = server({"header_ms": 4000})
    slow = [s.connect() for _ in range(300)]
    start = time.monotonic()
    worst = 0
    while time.monotonic() < start + 0.9:
        for client in slow[::10]:
            client.sendall(b"G")
        asked = time.monotonic()
        assert s.ask(GET % b"/ping")[0] == 200
        worst = max(worst, time.monotonic() - asked)
        time.sleep(0.1)
    for client in slow[::10]:
        assert closed_within(client, 20).startswith(b"HTTP/1.1 408 ")
    assert worst < 2, "nobody waits for the slow ones' end after 4 s"
    for client in slow:
        client.close()


def test_a_body_may_be_slow_but_not_too_slow(server):
    s = server({"body_ms": 1000, "body_rate": 200})
    with s.connect() as fast, s.connect() as slow:
        fast.sendall(POST % (b"/echo", 30 * 200))
        slow.sendall(POST % (b"/echo", 30 * 200))
        start = time.monotonic()
        for i in range(30):
            fast.sendall(b"x" * 200)
            if i == 0:
                slow.sendall(b"x")
            time.sleep(0.1)
        assert read_answer(fast) == (200, b"x" * 6000)
        assert closed_within(slow, 10).startswith(b"HTTP/1.1 408 ")
        assert time.monotonic() - start > 2.5


def test_idle_connections_end(server):
    s = server({"idle_ms": 500})
    with s.connect() as new, s.connect() as used:
        used.sendall(GET % b"/ping")
        assert read_answer(used)[0] == 200
        assert closed_within(used, 10) == b""
        assert closed_within(new, 10) == b""


def test_half_done_handshakes_end(server):
    s = server({"tls_ms": 3000}, tls=True)
    before = s.rss_kib()
    half = [s.connect(plain=True) for _ in range(1000)]
    for client in half[::2]:
        client.sendall(b"\x16\x03\x01\x02\x00\x01\x00")
    assert s.ask(GET % b"/ping")[0] == 200
    grown = s.rss_kib() - before
    for client in half:
        assert closed_within(client, 20) == b""
    assert s.ask(GET % b"/ping")[0] == 200
    assert s.stats()["timeouts"] == 1000
    assert grown < (400 if IS_SANITIZED else 60) * 1000, grown
    for client in half:
        client.close()


def test_the_wrong_protocol_ends_at_once(server, tmp_path):
    s = server(tls=True)
    with s.connect(plain=True) as plain:
        plain.sendall(GET % b"/ping")
        assert not closed_within(plain, 10).startswith(b"HTTP/1.1 2")
    other = server()
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    with other.connect() as client, pytest.raises(ssl.SSLError):
        client.settimeout(10)
        context.wrap_socket(client)


@pytest.mark.parametrize("version, ok", [(ssl.TLSVersion.TLSv1_1, False), (ssl.TLSVersion.TLSv1_2, True),
                                         (ssl.TLSVersion.TLSv1_3, True)])
def test_tls_versions(server, version, ok):
    s = server(tls=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.set_ciphers("ALL:@SECLEVEL=0")
    context.set_alpn_protocols(["h2", "http/1.1"])
    context.minimum_version = ssl.TLSVersion.TLSv1
    context.maximum_version = version
    with s.connect(plain=True) as client:
        if not ok:
            with pytest.raises(ssl.SSLError):
                context.wrap_socket(client)
            return
        with context.wrap_socket(client) as secure:
            assert secure.selected_alpn_protocol() == "http/1.1"
            assert "GCM" in secure.cipher()[0] or "CHACHA20" in secure.cipher()[0]
            assert secure.compression() is None
            secure.sendall(GET % b"/ping")
            assert read_answer(secure)[0] == 200


def test_cbc_ciphers_are_refused(server):
    s = server(tls=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers("ECDHE-ECDSA-AES256-SHA384:ECDHE-ECDSA-AES128-SHA256:AES128-GCM-SHA256")
    with s.connect(plain=True) as client, pytest.raises(ssl.SSLError):
        context.wrap_socket(client)


def test_beyond_the_connection_limit_clients_wait(server):
    s = server({"connections_max": 10})
    kept = []
    for _ in range(10):
        kept.append(s.connect())
        kept[-1].sendall(GET % b"/ping")
        assert read_answer(kept[-1])[0] == 200
    with s.connect() as eleventh:
        eleventh.sendall(GET % b"/ping")
        eleventh.settimeout(0.5)
        with pytest.raises(TimeoutError):
            eleventh.recv(1)
        kept.pop().close()
        eleventh.settimeout(10)
        assert read_answer(eleventh)[0] == 200
    for client in kept:
        client.sendall(GET % b"/ping")
        assert read_answer(client)[0] == 200
        client.close()


def test_without_descriptors_old_connections_live_on(server):
    s = server(nofile=40)
    old = s.connect()
    old.sendall(GET % b"/ping")
    assert read_answer(old)[0] == 200
    crowd = []
    for _ in range(100):
        client = s.connect()
        client.setblocking(False)
        crowd.append(client)
    time.sleep(0.3)
    before = s.cpu_seconds()
    for _ in range(10):
        old.sendall(GET % b"/ping")
        assert read_answer(old)[0] == 200
        time.sleep(0.1)
    assert s.cpu_seconds() - before < 0.2
    for client in crowd:
        client.close()
    assert s.ask(GET % b"/ping")[0] == 200
    old.close()


def test_continue_is_said_only_to_welcome_bodies(server):
    s = server({"body_max": 100})
    with s.connect() as client:
        client.sendall(b"POST /echo HTTP/1.1\r\nHost: t\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n")
        assert client.recv(100) == b"HTTP/1.1 100 Continue\r\n\r\n"
        client.sendall(b"abc")
        assert read_answer(client) == (200, b"abc")
        client.sendall(b"POST /echo HTTP/1.1\r\nHost: t\r\nExpect: 100-continue\r\nContent-Length: 101\r\n\r\n")
        assert closed_within(client, 10).startswith(b"HTTP/1.1 413 ")


@pytest.mark.parametrize("tls", [False, True])
@pytest.mark.parametrize("size", [0, 1, 16000, 16383, 16384, 65536, 9_000_001])
def test_bodies_come_back_whole(server, tls, size):
    s = server(tls=tls)
    body = bytes(i * 7 % 251 for i in range(1009)) * (size // 1009 + 1)
    body = body[:size]
    with s.connect() as client:
        for _ in range(2):
            client.sendall(POST % (b"/echo", size) + body)
            assert read_answer(client) == (200, body)
        chunks = b"".join(b"%x\r\n%s\r\n" % (len(body[at:at + 5000]), body[at:at + 5000]) for at in range(0, size, 5000))
        client.sendall(b"POST /echo HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\n" + chunks + b"0\r\n\r\n")
        assert read_answer(client) == (200, body)


def test_a_refusal_is_read_though_the_body_goes_on(server):
    s = server({"body_max": 1000})
    client = http.client.HTTPConnection("127.0.0.1", s.port, timeout=20)
    client.putrequest("POST", "/echo")
    client.putheader("Content-Length", str(4 << 20))
    client.endheaders()
    client.send(b"x" * (4 << 20))
    answer = client.getresponse()
    assert answer.status == 413
    assert answer.getheader("Connection") == "close"
    assert answer.read().startswith(b'{"error_code":"BAD_REQUEST","message":"')
    client.close()


def test_pipelining_waits_for_a_reader(server):
    s = server()
    with s.connect(rcvbuf=4096) as client:
        request = POST % (b"/echo", 10000) + b"y" * 10000
        client.settimeout(0.5)
        sent = 0
        with pytest.raises(TimeoutError):
            while True:
                sent += client.send(request[sent % len(request):])
        before = s.stats()["requests"]
        time.sleep(0.2)
        assert s.stats()["requests"] - before <= 1
        client.shutdown(socket.SHUT_WR)
        client.settimeout(10)
        got = closed_within(client, 10)
        assert got.count(b"HTTP/1.1 200 OK") == sent // len(request)

"""Every way in which an upstream can fail, against fetch: the right error, in time, once, in bounded memory.

fetch_tool performs the fetches (see its head comment), upstream.py fails as it is told.
"""
import contextlib
import json
import os
import random
import socket
import subprocess
import threading
import time

import pytest

from conftest import BUILD, free_port
from upstream import FAULTS, Upstream

SLACK_MS = 5000  # over a timeout; on a quiet machine it is a few milliseconds


class Tool:
    """fetch_tool as a child: call(url, …) is one line in and one out. Its sanitizers' complaints fail the test."""

    def __init__(self, *args, env=None):
        self.process = subprocess.Popen([str(BUILD / "tests" / "fetch_tool"), *args], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                                        env={**os.environ, **(env or {})})

    def call(self, url, **request):
        start = time.monotonic()
        self.process.stdin.write(json.dumps({"url": url, "method": "POST", "body": "{}", **request}) + "\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        if not line:
            pytest.fail("fetch_tool ended: " + self.process.stderr.read()[:6000])
        answer = json.loads(line)
        answer["wall_ms"] = (time.monotonic() - start) * 1000
        assert answer["done_count"] == request.get("parallel", 1)
        return answer

    def close(self):
        _, complaints = self.process.communicate(timeout=20)
        assert self.process.returncode == 0, complaints[-3000:]
        assert complaints == ""


@contextlib.contextmanager
def tool_of(*args, env=None):
    tool = Tool(*args, env=env)
    try:
        yield tool
        tool.close()
    finally:
        tool.process.kill()
        tool.process.wait()


@pytest.fixture
def tool():
    with tool_of() as tool:
        yield tool


@pytest.fixture
def up():
    with Upstream() as up:
        yield up


def post(up, tool, behaviour, **request):
    up.script([behaviour])
    return tool.call(up.url + "/v1/chat/completions?key=SECRET-QUERY", **request)


def fails(answer, code, text):
    assert answer.get("code") == code, answer
    assert text in answer["error"], answer
    assert "SECRET" not in answer["error"]
    return answer


# What libcurl or our own checks find. All of it must show well before any timeout.
BROKEN = [
    ("reset_before", "upstream", "Connection reset by peer"),
    ("reset_in_header", "upstream", "Connection reset by peer"),
    ("reset_after_header", "upstream", "Connection reset by peer"),
    ("reset_in_body", "upstream", "Connection reset by peer"),
    ("fin_before", "upstream", "connection closed before an answer came"),
    ("fin_in_header", "upstream", "cut short in its header section"),
    ("truncated", "upstream", "cut short"),
    ("long_length", "upstream", "cut short"),
    ("two_lengths", "upstream", "Content-Length"),
    ("text_length", "upstream", ""),
    ("negative_length", "upstream", ""),
    ("bad_chunk", "upstream", ""),
    ("truncated_chunks", "upstream", ""),
    ("not_http", "upstream", "not HTTP"),
    ("huge_body", "too_large", "body is over the limit of 16777216 bytes"),
    ("huge_body_chunked", "too_large", "body is over the limit of 16777216 bytes"),
    ("huge_header", "too_large", "header"),
    ("many_headers", "too_large", "header section is over the limit of 262144 bytes"),
    ("many_interims", "too_large", "header section is over the limit of 262144 bytes"),
]


@pytest.mark.parametrize("fault,code,text", BROKEN)
def test_broken_answers_are_errors_at_once(up, tool, fault, code, text):
    answer = fails(post(up, tool, FAULTS[fault]), code, text)
    assert "POST %s/v1/chat/completions: " % up.url in answer["error"]
    assert answer["wall_ms"] < 15000
    assert up.count == 1
    assert "status" in tool.call(up.url + "/fault/ok"), "the fetcher goes on"


# A stall names the timeout that ran out, its value and the call.
STALLS = [
    ("stall_before_header", {"first_byte_ms": 200}, "first byte timeout of 200 ms"),
    ("stall_in_header", {"idle_ms": 200}, "idle timeout of 200 ms"),
    ("stall_after_header", {"idle_ms": 200}, "idle timeout of 200 ms"),
    ("stall_in_body", {"idle_ms": 200}, "idle timeout of 200 ms"),
    ("stall_in_body", {"total_ms": 200}, "total timeout of 200 ms"),
    ("stall_before_header", {"total_ms": 200, "first_byte_ms": 200000}, "total timeout of 200 ms"),
    ("drip", {"total_ms": 400, "idle_ms": 60000}, "total timeout of 400 ms"),
    ("drip_head", {"total_ms": 400, "idle_ms": 60000}, "total timeout of 400 ms"),
]


@pytest.mark.parametrize("fault,timeouts,text", STALLS)
def test_stalls_end_at_their_timeout(up, tool, fault, timeouts, text):
    answer = fails(post(up, tool, FAULTS[fault], **timeouts), "deadline", text)
    limit = min(timeouts.values())
    assert limit - 10 <= answer["wall_ms"] < limit + SLACK_MS
    assert "POST %s/v1/chat/completions: " % up.url in answer["error"]


def test_dripping_within_the_idle_timeout_is_no_stall(up, tool):
    answer = post(up, tool, {"body": "x" * 20, "drip": {"bytes": 1, "every_ms": 60}}, idle_ms=1000, total_ms=60000)
    assert answer["body"] == "x" * 20 and answer["elapsed_ms"] > 1000


def test_connect_timeout(tool):
    """A full backlog: the kernel drops what else wants to connect."""
    with contextlib.ExitStack() as stack:
        listener = stack.enter_context(socket.socket())
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        for _ in range(4):
            filler = stack.enter_context(socket.socket())
            filler.setblocking(False)
            filler.connect_ex(listener.getsockname())
        answer = tool.call("http://127.0.0.1:%d/x" % listener.getsockname()[1], connect_ms=200)
        fails(answer, "deadline", "connect timeout of 200 ms")
        assert 190 <= answer["wall_ms"] < 200 + SLACK_MS


def test_an_upstream_that_does_not_read(tool):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = "http://127.0.0.1:%d/x" % listener.getsockname()[1]
        fails(tool.call(url, body="b" * 15_000_000, first_byte_ms=200), "deadline", "first byte timeout of 200 ms")


def test_refused(tool):
    answer = fails(tool.call("http://127.0.0.1:%d/x" % free_port()), "unreachable", "Connection refused")
    assert answer["wall_ms"] < SLACK_MS


def test_unknown_host(tool):
    fails(tool.call("http://no-such-host.invalid/x", connect_ms=20000), "no_host", "cannot be resolved")


def test_messages_hold_no_secrets(tool):
    url = "http://SECRET-USER:SECRET%%40PASS@127.0.0.1:%d/path?SECRET=1#SECRET" % free_port()
    answer = fails(tool.call(url, headers={"Authorization": "Bearer SECRET"}, body="SECRET"), "unreachable", "refused")
    assert "POST http://127.0.0.1:" in answer["error"] and "/path: " in answer["error"]


# Replies, whatever their status and content: what they mean is the caller's business.
REPLIES = [
    ("html", 200), ("empty", 200), ("invalid_utf8", 200), ("truncated_json", 200), ("500", 500), ("503", 503),
    ("401", 401), ("redirect", 302), ("close_each", 200), ("short_length", 200),
]


@pytest.mark.parametrize("fault,status", REPLIES)
def test_replies_are_not_errors(up, tool, fault, status):
    for _ in range(2):
        assert post(up, tool, FAULTS[fault])["status"] == status
    assert up.count == 2, "a redirect is not followed"


RETRY_AFTER = [("429", 1000), ("429_huge", 2**63 - 1), ("429_negative", -1), ("429_text", -1), ("503", 0), ("500", -1),
               ("429_date", (2177452799 - 1700000000) * 1000)]


@pytest.mark.parametrize("fault,value", RETRY_AFTER)
def test_retry_after(up, tool, fault, value):
    answer = post(up, tool, FAULTS[fault])
    if fault == "429_huge":
        assert answer["retry_after_ms"] > 10**15
    else:
        assert answer["retry_after_ms"] == value


@pytest.mark.parametrize("behaviour", [
    {"body": "", "chunked": True}, {"body": "y", "chunked": True}, {"body": "y" * 100_000, "chunked": True},
    {"body": "y" * 16_384, "chunked": True}, {"body": "y" * 16_385, "chunked": True},
    {"body": "y" * 65_536}, {"body": "y" * 65_537}, {"body": "y" * 5_000_000}, {"body": "y" * 300, "until_close": True},
    {"body": "y" * 300_000, "until_close": True}, {"body": "y" * 999, "interim": 3},
])
def test_bodies_of_every_framing(up, tool, behaviour):
    for _ in range(3):
        answer = post(up, tool, behaviour)
        assert answer["status"] == 200
        assert answer["body_len"] == len(behaviour["body"])
        assert answer["body"] == behaviour["body"][:4096]


def test_headers_come_through(up, tool):
    given = [["X-A", "1"], ["x-a", "2"], ["X-Empty", ""], ["X-Folded", "one\r\n\t two"], ["X-Blank", "  b  "]]
    answer = post(up, tool, {"headers": given, "body": "{}", "interim": 1})
    assert [pair for pair in answer["headers"] if pair[0].lower().startswith("x-")] == [
        ["X-A", "1"], ["x-a", "2"], ["X-Empty", ""], ["X-Folded", "one    two"], ["X-Blank", "b"]]


def test_what_is_sent(up, tool):
    body = "b" * 2_000_000
    tool.call(up.url + "/a?q=1", body=body, headers={"X-One": "1", "X-Empty": "", "Content-Type": "text/x"})
    tool.call(up.url + "/a?q=1", method="GET", body="")
    tool.call(up.url + "/b", method="DELETE", body="")
    tool.call(up.url + "/b", method="PUT", body="put")
    tool.call(up.url + "/b", method="HEAD", body="")
    tool.call(up.url + "/b", body="")
    sent = [(one["method"], one["path"], one["body"]) for one in up.requests]
    assert sent == [("POST", "/a?q=1", body), ("GET", "/a?q=1", ""), ("DELETE", "/b", ""), ("PUT", "/b", "put"),
                    ("HEAD", "/b", ""), ("POST", "/b", "")]
    headers = [{name.lower(): value for name, value in one["headers"]} for one in up.requests]
    assert headers[0]["x-one"] == "1" and headers[0]["x-empty"] == "" and headers[0]["content-type"] == "text/x"
    assert "expect" not in headers[0] and "content-type" not in headers[3]
    assert "content-length" not in headers[1] and headers[5]["content-length"] == "0"
    assert len({one["connection"] for one in up.requests}) == 1, "the connection is kept"


REFUSED = [
    ({"url": "ftp://127.0.0.1/"}, "http://"), ({"url": "file:///etc/passwd"}, "http://"), ({"url": "http://a b/"}, "blank"),
    ({"url": "http://127.0.0.1:99999999/"}, "malformed"), ({"method": "GE T"}, "method"), ({"method": ""}, "method"),
    ({"headers": {"A": "b\r\nSECRET: c"}}, "CR, LF or NUL"), ({"headers": {"A": "b\0c"}}, "CR, LF or NUL"),
    ({"headers": {"A:b": "c"}}, "not a token"), ({"headers": {"content-length": "7"}}, "framing"),
    ({"headers": {"Transfer-Encoding": "chunked"}}, "framing"),
]


@pytest.mark.parametrize("request_,text", REFUSED)
def test_wrong_requests_are_refused(up, tool, request_, text):
    fails(tool.call(**{"url": up.url + "/x", **request_}), "invalid_parameter", text)
    assert up.count == 0


@pytest.mark.parametrize("fault", ["close_on_reuse", "reset_on_reuse"])
def test_a_stale_connection_costs_a_repeatable_request_nothing(up, tool, fault):
    first, broken = up.url + "/fault/ok/x", up.url + "/fault/%s/x" % fault
    for _ in range(20):
        assert tool.call(broken, is_repeatable=True)["status"] == 200
        assert tool.call(first, is_repeatable=True)["status"] == 200
    assert up.count == 60, "each second call met a closed connection, and was sent once more"


def test_many_stale_connections_are_met_at_most_once(up, tool):
    up.script([{"echo": True, "delay_ms": 200, "then": {"reset": "before"}, "times": 8}])
    assert tool.call(up.url + "/x", parallel=8)["failed_count"] == 0
    assert tool.call(up.url + "/x", is_repeatable=True)["status"] == 200
    assert up.count == 8 + 2


def test_an_upstream_that_closes_after_each_answer_costs_no_call(up, tool):
    for _ in range(50):
        assert tool.call(up.url + "/fault/close_each/x", is_repeatable=True, parallel=10)["failed_count"] == 0


def test_what_must_not_be_repeated_is_not(up, tool):
    url = up.url + "/fault/close_on_reuse/x"
    assert tool.call(url)["status"] == 200
    fails(tool.call(url), "upstream", "must not be repeated")
    assert up.count == 2
    assert tool.call(url, method="GET", body="")["status"] == 200
    assert tool.call(url, method="GET", body="")["status"] == 200, "GET is idempotent"


def test_a_fresh_connection_that_fails_is_not_tried_again(up, tool):
    up.script([{"fin": "before", "times": -1}])
    fails(tool.call(up.url + "/x", is_repeatable=True), "upstream", "before an answer came")
    assert up.count == 1


def test_an_unasked_answer_never_answers_the_next_request(up, tool):
    """A peer that says more than it was asked must not have its surplus taken for the next reply."""
    for _ in range(5):
        assert "poison" not in tool.call(up.url + "/fault/unasked/x", is_repeatable=True)["body"]
        time.sleep(0.1)
        assert "poison" not in tool.call(up.url + "/fault/ok/x", is_repeatable=True)["body"]


@pytest.mark.parametrize("fault", ["stall_before_header", "stall_in_header", "stall_in_body", "drip"])
def test_cancel(up, tool, fault):
    answer = fails(post(up, tool, FAULTS[fault], cancel_ms=100), "cancelled", "cancelled")
    assert 90 <= answer["wall_ms"] < 100 + SLACK_MS
    assert tool.call(up.url + "/fault/ok")["status"] == 200


def test_chaos(up, tool):
    """Whatever comes, in whatever order, on shared connections: every fetch ends once (the tool counts), in time."""
    dice = random.Random(20261121)
    names = [name for name in FAULTS if not name.startswith(("huge", "many", "tiny"))]
    for _ in range(30):
        up.script([{**FAULTS[dice.choice(names)], "delay_ms": dice.choice([0, 0, 20])} for _ in range(20)])
        answer = tool.call(up.url + "/x", parallel=20, total_ms=150, is_repeatable=dice.random() < 0.5,
                           cancel_ms=dice.choice([1, 10, 60, 1000]))
        assert answer["wall_ms"] < 150 + SLACK_MS
        up.forget()
    assert tool.call(up.url + "/x")["status"] == 200


def test_a_first_header_line_that_goes_on_with_nothing(up, tool):
    """libcurl 7.88 freed memory twice here, where a handle performed a second time (curl issue 11101)."""
    for _ in range(5):
        assert tool.call(up.url + "/x")["status"] == 200
        answer = post(up, tool, {"raw": "HTTP/1.1 200 OK\r\n folded: x\r\nContent-Length: 2\r\n\r\n{}"})
        fails(answer, "upstream", "header section is malformed")


SEEDS = [
    "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 8\r\nX: a\r\n b\r\n\r\n{\"a\": 1}",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: T\r\n\r\n4;x=y\r\nabcd\r\n2\r\nef\r\n0\r\nT: 1\r\n\r\n",
    "HTTP/1.1 100 Continue\r\nA: b\r\n\r\nHTTP/1.1 429 Slow\r\nRetry-After: 5\r\nContent-Length: 0\r\n\r\n",
    "HTTP/1.0 200 OK\r\nA:\r\n:b\r\n\r\nuntil the end",
]


def mutate(dice, text):
    for _ in range(dice.randint(1, 4)):
        at, end = sorted(dice.randrange(len(text) + 1) for _ in range(2))
        piece = dice.choice(["", "\0", "\r\n", "\n", " ", "\t", ":", "\xff", "9" * 25, "-", text[at:end], text[end:], "HTTP/1.1 "])
        text = text[:at] + piece + text[dice.choice([at, min(at + 1, len(text)), end]):]
    return text


def test_mutated_answers(up, tool):
    """What is left of an answer is a reply or an error, never a crash, and never another call's answer."""
    dice = random.Random(3)
    for _ in range(int(os.environ.get("MUTATIONS", 300))):
        up.script([{"raw": mutate(dice, dice.choice(SEEDS)), "close_after": "fin"}])
        answer = tool.call(up.url + "/x", total_ms=2000)
        assert answer.get("status", 200) >= 200 and answer.get("code") in (None, "upstream", "too_large")
        assert tool.call(up.url + "/fault/ok/x?mine", method="GET", body="")["body"].count("?mine") == 1


def test_memory_is_flat_while_it_drips_and_floods(up, tool):
    before = tool.call(up.url + "/fault/ok")["rss_kib"]
    for fault in ["tiny_chunks", "many_interims", "huge_header", "many_headers"]:
        tool.call(up.url + "/fault/%s" % fault)
    answer = tool.call(up.url + "/fault/drip", total_ms=1500)
    assert answer["rss_kib"] - before < 24 * 1024 * memory_factor()


def test_memory_of_a_flood_is_the_limit(up, tool):
    before = tool.call(up.url + "/fault/ok")["rss_kib"]
    for _ in range(3):
        for fault in ["huge_body", "huge_body_chunked"]:
            answer = tool.call(up.url + "/fault/%s" % fault, body_max=8 * 1024 * 1024)
            fails(answer, "too_large", "8388608")
    assert answer["rss_kib"] - before < 20 * 1024 * memory_factor()


def memory_factor():
    """ASan keeps freed memory for a while."""
    return 8 if b"__asan_init" in (BUILD / "tests" / "fetch_tool").read_bytes() else 1


def test_connections_per_host(up):
    with tool_of("--host-max", "3") as tool:
        up.script([{"echo": True, "delay_ms": 50, "times": 12}])
        answer = tool.call(up.url + "/x", parallel=12)
        assert answer["failed_count"] == 0 and answer["wall_ms"] >= 190
        assert up.connections == 3


def test_waiting_for_a_connection_is_no_slow_connect(up):
    with tool_of("--host-max", "1") as tool:
        up.script([{"echo": True, "delay_ms": 300, "times": 3}])
        assert tool.call(up.url + "/x", parallel=3, connect_ms=100)["failed_count"] == 0
        up.script([{"stall": "before"}])
        answer = tool.call(up.url + "/x", parallel=3, total_ms=200)
        assert answer["failed_count"] == 3
        fails(answer, "deadline", "total timeout of 200 ms")
        assert "all 1 connections to the host are busy" in answer["error"]
        up.script([{"stall": "before"}])
        assert fails(tool.call(up.url + "/x", parallel=50, cancel_ms=50), "cancelled", "")["failed_count"] == 50
        assert tool.call(up.url + "/x")["status"] == 200
        assert up.count == 6


def test_environment_proxies_never_serve_loopback(up):
    with Upstream() as proxy:
        env = {"http_proxy": proxy.url, "no_proxy": "example.com"}
        with tool_of(env=env) as tool:
            for host in ["127.0.0.1", "localhost", "127.1.2.3"]:
                answer = tool.call("http://%s:%d/x" % (host, up.port))
                assert answer.get("status") == 200 or host == "127.1.2.3"
            assert tool.call("http://elsewhere.invalid/x")["status"] == 200
        assert proxy.count == 1 and up.count == 2


@pytest.fixture(scope="session")
def certificate(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tls")
    cert, key = folder / "cert.pem", folder / "key.pem"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
                    "-keyout", key, "-out", cert, "-days", "2", "-subj", "/CN=localhost", "-addext",
                    "subjectAltName=DNS:localhost"], check=True, capture_output=True)
    return str(cert), str(key)


def test_tls_is_verified(certificate):
    with Upstream(cert=certificate[0], key=certificate[1]) as up:
        by_name = "https://localhost:%d/x" % up.port
        with tool_of() as tool:
            fails(tool.call(by_name), "upstream", "certificate was not accepted")
        with tool_of("--ca", certificate[0]) as tool:
            for _ in range(3):
                assert tool.call(by_name)["status"] == 200
            fails(tool.call(up.url + "/x"), "upstream", "certificate was not accepted")
        assert [one["connection"] for one in up.requests] == [up.requests[0]["connection"]] * 3, "it is kept"


def test_tls_to_a_plain_server(tool):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        def serve():
            with listener.accept()[0] as peer:
                peer.recv(4096)
                peer.sendall(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")

        thread = threading.Thread(target=serve)
        thread.start()
        url = "https://127.0.0.1:%d/x" % listener.getsockname()[1]
        fails(tool.call(url), "upstream", "TLS handshake failed")
        thread.join()


def test_a_tls_handshake_counts_as_connecting(tool):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = "https://127.0.0.1:%d/x" % listener.getsockname()[1]
        fails(tool.call(url, connect_ms=200), "deadline", "connect timeout of 200 ms")


def test_plain_to_a_tls_server(certificate, tool):
    with Upstream(cert=certificate[0], key=certificate[1]) as up:
        fails(tool.call("http://127.0.0.1:%d/x" % up.port), "upstream", "")

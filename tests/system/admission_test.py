"""Who is let in: rate limits of endpoints and users, places and the queue of a served entity, memory for bodies."""
import concurrent.futures
import json
import socket
import time
import urllib.error
import urllib.request

import pytest
from upstream import Upstream

LLM = """version: 1
models:
  mock: {provider: openai, base_url: "${env:UPSTREAM}", api_key: "${env:KEY:-EMPTY}", model: mock, retries: 0}
steps:
  - name: answer
    llm: {model: mock, prompt: ask}
"""
TEXT = [{"type": "string", "name": "question", "required": True}]
ROWS = {"dataframe_records": [{"question": "why?"}]}
API = "/api/2.0/serving-endpoints"


class Served:
    """A sluiced with one endpoint `e`, whose bundle asks the scripted model."""

    def __init__(self, server, upstream):
        self.server, self.upstream = server, upstream

    def call(self, method, path, body=None, headers=None):
        """-> status, headers, decoded JSON"""
        request = urllib.request.Request(self.server.url + path, body and json.dumps(body).encode(), method=method,
                                         headers={"Content-Type": "application/json", **(headers or {})})
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                return answer.status, answer.headers, json.load(answer)
        except urllib.error.HTTPError as refused:
            return refused.code, refused.headers, json.load(refused)

    def ask(self, user="ann"):
        return self.call("POST", "/serving-endpoints/e/invocations", ROWS, {"X-Sluice-User": user})

    def statuses(self, count, user="ann"):
        return [self.ask(user)[0] for _ in range(count)]

    def limit(self, *limits):
        status, _, text = self.call("PUT", API + "/e/rate-limits", {"rate_limits": list(limits)})
        assert status == 200, text

    def deploy(self, **entity):
        config = {"served_entities": [{"entity_name": "m", "entity_version": "1", "workload_size": "Small", **entity,
                                       "environment_vars": {"UPSTREAM": self.upstream.url + "/v1"}}]}
        if self.call("GET", API + "/e")[0] == 200:
            status, _, text = self.call("PUT", API + "/e/config", config)
        else:
            status, _, text = self.call("POST", API, {"name": "e", "config": config})
        assert status == 200, text
        end = time.monotonic() + 20
        done = {"ready": "READY", "config_update": "NOT_UPDATING"}
        while (state := self.call("GET", API + "/e")[2]["state"]) != done:
            assert time.monotonic() < end, state
            time.sleep(0.02)


@pytest.fixture
def served(sluiced, run_sluice, make_bundle):
    with Upstream() as upstream:

        def start(*args):
            server = sluiced(None, "--workers", "2", *args)
            bundle = make_bundle(LLM, TEXT, [{"type": "string", "name": "answer", "required": True}],
                                 prompts={"ask": "{{question}}"})
            made = run_sluice("register", bundle, "--name", "m", "--registry", server.url)
            assert made.returncode == 0, made.stderr
            one = Served(server, upstream)
            one.deploy()
            return one

        yield start


def test_calls_of_an_endpoint_and_of_each_user(served):
    s = served()
    s.limit({"key": "endpoint", "renewal_period": "minute", "calls": 6},
            {"key": "user", "renewal_period": "minute", "calls": 2},
            {"key": "user", "principal": "boss", "renewal_period": "minute", "calls": 3})
    assert s.statuses(3, "ann") == [200, 200, 429]
    assert s.statuses(2, "bob") == [200, 200]
    # What stays limited keeps its counts, also under another number and in another config version.
    s.limit({"key": "endpoint", "renewal_period": "minute", "calls": 6},
            {"key": "user", "renewal_period": "minute", "calls": 3},
            {"key": "user", "principal": "boss", "renewal_period": "minute", "calls": 3})
    s.deploy(workload_size="Medium")
    assert s.statuses(2, "ann") == [200, 429]
    status, headers, error = s.ask("ann")
    assert status == 429 and 1 <= int(headers["Retry-After"]) <= 61
    assert error["error_code"] == "REQUEST_LIMIT_EXCEEDED"
    assert error["message"].startswith("rate limit of 3 calls a minute for each user is used up: come again in")
    assert s.statuses(2, "boss") == [200, 429]  # the endpoint's six are gone
    assert "for this endpoint" in s.ask("boss")[2]["message"]
    s.limit()
    assert s.statuses(3, "ann") == [200] * 3


def test_tokens_of_a_user(served):
    s = served()
    s.upstream.script([{"text": "ok", "times": -1,
                        "usage": {"prompt_tokens": 30, "completion_tokens": 10, "total_tokens": 40}}])
    s.limit({"key": "user", "renewal_period": "minute", "tokens": 70})
    assert s.statuses(3, "ann") == [200, 200, 429]
    assert "70 tokens a minute" in s.ask("ann")[2]["message"]
    assert s.statuses(1, "bob") == [200]


def at_once(served, clients, times):
    with concurrent.futures.ThreadPoolExecutor(clients) as pool:
        answers = pool.map(lambda _: [served.ask() for _ in range(times)], range(clients))
        return [one for many in answers for one in many]


def test_a_crowd_that_waits_is_served(served):
    s = served()
    s.upstream.script([{"text": "ok", "delay_ms": 10, "times": -1}])
    assert [status for status, _, _ in at_once(s, 64, 3)] == [200] * 192


def test_full_queue(served):
    s = served("--queue-max", "2")
    s.upstream.script([{"text": "ok", "delay_ms": 300, "times": -1}])
    answers = at_once(s, 12, 1)
    full = [(headers, error) for status, headers, error in answers if status == 429]
    assert {status for status, _, _ in answers} == {200, 429}
    for headers, error in full:
        assert int(headers["Retry-After"]) >= 1 and headers["served-model-name"] == "m-1"
        assert error["message"] == "Too many concurrent requests. Consider increasing the provisioned concurrency of " \
                                   "the served entity."
    s.server.wait_metric("sluice_http_requests_active 1")
    assert s.ask()[0] == 200


def test_wait_too_long(served):
    s = served("--queue-timeout-ms", "100")
    s.upstream.script([{"text": "ok", "delay_ms": 700, "times": -1}])
    answers = at_once(s, 6, 1)
    assert sorted(status for status, _, _ in answers) == [200] * 4 + [503] * 2
    headers, error = next((headers, error) for status, headers, error in answers if status == 503)
    assert int(headers["Retry-After"]) >= 1
    assert "no place was free at served entity 'm-1' for 100 ms" in error["message"]


def test_who_leaves_gives_up_his_turn(served):
    s = served()
    s.upstream.script([{"text": "ok", "delay_ms": 400, "times": 4}, {"text": "ok", "times": -1}])
    body = json.dumps(ROWS).encode()
    head = b"POST /serving-endpoints/e/invocations HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n" \
           b"Content-Length: %d\r\n\r\n" % len(body)
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        inside = [pool.submit(s.ask) for _ in range(4)]
        while s.upstream.count < 4:
            time.sleep(0.005)
        waiting = [socket.create_connection(("127.0.0.1", s.server.port)) for _ in range(20)]
        for client in waiting:
            client.sendall(head + body)
        s.server.wait_metric("sluice_http_requests_active 25")
        for client in waiting:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
            client.close()
        assert [one.result()[0] for one in inside] == [200] * 4
    assert s.ask()[0] == 200
    assert s.upstream.count == 5, "nobody asked the model for a client that had left"


def test_memory_for_bodies(sluiced, make_bundle):
    server = sluiced(make_bundle(), "--http-bodies-max", "1m", "--workers", "2")
    head = b"POST /invocations HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n%s\r\n"
    rows = b'{"inputs": "' + b"x" * 700000 + b'"}'
    with socket.create_connection(("127.0.0.1", server.port), 20) as first:
        first.sendall(head % (b"Content-Length: %d\r\n" % len(rows)) + rows[:-1])
        deadline = time.monotonic() + 20
        # Before all of it is there another one may take its place.
        while float(server.get("/metrics").split("\nsluice_http_received_bytes_total ")[1].split()[0]) < len(rows):
            assert time.monotonic() < deadline
            time.sleep(0.01)
        for framing, body in ((b"Content-Length: %d\r\n" % len(rows), rows),
                              (b"Transfer-Encoding: chunked\r\n", b"%x\r\n%s\r\n0\r\n\r\n" % (len(rows), rows))):
            answer = b""
            while b" 503 " not in answer:  # the first one's bytes are on their way
                assert time.monotonic() < deadline, answer[:200]
                with socket.create_connection(("127.0.0.1", server.port), 20) as second:
                    second.sendall(head % framing)
                    try:
                        second.sendall(body)
                    except OSError:
                        pass
                    answer = second.recv(4096)
            assert b"Retry-After: 1\r\n" in answer and b"too many large requests at once" in answer
        first.sendall(rows[-1:])
        assert first.recv(4096).startswith(b"HTTP/1.1 200 ")
    # Small requests always have a place, and what was taken was given back.
    assert server.post({"inputs": "x"})[0] == 200
    for _ in range(4):
        assert server.post(rows)[0] == 200

"""A bundle with steps behind the server: rows in order, an error a row, faults of the model, replay of recordings."""
import json
import socket
import threading
import time

import pytest

from conftest import column
from upstream import Upstream

CONFIG = """version: 1
models:
  writer: {provider: openai, base_url: "${env:TEST_LLM}", api_key: "${env:TEST_KEY:-sk-canary-4f1b}", model: m,
           timeout_ms: %(timeout_ms)d, retries: %(retries)d, concurrency: %(concurrency)d,
           price_usd_per_million: {input: 3.00, output: 15.00}}
defaults: {tone: plain}
tools:
  - name: count
    sql: {statement: "SELECT length(:draft) AS letters, json_array(:tone) AS tones", result: row}
steps:
  - name: draft
    llm: {model: writer, prompt: draft}
  - name: counted
    tool: count
outputs: {answer: draft, letters: counted.letters}
"""
INPUTS = [column("question"), column("tone", required=False)]
OUTPUTS = [column("answer"), column("letters", "long")]
ERROR = [column("error", required=False)]


@pytest.fixture
def agent(make_bundle, sluiced):
    """agent(up, has_error=…, options…) -> a server whose model is `up`"""

    def start(up, *args, has_error=True, retries=1, concurrency=0, path="/v1", timeout_ms=60000):
        bundle = make_bundle(CONFIG % {"retries": retries, "concurrency": concurrency, "timeout_ms": timeout_ms},
                             inputs=INPUTS, outputs=OUTPUTS + (ERROR if has_error else []), prompts={"draft": "{{question}} ({{tone}})"})
        return sluiced(bundle, *args, env={"TEST_LLM": up.url + path})

    return start


def rows(*questions):
    return {"dataframe_records": [{"question": q} for q in questions]}


def wait_count(up, count):
    end = time.monotonic() + 20
    while up.count < count:
        assert time.monotonic() < end, "%d calls, not %d" % (up.count, count)
        time.sleep(0.01)


def test_rows_run_concurrently_and_answer_in_order(agent):
    with Upstream() as up:
        server = agent(up)
        up.script([{"echo": True, "delay_ms": 1000, "times": -1}])
        started = time.monotonic()
        status, answer = server.post(rows(*["q%02d" % i for i in range(30)]))
        assert time.monotonic() - started < 15, "30 rows of 1 s one after the other would take 30 s"
    assert status == 200
    assert [p["answer"] for p in answer["predictions"]] == ["q%02d (plain)" % i for i in range(30)]
    assert [p["letters"] for p in answer["predictions"]] == [11] * 30
    assert all(p["error"] is None for p in answer["predictions"])


def test_one_bad_row_does_not_fail_the_others(agent):
    with Upstream() as up:
        server = agent(up, retries=0)
        up.script([{"echo": True}, {"status": 500, "json": {"error": {"message": "boom"}}}, {"echo": True}])
        status, answer = server.post(rows("a", "b", "c"))
    assert status == 200
    failed = [p for p in answer["predictions"] if p["error"]]
    assert len(failed) == 1 and failed[0]["answer"] is None and failed[0]["letters"] is None
    for part in ("draft", "writer", "500"):
        assert part in failed[0]["error"]


def test_without_an_error_column_the_request_fails_and_names_the_row(agent):
    with Upstream() as up:
        server = agent(up, has_error=False, retries=0)
        up.script([{"status": 401, "json": {"error": {"message": "bad key"}}, "times": -1}])
        status, answer = server.post(rows("a"))
    assert (status, answer["error_code"]) == (400, "BAD_REQUEST")
    assert "row 0" in answer["message"] and "draft" in answer["message"] and "401" in answer["message"]
    assert "Unexpected error" not in answer["message"]


@pytest.mark.parametrize("fault, said", [
    ("reset_before", ""), ("reset_in_header", ""), ("fin_before", ""), ("truncated", ""),
    ("stall_before_header", "1500 ms"), ("stall_in_body", "1500 ms"), ("drip", "1500 ms"),
    ("html", ""), ("empty", ""), ("not_http", ""), ("invalid_utf8", ""), ("truncated_json", ""),
    ("two_lengths", ""), ("bad_chunk", ""), ("500", "500"), ("401", "401"), ("redirect", "302"),
    ("huge_header", ""), ("429_huge", "429"),
])
def test_each_fault_is_a_clear_row_error_in_time(agent, fault, said):
    with Upstream() as up:
        server = agent(up, retries=0, path="/fault/%s/v1" % fault, timeout_ms=1500 if said == "1500 ms" else 60000)
        started = time.monotonic()
        status, answer = server.post(rows("a", "b"))
        took = time.monotonic() - started
        good = server.get("/ping")
    assert status == 200 and good is not None
    for prediction in answer["predictions"]:
        assert prediction["answer"] is None
        assert "draft" in prediction["error"] and said in prediction["error"]
        assert "sk-canary" not in prediction["error"]
    assert took < 15, "the fault is seen, or its timeout of 1.5 s; nothing waits for the other timeout of 60 s"
    assert "sk-canary" not in server.log


def test_a_refused_connection_is_a_row_error(agent):
    with Upstream() as up:
        url = up.url
    class Gone:  # nobody listens there any more
        pass
    Gone.url = url
    server = agent(Gone, retries=0)
    status, answer = server.post(rows("a"))
    assert status == 200 and "draft" in answer["predictions"][0]["error"]


def test_retry_after_is_waited_for(agent):
    with Upstream() as up:
        server = agent(up, retries=2)
        up.script([{"status": 429, "headers": {"Retry-After": "1"}, "json": {"error": {"message": "slow"}}}, {"echo": True}])
        started = time.monotonic()
        status, answer = server.post(rows("a"))
        assert time.monotonic() - started > 0.9
    assert answer["predictions"][0]["answer"] == "a (plain)"
    metrics = server.get("/metrics")
    assert "sluice_model_calls_total 1\n" in metrics and "sluice_model_retries_total 1\n" in metrics


def test_tokens_and_cost_are_counted(agent):
    with Upstream() as up:
        server = agent(up)
        up.script([{"text": "x", "usage": {"prompt_tokens": 1000, "completion_tokens": 100, "total_tokens": 1100}}])
        server.post(rows("a"))
    metrics = server.get("/metrics")
    assert "sluice_input_tokens_total 1000\n" in metrics and "sluice_output_tokens_total 100\n" in metrics
    assert "sluice_cost_usd_total 0.0045\n" in metrics  # 1000 × 3 $/M + 100 × 15 $/M


def test_what_usage_leaves_out_and_details_are_counted(agent):
    with Upstream() as up:
        server = agent(up)
        up.script([{"text": "x", "usage": {"prompt_tokens": 1000, "completion_tokens": 100,
                                           "prompt_tokens_details": {"cached_tokens": 600},
                                           "completion_tokens_details": {"reasoning_tokens": 40}}},
                   {"text": "y", "usage": None}])
        server.post(rows("a"))
        server.post(rows("b"))
    metrics = server.get("/metrics")
    for line in ("sluice_model_calls_total 2", "sluice_model_calls_unreported_total 1", "sluice_input_tokens_total 1000",
                 "sluice_cached_tokens_total 600", "sluice_reasoning_tokens_total 40", "sluice_model_calls_unpriced_total 0"):
        assert line + "\n" in metrics


def test_the_cap_of_a_model_holds_across_workers(agent):
    with Upstream() as up:
        server = agent(up, "--workers", 2, concurrency=3)
        up.script([{"echo": True, "delay_ms": 60, "times": -1}])
        answers = []
        threads = [threading.Thread(target=lambda: answers.append(server.post(rows(*"abcdef")))) for _ in range(4)]
        started = time.monotonic()
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        # 24 calls of 60 ms, three at a time: at least 8 rounds.
        assert time.monotonic() - started > 8 * 0.06 * 0.9
    assert all(status == 200 and not any(p["error"] for p in a["predictions"]) for status, a in answers)


def test_a_request_deadline_ends_late_rows_only(agent):
    with Upstream() as up:
        server = agent(up, "--request-timeout-ms", 2500, retries=0)
        up.script([{"echo": True}, {"stall": "before"}])
        started = time.monotonic()
        status, answer = server.post(rows("a", "b"))
        assert time.monotonic() - started < 20, "the model's own timeout is 60 s"
    assert status == 200
    by_answer = sorted(answer["predictions"], key=lambda p: p["answer"] is None)
    assert by_answer[0]["error"] is None and by_answer[1]["answer"] is None
    assert "2500 ms" in by_answer[1]["error"]


def test_a_client_that_leaves_cancels_its_calls(agent):
    with Upstream() as up:
        server = agent(up)
        up.script([{"stall": "before", "times": -1}])
        body = json.dumps(rows("a", "b")).encode()
        with socket.create_connection(("127.0.0.1", server.port)) as s:
            s.sendall(b"POST /invocations HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s"
                      % (len(body), body))
            wait_count(up, 2)
            server.wait_metric("sluice_http_requests_active 2")
        # Only the scrape itself is left; the calls would go on for 60 s.
        server.wait_metric("sluice_http_requests_active 1")


def test_sigterm_waits_for_rows_in_flight(agent):
    with Upstream() as up:
        server = agent(up)
        up.script([{"echo": True, "delay_ms": 800, "times": -1}])
        result = []
        thread = threading.Thread(target=lambda: result.append(server.post(rows("a", "b"))))
        thread.start()
        wait_count(up, 2)
        server.stop()
        thread.join()
    assert result[0][0] == 200 and result[0][1]["predictions"][1]["answer"] == "b (plain)"


def test_a_quick_end_cancels_rows_in_flight_without_leaks(agent):
    with Upstream() as up:
        server = agent(up, "--drain-timeout-ms", 200)
        up.script([{"stall": "before", "times": -1}])
        thread = threading.Thread(target=lambda: pytest.raises(Exception, server.post, rows("a", "b")))
        thread.start()
        wait_count(up, 2)
        server.stop()
        assert 0.1 < server.drain_seconds() < 10, "after the drain's 200 ms; the calls would go on for 60 s"
        thread.join()


def test_a_thousand_rows(agent):
    with Upstream() as up:
        server = agent(up)
        status, answer = server.post(rows(*map(str, range(1000))), timeout=120)
    assert status == 200
    assert [p["answer"] for p in answer["predictions"]] == ["%d (plain)" % i for i in range(1000)]


def raw_post(server, body, version="1.1"):
    s = socket.create_connection(("127.0.0.1", server.port))
    s.sendall(b"POST /invocations HTTP/%s\r\nHost: localhost\r\nContent-Type: application/json\r\nConnection: close\r\n"
              b"Content-Length: %d\r\n\r\n%s" % (version.encode(), len(body), body))
    s.settimeout(20)
    return s


def read_all(s):
    data = b""
    while True:
        more = s.recv(65536)
        if not more:
            return data
        data += more


def dechunk(data):
    out = b""
    while True:
        size, _, data = data.partition(b"\r\n")
        if int(size, 16) == 0:
            assert data == b"\r\n"
            return out
        out += data[:int(size, 16)]
        assert data[int(size, 16):int(size, 16) + 2] == b"\r\n"
        data = data[int(size, 16) + 2:]


@pytest.mark.parametrize("version", ["1.1", "1.0"])
def test_a_long_batch_sends_its_first_rows_while_later_ones_run(agent, version):
    with Upstream() as up:
        server = agent(up, "--stream-after-ms", 200, "--rows-in-flight", 1)
        up.script([{"echo": True, "delay_ms": 150, "times": 7}, {"status": 500}, {"status": 500}, {"echo": True}])
        started = time.monotonic()
        with raw_post(server, json.dumps(rows(*"abcdefghi")).encode(), version) as s:
            first = s.recv(65536)
            first_at = time.monotonic() - started
            data = first + read_all(s)
            last_at = time.monotonic() - started
    assert first_at < 0.7 * last_at
    head, _, body = data.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200 ") and b"content-length" not in head.lower()
    assert (b"Transfer-Encoding: chunked" in head) == (version == "1.1")
    answer = json.loads(dechunk(body) if version == "1.1" else body)
    assert [p["answer"] for p in answer["predictions"]] == ["%s (plain)" % q for q in "abcdefg"] + [None, "i (plain)"]
    assert "500" in answer["predictions"][7]["error"]
    record = server.wait_records("http.request")[0]
    assert (record["status"], record["rows"], record["rows_failed"]) == (200, 9, 1)
    assert record["bytes_out"] == len(json.dumps(answer, separators=(",", ":")))


def test_without_an_error_column_nothing_is_sent_early(agent):
    with Upstream() as up:
        server = agent(up, "--stream-after-ms", 50, has_error=False, retries=0)
        up.script([{"echo": True}, {"status": 500, "delay_ms": 400}])
        status, answer = server.post(rows("a", "b"))
    assert status == 400 and "500" in answer["message"]


def test_a_slow_reader_of_a_stream_gets_all_of_it(agent):
    big = "x" * 20000
    with Upstream() as up:
        server = agent(up, "--stream-after-ms", 0)
        up.script([{"text": big, "times": -1}])
        with raw_post(server, json.dumps(rows(*map(str, range(200)))).encode()) as s:
            time.sleep(1.5)
            _, _, body = read_all(s).partition(b"\r\n\r\n")
    answer = json.loads(dechunk(body))
    assert len(answer["predictions"]) == 200 and all(p["answer"] == big for p in answer["predictions"])


def test_a_reader_that_leaves_in_the_middle_of_a_stream_ends_it(agent):
    with Upstream() as up:
        server = agent(up, "--stream-after-ms", 0)
        up.script([{"text": "x" * 20000, "times": -1}])
        with raw_post(server, json.dumps(rows(*map(str, range(200)))).encode()) as s:
            s.recv(1000)
        server.wait_records("http.request")
        assert server.get("/ping") is not None


@pytest.mark.parametrize("content, text", [
    ("plain", "plain"),
    ([{"type": "text", "text": "one "}, {"type": "text", "text": "two"}], "one two"),
    ([{"type": "reasoning", "summary": [{"type": "summary_text", "text": "hm"}]}, {"type": "text", "text": "after"}], "after"),
])
def test_content_shapes_of_endpoints(agent, content, text):
    with Upstream() as up:
        server = agent(up)
        up.script([{"content": content}])
        _, answer = server.post(rows("a"))
    assert answer["predictions"][0]["answer"] == text


def test_the_example_serves_its_recordings(sluiced):
    from conftest import ROOT
    request = json.loads((ROOT / "examples/slide_generator_rows.json").read_text())
    server = sluiced(ROOT / "examples" / "slide_generator")
    status, answer = server.post(request)
    assert status == 200 and len(answer["predictions"]) == len(request["dataframe_records"])
    for prediction in answer["predictions"]:
        assert prediction["error"] is None and prediction["trace_url"] is None
        assert prediction["slide_count"] == prediction["html"].count("<section")
    status, answer = server.post({"dataframe_records": [{"question": "Something nobody recorded?"}]})
    assert status == 200 and "recording" in answer["predictions"][0]["error"]

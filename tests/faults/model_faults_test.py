"""A row's llm steps against a faulty endpoint: every fault is a clear error of its row, in time, and of no other row.

Drives batch_tool (tests/faults/batch_tool.c), which runs a bundle on one request without a server.
"""
import json
import socket
import subprocess

import pytest
from conftest import BUILD, column
from upstream import Upstream

TIMEOUT_MS = 300
SLACK_MS = 5000  # on a busy machine; on a quiet one it is some 20 ms, and what must not be waited for takes 60 s

CONFIG = """
version: 1
models:
  bad: {base_url: "%(bad)s", api_key: "${secret:llm_api_key}", model: x, timeout_ms: %(timeout)d,
        connect_timeout_ms: %(timeout)d, retries: %(retries)d%(more)s}
  good: {base_url: "%(good)s", model: y, timeout_ms: 60000}
steps:
  - name: wrong
    llm: {model: bad, prompt: ask%(output)s}
    when: {kind: bad}
  - name: right
    llm: {model: good, prompt: ask}
    when: {kind: good}
"""
INPUTS = [column("kind"), column("question")]
OUTPUTS = [column("wrong", required=False), column("right", required=False)]
ERROR = column("error", required=False)


def run(bundle, rows, *args, expect=0, threads=1):
    done = subprocess.run([str(BUILD / "batch_tool"), str(bundle), *map(str, args)], capture_output=True, text=True,
                          input=json.dumps({"dataframe_records": rows}), timeout=60,
                          env={"SLUICE_SECRET_LLM_API_KEY": "sk-very-secret", "PATH": "/usr/bin:/bin"})
    assert done.returncode == expect, done.stderr[-4000:]
    assert "sk-very-secret" not in done.stdout + done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()] if threads > 1 else json.loads(done.stdout)


@pytest.fixture
def upstream():
    with Upstream() as up:
        yield up


@pytest.fixture
def bundle(make_bundle, upstream):
    def make(bad=None, retries=0, timeout=TIMEOUT_MS, output="", more="", outputs=None, config=CONFIG, prompts=None):
        text = config % {"bad": bad or upstream.url + "/v1", "good": upstream.url + "/ok/v1", "retries": retries,
                         "timeout": timeout, "output": output, "more": more}
        return make_bundle(config=text, inputs=INPUTS, outputs=outputs or OUTPUTS + [ERROR],
                           prompts=prompts or {"ask": "Q: {{question}}"})

    return make


ROWS = [{"kind": "good", "question": "0"}, {"kind": "bad", "question": "1"}, {"kind": "good", "question": "2"}]


def check_one_failed(result, *says, rows=ROWS, failed=1, longest_ms=TIMEOUT_MS):
    answers = result["answer"]["predictions"]
    assert len(answers) == len(rows)
    for at, answer in enumerate(answers):
        if at == failed:
            assert answer["wrong"] is None and answer["right"] is None
            for part in says:
                assert part in answer["error"]
            assert answer["error"].startswith("step 'wrong': model 'bad' (")
            assert len(answer["error"]) < 1000 and answer["error"].isprintable()
        else:
            assert answer == {"wrong": None, "right": "Q: %d" % at, "error": None}
    assert result["usage"]["rows_failed"] == 1
    assert result["elapsed_ms"] <= longest_ms + SLACK_MS


@pytest.mark.parametrize("fault, says", [
    ("reset_before", "/fault/reset_before/v1/chat/completions"),
    ("reset_in_header", "/fault/reset_in_header/v1/chat/completions"),
    ("reset_after_header", "/fault/reset_after_header/v1/chat/completions"),
    ("reset_in_body", "/fault/reset_in_body/v1/chat/completions"),
    ("fin_before", "/fault/fin_before/v1/chat/completions"),
    ("fin_in_header", "/fault/fin_in_header/v1/chat/completions"),
    ("truncated", "/fault/truncated/v1/chat/completions"),
    ("long_length", "/fault/long_length/v1/chat/completions"),
    ("truncated_chunks", "/fault/truncated_chunks/v1/chat/completions"),
    ("bad_chunk", "/fault/bad_chunk/v1/chat/completions"),
    ("not_http", "/fault/not_http/v1/chat/completions"),
    ("stall_before_header", "timeout of 300 ms ran out"),
    ("stall_in_header", "timeout of 300 ms ran out"),
    ("stall_after_header", "timeout of 300 ms ran out"),
    ("stall_in_body", "timeout of 300 ms ran out"),
    ("drip", "timeout of 300 ms ran out"),
    ("drip_head", "timeout of 300 ms ran out"),
    ("html", "the reply is no JSON"),
    ("empty", "the reply is no JSON"),
    ("truncated_json", "the reply is no JSON"),
    ("invalid_utf8", "the reply is no JSON"),
    ("short_length", "the reply is no JSON"),
    ("huge_body", "/fault/huge_body/v1/chat/completions"),
    ("huge_body_chunked", "/fault/huge_body_chunked/v1/chat/completions"),
    ("huge_header", "/fault/huge_header/v1/chat/completions"),
    ("many_headers", "/fault/many_headers/v1/chat/completions"),
    ("429", "status 429: 'slow down'"),
    ("429_huge", "status 429"),
    ("500", "status 500: 'boom'"),
    ("503", "status 503"),
    ("401", "status 401: 'bad key'"),
    ("redirect", "status 302"),
])
def test_fault_is_one_rows_error(bundle, upstream, fault, says):
    result = run(bundle("%s/fault/%s/v1" % (upstream.url, fault)), ROWS)

    check_one_failed(result, says, "1 attempt")
    assert result["usage"]["retries"] == 0


def test_refused(bundle):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound, not listening: connections are refused
        result = run(bundle("http://127.0.0.1:%d/v1" % taken.getsockname()[1], retries=1), ROWS)

    check_one_failed(result, "2 attempts", "refused", longest_ms=250)


@pytest.mark.parametrize("fault", ["reset_before", "stall_before_header", "503", "500", "truncated"])
def test_transient_faults_are_tried_again(bundle, upstream, fault):
    result = run(bundle("%s/fault/%s/v1" % (upstream.url, fault), retries=2), ROWS)

    check_one_failed(result, "3 attempts", longest_ms=3 * TIMEOUT_MS + 250 + 500)
    assert result["usage"]["retries"] == 2


@pytest.mark.parametrize("script", [
    [{"status": 500}, {"status": 502, "body": "<html>"}, {"text": "at last"}],
    [{"status": 429, "headers": {"Retry-After": "0"}}, {"text": "at last"}],
    [{"status": 503, "headers": {"Retry-After": "soon"}}, {"reset": "in_header"}, {"text": "at last"}],
    [{"fin": "in_body", "text": "x"}, {"stall": "in_body", "text": "x"}, {"text": "at last"}],
])
def test_recovers(bundle, upstream, script):
    upstream.script([{**step, "path": "/v1"} for step in script])
    result = run(bundle(retries=2, timeout=1500), ROWS)

    assert [a["error"] for a in result["answer"]["predictions"]] == [None] * 3
    assert result["answer"]["predictions"][1]["wrong"] == "at last"
    assert result["usage"]["retries"] == len(script) - 1


def test_retry_after_is_kept(bundle, upstream):
    upstream.script([{"status": 429, "headers": {"Retry-After": "1"}, "path": "/v1"},
                     {"text": "later", "path": "/v1"}])
    result = run(bundle(retries=2, timeout=20000), ROWS)

    assert result["answer"]["predictions"][1]["wrong"] == "later"
    assert 990 <= result["elapsed_ms"] <= 1000 + SLACK_MS


@pytest.mark.parametrize("fault, due", [("429_huge", "30000"), ("429_date", "30000"), ("429", "1000")])
def test_retry_after_beyond_the_deadline_fails_at_once(bundle, upstream, fault, due):
    away = bundle("%s/fault/%s/v1" % (upstream.url, fault), retries=2, timeout=20000)
    result = run(away, ROWS, "--timeout-ms", 900)

    check_one_failed(result, "1 attempt", "due in %s ms, after the row's deadline" % due)


def test_client_mistakes_are_not_tried_again(bundle, upstream):
    for fault in ("401", "redirect", "html"):
        check_one_failed(run(bundle("%s/fault/%s/v1" % (upstream.url, fault), retries=2), ROWS), "1 attempt")


def test_deadline_of_the_batch(bundle, upstream):
    stalled = bundle(upstream.url + "/fault/stall_before_header/v1", timeout=60000)
    result = run(stalled, ROWS, "--timeout-ms", 1500)

    assert result["elapsed_ms"] <= 1500 + SLACK_MS
    answers = result["answer"]["predictions"]
    assert answers[1]["error"] == ("step 'wrong': the row's deadline of 1500 ms ran out while it waited for an answer of "
                                   "model 'bad' (attempt 1)")
    assert answers[0]["right"] == "Q: 0" and answers[2]["right"] == "Q: 2"


def test_without_error_column_the_batch_fails(bundle, upstream):
    plain = bundle(upstream.url + "/fault/500/v1", outputs=OUTPUTS)
    result = run(plain, ROWS)

    assert result["code"] == "bad_request"
    assert result["error"].startswith(
        "encountered an unexpected error while evaluating the model: row 1: step 'wrong': model 'bad' (")
    assert "status 500: 'boom'" in result["error"]


def test_failing_batch_cancels_the_rest(bundle, upstream):
    upstream.script([{"stall": "before", "path": "/ok", "times": -1}])
    plain = bundle(upstream.url + "/fault/500/v1", outputs=OUTPUTS)
    result = run(plain, ROWS * 20, "--rows-in-flight", 6)

    assert result["code"] == "bad_request"
    assert result["elapsed_ms"] <= SLACK_MS
    assert upstream.count <= 6


def test_deadline_without_error_column(bundle, upstream):
    plain = bundle(upstream.url + "/fault/stall_in_body/v1", outputs=OUTPUTS, timeout=60000)
    result = run(plain, ROWS, "--timeout-ms", 200)

    assert result["code"] == "deadline" and "row 1: step 'wrong'" in result["error"]
    assert result["elapsed_ms"] <= 200 + SLACK_MS


@pytest.mark.parametrize("fault", ["stall_before_header", "stall_in_body", "429", "drip"])
def test_cancel(bundle, upstream, fault):
    result = run(bundle("%s/fault/%s/v1" % (upstream.url, fault), timeout=60000, retries=3), ROWS,
                 "--cancel-after-ms", 150)

    assert result["code"] == "cancelled"
    assert result["elapsed_ms"] <= 150 + SLACK_MS


MIXED = """
version: 1
models:
  small: {base_url: "%(bad)s", model: x, timeout_ms: 8, retries: 2, concurrency: 2, fallback: big}
  big: {base_url: "%(good)s", model: y, timeout_ms: 5000, concurrency: 3}
tools:
  - name: busy
    sql: {result: value, statement: "WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c WHERE x < 100000)
          SELECT sum(x) + length(:question) FROM c"}
steps:
  - name: sum
    tool: busy
  - name: first
    llm: {model: small, prompt: ask}
  - name: second
    llm: {model: big, prompt: ask, output: {type: object}, repairs: 2}
outputs: {wrong: first, right: sum}
"""


@pytest.mark.parametrize("threads", [1, 3])
def test_cancel_at_any_moment(bundle, upstream, threads):
    """In a slot's line, a fetch, a pause, a statement, a repair: the sanitizers watch, and every batch ends."""
    upstream.script([{"echo": True, "delay_ms": 5, "times": -1}])
    mixed = bundle(upstream.url + "/v1", config=MIXED, outputs=[column("wrong"), column("right", "long"), ERROR])
    rows = [{"kind": "good", "question": str(i)} for i in range(12)]
    for how in ("--cancel-after-ms", "--timeout-ms"):
        done = run(mixed, rows, how, 1 if how == "--cancel-after-ms" else 40, "--repeat", 60 if threads == 1 else 30,
                   "--rows-in-flight", 8, "--threads", threads, threads=threads)
        for result in done if threads > 1 else [done]:
            assert result.get("code") == "cancelled" or len(result["answer"]["predictions"]) == 12
            assert result["loop_stall_ms"] < 5000, "nothing may hold the loop"


SCHEMA = (", output: {type: object, properties: {n: {type: integer}}, required: [n], additionalProperties: false}")
ANY = [column("wrong", "any", required=False), column("right", required=False), ERROR]


@pytest.mark.parametrize("content, value", [
    ('{"n": 1}', {"n": 1}),
    ('```json\n{"n": 2}\n```', {"n": 2}),
    ('  ```\n{"n": 3}```  \n', {"n": 3}),
    ([{"type": "reasoning", "summary": []}, {"type": "text", "text": '{"n":'}, {"type": "text", "text": "4}"}], {"n": 4}),
])
def test_structured_answers(bundle, upstream, content, value):
    upstream.script([{"content": content, "path": "/v1"}])
    result = run(bundle(output=SCHEMA, outputs=ANY), ROWS)

    assert result["answer"]["predictions"][1] == {"wrong": value, "right": None, "error": None}
    sent = next(r["json"] for r in upstream.requests if r["path"].startswith("/v1"))
    assert sent["response_format"] == {"type": "json_schema", "json_schema": {"name": "wrong", "strict": True, "schema": {
        "type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"], "additionalProperties": False}}}


@pytest.mark.parametrize("first", ['{"n": "one"}', "Sure! Here you are.", '{"n": 1, "m": 2}', ""])
def test_repaired(bundle, upstream, first):
    upstream.script([{"text": first, "path": "/v1"}, {"text": '{"n": 5}', "path": "/v1"}])
    result = run(bundle(output=SCHEMA, outputs=ANY), ROWS)

    assert result["answer"]["predictions"][1]["wrong"] == {"n": 5}
    assert result["usage"]["model_calls"] == 4 and result["usage"]["input_tokens"] == 4 * 49
    repair = [r["json"] for r in upstream.requests if r["path"].startswith("/v1")][1]["messages"]
    assert [m["role"] for m in repair] == ["user", "assistant", "user"]
    assert repair[1]["content"] == first and "does not fit" in repair[2]["content"]


def test_not_repaired(bundle, upstream):
    upstream.script([{"text": '{"n": "one"}', "path": "/v1", "times": -1}])
    result = run(bundle(output=SCHEMA, outputs=ANY), ROWS)

    error = result["answer"]["predictions"][1]["error"]
    assert error.startswith("step 'wrong': model 'bad' missed the answer's schema in 2 answers: ")
    assert "/n" in error and "integer" in error


@pytest.mark.parametrize("answer, says", [
    ({"content": None}, "content is null"),
    ({"content": []}, "has no text"),
    ({"text": "half", "finish_reason": "length"}, "cut at its token limit"),
    ({"text": "", "finish_reason": "content_filter"}, "content filter"),
    ({"json": {"choices": [{"message": {"content": None, "refusal": "I may not"}}]}}, "the model refused: 'I may not'"),
    ({"json": {"error": {"message": "over quota for sk-very-secret"}}}, "over quota for ***"),
    ({"json": {"choices": []}}, "no choices"),
    ({"json": {"choices": None}}, "no choices"),
    ({"json": [1]}, "no choices"),
    ({"json": {"message": {"content": "ollama's own shape"}}}, "no choices"),
    ({"status": 400, "body": "bad\r\n\x1b[31m key sk-very-secret \u0007" + "x" * 500}, "status 400: 'bad   [31m key ***"),
])
def test_replies_without_an_answer(bundle, upstream, answer, says):
    upstream.script([{**answer, "path": "/v1"}])

    check_one_failed(run(bundle(), ROWS), says)


def test_usage_is_counted_and_never_guessed(bundle, upstream):
    upstream.script([{"text": "a", "usage": None, "path": "/v1"}])
    usage = run(bundle(), ROWS)["usage"]

    assert usage["calls_unreported"] == 1 and usage["model_calls"] == 3
    assert usage["input_tokens"] == 2 * 49 and usage["output_tokens"] == 2 * 17


def test_fallback(bundle, upstream):
    result = run(bundle(upstream.url + "/fault/500/v1", retries=1, more=", fallback: good"), ROWS)

    assert [a["wrong"] or a["right"] for a in result["answer"]["predictions"]] == ["Q: 0", "Q: 1", "Q: 2"]
    assert result["usage"]["retries"] == 1


def test_many_rows_in_two_threads(bundle, upstream):
    rows = [{"kind": "good", "question": str(i)} for i in range(300)]
    results = run(bundle(), rows, "--threads", 2, threads=2)

    assert len(results) == 2
    for result in results:
        assert [a["right"] for a in result["answer"]["predictions"]] == ["Q: %d" % i for i in range(300)]
        assert result["rows_seen"] == 300


RECORDED = CONFIG.replace("bad: {", "bad: {provider: recorded, ").replace("good: {", "good: {provider: recorded, ")


def test_recorded_bundles_replay_offline(bundle, upstream, tmp_path):
    upstream.script([{"status": 503, "path": "/v1", "headers": {"Retry-After": "2"}},
                     {"text": '{"n": "x"}', "path": "/v1"}, {"text": '{"n": 7}', "path": "/v1"}])
    live = bundle(output=SCHEMA, outputs=ANY, retries=1, timeout=20000)
    recording = tmp_path / "recorded.jsonl"
    seen = run(live, ROWS, "--record", recording)
    assert seen["answer"]["predictions"][1]["wrong"] == {"n": 7}
    lines = [json.loads(line) for line in recording.read_text().splitlines()]
    assert len(lines) == 5 and sorted(line["reply"]["status"] for line in lines) == [200, 200, 200, 200, 503]
    assert "sk-very-secret" not in recording.read_text()

    asked = upstream.count
    replay = bundle(output=SCHEMA, outputs=ANY, retries=1, timeout=20000, config=RECORDED)
    (replay / "recordings").mkdir()
    (replay / "recordings" / "a.jsonl").write_text(recording.read_text())
    replayed = run(replay, ROWS)

    assert replayed["answer"] == seen["answer"] and replayed["usage"] == seen["usage"]
    assert seen["elapsed_ms"] >= 1990
    assert replayed["elapsed_ms"] < seen["elapsed_ms"] / 2, "a recorded 503 is not waited for"
    assert upstream.count == asked

    missed = run(replay, [{"kind": "good", "question": "2 and more"}])["answer"]["predictions"][0]["error"]
    assert missed.startswith("step 'right': model 'good': no recording of this request; the nearest of 5 is "
                             "recordings/a.jsonl:")
    assert "messages.0.content differs at byte 4: recorded 'Q: 2', asked 'Q: 2 and more'" in missed

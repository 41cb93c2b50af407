"""API keys go to their endpoint and nowhere else, however the endpoint sends them back."""
import base64
import html
import json
import urllib.parse

import pytest

from conftest import column
from upstream import Upstream

KEY = 'sk-canary/4f1b"9c\\\\T&7e+0'
CONFIG = """version: 1
models:
  writer: {provider: openai, base_url: "${env:TEST_LLM}", api_key: '${secret:writer}', model: m, retries: 0}
steps:
  - name: draft
    llm: {model: writer, prompt: ask%s}
outputs: {answer: draft}
"""
SCHEMA = ", output: {type: object, properties: {a: {enum: [x]}}, required: [a], additionalProperties: false}, repairs: 0"
INPUTS = [column("question")]
OUTPUTS = [column("answer", "string"), column("error", required=False)]


def escaped(text):
    return json.dumps(text).replace("/", "\\/")[1:-1]


def in_unicode(text):
    return "".join("\\u%04x" % ord(c) for c in text)


SHAPES = {
    "plain": KEY,
    "json": escaped(KEY),
    "json in json": escaped(escaped(KEY)),
    "unicode": in_unicode(KEY),
    "url": urllib.parse.quote(KEY, safe=""),
    "html": html.escape(KEY),
    "base64": base64.b64encode(KEY.encode()).decode(),
    "bearer": base64.b64encode(b"Bearer " + KEY.encode()).decode(),
    "user": base64.b64encode(b"user:" + KEY.encode()).decode(),
    "url-safe": base64.urlsafe_b64encode(b"x" + KEY.encode()).decode(),
}
# What of a key, or of its Base64, must not show up anywhere.
TRACES = ["canary", in_unicode("canary"), *(SHAPES[name][12:20] for name in ("base64", "bearer", "user", "url-safe"))]


def content(text):
    return {"json": {"choices": [{"message": {"content": text}, "finish_reason": "stop"}]}}


def replies(shape):
    yield {"status": 401, "json": {"error": {"message": "bad key " + shape}}}
    yield {"status": 401, "json": {"oops": {shape: shape}}}
    yield {"status": 502, "body": "<html>" + shape}
    yield {"status": 200, "body": '{"k": ' + shape}
    yield {"status": 200, "json": {"error": {"message": shape}}}
    yield {"status": 200, "json": {"choices": [{"message": {"refusal": shape}}]}}
    yield content("the key is " + shape)
    yield content('{"a": "' + shape + '"}')


@pytest.fixture
def serve(make_bundle, sluiced, tmp_path):
    (tmp_path / "secrets").mkdir()
    (tmp_path / "secrets" / "writer").write_text(KEY)

    def start(up, step):
        bundle = make_bundle(CONFIG % step, inputs=INPUTS, outputs=OUTPUTS, prompts={"ask": "{{question}}"})
        return bundle, ["--secrets", tmp_path / "secrets"], {"TEST_LLM": up.url + "/v1"}

    return start


def assert_clean(text, where):
    for trace in TRACES:
        assert trace not in text, "%s in %s: %s" % (trace, where, text[max(0, text.find(trace) - 200):][:400])


@pytest.mark.parametrize("step", ["", SCHEMA], ids=["text", "schema"])
def test_keys_stay_out_of_answers_logs_and_metrics(serve, sluiced, step):
    with Upstream() as up:
        bundle, options, env = serve(up, step)
        server = sluiced(bundle, *options, env=env)
        script = [reply for shape in SHAPES.values() for reply in replies(shape)]
        up.script(script)
        for reply in script:
            status, answer = server.post({"dataframe_records": [{"question": "q"}]})
            assert status == 200
            assert_clean(json.dumps(answer, ensure_ascii=False), "the answer to %r" % reply)
        assert up.count == len(script)
        assert_clean(server.get("/metrics"), "/metrics")
        server.stop()
    assert_clean(server.log, "the log")


def test_keys_stay_out_of_recordings(serve, run_sluice, tmp_path):
    record = tmp_path / "record.jsonl"
    with Upstream() as up:
        bundle, options, env = serve(up, "")
        script = [reply for shape in SHAPES.values() for reply in replies(shape)]
        up.script(script)
        rows = "\n".join(json.dumps({"question": "q%d" % i}) for i in range(len(script)))
        done = run_sluice("predict", bundle, "--rows", "-", "--record", record, *options, env=env, stdin=rows)
    assert record.read_text().count("\n") == len(script), done.stderr
    assert_clean(record.read_text(), "the recording")
    assert_clean(done.stdout + done.stderr, "what predict says")

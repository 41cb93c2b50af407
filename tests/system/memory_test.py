"""Memory over time, on the build that users run: no growth with requests, and nothing that valgrind would complain of."""
import http.client
import json
import os
import shutil
import signal

import pytest
from conftest import BUILD, MODELS, ROOT, Sluiced, column
from upstream import Upstream

GROWTH_MAX_KIB = 2048
IS_SANITIZED = any(mark in (BUILD / "sluiced").read_bytes() for mark in (b"__asan_init", b"__tsan_init"))
# A sanitizer keeps freed memory back and cannot run under valgrind.
pytestmark = pytest.mark.skipif(IS_SANITIZED, reason="for the release build")

ECHO_ROWS = json.dumps({"dataframe_records": [
    {"user_id": "u%d" % i, "session_id": "s%d" % i, "country": "AU", "query": "When can I access my super?"}
    for i in range(4)]})
LLM_CONFIG = """version: 1
models:
  writer: {base_url: "${env:TEST_LLM}", model: m, timeout_ms: 60000}
steps:
  - name: answer
    llm: {model: writer, prompt: ask}
"""


def posts(port, body, count):
    """`count` requests on one connection; all must be answered with 200."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    for _ in range(count):
        connection.request("POST", "/invocations", body, {"Content-Type": "application/json"})
        answer = connection.getresponse()
        data = answer.read()
        assert answer.status == 200, data
    connection.close()
    return data


def grown_kib(server, body, warm_up, count):
    posts(server.port, body, warm_up)
    before = server.rss_kib()
    posts(server.port, body, count)
    return server.rss_kib() - before


def test_requests_on_one_connection_cost_no_memory(sluiced):
    server = sluiced(MODELS / "pension", "--workers", 1, "--log-level", "error")
    assert grown_kib(server, ECHO_ROWS, 2000, 20000) < GROWTH_MAX_KIB


def llm_bundle(make_bundle):
    return make_bundle(LLM_CONFIG, inputs=[column("question")], outputs=[column("answer"), column("error", required=False)],
                       prompts={"ask": "{{question}}"})


def test_rows_of_a_model_cost_no_memory(make_bundle, sluiced):
    body = json.dumps({"dataframe_records": [{"question": "q%d" % i} for i in range(100)]})
    with Upstream() as up:
        server = sluiced(llm_bundle(make_bundle), "--workers", 1, "--log-level", "error", env={"TEST_LLM": up.url + "/v1"})
        growth = grown_kib(server, body, 20, 100)
        assert up.count == 12000
    assert growth < GROWTH_MAX_KIB


def valgrind(bundle, tmp_path, env=None):
    """sluiced under valgrind, which makes its exit status 99 where memory is misused or lost."""
    wrapper = tmp_path / "bin"
    wrapper.mkdir()
    (wrapper / "sluiced").write_text('#!/bin/sh\nexec valgrind -q --error-exitcode=99 --leak-check=full "%s" "$@"\n'
                                     % (BUILD / "sluiced"))
    (wrapper / "sluiced").chmod(0o755)
    return Sluiced(bundle, "--workers", 1, "--drain-timeout-ms", 60000, env=env, state=tmp_path, wait_s=60,
                   program=wrapper / "sluiced")


@pytest.fixture(autouse=True)
def needs_valgrind(request):
    if "valgrind" not in request.node.name or shutil.which("valgrind"):
        return
    assert os.environ.get("SLUICE_TESTS_COMPLETE") != "1", "valgrind is missing"
    pytest.skip("valgrind is not installed")


def test_echo_under_valgrind(tmp_path):
    server = valgrind(MODELS / "pension", tmp_path)
    posts(server.port, ECHO_ROWS, 20)
    assert server.post(b"{", timeout=60)[0] == 400
    assert server.post(b"user_id,session_id,country,query\nu,s,AU,q\n", content_type="text/csv", timeout=60)[0] == 200
    server.get("/metrics")
    server.stop(signal.SIGTERM)


def test_the_example_under_valgrind(tmp_path):
    server = valgrind(ROOT / "examples" / "slide_generator", tmp_path)
    request = json.loads((ROOT / "examples" / "slide_generator_rows.json").read_text())
    status, answer = server.post(request, timeout=60)
    assert status == 200 and all(row["error"] is None for row in answer["predictions"])
    server.stop(signal.SIGTERM)


def test_faults_of_a_model_under_valgrind(make_bundle, tmp_path):
    with Upstream() as up:
        server = valgrind(llm_bundle(make_bundle), tmp_path, env={"TEST_LLM": up.url + "/v1"})
        up.script([{"echo": True}, {"status": 400}, {"reset": "before"}, {"fin": "in_body", "text": "x"}, {"body": "{"},
                   {"size": 20_000_000}])
        status, answer = server.post({"dataframe_records": [{"question": str(i)} for i in range(12)]}, timeout=60)
        assert status == 200
        assert {row["error"] is None for row in answer["predictions"]} == {True, False}
        server.stop(signal.SIGTERM)

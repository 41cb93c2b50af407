"""Chat endpoints: OpenAI's paths with the real client, streams as server-sent events, faults of the model in a stream."""
import json
import socket
import threading
import time

import pytest
import requests

from conftest import BUILD, client_module, column
from upstream import Upstream

openai = client_module("openai")

CONFIG = """version: 1
models:
  writer: {provider: openai, base_url: "${env:TEST_LLM}", api_key: "${env:TEST_KEY:-sk-canary-4f1b}", model: m, retries: 0,
           timeout_ms: %(timeout_ms)d, price_usd_per_million: {input: 3.00, output: 15.00}}
steps:
  - name: answer
    llm: {model: writer, system: rules, %(asks)s}
%(more)s"""
MESSAGES = column("messages", "array", items={"type": "object", "properties": {
    "role": {"type": "string", "required": True}, "content": {"type": "string", "required": False}}})
ASK = [{"role": "user", "content": "one two three"}]


def declare(folder, task):
    """MLmodel's metadata.task, as MLflow writes it for ChatModel and ResponsesAgent."""
    path = folder / "MLmodel"
    path.write_text(json.dumps({**json.loads(path.read_text()), "metadata": {"task": task}}))
    return folder


@pytest.fixture
def chat(make_bundle, sluiced):
    """chat(up, options…) -> a server whose bundle is a chat that `up` answers, and OpenAI's client of it"""
    clients = []

    def start(up, *args, task="llm/v1/chat", inputs=None, outputs=None, asks="messages: messages", more="", timeout_ms=60000):
        bundle = make_bundle(CONFIG % {"asks": asks, "more": more, "timeout_ms": timeout_ms}, inputs=inputs or [MESSAGES],
                             outputs=outputs or [column("answer"), column("error", required=False)], prompts={"rules": "Be kind."})
        server = sluiced(declare(bundle, task) if task else bundle, *args, env={"TEST_LLM": up.url + "/v1"})
        clients.append(openai.OpenAI(base_url=server.url + "/v1", api_key="any", max_retries=0))
        return server, clients[-1]

    yield start
    for client in clients:  # whose kept connections a drain would wait for
        client.close()


def frames(server, body, path="/invocations"):
    """-> status, events as JSON, whether the stream ended with [DONE] and was whole"""
    answer = requests.post(server.url + path, json=body, stream=True, timeout=30)
    events, is_done, is_whole = [], False, True
    if answer.status_code != 200:
        return answer, events, False
    try:
        for line in answer.iter_lines():
            if not line:
                continue
            assert line.startswith(b"data: "), "mlflow's client takes no other line: %r" % line
            assert not is_done
            if line == b"data: [DONE]":
                is_done = True
            else:
                events.append(json.loads(line[6:]))
    except requests.exceptions.ChunkedEncodingError:
        is_whole = False
    return answer, events, is_done and is_whole


def said(events):
    return "".join(c["delta"].get("content") or "" for e in events for c in e.get("choices", []))


# Whole answers

def test_a_chat_completion(chat):
    with Upstream() as up:
        server, client = chat(up)
        answer = client.chat.completions.create(model="any", messages=[{"role": "system", "content": "And brief."}, *ASK], n=1,
                                                user="u", metadata={"a": "b"})
        models = client.models.list().data
        assert client.models.retrieve(models[0].id).id == models[0].id
        with pytest.raises(openai.NotFoundError):
            client.models.retrieve("no-such-model")
        sent = up.requests[0]["json"]
    assert sent["messages"] == [{"role": "system", "content": "Be kind.\n\nAnd brief."}, *ASK] and "stream" not in sent
    choice = answer.choices[0]
    assert (choice.message.role, choice.message.content, choice.finish_reason) == ("assistant", "one two three", "stop")
    assert (answer.usage.prompt_tokens, answer.usage.completion_tokens, answer.usage.total_tokens) == (49, 17, 66)
    assert answer.object == "chat.completion" and answer.id.startswith("chatcmpl-") and abs(answer.created - time.time()) < 60


def test_what_a_chat_refuses_is_named(chat):
    with Upstream() as up:
        _, client = chat(up)
        for more, param in (({"tools": [{"type": "function", "function": {"name": "f"}}]}, "tools"), ({"max_tokens": 5}, "max_tokens"),
                            ({"n": 2}, "n"), ({"response_format": {"type": "json_object"}}, "response_format"), ({"store": True}, "store")):
            with pytest.raises(openai.BadRequestError) as refused:
                client.chat.completions.create(model="any", messages=ASK, **more)
            assert refused.value.param == param and param in refused.value.message
        with pytest.raises(openai.BadRequestError, match="serves a chat .*llm/v1/chat"):
            client.completions.create(model="any", prompt="x")
        assert up.count == 0


def test_declared_params_reach_the_row(chat):
    with Upstream() as up:
        _, client = chat(up, inputs=[MESSAGES, column("tone", required=False), column("temperature", "double", required=False)],
                         asks="messages: messages, prompt: rules")
        answer = client.chat.completions.create(model="any", messages=ASK, temperature=0.5, extra_body={"tone": "dry"})
    assert answer.choices[0].message.content == "Be kind."  # the prompt is the last message, and echoed


def test_sampling_is_the_requests_where_it_says_so(chat):
    sampling = "{temperature: temperature, max_tokens: max_tokens, stop: stop}"
    with Upstream() as up:
        _, client = chat(up, inputs=[MESSAGES, column("temperature", "double", required=False), column("max_tokens", "long", required=False),
                                     column("stop", "array", required=False, items={"type": "string"})],
                         asks="messages: messages, sampling: %s" % sampling)
        up.script([{"text": "one two", "finish_reason": "length"}, {"stream": ["one "], "finish_reason": "length"},
                   {"text": "one two", "finish_reason": "length"}])
        answer = client.chat.completions.create(model="any", messages=ASK, temperature=0.25, max_tokens=2, stop=["."])
        chunks = list(client.chat.completions.create(model="any", messages=ASK, max_tokens=1, stream=True))
        with pytest.raises(openai.BadRequestError, match="token limit"):  # of the endpoint's own: half an answer is none
            client.chat.completions.create(model="any", messages=ASK)
        sent = [request["json"] for request in up.requests]
    assert (sent[0]["temperature"], sent[0]["max_tokens"], sent[0]["stop"]) == (0.25, 2, ["."])
    assert "temperature" not in sent[1] and sent[1]["max_tokens"] == 1 and "max_tokens" not in sent[2]
    assert answer.choices[0].finish_reason == "length" and answer.choices[0].message.content == "one two"
    assert chunks[-1].choices[0].finish_reason == "length"


def test_the_models_errors_are_the_clients_classes(chat):
    with Upstream() as up:
        _, client = chat(up, timeout_ms=300)
        for behaviour, error, code in (({"status": 429}, openai.RateLimitError, "REQUEST_LIMIT_EXCEEDED"),
                                       ({"status": 500}, openai.BadRequestError, "BAD_REQUEST"),
                                       ({"stall": "before"}, openai.InternalServerError, "DEADLINE_EXCEEDED")):
            for is_stream in (False, True):
                up.script([behaviour])
                with pytest.raises(error) as failed:
                    client.chat.completions.create(model="any", messages=ASK, stream=is_stream)
                assert failed.value.code == code and "answer" in failed.value.message
                assert "sk-canary" not in failed.value.message


def test_a_bundle_of_rows_is_no_chat(make_bundle, sluiced):
    config = "version: 1\nsteps:\n  - {name: a, tool: t}\ntools:\n  - {name: t, sql: {statement: SELECT :q AS a, result: value}}\n"
    server = sluiced(make_bundle(config, inputs=[column("q")], outputs=[column("a")]))
    with openai.OpenAI(base_url=server.url + "/v1", api_key="any", max_retries=0) as client:
        refuses_all(client)
    assert server.post({"dataframe_records": [{"q": "x"}]}) == (200, {"predictions": [{"a": "x"}]})


def refuses_all(client):
    for ask in (lambda: client.chat.completions.create(model="any", messages=ASK),
                lambda: client.completions.create(model="any", prompt="x"), lambda: client.responses.create(model="any", input="x")):
        with pytest.raises(openai.BadRequestError, match="serves rows"):
            ask()


@pytest.mark.parametrize("task, kind", [("llm/v1/chat", "object"), (None, "list")])
def test_at_invocations_a_chat_answers_as_one_where_it_says_so(chat, task, kind):
    with Upstream() as up:
        server, _ = chat(up, task=task)
        status, answer = server.post({"messages": ASK})
        assert status == 200
        if kind == "object":
            assert answer["choices"][0]["message"]["content"] == "one two three"
        else:
            assert answer == [{"answer": "one two three", "error": None}]
        # Rows are rows.
        status, answer = server.post({"dataframe_records": [{"messages": ASK}]})
    assert (status, answer) == (200, {"predictions": [{"answer": "one two three", "error": None}]})


def test_completions_and_responses(chat):
    with Upstream() as up:
        _, client = chat(up, task="llm/v1/completions", inputs=[column("prompt")], asks="messages: prompt")
        answer = client.completions.create(model="any", prompt="one two three")
        assert answer.choices[0].text == "one two three" and answer.object == "text_completion"
        assert "".join(c.choices[0].text for c in client.completions.create(model="any", prompt="one two", stream=True)) == "one two"
        _, client = chat(up, task="agent/v1/responses", inputs=[column("input", "array", items={"type": "any"})], asks="messages: input")
        answer = client.responses.create(model="any", input="one two three", instructions="Be brief.")
        assert up.requests[-1]["json"]["messages"][0]["content"] == "Be kind.\n\nBe brief."
    assert answer.output_text == "one two three" and answer.status == "completed" and answer.usage.total_tokens == 66


# Streams

def test_tokens_are_passed_on_as_they_come(chat):
    with Upstream() as up:
        server, client = chat(up)
        up.script([{"stream": ["one ", "two ", "three"], "stream_every_ms": 100}])
        times, texts, usage = [], [], None
        for chunk in client.chat.completions.create(model="any", messages=ASK, stream=True, stream_options={"include_usage": True}):
            usage = chunk.usage
            if chunk.choices and chunk.choices[0].delta.content:
                times.append(time.monotonic())
                texts.append(chunk.choices[0].delta.content)
        sent = up.requests[0]["json"]
        metrics = server.get("/metrics")
    assert texts == ["one ", "two ", "three"] and times[-1] - times[0] > 0.15
    assert usage.total_tokens == 66
    assert sent["stream"] is True and sent["stream_options"] == {"include_usage": True}
    for line in ("sluice_model_calls_total 1", "sluice_input_tokens_total 49", "sluice_output_tokens_total 17"):
        assert line + "\n" in metrics


def test_predict_stream_at_invocations(chat):
    with Upstream() as up:
        server, _ = chat(up, task=None)
        up.script([{"stream": True}])
        answer, events, is_whole = frames(server, {"messages": ASK, "stream": True})
    assert is_whole and answer.headers["Content-Type"] == "text/event-stream" and answer.headers["Cache-Control"] == "no-cache"
    assert events[0]["choices"][0]["delta"] == {"role": "assistant", "content": ""}
    assert events[-1]["choices"][0] == {"index": 0, "delta": {}, "finish_reason": "stop"}
    assert said(events) == "one two three " and {e["object"] for e in events} == {"chat.completion.chunk"}
    assert len({e["id"] for e in events}) == 1 and not any("usage" in e for e in events)


def test_an_endpoint_that_does_not_stream_is_cut_into_pieces(chat):
    text = "word " * 40
    with Upstream() as up:
        server, _ = chat(up)
        up.script([{"text": text}])
        _, events, is_whole = frames(server, {"messages": ASK, "stream": True})
    assert is_whole and said(events) == text and len(events) > 5


def test_a_step_with_a_schema_is_answered_whole(chat):
    with Upstream() as up:
        server, _ = chat(up, outputs=[column("answer", "any")],
                         asks="messages: messages, output: {type: object, properties: {a: {type: string}}, required: [a]}")
        up.script([{"text": "no JSON"}, {"text": '{"a": "x"}'}])
        _, events, is_whole = frames(server, {"messages": ASK, "stream": True})
        assert up.count == 2 and "stream" not in up.requests[1]["json"]
    assert is_whole and json.loads(said(events)) == {"a": "x"}


def test_responses_stream(chat):
    with Upstream() as up:
        server, client = chat(up, task="agent/v1/responses", inputs=[column("input", "array", items={"type": "any"})], asks="messages: input")
        up.script([{"stream": True}, {"stream": True}, {"stream": True, "stream_end": "fin"}])
        types = [e.type for e in client.responses.create(model="any", input="one two", stream=True)]
        with client.responses.stream(model="any", input="one two") as stream:
            for _ in stream:
                pass
            whole = stream.get_final_response()
        with pytest.raises(openai.APIError, match="cut|closed|early"):
            list(client.responses.create(model="any", input="one two", stream=True))
    assert types[0] == "response.created" and types[-1] == "response.completed"
    assert types.count("response.output_text.delta") == 2 and "response.output_item.done" in types
    assert whole.output_text == "one two " and whole.usage.total_tokens == 66


EVENTS = 6  # the role, two deltas, finish_reason, usage, [DONE]


@pytest.mark.parametrize("end", ["fin", "reset", "error", "none"])
def test_a_stream_that_is_cut_at_any_event_is_an_error(chat, end):
    with Upstream() as up:
        server, client = chat(up)
        for cut in range(EVENTS):
            behaviour = {"stream": ["one ", "two"], "stream_cut": cut, "stream_end": end}
            up.script([behaviour, behaviour])
            with pytest.raises(openai.APIError) as failed:
                list(client.chat.completions.create(model="any", messages=ASK, stream=True))
            answer, events, is_whole = frames(server, {"messages": ASK, "stream": True})
            assert failed.value.code == "BAD_REQUEST" and "answer" in str(failed.value)
            if cut < 2:  # no text was passed on: the failure is an answer of its own
                assert answer.status_code == 400 and isinstance(failed.value, openai.BadRequestError)
                continue
            assert answer.status_code == 200 and not is_whole and said(events) == "one two"[:4 if cut == 2 else 7]
            assert set(events[-1]) == {"error", "error_code", "message"}
            assert set(events[-1]["error"]) == {"message", "type", "code", "param"}
        records = server.wait_records("http.request", 2 * EVENTS)
    assert {record["status"] for record in records} == {400} and all("answer" in record["error"] for record in records)


def test_nothing_is_tried_again_once_text_was_passed_on(make_bundle, sluiced):
    config = CONFIG.replace("retries: 0", "retries: 2") % {"asks": "messages: messages", "more": "", "timeout_ms": 60000}
    with Upstream() as up:
        server = sluiced(declare(make_bundle(config, inputs=[MESSAGES], outputs=[column("answer")], prompts={"rules": "r"}), "llm/v1/chat"),
                         env={"TEST_LLM": up.url + "/v1"})
        up.script([{"status": 500}, {"stream": ["x"], "stream_cut": 1, "stream_end": "reset"}, {"stream": ["one ", "two"]}])
        _, events, is_whole = frames(server, {"messages": ASK, "stream": True})
        assert is_whole and said(events) == "one two" and up.count == 3
        up.script([{"stream": ["one ", "two"], "stream_cut": 2, "stream_end": "reset"}])
        _, events, is_whole = frames(server, {"messages": ASK, "stream": True})
        assert not is_whole and said(events) == "one " and up.count == 4


def test_a_step_behind_the_text_that_fails_is_an_event(chat):
    more = ("  - {name: later, tool: overflow}\ntools:\n"
            "  - {name: overflow, sql: {statement: \"SELECT abs(-9223372036854775807 - 1)\", result: value}}\n")
    with Upstream() as up:
        server, _ = chat(up, more=more)
        up.script([{"stream": ["one ", "two"]}, {"text": "one two"}])
        _, events, is_whole = frames(server, {"messages": ASK, "stream": True})
        refused, _, _ = frames(server, {"messages": ASK, "stream": True})
    assert said(events) == "one two" and not is_whole and "later" in events[-1]["error"]["message"]
    assert refused.status_code == 400  # nothing was streamed: the text of an endpoint that answers whole waits for the row


def test_a_stream_that_stalls_ends_at_the_models_timeout(chat):
    with Upstream() as up:
        _, client = chat(up, timeout_ms=400)
        up.script([{"stream": ["one ", "two"], "stream_cut": 2, "stream_end": "stall"}])
        started = time.monotonic()
        with pytest.raises(openai.APIError, match="400 ms"):
            list(client.chat.completions.create(model="any", messages=ASK, stream=True))
        assert time.monotonic() - started < 15


def test_the_head_is_sent_while_the_model_is_silent(chat):
    with Upstream() as up:
        server, _ = chat(up, "--stream-after-ms", 50, timeout_ms=600)
        up.script([{"stall": "before"}])
        answer, events, is_whole = frames(server, {"messages": ASK, "stream": True})
    assert answer.status_code == 200 and not is_whole
    assert events[0]["choices"][0]["delta"]["role"] == "assistant" and events[1]["error"]["code"] == "DEADLINE_EXCEEDED"


def raw_stream(server, body, rcvbuf=None):
    s = socket.socket()
    if rcvbuf:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, rcvbuf)
    s.settimeout(20)
    s.connect(("127.0.0.1", server.port))
    data = json.dumps(body).encode()
    s.sendall(b"POST /invocations HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nConnection: close\r\n"
              b"Content-Length: %d\r\n\r\n%s" % (len(data), data))
    return s


def test_a_client_that_leaves_closes_the_models_connection(chat):
    with Upstream() as up:
        server, _ = chat(up)
        up.script([{"stream": ["one "], "stream_cut": 2, "stream_end": "stall"}])
        with raw_stream(server, {"messages": ASK, "stream": True}) as s:
            data = b""
            while b"one " not in data:
                data += s.recv(65536)
        end = time.monotonic() + 20
        while up.left == 0:
            assert time.monotonic() < end, "the model's connection stays, for up to 60 s"
            time.sleep(0.01)
        server.wait_records("http.request")


def test_a_slow_reader_holds_up_the_model_and_gets_all_of_it(chat):
    """35 MB of events, 6 MB of ours to the client, which reads nothing: the rest waits at the model, not in our memory. The
    kernel takes some 3 MB of ours, and 6 MB of the model's."""
    piece, count, pad = "x" * 99 + "\n", 20_000, 1500
    with Upstream() as up:
        server, _ = chat(up)
        up.script([{"stream": [piece] * count, "stream_pad": pad}])
        before = server.rss_kib()
        with raw_stream(server, {"messages": ASK, "stream": True}, rcvbuf=4096) as s:
            last, since = 0, time.monotonic()
            while last == 0 or time.monotonic() < since + 0.5:  # until the model's side has come to a stop
                if up.streamed != last:
                    last, since = up.streamed, time.monotonic()
                time.sleep(0.01)
            grown, streamed = server.rss_kib() - before, up.streamed
            s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
            data = bytearray()
            while more := s.recv(1 << 20):
                data += more
    assert streamed < pad * count * 0.9, "the model was not held up: %d bytes" % streamed
    is_sanitized = b"__asan_init" in (BUILD / "sluiced").read_bytes()  # which keep freed memory back
    assert is_sanitized or grown < 24 * 1024, "%d KiB more" % grown
    events = dechunk(bytes(data))
    text = said([json.loads(line[6:]) for line in events.split(b"\n") if line.startswith(b"data: {")])
    assert text == piece * count and events.endswith(b"data: [DONE]\n\n")


def dechunk(data):
    at, out = data.index(b"\r\n\r\n") + 4, []
    while True:
        end = data.index(b"\r\n", at)
        size = int(data[at:end], 16)
        if size == 0:
            return b"".join(out)
        out.append(data[end + 2:end + 2 + size])
        at = end + 4 + size


def test_many_streams_at_once_are_each_whole(chat):
    with Upstream() as up:
        _, client = chat(up, "--workers", 2)
        up.script([{"stream": True, "times": -1}])
        results = {}

        def run(i):
            ask = [{"role": "user", "content": "stream number %d of many" % i}]
            results[i] = "".join(c.choices[0].delta.content or ""
                                 for c in client.chat.completions.create(model="any", messages=ask, stream=True))

        threads = [threading.Thread(target=run, args=(i,)) for i in range(40)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert results == {i: "stream number %d of many " % i for i in range(40)}


def test_a_drain_waits_for_streams(chat):
    with Upstream() as up:
        server, _ = chat(up)
        up.script([{"stream": ["one ", "two"], "stream_every_ms": 150}])
        result = []
        thread = threading.Thread(target=lambda: result.append(frames(server, {"messages": ASK, "stream": True})))
        thread.start()
        end = time.monotonic() + 20
        while up.streamed == 0 and time.monotonic() < end:
            time.sleep(0.005)
        server.stop()
        thread.join()
    assert result[0][2] and said(result[0][1]) == "one two"


# Endpoints

@pytest.fixture
def endpoint(make_bundle, sluiced, run_sluice, monkeypatch):
    """endpoint(up, task) -> a server with the endpoint `talk`, and mlflow's client of it"""
    deployments = client_module("mlflow.deployments")

    def start(up, task):
        config = CONFIG % {"asks": "messages: messages", "more": "", "timeout_ms": 60000}
        bundle = make_bundle(config, inputs=[MESSAGES], outputs=[column("answer")], prompts={"rules": "Be kind."})
        server = sluiced(env={"TEST_LLM": up.url + "/v1"})
        done = run_sluice("register", declare(bundle, task) if task else bundle, "--name", "talk",
                          env={"MLFLOW_TRACKING_URI": server.url, "MLFLOW_REGISTRY_URI": server.url, "TEST_LLM": up.url})
        assert done.returncode == 0, done.stderr
        monkeypatch.setenv("DATABRICKS_HOST", server.url)
        monkeypatch.setenv("DATABRICKS_TOKEN", "any")
        client = deployments.get_deploy_client("databricks")
        client.create_endpoint(config={"name": "talk", "config": {"served_entities": [
            {"entity_name": "talk", "entity_version": "1", "workload_size": "Small", "scale_to_zero_enabled": True}]}})
        end = time.monotonic() + 20
        while client.get_endpoint("talk")["state"]["ready"] != "READY":
            assert time.monotonic() < end, client.get_endpoint("talk")
            time.sleep(0.02)
        return server, client

    return start


@pytest.mark.parametrize("task", ["llm/v1/chat", None])
def test_mlflow_and_openai_stream_from_an_endpoint(endpoint, task):
    with Upstream() as up:
        server, client = endpoint(up, task)
        up.script([{"stream": True}, {"text": "whole"}, {"stream": True}, {"stream": ["one ", "two"], "stream_cut": 2, "stream_end": "fin"}])
        ask = {"endpoint": "talk", "inputs": {"messages": ASK}}
        assert said(list(client.predict_stream(**ask))) == "one two three "
        assert client.predict(**ask)["choices"][0]["message"]["content"] == "whole"
        with openai.OpenAI(base_url=server.url + "/serving-endpoints", api_key="any", max_retries=0) as chats:
            chunks = list(chats.chat.completions.create(model="talk", messages=ASK, stream=True))
            with pytest.raises(openai.NotFoundError):
                chats.chat.completions.create(model="nobody", messages=ASK, stream=True)
            with pytest.raises(openai.NotFoundError, match="as their base_url"):
                chats.with_options(base_url=server.url + "/serving-endpoints/talk").chat.completions.create(model="talk", messages=ASK)
        assert "".join(c.choices[0].delta.content or "" for c in chunks) == "one two three " and chunks[0].model == "talk"
        events = []
        with pytest.raises(requests.exceptions.ChunkedEncodingError):  # after the event of the error, which it hands on
            for event in client.predict_stream(**ask):
                events.append(event)
    assert said(events) == "one " and events[-1]["error"]["code"] == "BAD_REQUEST"


# Rows

ROWS = """version: 1
models:
  m: {provider: openai, base_url: "${env:TEST_LLM}", model: m, retries: 0}
steps:
  - {name: a, llm: {model: m, prompt: p}}
"""


@pytest.mark.parametrize("has_error", [True, False])
def test_rows_are_events_as_they_become_ready(make_bundle, sluiced, has_error):
    outputs = [column("a")] + ([column("error", required=False)] if has_error else [])
    with Upstream() as up:
        server = sluiced(make_bundle(ROWS, inputs=[column("q")], outputs=outputs, prompts={"p": "{{q}}"}), "--rows-in-flight", 1,
                         env={"TEST_LLM": up.url + "/v1"})
        up.script([{"echo": True}, {"status": 500}, {"echo": True}])
        body = {"dataframe_records": [{"q": q} for q in "abc"], "stream": True}
        answer, events, is_whole = frames(server, body)
        up.forget()
        up.script([{"status": 500}])
        first_fails = frames(server, body)
    assert answer.status_code == 200 and events[0]["predictions"][0]["a"] == "a"
    if has_error:
        assert is_whole and [e["predictions"][0]["a"] for e in events] == ["a", None, "c"] and "500" in events[1]["predictions"][0]["error"]
    else:
        assert not is_whole and len(events) == 2 and "row 1" in events[1]["error"]["message"]
        assert first_fails[0].status_code == 400


def test_an_echo_is_no_stream(sluiced):
    from conftest import MODELS
    server = sluiced(MODELS / "echo")
    assert server.post({"inputs": [1], "stream": True}) == (200, {"predictions": [1]})


def test_the_example_streams_its_recordings(sluiced):
    from conftest import ROOT
    server = sluiced(ROOT / "examples" / "chat_assistant")
    ask = json.loads((ROOT / "examples/chat_assistant/input_example.json").read_text())
    status, whole = server.post(ask)
    assert status == 200 and whole["choices"][0]["message"]["content"].startswith("Yes. Second class is the rule")
    answer, events, is_whole = frames(server, {**ask, "stream": True}, "/v1/chat/completions")
    assert answer.status_code == 200 and is_whole and said(events) == whole["choices"][0]["message"]["content"]
    assert len(events) > 4 and events[-1]["custom_outputs"] == {"tokens": 223}
    with openai.OpenAI(base_url=server.url + "/v1", api_key="any", max_retries=0) as client:
        with pytest.raises(openai.BadRequestError, match="recording"):
            list(client.chat.completions.create(model="any", messages=ASK, stream=True))

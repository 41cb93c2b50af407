"""Which entity answers: by what the traffic sticks to, in every form that a request may have."""
import json
import urllib.request

import pytest

from conftest import column
from serving_faults_test import API, call, settle
from serving_kit import Kit

PATH = "/serving-endpoints/ep/invocations"
SHARES = [("a", "1", 50), ("b", "2", 50), ("none", "1", 0)]


@pytest.fixture
def kit(sluiced, make_bundle, run_sluice):
    kit = Kit(sluiced(None, "--workers", 2), make_bundle, run_sluice)
    kit.register("m")
    kit.register("m", adds=10 ** 6)
    return kit


def deploy(server, sticky):
    config = {"served_entities": [{"entity_name": "m", "entity_version": version, "name": name} for name, version, _ in SHARES],
              "traffic_config": {"sticky": sticky, "routes": [
                  {"served_entity_name": name, "traffic_percentage": share} for name, _, share in SHARES]}}
    assert call(server, "POST", API, {"name": "ep", "config": config})[0] == 200
    assert settle(server)["state"]["ready"] == "READY"


def forms(n):
    yield "records", {"dataframe_records": [{"n": n}, {"n": 1}]}, "application/json"
    yield "split", {"dataframe_split": {"columns": ["n"], "data": [[n], [1]]}}, "application/json"
    yield "instances", {"instances": [{"n": n}, {"n": 1}]}, "application/json"
    yield "inputs, columns", {"inputs": {"n": [n, 1]}}, "application/json"
    yield "inputs, rows", {"inputs": [{"n": n}, {"n": 1}]}, "application/json"
    yield "CSV", b"n\n%d\n1\n" % n, "text/csv"


def entity_of(answer):
    status, body = answer
    assert status == 200, body
    return "ab"[body["predictions"][0]["answer"] >= 10 ** 6]


def test_a_column_sticks_in_every_form(kit):
    deploy(kit.server, {"column": "n"})
    seen = set()
    for n in range(24):
        found = {form: entity_of(kit.server.post(body, PATH, content_type)) for form, body, content_type in forms(n)}
        assert len(set(found.values())) == 1, (n, found)
        seen |= set(found.values())
    assert seen == {"a", "b"}


BROKEN = [b"", b"{", b"[]", b"7", b'{"dataframe_records": 7}', b'{"dataframe_split": {"columns": 7}}',
          b'{"dataframe_split": {"columns": ["n"], "data": []}}', b'{"instances": {"n": []}}', b'{"inputs": []}',
          b"[" * 10000, b'{"dataframe_records": [{"n": "\xff"}]}']


def test_broken_bodies_stick_to_nothing(kit):
    deploy(kit.server, {"column": "n"})
    for body in BROKEN:
        status, answer = kit.server.post(body, PATH)
        assert status == 400 or (status == 200 and answer == {"predictions": []}), (body, answer)
        assert kit.server.post(body, PATH, "text/csv")[0] == 400, body
    assert kit.server.post({"dataframe_records": [{"n": 1}]}, PATH)[0] == 200


def test_a_header_sticks(kit):
    deploy(kit.server, {"header": "x-user"})

    def ask(user):
        request = urllib.request.Request(kit.server.url + PATH, b'{"dataframe_records": [{"n": 1}]}',
                                         {"Content-Type": "application/json", "X-User": user})
        with urllib.request.urlopen(request, timeout=30) as answer:
            return entity_of((answer.status, json.load(answer)))

    found = {user: {ask(user) for _ in range(4)} for user in ("u%d" % i for i in range(16))}
    assert all(len(entities) == 1 for entities in found.values()) and set.union(*found.values()) == {"a", "b"}


CHAT = """
version: 1
tools:
  - {name: say, sql: {statement: "SELECT 'hello ' || count(*) FROM (SELECT 1 FROM json_each(:messages))", result: value}}
steps:
  - {name: answer, tool: say}
"""
MESSAGES = column("messages", "array", items={"type": "object", "properties": {
    "role": {"type": "string", "required": True}, "content": {"type": "string", "required": False}}})


@pytest.mark.parametrize("path, body", [
    (PATH, {"messages": [{"role": "user", "content": "x"}]}),
    ("/serving-endpoints/chat/completions", {"model": "ep", "messages": [{"role": "user", "content": "x"}]}),
])
def test_shadows_see_chats(kit, make_bundle, path, body):
    bundle = make_bundle(CHAT, [MESSAGES], [column("answer")])
    mlmodel = bundle / "MLmodel"
    mlmodel.write_text(json.dumps({**json.loads(mlmodel.read_text()), "metadata": {"task": "llm/v1/chat"}}))
    kit.register_folder(bundle, "chat")
    entities = [{"entity_name": "chat", "entity_version": "1", "name": name} for name in ("a", "b")]
    config = {"served_entities": entities, "traffic_config": {"routes": [
        {"served_entity_name": "a", "traffic_percentage": 100},
        {"served_entity_name": "b", "traffic_percentage": 0, "shadow_percentage": 100}]}}
    assert call(kit.server, "POST", API, {"name": "ep", "config": config})[0] == 200
    settle(kit.server)
    for _ in range(3):
        status, answer = kit.server.post(body, path)
        assert status == 200 and answer["choices"][0]["message"]["content"] == "hello 1", answer
    labels = '{endpoint="ep",served_entity="b",entity_version="1"}'
    for line in "rows_total%s 3", "rows_failed_total%s 0", "shadowed_total%s 3":
        kit.server.wait_metric("sluice_endpoint_" + line % labels)

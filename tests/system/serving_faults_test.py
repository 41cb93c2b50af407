"""What goes wrong around serving endpoints: a registry that never answers, bundles that are gone, two servers on one state,
configs as nobody would write them."""
import contextlib
import json
import shutil
import socket
import threading
import time
import urllib.error
import urllib.request

import pytest

from conftest import Sluiced
from serving_kit import OVERFLOW, Kit

API = "/api/2.0/serving-endpoints"


@pytest.fixture
def kit(sluiced, make_bundle, run_sluice):
    def start(*args):
        return Kit(sluiced(None, "--workers", 2, *args), make_bundle, run_sluice)
    return start


@pytest.fixture
def stalled():
    """Accepts, and never answers. -> its address"""
    taken = []
    with socket.create_server(("127.0.0.1", 0)) as listener:
        def take():
            with contextlib.suppress(OSError):
                while True:
                    taken.append(listener.accept()[0])
        thread = threading.Thread(target=take, daemon=True)
        thread.start()
        yield "http://127.0.0.1:%d" % listener.getsockname()[1]
        listener.shutdown(socket.SHUT_RDWR)
        thread.join(10)
    for connection in taken:
        connection.close()


def config(version, model="m", **more):
    return {"served_entities": [{"entity_name": model, "entity_version": version, "name": "e", **more}]}


def call(server, method, path, body=None, timeout=30):
    """-> status, decoded"""
    data = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
    request = urllib.request.Request(server.url + path, data, {"Content-Type": "application/json"}, method=method)
    try:
        with urllib.request.urlopen(request, timeout=timeout) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as refused:
        return refused.code, json.load(refused)


def settle(server, name="ep"):
    end = time.monotonic() + 20
    while (endpoint := call(server, "GET", "%s/%s" % (API, name))[1])["state"]["config_update"] == "IN_PROGRESS":
        assert time.monotonic() < end, endpoint
    return endpoint


def ask(server, n=1, name="ep"):
    status, answer = server.post({"dataframe_records": [{"n": n}]}, "/serving-endpoints/%s/invocations" % name)
    return answer["predictions"][0]["answer"] if status == 200 else status


def wait_answer(server, wanted):
    end = time.monotonic() + 20
    while (said := ask(server)) != wanted:
        assert time.monotonic() < end, said


def test_a_registry_that_never_answers_holds_up_nobody(sluiced, stalled):
    server = sluiced(None, "--registry", stalled, "--registry-poll-ms", "10", "--workers", 1)
    started = time.monotonic()
    for i in range(6):
        assert call(server, "POST", API, {"name": "e%d" % i, "config": config("@champion")})[0] == 200
    for i in range(6):
        assert call(server, "PUT", "%s/e%d/rate-limits" % (API, i), {"rate_limits": []})[0] == 200
        assert call(server, "GET", "%s/e%d" % (API, i))[1]["state"]["config_update"] == "IN_PROGRESS"
        assert ask(server, name="e%d" % i) == 503
    assert call(server, "DELETE", API + "/e0")[0] == 200
    assert time.monotonic() - started < 20
    started = time.monotonic()
    server.stop()
    assert time.monotonic() - started < 5


def test_followers_of_a_registry_that_stalls_are_changed_at_once(sluiced, kit, stalled):
    """It served before, from another registry's files that are in the store."""
    embedded = kit()
    embedded.register("m")
    assert call(embedded.server, "POST", "/api/2.0/mlflow/registered-models/alias",
                {"name": "m", "alias": "champion", "version": "1"})[0] == 200
    assert call(embedded.server, "POST", API, {"name": "ep", "config": config("@champion")})[0] == 200
    settle(embedded.server)
    embedded.server.stop()
    server = sluiced(None, "--registry", stalled, "--registry-poll-ms", "10", "--workers", 1)
    assert ask(server) == 2
    started = time.monotonic()
    for _ in range(3):
        for verb, said in (("stop", 400), ("start", 2)):
            assert call(server, "POST", "%s/ep/config:%s" % (API, verb))[0] == 200
            assert ask(server) == said
    assert time.monotonic() - started < 10
    server.stop()


def test_two_servers_on_one_state(kit, sluiced):
    first = kit()
    second = sluiced(None, "--workers", 1)
    first.register("m")
    first.register("m", adds=100)
    assert call(first.server, "POST", API, {"name": "ep", "config": config("1")})[0] == 200
    wait_answer(second, 2)
    assert call(second, "PUT", API + "/ep/config", config("2"))[0] == 200
    wait_answer(first.server, 102)
    assert call(first.server, "POST", API + "/ep/config:stop")[0] == 200
    wait_answer(second, 400)
    assert call(second, "POST", API + "/ep/config:start")[0] == 200
    wait_answer(first.server, 102)
    assert call(first.server, "DELETE", API + "/ep")[0] == 200
    wait_answer(second, 404)


# Some two seconds; idle bundles are looked for every second.
SLOW = """
version: 1
tools:
  - name: count
    sql:
      statement: "WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c WHERE x < 10000000) SELECT count(*) * 0 + :n FROM c"
      result: value
      timeout_ms: 60000
steps:
  - {name: counted, tool: count}
outputs: {answer: counted}
"""


def test_a_bundle_is_tested_though_nothing_stays_in_memory(kit):
    """The test of the first one takes so long that the second one could have been unloaded."""
    served = kit("--unload-after-ms", 0)
    served.register("m")
    served.register("m", config=SLOW)
    served.register("m", adds=100, example=OVERFLOW)
    assert call(served.server, "POST", API, {"name": "ep", "config": config("1", scale_to_zero_enabled=True)})[0] == 200
    assert ask(served.server) == 2
    entities = [{"entity_name": "m", "entity_version": version, "scale_to_zero_enabled": True} for version in ("2", "3")]
    routes = [{"served_entity_name": "m-2", "traffic_percentage": 0}, {"served_entity_name": "m-3", "traffic_percentage": 100}]
    assert call(served.server, "PUT", API + "/ep/config",
                {"served_entities": entities, "traffic_config": {"routes": routes}})[0] == 200
    assert settle(served.server)["state"]["config_update"] == "UPDATE_FAILED" and ask(served.server) == 2


def test_the_registrys_files_are_gone(kit, sluiced, tmp_path):
    """What served comes up from the store of bundles; what did not, says why."""
    before = kit()
    before.register("m")
    before.register("m", adds=100)
    assert call(before.server, "POST", API, {"name": "ep", "config": config("1")})[0] == 200
    settle(before.server)
    before.server.stop()
    shutil.rmtree(tmp_path / "registry" / "blobs")
    server = sluiced(None, "--workers", 1)
    assert ask(server) == 2
    assert call(server, "PUT", API + "/ep/config", config("2"))[0] == 200
    failed = settle(server)
    assert failed["state"] == {"ready": "READY", "config_update": "UPDATE_FAILED"}
    assert ask(server) == 2


def test_the_store_of_bundles_is_gone(kit, sluiced, tmp_path):
    """What serves goes on; the next start fills it again from the registry."""
    served = kit()
    served.register("m")
    served.register("m", adds=100)
    assert call(served.server, "POST", API, {"name": "ep", "config": config("1")})[0] == 200
    settle(served.server)
    served.server.stop()
    shutil.rmtree(tmp_path / "bundles")
    server = sluiced(None, "--workers", 1)
    assert ask(server) == 2
    shutil.rmtree(tmp_path / "bundles")
    assert ask(server) == 2
    assert call(server, "PUT", API + "/ep/config", config("2"))[0] == 200
    assert settle(server)["state"] == {"ready": "READY", "config_update": "UPDATE_FAILED"} and ask(server) == 2
    server.stop()
    server = sluiced(None, "--workers", 1)
    assert ask(server) == 2 and call(server, "PUT", API + "/ep/config", config("2"))[0] == 200
    settle(server)
    assert ask(server) == 102


@pytest.mark.parametrize("is_remote", [False, True])
def test_an_alias_that_moves_to_a_bad_bundle_is_tried_once(kit, sluiced, make_bundle, run_sluice, tmp_path, is_remote):
    served = kit()
    served.register("m")
    served.register("m", adds=100, example=OVERFLOW)
    served.register("m", adds=200)
    server = served.server
    if is_remote:
        (tmp_path / "other").mkdir()
        server = Sluiced(None, "--workers", 1, "--registry", served.server.url, "--registry-poll-ms", "10",
                         state=tmp_path / "other")

    def move(version):
        assert call(served.server, "POST", "/api/2.0/mlflow/registered-models/alias",
                    {"name": "m", "alias": "champion", "version": version})[0] == 200

    def states():
        return [c["state"] for c in call(server, "GET", API + "/ep/config-versions")[1]["config_versions"]]

    def wait(wanted):
        end = time.monotonic() + 20
        while states() != wanted:
            assert time.monotonic() < end, states()

    try:
        move("1")
        assert call(server, "POST", API, {"name": "ep", "config": config("@champion")})[0] == 200
        settle(server)
        assert states() == ["active"]
        move("2")
        wait(["failed", "active"])
        for i in range(3):  # what looks at aliases again
            assert call(server, "POST", API, {"name": "o%d" % i, "config": config("1")})[0] == 200
            settle(server, "o%d" % i)
            assert [call(server, "POST", "%s/ep/config:%s" % (API, verb))[0] for verb in ("stop", "start")] == [200, 200]
        assert states() == ["failed", "active"] and ask(server) == 2
        move("3")
        wait(["active", "failed", "superseded"])
        assert ask(server) == 202
    finally:
        if is_remote:
            server.stop()


HANGS = """
version: 1
tools:
  - name: hang
    sql: {statement: "WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c) SELECT max(x) + :n FROM c", result: value, timeout_ms: 60000}
steps:
  - {name: hung, tool: hang}
outputs: {answer: hung}
"""


def test_bundles_that_hang_in_their_test_hold_up_nobody(kit):
    """As many as the threads of tools: neither who is asked, nor the next deployment, nor the end."""
    served = kit("--self-test-timeout-ms", 60000)
    served.register("m")
    served.register("m", config=HANGS)
    assert call(served.server, "POST", API, {"name": "ep", "config": config("1")})[0] == 200
    settle(served.server)
    threads = [threading.Thread(target=call, args=(served.server, "POST", API, {"name": "h%d" % i, "config": config("2")}))
               for i in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert [call(served.server, "GET", "%s/h%d" % (API, i))[1]["state"]["config_update"] for i in range(5)] == ["IN_PROGRESS"] * 5
    started = time.monotonic()
    assert ask(served.server) == 2
    served.register("m", adds=100)
    assert call(served.server, "PUT", API + "/ep/config", config("3"))[0] == 200
    settle(served.server)
    assert ask(served.server) == 102 and time.monotonic() - started < 10
    started = time.monotonic()
    served.server.stop()
    assert time.monotonic() - started < 10


DEEP = b'{"served_entities": ' + b"[" * 100000 + b"]" * 100000 + b"}"
HOSTILE = {
    "deep": DEEP,
    "a million entities": b'{"served_entities": [' + b'{"entity_name":"m","entity_version":"1"},' * 10 ** 6 + b"{}]}",
    "many entities": b'{"served_entities": [' + b'{"entity_name":"m","entity_version":"1"},' * 20000 + b"{}]}",
    "long strings": b'{"served_entities": [{"entity_name": "' + b"m" * 10 ** 6 + b'", "entity_version": "1"}]}',
    "long version": b'{"served_entities": [{"entity_name": "m", "entity_version": "' + b"1" * 10 ** 6 + b'"}]}',
    "NUL": b'{"served_entities": [{"entity_name": "m\\u0000x", "entity_version": "1", "name": "e\\u0000"}]}',
    "NUL alias": b'{"served_entities": [{"entity_name": "m", "entity_version": "@a\\u0000b", "name": "e"}]}',
    "no alias": b'{"served_entities": [{"entity_name": "m", "entity_version": "@"}]}',
    "no alias of a model": b'{"served_entities": [{"entity_name": "m@"}]}',
    "NUL variable": b'{"served_entities": [{"entity_name": "m", "entity_version": "1", "environment_vars": {"a\\u0000b": "x"}}]}',
    "NUL column": b'{"served_entities": [{"entity_name": "m", "entity_version": "1"}], "traffic_config": {"routes": [],'
                  b' "sticky": {"column": "a\\u0000"}}}',
    "no UTF-8": b'{"served_entities": [{"entity_name": "m\xff\xfe", "entity_version": "1"}]}',
    "lone surrogate": b'{"served_entities": [{"entity_name": "\\ud800", "entity_version": "1"}]}',
    "negative share": b'{"served_entities": [{"entity_name": "m", "entity_version": "1", "name": "e"}], "traffic_config":'
                      b' {"routes": [{"served_entity_name": "e", "traffic_percentage": -100},'
                      b' {"served_entity_name": "e", "traffic_percentage": 200}]}}',
    "large share": b'{"served_entities": [{"entity_name": "m", "entity_version": "1", "name": "e"}], "traffic_config":'
                   b' {"routes": [{"served_entity_name": "e", "traffic_percentage": 9223372036854775807}]}}',
    "no object": b"[]",
    "variables": b'{"served_entities": [{"entity_name": "m", "entity_version": "1", "environment_vars": {'
                 + b",".join(b'"v%d": "x"' % i for i in range(100000)) + b"}}]}",
}


def test_hostile_configs(kit):
    served = kit()
    served.register("m")
    assert call(served.server, "POST", API, {"name": "ep", "config": config("1")})[0] == 200
    settle(served.server)
    for what, body in HOSTILE.items():
        for method, path, sent in (("PUT", "/ep/config", body), ("POST", "", b'{"name": "other", "config": ' + body + b"}")):
            with contextlib.suppress(ConnectionError, urllib.error.URLError):  # too large a body is refused before it is read
                status, answer = call(served.server, method, API + path, sent)
                assert 400 <= status < 500 and len(answer["message"]) < 10000, (what, status, answer)
        assert ask(served.server) == 2, what
    assert [e["name"] for e in call(served.server, "GET", API)[1]["endpoints"]] == ["ep"]
    assert served.server.rss_kib() < 1 << 20

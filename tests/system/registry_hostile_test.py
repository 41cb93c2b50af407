"""Bad input to the embedded registry: MLflow's errors, never a 500, nothing lost, and the server lives on."""
import collections
import concurrent.futures
import contextlib
import http.client
import json
import random
import socket
import sqlite3
import struct
import sys
import time
import urllib.parse

import pytest
from conftest import BUILD, ROOT, client_module

client_module("requests")
sys.path.insert(0, str(ROOT / "tests" / "protocol" / "registry"))

import error_cases  # noqa: E402
import error_meant  # noqa: E402
import error_world  # noqa: E402
import record_errors  # noqa: E402

API = "/api/2.0/mlflow/"
ARTIFACTS = "/api/2.0/mlflow-artifacts/artifacts/"
IS_SANITIZED = any(mark in (BUILD / "sluiced").read_bytes() for mark in (b"__asan_init", b"__tsan_init"))
RSS_MAX_KIB = 128 * 1024
MIB = 1 << 20


def rows(state):
    """{table: number of rows}"""
    with contextlib.closing(sqlite3.connect(state / "registry" / "registry.db")) as db:
        tables = [name for name, in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        return {name: db.execute("SELECT count(*) FROM %s" % name).fetchone()[0] for name in tables}


def files_below(path):
    return sorted(str(file.relative_to(path)) for file in path.rglob("*") if file.is_file())


def is_sound(state):
    with contextlib.closing(sqlite3.connect(state / "registry" / "registry.db")) as db:
        return (db.execute("PRAGMA integrity_check").fetchall(), db.execute("PRAGMA foreign_key_check").fetchall()) == (
            [("ok",)], [])


class Client:
    """One connection, made again where the server ended it; bodies are bytes or JSON. Never a 5xx."""

    def __init__(self, server):
        self.server, self.connection = server, None

    def ask(self, method, path, body=None, headers=None):
        if self.connection is None:
            self.connection = http.client.HTTPConnection("127.0.0.1", self.server.port, timeout=60)
        data = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
        try:
            self.connection.request(method, path, data, {"Content-Type": "application/json", **(headers or {})})
        except (BrokenPipeError, ConnectionResetError):
            pass  # refused before all was sent; the answer is there
        answer = self.connection.getresponse()
        said = answer.read()
        if answer.will_close:
            self.close()
        assert answer.status < 500, (method, path[:200], answer.status, said[:500])
        return answer.status, said.decode("utf-8", "replace")

    def close(self):
        self.connection.close()
        self.connection = None

    def refused(self, method, path, body=None, text="", **kw):
        status, said = self.ask(method, path, body, **kw)
        assert 400 <= status < 500 and text in said, (method, path[:200], status, said[:500])
        return said


class Kept:
    """What bad input must leave as it is."""

    def __init__(self, server, state):
        self.server, self.state, self.world = server, state, error_world.World(server.url)
        self.client = Client(server)
        self.client.ask("PUT", ARTIFACTS + "kept/file", b"bytes")
        self.run = {"run_id": self.world.values["$run"]}
        self.rows, self.blobs = rows(state), files_below(state / "registry" / "blobs")

    def check(self):
        assert self.client.ask("GET", "/health") == (200, "OK")
        assert self.client.ask("GET", ARTIFACTS + "kept/file") == (200, "bytes")
        assert rows(self.state) == self.rows
        assert files_below(self.state / "registry" / "staging") == []
        assert files_below(self.state / "registry" / "blobs") == self.blobs
        assert is_sound(self.state)
        self.client.close()
        self.world.session.close()
        if not IS_SANITIZED:
            assert self.server.rss_kib() < RSS_MAX_KIB


@pytest.fixture
def kept(sluiced, tmp_path):
    there = Kept(sluiced(), tmp_path)
    yield there
    there.check()


# ---- beside MLflow ----

def test_every_call_of_the_reference_has_cases():
    asked = collections.Counter(case["id"].partition(": ")[0] for case in error_cases.cases())
    assert {rpc for rpc, _ in error_cases.rpcs()} <= set(asked)
    assert sum(asked.values()) > 7500
    assert set(record_errors.load()) == {case["id"] for case in error_cases.cases()}, "record_errors.py must run again"


def test_mlflows_answers(sluiced, tmp_path):
    server = sluiced()
    world, recorded = error_world.World(server.url), record_errors.load()
    different, meant = [], collections.Counter()
    for case in error_cases.cases():
        theirs, ours = recorded[case["id"]], world.ask(case)
        if error_meant.is_same(theirs, ours):
            continue
        why = error_meant.reason(case["id"], theirs, ours)
        meant[why] += 1
        if why is None:
            different.append((case["id"], theirs, ours))
    assert not different, "%d differ: %s" % (len(different), different[:5])
    assert [why for why, _ in error_meant.MEANT if why not in meant] == [], "no case needs these any more"
    check_world(world)
    assert files_below(tmp_path / "registry" / "staging") == []
    assert is_sound(tmp_path)
    assert IS_SANITIZED or server.rss_kib() < RSS_MAX_KIB


def check_world(world):
    """What nobody deleted is there."""
    known = world.ok("GET", "registered-models/get?name=known", None)["registered_model"]
    assert {"alias": "champion", "version": "1"} in known["aliases"]
    found = world.ok("GET", "model-versions/search?filter=name%3D'known'", None)["model_versions"]
    assert {version["version"] for version in found} == {"1", "2"}
    run = world.ok("GET", "runs/get?run_id=" + world.values["$run"], None)["run"]
    assert run["info"]["lifecycle_stage"] == "active"
    assert {"key": "p", "value": "1"} in run["data"]["params"]
    assert "m" in {metric["key"] for metric in run["data"]["metrics"]}
    assert world.ok("GET", "experiments/get?experiment_id=1", None)["experiment"]["lifecycle_stage"] == "active"
    assert world.ok("GET", "logged-models/" + world.values["$model"], None)["model"]["info"]["name"] == "model"


@pytest.mark.parametrize("path", ["sluice/history", "sluice/alias-at"])
def test_calls_of_our_own(kept, path):
    good = {"name": "known", "alias": "champion", "time": "2026-01-01T00:00:00Z", "max_results": "5", "page_token": "9"}
    for name in good:
        for value in ("", "abc", "-1", "1.5", str(2**63), str(2**63 - 1), str(2**62), "9" * 400, "n" * 4096, "../x", "\u2603",
                      "'", "%", "99999-99-99T99:99:99Z"):
            query = urllib.parse.urlencode({**good, name: value})
            kept.client.ask("GET", API + path + "?" + query)
        kept.client.ask("GET", API + path + "?" + urllib.parse.urlencode(error_cases.without(good, name)))
    kept.client.refused("GET", API + path, text="Missing value for required parameter 'name'")
    kept.client.refused("GET", API + path + "?" + urllib.parse.urlencode({**good, "name": "no-such"}), text="no-such")


# ---- much of it ----

@pytest.mark.parametrize("piece", ["[", '{"a":', '[{"key":', '{"tags":[{"key":"k","value":'])
@pytest.mark.parametrize("depth", [127, 128, 129, 100000])
def test_deep_json(kept, piece, depth):
    for tail in (b"", b"1" + b"]" * depth, b"1" + b"}" * depth):
        kept.client.refused("POST", API + "runs/log-batch", piece.encode() * depth + tail)
        kept.client.refused("POST", API + "registered-models/create", b'{"name": "", "tags": ' + piece.encode() * depth + tail)


def test_too_many(kept):
    pairs = [{"key": "k%d" % i, "value": "v"} for i in range(100000)]
    metrics = [{"key": "k%d" % i, "value": 1, "timestamp": 1} for i in range(100000)]
    batch = API + "runs/log-batch"
    for kind, items in (("tags", pairs), ("params", pairs), ("metrics", metrics)):
        kept.client.refused("POST", batch, {**kept.run, kind: items}, "A batch logging request can contain at most")
        kept.client.refused("POST", batch, {**kept.run, kind: items[:1] * 100000}, "at most")
    for path, name in (("registered-models/create", "a/b"), ("experiments/create", ""), ("model-versions/create", "no-such")):
        kept.client.refused("POST", API + path, {"name": name, "source": "s3://b", "tags": pairs})
    kept.client.refused("POST", API + "runs/create", {"experiment_id": "99", "tags": pairs})
    kept.client.refused("POST", API + "logged-models", {"experiment_id": "99", "params": pairs, "tags": pairs})
    kept.client.refused("POST", API + "runs/outputs", {**kept.run, "models": [{"model_id": 5}] * 100000})
    kept.client.refused("POST", API + "runs/log-inputs", {"run_id": "no-such", "datasets": [{"dataset": {}}] * 100000})
    kept.client.ask("POST", API + "runs/search", {"experiment_ids": [str(i) for i in range(100000)]})
    kept.client.refused("GET", "/ajax-api/2.0/mlflow/metrics/get-history-bulk?metric_key=m" + "&run_id=r" * 5000)


def test_large_bodies(kept):
    for size in (16 * MIB, 16 * MIB + 1, 64 * MIB):
        start = json.dumps({**kept.run, "key": "../k"})[:-1].encode() + b', "value": "'
        body = start + b"v" * (size - len(start) - 2) + b'"}'
        for path in ("runs/set-tag", "runs/log-parameter"):
            said = kept.client.refused("POST", API + path, body)
            assert len(said) < 8192, "an error does not repeat what was sent"
        kept.client.refused("POST", API + "registered-models/get-latest-versions", b'{"name": "' + body[20:])
    for name in ("n" * 15 * MIB, "\0" * MIB, "\u2603" * MIB):
        assert len(kept.client.refused("GET", API + "registered-models/get", {"name": name})) < 8192


def test_long_targets(kept):
    for size in (1000, 7000, 100000, 2 * MIB):
        kept.client.refused("GET", API + "registered-models/get?name=" + "n" * size)
        kept.client.refused("GET", API + "logged-models/m-" + "n" * size)


SEARCHES = ["registered-models/search", "model-versions/search", "experiments/search", "runs/search", "logged-models/search"]


BOMBS = [  # first, again and again, last
    ("name = 'x'", " AND name = 'x'", ""), ("", "tags.k = 'x' AND ", "tags.k = 'x'"), ("", "metrics.m > 1 AND ", "metrics.m > 1"),
    ("", "(", ""), ("", "(", "name = 'x'"), ("", "'", ""), ("", "`", ""), ("name IN (", "'x',", ""), ("name IN (", "'x',", "'x')"),
    ("run_id IN (", "'x',", "'x')"), ("name LIKE '", "%a", "'"), ("tags.k LIKE '", "%v", "b'"), ("tags.k ILIKE '", "_%", "b'"),
    ("tags.", "k", " = 'x'"), ("tags.`", "k", ""), ("", "\u2603", ""), ("name = '", "\\", "'"), ("", "a.", ""), ("", " ", "x"),
    ("metrics.m > ", "9", ""), ("metrics.m > 1e", "9", ""), ("", "NOT ", ""), ("", "--", ""), ("", "/*", ""), ("", "a ", ""),
    ("", "AND ", ""), ("name ", "= ", "'x'"), ("", "\n", "name = 'x'"), ("version_number = ", "1", "")]


@pytest.mark.parametrize("path", SEARCHES)
def test_filter_bombs(kept, path):
    method = "GET" if "s/search" in path and path.startswith(("reg", "model")) else "POST"
    start = time.monotonic()
    for size in (60000, 10**6):  # below and beyond the limit
        for first, again, last in BOMBS:
            text = first + again * ((size - len(first + last)) // len(again.encode())) + last
            # A query of that size is no target: a GET's body counts where there is no query.
            kept.client.ask(method, API + path, {"filter": text, "experiment_ids": ["1"], "max_results": 5})
    for order in ("name", "name ASC", "metrics.m DESC", "`", "tags." + "k" * 1000):
        kept.client.ask(method, API + path, {"order_by": [order] * 5000, "experiment_ids": ["1"], "max_results": 5})
    assert IS_SANITIZED or time.monotonic() - start < 20


def test_patterns_that_backtrack(kept):
    kept.client.ask("POST", API + "runs/set-tag", {**kept.run, "key": "long", "value": "a" * 8000})
    kept.rows = rows(kept.state)
    for word in ("LIKE", "ILIKE"):
        start = time.monotonic()
        found = kept.client.ask("POST", API + "runs/search", {
            "experiment_ids": ["1"], "filter": "tags.long %s '%s'" % (word, "%a" * 500 + "%b")})
        assert found == (200, "{}")
        assert time.monotonic() - start < 10


def test_as_many_as_there_are_numbers(kept):
    most = 2**63 - 1
    for path in ("runs/search", "experiments/search", "registered-models/search", "model-versions/search"):
        method = "GET" if path.startswith(("reg", "model")) else "POST"
        kept.client.refused(method, API + path, {"experiment_ids": ["1"], "max_results": most})
    for answer in (
            kept.client.ask("POST", API + "logged-models/search", {"experiment_ids": ["1"], "max_results": most}),
            kept.client.ask("GET", API + "metrics/get-history?run_id=%s&metric_key=m&max_results=%d" % (kept.run["run_id"], most))):
        assert answer[0] == 200 and "next_page_token" not in answer[1]
    for number in (1e300, -1e300, 9.3e18, 0.5):
        kept.client.refused("POST", API + "runs/search", {"experiment_ids": ["1"], "max_results": number})


def test_answers_without_end(sluiced, tmp_path):
    """A search whose answer would need hundreds of megabytes comes in pages, whatever was asked for; none is lost."""
    server, count = sluiced(), 6000
    ids = ["%032x" % i for i in range(count)]
    with contextlib.closing(sqlite3.connect(tmp_path / "registry" / "registry.db")) as db:
        db.executemany(
            "INSERT INTO runs (run_id, experiment_id, name, user_id, status, start_time, lifecycle_stage, artifact_uri)"
            " VALUES (?, 0, 'n', 'u', 'FINISHED', 1, 'active', 'mlflow-artifacts:/0/x')", [(i,) for i in ids])
        db.executemany("INSERT INTO params VALUES (?, ?, 'v')", [(i, "p%d" % p) for i in ids for p in range(200)])
        db.commit()
    client, found, asked, pages = Client(server), [], {"experiment_ids": ["0"], "max_results": 50000}, 0
    while asked.get("page_token") != "":
        answer = json.loads(client.ask("POST", API + "runs/search", asked)[1])
        found += [run["info"]["run_id"] for run in answer["runs"]]
        asked["page_token"], pages = answer.get("next_page_token", ""), pages + 1
    assert found == ids
    assert 1 < pages < 20
    assert IS_SANITIZED or server.rss_kib() < 512 * 1024


def test_more_datasets_than_an_expression_is_deep(kept):
    asked = {"experiment_ids": ["1"], "datasets": [{"dataset_name": "d", "dataset_digest": "x"}] * 200,
             "filter": " AND ".join(["metrics.m > 1"] * 100)}
    assert kept.client.ask("POST", API + "logged-models/search", asked)[0] == 200
    for count in (201, 1000, 40000):
        asked["datasets"] = asked["datasets"][:1] * count
        kept.client.refused("POST", API + "logged-models/search", asked, "more than 200 datasets")


# ---- the artifact routes ----

TRICKS = ["../x", "..", ".", "/etc/passwd", "a/../../x", "%2e%2e/x", "%2e%2e%2fx", "%252e%252e/x", "a%00b", "a%2f%2e%2e%2f..%2fx",
          "..%5cx", "C:%5cx", "file:///etc", "a//b", "%ff%fe", "a%0d%0ab", "a/./b", "%", "%zz", "a/" * 3000 + "x", "n" * 4096,
          "kept/file/below", "kept", "%3f/%23", "~root/x"]


def test_paths_on_the_artifact_routes(kept):
    before = set(files_below(kept.state))
    for trick in TRICKS:
        for method, body in (("GET", None), ("DELETE", None), ("PUT", b"x"), ("HEAD", None), ("POST", b"x"), ("PATCH", b"x")):
            if (method, trick) == ("DELETE", "kept") or (method == "DELETE" and trick == "."):
                continue
            status, _ = kept.client.ask(method, ARTIFACTS + trick, body)
            assert status != 200 or method in ("PUT", "DELETE"), (method, trick)
            if method == "PUT" and status == 200:
                assert kept.client.ask("DELETE", ARTIFACTS + trick)[0] == 200
        for query in ("?path=", "?path=kept/"):
            kept.client.ask("GET", "/api/2.0/mlflow-artifacts/artifacts" + query + trick)
        kept.client.ask("GET", API + "artifacts/list?run_id=%s&path=%s" % (kept.run["run_id"], trick))
        kept.client.ask("GET", "/get-artifact?run_id=%s&path=%s" % (kept.run["run_id"], trick))
        kept.client.ask("GET", "/model-versions/get-artifact?name=known&version=1&path=" + trick)
    assert set(files_below(kept.state)) == before


@pytest.mark.parametrize("leave", ["close", "reset"])
def test_an_upload_of_a_gigabyte_that_is_cut(kept, leave):
    s = socket.create_connection(("127.0.0.1", kept.server.port), 60)
    s.sendall(b"PUT %skept/file HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n" % (ARTIFACTS.encode(), 1 << 30))
    for _ in range(32):
        s.sendall(bytes(MIB))
    if leave == "reset":
        s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    s.close()
    end = time.monotonic() + 20
    while files_below(kept.state / "registry" / "staging"):
        assert time.monotonic() < end
        time.sleep(0.01)


def test_calls_that_are_cut(kept):
    body = json.dumps({"name": "cut"}).encode()
    for size in range(len(body)):
        with socket.create_connection(("127.0.0.1", kept.server.port), 60) as s:
            s.sendall(b"POST %sregistered-models/create HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n%s" % (
                API.encode(), len(body), body[:size]))
    kept.server.wait_metric("sluice_http_requests_active 1")


# ---- at once ----

def test_bad_requests_at_once(kept):
    """What is refused one by one is refused at once, beside calls that go on to be answered."""
    recorded = record_errors.load()
    bad = [case for case in error_cases.cases() if recorded[case["id"]]["status"] in (400, 404) and "$fresh" not in json.dumps(case)
           and case["method"] in ("POST", "GET") and error_meant.is_refused(kept.world.ask(case))]
    kept.rows, kept.blobs = rows(kept.state), files_below(kept.state / "registry" / "blobs")
    assert len(bad) > 2000
    random.Random(1).shuffle(bad)

    def ask(part):
        client = Client(kept.server)
        for case in part:
            path = kept.world.ours(case["path"])
            query = urllib.parse.urlencode(list(map(tuple, kept.world.ours(case.get("query", [])))))
            body = kept.world.ours(case["json"]) if "json" in case else case.get("text", "").encode("latin-1") or None
            status, said = client.ask(case["method"], path + ("?" + query if query else ""), body,
                                      {"Content-Type": case.get("content_type", "application/json")})
            assert status < 500, (case["id"], said)
            assert client.ask("GET", API + "registered-models/get?name=known")[0] == 200

    with concurrent.futures.ThreadPoolExecutor(12) as pool:
        for done in [pool.submit(ask, bad[i::12]) for i in range(12)]:
            done.result(300)

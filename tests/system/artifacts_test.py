"""The artifact service of the embedded registry: files up and down, through clients, cuts, kills and tricks."""
import base64
import concurrent.futures
import contextlib
import hashlib
import http.client
import json
import pathlib
import random
import signal
import socket
import sqlite3
import struct
import time
import urllib.parse

import pytest
from conftest import BUILD, ROOT, client_module

RECORDINGS = ROOT / "tests" / "protocol" / "registry" / "recordings"
ARTIFACTS = "/api/2.0/mlflow-artifacts/artifacts"
IS_SANITIZED = any(mark in (BUILD / "sluiced").read_bytes() for mark in (b"__asan_init", b"__tsan_init"))
MIB = 1 << 20


class Client:
    """One connection; paths are sent as they are given."""

    def __init__(self, server, timeout=60):
        self.connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=timeout)

    def ask(self, method, path, body=None, headers=None, chunked=False):
        self.connection.request(method, path, body, headers or {}, encode_chunked=chunked)
        answer = self.connection.getresponse()
        return answer, answer.read()

    def put(self, path, body, **kw):
        answer, said = self.ask("PUT", ARTIFACTS + "/" + path, body, **kw)
        assert (answer.status, said) == (200, b""), said
        return answer

    def get(self, path, headers=None, status=200):
        answer, body = self.ask("GET", ARTIFACTS + "/" + path, headers=headers)
        assert answer.status == status, body
        return answer, body

    def list(self, path=None):
        query = "" if path is None else "?path=" + urllib.parse.quote(path, safe="")
        answer, body = self.ask("GET", ARTIFACTS + query)
        assert answer.status == 200, body
        return [(file["path"] + ("/" if file["is_dir"] else ""), file.get("file_size")) for file in
                json.loads(body).get("files", [])]

    def refused(self, method, path, status, body=None, **kw):
        answer, said = self.ask(method, path, body, **kw)
        assert answer.status == status, (path, said)
        return json.loads(said)


@pytest.fixture
def client(sluiced):
    return Client(sluiced())


def raw(server, timeout=60):
    return socket.create_connection(("127.0.0.1", server.port), timeout)


def raw_status(server, request):
    with raw(server) as s:
        s.sendall(request)
        return int(s.recv(1000).split()[1])


def put_head(path, length):
    return b"PUT %s/%s HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n" % (
        ARTIFACTS.encode(), path.encode(), length)


def reset(s):
    s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    s.close()


def files_below(path):
    return sorted(str(file.relative_to(path)) for file in path.rglob("*") if file.is_file())


def check_store(state, blobs=None):
    """Nothing on its way, and a file for each digest that the table names, with its bytes."""
    registry = pathlib.Path(state) / "registry"
    with contextlib.closing(sqlite3.connect(registry / "registry.db")) as db:
        wanted = {digest: size for digest, size in db.execute("SELECT digest, size FROM artifacts")}
        orphans = db.execute("SELECT count(*) FROM orphans").fetchone()[0]
    assert files_below(registry / "staging") == []
    assert files_below(registry / "blobs") == sorted("%s/%s" % (digest[:2], digest) for digest in wanted)
    for digest, size in wanted.items():
        data = (registry / "blobs" / digest[:2] / digest).read_bytes()
        assert (len(data), hashlib.sha256(data).hexdigest()) == (size, digest)
    assert orphans == 0
    assert blobs is None or len(wanted) == blobs


def wait_until(is_so, seconds=20):
    end = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < end, "not within %g s" % seconds
        time.sleep(0.01)


# ---- files ----

NAMES = {  # name: media type, Content-Disposition
    "a.txt": ("text/plain", "attachment; filename=a.txt"),
    "MLmodel": ("text/plain", "attachment; filename=MLmodel"),
    "conda.yaml": ("text/plain", "attachment; filename=conda.yaml"),
    "model.pkl": ("application/octet-stream", "attachment; filename=model.pkl"),
    "plot.png": ("image/png", "attachment; filename=plot.png"),
    "x.tar.gz": ("application/x-tar", "attachment; filename=x.tar.gz"),
    "report.PDF": ("application/pdf", "attachment; filename=report.PDF"),
    ".hidden": ("application/octet-stream", "attachment; filename=.hidden"),
    "two words.csv": ("text/plain", 'attachment; filename="two words.csv"'),
    'quo"te.md': ("text/plain", 'attachment; filename="quo\\"te.md"'),
    "100%.txt": ("text/plain", "attachment; filename=100%.txt"),
    "a+b&c=d?e": ("application/octet-stream", 'attachment; filename="a+b&c=d?e"'),
    "dog+step+20+timestamp+100.png": ("image/png", "attachment; filename=dog+step+20+timestamp+100.png"),
    "\u00fcber.txt": ("text/plain", "attachment; filename=uber.txt; filename*=UTF-8''%C3%BCber.txt"),
    "\u65e5\u672c": ("application/octet-stream",
                     "attachment; filename=download; filename*=UTF-8''%E6%97%A5%E6%9C%AC"),
}


@pytest.mark.parametrize("name", NAMES)
def test_a_file_of_any_name_comes_back(client, name):
    quoted = urllib.parse.quote(name)
    answer = client.put("2/run/artifacts/" + quoted, b"hello")
    assert answer.headers["Content-Length"] == "0" and answer.headers["Content-Type"] is None
    answer, body = client.get("2/run/artifacts/" + quoted)
    assert body == b"hello"
    assert (answer.headers["Content-Type"], answer.headers["Content-Disposition"]) == NAMES[name]
    assert answer.headers["X-Content-Type-Options"] == "nosniff" and answer.headers["Accept-Ranges"] == "bytes"
    assert client.list("2/run/artifacts") == [(name, 5)]


def test_folders_are_listed_one_level_at_a_time(client):
    for path in ("r/b.txt", "r/a/x", "r/a/y/z", "r/a.b", "r/empty"):
        client.put(path, b"" if path == "r/empty" else b"12")
    assert client.list("r") == [("a/", None), ("a.b", 2), ("b.txt", 2), ("empty", None)]
    assert client.list("r/") == client.list("./r//") == client.list("r")
    assert client.list("r/a") == [("x", 2), ("y/", None)]
    assert client.list() == client.list("") == client.list(".") == [("r/", None)]
    assert client.list("r/b.txt") == client.list("nope") == []
    answer, body = client.ask("GET", "/ajax-api/2.0/mlflow-artifacts/artifacts?path=r%2Fa")
    assert json.loads(body)["files"] == [{"path": "x", "is_dir": False, "file_size": 2}, {"path": "y", "is_dir": True}]


def test_delete_takes_a_file_or_a_folder(client, tmp_path):
    for path in ("r/a/x", "r/a/y/z", "r/ab", "r/b"):
        client.put(path, path.encode())
    for path in ("r/a", "r/b", "r/nope"):
        answer, body = client.ask("DELETE", ARTIFACTS + "/" + path)
        assert (answer.status, body, answer.headers["Content-Type"]) == (200, b"{}", "application/json")
    assert client.list("r") == [("ab", 4)]
    check_store(tmp_path, blobs=1)


def test_a_file_is_replaced(client, tmp_path):
    client.put("r/a", b"old")
    etag = client.get("r/a")[0].headers["ETag"]
    client.put("r/a", b"new one")
    answer, body = client.get("r/a")
    assert body == b"new one" and answer.headers["ETag"] != etag
    check_store(tmp_path, blobs=1)


def test_a_path_is_a_file_or_a_folder(client, tmp_path):
    client.put("r/a/b", b"1")
    for path in ("r/a", "r", "r/a/b/c", "r/a/b/c/d"):
        said = client.refused("PUT", ARTIFACTS + "/" + path, 400, b"2")
        assert said["error_code"] == "INVALID_PARAMETER_VALUE" and said["message"].startswith("Invalid path: ")
    assert client.list("r/a") == [("b", 1)]
    check_store(tmp_path, blobs=1)


def test_an_empty_file_is_sent_in_chunks(client, tmp_path):
    """As the mlflow client does it: no Content-Length, no byte."""
    client.put("r/empty", iter(()), chunked=True, headers={"Transfer-Encoding": "chunked"})
    assert client.get("r/empty")[1] == b""
    assert client.ask("HEAD", ARTIFACTS + "/r/empty")[0].headers["Content-Length"] == "0"
    client.get("r/empty", {"Range": "bytes=0-"}, status=416)
    check_store(tmp_path, blobs=1)


@pytest.mark.parametrize("size", [1, 262143, 262144, 262145, 524288, 5 * MIB + 7])
@pytest.mark.parametrize("framing", ["length", "chunked"])
def test_bytes_are_kept_as_they_are(client, tmp_path, size, framing):
    data = random.Random(size).randbytes(size)
    if framing == "length":
        client.put("r/data", data)
    else:
        pieces = (data[at:at + 50001] for at in range(0, size, 50001))
        client.put("r/data", pieces, chunked=True, headers={"Transfer-Encoding": "chunked"})
    answer, body = client.get("r/data")
    assert body == data and answer.headers["ETag"] == '"%s"' % hashlib.sha256(data).hexdigest()
    check_store(tmp_path, blobs=1)


def test_parts_and_conditions(client):
    data = bytes(range(256)) * 4000
    client.put("r/data", data)
    etag = client.get("r/data")[0].headers["ETag"]
    last = len(data) - 1
    for ranges, at, end in (("bytes=0-0", 0, 1), ("bytes=1-2", 1, 3), ("bytes=%d-" % last, last, last + 1),
                            ("bytes=-5", last - 4, last + 1), ("bytes=300000-700000", 300000, 700001),
                            ("bytes=5-99999999999", 5, last + 1), ("bytes=-99999999999", 0, last + 1),
                            ("Bytes = 7 - 8", 7, 9)):
        for more in ({}, {"If-Range": etag}):
            answer, body = client.get("r/data", {"Range": ranges, **more}, status=206)
            assert body == data[at:end], ranges
            assert answer.headers["Content-Range"] == "bytes %d-%d/%d" % (at, end - 1, len(data))
    for ranges in ("bytes=%d-" % len(data), "bytes=%d-%d" % (len(data), len(data) + 5), "bytes=-0"):
        answer, body = client.get("r/data", {"Range": ranges}, status=416)
        assert answer.headers["Content-Range"] == "bytes */%d" % len(data) and body == b""
    whole = ({"Range": "bytes=2-1"}, {"Range": "bytes=0-1,5-6"}, {"Range": "lines=1-2"}, {"Range": "bytes=a-b"},
             {"Range": "x"}, {"Range": "bytes=-"}, {"Range": "bytes=1-2", "If-Range": '"other"'}, {"If-None-Match": '"other"'})
    for headers in whole:
        assert client.get("r/data", headers)[1] == data, headers
    for match in (etag, "*", '"x", W/%s' % etag):
        answer, body = client.get("r/data", {"If-None-Match": match}, status=304)
        assert body == b"" and answer.headers["ETag"] == etag
    answer, body = client.ask("HEAD", ARTIFACTS + "/r/data", headers={"Range": "bytes=0-1"})
    assert (answer.status, answer.headers["Content-Length"], body) == (200, str(len(data)), b"")


def test_what_there_is_not(client):
    client.put("r/a/b", b"1")
    said = client.refused("GET", ARTIFACTS + "/r/nope.bin", 404)
    assert said["error_code"] == "RESOURCE_DOES_NOT_EXIST" and said["message"] == "No such artifact: 'r/nope.bin'"
    assert client.refused("GET", ARTIFACTS + "/r/a", 400) == \
        {"detail": "Artifact path refers to a directory, not a file: 'r/a'"}
    assert client.refused("GET", ARTIFACTS + "/r/a/", 400) == \
        {"detail": "Artifact path refers to a directory, not a file: 'r/a/'"}
    assert client.refused("PUT", ARTIFACTS + "/r/x/", 400, b"1") == \
        {"detail": "Artifact path must include a filename (cannot end with '/')."}
    client.connection.close()
    for method, path in (("POST", "mpu/create/r"), ("POST", "mpu/complete/r"), ("POST", "mpu/abort/r"),
                         ("GET", "presigned/r/a/b")):
        said = client.refused(method, "/api/2.0/mlflow-artifacts/" + path, 501, b"{}" if method == "POST" else None)
        assert said["error_code"] == "NOT_IMPLEMENTED" and said["message"] == \
            "Multipart %s is not supported for the current artifact repository" % \
            ("upload" if method == "POST" else "download")
    answer, _ = client.ask("PATCH", ARTIFACTS + "/r/a")
    assert (answer.status, answer.headers["Allow"]) == (405, "DELETE, GET, HEAD, PUT")
    answer, _ = client.ask("DELETE", ARTIFACTS)
    assert (answer.status, answer.headers["Allow"]) == (405, "GET, HEAD")
    answer, body = client.ask("GET", "/api/2.0/mlflow-artifacts/other/x")
    assert (answer.status, body) == (404, b"Not Found")


# ---- tricks ----

TRICKS = ["../z", "a/../../z", "%2e%2e/z", "a/%2E%2E/z", "%252e%252e/z", "%25252e%25252e/z", "..%2fz", "a%2f..%2fz",
          "/etc/z", "%2fetc/z", "%252fetc/z", "c:/z", "file:z", "file%3A/etc/z", "a%23z", "a%00z", "%ffz", "a%c0%afz",
          "a%0az", "a%5cz", ".", "./z", "%252e", "//z"]


def raw_request(method, target, body=b""):
    return b"%s %s HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n%s" % (method, target, len(body), body)


def test_no_trick_gets_out_of_the_tree(sluiced, tmp_path):
    server = sluiced()
    client = Client(server)
    client.put("kept", b"1")
    before = set(files_below(tmp_path))
    for trick in TRICKS:
        for method in (b"PUT", b"GET", b"DELETE"):
            body = b"x" if method == b"PUT" else b""
            status = raw_status(server, raw_request(method, (ARTIFACTS + "/" + trick).encode(), body))
            assert status == 400, (method, trick, status)
    for trick in ("../", "/etc", "%2e%2e", "a/../b", "..", "c:/", "file:x", "a#b"):
        said = client.refused("GET", ARTIFACTS + "?path=" + urllib.parse.quote(trick), 400)
        assert (said["error_code"], said["message"]) == ("INVALID_PARAMETER_VALUE", "Invalid path"), trick
        for route in ("/get-artifact?run_id=r&path=", "/model-versions/get-artifact?name=n&version=1&path="):
            said = client.refused("GET", route + urllib.parse.quote(trick), 400)
            assert (said["error_code"], said["message"]) == ("INVALID_PARAMETER_VALUE", "Invalid path"), trick
    assert client.list() == [("kept", 1)]
    assert set(files_below(tmp_path)) == before


def test_long_names_are_refused_in_words(client, tmp_path):
    client.put("r/" + "n" * 255, b"1")
    for path in ("r/" + "n" * 256, "r/" + "n" * 4096, "/".join("n" * 250 for _ in range(17))):
        for method in ("PUT", "GET", "DELETE"):
            said = client.refused(method, ARTIFACTS + "/" + path, 400, b"1" if method == "PUT" else None)
            assert said["error_code"] == "INVALID_PARAMETER_VALUE" and "Invalid path: " in said["message"]
            client.connection.close()
    client.refused("GET", ARTIFACTS + "/" + "n/" * 40000, 414)
    assert client.list("r") == [("n" * 255, 1)]


# ---- sizes, speed, cuts ----

def test_a_limit_holds_for_both_framings(sluiced, tmp_path):
    server = sluiced(None, "--artifact-max", "100k", "--http-body-max", "1k")
    client = Client(server)
    client.put("r/fits", bytes(100 << 10))
    in_chunks = iter([bytes(60 << 10)] * 2)
    for headers, body in (({}, bytes((100 << 10) + 1)), ({"Transfer-Encoding": "chunked"}, in_chunks)):
        said = Client(server).refused("PUT", ARTIFACTS + "/r/over", 413, body, headers=headers, chunked=bool(headers))
        assert said["message"] == "the body is too large"
    assert client.list("r") == [("fits", 100 << 10)]
    wait_until(lambda: files_below(tmp_path / "registry" / "staging") == [])


@pytest.mark.skipif(IS_SANITIZED, reason="a sanitizer keeps freed memory")
def test_memory_stays_flat(sluiced):
    server = sluiced(None, "--workers", "1")
    client, piece = Client(server), random.Random(1).randbytes(MIB)
    client.put("r/first", piece * 2)
    client.get("r/first")
    before, size = server.rss_kib(), 300
    digest = hashlib.sha256()
    client.put("r/big", (piece for _ in range(size)), headers={"Content-Length": str(size * MIB)})
    uploaded = server.rss_kib()
    client.connection.request("GET", ARTIFACTS + "/r/big")
    answer = client.connection.getresponse()
    while data := answer.read(MIB):
        digest.update(data)
    downloaded = server.rss_kib()
    wanted = hashlib.sha256()
    for _ in range(size):
        wanted.update(piece)
    assert digest.digest() == wanted.digest()
    assert max(uploaded, downloaded) - before < 4 * 1024


def test_a_client_that_does_not_read_holds_nobody_up(sluiced):
    server = sluiced(None, "--workers", "1")
    client = Client(server)
    client.put("r/big", bytes(64 * MIB))
    before, sleepers = server.rss_kib(), []
    for _ in range(10):
        s = socket.socket()
        s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        s.connect(("127.0.0.1", server.port))
        s.sendall(raw_request(b"GET", (ARTIFACTS + "/r/big").encode()))
        sleepers.append(s)
    for _ in range(50):
        client.get("r/big", {"Range": "bytes=0-9"}, status=206)
    assert IS_SANITIZED or server.rss_kib() - before < 10 * 1024
    for s in sleepers:
        reset(s)
    server.wait_metric("sluice_http_requests_active 1")


@pytest.mark.parametrize("leave", ["close", "reset"])
def test_an_upload_of_a_gigabyte_that_is_cut_leaves_nothing(sluiced, tmp_path, leave):
    server = sluiced()
    client = Client(server)
    client.put("r/data", b"old")
    s, sent = raw(server), 100 if IS_SANITIZED else 512
    s.sendall(put_head("r/data", 1 << 30))
    for _ in range(sent):
        s.sendall(bytes(MIB))
    partial = next((tmp_path / "registry" / "staging").iterdir())
    wait_until(lambda: partial.stat().st_size > (sent - 8) * MIB)
    assert len(files_below(tmp_path / "registry" / "staging")) == 1
    assert client.get("r/data")[1] == b"old", "it is visible when all of it is there"
    s.close() if leave == "close" else reset(s)
    wait_until(lambda: files_below(tmp_path / "registry" / "staging") == [])
    assert client.list("r") == [("data", 3)]
    server.wait_metric("sluice_http_requests_active 1")
    check_store(tmp_path, blobs=1)


def test_a_slow_upload_goes_on_beside_others(sluiced, tmp_path):
    server = sluiced(None, "--workers", "1")
    client = Client(server)
    with raw(server) as s:
        s.sendall(put_head("r/slow", 20))
        for i in range(20):
            s.sendall(b"x")
            client.put("r/%d" % i, b"%d" % i)
        assert s.recv(100).startswith(b"HTTP/1.1 200 ")
    assert client.get("r/slow")[1] == b"x" * 20
    check_store(tmp_path, blobs=21)


def test_a_download_ends_as_it_began(sluiced, tmp_path):
    server = sluiced()
    client, data = Client(server), random.Random(2).randbytes(16 * MIB)
    client.put("r/data", data)
    reader = Client(server)
    reader.connection.request("GET", ARTIFACTS + "/r/data")
    answer = reader.connection.getresponse()
    start = answer.read(10)
    client.put("r/data", b"new")
    client.ask("DELETE", ARTIFACTS + "/r")
    check_store(tmp_path, blobs=0)
    assert start + answer.read() == data


def test_uploads_to_one_path_end_in_one_of_them(sluiced, tmp_path):
    server = sluiced(None, "--workers", "2")
    bodies = [bytes([65 + i]) * (200000 + i) for i in range(12)]

    def send(body):
        client = Client(server)
        for _ in range(3):
            client.put("r/data", body)
            assert client.get("r/data")[1] in bodies

    with concurrent.futures.ThreadPoolExecutor(12) as pool:
        list(pool.map(send, bodies))
    assert Client(server).get("r/data")[1] in bodies
    check_store(tmp_path, blobs=1)


# ---- kills ----

def kill(server):
    server.process.kill()
    server.process.wait()
    server._log.close()


def kill_and_check(sluiced, tmp_path, server, old, new):
    """Kills, starts again: in under a second, with the old file or the new one and nothing else."""
    kill(server)
    started = time.monotonic()
    server = sluiced()
    assert time.monotonic() - started < (5 if IS_SANITIZED else 1)
    body = Client(server).get("r/data")[1]
    assert body in (old, new)
    check_store(tmp_path, blobs=1)
    return server, body


def test_a_kill_while_the_body_comes_leaves_the_old_file(sluiced, tmp_path):
    server, old = sluiced(), b"old"
    Client(server).put("r/data", old)
    head = put_head("r/data", 4 * MIB)
    for sent in (0, 1, 262144, 262145, 3 * MIB, 4 * MIB - 1):
        with raw(server) as s:
            s.sendall(head + b"n" * sent)
            if sent > 262144:
                wait_until(lambda: len(files_below(tmp_path / "registry" / "staging")) == 1)
            server, body = kill_and_check(sluiced, tmp_path, server, old, None)


@pytest.mark.slow
def test_a_kill_around_the_end_leaves_the_old_file_or_the_new_one(sluiced, tmp_path):
    server, old, chance = sluiced(), b"old", random.Random(3)
    Client(server).put("r/data", old)
    seen = set()
    for turn in range(60):
        new = b"%d " % turn + chance.randbytes(300000)
        with raw(server) as s:
            s.sendall(raw_request(b"PUT", (ARTIFACTS + "/r/data").encode(), new))
            time.sleep(chance.random() * 0.012)
            s.setblocking(False)
            try:
                is_answered = s.recv(12) == b"HTTP/1.1 200"
            except BlockingIOError:
                is_answered = False
            server, body = kill_and_check(sluiced, tmp_path, server, old, new)
        assert not is_answered or body == new, "what was answered is there"
        seen.add(body == new)
        old = body
    assert seen == {True, False}, "the kills came at different points"


def test_two_servers_share_a_folder(sluiced, tmp_path):
    first = sluiced()
    with raw(first) as s:
        s.sendall(put_head("r/slow", 300000) + b"x" * 270000)
        wait_until(lambda: len(files_below(tmp_path / "registry" / "staging")) == 1)
        second = sluiced()
        assert Client(second).list() == []
        Client(second).put("r/other", b"1")
        s.sendall(b"x" * 30000)
        assert s.recv(100).startswith(b"HTTP/1.1 200 ")
    assert Client(second).list("r") == [("other", 1), ("slow", 300000)]
    assert Client(second).get("r/slow")[1] == b"x" * 300000
    check_store(tmp_path, blobs=2)


def test_a_drain_ends_uploads_and_downloads(sluiced, tmp_path):
    server = sluiced()
    client, data = Client(server), random.Random(4).randbytes(8 * MIB)
    client.put("r/data", data)
    with raw(server) as up:
        up.sendall(put_head("r/up", 300000) + b"x" * 270000)
        client.connection.request("GET", ARTIFACTS + "/r/data")
        answer = client.connection.getresponse()
        wait_until(lambda: len(files_below(tmp_path / "registry" / "staging")) == 1)
        server.process.send_signal(signal.SIGTERM)
        server.wait_records("server.drain")
        assert answer.read() == data
        client.connection.close()
        up.sendall(b"x" * 30000)
        assert up.recv(100).startswith(b"HTTP/1.1 200 ")
    server.stop()
    check_store(tmp_path, blobs=2)


# ---- runs, versions, clients ----

def seed(state):
    with contextlib.closing(sqlite3.connect(pathlib.Path(state) / "registry" / "registry.db")) as db:
        db.execute("INSERT INTO runs VALUES ('r1', 0, 'n', 'u', 'RUNNING', 0, NULL, NULL, 'active',"
                   " 'mlflow-artifacts:/0/r1/artifacts')")
        db.execute("INSERT INTO registered_models VALUES ('m', 0, 0, NULL)")
        db.execute("INSERT INTO model_versions VALUES ('m', 1, 0, 0, NULL, NULL, 'None', 'runs:/r1/model', '', 'r1', '',"
                   " '', 'READY', NULL)")
        db.commit()


def test_files_of_runs_and_versions(client, tmp_path):
    seed(tmp_path)
    client.put("0/r1/artifacts/model/MLmodel", b"flavors: {}")
    for query in ("run_id=r1&path=model%2FMLmodel", "path=model/MLmodel&run_uuid=r1"):
        answer, body = client.ask("GET", "/get-artifact?" + query)
        assert (answer.status, body, answer.headers["Content-Type"]) == (200, b"flavors: {}", "text/plain")
        assert answer.headers["Content-Disposition"] == "attachment; filename=MLmodel"
    answer, body = client.ask("GET", "/model-versions/get-artifact?name=m&version=1&path=MLmodel")
    assert (answer.status, body) == (200, b"flavors: {}")
    for query, status, message in (
            ("run_id=nope&path=x", 404, "Run with id=nope not found"),
            ("run_id=r1&path=x", 404, "No such artifact: '0/r1/artifacts/x'"),
            ("run_id=r1&path=model", 400, "Artifact path refers to a directory, not a file: '0/r1/artifacts/model'"),
            ("run_id=r1", 400, "Missing value for required parameter 'path'. See the API docs for more information "
                               "about request parameters.")):
        assert client.refused("GET", "/get-artifact?" + query, status)["message"] == message
    said = client.refused("GET", "/model-versions/get-artifact?name=m&version=2&path=x", 404)
    assert said["message"] == "Model Version (name=m, version=2) not found"


def test_the_real_client(sluiced, tmp_path):
    module = client_module("mlflow.store.artifact.mlflow_artifacts_repo")
    server = sluiced()
    repository = module.MlflowArtifactsRepository("mlflow-artifacts:/0/run/artifacts", tracking_uri=server.url)
    folder = tmp_path / "files"
    (folder / "sub dir").mkdir(parents=True)
    (folder / "empty.bin").write_bytes(b"")
    (folder / "data.bin").write_bytes(random.Random(5).randbytes(3 * MIB))
    (folder / "sub dir" / "\u00fc.txt").write_text("u")
    repository.log_artifact(str(folder / "data.bin"))
    repository.log_artifact(str(folder / "data.bin"), "deep/er")
    repository.log_artifacts(str(folder), "tree")
    assert [(file.path, file.is_dir, file.file_size or 0) for file in repository.list_artifacts()] == \
        [("data.bin", False, 3 * MIB), ("deep", True, 0), ("tree", True, 0)]
    (tmp_path / "down").mkdir()
    down = pathlib.Path(repository.download_artifacts("tree", str(tmp_path / "down")))
    for file in files_below(folder):
        assert (down / file).read_bytes() == (folder / file).read_bytes()
    assert files_below(down) == files_below(folder)
    repository.delete_artifacts("tree")
    assert [file.path for file in repository.list_artifacts()] == ["data.bin", "deep"]
    with pytest.raises(Exception, match="No such artifact: '0/run/artifacts/nope.bin'"):
        repository.download_artifacts("nope.bin", str(tmp_path / "down"))


def test_runs_of_the_real_client(sluiced, tmp_path):
    mlflow = client_module("mlflow")
    server = sluiced()
    client = mlflow.MlflowClient(server.url)
    run = client.create_run("0")
    folder = tmp_path / "files"
    (folder / "sub").mkdir(parents=True)
    (folder / "a.txt").write_text("hello")
    (folder / "sub" / "empty").write_bytes(b"")
    (folder / "sub" / "big").write_bytes(random.Random(6).randbytes(2 * MIB))
    client.log_artifact(run.info.run_id, str(folder / "a.txt"))
    client.log_artifacts(run.info.run_id, str(folder), "tree")
    client.log_text(run.info.run_id, "text", "notes/note.md")
    client.log_dict(run.info.run_id, {"a": 1}, "notes/dict.json")
    assert [file.path for file in client.list_artifacts(run.info.run_id)] == ["a.txt", "notes", "tree"]
    assert [(file.path, file.file_size or 0) for file in client.list_artifacts(run.info.run_id, "tree/sub")] == \
        [("tree/sub/big", 2 * MIB), ("tree/sub/empty", 0)]
    (tmp_path / "down").mkdir()
    down = pathlib.Path(client.download_artifacts(run.info.run_id, "", str(tmp_path / "down")))
    assert files_below(down) == \
        ["a.txt", "notes/dict.json", "notes/note.md", "tree/a.txt", "tree/sub/big", "tree/sub/empty"]
    assert (down / "tree" / "sub" / "big").read_bytes() == (folder / "sub" / "big").read_bytes()
    answer, body = Client(server).ask("GET", "/get-artifact?run_id=%s&path=tree%%2Fa.txt" % run.info.run_id)
    assert (answer.status, body) == (200, b"hello")
    with pytest.raises(Exception, match="cannot be stored"):
        client.log_text(run.info.run_id, "x", "a.txt/b")


# Where we answer otherwise than MLflow: the front end refuses these paths (docs/protocol/HTTP.md 1.5 rule 8).
DEVIATIONS = {
    "/api/2.0/mlflow-artifacts/artifacts/../../etc/passwd": 400,
    "/api/2.0/mlflow-artifacts/artifacts/7/1bb0b44d14d1404ebe51fa270e0124b7/artifacts/a\\b.txt": 400,
    "/api/2.0/mlflow-artifacts/artifacts/7/1bb0b44d14d1404ebe51fa270e0124b7/artifacts/../z": 400,
}


def body_of(recorded):
    if recorded is None:
        return b""
    if "json" in recorded:
        return json.dumps(recorded["json"]).encode()
    if "base64" in recorded:
        return base64.b64decode(recorded["base64"])
    return recorded["text"].encode()


def test_recorded_exchanges(client, tmp_path):
    """What the real server answered to the real client, in the recorded order."""
    with contextlib.closing(sqlite3.connect(tmp_path / "registry" / "registry.db")) as db:
        db.execute("INSERT INTO runs VALUES ('93c181eb394d455fab9c9fe1a4d86c69', 0, 'n', 'u', 'RUNNING', 0, NULL, NULL,"
                   " 'active', 'mlflow-artifacts:/2/93c181eb394d455fab9c9fe1a4d86c69/artifacts')")
        db.commit()
    for line in (RECORDINGS / "artifacts.jsonl").read_text("utf-8").splitlines():
        wanted = json.loads(line)
        query = urllib.parse.urlencode([tuple(pair) for pair in wanted["query"]])
        path = urllib.parse.quote(wanted["path"]) + ("?" + query if query else "")
        is_chunked = "transfer-encoding" in wanted["req_headers"]
        body = iter(()) if is_chunked else body_of(wanted["req_body"]) if wanted["method"] in ("PUT", "POST") else None
        answer, said = client.ask(wanted["method"], path, body, wanted["req_headers"], is_chunked)
        if wanted["path"] in DEVIATIONS:
            assert answer.status == DEVIATIONS[wanted["path"]], line
            continue
        assert answer.status == wanted["status"], (line, said)
        for name in ("content-type", "content-disposition", "content-range", "accept-ranges"):
            assert answer.headers[name] == wanted["resp_headers"].get(name), (name, line)
        if wanted["resp_body"] is None or wanted["method"] == "HEAD":
            assert said == b""
        elif "json" in wanted["resp_body"]:
            got, expected = json.loads(said), wanted["resp_body"]["json"]
            for optional in ("sqlstate", "error_class"):
                got.pop(optional, None), expected.pop(optional, None)
            assert got == expected, line
        else:
            assert said == body_of(wanted["resp_body"]), line

"""Who may do what: tokens, levels, endpoints, the first token, hosts that others reach. Real clients: databricks-sdk, curl."""
import base64
import json
import re
import subprocess
import time
import urllib.error
import urllib.request

import pytest

from conftest import MODELS, ROOT, client_module

ROWS = {"dataframe_records": [{"text": "a"}]}


class Caller:
    """Asks a server with a token, or with nothing."""

    def __init__(self, server, token=None, **headers):
        self.server = server
        self.headers = {**({"Authorization": "Bearer " + token} if token else {}), **headers}

    def __call__(self, method, path, body=None, **headers):
        """-> status, JSON or text, headers"""
        data = None if body is None else body if isinstance(body, bytes) else json.dumps(body).encode()
        request = urllib.request.Request(self.server.url + path, data, {"Content-Type": "application/json", **self.headers,
                                                                       **headers}, method=method)
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                return self.read(answer)
        except urllib.error.HTTPError as refused:
            return self.read(refused)

    @staticmethod
    def read(answer):
        text = answer.read().decode("utf-8", "replace")
        try:
            return answer.status, json.loads(text), answer.headers
        except ValueError:
            return answer.status, text, answer.headers

    def good(self, method, path, body=None, **headers):
        status, answer, _ = self(method, path, body, **headers)
        assert status == 200, (status, answer)
        return answer

    def token(self, **fields):
        return self.good("POST", "/api/2.0/token/create", fields)["token_value"]


@pytest.fixture
def root(sluiced):
    """A server with access on, and who manages everything there."""
    server = sluiced()
    return Caller(server, Caller(server).token(user="root", comment="first"))


def test_the_first_token_closes_the_door(sluiced):
    server = sluiced()
    anybody = Caller(server)
    assert anybody("GET", "/api/2.0/token/list")[0] == 200
    status, answer, _ = anybody("POST", "/api/2.0/token/create", {"user": "x", "can": "query"})
    assert (status, answer["error_code"]) == (400, "INVALID_STATE") and "first token" in answer["message"]
    token = anybody.token(user="root")
    status, answer, headers = anybody("GET", "/api/2.0/token/list")
    assert (status, answer["error_code"]) == (401, "UNAUTHENTICATED") and headers["WWW-Authenticate"] == 'Bearer realm="sluice"'
    status, answer, _ = Caller(server, token[:-1] + "x")("GET", "/api/2.0/token/list")
    assert (status, answer["error_code"]) == (401, "UNAUTHENTICATED") and token[:-1] not in json.dumps(answer)
    infos = Caller(server, token).good("GET", "/api/2.0/token/list")["token_infos"]
    assert [info["user"] for info in infos] == ["root"] and token not in json.dumps(infos)
    for path in ("/ping", "/health", "/live", "/ready", "/version"):
        assert anybody("GET", path)[0] == 200, path
    server.stop()
    # It stays closed, and the token good, after a restart; and when the last token is gone.
    server = sluiced()
    assert Caller(server)("GET", "/metrics")[0] == 401
    root = Caller(server, token)
    root.good("GET", "/metrics")
    root.good("POST", "/api/2.0/token/delete", {"token_id": infos[0]["token_id"]})
    assert root("GET", "/metrics")[0] == 401 and Caller(server)("GET", "/metrics")[0] == 401


def test_levels(root):
    alice = {can: Caller(root.server, root.token(user="alice", can=can)) for can in ("none", "query", "view", "manage")}
    calls = {"query": ("POST", "/serving-endpoints/none/invocations", ROWS), "view": ("GET", "/metrics", None),
             "manage": ("POST", "/api/2.0/mlflow/experiments/create", {"name": "e"})}
    for at, can in enumerate(alice):
        for needed, (level, call) in enumerate(calls.items(), 1):
            status, answer, _ = alice[can](*call)
            if at >= needed:
                assert status in (200, 404), (can, level, answer)
            else:
                assert status == 403 and answer["error_code"] == "PERMISSION_DENIED", (can, level, answer)
                assert "user 'alice' may not" in answer["message"] and "'%s'" % level in answer["message"]


def test_tokens_of_others(root):
    alice = Caller(root.server, root.token(user="alice", can="view", lifetime_seconds=100, comment="mine"))
    bob = Caller(root.server, root.token(service_principal="bob", can="view", endpoints=["a", "b"]))
    infos = root.good("GET", "/api/2.0/token/list")["token_infos"]
    assert len(infos) == 3 and all(info["creation_time"] > 0 for info in infos)
    mine, = alice.good("GET", "/api/2.0/token/list")["token_infos"]
    assert mine["comment"] == "mine" and mine["expiry_time"] == mine["creation_time"] + 100000 and mine["created_by"] == "root"
    theirs, = bob.good("GET", "/api/2.0/token/list")["token_infos"]
    assert theirs["endpoints"] == ["a", "b"] and theirs["expiry_time"] == -1 and theirs["service_principal"] == "bob"
    assert alice("POST", "/api/2.0/token/create", {})[0] == 403
    status, answer, _ = alice("POST", "/api/2.0/token/delete", {"token_id": theirs["token_id"]})
    assert (status, answer["error_code"]) == (404, "RESOURCE_DOES_NOT_EXIST")
    alice.good("POST", "/api/2.0/token/delete", {"token_id": mine["token_id"]})
    assert alice("GET", "/api/2.0/token/list")[0] == 401
    # Whoever asked was seen.
    assert {info["user"] for info in root.good("GET", "/api/2.0/token/list")["token_infos"] if "last_used_time" in info
            and "user" in info} == {"root"}


@pytest.mark.parametrize("body, part", [
    ({"can": "write"}, "expected none, query, view or manage"), ({"scopes": ["sql"]}, "scopes: is not done here"),
    ({"autoscope_enabled": True}, "autoscope_enabled"), ({"user": "a", "service_principal": "b"}, "one of them"),
    ({"lifetime_seconds": -5}, "lifetime_seconds"), ({"endpoints": ["a/b"]}, "endpoints 'a/b'"),
    ({"kind": "client", "user": "a"}, "service_principal"), ({"colour": 1}, "colour"), ({"user": "a\nb"}, "control character")])
def test_what_is_refused(root, body, part):
    status, answer, _ = root("POST", "/api/2.0/token/create", body)
    assert (status, answer["error_code"]) == (400, "INVALID_PARAMETER_VALUE") and part in answer["message"]


def test_history_says_who_it_was(root):
    alice = Caller(root.server, root.token(user="alice"), **{"X-Sluice-User": "mallory"})
    alice.good("POST", "/api/2.0/mlflow/registered-models/create", {"name": "m"})
    entry, = alice.good("GET", "/api/2.0/mlflow/sluice/history?name=m")["history"]
    assert entry["who"] == "alice"


def test_curl_with_basic(root):
    token = root.headers["Authorization"].split()[1]
    for user, status in (("token", "200"), ("root", "200"), ("alice", "401")):
        done = subprocess.run(["curl", "-s", "-o", "/dev/null", "-w", "%{http_code}", "-u", "%s:%s" % (user, token),
                               root.server.url + "/api/2.0/serving-endpoints"], capture_output=True, text=True, check=True)
        assert done.stdout == status, user


def test_pages_of_others(root):
    """A bearer token is something no page of others has; what browsers send by themselves is guarded."""
    create, name = ("POST", "/api/2.0/mlflow/experiments/create"), iter("abcdef")
    evil = {"Origin": "https://evil.example", "Host": "evil.example"}
    assert root(*create, {"name": next(name)}, **evil)[0] == 200
    token = root.headers["Authorization"].split()[1]
    basic = Caller(root.server, Authorization="Basic " + base64.b64encode(("token:" + token).encode()).decode())
    assert basic(*create, {"name": next(name)}, Host="sluice.example")[0] == 200
    assert basic(*create, {"name": next(name)}, **evil)[0] == 403


def test_without_tokens_pages_of_others_reach_nothing(sluiced):
    bundle, alone = sluiced(MODELS / "echo"), sluiced()
    for server, calls in ((bundle, [("POST", "/invocations", ROWS), ("GET", "/metrics", None), ("POST", "/v1/chat/completions", {})]),
                          (alone, [("GET", "/api/2.0/serving-endpoints", None), ("POST", "/api/2.0/token/create", {}),
                                   ("POST", "/serving-endpoints/x/invocations", ROWS)])):
        for call in calls:
            assert Caller(server)(*call, Host="evil.example", **{"Sec-Fetch-Site": "same-origin"})[0] == 403, call
            # Rows are taken under whatever name, of clients that are no browsers.
            assert (Caller(server)(*call, Host="evil.example")[0] == 200) == (call[1] == "/invocations"), call
            if call[0] == "POST":
                assert Caller(server)(*call, Origin="https://evil.example")[0] == 403, call


def test_others_reach_it_only_with_a_token(sluiced, tmp_path):
    with pytest.raises(RuntimeError, match="sluice token create --state .* --user NAME --can manage"):
        sluiced(None, "--host", "0.0.0.0")
    server = sluiced()
    token = Caller(server).token(user="root")
    server.stop()
    with pytest.raises(RuntimeError, match="nobody has a token yet"):
        sluiced(None, "--host", "0.0.0.0", "--state", tmp_path / "other")
    server = sluiced(None, "--host", "0.0.0.0")
    assert Caller(server)("GET", "/metrics")[0] == 401
    Caller(server, token).good("GET", "/metrics", Host="sluice.example.com")


def test_a_bundle_alone_has_tokens_too(sluiced):
    server = sluiced(MODELS / "echo")
    anybody = Caller(server)
    anybody.good("POST", "/invocations", ROWS)
    root = Caller(server, anybody.token(user="root"))
    assert anybody("POST", "/invocations", ROWS)[0] == 401
    Caller(server, root.token(user="app", can="query")).good("POST", "/invocations", ROWS)
    assert Caller(server, root.token(user="app", can="query", endpoints=["x"]))("POST", "/invocations", ROWS)[0] == 403
    server.stop()
    assert Caller(sluiced(MODELS / "echo"))("POST", "/invocations", ROWS)[0] == 401


def test_another_process_revokes(sluiced):
    """Two processes share a state folder, as during an upgrade: what one revokes the other refuses within a second."""
    one = sluiced()
    root = Caller(one, Caller(one).token(user="root"))
    other = Caller(sluiced(), root.token(user="alice"))
    while other("GET", "/metrics")[0] != 200:
        time.sleep(0.01)
    token_id, = [info["token_id"] for info in root.good("GET", "/api/2.0/token/list")["token_infos"] if info["user"] == "alice"]
    root.good("POST", "/api/2.0/token/delete", {"token_id": token_id})
    while other("GET", "/metrics")[0] != 401:
        time.sleep(0.01)


def test_secrets_are_compared_in_constant_time():
    """No comparison that ends early is near a token, a secret or a digest."""
    for path in sorted((ROOT / "runtime" / "access").glob("*.c")):
        for number, line in enumerate(path.read_text().splitlines(), 1):
            early = re.search(r"(?<!CRYPTO_)\bmemcmp\(|\bstrn?cmp\(|\bdigest_eq\(", line)
            assert early is None or re.search(r"a\.data, b\.data|->id", line), "%s:%d: %s" % (path.name, number, line)


def test_databricks_sdk(root):
    client_module("databricks.sdk")
    from databricks.sdk import WorkspaceClient
    from databricks.sdk.errors import NotFound, PermissionDenied, Unauthenticated
    from databricks.sdk.service import settings  # noqa: F401
    url, token = root.server.url, root.headers["Authorization"].split()[1]
    w = WorkspaceClient(host=url, token=token)
    made = w.tokens.create(comment="of the sdk", lifetime_seconds=3600)
    assert made.token_info.comment == "of the sdk" and made.token_info.expiry_time > made.token_info.creation_time
    assert {info.comment for info in w.tokens.list()} == {"first", "of the sdk"}
    assert list(WorkspaceClient(host=url, token=made.token_value).serving_endpoints.list()) == []
    w.tokens.delete(made.token_info.token_id)
    with pytest.raises(NotFound):
        w.tokens.delete(made.token_info.token_id)
    with pytest.raises(Unauthenticated):
        WorkspaceClient(host=url, token=made.token_value).tokens.list()
    asker = WorkspaceClient(host=url, token=root.token(user="asker", can="query"))
    with pytest.raises(PermissionDenied):
        asker.tokens.create()
    with pytest.raises(PermissionDenied):
        asker.serving_endpoints.get("x")

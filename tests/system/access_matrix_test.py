"""Every call of every table, as the reference pages that are made from them list them, without a token and with one of each
level, against the permission that its row declares."""
import re
import subprocess

import pytest
from access_test import ROWS, Caller

from conftest import BUILD

LEVELS = ["none", "query", "view", "manage"]
NEEDED = {"any token": 0, "query": 1, "view": 2, "manage": 3}
INNER = "as its page says"
# What is behind routes without a page of their own.
FURTHER = [
    ("POST", "/serving-endpoints/x/invocations", "query"), ("POST", "/serving-endpoints/x/served-models/y/invocations", "query"),
    ("POST", "/serving-endpoints/chat/completions", "query"), ("POST", "/v1/chat/completions", "query"),
    ("POST", "/v1/completions", "query"), ("POST", "/v1/responses", "query"), ("GET", "/serving-endpoints/models", "any token"),
    ("GET", "/api/2.0/mlflow-artifacts/artifacts?path=x", "view"), ("GET", "/api/2.0/mlflow-artifacts/artifacts/x", "view"),
    ("PUT", "/api/2.0/mlflow-artifacts/artifacts/x", "manage"), ("DELETE", "/api/2.0/mlflow-artifacts/artifacts/x", "manage"),
    ("POST", "/api/2.0/mlflow-artifacts/mpu/create/x", "manage"), ("GET", "/api/2.0/mlflow-artifacts/presigned/x", "view"),
]


def rows_of(page):
    """The cells of the page's tables of calls; fields have tables of their own."""
    is_calls = False
    for line in page.read_text().splitlines():
        cells = [cell.strip(" `") for cell in line.strip("|").split(" | ")]
        if not line.startswith("|"):
            is_calls = False
        elif cells[0] in ("path", "method"):
            is_calls = True
        elif is_calls and not line.startswith("|---"):
            yield cells


def url_of(path, base=""):
    whole = path if path.startswith("/") else base + path
    return re.sub(r"\{\w+\}", "x", whole).replace("…", "")


@pytest.fixture(scope="module")
def calls(tmp_path_factory):
    """(method, path, permission) of all tables."""
    folder = tmp_path_factory.mktemp("reference")
    subprocess.run([BUILD / "tests" / "reference", folder], check=True)
    found = list(FURTHER)
    for path, methods, permission, *_ in rows_of(folder / "routes.md"):
        if permission != INNER:
            found += [(method, url_of(path), permission) for method in methods.split() if method != "HEAD"]
    for page, base in (("registry.md", "/api/2.0/mlflow/"), ("control.md", "/api/2.0/")):
        found += [(method, url_of(path, base), permission) for method, path, permission, *_ in rows_of(folder / page)]
    assert len(found) > 100
    return found


# What is no plain "GET: view, all else: manage".
PUBLIC = {"/ping", "/health", "/live", "/ready", "/version", "/.well-known/databricks-config",
          "/oidc/.well-known/oauth-authorization-server", "/oidc/v1/token"}
READING_POSTS = {"registered-models/get-latest-versions", "experiments/search", "runs/search", "experiments/search-datasets",
                 "logged-models/search", "/api/3.0/mlflow/datasets/search"}
QUERIES = {"/invocations", "/graphql", "/ajax-api/2.0/mlflow/gateway-proxy"}


def test_reading_needs_view_and_changing_needs_manage(calls):
    """The rows are right, too: whoever declares less must say so here."""
    for method, path, permission in calls:
        if permission == "public":
            assert path in PUBLIC, path
        elif permission == "view" and method != "GET":
            assert path in QUERIES or path.removeprefix("/api/2.0/mlflow/") in READING_POSTS, (method, path)
        elif permission == "any token" and method != "GET":
            assert path.startswith(("/api/2.0/permissions/", "/api/2.0/token/delete")), (method, path)
        elif permission == "query":
            assert path in QUERIES or (method, path, permission) in FURTHER, (method, path)


def test_each_call_needs_what_its_row_declares(sluiced, calls):
    server = sluiced()
    root = Caller(server, Caller(server).token(user="root"))
    callers = [Caller(server)] + [Caller(server, root.token(user=can, can=can)) for can in LEVELS]
    for method, path, permission in calls:
        body = None if method == "GET" else ROWS if "invocations" in path else {"model": "x"} if re.search("completions|responses", path) else {}
        for level, caller in enumerate(callers, -1):
            status, answer, _ = caller(method, path, body)
            what = (method, path, permission, level >= 0 and LEVELS[level], status, answer)
            if permission == "public":
                assert status not in (401, 403) or path == "/oidc/v1/token", what
            elif level < 0:
                assert status == 401 and answer["error_code"] == "UNAUTHENTICATED", what
            elif level < NEEDED[permission]:
                assert status == 403 and answer["error_code"] == "PERMISSION_DENIED", what
            else:
                assert status != 401 and (status != 403 or "secrets are never shown" in answer["message"]), what


def test_without_tokens_no_call_is_for_pages_of_others(sluiced, calls):
    server = sluiced()
    for method, path, permission in calls:
        body = None if method == "GET" else {}
        status, answer, _ = Caller(server)(method, path, body, Host="evil.example", **{"Sec-Fetch-Site": "same-origin"})
        assert (status == 403) == (permission != "public"), (method, path, status, answer)
        status = Caller(server)(method, path, body, Host="evil.example")[0]
        assert (status == 403) == (permission != "public" and path != "/invocations"), (method, path, status)
        if method != "GET" and permission != "public":
            assert Caller(server)(method, path, body, Origin="https://evil.example")[0] == 403, (method, path)

"""sluice token and sluice secret: by the server's calls, and in a state folder before its first start."""
import json
import os
import pty
import subprocess
import termios
import time

import pytest
from access_test import Caller
from secret_store_test import CANARY, assert_unseen

from conftest import BUILD


class Tool:
    def __init__(self, server, token):
        self.env = {**os.environ, "SLUICE_REGISTRY": server.url, "MLFLOW_TRACKING_TOKEN": token}

    def __call__(self, *args, stdin=b"", fails=False):
        """-> standard output; with `fails` standard error"""
        done = subprocess.run([BUILD / "sluice", *args], input=stdin, capture_output=True, env=self.env, timeout=60)
        assert (done.returncode != 0) == fails, done
        return (done.stderr if fails else done.stdout).decode()


@pytest.fixture
def started(sluiced, tmp_path):
    """A server whose first token was made before it ever ran; it could listen anywhere."""
    made = subprocess.run([BUILD / "sluice", "token", "create", "--state", tmp_path, "--user", "root", "--can", "manage"],
                          capture_output=True, text=True, check=True)
    token, = made.stdout.split()
    assert token.startswith("sluice_") and "shown this once" in made.stderr
    server = sluiced(None, "--host", "0.0.0.0")
    return server, Tool(server, token)


def test_tokens(started, tmp_path):
    server, tool = started
    assert Caller(server)("GET", "/metrics")[0] == 401
    token = tool("token", "create", "--user", "bob", "--can", "view", "--endpoint", "a", "--endpoint", "b", "--days", "3",
                 "--comment", "for bob").strip()
    info, = Caller(server, token).good("GET", "/api/2.0/token/list")["token_infos"]
    assert info["endpoints"] == ["a", "b"] and info["expiry_time"] - info["creation_time"] == 3 * 86400000
    assert info["created_by"] == "root"
    listed = tool("token", "list")
    assert "root" in listed and "for bob" in listed and "a,b" in listed and token not in listed
    assert len(json.loads(tool("token", "list", "--json"))["token_infos"]) == 2
    made = dict(line.split() for line in tool("token", "create", "--service-principal", "ci", "--can", "query",
                                              "--oauth").splitlines())
    assert set(made) == {"client_id", "client_secret"}
    assert "would POST" in tool("token", "create", "--can", "query", "--dry-run")
    tool("token", "revoke", info["token_id"])
    assert Caller(server, token)("GET", "/api/2.0/token/list")[0] == 401
    assert "does not exist" in tool("token", "revoke", info["token_id"], fails=True)
    assert "--can" in tool("token", "create", fails=True)
    assert "--oauth needs --service-principal" in tool("token", "create", "--can", "view", "--oauth", fails=True)
    assert "UNAUTHENTICATED" in Tool(server, "sluice_wrong")("token", "list", fails=True)
    server.stop()
    assert_unseen(tmp_path, token, made["client_secret"], tool.env["MLFLOW_TRACKING_TOKEN"])


def test_a_running_server_sees_what_is_made_in_its_folder(started, tmp_path):
    server, _ = started
    made = subprocess.run([BUILD / "sluice", "token", "create", "--state", tmp_path, "--user", "eve", "--can", "view", "--json"],
                          capture_output=True, text=True, check=True)
    eve = Caller(server, json.loads(made.stdout)["token_value"])
    while eve("GET", "/metrics")[0] != 200:  # a second; the test's own limit ends it
        time.sleep(0.01)


def test_secrets(started, tmp_path):
    server, tool = started
    tool("secret", "put", "sc/k", stdin=CANARY.encode() + b"\n")
    (tmp_path / "value").write_bytes(b"\xff\n")
    tool("secret", "put", "sc/binary", "--file", str(tmp_path / "value"))
    listed = tool("secret", "list")
    assert [line.split()[:2] for line in listed.splitlines()[1:]] == [["sc", "binary"], ["sc", "k"]]
    assert [s["key"] for s in json.loads(tool("secret", "list", "sc", "--json"))["secrets"]] == ["binary", "k"]
    assert "expected SCOPE/KEY" in tool("secret", "put", "sc", fails=True, stdin=b"x")
    assert "empty" in tool("secret", "put", "sc/k", fails=True, stdin=b"\n")
    assert "sluice secret put" in tool("secret", "put", "sc/k", "value", fails=True, stdin=b"x")  # never an argument
    tool("secret", "rm", "sc/k")
    assert "does not exist" in tool("secret", "rm", "sc/k", fails=True)
    assert "--yes is missing" in tool("secret", "rm", "sc", fails=True)
    tool("secret", "rm", "sc", "--yes")
    assert len(tool("secret", "list").splitlines()) == 1
    server.stop()
    assert_unseen(tmp_path, CANARY)


def test_a_secret_that_is_typed_is_not_shown(started):
    _, tool = started
    master, slave = pty.openpty()
    child = subprocess.Popen([BUILD / "sluice", "secret", "put", "sc/typed"], stdin=slave, stdout=subprocess.PIPE,
                             stderr=subprocess.PIPE, env=tool.env)
    assert child.stderr.readline().strip() == b"the secret (not shown):"
    # TCSAFLUSH forgets what was typed before it was hidden: ask the terminal itself.
    while termios.tcgetattr(slave)[3] & termios.ECHO:
        time.sleep(0.01)
    os.write(master, CANARY.encode() + b"\n")
    out, errors = child.communicate(timeout=60)
    assert child.returncode == 0, errors
    os.set_blocking(master, False)
    try:
        echoed = os.read(master, 4096)
    except BlockingIOError:
        echoed = b""
    os.close(master)
    os.close(slave)
    assert CANARY.encode() not in echoed + out + errors
    assert "typed" in tool("secret", "list")

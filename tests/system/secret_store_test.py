"""Secrets by databricks-sdk and curl: sealed in the registry's database, for environment_vars and configurations, and
seen nowhere else."""
import base64
import json
import os

import pytest

from access_test import Caller
from conftest import client_module

CANARY = "canary-" + os.urandom(16).hex()


def forms(text):
    """What a secret may look like where it leaked."""
    return [text, base64.b64encode(text.encode()).decode().rstrip("=")[:-1], text.encode().hex()]


def assert_unseen(folder, *texts):
    """In no file of the state folder, logs included."""
    for path in folder.rglob("*"):
        if path.is_file():
            data = path.read_bytes()
            for text in texts:
                for form in forms(text):
                    assert form.encode() not in data, "%s is in %s" % (form, path)


def test_databricks_sdk(sluiced, tmp_path):
    client_module("databricks.sdk")
    from databricks.sdk import WorkspaceClient
    from databricks.sdk.errors import InvalidParameterValue, NotFound, PermissionDenied, ResourceAlreadyExists
    server = sluiced(None, "--log-level", "debug")
    w = WorkspaceClient(host=server.url, token=Caller(server).token(user="root"))
    w.secrets.create_scope("sc")
    with pytest.raises(ResourceAlreadyExists):
        w.secrets.create_scope("sc")
    w.secrets.put_secret("sc", "k", string_value=CANARY)
    w.secrets.put_secret("sc", "b", bytes_value=base64.b64encode(CANARY.encode()).decode())
    assert [(s.key, s.last_updated_timestamp > 0) for s in w.secrets.list_secrets("sc")] == [("b", True), ("k", True)]
    assert [(s.name, s.backend_type.value) for s in w.secrets.list_scopes()] == [("sc", "DATABRICKS")]
    with pytest.raises(PermissionDenied, match="never shown"):
        w.secrets.get_secret("sc", "k")
    with pytest.raises(InvalidParameterValue, match="initial_manage_principal"):
        w.secrets.create_scope("other", initial_manage_principal="users")
    with pytest.raises(InvalidParameterValue, match="one of them"):
        w.secrets.put_secret("sc", "k")
    with pytest.raises(NotFound, match="Scope nope does not exist"):
        w.secrets.put_secret("nope", "k", string_value=CANARY)
    w.secrets.delete_secret("sc", "b")
    with pytest.raises(NotFound):
        w.secrets.delete_secret("sc", "b")
    w.secrets.delete_scope("sc")
    assert list(w.secrets.list_scopes()) == []
    server.stop()
    assert (tmp_path / "keys" / "secret.key").stat().st_mode & 0o777 == 0o600
    assert_unseen(tmp_path, CANARY, w.config.token)


def config_of(folder, key):
    """A bundle whose model's key is that."""
    folder.mkdir()
    (folder / "MLmodel").write_text(json.dumps({"flavors": {"sluice": {}}, "signature": {
        "inputs": json.dumps([{"name": "q", "type": "string"}]), "outputs": json.dumps([{"name": "a", "type": "string"}])}}))
    (folder / "config.yaml").write_text(
        "models:\n  m: {provider: openai, base_url: 'http://127.0.0.1:9/v1', model: x, api_key: '%s'}\n"
        "steps:\n  - {name: a, llm: {model: m, prompt: ask}}\n" % key)
    (folder / "prompts").mkdir()
    (folder / "prompts" / "ask.txt").write_text("{q}")
    return folder


def test_a_configuration_has_its_key_from_the_store(sluiced, tmp_path):
    server = sluiced()
    root = Caller(server)
    root.good("POST", "/api/2.0/secrets/scopes/create", {"scope": "sc"})
    root.good("POST", "/api/2.0/secrets/put", {"scope": "sc", "key": "k", "string_value": CANARY})
    server.stop()
    sluiced(config_of(tmp_path / "good", "${secret:sc/k}")).stop()
    with pytest.raises(RuntimeError, match="Secret does not exist with scope: sc and key: none"):
        sluiced(config_of(tmp_path / "none", "${secret:sc/none}"))
    key = tmp_path / "keys" / "secret.key"
    key.rename(tmp_path / "kept.key")
    with pytest.raises(RuntimeError, match="--secret-key: open the key file"):
        sluiced(tmp_path / "good")
    sluiced(tmp_path / "good", "--secret-key", tmp_path / "kept.key").stop()
    assert_unseen(tmp_path, CANARY)


def test_levels(sluiced):
    server = sluiced()
    root = Caller(server, Caller(server).token(user="root"))
    root.good("POST", "/api/2.0/secrets/scopes/create", {"scope": "sc"})
    viewer = Caller(server, root.token(user="v", can="view"))
    assert viewer.good("GET", "/api/2.0/secrets/list?scope=sc") == {"secrets": []}
    for path in ("put", "delete", "scopes/create", "scopes/delete"):
        assert viewer("POST", "/api/2.0/secrets/" + path, {"scope": "sc", "key": "k", "string_value": "v"})[0] == 403
    assert Caller(server)("GET", "/api/2.0/secrets/scopes/list")[0] == 401

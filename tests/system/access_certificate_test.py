"""Client certificates instead of tokens: whose names have which rights."""

import pytest
import requests
from tls_client_test import pki  # noqa: F401

from access_test import ROWS
from tls_client_test import authority, sign


@pytest.fixture
def certified(sluiced, pki, tmp_path):  # noqa: F811
    """certified(*options) -> server, ask(method, path, client, body=None, **headers) -> status, JSON"""
    authority(tmp_path, "here")
    sign(pki, "ours", "bob", "/CN=bob")

    def start(*options):
        server = sluiced(None, "--tls-cert", tmp_path / "here.crt", "--tls-key", tmp_path / "here.key", "--tls-client-ca",
                         pki / "ours.crt", *options, scheme="https")

        def ask(method, path, client, body=None, **headers):
            answer = requests.request(method, server.url + path, json=body, headers=headers, verify=False, timeout=20,
                                      cert=client and str(pki / (client + ".pem")))
            return answer.status_code, answer.json() if "json" in answer.headers["Content-Type"] else answer.text

        return ask

    return start


@pytest.mark.filterwarnings("ignore:Unverified HTTPS request")
def test_rights_by_name(certified):
    ask = certified("--host", "0.0.0.0")
    assert ask("GET", "/api/2.0/preview/scim/v2/Me", "alice")[1]["userName"] == "alice"
    with pytest.raises(requests.exceptions.RequestException):
        ask("GET", "/api/2.0/preview/scim/v2/Me", None)
    # A page of others may use its visitor's certificate.
    assert ask("POST", "/api/2.0/mlflow/experiments/create", "alice", {"name": "e"}, Origin="https://evil.example")[0] == 403
    status, made = ask("POST", "/api/2.0/token/create", "alice", {"certificate": "alice", "user": "alice"})
    assert status == 200 and made["token_info"]["kind"] == "certificate" and "token_value" not in made
    # From the first one on, a name without rights has none.
    status, answer = ask("GET", "/metrics", "bob")
    assert status == 401 and "certificate's name 'bob' was given no rights" in answer["message"]
    ask("POST", "/api/2.0/token/create", "alice", {"certificate": "bob", "service_principal": "robot", "can": "query"})
    assert ask("GET", "/api/2.0/preview/scim/v2/Me", "bob")[1]["userName"] == "robot"
    assert ask("GET", "/metrics", "bob")[0] == 403
    assert ask("POST", "/serving-endpoints/x/invocations", "bob", ROWS)[0] == 404
    # A token that is sent goes before the certificate.
    token = ask("POST", "/api/2.0/token/create", "alice", {"user": "carol"})[1]["token_value"]
    assert ask("GET", "/api/2.0/preview/scim/v2/Me", "bob", Authorization="Bearer " + token)[1]["userName"] == "carol"
    assert ask("GET", "/metrics", "alice", Authorization="Bearer wrong")[0] == 401
    ask("POST", "/api/2.0/token/delete", "alice", {"token_id": made["token_info"]["token_id"]})
    assert ask("GET", "/metrics", "alice")[0] == 401


@pytest.mark.filterwarnings("ignore:Unverified HTTPS request")
def test_certificates_that_are_optional_keep_nobody_out(certified):
    with pytest.raises(RuntimeError, match="nobody has a token yet"):
        certified("--host", "0.0.0.0", "--tls-client-auth", "optional")
    ask = certified("--tls-client-auth", "optional")
    assert ask("GET", "/metrics", None)[0] == 200

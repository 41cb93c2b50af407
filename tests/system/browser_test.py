"""Web pages of others cannot reach the registry through their visitor's browser: runtime/server/browser.h."""
import http.client

import pytest

SEARCH = "/api/2.0/mlflow/experiments/search?max_results=1"
CREATE = "/api/2.0/mlflow/experiments/create"


def ask(server, method, path, body=None, **headers):
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=20)
    connection.putrequest(method, path, skip_host=True, skip_accept_encoding=True)
    for name, value in {"Host": "127.0.0.1:%d" % server.port, **headers}.items():
        connection.putheader(name, value)
    connection.putheader("Content-Length", str(len(body or b"")))
    connection.endheaders(body)
    answer = connection.getresponse()
    text = answer.read().decode()
    connection.close()
    return answer.status, text


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost:5000", "[::1]:80", "10.1.2.3", "172.16.0.1:1", "172.31.255.255",
                                  "192.168.1.1", "[fd00::1]", "LOCALHOST"])
def test_own_and_private_hosts_are_answered(sluiced, host):
    assert ask(sluiced(), "GET", SEARCH, Host=host)[0] == 200


@pytest.mark.parametrize("host", ["evil.example", "10.evil.example", "172.15.0.1", "172.32.0.1", "127.0.0.1.evil.example",
                                  "8.8.8.8", "[2001:db8::1]", "localhost.evil.example:80"])
def test_a_rebound_name_is_refused(sluiced, host):
    server = sluiced()
    for method, path in (("GET", SEARCH), ("POST", CREATE), ("GET", "/get-artifact?run_id=x&path=y"),
                         ("PUT", "/api/2.0/mlflow-artifacts/artifacts/x")):
        status, text = ask(server, method, path, Host=host)
        assert status == 403 and "possible DNS rebinding attack detected" in text, (method, path, text)
    assert ask(server, "GET", "/health", Host=host)[0] == 200


def test_pages_of_others_change_nothing(sluiced):
    server = sluiced(None, "--allowed-host", "ml.example.com", "--allowed-origin", "https://ml.example.com")
    status, text = ask(server, "POST", CREATE, b'{"name":"x"}', Origin="https://evil.example")
    assert status == 403 and "Cross-origin request blocked" in text
    assert ask(server, "GET", SEARCH, Origin="https://evil.example")[0] == 200
    for number, origin in enumerate(("http://localhost:3000", "http://127.0.0.1:1", "https://ml.example.com")):
        assert ask(server, "POST", CREATE, b'{"name":"x%d"}' % number, Origin=origin)[0] == 200
    assert ask(server, "POST", CREATE, b'{"name":"y"}', Origin="http://localhost.evil.example")[0] == 403
    for origin in ("null", "http://localhost:80@evil.example", "http://[::1]evil.example", "http://localhost:evil", "http://"):
        assert ask(server, "POST", CREATE, b'{"name":"z"}', Origin=origin)[0] == 403, origin
    assert ask(server, "GET", SEARCH, Host="ml.example.com")[0] == 200

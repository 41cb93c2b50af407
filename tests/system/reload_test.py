"""SIGHUP: certificates and settings change while sluiced runs; a mistake changes nothing; no request is lost."""
import json
import os
import signal
import socket
import ssl
import subprocess

import pytest

from conftest import BUILD, MODELS, column
from service_load import Connection, reload_under_load, write_bundle, write_certificate
from tls_client_test import PING, authority, context, sign

ECHO = b'{"inputs": [1]}'


def reload(server, record="server.reload", count=1):
    server.process.send_signal(signal.SIGHUP)
    return server.wait_records(record, count)[-1]


def serial_of(port, folder):
    trusting = ssl.create_default_context(cafile=str(folder / "ca.pem"))
    with socket.create_connection(("127.0.0.1", port), 10) as plain:
        with trusting.wrap_socket(plain, server_hostname="127.0.0.1") as s:
            return s.getpeercert()["serialNumber"]


@pytest.fixture
def with_tls(sluiced, tmp_path):
    write_certificate(tmp_path)
    return sluiced(MODELS / "echo", "--tls-cert", tmp_path / "cert.pem", "--tls-key", tmp_path / "key.pem", scheme="https")


def test_new_connections_get_the_new_certificate(with_tls, tmp_path):
    old = serial_of(with_tls.port, tmp_path)
    kept = Connection(with_tls.port, ssl.create_default_context(cafile=str(tmp_path / "ca.pem")))
    for count in (1, 2, 3):
        write_certificate(tmp_path)
        reload(with_tls, count=count)
        new = serial_of(with_tls.port, tmp_path)
        assert new != old
        old = new
        kept.send("POST", "/invocations", ECHO)
        assert kept.answer() == (200, b'{"predictions":[1]}'), "connections that stand keep their own"
    kept.close()


@pytest.mark.parametrize("name", ["cert.pem", "key.pem"])
def test_a_wrong_file_keeps_the_old_certificate(with_tls, tmp_path, name):
    old = serial_of(with_tls.port, tmp_path)
    (tmp_path / name).write_text("nothing\n")
    record = reload(with_tls, "server.reload_failed")
    assert record["level"] == "error" and str(tmp_path / name) in record["error"] and "the old settings stay" in record["error"]
    assert serial_of(with_tls.port, tmp_path) == old
    assert not with_tls.records("server.reload")


def test_a_key_of_another_certificate_is_refused(with_tls, tmp_path):
    old = serial_of(with_tls.port, tmp_path)
    key = (tmp_path / "key.pem").read_text()
    write_certificate(tmp_path)
    (tmp_path / "key.pem").write_text(key)
    assert "key values mismatch" in reload(with_tls, "server.reload_failed")["error"]
    assert serial_of(with_tls.port, tmp_path) == old


def test_reloads_under_load_lose_nothing(tmp_path):
    bundle = write_bundle(tmp_path / "bundle")
    asked, lost = reload_under_load(tmp_path, BUILD, bundle, times=4, clients=8)
    assert asked > 40 and lost == []


def test_another_authority_of_clients(sluiced, tmp_path):
    for name in ("old", "new"):
        authority(tmp_path, name)
        sign(tmp_path, name, "of_" + name, "/CN=client")
    ca = tmp_path / "clients.pem"
    os.link(tmp_path / "old.crt", ca)
    write_certificate(tmp_path)
    server = sluiced(MODELS / "echo", "--tls-cert", tmp_path / "cert.pem", "--tls-key", tmp_path / "key.pem",
                     "--tls-client-ca", ca, scheme="https")

    def is_served(client):
        try:
            with socket.create_connection(("127.0.0.1", server.port), 10) as plain:
                with context(tmp_path / client).wrap_socket(plain) as s:
                    s.sendall(PING % b"/ping")
                    return s.recv(4096).startswith(b"HTTP/1.1 200 ")
        except (ssl.SSLError, ConnectionError):
            return False

    assert is_served("of_old.pem") and not is_served("of_new.pem")
    os.replace(tmp_path / "new.crt", ca)
    reload(server)
    assert is_served("of_new.pem") and not is_served("of_old.pem")


@pytest.fixture
def configured(sluiced, tmp_path):
    """-> server, configure(text)"""
    path = tmp_path / "sluiced.yaml"

    def configure(text):
        (tmp_path / "next.yaml").write_text(text)
        os.replace(tmp_path / "next.yaml", path)

    configure("rows_max: 2\n")
    return sluiced(MODELS / "slides", "--config", path), configure


def rows(server, count):
    return server.post({"dataframe_records": [{"question": "q"}] * count})[0]


def test_limits_and_the_logs_level_change(configured):
    server, configure = configured
    assert (rows(server, 2), rows(server, 3)) == (200, 413)
    configure("rows_max: 3\nhttp_body_max: 64\n")
    reload(server)
    assert server.post({"dataframe_records": [{"question": "q" * 100}]})[0] == 413
    configure("rows_max: 4\nlog_level: error\n")
    server.process.send_signal(signal.SIGHUP)
    while rows(server, 4) != 200:
        assert server.process.poll() is None
    before = len(server.records())
    assert rows(server, 5) == 413
    configure("rows_max: 6\n")
    server.process.send_signal(signal.SIGHUP)
    server.wait_records("server.reload", 2)
    assert len(server.records()) == before + 1, "nothing below error was logged"
    assert rows(server, 6) == 200


def test_hosts_that_browsers_may_name_change(sluiced, tmp_path):
    path = tmp_path / "sluiced.yaml"
    path.write_text("{}\n")
    server = sluiced(None, "--config", path)

    def status():
        connection = Connection(server.port)
        connection.socket.sendall(b"GET /api/3.0/mlflow/server-info HTTP/1.1\r\nHost: models.example\r\n\r\n")
        found = connection.answer()[0]
        connection.close()
        return found

    assert status() == 403
    path.write_text("allowed_host: models.example\n")
    reload(server)
    assert status() == 200


def test_what_needs_a_restart_is_named(configured, tmp_path):
    server, configure = configured
    configure("workers: 9\nca_file: /nowhere.pem\nrows_max: 3\n")
    record = reload(server, "server.reload_partial")
    assert record["options"] == "workers, ca-file" and record["level"] == "warn" and "restart" in record["problem"]
    server.wait_records("server.reload")
    assert rows(server, 3) == 200, "the rest took effect"
    configure("rows_max: 4\ntls_cert: a.pem\ntls_key: b.pem\n")
    assert reload(server, "server.reload_partial", 2)["options"] == "tls-cert"
    server.wait_records("server.reload", 2)
    assert rows(server, 4) == 200


@pytest.mark.parametrize("text, part", [
    ("rows_max: 0\n", "rows_max"),
    ("row_max: 3\n", "did you mean 'rows_max'"),
    ("rows_max: [\n", "sluiced.yaml"),
    ("rows_max: 3\ntls_client_auth: optional\n", "--tls-client-auth optional needs"),
])
def test_a_wrong_file_changes_nothing(configured, text, part):
    server, configure = configured
    configure(text)
    record = reload(server, "server.reload_failed")
    assert part in record["error"] and record["level"] == "error"
    assert (rows(server, 2), rows(server, 3)) == (200, 413)
    assert not server.records("server.reload") and not server.records("server.reload_partial")


def test_a_file_that_is_gone_changes_nothing(configured, tmp_path):
    server, _ = configured
    (tmp_path / "sluiced.yaml").unlink()
    assert "sluiced.yaml" in reload(server, "server.reload_failed")["error"]
    assert (rows(server, 2), rows(server, 3)) == (200, 413)


def test_what_the_command_line_says_stays(sluiced, tmp_path):
    path = tmp_path / "sluiced.yaml"
    path.write_text("{}\n")
    server = sluiced(MODELS / "slides", "--config", path, "--rows-max", 2)
    path.write_text("rows_max: 5\n")
    reload(server)
    assert (rows(server, 2), rows(server, 3)) == (200, 413)


def test_many_signals_at_once_are_one_reload_after_the_other(configured):
    server, configure = configured
    for count in range(1, 20):
        configure("rows_max: %d\n" % count)
        server.process.send_signal(signal.SIGHUP)
    configure("rows_max: 20\n")
    server.process.send_signal(signal.SIGHUP)
    while rows(server, 20) != 200:
        assert server.process.poll() is None
    assert rows(server, 21) == 413


def test_a_head_that_is_half_there_is_held_to_the_old_limit(configured):
    """The parser counts up to a limit: were it lowered below what came already, it would never be met."""
    server, configure = configured
    with socket.create_connection(("127.0.0.1", server.port), 10) as s:
        s.sendall(b"GET /ping HTTP/1.1\r\nHost: t\r\n" + b"A: b\r\n" * 50)
        server.wait_metric("sluice_http_connections_open 2")
        configure("http_fields_max: 10\nhttp_header_max: 256\n")
        reload(server)
        s.sendall(b"\r\n")
        assert s.recv(100).startswith(b"HTTP/1.1 200 ")
        s.sendall(b"GET /ping HTTP/1.1\r\nHost: t\r\n" + b"A: b\r\n" * 50 + b"\r\n")
        answer = b""
        while b"431" not in answer:
            data = s.recv(4096)
            assert data, "no refusal: %r" % answer
            answer += data

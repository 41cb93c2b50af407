"""Clients' certificates: whose are taken, whose are not, and the name that a handler sees."""
import socket
import ssl
import subprocess

import pytest

from conftest import BUILD, MODELS
from http_server import HttpServer, read_answer

PING = b"GET %s HTTP/1.1\r\nHost: t\r\n\r\n"


def openssl(folder, *args):
    subprocess.run(["openssl", *args], cwd=folder, check=True, capture_output=True)


def authority(folder, name):
    openssl(folder, "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", name + ".key",
            "-out", name + ".crt", "-days", "2", "-subj", "/CN=" + name)
    return folder / (name + ".crt")


def sign(folder, by, name, subject, usage="clientAuth", days="2"):
    """-> certificate and key of a client, in one file"""
    (folder / (name + ".ext")).write_text("extendedKeyUsage=%s\n" % usage)
    openssl(folder, "req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", name + ".key",
            "-out", name + ".csr", "-subj", subject, "-multivalue-rdn")
    openssl(folder, "x509", "-req", "-in", name + ".csr", "-CA", by + ".crt", "-CAkey", by + ".key", "-CAcreateserial", "-out",
            name + ".crt", "-days", days, "-extfile", name + ".ext")
    (folder / (name + ".pem")).write_text((folder / (name + ".crt")).read_text() + (folder / (name + ".key")).read_text())
    return folder / (name + ".pem")


@pytest.fixture(scope="module")
def pki(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pki")
    for name in ("ours", "others"):
        authority(folder, name)
    sign(folder, "ours", "alice", "/O=Team/CN=alice")
    sign(folder, "ours", "two", "/CN=alice/CN=root")
    sign(folder, "ours", "none", "/O=Team")
    sign(folder, "ours", "expired", "/CN=alice", days="0")
    sign(folder, "ours", "server_only", "/CN=alice", usage="serverAuth")
    sign(folder, "others", "mallory", "/CN=alice")
    return folder


def context(client=None, version=None):
    made = ssl.create_default_context()
    made.check_hostname, made.verify_mode = False, ssl.CERT_NONE
    if client is not None:
        made.load_cert_chain(client)
    if version is not None:
        made.maximum_version = version
    return made


def subject(port, made, session=None):
    """-> what /subject says, and the session; an ssl.SSLError or a reset where the client is not taken."""
    with socket.create_connection(("127.0.0.1", port), 10) as plain:
        with made.wrap_socket(plain, session=session) as s:
            s.sendall(PING % b"/subject")
            status, body = read_answer(s)
            if status is None:
                raise ConnectionResetError("ended without an answer")
            assert status == 200
            return body.decode(), s.session, s.session_reused


@pytest.fixture
def server(tmp_path, pki):
    started = []

    def start(**kw):
        started.append(HttpServer(tmp_path, tls=True, client_ca=pki / "ours.crt", **kw))
        return started[-1]

    yield start
    for s in started:
        s.stop()


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_only_certificates_of_the_authority_are_taken(server, pki, version):
    s = server()
    assert subject(s.port, context(pki / "alice.pem", version))[0] == "alice"
    for wrong in (None, "expired.pem", "server_only.pem", "mallory.pem"):
        with pytest.raises((ssl.SSLError, ConnectionError)):
            subject(s.port, context(wrong and pki / wrong, version))


def test_who_needs_none_may_still_not_come_with_a_wrong_one(server, pki):
    s = server(client_optional=True)
    assert subject(s.port, context())[0] == ""
    assert subject(s.port, context(pki / "alice.pem"))[0] == "alice"
    with pytest.raises((ssl.SSLError, ConnectionError)):
        subject(s.port, context(pki / "mallory.pem"))


def test_a_name_that_is_not_one_is_none(server, pki):
    s = server()
    assert subject(s.port, context(pki / "two.pem"))[0] == ""
    assert subject(s.port, context(pki / "none.pem"))[0] == ""


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_a_resumed_session_has_the_same_name(server, pki, version):
    s, made = server(), context(pki / "alice.pem", version)
    name, session, _ = subject(s.port, made)
    again, _, is_resumed = subject(s.port, made, session)
    assert (name, again, is_resumed) == ("alice", "alice", True)


def test_sluiced_asks_for_certificates(sluiced, pki, tmp_path):
    sign(pki, "ours", "server", "/CN=localhost", usage="serverAuth")
    tls = ["--tls-cert", pki / "server.crt", "--tls-key", pki / "server.key"]
    server = sluiced(MODELS / "echo", *tls, "--tls-client-ca", pki / "ours.crt")
    for client, is_served in (("alice.pem", True), (None, False)):
        with socket.create_connection(("127.0.0.1", server.port), 10) as plain:
            try:
                with context(client and pki / client).wrap_socket(plain) as s:
                    s.sendall(PING % b"/ping")
                    answer = s.recv(4096)
            except (ssl.SSLError, ConnectionError):
                answer = b""
        assert answer.startswith(b"HTTP/1.1 200 ") == is_served


@pytest.mark.parametrize("args, part", [
    (["--tls-client-ca", "ca.pem"], "--tls-client-ca needs --tls-cert"),
    (["--tls-client-auth", "optional"], "--tls-client-auth optional needs --tls-client-ca"),
    (["--tls-client-auth", "never"], "--tls-client-auth"),
])
def test_options_that_make_no_sense_are_refused(args, part, tmp_path):
    done = subprocess.run([BUILD / "sluiced", "--state", tmp_path, *args], capture_output=True, text=True, timeout=60)
    assert done.returncode == 64 and part in done.stderr, done.stderr


def test_an_authority_that_cannot_be_read_is_named(pki, tmp_path):
    sign(pki, "ours", "named", "/CN=localhost", usage="serverAuth")
    done = subprocess.run([BUILD / "sluiced", "--state", tmp_path, "--port", "0", "--tls-cert", pki / "named.crt", "--tls-key",
                           pki / "named.key", "--tls-client-ca", pki / "named.key"], capture_output=True, text=True, timeout=60)
    assert done.returncode == 64 and "read the clients' TLS authorities '%s'" % (pki / "named.key") in done.stderr, done.stderr

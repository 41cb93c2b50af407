"""Mail about updates, through a small SMTP server that keeps what it is given."""
import base64
import email
import socketserver
import subprocess
import threading
import time

import pytest

from conftest import BUILD, MODELS, client_module
from serving_kit import OVERFLOW, Kit

requests = client_module("requests")


class Smtp(socketserver.StreamRequestHandler):
    """Enough of RFC 5321 for one mail a connection; with AUTH PLAIN offered where the server has a password."""

    def say(self, text):
        self.wfile.write(text.encode() + b"\r\n")

    def handle(self):
        self.say("220 test")
        to = []
        while line := self.rfile.readline().decode().rstrip("\r\n"):
            verb = line.split(":")[0].split(" ")[0].upper()
            self.server.lines.append(line)
            if verb == "DATA":
                self.say("354 go on")
                text = b"".join(iter(lambda: self.rfile.readline(), b".\r\n"))
                self.server.mails.append((to, email.message_from_bytes(text)))
                self.say("250 kept")
            elif verb == "QUIT":
                self.say("221 bye")
                return
            elif verb == "RCPT" and "nobody@" in line:
                self.say("550 no such user")
            else:
                if verb == "RCPT":
                    to.append(line.split("<")[1].rstrip(">"))
                self.say("250 fine")


@pytest.fixture
def smtp():
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Smtp) as server:
        server.daemon_threads, server.mails, server.lines = True, [], []
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def start(sluiced, smtp, *args):
    return sluiced(None, "--workers", 1, "--smtp", "smtp://127.0.0.1:%d" % smtp.server_address[1], "--smtp-from", "sluice@example.com", *args)


def call(server, method, path, body):
    answer = requests.request(method, server.url + "/api/2.0/serving-endpoints" + path, json=body, timeout=30)
    assert answer.status_code == 200, answer.text
    return answer.json()


def entities(version):
    return {"served_entities": [{"entity_name": "m", "entity_version": str(version)}]}


def test_who_wants_to_know_gets_mail(sluiced, smtp, make_bundle, run_sluice):
    server = start(sluiced, smtp)
    kit = Kit(server, make_bundle, run_sluice)
    kit.register("m")
    kit.register("m", example=OVERFLOW)
    who = {"on_update_success": ["ann@example.com", "bob@example.com"], "on_update_failure": ["ops@example.com"]}
    made = call(server, "POST", "", {"name": "ep", "config": entities(1), "email_notifications": who})
    assert made["email_notifications"] == who
    server.wait_records("mail.sent", 1)
    to, mail = smtp.mails[0]
    assert to == ["ann@example.com", "bob@example.com"]
    assert (mail["From"], mail["Subject"]) == ("sluice <sluice@example.com>", "Endpoint ep: config version 1 serves")
    assert "Served entity: m-1, model m, version 1, 100 % of the traffic" in mail.get_payload(decode=True).decode()
    call(server, "PUT", "/ep/config", entities(2))
    server.wait_records("mail.sent", 2)
    to, mail = smtp.mails[1]
    assert to == ["ops@example.com"] and mail["Subject"] == "Endpoint ep: config version 2 failed"
    text = mail.get_payload(decode=True).decode()
    assert "It failed: served entity 'm-2': self-test" in text and "What served before goes on serving." in text
    # A list that is sent takes the old one's place, the other one stays; null and [] end it.
    changed = call(server, "PATCH", "/ep/notifications", {"email_notifications": {"on_update_failure": []}})
    assert changed == {"name": "ep", "email_notifications": {"on_update_success": who["on_update_success"]}}
    call(server, "PATCH", "/ep/notifications", {"email_notifications": {"on_update_success": ["nobody@example.com"]}})
    call(server, "PUT", "/ep/config", entities(1))
    assert "550" in server.wait_records("mail.failed")[0]["error"] and len(smtp.mails) == 2
    for bad in ("ann", "a b@example.com", "ann@example.com>\r\nRCPT TO:<eve@example.com", "@x", "a@b@c"):
        answer = requests.patch(server.url + "/api/2.0/serving-endpoints/ep/notifications",
                                json={"email_notifications": {"on_update_success": [bad]}})
        assert answer.status_code == 400 and "is no mail address" in answer.text, bad


def test_a_password_is_never_sent_in_the_clear(sluiced, smtp, make_bundle, run_sluice):
    server = start(sluiced, smtp, "--smtp-user", "sluice", "--smtp-password", "mail/password")
    Kit(server, make_bundle, run_sluice).register("m")
    for path, body in (("scopes/create", {"scope": "mail"}), ("put", {"scope": "mail", "key": "password", "string_value": "geheim123"})):
        assert requests.post(server.url + "/api/2.0/secrets/" + path, json=body).status_code == 200
    call(server, "POST", "", {"name": "ep", "config": entities(1), "email_notifications": {"on_update_success": ["ann@example.com"]}})
    server.wait_records("mail.failed")
    said = "\n".join(smtp.lines)
    assert smtp.mails == [] and "geheim" not in said and base64.b64encode(b"geheim")[:6].decode() not in said
    assert "geheim" not in server.log


def test_a_mail_server_that_hangs_holds_up_no_end(sluiced, make_bundle, run_sluice):
    import socket
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        server = sluiced(None, "--workers", 1, "--smtp", "smtp://127.0.0.1:%d" % silent.getsockname()[1], "--smtp-from", "s@example.com")
        Kit(server, make_bundle, run_sluice).register("m")
        call(server, "POST", "", {"name": "ep", "config": entities(1), "email_notifications": {"on_update_success": ["ann@example.com"]}})
        started = time.monotonic()
        server.stop()
        assert time.monotonic() - started < 6
        assert server.records("mail.failed")


def test_options_that_do_not_fit(tmp_path):
    for args in (("--smtp", "http://x", "--smtp-from", "a@b"), ("--smtp", "smtp://x:25", "--smtp-from", "nobody"), ("--smtp", "smtp://x:25"),
                 ("--smtp", "smtp://u@x:25", "--smtp-from", "a@b"), ("--smtp", "smtp://x", "--smtp-from", "a@b", "--smtp-user", "u"),
                 ("--bundle", str(MODELS / "echo"), "--smtp", "smtp://x", "--smtp-from", "a@b")):
        ended = subprocess.run([str(BUILD / "sluiced"), "--port", "0", "--state", str(tmp_path), *args], capture_output=True, timeout=30)
        assert (ended.returncode, b"--smtp" in ended.stderr) == (64, True), (args, ended.stderr)

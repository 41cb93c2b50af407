"""sluiced as an operator sees it: options, start, archives, TLS, metrics, log, errors."""
import contextlib
import http.client
import json
import os
import pty
import re
import shutil
import signal
import socket
import ssl
import subprocess
import tarfile
import time

import pytest

from conftest import BUILD, MODELS, Sluiced, column


def start_fails(*args, env=None):
    """-> exit status and what was said"""
    done = subprocess.run([str(BUILD / "sluiced"), *map(str, args)], capture_output=True, text=True, timeout=30,
                          env={**os.environ, **(env or {})})
    return done.returncode, done.stderr


def test_help_names_every_option_and_version_is_ours():
    help_text = subprocess.run([str(BUILD / "sluiced"), "--help"], capture_output=True, text=True, check=True).stdout
    for option in ("--bundle", "--port", "--host", "--workers", "--state", "--http-header-timeout-ms", "--http-idle-timeout-ms",
                   "--http-body-timeout-ms", "--http-header-max", "--http-body-max", "--request-timeout-ms", "--tls-cert",
                   "--tls-key", "SLUICE_PORT", "SLUICED_CONFIG"):
        assert option in help_text
    version = subprocess.run([str(BUILD / "sluiced"), "--version"], capture_output=True, text=True, check=True).stdout
    assert re.fullmatch(r"sluiced \d+\.\d+\.\d+\n", version)


@pytest.mark.parametrize("args, status, said", [
    (["--bundle", "x", "--prot", "1"], 64, "--port"),
    (["--bundle", "x", "--port", "99999"], 64, "65535"),
    (["--bundle", "x", "--port", "eight"], 64, "eight"),
    (["--bundle", "/nonexistent/bundle"], 66, "/nonexistent/bundle"),
    (["--bundle", MODELS / "echo", "--tls-cert", "x.pem"], 64, "--tls-key"),
    (["--bundle", MODELS / "echo", "--log-level", "loud"], 64, "loud"),
    (["--bundle", MODELS / "echo", "--http-body-max", "12q"], 64, "12q"),
])
def test_a_wrong_start_says_what_is_wrong(args, status, said, tmp_path):
    code, text = start_fails(*args, "--state", tmp_path)
    assert said in text
    assert code == status


def test_a_taken_port_is_named(sluiced, tmp_path):
    server = sluiced(MODELS / "echo")
    code, text = start_fails("--bundle", MODELS / "echo", "--port", server.port, "--state", tmp_path)
    assert code == 64 and "port %d: Address already in use: another program has it" % server.port in text
    assert "choose another with --port" in text


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_state_folder_that_cannot_be_written_is_a_wrong_option(tmp_path):
    archive, state = tmp_path / "echo.tar", tmp_path / "state"
    subprocess.run([str(BUILD / "sluice"), "pack", str(MODELS / "echo"), "-o", str(archive)], check=True, capture_output=True)
    state.mkdir(mode=0o500)
    for bundle in (["--bundle", archive], []):
        code, text = start_fails(*bundle, "--state", state)
        assert code == 64 and str(state) in text and "--state or SLUICE_STATE" in text


def test_a_state_that_is_no_folder_is_a_wrong_option(tmp_path):
    archive = tmp_path / "echo.tar"
    subprocess.run([str(BUILD / "sluice"), "pack", str(MODELS / "echo"), "-o", str(archive)], check=True, capture_output=True)
    for bundle in (["--bundle", archive], []):
        code, text = start_fails(*bundle, "--state", archive)
        assert code == 64 and "--state or SLUICE_STATE" in text


@pytest.mark.parametrize("args", [["--port"], ["--prot", "1"]])
def test_a_wrong_option_brings_one_hint(args):
    assert start_fails(*args)[1].count("sluiced --help") == 1


def test_a_terminal_gets_a_failed_start_in_plain_text(tmp_path):
    bundle = tmp_path / "bundle"
    shutil.copytree(MODELS / "echo", bundle)
    (bundle / "config.yaml").write_text('version: 1\n"\\e[2J": 1\n')
    master, slave = pty.openpty()
    done = subprocess.run([str(BUILD / "sluiced"), "--bundle", str(bundle), "--port", "0", "--state", str(tmp_path)],
                          stderr=slave, timeout=30)
    os.close(slave)
    text = os.read(master, 65536).decode()
    os.close(master)
    assert done.returncode == 65
    assert text.startswith("sluiced: config.yaml:2: ") and "{\"id\"" not in text and "\033" not in text


def test_tls_on_a_plain_port_is_logged_once(sluiced):
    server = sluiced(MODELS / "echo")
    for _ in range(3):
        with socket.create_connection(("127.0.0.1", server.port)) as sock:
            with pytest.raises((ssl.SSLError, ConnectionError)):
                ssl._create_unverified_context().wrap_socket(sock)
    with socket.create_connection(("127.0.0.1", server.port)) as sock:
        sock.sendall(b"\x00\r\n\r\n")
        sock.recv(100)
    told = server.records("http.tls_on_plain_port")
    assert len(told) == 1 and told[0]["level"] == "warn" and "--tls-cert" in told[0]["problem"]


def test_environment_and_file_give_options_too(tmp_path, sluiced):
    config = tmp_path / "sluiced.yaml"
    config.write_text("http_body_max: 1k\n")
    server = sluiced(MODELS / "echo", "--config", config, env={"SLUICE_LOG_LEVEL": "error"})
    status, answer = server.post({"inputs": ["x" * 2000]})
    assert (status, answer["error_code"]) == (413, "BAD_REQUEST")
    assert server.records("http.request") == []


def test_the_tools_variables_do_not_reach_the_server(tmp_path, sluiced):
    config = tmp_path / "sluiced.yaml"
    config.write_text("http_body_max: 1k\n")
    server = sluiced(MODELS / "echo", env={"SLUICED_CONFIG": str(config), "SLUICE_PREDICT_CONFIG": "/nonexistent",
                                           "SLUICE_JSON": "neither"})
    assert server.post({"inputs": ["x" * 2000]})[0] == 413


def test_a_folder_without_manifest_says_the_digest_that_packing_gives(run_sluice, sluiced, tmp_path):
    digest = json.loads(run_sluice("validate", MODELS / "echo", "--json").stdout)["digest"]
    server = sluiced(MODELS / "echo")
    assert len(digest) == 64 and server.wait_records("server.ready")[0]["digest"] == digest
    assert 'sluice_bundle_info{digest="%s"} 1' % digest in server.get("/metrics")


def test_a_folder_that_cannot_be_packed_serves_without_digest(sluiced, tmp_path):
    folder = tmp_path / "echo"
    shutil.copytree(MODELS / "echo", folder)
    (folder / "link").symlink_to("MLmodel")
    server = sluiced(folder)
    assert server.wait_records("server.ready")[0]["digest"] == ""
    assert "'link'" in server.records("bundle.digest")[0]["error"]


@pytest.mark.parametrize("suffix", [".tar.gz", ".tar.zst", ".tar", ".zip"])
def test_an_archive_serves_and_says_its_digest(run_sluice, sluiced, tmp_path, suffix):
    archive = tmp_path / ("pension" + suffix)
    packed = run_sluice("pack", MODELS / "pension", "-o", archive, "--json")
    assert packed.returncode == 0, packed.stderr
    digest = json.loads(packed.stdout)["digest"]
    server = sluiced(archive)
    row = {"user_id": "u", "session_id": "s", "country": "UK", "query": "q"}
    assert server.post({"dataframe_records": [row]}) == (200, {"predictions": [row]})
    assert server.wait_records("server.ready")[0]["digest"] == digest
    assert 'digest="%s"' % digest in server.get("/metrics")


def test_a_changed_archive_does_not_serve(run_sluice, tmp_path):
    archive, folder, changed = tmp_path / "m.tar", tmp_path / "m", tmp_path / "changed.tar"
    assert run_sluice("pack", MODELS / "slides", "-o", archive).returncode == 0
    with tarfile.open(archive) as tar:
        tar.extractall(folder, filter="data")
    (folder / "config.yaml").write_text("version: 1\n# changed after packing\n")
    with tarfile.open(changed, "w") as tar:
        for path in sorted(folder.rglob("*")):
            tar.add(path, path.relative_to(folder), recursive=False)
    code, text = start_fails("--bundle", changed, "--state", tmp_path / "state")
    assert code == 65 and "config.yaml" in text


def test_mistakes_of_a_bundle_are_all_named(make_bundle, tmp_path):
    bundle = make_bundle("version: 1\nsteps:\n  - name: a\n    llm: {model: nobody, prompt: gone}\nsurprise: 1\n",
                         inputs=[column("q")])
    code, text = start_fails("--bundle", bundle, "--state", tmp_path)
    assert code == 65
    assert "nobody" in text and "gone" in text and "surprise" in text


def certificate(folder):
    cert, key = folder / "cert.pem", folder / "key.pem"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout",
                    str(key), "-out", str(cert), "-days", "2", "-subj", "/CN=localhost", "-addext",
                    "subjectAltName=DNS:localhost,IP:127.0.0.1"], check=True, capture_output=True)
    return cert, key


def test_tls_is_verified_by_a_client_and_old_versions_are_refused(sluiced, tmp_path):
    cert, key = certificate(tmp_path)
    server = sluiced(MODELS / "echo", "--tls-cert", cert, "--tls-key", key, scheme="https")
    context = ssl.create_default_context(cafile=str(cert))
    connection = http.client.HTTPSConnection("127.0.0.1", server.port, context=context, timeout=10)
    for _ in range(3):
        connection.request("POST", "/invocations", '{"inputs": [1]}', {"Content-Type": "application/json"})
        assert json.load(connection.getresponse()) == {"predictions": [1]}
    assert connection.sock.version() in ("TLSv1.2", "TLSv1.3")
    old = subprocess.run(["openssl", "s_client", "-connect", "127.0.0.1:%d" % server.port, "-tls1_1", "-cipher", "ALL:@SECLEVEL=0"],
                         stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=20)
    assert "Cipher is (NONE)" in old.stdout
    with socket.create_connection(("127.0.0.1", server.port), 5) as plain:
        plain.sendall(b"GET /ping HTTP/1.1\r\nHost: t\r\n\r\n")
        plain.settimeout(5)
        with contextlib.suppress(ConnectionResetError):
            assert b"200" not in plain.recv(100)


def test_metrics_count_what_happened(sluiced):
    server = sluiced(MODELS / "slides", "--workers", 2)
    for _ in range(3):
        server.post({"dataframe_records": [{"question": "a"}, {"question": "b"}]})
    server.post(b"{", path="/invocations")
    text = server.get("/metrics")
    assert 'sluice_http_requests_total{route="invocations",code="200"} 3\n' in text
    assert 'sluice_http_requests_total{route="invocations",code="400"} 1\n' in text
    assert "sluice_rows_total 6\n" in text
    assert 'sluice_http_request_duration_seconds_count{route="invocations"} 4\n' in text
    open_metrics = server.get("/metrics", {"Accept": "application/openmetrics-text"})
    assert open_metrics.endswith("# EOF\n") and "# TYPE sluice_rows counter\n" in open_metrics
    # Every line of the text format is a comment or "name{labels} number".
    for line in text.splitlines():
        assert re.fullmatch(r"# (HELP|TYPE) .+|[a-z_]+(\{[^}]*\})? [-+0-9.e]+", line), line


def test_one_record_a_request_in_the_log(sluiced):
    server = sluiced(MODELS / "slides")
    server.post({"dataframe_records": [{"question": "a"}]})
    server.post({"dataframe_records": [{}]})
    good, bad = server.wait_records("http.request", 2)
    assert (good["status"], good["rows"], good["path"]) == (200, 1, "/invocations")
    assert bad["status"] == 400 and "question" in bad["error"]
    assert all(json.loads(line) for line in server.log.splitlines())


def test_an_error_shows_a_body_that_works(sluiced):
    server = sluiced(MODELS / "slides")
    status, answer = server.post({"dataframe_records": [{"question": "a"}, {"question": "b", "max_slides": "ten"}]})
    assert (status, answer["error_code"]) in ((400, "INVALID_PARAMETER_VALUE"), (400, "BAD_REQUEST"))
    for part in ("max_slides", "long", '"ten"', "row 1"):
        assert part in answer["message"]
    example = answer["message"][answer["message"].index('{"dataframe_records"'):]
    status, _ = server.post(json.loads(example))
    assert status == 200


def test_start_is_fast_and_small(run_sluice, tmp_path):
    """A guard against a blunder, far from the goal that scripts/bench measures."""
    archive = tmp_path / "m.tar.gz"
    assert run_sluice("pack", MODELS / "slides", "-o", archive).returncode == 0
    started = time.monotonic()
    server = Sluiced(archive, state=tmp_path)
    server.get("/ping")
    assert time.monotonic() - started < 10
    server.stop()


def test_defaults_fill_missing_and_null_also_without_steps(make_bundle, sluiced):
    bundle = make_bundle("version: 1\ndefaults: {max_slides: 10, tone: plain}\n",
                         inputs=[column("q"), column("max_slides", "long"), column("tone")])
    server = sluiced(bundle)
    row = {"q": "a", "max_slides": 10, "tone": "plain"}
    assert server.post({"dataframe_records": [{"q": "a"}]}) == (200, {"predictions": [row]})
    assert server.post({"dataframe_records": [{"q": "a", "tone": None}, {"q": "b", "max_slides": 3, "tone": "warm"}]}) == (
        200, {"predictions": [row, {"q": "b", "max_slides": 3, "tone": "warm"}]})
    assert server.post(b"q\na\n", content_type="text/csv") == (200, {"predictions": [row]})


def test_a_client_that_leaves_frees_everything(sluiced):
    server = sluiced(MODELS / "echo")
    for cut in (1, 30, 90, 150):
        with socket.create_connection(("127.0.0.1", server.port)) as s:
            s.sendall(b"POST /invocations HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
                      b"Content-Length: 100000\r\n\r\n{\"inputs\": ["[:cut + 40])
    assert server.post({"inputs": [1]}) == (200, {"predictions": [1]})
    server.stop(signal.SIGTERM)


def test_a_second_signal_is_quick(sluiced):
    server = sluiced(MODELS / "echo", "--drain-timeout-ms", 60000, "--http-body-timeout-ms", 60000)
    with socket.create_connection(("127.0.0.1", server.port)) as s:
        s.sendall(b"POST /invocations HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 10\r\n\r\n{")
        server.wait_metric("sluice_http_connections_open 2")
        server.process.send_signal(signal.SIGTERM)
        server.wait_records("server.drain")
        assert server.process.poll() is None
        server.stop(signal.SIGTERM)
    assert server.drain_seconds() < 20, "the second signal does not wait for the body"


def test_bundle_folder_may_go_after_the_start(sluiced, tmp_path):
    folder = tmp_path / "gone"
    shutil.copytree(MODELS / "slides", folder)
    server = sluiced(folder)
    shutil.rmtree(folder)
    assert server.post({"dataframe_records": [{"question": "a"}]})[0] == 200


def test_a_request_cannot_ask_for_far_more_than_it_brings(make_bundle, sluiced):
    """200 KB whose answer would have 5 GB: a value that repeats in 50,000 rows."""
    server = sluiced(make_bundle(inputs=[column("a", "long"), column("b")]))
    status, answer = server.post({"inputs": {"a": [1] * 50000, "b": "x" * 100000}})
    assert (status, answer["error_code"]) == (413, "BAD_REQUEST")
    assert "the values that repeat are too long for 50000 rows" in answer["message"]
    assert server.post({"inputs": {"a": [1, 2], "b": "x"}})[1] == {"predictions": [{"a": 1, "b": "x"}, {"a": 2, "b": "x"}]}


def test_rows_and_answers_have_limits(make_bundle, sluiced):
    bundle = make_bundle(inputs=[column("a", "long"), column("b")])
    server = sluiced(bundle, "--rows-max", 3, "--answer-max", "1k")
    assert server.post({"inputs": {"a": [1] * 3, "b": "x" * 300}})[0] == 200
    status, answer = server.post({"inputs": {"a": [1] * 3, "b": "x" * 400}})
    assert status == 413 and "the answer is longer than 1024 bytes" in answer["message"]
    status, answer = server.post({"inputs": {"a": [1] * 4, "b": "x"}})
    assert status == 413 and "the request has 4 rows, at most 3 are taken at once" in answer["message"]
    # a tensor has no rows
    tensor = make_bundle(inputs=[{"type": "tensor", "tensor-spec": {"dtype": "float64", "shape": [-1]}}])
    assert sluiced(tensor, "--rows-max", 1).post({"inputs": [1.5, 2.5]})[1] == {"predictions": [1.5, 2.5]}

"""`sluice` as people and scripts use it: pack, validate, predict, schema, help, version."""
import fcntl
import http.server
import json
import os
import pty
import signal
import subprocess
import tarfile
import threading
import time

import pytest

from conftest import BUILD, MODELS

SLIDES = MODELS / "slides"
TABLE = """\
signature:
  inputs: '[{"type": "string", "name": "question", "required": true}]'
  outputs: '[{"type": "string", "name": "answer", "required": true}%s]'
flavors:
  sluice: {config: config.yaml, prompts: prompts}
"""
ERROR_COLUMN = ', {"type": "string", "name": "error", "required": false}'
CONFIG = """\
version: 1
models:
  small: {provider: openai, base_url: "${env:LLM_BASE_URL}", api_key: "${secret:llm}", model: tiny, retries: 0}
steps:
  - name: answer
    llm: {model: small, prompt: ask}
"""


def sluice(*args, stdin=None, env=None, cwd=None):
    clean = {k: v for k, v in os.environ.items() if not k.startswith("SLUICE_")}
    return subprocess.run([str(BUILD / "sluice"), *map(str, args)], input=stdin, capture_output=True, text=True,
                          env={**clean, **(env or {})}, cwd=cwd, timeout=60)


def lines(done):
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


@pytest.fixture
def agent(tmp_path):
    """A bundle with one step that asks a model."""
    folder = tmp_path / "agent"
    (folder / "prompts").mkdir(parents=True)
    (folder / "MLmodel").write_text(TABLE % ERROR_COLUMN)
    (folder / "config.yaml").write_text(CONFIG)
    (folder / "prompts" / "ask.txt").write_text("Answer: {{question}}")
    return folder


class Model(http.server.BaseHTTPRequestHandler):
    """Answers "re: …" late for "slow", never for "never", and with 400 for "bad"."""
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        text = asked["messages"][-1]["content"]
        self.server.keys.append(self.headers["Authorization"])
        if "never" in text:
            self.server.asked.set()
            self.server.ended.wait(30)
            return
        if "slow" in text:
            self.server.released.wait(30)
        elif "fast" in text:
            self.server.released.set()
        body = json.dumps({"choices": [{"message": {"role": "assistant", "content": "re: " + text},
                                        "finish_reason": "stop"}],
                           "usage": {"prompt_tokens": 3, "completion_tokens": 2}}).encode()
        self.send_response(400 if "bad" in text else 200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args):
        pass


@pytest.fixture
def model():
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Model)
    server.keys, server.asked, server.released, server.ended = [], *(threading.Event() for _ in range(3))
    server.env = {"LLM_BASE_URL": "http://127.0.0.1:%d/v1" % server.server_port, "SLUICE_SECRET_LLM": "hush-hush"}
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.ended.set()
    server.shutdown()
    server.server_close()


def test_help_lists_the_commands_and_explains_each():
    listed = json.loads(sluice("help", "--json").stdout)["commands"]
    text = sluice("--help").stdout
    names = [row["name"] for row in listed]
    assert {"pack", "predict", "register", "alias set", "tag rm", "help"} <= set(names) and len(set(names)) == len(names)
    for row in listed:
        words = row["name"].split()
        assert row["summary"] in (text if len(words) == 1 else sluice("help", words[0]).stdout)
        page = sluice("help", *words)
        assert page.returncode == 0 and "sluice %s [OPTIONS]" % row["name"] in page.stdout
        assert page.stdout == sluice(*words, "--help").stdout
        assert "\033" not in page.stdout


def test_schema_is_for_editors():
    pretty = sluice("schema")
    schema = json.loads(pretty.stdout)
    assert pretty.stdout.startswith('{\n  "$schema"') and pretty.stdout.endswith("}\n")
    assert json.loads(sluice("schema", "--json").stdout) == schema
    assert schema["properties"]["steps"]["items"]["properties"]["llm"]["required"] == ["model"]


def test_version():
    said = json.loads(sluice("version", "--json").stdout)["version"]
    assert sluice("--version").stdout == sluice("version").stdout == "sluice %s\n" % said


@pytest.mark.parametrize("args, message", [
    ([], "a command is missing"),
    (["pakc"], "unknown command 'pakc', did you mean 'pack'?"),
    (["frobnicate"], "unknown command 'frobnicate' (see 'sluice help')"),
    (["help", "valdate"], "did you mean 'validate'?"),
    (["validate"], "sluice validate: DIR|FILE is missing"),
    (["pack", "x"], "sluice pack: --output FILE is missing"),
    (["predict", "x", "--row", "y"], "unknown option '--row', did you mean '--rows'?"),
    (["predict", "x", "--rows", "-", "--timeout-ms", "soon"], "--timeout-ms: expected an integer from 0"),
    (["pack", SLIDES, "-o", "/tmp/slides.rar"], "must end in .tar.gz"),
])
def test_wrong_command_lines_exit_64(args, message):
    done = sluice(*args)
    assert done.returncode == 64
    assert message in done.stderr
    assert done.stdout == ""


def test_errors_are_json_for_scripts():
    done = sluice("validate", "/nonexistent/bundle", "--json")
    assert done.returncode == 66 and done.stderr == ""
    error = json.loads(done.stdout)["error"]
    assert error["code"] == "not_found" and "/nonexistent/bundle" in error["message"]


@pytest.mark.parametrize("ending", [".tar.gz", ".tgz", ".tar.zst", ".tar", ".zip"])
def test_pack_is_deterministic_and_validates(tmp_path, ending):
    first, second = tmp_path / ("a" + ending), tmp_path / ("b" + ending)
    packed = json.loads(sluice("pack", SLIDES, "-o", first, "--json").stdout)
    assert sluice("pack", SLIDES, "-o", second, env={"TZ": "Asia/Tokyo"}).returncode == 0
    assert first.read_bytes() == second.read_bytes()
    assert packed["size"] == first.stat().st_size and packed["files"] == 2
    for path in (first, SLIDES):
        said = json.loads(sluice("validate", path, "--json").stdout)
        assert said["ok"] and said["digest"] == packed["digest"]


def test_pack_names_what_it_leaves_out(tmp_path, agent):
    (agent / "config.yaml~").write_text("old")
    done = sluice("pack", agent, "-o", tmp_path / "a.tar")
    assert done.returncode == 0 and "left out: config.yaml~" in done.stderr
    with tarfile.open(tmp_path / "a.tar") as archive:
        assert "config.yaml~" not in archive.getnames() and "config.yaml" in archive.getnames()


def test_pack_takes_a_folder_whose_manifest_is_old(tmp_path, agent):
    (agent / "manifest.json").write_text('{"files":[],"version":1}')
    assert sluice("pack", agent, "-o", tmp_path / "a.tar").returncode == 0
    assert sluice("validate", tmp_path / "a.tar").returncode == 0


def test_mistakes_are_all_named_and_stop_packing(tmp_path, agent):
    (agent / "config.yaml").write_text(
        "version: 1\nmodels:\n  small: {provider: openai, base_url: x, model: y, temprature: 1}\n"
        "steps:\n  - name: answer\n    llm: {model: smal, prompt: ask}\n")
    (agent / "prompts" / "ask.txt").write_text("One\n{{questoin}}\n")
    for command in (["validate", agent], ["pack", agent, "-o", tmp_path / "never.tar"]):
        done = sluice(*command)
        assert done.returncode == 65, done.stdout
        assert "config.yaml:3: models.small: unknown key 'temprature', did you mean 'temperature'?\n" in done.stdout
        assert "smal" in done.stdout
        assert done.stdout.splitlines()[-1].endswith(" mistakes in '%s'" % agent)
        assert done.stderr == ""
    assert not (tmp_path / "never.tar").exists()
    said = json.loads(sluice("validate", agent, "--json").stdout)
    assert said["bundle"] == str(agent)
    assert not said["ok"] and said["problem_count"] == len(said["problems"]) >= 2
    assert {"file": "config.yaml", "line": 3, "path": "models.small",
            "text": "unknown key 'temprature', did you mean 'temperature'?"} in said["problems"]


def test_text_of_a_bundle_cannot_drive_the_terminal(agent):
    (agent / "config.yaml").write_text('version: 1\n"\\e[2J\\u009b1m": 1\n')
    done = sluice("validate", agent)
    assert done.returncode == 65
    assert "\\x1b[2J\\xc2\\x9b1m" in done.stdout and "\033" not in done.stdout and "\u009b" not in done.stdout


def test_validate_summarises(agent):
    done = sluice("validate", agent)
    assert done.returncode == 0, done.stdout
    assert done.stdout.startswith("ok agent\n")
    for part in ("question: string", "models     small", "steps      answer", "prompts    ask", "sha256:"):
        assert part in done.stdout


ROWS = [{"question": "Q3?"}, {"question": "Q4?", "max_slides": 4}]
ECHO = [{"question": "Q3?", "max_slides": None}, {"question": "Q4?", "max_slides": 4}]


@pytest.mark.parametrize("name, text", [
    ("r.jsonl", "\n".join(map(json.dumps, ROWS))),
    ("r.jsonl", "\n\n" + "\r\n".join(map(json.dumps, ROWS)) + "\n\n"),
    ("r.json", json.dumps(ROWS, indent=1)),
    ("r.json", json.dumps({"dataframe_records": ROWS})),
    ("r.json", json.dumps({"dataframe_split": {"columns": ["question", "max_slides"], "data": [["Q3?", None], ["Q4?", 4]]}})),
    ("r.csv", "question,max_slides\nQ3?,\nQ4?,4\n"),
])
@pytest.mark.parametrize("by_stdin", [False, True])
def test_predict_reads_every_form(tmp_path, name, text, by_stdin):
    path = tmp_path / name
    path.write_text(text)
    if by_stdin:
        done = sluice("predict", SLIDES, "--rows", "-", "--format", "csv" if name.endswith("csv") else "auto", stdin=text)
    else:
        done = sluice("predict", SLIDES, "--rows", path)
    answers = lines(done)
    assert [{**{"max_slides": None}, **answer} for answer in answers] == ECHO


def test_predict_reads_an_example_as_mlflow_saves_it(tmp_path):
    rows = tmp_path / "input_example.json"
    rows.write_text('{"columns": ["question", "max_slides"], "data": [["Q3?", 2]]}')
    assert lines(sluice("predict", SLIDES, "--rows", rows)) == [{"question": "Q3?", "max_slides": 2}]


def test_predict_runs_the_bundles_example(agent, model):
    done = sluice("predict", agent, "--example", env=model.env)
    assert done.returncode == 66 and "no input example" in done.stderr
    (agent / "input_example.json").write_text('[{"question": "Q"}]')
    answers = lines(sluice("predict", agent, "--example", env=model.env))
    assert answers == [{"answer": "re: Answer: Q", "error": None}]
    for args in ([], ["--example", "--rows", "-"]):
        done = sluice("predict", agent, *args, env=model.env)
        assert done.returncode == 64 and "either --rows FILE or --example" in done.stderr


def test_predict_one_row_and_a_whole_response():
    assert lines(sluice("predict", SLIDES, "--rows", "-", stdin='{"question": "Q"}')) == [{"question": "Q"}]
    done = sluice("predict", SLIDES, "--rows", "-", "--json", stdin='{"question": "Q"}')
    assert json.loads(done.stdout) == {"predictions": [{"question": "Q"}]}


@pytest.mark.parametrize("text, message", [
    ('{"question": "a"}\n\n{"question": \n', "rows from 'standard input': expected a value, but the text ends at line 3, column 14\n"),
    ('{"question": "a"}\n{"inputs": [{"question": "a"}]}\n', "line 2 is a request, not a row"),
    ("question,max_slides\nQ3?,1\n", "; for CSV: --format csv\n"),

    ("", "rows from 'standard input'"),
    ("[1, 2]", "rows from 'standard input'"),
])
def test_predict_names_what_is_wrong_with_the_rows(text, message):
    done = sluice("predict", SLIDES, "--rows", "-", stdin=text)
    assert done.returncode == 65, (done.stdout, done.stderr)
    assert message in done.stderr and done.stdout == ""


def test_predict_warns_of_unknown_columns():
    rows = [{"question": "a", "max_slide": 1, "x1": 1}, {"question": "b", "max_slide": 1, "x2": 1, "x3": 1}]
    for text in ("\n".join(map(json.dumps, rows)), json.dumps(rows), json.dumps({"dataframe_records": rows})):
        done = sluice("predict", SLIDES, "--rows", "-", stdin=text)
        assert len(lines(done)) == 2
        assert done.stderr.splitlines() == [
            "row 0: unknown column 'max_slide', did you mean 'max_slides'?",
            "row 0: unknown column 'x1'",
            "row 1: unknown column 'x2'"]


@pytest.mark.parametrize("command", ["validate", "pack -o x.tar", "predict --example"])
def test_a_file_of_a_bundle_is_answered_with_its_folder(agent, command):
    for path, folder in ((agent / "config.yaml", agent), (agent / "prompts" / "ask.txt", agent)):
        done = sluice(*command.split(), path)
        assert done.returncode == 64
        assert "'%s' is a file of a bundle: give its folder, '%s'" % (path, folder) in done.stderr
    assert "give its folder, '.'" in sluice(*command.split(), "config.yaml", cwd=agent).stderr


@pytest.mark.parametrize("args", [["pack", "x", "--json"], ["validate", "--json"], ["predict", "x", "--json", "--row", "y"]])
def test_wrong_command_lines_are_json_for_scripts(args):
    done = sluice(*args)
    assert done.returncode == 64 and done.stderr == ""
    assert json.loads(done.stdout)["error"]["code"] == "usage"


def test_predict_asks_a_model_and_keeps_the_order(agent, model):
    questions = ["slow", *["row %d" % i for i in range(20)], "fast"]
    done = sluice("predict", agent, "--rows", "-", env=model.env,
                  stdin="\n".join(json.dumps({"question": q}) for q in questions))
    assert [answer["answer"] for answer in lines(done)] == ["re: Answer: " + q for q in questions]
    assert done.stderr == ""
    assert set(model.keys) == {"Bearer hush-hush"}


def test_predict_shows_failing_rows_and_goes_on(agent, model):
    done = sluice("predict", agent, "--rows", "-", env=model.env, stdin='[{"question":"a"},{"question":"bad"}]')
    good, bad = lines(done)
    assert good == {"answer": "re: Answer: a", "error": None}
    assert bad["answer"] is None and "400" in bad["error"]
    assert "1 of 2 rows failed" in done.stderr
    strict = sluice("predict", agent, "--rows", "-", "--strict", env=model.env, stdin='[{"question":"a"},{"question":"bad"}]')
    assert strict.returncode == 65 and strict.stdout == done.stdout and "1 of 2 rows failed" in strict.stderr


@pytest.mark.parametrize("args", [[], ["--json"]])
def test_predict_exits_65_where_every_row_failed(agent, model, args):
    done = sluice("predict", agent, "--rows", "-", *args, env=model.env, stdin='[{"question":"bad"},{"question":"bad"}]')
    assert done.returncode == 65 and "2 of 2 rows failed" in done.stderr
    assert len([json.loads(line) for line in done.stdout.splitlines()]) == (1 if args else 2)


def test_predict_fails_without_an_error_column(agent, model):
    (agent / "MLmodel").write_text(TABLE % "")
    done = sluice("predict", agent, "--rows", "-", env=model.env, stdin='[{"question":"bad"}]')
    assert done.returncode == 65 and "row 0" in done.stderr


def test_predict_needs_its_environment(agent):
    done = sluice("predict", agent, "--rows", "-", stdin='{"question": "Q"}')
    assert done.returncode == 65 and "LLM_BASE_URL" in done.stderr


def test_predict_names_all_mistakes_on_standard_error(agent):
    (agent / "config.yaml").write_text(CONFIG.replace("retries: 0", "retrys: 0").replace("prompt: ask", "prompt: aks"))
    done = sluice("predict", agent, "--rows", "-", env={"LLM_BASE_URL": "http://x/v1", "SLUICE_SECRET_LLM": "x"}, stdin="[]")
    assert done.returncode == 65 and done.stdout == ""
    assert "'retrys', did you mean 'retries'?\n" in done.stderr and "aks" in done.stderr
    assert done.stderr.splitlines()[-1].endswith("has 2 mistakes")


def test_recorded_replies_run_offline(agent, model, tmp_path):
    rows = '[{"question":"a"},{"question":"b"}]'
    (agent / "recordings").mkdir()
    live = sluice("predict", agent, "--rows", "-", "--record", agent / "recordings" / "r.jsonl", env=model.env, stdin=rows)
    assert len(lines(live)) == 2
    assert "hush-hush" not in (agent / "recordings" / "r.jsonl").read_text()
    config = (agent / "config.yaml").read_text()
    (agent / "config.yaml").write_text(config.replace("provider: openai", "provider: recorded"))
    replayed = sluice("predict", agent, "--rows", "-", "--offline", env=model.env, stdin=rows)
    assert replayed.stdout == live.stdout
    missed = sluice("predict", agent, "--rows", "-", "--offline", env=model.env, stdin='{"question":"c"}')
    error = json.loads(missed.stdout)["error"]
    assert missed.returncode == 65 and ("Answer: a" in error or "Answer: b" in error)


def test_predict_within_its_deadline(agent, model):
    began = time.monotonic()
    done = sluice("predict", agent, "--rows", "-", "--timeout-ms", "300", env=model.env, stdin='{"question":"never"}')
    assert time.monotonic() - began < 10
    answer = json.loads(done.stdout)
    assert done.returncode == 65 and answer["answer"] is None and "300 ms" in answer["error"]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_cancels_cleanly(agent, model, tmp_path, number):
    archive, temporary = tmp_path / "agent.tar.gz", tmp_path / "tmp"
    temporary.mkdir()
    assert sluice("pack", agent, "-o", archive).returncode == 0
    process = subprocess.Popen([str(BUILD / "sluice"), "predict", str(archive), "--rows", "-"], stdin=subprocess.PIPE,
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                               env={**os.environ, **model.env, "TMPDIR": str(temporary)})
    process.stdin.write('{"question":"never"}')
    process.stdin.close()
    assert model.asked.wait(30)
    process.send_signal(number)
    assert process.wait(10) == -number  # a shell shows 128 + number
    assert "cancelled" in process.stderr.read()
    assert list(temporary.iterdir()) == []
    process.stdout.close()
    process.stderr.close()


def test_what_a_kill_left_is_swept(tmp_path):
    """A folder that somebody holds stays; one whose maker is gone goes when the next one is made."""
    archive, temporary = tmp_path / "s.tar.gz", tmp_path / "tmp"
    assert sluice("pack", SLIDES, "-o", archive).returncode == 0
    for name in ("sluice-tmp.killed", "sluice-tmp.inuse0", "other"):
        (temporary / name / "deep").mkdir(parents=True)
    held = os.open(temporary / "sluice-tmp.inuse0", os.O_RDONLY)
    fcntl.flock(held, fcntl.LOCK_EX)
    assert sluice("validate", archive, env={"TMPDIR": str(temporary)}).returncode == 0
    assert sorted(os.listdir(temporary)) == ["other", "sluice-tmp.inuse0"]
    os.close(held)
    assert sluice("validate", archive, env={"TMPDIR": str(temporary)}).returncode == 0
    assert os.listdir(temporary) == ["other"]


def test_a_reader_that_leaves_ends_it_quietly(tmp_path):
    rows = tmp_path / "rows.jsonl"
    rows.write_text("".join(json.dumps({"question": "x" * 1000}) + "\n" for _ in range(2000)))
    process = subprocess.Popen([str(BUILD / "sluice"), "predict", str(SLIDES), "--rows", str(rows)],
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    process.stdout.read(10)
    process.stdout.close()
    assert process.wait(30) == -signal.SIGPIPE
    assert process.stderr.read() == b""
    process.stderr.close()


def test_state_keeps_archives(tmp_path):
    archive, state = tmp_path / "s.zip", tmp_path / "state"
    assert sluice("pack", SLIDES, "-o", archive).returncode == 0
    for _ in range(2):
        assert len(lines(sluice("predict", archive, "--rows", "-", "--state", state, stdin='{"question":"Q"}'))) == 1
    assert len(list((state / "bundles").iterdir())) == 1


def test_options_from_environment_and_file(tmp_path):
    rows = tmp_path / "rows.json"
    rows.write_text('{"question":"Q"}')
    config = tmp_path / "sluice.yaml"
    config.write_text("rows: %s\njson: true\n" % rows)
    assert json.loads(sluice("predict", SLIDES, "--config", config).stdout) == {"predictions": [{"question": "Q"}]}
    done = sluice("predict", SLIDES, env={"SLUICE_PREDICT_CONFIG": str(config), "SLUICE_JSON": "no"})
    assert done.stdout == '{"question":"Q"}\n'


def test_the_servers_file_is_not_ours(tmp_path):
    config = tmp_path / "sluiced.yaml"
    config.write_text("http_body_max: 1k\n")
    env = {"SLUICED_CONFIG": str(config), "SLUICE_PREDICT_CONFIG": str(tmp_path / "none.yaml")}
    assert sluice("validate", SLIDES, env=env).returncode == 0
    done = sluice("predict", SLIDES, "--example", env=env)
    assert done.returncode == 64 and "none.yaml" in done.stderr


def on_terminal(args, env, stdin=None):
    """Runs sluice with standard output and error on one pseudo-terminal; returns what appeared there."""
    master, slave = pty.openpty()
    process = subprocess.Popen([str(BUILD / "sluice"), *map(str, args)], stdin=subprocess.PIPE, stdout=slave, stderr=slave,
                               env={**os.environ, "TERM": "xterm", **env})
    os.close(slave)
    process.stdin.write((stdin or "").encode())
    process.stdin.close()
    shown = b""
    while True:
        try:
            got = os.read(master, 65536)
        except OSError:  # EIO: the other end is closed
            got = b""
        if not got:
            break
        shown += got
    os.close(master)
    assert process.wait(30) == 0, shown
    return shown.decode()


def test_a_terminal_gets_colour_unless_told_otherwise():
    assert "\033[32mok" in on_terminal(["validate", SLIDES], {})
    for env in ({"NO_COLOR": "1"}, {"TERM": "dumb"}):
        assert "\033" not in on_terminal(["validate", SLIDES], env)


@pytest.mark.parametrize("args", [[], ["--json"]])
def test_answers_cannot_drive_the_terminal(args):
    row = '{"question":"\u009b31m\u202eé"}'
    shown = on_terminal(["predict", SLIDES, "--rows", "-", *args], {}, row)
    assert '{"question":"\\u009b31m\\u202eé"}' in shown
    assert row in sluice("predict", SLIDES, "--rows", "-", *args, stdin=row).stdout  # as it is, for programs


def test_json_carries_the_usage(agent, model):
    answer = json.loads(sluice("predict", agent, "--rows", "-", "--json", stdin='[{"question":"a"}]', env=model.env).stdout)
    usage = answer["usage"]
    assert list(answer) == ["predictions", "usage"]
    assert usage.pop("elapsed_ms") >= 0
    assert {name: count for name, count in usage.items() if count} == {
        "rows": 1, "model_calls": 1, "calls_unpriced": 1, "input_tokens": 3, "output_tokens": 2}
    assert usage["cost_usd"] == 0


def test_a_terminal_gets_progress_and_a_summary(agent, model):
    threading.Timer(0.5, model.released.set).start()
    shown = on_terminal(["predict", agent, "--rows", "-"], model.env, '[{"question":"a"},{"question":"slow"},{"question":"bad"}]')
    assert "rows  2/3  " in shown and "█" in shown
    assert "row 2: " in shown and "1 of 3 rows failed" in shown
    assert "3 rows in " in shown and "2 model calls, 6 + 4 tokens, $0.000000 (2 calls without a price)" in shown
    assert '{"answer":"re: Answer: slow","error":null}' in shown

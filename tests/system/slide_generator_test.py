"""examples/slide_generator: on its recordings, and by environment variables alone on an endpoint."""
import contextlib
import html.parser
import json
import pathlib
import subprocess
import sys

import pytest

HERE = pathlib.Path(__file__).resolve().parent
BUNDLE = HERE.parent.parent / "examples" / "slide_generator"
ROWS = json.loads((HERE / "slide_generator" / "rows.json").read_text())["dataframe_records"]
LEEDS = "Should we open a second distribution centre in Leeds next year?"


class Sections(html.parser.HTMLParser):
    """Counts the sections of a document as a browser would see them."""

    def __init__(self, document):
        super().__init__()
        self.count = 0
        self.scripts = 0
        self.feed(document)

    def handle_starttag(self, tag, attributes):
        self.count += tag == "section"
        self.scripts += tag in ("script", "link", "img", "iframe")


@contextlib.contextmanager
def endpoint():
    process = subprocess.Popen([sys.executable, HERE / "slide_generator" / "endpoint.py"], stdout=subprocess.PIPE, text=True)
    try:
        yield process.stdout.readline().strip()
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


@pytest.fixture
def llm():
    with endpoint() as url:
        yield {"LLM_PROVIDER": "openai", "LLM_BASE_URL": url, "LLM_API_KEY": "test-key", "LLM_MODEL": "any"}


def check_deck(answer, slides):
    document = Sections(answer["html"])
    assert answer["error"] is None and answer["trace_url"] is None
    assert answer["slide_count"] == document.count == slides
    assert document.scripts == 0
    assert answer["html"].startswith("<!DOCTYPE html>") and answer["html"].endswith("</html>")


def test_is_sound(run_sluice):
    result = run_sluice("validate", BUNDLE)
    assert result.returncode == 0, result.stdout + result.stderr


def test_recorded(sluiced):
    server = sluiced(BUNDLE)
    status, answer = server.post({"dataframe_records": ROWS})
    assert status == 200
    for row, deck, slides in zip(ROWS, answer["predictions"], (6, 6, 6, 4), strict=True):
        check_deck(deck, slides)
        assert deck["slide_count"] <= row.get("max_slides", 10)


def test_default_of_max_slides(sluiced):
    """Missing, null and the default itself are the same row."""
    server = sluiced(BUNDLE)
    status, answer = server.post(
        {"dataframe_split": {"columns": ["question", "max_slides"], "data": [[LEEDS, None], [LEEDS, 10]]}})
    assert status == 200
    assert answer["predictions"][0] == answer["predictions"][1]
    check_deck(answer["predictions"][0], 6)


def test_unknown_question_fails_alone(sluiced):
    server = sluiced(BUNDLE)
    status, answer = server.post({"dataframe_records": [{"question": "Why is the sky blue?"}, {"question": LEEDS}]})
    assert status == 200
    failed, deck = answer["predictions"]
    assert failed["html"] is None and failed["slide_count"] is None
    assert "no recording of this request" in failed["error"] and "recordings/replies.jsonl:" in failed["error"]
    check_deck(deck, 6)


def test_endpoint_by_environment(run_sluice, llm):
    result = run_sluice("predict", BUNDLE, "--rows", "-", env=llm, stdin=json.dumps({"question": LEEDS}))
    assert result.returncode == 0, result.stderr
    check_deck(json.loads(result.stdout), 6)


def test_endpoint_refuses(run_sluice, llm):
    result = run_sluice("predict", BUNDLE, "--rows", "-", env={**llm, "LLM_API_KEY": "wrong-key-77"},
                        stdin=json.dumps({"question": LEEDS}))
    assert "401" in json.loads(result.stdout)["error"]
    assert "wrong-key-77" not in result.stdout + result.stderr


def test_provider_without_endpoint_is_told(run_sluice):
    result = run_sluice("predict", BUNDLE, "--rows", "-", env={"LLM_PROVIDER": "openai"}, stdin="{}")
    assert result.returncode != 0
    assert "config.yaml:" in result.stderr and "models.writer.base_url: provider 'openai' needs a base_url" in result.stderr


def test_recordings_are_what_the_endpoint_answers(run_sluice, llm, tmp_path):
    """A prompt or setting that changed without new recordings shows here."""
    fresh = tmp_path / "fresh.jsonl"
    rows = tmp_path / "rows.json"
    rows.write_text(json.dumps({"dataframe_records": ROWS}))
    result = run_sluice("predict", BUNDLE, "--rows", rows, "--record", fresh, env=llm)
    assert result.returncode == 0, result.stderr

    def requests(path):
        return {json.dumps(json.loads(line)["request"], sort_keys=True) for line in path.read_text().splitlines()}

    assert requests(fresh) == requests(BUNDLE / "recordings" / "replies.jsonl")

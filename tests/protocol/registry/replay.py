"""Replays recorded exchanges of MLflow's client and server (MLflow 3.17.2) against another server.

Same status; same error_code and message; same JSON: ids, generated names and times are learned from the answers, by their
place, and put into what is sent later. Lists of keys and values count as sets.
"""
import base64
import json
import pathlib
import re
import urllib.parse

import requests

RECORDINGS = pathlib.Path(__file__).resolve().parent / "recordings"
TIMES = {"creation_time", "last_update_time", "creation_timestamp", "last_updated_timestamp", "creation_timestamp_ms",
         "last_updated_timestamp_ms", "start_time", "end_time", "file_size"}
ID = re.compile(r"^(m-)?[0-9a-f]{32}$")
NAME = re.compile(r"^[a-z]+-[a-z]+-\d{1,4}$")
PAIRS = {"tags", "params"}


def load(name):
    return [json.loads(line) for line in (RECORDINGS / (name + ".jsonl")).read_text("utf-8").splitlines()]


class Replay:
    def __init__(self, url):
        self.url = url
        self.known = {}  # recorded text -> ours
        self.session = requests.Session()

    def ours(self, value):
        """What was recorded, with our ids in it."""
        if isinstance(value, dict):
            return {key: self.ours(item) for key, item in value.items()}
        if isinstance(value, list):
            return [self.ours(item) for item in value]
        if isinstance(value, str):
            for recorded, text in self.known.items():
                value = value.replace(recorded, text)
        return value

    def send(self, exchange):
        body, headers = exchange["req_body"], {}
        if exchange["content_type"]:
            headers["Content-Type"] = exchange["content_type"]
        data = None
        if body is not None and "json" in body:
            data = json.dumps(self.ours(body["json"])).encode()
        elif body is not None:
            data = base64.b64decode(body["base64"]) if "base64" in body else self.ours(body["text"]).encode()
        query = urllib.parse.urlencode([(key, self.ours(value)) for key, value in exchange["query"]])
        return self.session.request(exchange["method"], self.url + self.ours(exchange["path"]), params=query, data=data,
                                    headers=headers, timeout=30)

    def run(self, name, **tolerate):
        """tolerate: index="why" of exchanges whose answers we mean to differ: {"i14": (400, "part of the message")}"""
        for index, exchange in enumerate(load(name)):
            answer = self.send(exchange)
            where = "%s[%d] %s %s" % (name, index, exchange["method"], exchange["path"])
            if "i%d" % index in tolerate:
                status, text = tolerate["i%d" % index]
                assert (answer.status_code, text in answer.text) == (status, True), (where, answer.text)
                continue
            assert answer.status_code == exchange["status"], (where, answer.status_code, answer.text[:500])
            recorded = (exchange["resp_body"] or {}).get("json")
            if recorded is None:
                continue
            if answer.status_code >= 400:
                self.compare_errors(where, recorded, answer.json())
            else:
                self.compare(where, recorded, answer.json(), "")

    def compare_errors(self, where, recorded, answer):
        assert answer["error_code"] == recorded["error_code"], (where, answer)
        wanted, said = self.ours(recorded["message"]), answer["message"]
        if "(sqlite3." in wanted:  # its text is SQLAlchemy's
            wanted = wanted.partition(" Error: (sqlite3.")[0] if " Error: (sqlite3." in wanted else ""
            said = said[:len(wanted)]
        # Sets of names are shown in any order.
        assert sorted(wanted.split()) == sorted(said.split()) or wanted == said or \
            sorted(re.findall(r"\w+", wanted)) == sorted(re.findall(r"\w+", said)), (where, wanted, said)

    def compare(self, where, recorded, answer, key):
        if isinstance(recorded, dict):
            assert isinstance(answer, dict), (where, key, answer)
            if not where.endswith("/server-info"):
                assert sorted(recorded) == sorted(answer), (where, key, sorted(recorded), answer)
            for name, value in answer.items():
                self.compare(where, recorded[name], value, name)
        elif isinstance(recorded, list):
            assert isinstance(answer, list) and len(answer) == len(recorded), (where, key, recorded, answer)
            if key in PAIRS or (key == "metrics" and "get-history" not in where):
                recorded = sorted(recorded, key=lambda pair: pair["key"])
                answer = sorted(answer, key=lambda pair: pair["key"])
            for left, right in zip(recorded, answer):
                self.compare(where, left, right, key)
        else:
            self.compare_scalar(where, recorded, answer, key)

    def compare_scalar(self, where, recorded, answer, key):
        assert type(recorded) is type(answer), (where, key, recorded, answer)
        if key in TIMES:
            return
        if isinstance(recorded, str) and recorded not in self.known:
            for shape in (ID, NAME):
                if shape.match(recorded) and recorded != answer:
                    assert shape.match(answer), (where, key, recorded, answer)
                    self.known[recorded] = answer
        if isinstance(recorded, str) and key == "next_page_token":
            recorded, answer = (json.loads(base64.b64decode(text)) for text in (recorded, answer))
        assert self.ours(recorded) == answer, (where, key, self.ours(recorded), answer)

"""Several clients of one registry at once, with a kill -9 in the middle: what they saw must fit one order of their calls.

Each alias is a register (set, get, delete) and each model's versions are a counter. A call without an answer, because the
server was killed, has happened or has not, at any time after it was sent.
"""
import http.client
import os
import random
import threading
import time

import pytest

from conftest import BUILD
from servers import Registry

ROUNDS = 200 if os.environ.get("SLUICE_MACHINE_LONG") == "1" else 20
CLIENTS, CALLS, VERSIONS = 6, 14, 3
NEVER = float("inf")


def has_order(history, state=None):
    """Whether the calls on one register have an order that agrees with their times: a depth-first search (Wing and Gong)
    over (what was done, the register's value). A call is (sent, answered or NEVER, verb, value)."""
    todo, seen = [(0, state)], set()
    while todo:
        done, value = todo.pop()
        left = [i for i in range(len(history)) if not done >> i & 1]
        if all(history[i][1] == NEVER for i in left):
            return True
        if (done, value) in seen:
            continue
        seen.add((done, value))
        # Who was sent before all others had been answered may be next.
        first_answer = min(history[i][1] for i in left)
        for i in left:
            sent, _, verb, argument = history[i]
            if sent > first_answer or (verb == "get" and argument != value):
                continue
            todo.append((done | 1 << i, value if verb == "get" else argument))
    return False


@pytest.mark.parametrize("is_ordered, history", [
    (True, [(1, 2, "set", 1), (3, 4, "get", 1)]),
    (False, [(1, 2, "set", 1), (3, 4, "get", None)]),
    (True, [(1, 5, "set", 1), (2, 3, "get", None), (4, 6, "get", 1)]),
    (False, [(1, 6, "set", 1), (2, 3, "get", 1), (4, 5, "get", None)]),
    (True, [(1, NEVER, "set", 2), (2, 3, "get", None), (4, 5, "get", 2)]),
    (True, [(1, NEVER, "set", 2), (2, 3, "get", None), (4, 5, "get", None)]),
    (False, [(1, 2, "set", 1), (3, NEVER, "set", 2), (4, 5, "get", 2), (6, 7, "get", 1)]),
])
def test_the_checker_itself(is_ordered, history):
    assert has_order(history) == is_ordered


class Client(threading.Thread):
    def __init__(self, registry, name, seed):
        super().__init__()
        self.registry, self.name_of_model, self.random = registry, name, random.Random(seed)
        self.aliases = {"prod": [], "next": []}
        self.created = []  # (sent, answered or NEVER, version or None)
        self.wrong = []

    def run(self):
        try:
            for _ in range(CALLS):
                self.one_call()
        except Exception as unexpected:  # noqa: BLE001: is shown by the test
            self.wrong.append(repr(unexpected))
        self.registry.disconnect()

    def one_call(self):
        verb = self.random.choice(["set", "set", "get", "get", "get", "delete", "create"])
        alias, version = self.random.choice(["prod", "next"]), self.random.randint(1, VERSIONS)
        body = {"name": self.name_of_model, "alias": alias}
        if verb == "create":
            self.create()
        elif verb == "get":
            answered = self.send("GET", "registered-models/alias", body)
            if answered and answered[2] == 200:
                self.note(alias, answered, "get", int(answered[3]["model_version"]["version"]))
            elif answered and answered[3].get("message") == "Registered model alias %s not found." % alias:
                self.note(alias, answered, "get", None)
            elif answered:
                self.wrong.append(answered)
        else:
            method = "POST" if verb == "set" else "DELETE"
            sent = time.monotonic()
            answered = self.send(method, "registered-models/alias",
                                 {**body, "version": str(version)} if verb == "set" else body)
            if answered and answered[2] != 200:
                self.wrong.append(answered)
            self.note(alias, answered or (sent, NEVER), "set", version if verb == "set" else None)

    def create(self):
        sent = time.monotonic()
        answered = self.send("POST", "model-versions/create", {"name": self.name_of_model, "source": "s3://b/m"})
        if answered is None:
            self.created.append((sent, NEVER, None))
        elif answered[2] != 200:
            self.wrong.append(answered)
        else:
            self.created.append((sent, answered[1], int(answered[3]["model_version"]["version"])))

    def send(self, method, path, body):
        """-> sent, answered, status, JSON; None where there was no answer"""
        sent = time.monotonic()
        try:
            status, said = self.registry.call(method, path, body)
            return sent, time.monotonic(), status, said
        except (OSError, http.client.HTTPException):
            time.sleep(0.005)  # the server is being started again
            return None

    def note(self, alias, times, verb, value):
        self.aliases[alias].append((times[0], times[1], verb, value))


def check_versions(created, listed):
    known = sorted(row for row in created if row[2] is not None)
    numbers = [row[2] for row in known]
    assert len(set(numbers)) == len(numbers), "a version twice: %s" % numbers
    assert set(numbers) <= set(listed), "an answered version is lost: %s of %s" % (numbers, listed)
    assert listed == list(range(1, len(listed) + 1)), "gaps: %s" % listed
    unknown = sum(row[2] is None for row in created)
    assert len(listed) <= VERSIONS + len(numbers) + unknown
    for sent, answered, number in known:
        later = [row for row in known if row[0] > answered]
        assert all(row[2] > number for row in later), "numbers against the order of the calls"


@pytest.mark.timeout(0 if ROUNDS > 50 else 300)
@pytest.mark.parametrize("is_killed", [False, True])
def test_clients_at_once_fit_one_order(tmp_path, is_killed):
    lost = 0
    with Registry.sluiced(BUILD / "sluiced", tmp_path) as registry:
        for turn in range(ROUNDS):
            name = "m%d" % turn
            registry.ok("POST", "registered-models/create", {"name": name})
            for _ in range(VERSIONS):
                registry.ok("POST", "model-versions/create", {"name": name, "source": "s3://b/m"})
            clients = [Client(registry, name, turn * CLIENTS + number) for number in range(CLIENTS)]
            for client in clients:
                client.start()
            if is_killed:
                while sum(len(client.created) for client in clients) < 1 + turn % 4 and clients[0].is_alive():
                    time.sleep(0.001)
                registry.kill()
                registry.start()
            for client in clients:
                client.join()
            check_round(registry, name, clients)
            lost += sum(call[1] == NEVER for client in clients for calls in client.aliases.values() for call in calls)
    assert (lost > 0) == is_killed, "%d calls without an answer" % lost


def check_round(registry, name, clients):
    wrong = [what for client in clients for what in client.wrong]
    assert not wrong, wrong
    found = registry.ok("GET", "model-versions/search", {"filter": "name = '%s'" % name})["model_versions"]
    check_versions([row for client in clients for row in client.created], sorted(int(row["version"]) for row in found))
    shown = registry.ok("GET", "registered-models/get", {"name": name})["registered_model"]
    at_end = {row["alias"]: int(row["version"]) for row in shown.get("aliases", [])}
    for alias in ("prod", "next"):
        history = [call for client in clients for call in client.aliases[alias]]
        now = time.monotonic()
        history.append((now, now, "get", at_end.get(alias)))
        assert has_order(history), (alias, sorted(history))

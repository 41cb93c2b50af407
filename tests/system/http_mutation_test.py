"""Mutated raw cases over real connections, cut at random, left at random: the server lives, answers others, and forgets
every connection and request."""
import contextlib
import random
import socket
import sys
import threading

import pytest
from conftest import ROOT
from http_server import GET, HttpServer, reset

sys.path.insert(0, str(ROOT / "tests" / "protocol" / "http"))
import differential  # noqa: E402
TARGETS = [b"/ping", b"/echo", b"/invocations", b"/stream?bytes=400000", b"/slow?ms=30", b"/cut", b"/endless?ms=5"]


def texts(rng, seeds, mutate):
    while True:
        text = b"".join(mutate(rng, rng.choice(seeds), seeds) if rng.random() < 0.6 else rng.choice(seeds)
                        for _ in range(rng.choice((1, 1, 2, 5))))
        for mark in (b"/__get__", b"/__post__"):
            text = text.replace(mark, rng.choice(TARGETS))
        yield text


def client(server, seed, count, seeds, mutate):
    rng = random.Random(seed)
    source = texts(rng, seeds, mutate)
    for _ in range(count):
        text = next(source)
        with server.connect() as s:
            s.settimeout(0.05)
            with contextlib.suppress(OSError):
                talk(s, rng, text)


def talk(s, rng, text):
    at = 0
    while at < len(text):
        size = rng.choice((1, 10, 100, 1000, 100000))
        s.sendall(text[at:at + size])
        at += size
        if rng.random() < 0.2:
            s.recv(rng.choice((1, 1000, 100000)))
    how = rng.randrange(4)
    if how == 0:
        reset(s)
    elif how == 1:
        s.shutdown(socket.SHUT_WR)
        s.recv(100000)


@pytest.mark.parametrize("tls", [False, True])
@pytest.mark.parametrize("seed", range(2))
def test_nothing_harms_the_server(tmp_path, tls, seed):
    seeds = [text for text in differential.seeds() if len(text) < 3000]
    server = HttpServer(tmp_path, {"header_ms": 500, "body_ms": 500, "idle_ms": 500, "write_ms": 500}, tls=tls)
    threads = [threading.Thread(target=client, args=(server, seed * 100 + i, 60, seeds, differential.mutate))
               for i in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert server.ask(GET % b"/ping")[0] == 200
    server.wait_stats(lambda stats: stats["open"] == 1 and stats["active"] == 1, 5)
    server.stop()

"""Requests whose rows need threads for SQL take turns; who waits for one is told so."""
import contextlib
import json
import sqlite3
import threading
import time

from conftest import column

CONFIG = """
version: 1
timeout_ms: %d
tools:
  - name: work
    sql: {statement: "WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x+1 FROM c WHERE x<:n) SELECT sum(x) FROM c",
          result: value, timeout_ms: 600000}
steps:
  - {name: done, tool: work}
outputs: {answer: done}
"""
INPUTS, OUTPUTS = [column("n", "long")], [column("answer", "long")]


def test_one_row_does_not_wait_behind_all_of_another_request(sluiced, make_bundle):
    server = sluiced(make_bundle(CONFIG % 600000, INPUTS, OUTPUTS))
    took, started = {}, time.monotonic()

    def ask(name, rows):
        status, answer = server.post({"dataframe_records": rows}, timeout=120)
        assert status == 200, answer
        took[name] = time.monotonic() - started

    first = threading.Thread(target=ask, args=("many", [{"n": 100000}] * 64))
    first.start()
    server.wait_metric("sluice_http_requests_active 2")
    ask("one", [{"n": 1}])
    first.join()
    assert took["one"] < took["many"] / 2, took


def test_a_row_that_got_no_thread_in_time_says_so(sluiced, make_bundle):
    endless = [{"n": 10 ** 12}] * 8
    server = sluiced(make_bundle(CONFIG % 500, INPUTS, [*OUTPUTS, column("error", required=False)]))
    status, answer = server.post({"dataframe_records": endless})
    assert status == 200
    errors = json.dumps(answer)
    assert errors.count("while it waited for tool 'work'") == 4, answer
    assert errors.count("while it waited for a thread that would run tool 'work'") == 4, answer


def test_a_registry_that_hangs_holds_up_no_tool(sluiced, make_bundle, tmp_path):
    """Another process has the registry's database; more writers wait for it than a pool has threads."""
    server = sluiced(make_bundle(CONFIG % 5000, INPUTS, OUTPUTS), "--state", str(tmp_path / "held"))
    url = "/api/2.0/mlflow/experiments/create"
    assert server.post({"name": "first"}, path=url)[0] == 200
    database = tmp_path / "held" / "registry" / "registry.db"
    with contextlib.closing(sqlite3.connect(database, isolation_level=None)) as db:
        db.execute("BEGIN IMMEDIATE")
        writers = [threading.Thread(target=server.post, args=({"name": "x%d" % i}, url)) for i in range(6)]
        for writer in writers:
            writer.start()
        server.wait_metric("sluice_http_requests_active 7")
        assert server.post({"dataframe_records": [{"n": 1}]}) == (200, {"predictions": [{"answer": 1}]})
        db.execute("ROLLBACK")
    for writer in writers:
        writer.join()

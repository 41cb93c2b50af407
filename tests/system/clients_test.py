"""The clients that people have: requests, curl, MLflow's scoring client, a pandas DataFrame."""
import json
import subprocess

import pytest

from conftest import MODELS, ROOT, client_module

requests = client_module("requests")

ROW = {"user_id": "u1", "session_id": "s1", "country": "AU", "query": "When can I access my super?"}


def test_requests_keeps_one_connection_and_gets_rows(sluiced):
    server = sluiced(MODELS / "pension", "--workers", 1)
    with requests.Session() as session:
        for _ in range(20):
            answer = session.post(server.url + "/invocations", json={"dataframe_records": [ROW]})
            assert answer.status_code == 200
            assert answer.json() == {"predictions": [ROW]}
    assert "sluice_http_connections_accepted_total 3" in server.get("/metrics")  # the wait, the session, this scrape


def test_curl_posts_a_file_and_csv(sluiced, tmp_path):
    server = sluiced(MODELS / "slides")
    body = tmp_path / "rows.json"
    body.write_text(json.dumps({"dataframe_records": [{"question": "Q3?", "max_slides": 4}]}))
    out = subprocess.run(["curl", "-sS", "-w", "\n%{http_code}", server.url + "/invocations", "-H",
                          "Content-Type: application/json", "-d", "@%s" % body], capture_output=True, text=True, check=True)
    answer, status = out.stdout.rsplit("\n", 1)
    assert (status, json.loads(answer)) == ("200", {"predictions": [{"question": "Q3?", "max_slides": 4}]})
    rows = tmp_path / "rows.csv"
    rows.write_text("question,max_slides\n\"Revenue, by region?\",7\n")
    out = subprocess.run(["curl", "-sS", server.url + "/invocations", "-H", "Content-Type: text/csv", "--data-binary",
                          "@%s" % rows], capture_output=True, text=True, check=True)
    assert json.loads(out.stdout) == {"predictions": [{"question": "Revenue, by region?", "max_slides": 7}]}


def test_curl_uploads_with_expect_100_continue(sluiced, tmp_path):
    server = sluiced(MODELS / "echo")
    body = tmp_path / "big.json"
    body.write_text(json.dumps({"inputs": ["x" * 1000] * 2000}))
    out = subprocess.run(["curl", "-sS", "-v", server.url + "/invocations", "-H", "Content-Type: application/json", "-H",
                          "Expect: 100-continue", "--data-binary", "@%s" % body], capture_output=True, text=True, check=True)
    assert "100 Continue" in out.stderr
    assert len(json.loads(out.stdout)["predictions"]) == 2000


def test_mlflow_scoring_client(sluiced):
    scoring = client_module("mlflow.pyfunc.scoring_server.client")
    import pandas as pd

    server = sluiced(MODELS / "slides")
    client = scoring.ScoringServerClient("127.0.0.1", server.port)
    client.ping()
    assert client.get_version() == "3.17.2"
    frame = pd.DataFrame([{"question": "Q3?", "max_slides": 4}, {"question": "Q4?", "max_slides": 9}])
    predictions = client.invoke(frame).get_predictions()
    assert predictions.to_dict("records") == frame.to_dict("records")


def test_mlflow_scoring_client_reads_the_error(sluiced):
    scoring = client_module("mlflow.pyfunc.scoring_server.client")
    import pandas as pd

    server = sluiced(MODELS / "slides")
    client = scoring.ScoringServerClient("127.0.0.1", server.port)
    with pytest.raises(Exception, match="question") as caught:
        client.invoke(pd.DataFrame([{"max_slides": 4}]))
    assert "required" in str(caught.value)


def test_a_model_logged_from_python_serves(sluiced, tmp_path):
    """mlflow.pyfunc.save_model(artifacts={"config", "prompts"}) is a bundle; its pickle is never opened."""
    mlflow = client_module("mlflow")
    from mlflow.models import infer_signature

    config, prompts = tmp_path / "config.yaml", tmp_path / "prompts"
    config.write_text("version: 1\n")
    prompts.mkdir()
    (prompts / "hello.txt").write_text("Hello {{question}}")
    model = tmp_path / "logged"

    class Agent(mlflow.pyfunc.PythonModel):
        def predict(self, context, model_input, params=None):
            return model_input

    example = {"question": "Q3?", "max_slides": 4}
    mlflow.pyfunc.save_model(str(model), python_model=Agent(), artifacts={"config": str(config), "prompts": str(prompts)},
                             signature=infer_signature([example]), input_example=[example])
    server = sluiced(model)
    status, answer = server.post({"dataframe_records": [example]})
    assert (status, answer) == (200, {"predictions": [example]})
    assert ROOT.exists()

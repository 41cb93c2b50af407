"""POST /graphql: the registry's rows by GraphQL, as MLflow's web pages ask for them. What is refused: tests/unit/graphql_test.c."""
import pytest
import requests

from registry_tracking_test import Registry

RUN = """
query q($id: String!, $deep: [String]) {
  mlflowGetRun(input: {runId: $id}) {
    apiError { code }
    run {
      ...of
      data { metrics { key value timestamp step datasetName } params { key value } tags { key } }
      inputs { datasetInputs { tags { key value } dataset { name digest schema } } }
      outputs { modelOutputs { modelId step } }
      experiment { name lifecycleStage tags { key value } }
      modelVersions { name version status currentStage aliases creationTimestamp deploymentJobState { jobState } }
      __typename
    }
  }
  mlflowSearchModelVersions(input: {filter: "name = 'm'", maxResults: 1, orderBy: $deep}) { modelVersions { version } nextPageToken }
}
fragment of on MlflowRunExtension { info { runId runUuid runName status startTime endTime } }
"""


@pytest.fixture
def registry(sluiced):
    return Registry(sluiced())


def ask(registry, query, status=200, **more):
    answer = requests.post(registry.url + "/graphql", json={"query": query, **more}, timeout=30)
    assert answer.status_code == status, answer.text
    return answer.json()


def found(registry, query, **more):
    said = ask(registry, query, **more)
    assert said["errors"] is None, said
    return said["data"]


def filled(registry):
    experiment = registry.ok("experiments/create", {"name": "e", "tags": [{"key": "a", "value": "b"}]})["experiment_id"]
    run = registry.run(experiment, run_name="r", start_time=12345678901234)
    for key, value in (("good", 0.5), ("none", "NaN")):
        registry.ok("runs/log-metric", {"run_id": run, "key": key, "value": value, "timestamp": 7, "step": 3})
    registry.ok("runs/log-inputs", {"run_id": run, "datasets": [{
        "dataset": {"name": "d", "digest": "1", "source_type": "x", "source": "y"}, "tags": [{"key": "k", "value": "v"}]}]})
    registry.ok("registered-models/create", {"name": "m"})
    for _ in range(2):
        registry.ok("model-versions/create", {"name": "m", "source": "mlflow-artifacts:/%s/%s/artifacts/m" % (experiment, run),
                                              "run_id": run})
    registry.ok("registered-models/alias", {"name": "m", "alias": "champion", "version": "2"})
    return experiment, run


def test_a_run_with_all_that_hangs_on_it(registry):
    _, run = filled(registry)
    data = found(registry, RUN, operationName="q", variables={"id": run, "deep": ["version_number ASC"]})
    answer = data["mlflowGetRun"]
    assert answer["apiError"] is None
    row = answer["run"]
    assert row["info"] == {"runId": run, "runUuid": run, "runName": "r", "status": "RUNNING", "startTime": "12345678901234",
                           "endTime": "0"}
    assert {m["key"]: m["value"] for m in row["data"]["metrics"]} == {"good": 0.5, "none": None}
    assert row["data"]["metrics"][0]["timestamp"] == "7" and row["data"]["metrics"][0]["step"] == "3"
    assert row["data"]["params"] == []
    assert row["inputs"]["datasetInputs"] == [{"tags": [{"key": "k", "value": "v"}],
                                               "dataset": {"name": "d", "digest": "1", "schema": ""}}]
    assert row["outputs"] == {"modelOutputs": []}
    assert row["experiment"] == {"name": "e", "lifecycleStage": "active", "tags": [{"key": "a", "value": "b"}]}
    versions = {v["version"]: v for v in row["modelVersions"]}
    assert sorted(versions) == ["1", "2"]
    assert versions["2"]["aliases"] == []  # searches do not tell them
    assert versions["1"]["status"] == "READY" and versions["1"]["currentStage"] == "None"
    assert int(versions["1"]["creationTimestamp"]) > 1_600_000_000_000
    assert versions["1"]["deploymentJobState"] == {"jobState": "DEPLOYMENT_JOB_CONNECTION_STATE_UNSPECIFIED"}
    assert row["__typename"] == "MlflowRunExtension"
    page = data["mlflowSearchModelVersions"]
    assert len(page["modelVersions"]) == 1 and page["nextPageToken"] != ""


def test_searches_points_files_and_datasets(registry):
    experiment, run = filled(registry)
    other = registry.run(experiment, run_name="s", start_time=2)
    answer = requests.put("%s/api/2.0/mlflow-artifacts/artifacts/%s/%s/artifacts/sub/a.txt" % (registry.url, experiment, run),
                          data=b"hello", timeout=30)
    assert answer.status_code == 200
    data = found(registry, """{
      all: mlflowSearchRuns(input: {experimentIds: ["%s"], orderBy: ["start_time ASC"], runViewType: ALL}) { runs { info { runId } } }
      mlflowGetMetricHistoryBulkInterval(input: {runIds: ["%s"], metricKey: "good", startStep: 0, endStep: 9, maxResults: 5}) {
        metrics { key value step timestamp runId } }
      root: mlflowListArtifacts(input: {runId: "%s"}) { files { path isDir fileSize } }
      sub: mlflowListArtifacts(input: {runId: "%s", path: "sub"}) { rootUri files { path isDir fileSize } }
    }""" % (experiment, run, run, run))
    assert [r["info"]["runId"] for r in data["all"]["runs"]] == [other, run]
    assert data["mlflowGetMetricHistoryBulkInterval"]["metrics"] == [
        {"key": "good", "value": 0.5, "step": "3", "timestamp": "7", "runId": run}]
    assert data["root"]["files"] == [{"path": "sub", "isDir": True, "fileSize": "0"}]
    assert data["sub"] == {"rootUri": "mlflow-artifacts:/%s/%s/artifacts" % (experiment, run),
                           "files": [{"path": "sub/a.txt", "isDir": False, "fileSize": "5"}]}
    data = found(registry, """mutation m { mlflowSearchDatasets(input: {experimentIds: "%s"}) {
        datasetSummaries { experimentId name digest context } } }""" % experiment)
    assert data["mlflowSearchDatasets"]["datasetSummaries"] == [
        {"experimentId": experiment, "name": "d", "digest": "1", "context": ""}]


def test_a_failing_field_leaves_the_others(registry):
    said = ask(registry, """{ a: mlflowGetExperiment(input: {experimentId: "77"}) { experiment { name } }
                              b: mlflowGetExperiment(input: {experimentId: "0"}) { experiment { name } }
                              c: mlflowSearchRuns(input: {experimentIds: ["0"], filter: "bad bad"}) { nextPageToken } }""")
    assert said["data"] == {"a": None, "b": {"experiment": {"name": "Default"}}, "c": None}
    assert said["errors"] == ["No Experiment with id=77 exists", "Invalid clause(s) in filter string: 'bad bad'"]


def test_echoes(registry):
    assert found(registry, 'query t @component(name: "x") { test(inputString: "a\\u00e4") { output } }') == {"test": {"output": "aä"}}
    assert found(registry, 'mutation { testMutation(inputString: "a") { output } }') == {"testMutation": None}


def test_a_query_that_is_none_is_refused(registry):
    assert ask(registry, "{", status=400)["error_code"] == "BAD_REQUEST"
    assert ask(registry, 5, status=400)["error_code"] == "INVALID_PARAMETER_VALUE"
    assert ask(registry, "{test}", variables=[5]) == {"data": None, "errors": ["Variables must be a JSON object, not an array."]}
    assert ask(registry, "{foo}") == {"data": None, "errors": ["Cannot query field 'foo' on type 'Query'."]}
    assert requests.get(registry.url + "/graphql", timeout=30).status_code == 405


def test_nothing_is_written(registry):
    """Mutations are searches: what a page of somebody else could make a browser send changes nothing."""
    before = registry.ok("experiments/search", {"max_results": 10, "view_type": "ALL"})
    found(registry, 'mutation { mlflowSearchRuns(input: {experimentIds: ["0"]}) { runs { info { runId } } } }')
    assert registry.ok("experiments/search", {"max_results": 10, "view_type": "ALL"}) == before

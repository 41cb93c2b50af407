"""Evaluation datasets and scorers of the embedded registry, through MLflow's client and raw requests."""
import json

import pytest
import requests

from conftest import client_module
from registry_tracking_test import Registry, refused

API = "/api/3.0/mlflow/"
QUESTIONS = [{"inputs": {"q": "What is it?", "n": 1}, "expectations": {"answer": "a tool"}, "tags": {"level": "easy"}},
             {"inputs": {"q": "And this?"}, "outputs": {"said": [1, None]}, "source": {"source_type": "trace",
                                                                                     "source_data": {"trace_id": "tr-1"}}}]


@pytest.fixture
def registry(sluiced):
    return Registry(sluiced())


@pytest.fixture
def client(registry):
    mlflow = client_module("mlflow")
    mlflow.set_tracking_uri(registry.url)
    return mlflow.MlflowClient(registry.url)


def ask(registry, method, path, body=None, **query):
    return requests.request(method, registry.url + API + path, json=body, params=query, timeout=30)


def ok(registry, method, path, body=None, **query):
    answer = ask(registry, method, path, body, **query)
    assert answer.status_code == 200, (path, body, answer.text)
    return answer.json()


def make(registry, name="d", **more):
    return ok(registry, "POST", "datasets/create", {"name": name, **more})["dataset"]["dataset_id"]


def put(registry, dataset, records):
    return ask(registry, "POST", "datasets/%s/records" % dataset, {"records": json.dumps(records)})


def records_of(registry, dataset, **query):
    said = ok(registry, "GET", "datasets/%s/records" % dataset, **query)
    return json.loads(said["records"]), said.get("next_page_token")


def test_a_dataset_in_mlflows_client(client):
    first, second = client.create_experiment("a"), client.create_experiment("b")
    dataset = client.create_dataset(name="d", experiment_id=[first], tags={"env": "test", "mlflow.user": "ann"})
    assert (dataset.name, dataset.experiment_ids, dataset.created_by) == ("d", [first], "ann")
    assert dataset.tags == {"env": "test", "mlflow.user": "ann"}
    client.set_dataset_tags(dataset.dataset_id, {"env": "prod", "more": "1"})
    client.delete_dataset_tag(dataset.dataset_id, "mlflow.user")
    assert client.get_dataset(dataset.dataset_id).tags == {"env": "prod", "more": "1"}

    dataset.merge_records(QUESTIONS)
    dataset.merge_records([{"inputs": {"n": 1, "q": "What is it?"}, "expectations": {"tone": "plain"}, "tags": {"level": "hard"}}])
    read = client.get_dataset(dataset.dataset_id)
    assert json.loads(read.profile) == {"num_records": 2}
    assert json.loads(read.schema) == {"inputs": {"q": "string", "n": "integer"}, "outputs": {"said": "array"},
                                       "expectations": {"answer": "string", "tone": "string"}, "version": "1.0"}
    rows = {row.inputs["q"]: row for row in read.records}
    assert rows["What is it?"].expectations == {"answer": "a tool", "tone": "plain"}
    assert rows["What is it?"].tags["level"] == "hard"
    assert rows["And this?"].outputs == {"said": [1, None]} and rows["And this?"].source_id == "tr-1"
    assert len(read.to_df()) == 2 and read.delete_records([rows["And this?"].dataset_record_id]) == 1
    assert [row.inputs["q"] for row in client.get_dataset(dataset.dataset_id).records] == ["What is it?"]

    assert set(client.add_dataset_to_experiments(dataset.dataset_id, [first, second]).experiment_ids) == {first, second}
    assert client.remove_dataset_from_experiments(dataset.dataset_id, [first, first]).experiment_ids == [second]
    client.delete_dataset(dataset.dataset_id)
    with pytest.raises(Exception, match="not found"):
        client.get_dataset(dataset.dataset_id)


def test_search_and_pages(registry):
    experiment = registry.experiment("e")
    for name, tags in (("b", {"team": "x"}), ("a", {"team": "y"}), ("c", {"team": "x"})):
        make(registry, name, experiment_ids=[experiment], tags=json.dumps(tags))
    make(registry, "other")

    def names(**body):
        said = ok(registry, "POST", "datasets/search", body)
        return [d["name"] for d in said.get("datasets", [])], said.get("next_page_token")

    assert names(order_by=["name ASC"])[0] == ["a", "b", "c", "other"]
    assert names(order_by=["name"], experiment_ids=[experiment])[0] == ["a", "b", "c"]
    assert names(order_by=["name"], filter_string="tags.team = 'x'")[0] == ["b", "c"]
    assert names(order_by=["name"], filter_string="name IN ('a', 'other') AND created_time > 5")[0] == ["a", "other"]
    assert names(order_by=["name DESC"], filter_string="name LIKE '%t%'")[0] == ["other"]
    page, token = names(order_by=["name"], max_results=3)
    assert page == ["a", "b", "c"]
    assert names(order_by=["name"], max_results=3, page_token=token) == (["other"], None)
    for body in ({"filter_string": "nope = 1"}, {"order_by": ["nope"]}, {"max_results": 0}, {"filter_string": "params.x = 1"}):
        refused(ask(registry, "POST", "datasets/search", body), 400, "INVALID_PARAMETER_VALUE", "nvalid")


def test_records_have_pages(registry):
    dataset = make(registry)
    assert put(registry, dataset, [{"inputs": {"i": i}} for i in range(25)]).json() == {"inserted_count": 25, "updated_count": 0}
    seen, token = records_of(registry, dataset, max_results=10)
    while token is not None:
        page, token = records_of(registry, dataset, max_results=10, page_token=token)
        seen += page
    assert sorted(row["inputs"]["i"] for row in seen) == list(range(25))
    assert all(row["outputs"] == {} and row["tags"] == {} and "expectations" not in row for row in seen)


def test_bad_records_change_nothing(registry):
    dataset = make(registry)
    put(registry, dataset, QUESTIONS)
    before = records_of(registry, dataset)
    for records, said in (({}, "must be a JSON list"), ([{"inputs": {"i": 9}}, 5], "records[1]: expected an object"),
                          ([{"inputs": []}], "'inputs' must be a JSON object"), ([{"tags": "x"}], "'tags' must be a JSON object"),
                          ([{"source": {"source_type": "ufo"}}], "Invalid dataset record source type: UFO"),
                          ([{"inputs": {str(i): 1 for i in range(1001)}}], "more than 1000 keys")):
        refused(put(registry, dataset, records), 400, "INVALID_PARAMETER_VALUE", said)
    refused(put(registry, dataset, [{}] * 50001), 400, "INVALID_PARAMETER_VALUE", "more than 50000 records at once")
    refused(ask(registry, "POST", "datasets/%s/records" % dataset, {"records": "x"}), 400, "BAD_REQUEST", "records: ")
    refused(put(registry, "d-no", QUESTIONS), 404, "RESOURCE_DOES_NOT_EXIST", "'d-no' not found")
    assert records_of(registry, dataset) == before


def test_what_is_not_there_is_said(registry):
    dataset = make(registry)
    for method, path, body, said in (
            ("GET", "datasets/no", None, "Evaluation dataset with id 'no' not found"),
            ("PATCH", "datasets/no/tags", {"tags": "{}"}, "Could not find evaluation dataset with ID no"),
            ("POST", "datasets/no/add-experiments", {"experiment_ids": ["0"]}, "Dataset 'no' not found"),
            ("POST", "datasets/no/remove-experiments", {"experiment_ids": ["0"]}, "Dataset 'no' not found"),
            ("POST", "datasets/%s/add-experiments" % dataset, {"experiment_ids": ["0", "99"]}, "No Experiment with id=99"),
            ("POST", "datasets/%s/add-experiments" % dataset, {"experiment_ids": ["0x"]}, "No Experiment with id=0x")):
        refused(ask(registry, method, path, body), 404, "RESOURCE_DOES_NOT_EXIST", said)
    assert ok(registry, "GET", "datasets/%s/experiment-ids" % dataset) == {}
    assert ok(registry, "DELETE", "datasets/no") == {}
    refused(ask(registry, "POST", "datasets/create", {"name": ""}), 400, "INVALID_PARAMETER_VALUE", "'name'")
    refused(ask(registry, "POST", "datasets/create", {"name": "x", "tags": "[1]"}), 400, "INVALID_PARAMETER_VALUE", "'tags'")
    many = [json.dumps({"%s%d" % (letter, i): "1" for i in range(600)}) for letter in "ab"]
    assert ok(registry, "PATCH", "datasets/%s/tags" % dataset, {"tags": many[0]}) == {}
    refused(ask(registry, "PATCH", "datasets/%s/tags" % dataset, {"tags": many[1]}), 400, "INVALID_PARAMETER_VALUE", "1000 tags")
    assert len(json.loads(ok(registry, "GET", "datasets/" + dataset)["dataset"]["tags"])) == 600
    assert ask(registry, "GET", "nothing").status_code == 404


def test_scorers(registry):
    experiment = registry.experiment("s")

    def register(name, text, where=experiment):
        return ask(registry, "POST", "scorers/register", {"experiment_id": where, "name": name, "serialized_scorer": text})

    def versions(name):
        said = ok(registry, "GET", "scorers/versions", experiment_id=experiment, name=name)
        return [s["scorer_version"] for s in said["scorers"]]

    first = register("a", '{"name": "a"}').json()
    assert (first["version"], first["experiment_id"], first["name"]) == (1, experiment, "a")
    assert register("a", '{"name": "b", "call_source": "x"}').json()["version"] == 2
    assert register("c", "{}").json()["version"] == 1
    assert versions("a") == [1, 2]
    newest = ok(registry, "GET", "scorers/get", experiment_id=experiment, name="a")["scorer"]
    assert newest["scorer_version"] == 2 and newest["scorer_id"] == first["scorer_id"]
    old = ok(registry, "GET", "scorers/get", experiment_id=experiment, name="a", version=1)["scorer"]
    assert old["serialized_scorer"] == '{"name": "a"}' and old["experiment_id"] == int(experiment)
    for query in ({"experiment_id": experiment}, {"experiment_ids": [experiment, "0"]}, {}):
        assert [(s["scorer_name"], s["scorer_version"]) for s in ok(registry, "GET", "scorers/list", **query)["scorers"]] == \
            [("a", 2), ("c", 1)]
    ok(registry, "DELETE", "scorers/delete", {"experiment_id": experiment, "name": "a", "version": 1})
    assert versions("a") == [2]
    ok(registry, "DELETE", "scorers/delete", {"experiment_id": experiment, "name": "a"})
    assert ok(registry, "GET", "scorers/list", experiment_ids=["0"]) == {}

    refused(register("x", "nope"), 400, "INVALID_PARAMETER_VALUE", "serialized_scorer must be valid JSON")
    refused(register("x", "[]"), 400, "INVALID_PARAMETER_VALUE", "serialized_scorer must be a JSON object, not an array")
    refused(register("", "{}"), 400, "INVALID_PARAMETER_VALUE", "'name'")
    refused(register("x", "{}", "77"), 404, "RESOURCE_DOES_NOT_EXIST", "No Experiment with id=77 exists")
    for method, path, said in (("GET", "get", "Scorer with name 'a' not found"), ("GET", "versions", "not found for experiment"),
                               ("DELETE", "delete", "Scorer with name 'a' not found")):
        query = {"experiment_id": experiment, "name": "a"}
        answer = ask(registry, method, "scorers/" + path, **({"body": query} if method == "DELETE" else query))
        refused(answer, 404, "RESOURCE_DOES_NOT_EXIST", said)
    refused(ask(registry, "GET", "scorers/get", experiment_id=experiment, name="c", version=4), 404, "RESOURCE_DOES_NOT_EXIST",
            "Scorer with name 'c' and version 4 not found")
    refused(ask(registry, "GET", "scorers/list", experiment_id="0", experiment_ids=["0"]), 400, "INVALID_PARAMETER_VALUE", "both")

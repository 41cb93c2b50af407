"""Whatever archive sluice logged a bundle as, what is deployed is that bundle, by its digest."""
import json

import pytest

from conftest import ROOT

EXAMPLE = ROOT / "examples" / "slide_generator"


@pytest.mark.parametrize("ending", ["tar.gz", "tar.zst", "tar", "zip"])
def test_the_bundle_itself_is_deployed(sluiced, run_sluice, tmp_path, ending):
    server = sluiced()
    env = {"MLFLOW_TRACKING_URI": server.url}
    archive = tmp_path / ("slides." + ending)
    digest = json.loads(run_sluice("pack", EXAMPLE, "-o", archive, "--json").stdout)["digest"]
    assert run_sluice("register", archive, "--name", "slides", env=env).returncode == 0
    deployed = run_sluice("deploy", "slides/1", "--endpoint", "e", env=env)
    assert deployed.returncode == 0, deployed.stderr
    log = run_sluice("logs", "e", "--build", env=env).stdout
    assert "bundle %s was fetched and verified\n" % digest in log, log


def test_another_registry_too(sluiced, run_sluice, tmp_path):
    models = sluiced()
    server = sluiced(None, "--state", tmp_path / "other", "--registry", models.url)
    archive = tmp_path / "slides.tar.zst"
    digest = json.loads(run_sluice("pack", EXAMPLE, "-o", archive, "--json").stdout)["digest"]
    assert run_sluice("register", archive, "--name", "slides", env={"MLFLOW_TRACKING_URI": models.url}).returncode == 0
    config = {"served_entities": [{"entity_name": "slides", "entity_version": "1"}]}
    assert server.post({"name": "e", "config": config}, path="/api/2.0/serving-endpoints")[0] == 200
    log = json.loads(server.get("/api/2.0/serving-endpoints/e/served-models/slides-1/build-logs"))["logs"]
    assert "bundle %s was fetched and verified\n" % digest in log, log

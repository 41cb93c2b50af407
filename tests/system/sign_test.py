"""Who vouches for a bundle: sluice sign, sluice verify, sluiced --trusted-keys."""
import json
import shutil
import subprocess

import pytest

from conftest import ROOT

EXAMPLE = ROOT / "examples" / "slide_generator"
ENDPOINTS = "/api/2.0/serving-endpoints"


@pytest.fixture
def keys(tmp_path):
    """-> folder with a.pem, a.pub, b.pem, b.pub, made by openssl"""
    for name in "ab":
        subprocess.run(["openssl", "genpkey", "-algorithm", "ed25519", "-out", tmp_path / (name + ".pem")], check=True)
        subprocess.run(["openssl", "pkey", "-in", tmp_path / (name + ".pem"), "-pubout", "-out", tmp_path / (name + ".pub")],
                       check=True)
    return tmp_path


@pytest.fixture
def archive(run_sluice, tmp_path):
    assert run_sluice("pack", EXAMPLE, "-o", tmp_path / "s.tar.gz").returncode == 0
    return tmp_path / "s.tar.gz"


def verify(run_sluice, archive, trusted):
    return run_sluice("verify", archive, "--trusted-keys", trusted)


def test_each_signer_adds_his_signature(run_sluice, keys, archive):
    digest = json.loads(run_sluice("pack", EXAMPLE, "-o", keys / "again.tar.gz", "--json").stdout)["digest"]
    refused = verify(run_sluice, archive, keys / "a.pub")
    assert refused.returncode == 65 and "is not signed" in refused.stderr
    assert run_sluice("sign", archive, "--key", keys / "b.pem").returncode == 0
    refused = verify(run_sluice, archive, keys / "a.pub")
    assert refused.returncode == 65 and "none of its 1 signatures is by one of the 1 keys" in refused.stderr
    assert run_sluice("sign", archive, "--key", keys / "a.pem").returncode == 0
    for name in "ab":
        assert digest in verify(run_sluice, archive, keys / (name + ".pub")).stdout


def test_openssl_agrees(run_sluice, keys, archive, tmp_path):
    run_sluice("sign", archive, "--key", keys / "a.pem")
    shutil.unpack_archive(archive, tmp_path / "out")
    signature = json.loads((tmp_path / "out" / "manifest.sig").read_text())["signatures"][0]["signature"]
    (tmp_path / "raw").write_bytes(__import__("base64").b64decode(signature))
    subprocess.run(["openssl", "pkeyutl", "-verify", "-pubin", "-inkey", keys / "a.pub", "-rawin", "-in",
                    tmp_path / "out" / "manifest.json", "-sigfile", tmp_path / "raw"], check=True)


def test_a_signature_of_another_bundle_is_told(run_sluice, keys, archive, tmp_path):
    run_sluice("sign", archive, "--key", keys / "a.pem")
    shutil.unpack_archive(archive, tmp_path / "other")
    text = (tmp_path / "other" / "manifest.sig").read_text()
    shutil.copytree(EXAMPLE, tmp_path / "changed")
    with open(tmp_path / "changed" / "config.yaml", "a") as config:
        config.write("# changed\n")
    assert run_sluice("pack", tmp_path / "changed", "-o", tmp_path / "changed.tar.gz").returncode == 0
    shutil.unpack_archive(tmp_path / "changed.tar.gz", tmp_path / "forged")
    (tmp_path / "forged" / "manifest.sig").write_text(text)
    refused = verify(run_sluice, tmp_path / "forged", keys / "a.pub")
    assert refused.returncode == 65 and "is not of this bundle's manifest" in refused.stderr


@pytest.mark.parametrize("key, why", [("a.pub", "no Ed25519 private key"), ("nope", "No such file")])
def test_a_key_that_is_none(run_sluice, keys, archive, key, why):
    refused = run_sluice("sign", archive, "--key", keys / key)
    assert refused.returncode == 64 and why in refused.stderr


def test_only_what_is_signed_is_deployed(sluiced, run_sluice, keys, archive, tmp_path):
    server = sluiced(None, "--trusted-keys", keys / "a.pub")
    env = {"MLFLOW_TRACKING_URI": server.url}
    assert run_sluice("register", archive, "--name", "s", env=env).returncode == 0
    refused = run_sluice("deploy", "s/1", "--endpoint", "e", env=env)
    assert refused.returncode == 65 and "is not signed" in refused.stderr
    # The same bytes, signed: the store has them already, without the signature.
    run_sluice("sign", archive, "--key", keys / "a.pem")
    assert run_sluice("register", archive, "--name", "s", env=env).returncode == 0
    deployed = run_sluice("deploy", "s/2", "--endpoint", "e", env=env)
    assert deployed.returncode == 0, deployed.stderr
    assert "signed by key" in run_sluice("logs", "e", "--build", env=env).stdout

"""Our YAML reader reads what PyYAML reads: yaml_differential.py says where it does not want to."""
import pathlib
import subprocess
import sys

from conftest import BUILD, client_module

SCRIPT = pathlib.Path(__file__).with_name("yaml_differential.py")


def test_yaml_reads_as_pyyaml_does():
    client_module("yaml")
    done = subprocess.run([sys.executable, str(SCRIPT), str(BUILD / "tests" / "yaml_tool"), "8000"], capture_output=True,
                          text=True, timeout=240)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "8000 documents, the same" in done.stdout

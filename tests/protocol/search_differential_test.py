"""Our filter parser takes what MLflow's takes: search_differential.py."""
import pathlib
import subprocess
import sys

from conftest import BUILD, client_module

SCRIPT = pathlib.Path(__file__).with_name("search_differential.py")


def test_filters_read_as_mlflow_reads_them():
    client_module("mlflow")
    done = subprocess.run([sys.executable, str(SCRIPT), "--tool", str(BUILD / "tests" / "search_tool"), "--count", "8000"],
                          capture_output=True, text=True, timeout=240)
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-2000:]
    assert "8000 compared, 0 differ" in done.stdout

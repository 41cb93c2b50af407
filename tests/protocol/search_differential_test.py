"""Our searches find what MLflow's stores find, and refuse what they refuse: search_differential.py."""
import pathlib
import subprocess
import sys

from conftest import BUILD, client_module

SCRIPT = pathlib.Path(__file__).with_name("search_differential.py")


def test_searches_are_those_of_mlflow():
    client_module("mlflow")
    done = subprocess.run([sys.executable, str(SCRIPT), "--tool", str(BUILD / "tests" / "search_tool"), "--count", "4000"],
                          capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-2000:]
    assert "4000 compared, 0 differ" in done.stdout

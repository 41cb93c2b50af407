"""Our request parser sees no other borders than llhttp: differential.py on a bounded, repeatable run."""
import pathlib
import subprocess
import sys

from conftest import BUILD, client_module

SCRIPT = pathlib.Path(__file__).with_name("differential.py")


def test_borders_are_where_llhttp_sees_them():
    client_module("httptools")
    done = subprocess.run([sys.executable, str(SCRIPT), "--borders", str(BUILD / "tests" / "http_borders"), "--count",
                           "100000", "--seed", "1"], capture_output=True, text=True, timeout=240)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "'inputs': 100000" in done.stdout
    assert "\n0 inputs with other borders\n" in done.stdout

"""Runs the app's JavaScript with node, on cases that Python writes."""

import base64
import json
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

import edge.deploy.web

APP = Path(edge.deploy.web.__file__).parent / "app"
RUNNER = Path(__file__).with_name("run_cases.mjs")

needs_node = pytest.mark.skipif(shutil.which("node") is None, reason="needs Node.js: Debian's package nodejs")


def encoded(array):
    return base64.b64encode(np.ascontiguousarray(array).tobytes()).decode()


def decoded(text, dtype):
    return np.frombuffer(base64.b64decode(text), dtype)


def modules(folder):
    """Copy the app's modules to where node takes them for modules."""
    shutil.copytree(APP / "js", folder / "js")
    (folder / "package.json").write_text('{"type": "module"}')
    return folder / "js"


def run(folder, cases):
    """Return the answers to the cases, of which each is a dictionary with the kind."""
    js = modules(folder)
    given, found = folder / "cases.json", folder / "answers.json"
    given.write_text(json.dumps(cases))
    command = ["node", str(RUNNER), str(js), str(given), str(found)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=250, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(found.read_text())

"""Every script in examples/ runs, on a model that says which quarter of a picture is brightest."""

import json
import subprocess
import sys
from pathlib import Path

import cv2
import pytest

from tests.fake_bundle import bundle
from tests.loops import BANDS, picture

EXAMPLES = Path(__file__).resolve().parents[1] / "examples"


@pytest.fixture
def folder(tmp_path):
    made = tmp_path / "pictures"
    made.mkdir()
    for number, label in enumerate(BANDS):
        cv2.imwrite(str(made / f"{number}_{label}.png"), picture(number, (64, 48)))
    return made


@pytest.fixture
def model(tmp_path):
    return bundle(tmp_path, [("fake", "float32")])


def run(name, *arguments):
    done = subprocess.run(
        [sys.executable, EXAMPLES / name, *map(str, arguments)], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def test_callback(model, folder):
    lines = run("callback.py", model, folder)
    assert len(lines) == 4
    assert [line.split(" ")[1] for line in lines] == list(BANDS)
    assert all(line.startswith(f"{folder}/") and line.endswith(" ms old") for line in lines)


def test_two_cameras(model, folder, tmp_path):
    lines = run("two_cameras.py", model, tmp_path / "r.jsonl", f"door={folder}", f"yard={folder}")
    assert sorted(lines) == ["door: 4 results, 0 frames dropped", "yard: 4 results, 0 frames dropped"]
    assert len([json.loads(line) for line in (tmp_path / "r.jsonl").read_text().splitlines()]) == 8


def test_own_stage(model, folder, tmp_path):
    assert run("own_stage.py", model, folder, 0.5, tmp_path / "seen") == ["4 frames, 4 saved"]
    assert run("own_stage.py", model, folder, 0.99, tmp_path / "none") == ["4 frames, 0 saved"]


def test_one_picture(model, folder):
    lines = run("one_picture.py", model, *sorted(folder.iterdir()))
    assert [line.split(": ")[1].split(" ")[0] for line in lines] == list(BANDS)


@pytest.mark.parametrize("path", sorted(EXAMPLES.glob("*.py")), ids=lambda path: path.name)
def test_without_arguments_it_says_how_it_is_run(path):
    done = subprocess.run([sys.executable, path], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 1
    assert f"python examples/{path.name} " in done.stderr
    assert "Traceback" not in done.stderr


def test_each_example_is_tested_and_says_how_it_is_run():
    text = Path(__file__).read_text()
    for path in EXAMPLES.glob("*.py"):
        assert f'"{path.name}"' in text
        assert f"python examples/{path.name}" in path.read_text()

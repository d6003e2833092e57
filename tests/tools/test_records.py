"""Records of finished trainings kept as a page."""

import json

import cv2
import numpy as np
import pytest

from tests.cli.commands import complaint, run
from tools import records

RECORD = {
    "network": "lenet5",
    "data": {"name": "digits.zip"},
    "headline": "accuracy",
    "accuracy": 0.9912,
    "figures": {"accuracy": 0.9912, "by_class": {"zero": {"recall": 0.5}}},
    "images": {"train": 60000, "report": 10000},
    "epochs": 3,
    "seconds": 90.0,
    "trainable": 61706,
    "macs": 416520,
    "command": "edge-train lenet5 --data digits.zip --out run",
    "settings": {"seed": 4},
    "machine": "x86_64, 2 processors, 0 GPU",
    "versions": {"python": "3.11"},
}


@pytest.fixture
def finished(tmp_path):
    folder = tmp_path / "run"
    folder.mkdir()
    (folder / "train.json").write_text(json.dumps(RECORD))
    (folder / "curves.png").write_bytes(b"curves")
    (folder / "boxes.png").write_bytes(b"boxes")
    return folder


def test_a_page_has_figures_command_and_pictures(finished, tmp_path, capsys):
    out = tmp_path / "docs"
    assert run(records, capsys, finished, "--out", out).code == 0
    page = (out / "tasks.md").read_text()
    assert "| lenet5 | digits.zip | accuracy | 0.9912 | 10,000 | 3 | 1.5 | 61,706 | 416,520 |" in page
    assert "- by_class: zero recall 0.5000" in page
    assert "edge-train lenet5 --data digits.zip --out run" in page
    assert page.index("tasks-lenet5-boxes.png") < page.index("tasks-lenet5-curves.png")
    assert (out / "tasks-lenet5-boxes.png").read_bytes() == b"boxes"
    assert json.loads((out / "tasks.json").read_text()) == [RECORD]


def test_other_trainings_of_the_page_are_kept_when_asked(finished, tmp_path, capsys):
    out = tmp_path / "docs"
    assert run(records, capsys, finished, "--out", out).code == 0
    other = tmp_path / "other"
    other.mkdir()
    drawn = {**RECORD, "network": "c3d", "data": {"name": "scenes-clips"}}
    (other / "train.json").write_text(json.dumps(drawn))
    assert run(records, capsys, other, "--out", out, "--add").code == 0
    page = (out / "tasks.md").read_text()
    assert "| lenet5 | digits.zip |" in page
    assert "| c3d | scenes-clips (drawn) |" in page
    assert "tasks-lenet5-curves.png" in page
    (other / "train.json").write_text(json.dumps({**drawn, "epochs": 9}))
    assert run(records, capsys, other, "--out", out, "--add").code == 0
    assert [one["epochs"] for one in json.loads((out / "tasks.json").read_text())] == [3, 9]
    assert run(records, capsys, other, "--out", out).code == 0
    assert "| lenet5 |" not in (out / "tasks.md").read_text()


def test_a_large_picture_becomes_a_jpeg(finished, tmp_path, capsys):
    noise = np.random.default_rng(1).integers(0, 256, (300, 300, 3), np.uint8)
    cv2.imwrite(str(finished / "boxes.png"), noise)
    out = tmp_path / "docs"
    assert run(records, capsys, finished, "--out", out).code == 0
    assert cv2.imread(str(out / "tasks-lenet5-boxes.jpg")).shape == noise.shape
    assert not (out / "tasks-lenet5-boxes.png").exists()
    assert "tasks-lenet5-boxes.jpg" in (out / "tasks.md").read_text()


def test_an_unfinished_run_is_refused_and_nothing_is_written(tmp_path, capsys):
    said = run(records, capsys, tmp_path, "--out", tmp_path / "docs")
    assert said.code == 2
    assert "holds no finished training: train.json is missing" in complaint(said, "python -m tools.records")
    assert not (tmp_path / "docs").exists()

"""docs/counting.md: each block of Python runs, one after the other, and its picture is what its command makes."""

import re
import shlex
from dataclasses import fields
from pathlib import Path

import cv2
import numpy as np
import pytest

import edge
from edge.stages.tracker import TrackerOptions
from tests.loops import fake_model, picture
from tools import counting_picture

pytest.importorskip("lap", reason="the guide's tracker needs lapx")

ROOT = Path(__file__).resolve().parents[1]
GUIDE = (ROOT / "docs" / "counting.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```(python|sh [a-z ]+)\n(.*?)^```$", GUIDE, re.MULTILINE | re.DOTALL)
DETECTOR = ROOT / "models" / "weights" / "ssdlite_shufflenet_v2_bccd_int8.edge"


def test_every_block_says_how_it_is_run():
    assert {kind for kind, _ in BLOCKS} == {"python", "sh makes the picture", "sh measures"}
    assert len(re.findall(r"^```", GUIDE, re.MULTILINE)) == 2 * len(BLOCKS)


def test_the_blocks_run_in_their_order(tmp_path, monkeypatch, capsys):
    """On a drawn source, with a released detector, and a network that gives four numbers as the embedding."""
    real = edge.load

    def load(name):
        if name == "net.edge":
            return real(DETECTOR)
        return real(fake_model(tmp_path), task="embed", resize="stretch")

    monkeypatch.setattr(edge, "load", load)
    (tmp_path / "people").mkdir()
    cv2.imwrite(str(tmp_path / "people" / "anna.png"), picture(0))
    namespace = {}
    for kind, block in BLOCKS:
        if kind == "python":
            code = block.replace('"0"', '"synthetic:160x120@60"').replace(", 100)", ", 10)")
            exec(
                compile(code.replace('"people"', repr(str(tmp_path / "people"))), "docs/counting.md", "exec"), namespace
            )
    assert [place.name for place in namespace["stages"][2](namespace["frame"], namespace["result"]).places] == ["door"]
    assert capsys.readouterr().out.split()[-2] in ("anna", "unknown")


def test_the_picture_is_what_the_command_makes(tmp_path):
    (line,) = [block.strip() for kind, block in BLOCKS if kind == "sh makes the picture"]
    *_, module, option, path = shlex.split(line)
    assert (module, option) == ("tools.counting_picture", "--out")
    made, result = counting_picture.picture()
    kept = cv2.imread(str(ROOT / path))
    assert kept.shape == made.shape
    assert np.abs(kept.astype(int) - made).mean() < 1  # letters may differ between versions of OpenCV
    gate, queue = (place.counts for place in result.places)
    assert gate["in"] + gate["out"] == 6
    assert queue["entered"] - queue["left"] == queue["now"]


def test_the_options_of_the_tracker_are_listed_with_their_defaults():
    rows = dict(re.findall(r"^\| `(\w+)` \| `?([\w.]+)", GUIDE, re.MULTILINE))
    for field in fields(TrackerOptions):
        assert rows[field.name] == f"{field.default}".lower().removesuffix(".0"), field.name


@pytest.mark.parametrize("line", [block.strip() for kind, block in BLOCKS if kind == "sh measures"])
def test_what_is_measured_is_a_command(line):
    from tests.performance import tracking

    assert line == f"python -m {tracking.__name__}"

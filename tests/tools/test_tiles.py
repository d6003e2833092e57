"""Whole pictures through the released segmenter, by how they go into it."""

import cv2
import numpy as np
import pytest

from edge.models import weights
from tests.cli.commands import complaint, run
from tests.shared import needs_shared, shared
from tools import tiles

UNET, MOBILENET = (weights.FOLDER / f"{name}_int8.edge" for name in ("unet_membrane", "mobilenet_v2_cifar10"))


@pytest.fixture
def pictures(tmp_path):
    """Two pictures of 200 x 140 pixels, bright with dark lines, which are what the masks leave out."""
    for number in range(2):
        picture = np.full((140, 200), 200, np.uint8)
        picture[:, 20 + number :: 40] = 40
        for side, content in (("image", picture), ("label", np.where(picture > 100, 255, 0).astype(np.uint8))):
            (tmp_path / "cells" / "test" / side).mkdir(parents=True, exist_ok=True)
            (tmp_path / "cells" / "train" / side).mkdir(parents=True, exist_ok=True)
            for split in ("train", "test"):
                cv2.imwrite(str(tmp_path / "cells" / split / side / f"{number}.png"), content)
    return tmp_path / "cells"


def cells(line):
    return [cell.strip() for cell in line.strip("|").split("|")]


def test_a_row_for_each_way(pictures, capsys):
    said = run(tiles, capsys, UNET, "--data", pictures)
    assert said.code == 0
    head, _, *rows = map(cells, said.out)
    assert head == list(tiles.COLUMNS)
    # 200 columns and 140 rows in windows of 128 that overlap by at least 16.
    assert [row[:2] for row in rows] == [["stretch", "1"], ["tile", "4"]]
    assert all(0 < float(value) <= 100 for row in rows for value in row[2:5])


def test_another_task_is_refused(pictures, capsys):
    said = run(tiles, capsys, MOBILENET, "--data", pictures)
    assert said.code == 2
    assert "must be a segmenter with one image input" in complaint(said, "python -m tools.tiles")


@needs_shared
def test_tiles_find_the_membranes_that_a_stretched_picture_loses(capsys):
    """The figures of docs/decisions/tiles.md, to a tenth for other processors."""
    said = run(tiles, capsys, UNET, "--data", shared("data", "membrane.zip"))
    dice = {row[0]: float(row[2]) for row in map(cells, said.out[2:])}
    assert dice == pytest.approx({"stretch": 87.26, "tile": 94.99}, abs=0.1)

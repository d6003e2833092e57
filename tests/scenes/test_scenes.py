"""The drawn image set: the same from the same seed, its boxes and masks true, its folder complete or absent."""

import itertools
import json
import subprocess
import sys

import cv2
import numpy as np
import pytest

from edge.errors import FileError, InputError
from edge.scenes import CLASSES, draw, moving, run_lengths, write_clip, write_dataset
from edge.scenes.drawing import MIN_CONTRAST, Pose, bounds, coverage, palettes
from edge.scenes.outlines import outline
from edge.video import Capture


def test_classes_are_sorted_as_an_image_folder_numbers_them():
    assert list(CLASSES) == sorted(CLASSES)
    assert len(CLASSES) == 8


@pytest.mark.parametrize("label", CLASSES)
def test_a_scene_shows_its_object_where_it_says(label):
    for seed in range(20):
        scene = draw(np.random.default_rng(seed), label, 64)
        assert scene.image.shape == (64, 64, 3)
        assert scene.image.dtype == np.uint8
        assert scene.label == label
        assert 0.02 < scene.mask.mean() < 0.66  # the largest disc covers pi * 0.44 ** 2, and the pixels on its edge
        assert scene.box == bounds(scene.mask)
        x0, y0, x1, y1 = (int(v) for v in scene.box)
        assert scene.mask[y0:y1, x0:x1].sum() == scene.mask.sum()


def test_the_seed_decides_everything():
    first, again, other = (draw(np.random.default_rng(seed), "star", 48) for seed in (3, 3, 4))
    np.testing.assert_array_equal(first.image, again.image)
    np.testing.assert_array_equal(first.mask, again.mask)
    assert not np.array_equal(first.image, other.image)


# Areas of the outlines of radius 1, from their geometry.
AREAS = {
    "cross": 0.95 * 2 * 0.64 * 2 - 0.64**2,
    "disc": np.pi,
    "hexagon": 1.5 * 3**0.5,
    "ring": np.pi * (1 - 0.55**2),
    "square": 2.0,
    "star": 5 * 0.42 * np.sin(np.pi / 5),
    "triangle": 0.75 * 3**0.5,
}


@pytest.mark.parametrize("label", AREAS)
def test_an_outline_covers_the_area_of_its_shape(label):
    pose = Pose((100.0, 100.0), 60.0, 0.3, 1.2)
    covered = (coverage(label, pose, 200, 200) > 127).sum()
    # 40 corners stand for a circle (0.4 % less area); OpenCV's smooth edges lie half a pixel further out.
    edge = 60 * sum(np.hypot(*(c - np.roll(c, 1, 0)).T).sum() for c in outline(label))
    assert 0.99 * AREAS[label] * 60**2 <= covered <= AREAS[label] * 60**2 + 0.75 * edge


def test_a_crescent_is_a_disc_without_another():
    points = outline("crescent")[0] - np.array([0.35, 0.0])
    distance, bite = np.hypot(*points.T), np.hypot(*(points - np.array([0.5, 0.0])).T)
    np.testing.assert_allclose(np.minimum(abs(distance - 1), abs(bite - 0.85)), 0, atol=1e-9)


def test_object_and_background_can_be_told_apart():
    for seed in range(50):
        back, front = palettes(np.random.default_rng(seed))
        assert np.linalg.norm(np.mean(back, 0) - np.mean(front, 0)) >= MIN_CONTRAST


def test_the_box_of_nothing_is_empty():
    assert bounds(np.zeros((4, 4), bool)) == (0.0, 0.0, 0.0, 0.0)


def test_an_unknown_class_names_the_nearest():
    with pytest.raises(InputError, match="did you mean 'star'"):
        draw(np.random.default_rng(0), "stars", 64)


@pytest.mark.parametrize("mask", [np.eye(5, 3, dtype=bool), np.zeros((2, 3), bool), np.ones((3, 2), bool)])
def test_masks_come_back_from_their_runs(mask):
    np.testing.assert_array_equal(run_lengths.decode(run_lengths.encode(mask)), mask)


def test_runs_go_down_the_columns_and_start_with_zeros():
    assert run_lengths.encode(np.array([[1, 0], [1, 1]], bool)) == {"size": [2, 2], "counts": [0, 2, 1, 1]}


def test_a_data_set_is_an_image_folder_with_annotations(tmp_path):
    folder = tmp_path / "set"
    write_dataset(folder, 3, 2, size=32, seed=5)
    for split, count in (("train", 3), ("test", 2)):
        assert sorted(p.name for p in (folder / split).iterdir()) == list(CLASSES)
        assert all(len(list((folder / split / label).glob("*.png"))) == count for label in CLASSES)
    notes = json.loads((folder / "annotations.json").read_text())
    assert notes["classes"] == list(CLASSES)
    assert len(notes["images"]) == 5 * len(CLASSES)
    row = notes["images"][0]
    assert cv2.imread(str(folder / row["file"])).shape == (32, 32, 3)
    assert list(bounds(run_lengths.decode(row["mask"]))) == row["box"]


def test_equal_arguments_write_equal_bytes_and_splits_differ(tmp_path):
    for name in ("a", "b"):
        write_dataset(tmp_path / name, 1, 1, size=32, seed=1)
    found = sorted(p.relative_to(tmp_path / "a") for p in (tmp_path / "a").rglob("*.*"))
    assert all((tmp_path / "a" / p).read_bytes() == (tmp_path / "b" / p).read_bytes() for p in found)
    train, test = (tmp_path / "a" / split / "disc" / "0000.png" for split in ("train", "test"))
    assert train.read_bytes() != test.read_bytes()


@pytest.mark.parametrize("counts", [(0, 1, 64), (1, 0, 64), (1, 1, 8)])
def test_a_set_that_cannot_be_is_refused(tmp_path, counts):
    with pytest.raises(InputError, match="at least"):
        write_dataset(tmp_path / "set", counts[0], counts[1], size=counts[2])
    assert not list(tmp_path.iterdir())


def test_a_folder_that_cannot_be_written_is_one_line(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(FileError, match="cannot write"):
        write_dataset(tmp_path / "file" / "set", 1, 1)


def test_a_full_disk_leaves_no_half_set(tmp_path, monkeypatch):
    monkeypatch.setattr(cv2, "imwrite", lambda *_: False)
    with pytest.raises(FileError, match="the disk may be full"):
        write_dataset(tmp_path / "set", 1, 1)
    assert not list(tmp_path.iterdir())


def test_a_clip_shows_each_class_once_before_any_returns():
    scenes = list(itertools.islice(moving((160, 90), fps=2.0, seed=1), 2 * len(CLASSES)))
    labels = [scene.label for scene in scenes]
    assert labels[::2] == labels[1::2]
    assert sorted(labels[::2]) == list(CLASSES)
    for scene in scenes:
        x0, y0, x1, y1 = scene.box
        assert (y1 - y0) / 90 > 0.35
        assert (x1 - x0) / 160 > 0.25
        assert scene.image.shape == (90, 160, 3)


@pytest.mark.parametrize("suffix", [".avi", ".mp4"])
def test_a_written_clip_holds_the_frames_it_lists(tmp_path, suffix):
    path = tmp_path / f"clip{suffix}"
    shown = write_clip(path, frames=5, size=(160, 96), fps=10.0)
    drawn = list(itertools.islice(moving((160, 96), 10.0), 5))
    assert [(s.label, s.box) for s in shown] == [(s.label, s.box) for s in drawn]
    with Capture(str(path)) as capture:
        assert capture.fps == 10.0
        for scene in drawn:
            difference = np.abs(capture.read().astype(int) - scene.image)
            assert difference.mean() < 12  # both codecs lose; another frame of the clip differs by more than 30
        assert capture.read() is None
    assert [p.name for p in tmp_path.iterdir()] == [path.name]


def test_a_clip_of_an_unknown_kind_is_refused(tmp_path):
    with pytest.raises(InputError, match=r"must end in \.avi or \.mp4"):
        write_clip(tmp_path / "clip.gif", frames=1)
    assert not list(tmp_path.iterdir())


def test_the_module_is_a_command(tmp_path):
    command = [sys.executable, "-m", "edge.scenes", "--out", str(tmp_path / "out"), "--train", "1", "--test", "1"]
    done = subprocess.run([*command, "--frames", "2"], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert "16 images of 64x64, 8 classes" in done.stdout
    assert (tmp_path / "out" / "clip.avi").is_file()


def test_the_command_says_in_one_line_what_it_cannot_write(tmp_path):
    (tmp_path / "file").touch()
    command = [sys.executable, "-m", "edge.scenes", "--out", str(tmp_path / "file" / "out"), "--train", "1"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    (line,) = done.stderr.splitlines()
    assert line.startswith("python -m edge.scenes: ")

"""The overlay and the snapshot: what is drawn, where, and that the frame stays as it was."""

import cv2
import numpy as np
import pytest

from edge.errors import FileError, InputError
from edge.results import Prediction, Result
from edge.sinks import overlay
from edge.sinks.snapshot import Snapshot
from tests.loops import ListSource, event, picture

GREY = np.full((240, 320, 3), 128, np.uint8)


def drawn(*predictions, image=GREY):
    return overlay.annotated(image, Result(predictions=tuple(predictions)))


def test_labels_stand_in_the_corner_one_below_the_other():
    changed = (drawn(Prediction("star", 0.9, 0), Prediction("ring", 0.1, 1)) != GREY).any(2)
    line = overlay._line_height(GREY)
    assert changed[: 2 * line, :40].mean() > 0.98  # an edge of a letter may be as grey as the picture
    assert not changed[2 * line :].any()
    assert not changed[:, 200:].any()


def test_a_box_is_drawn_on_its_pixels():
    out = drawn(Prediction("star", 0.9, 1, box=(100.0, 80.0, 200.0, 160.0)))
    colour = list(overlay.COLOURS[1])
    for y, x in ((120, 100), (120, 199), (80, 150), (159, 150)):
        assert out[y, x].tolist() == colour
    assert (out[100:140, 120:180] == 128).all()
    assert (out[161:] == 128).all()


@pytest.mark.parametrize("label", ["a label that is much longer than the picture is wide " * 3, "Ägypten 🐈", ""])
def test_any_label_fits(label):
    out = drawn(Prediction(label, 1.0, 0), Prediction(label, 0.5, 0, box=(300.0, -20.0, 400.0, 500.0), id=3))
    assert out.shape == GREY.shape


def test_a_small_picture_gets_boxes_but_no_text():
    small = np.full((48, 64, 3), 128, np.uint8)
    np.testing.assert_array_equal(drawn(Prediction("star", 0.9, 0), image=small), small)
    assert (drawn(Prediction("star", 0.9, 0, box=(4.0, 4.0, 20.0, 20.0)), image=small) != small).any()


def test_the_frame_is_left_alone():
    drawn(Prediction("star", 0.9, 0))
    assert (GREY == 128).all()


@pytest.mark.parametrize("suffix", [".png", ".jpg"])
def test_a_snapshot_is_the_last_frame_annotated(tmp_path, suffix):
    path = tmp_path / f"last{suffix}"
    result = Result(predictions=(Prediction("star", 0.9, 0),))
    with Snapshot(str(path), ListSource([])) as sink:
        for number in range(3):
            sink.emit(event(number, result, image=picture(number, (320, 240))))
    expected = overlay.annotated(picture(2, (320, 240)), result)
    assert np.abs(cv2.imread(str(path)).astype(int) - expected).mean() < (1 if suffix == ".png" else 4)
    assert [p.name for p in tmp_path.iterdir()] == [path.name]


def test_no_frame_no_picture(tmp_path):
    with Snapshot(str(tmp_path / "last.png"), ListSource([])):
        pass
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(("target", "error"), [("last.gif", InputError), ("file/last.png", FileError)])
def test_a_target_that_cannot_be_written_is_known_at_once(tmp_path, target, error):
    (tmp_path / "file").touch()
    with pytest.raises(error):
        Snapshot(str(tmp_path / target), ListSource([]))

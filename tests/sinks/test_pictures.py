"""The overlay and the snapshot: what is drawn, where, and that the frame stays as it was."""

import cv2
import numpy as np
import pytest

from edge.errors import FileError, InputError
from edge.results import Prediction, Result
from edge.sinks import overlay
from edge.sinks.snapshot import Snapshot
from edge.tasks import canvas, lettering
from tests.loops import ListSource, event, picture

GREY = np.full((240, 320, 3), 128, np.uint8)


def test_a_result_is_drawn_as_its_task_says():
    """``tests/tasks`` and ``tests/contract/test_tasks.py`` say what each draws; here only that it is the right one."""
    one = Prediction("star", 0.9, 1, box=(100.0, 80.0, 200.0, 160.0))
    boxed = overlay.annotated(GREY, Result("detect", (one,)))
    assert boxed[120, 100].tolist() == list(canvas.colour_of(1))
    labelled = overlay.annotated(GREY, Result("classify", (one,)))
    assert (labelled[120, 100] == 128).all()
    assert (labelled[: lettering.line_height(GREY), :40] != 128).mean() > 0.9


@pytest.mark.parametrize("label", ["a label that is much longer than the picture is wide " * 3, "Ägypten 🐈", ""])
def test_any_label_fits(label):
    found = (
        Prediction(label, 1.0, 0, (3.0, 4.0, 90.0, 90.0)),
        Prediction(label, 0.5, 0, (300.0, -20.0, 400.0, 500.0), 3),
    )
    for task in ("classify", "detect"):
        assert overlay.annotated(GREY, Result(task, found)).shape == GREY.shape


def test_the_frame_is_left_alone():
    overlay.annotated(GREY, Result(predictions=(Prediction("star", 0.9, 0),)))
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

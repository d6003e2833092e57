"""What sinks are given: the picture is drawn once, when a sink asks, and nobody changes it."""

import gc
import threading
import weakref

import numpy as np
import pytest

from edge.results import Prediction, Result
from edge.sinks import overlay
from tests.loops import event, picture

RESULT = Result(predictions=(Prediction("star", 0.9, 0),))


@pytest.fixture
def drawn(monkeypatch):
    """Count the drawings."""
    found = []
    annotated = overlay.annotated
    monkeypatch.setattr(overlay, "annotated", lambda *a: found.append(threading.get_ident()) or annotated(*a))
    return found


def test_nobody_asks_and_nothing_is_drawn(drawn):
    event(0, RESULT)
    assert drawn == []


def test_it_is_drawn_once_for_all_threads(drawn):
    one, shown, together = event(0, RESULT, image=picture(0, (320, 240))), [], threading.Barrier(6)

    def show():
        together.wait(10)
        shown.append(one.picture)

    threads = [threading.Thread(target=show) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    assert len(drawn) == 1
    assert len(set(map(id, shown))) == 1
    np.testing.assert_array_equal(shown[0], overlay.annotated(picture(0, (320, 240)), RESULT))


def test_the_picture_cannot_be_changed_and_the_frame_is_left_alone():
    one = event(0, RESULT, image=picture(0, (320, 240)))
    with pytest.raises(ValueError, match="read-only"):
        one.picture[0, 0] = 0
    np.testing.assert_array_equal(one.frame.pixels, picture(0, (320, 240)))


@pytest.mark.parametrize("show", [True, False])
def test_its_memory_is_free_as_soon_as_nobody_holds_it(show):
    one = event(0, RESULT)
    if show:
        assert one.picture.shape == one.frame.bgr.shape
    gone = weakref.ref(one.frame)
    gc.disable()
    try:
        del one
        assert gone() is None
    finally:
        gc.enable()

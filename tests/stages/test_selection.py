"""What the live settings let through."""

import pytest

from edge.control import Control, Settings
from edge.results import Pose, Prediction, Result
from edge.stages.selection import Selection
from tests.loops import frame

FOUND = Result(
    "detect",
    tuple(Prediction(label, score, 0) for label, score in (("cat", 0.9), ("dog", 0.6), ("cat", float("nan")))),
    poses=(Pose((), (), 0.7), Pose((), (), 0.3)),
)


@pytest.mark.parametrize(
    ("settings", "predictions", "poses"),
    [
        pytest.param(Settings(score_threshold=0.65), [0], [0], id="by the score"),
        pytest.param(Settings(score_threshold=0.6), [0, 1], [0], id="a score that is the threshold stays"),
        pytest.param(Settings(labels=frozenset({"cat"})), [0, 2], [0, 1], id="by the label, which poses have not"),
        pytest.param(Settings(labels=frozenset()), [], [0, 1], id="no label"),
        pytest.param(Settings(score_threshold=0.0), [0, 1], [0, 1], id="what is no number reaches no threshold"),
    ],
)
def test_what_is_kept(settings, predictions, poses):
    kept = Selection(Control(settings))(frame(), FOUND)
    assert kept.predictions == tuple(FOUND.predictions[i] for i in predictions)
    assert kept.poses == tuple(FOUND.poses[i] for i in poses)


def test_a_change_takes_effect_at_the_next_frame():
    control = Control()
    stage = Selection(control)
    assert stage(frame(), FOUND) is FOUND
    control.change(score_threshold=0.65)
    assert len(stage(frame(), FOUND).predictions) == 1
    control.change(score_threshold=None, labels=None)
    assert stage(frame(), FOUND) is FOUND

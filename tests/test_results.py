"""What the loop hands out is JSON, whatever a network computes."""

import json
import math

import numpy as np
import pytest

from edge.results import Mask, Pose, Prediction, Result

FACTS = {
    "frame": 7,
    "source": "cat.bmp",
    "captured_ns": 123,
    "age_clock": "pts",
    "age_ms": 4.56789,
    "dropped": 2,
    "skipped": 1,
    "infer_ms": 1.5,
}


def test_a_result_is_its_json():
    found = (Prediction("cat", 0.84375, 3, (1.04, 2, 3, 4.06), 9),)
    assert Result("detect", found, **FACTS).as_json() == {
        "schema": 2,
        "task": "detect",
        **FACTS,
        "age_ms": 4.568,
        "results": [{"label": "cat", "index": 3, "score": 0.8438, "box": [1.0, 2.0, 3.0, 4.1], "id": 9}],
    }


@pytest.mark.parametrize("score", [math.nan, math.inf, -math.inf, np.float32("nan")])
def test_a_score_that_is_no_number_is_null(score):
    result = Result("detect", (Prediction("cat", score, 0, (0.0, score, 1.0, 2.0)),), age_ms=score)
    read = json.loads(json.dumps(result.as_json(), allow_nan=False))
    assert read["results"] == [{"label": "cat", "index": 0, "score": None, "box": [0.0, None, 1.0, 2.0]}]
    assert read["age_ms"] is None


def test_numbers_of_numpy_are_json():
    result = Result(predictions=(Prediction("cat", np.float32(0.25), 0),))
    assert json.loads(json.dumps(result.as_json()))["results"] == [{"label": "cat", "index": 0, "score": 0.25}]


def test_shares_leave_out_what_the_network_did_not_look_at():
    mask = Mask(np.array([[0, 0, 0, 2], [2, 255, 255, 255]], np.uint8), ("sky", "road", "car"))
    assert mask.unknown == 255
    assert mask.shares() == {"sky": 0.375, "car": 0.25}
    assert Mask(mask.classes.astype(np.uint16), ("sky",)).unknown == 65535


def test_classes_of_the_same_name_have_their_share_together():
    assert Mask(np.array([[0, 1, 2, 2]], np.uint8), ("??", "car", "??")).shares() == {"??": 0.75, "car": 0.25}


def test_a_caption_has_the_track_where_there_is_one():
    assert Prediction("cat", 0.984, 0).caption == "cat 98%"
    assert Prediction("cat", 0.984, 0, id=3).caption == "cat #3 98%"


def test_points_are_certain_by_their_score_and_their_place():
    points = ((1.0, 2.0, 0.3), (1.0, 2.0, 0.2), (math.nan, 2.0, 0.9), (1.0, 2.0, math.nan))
    assert Pose(points, ("a", "b", "c", "d"), point_threshold=0.3).certain() == (True, False, False, False)

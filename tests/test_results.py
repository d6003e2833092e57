"""What the loop hands out is JSON, whatever a model computes."""

import json
import math

import numpy as np
import pytest

from edge.results import Prediction, Result


def test_a_result_is_its_json():
    result = Result((Prediction("cat", 0.84375, 3, (1.04, 2, 3, 4.06), 9),), 7, "cat.bmp", 123, 4.56789, 2, 1.5)
    assert result.as_json() == {
        "frame": 7,
        "source": "cat.bmp",
        "captured_ns": 123,
        "age_ms": 4.568,
        "dropped": 2,
        "results": [{"label": "cat", "score": 0.8438, "box": [1.0, 2.0, 3.0, 4.1], "id": 9}],
    }


@pytest.mark.parametrize("score", [math.nan, math.inf, -math.inf, np.float32("nan")])
def test_a_score_that_is_no_number_is_null(score):
    result = Result((Prediction("cat", score, 0, (0.0, score, 1.0, 2.0)),), age_ms=score)
    read = json.loads(json.dumps(result.as_json(), allow_nan=False))
    assert read["results"] == [{"label": "cat", "score": None, "box": [0.0, None, 1.0, 2.0]}]
    assert read["age_ms"] is None


def test_numbers_of_numpy_are_json():
    result = Result((Prediction("cat", np.float32(0.25), 0),))
    assert json.loads(json.dumps(result.as_json()))["results"] == [{"label": "cat", "score": 0.25}]

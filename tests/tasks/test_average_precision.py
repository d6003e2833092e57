"""Average precision against examples worked out by hand."""

import numpy as np
import pytest

from edge.tasks.average_precision import (
    Found,
    Truth,
    area,
    average_precisions,
    check_boxes,
    mean_average_precision,
)

A, B, C = [0, 0, 0.2, 0.2], [0.4, 0.4, 0.6, 0.6], [0.7, 0.7, 0.9, 0.9]


def boxes(*rows):
    return np.array(rows, np.float32).reshape(-1, 4)


def truth(*rows, classes=None, difficult=None):
    classes = [0] * len(rows) if classes is None else classes
    difficult = [False] * len(rows) if difficult is None else difficult
    return Truth(boxes(*rows), np.array(classes, np.int64), np.array(difficult, np.bool_))


def found(*rows, scores=(), classes=None):
    classes = [0] * len(rows) if classes is None else classes
    return Found(boxes(*rows), np.array(scores, np.float32), np.array(classes, np.int64))


@pytest.mark.parametrize(
    ("verdicts", "positives", "expected"),
    [
        pytest.param([1, 1], 2, 1.0, id="all found, nothing else"),
        pytest.param([1], 2, 0.5, id="half found"),
        # Precisions at the hits 1, 2/3, 3/5; none later is larger.
        pytest.param([1, 0, 1, 0, 1], 3, (1 + 2 / 3 + 3 / 5) / 3, id="alarms between"),
        # Precisions at the hits 1/2 and 2/3: made monotonic, the first is 2/3, too.
        pytest.param([0, 1, 1], 2, 2 / 3, id="monotonic envelope"),
        pytest.param([-1, 1, -1], 1, 1.0, id="what does not count leaves no trace"),
        pytest.param([0, 0], 3, 0.0, id="only alarms"),
        pytest.param([], 3, 0.0, id="nothing found"),
    ],
)
def test_area_by_hand(verdicts, positives, expected):
    scores = np.linspace(0.9, 0.1, len(verdicts)).astype(np.float32)
    assert area(scores, np.array(verdicts, np.int64), positives) == pytest.approx(expected)


def test_area_orders_by_score():
    assert area(np.array([0.1, 0.9], np.float32), np.array([1, 0]), 1) == pytest.approx(0.5)


def test_the_second_box_for_a_truth_is_a_false_alarm():
    assert check_boxes(boxes(A, A, B), boxes(A, B), np.array([False, False]), 0.5).tolist() == [1, 0, 1]


def test_a_difficult_truth_counts_neither_way():
    hard = np.array([True, False])
    assert check_boxes(boxes(A, A, B, C), boxes(A, B), hard, 0.5).tolist() == [-1, -1, 1, 0]
    only_hard = [truth(A, B, difficult=[True, False])]
    assert average_precisions([found(A, B, scores=[0.9, 0.8])], only_hard, 1) == [1.0]


def test_the_overlap_decides():
    shifted = [0.05, 0, 0.25, 0.2]  # 0.03 / 0.05 = 0.6 of the union
    truths = [truth(A)]
    detected = [found(shifted, scores=[0.9])]
    assert average_precisions(detected, truths, 1, 0.5) == [1.0]
    assert average_precisions(detected, truths, 1, 0.7) == [0.0]


def test_images_and_classes_do_not_mix():
    truths = [truth(A, B, classes=[0, 1]), truth(C, classes=[0])]
    detected = [
        found(A, A, classes=[0, 1], scores=[0.9, 0.8]),  # class 0: a hit; class 1: an alarm, as it is B's
        found(A, C, classes=[0, 0], scores=[0.95, 0.5]),  # an alarm, then a hit
    ]
    # Class 0 by score: alarm, hit, hit. Precisions at the hits 1/2 and 2/3, so 2/3 for both.
    assert average_precisions(detected, truths, 2) == pytest.approx([2 / 3, 0.0])


def test_a_class_without_a_true_box_is_left_out_of_the_mean():
    per_class = average_precisions([found(A, scores=[0.9])], [truth(A)], 2)
    assert per_class[0] == 1.0
    assert np.isnan(per_class[1])
    assert mean_average_precision(per_class) == 1.0
    assert mean_average_precision([float("nan")]) == 0.0

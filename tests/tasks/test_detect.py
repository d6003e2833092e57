"""Detections: labels, places on the frame, nested results, and boxes with a partner, by hand."""

import numpy as np
import pytest

from edge.errors import InputError
from edge.imaging import placement_of
from edge.results import Mask, Pose, Prediction, Result
from edge.tasks.average_precision import Truth
from edge.tasks.detect import Detect
from tests.tasks.networks import image, outputs, signature

SQUARE = image(100, 100)
ROOM = 6
"""Detections that the network has room for."""


def network(labels=None, entry=SQUARE, **parameters):
    """A network whose graph decodes and suppresses."""
    rows = [("b", "boxes", (1, ROOM, 4)), ("c", "classes", (1, ROOM)), ("s", "scores", (1, ROOM)), ("n", "count", (1,))]
    return Detect(signature("detect", rows, "tflite_detection", entry, **parameters), labels, "labels.txt")


def found(*rows):
    """rows: x0, y0, x1, y1 in pixels of the input, class, score."""
    table = np.zeros((ROOM, 6), np.float32)
    table[: len(rows)] = np.asarray(rows, np.float32).reshape(-1, 6)
    boxes = table[:, [1, 0, 3, 2]] / 100
    return outputs(b=boxes[None], c=table[None, :, 4], s=table[None, :, 5], n=[len(rows)])


CAT, DOG = (10, 20, 50, 60, 0, 0.9), (60, 10, 90, 90, 1, 0.8)


def test_labels_boxes_and_scores_best_first():
    result = network(["cat", "dog"]).decode(found(DOG, CAT))
    assert result.task == "detect"
    assert [(p.label, p.index, pytest.approx(p.score)) for p in result.predictions] == [
        ("cat", 0, 0.9),
        ("dog", 1, 0.8),
    ]
    np.testing.assert_allclose(result.predictions[0].box, CAT[:4], atol=1e-4)
    assert Detect.line(result) == "cat 90% | dog 80%"


def test_classes_without_a_label_have_their_number():
    assert [p.label for p in network().decode(found(CAT, DOG)).predictions] == ["0", "1"]
    assert [p.label for p in network(["cat"]).decode(found(CAT, DOG)).predictions] == ["cat", "1"]


def test_the_first_label_may_be_the_background():
    task = network(["background", "cat", "dog"], background_label=True)
    assert [p.label for p in task.decode(found(CAT, DOG)).predictions] == ["cat", "dog"]


def test_thresholds_are_the_parameters():
    rows = found(CAT, DOG, (0, 0, 5, 5, 2, 0.35))
    assert len(network().decode(rows).predictions) == 3
    assert len(network(score_threshold=0.5).decode(rows).predictions) == 2
    assert len(network(max_detections=1).decode(rows).predictions) == 1


def test_boxes_lie_in_the_frame_and_are_cut_at_its_border():
    placement = placement_of((400, 200), (100, 100), "letterbox")  # a quarter, 25 pixels down
    rows = found((10, 30, 50, 70, 0, 0.9), (20, 5, 40, 45, 0, 0.8), (0, 2, 100, 20, 0, 0.7))
    boxes = [p.box for p in network().decode(rows, placement).predictions]
    np.testing.assert_allclose(
        boxes, [(40, 20, 200, 180), (80, 0, 160, 80)], atol=1e-3
    )  # the third lies in the padding


def test_landmarks_are_points_of_the_box():
    """BlazeFace's own anchors: the first one is at the middle of the first cell of 16 x 16."""
    rows = [("b", "boxes", (1, 896, 16)), ("s", "scores", (1, 896, 1))]
    task = Detect(signature("detect", rows, "blazeface", image(128, 128)), ["face"])
    boxes, scores = np.zeros((1, 896, 16), np.float32), np.full((1, 896, 1), -100, np.float32)
    boxes[0, 0, :6] = [16, 16, 32, 32, 8, 4]  # centre and side in pixels from the anchor at 4, 4; the first landmark
    scores[0, 0] = 100
    placement = placement_of((256, 256), (128, 128), "stretch")
    (face,) = task.decode(outputs(b=boxes, s=scores), placement).predictions
    np.testing.assert_allclose(face.box, (8, 8, 72, 72), atol=1e-3)  # twice 20 - 16 to 20 + 16
    np.testing.assert_allclose(face.points[0], (24, 16, 1), atol=1e-3)
    assert (face.label, len(face.points)) == ("face", 6)


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"score_threshold": 2}, "parameter score_threshold must be a number from 0 to 1, got 2"),
        ({"nms": "fast"}, "parameter nms must be one of per_class"),
        ({"score_treshold": 0.5}, "unknown parameter of task detect 'score_treshold': did you mean 'score_threshold'"),
        ({"anchors": [1]}, "unknown parameter of task detect 'anchors'"),  # this decoder has none
        ({"first_class": 2}, "parameter first_class must be"),  # its decoder's own
        ({"background_label": 1}, "parameter background_label must be true or false"),
    ],
)
def test_parameters_are_checked(parameters, message):
    with pytest.raises(InputError, match=message):
        network(**parameters)


def test_a_decoder_s_own_parameters_and_those_of_the_selection_are_known():
    network(first_class=1, classes=5, sigma=0.3, best_class_only=True, order=["boxes", "classes", "scores", "count"])


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (["a", "b"], "each of the model's 4 classes, got 2 in labels.txt"),
        (["background", *"abcd"], "got 5 in labels.txt; the model has no class for the background"),
    ],
)
def test_labels_must_be_as_many_as_classes(labels, message):
    with pytest.raises(InputError, match=message):
        network(labels, classes=4)


def test_a_decoder_must_be_named_and_be_of_this_task():
    rows = [("b", "boxes", (1, 6, 4))]
    with pytest.raises(InputError, match=r"task detect needs a decoder, one of ssd, .*the outputs are b \(1, 6, 4\)"):
        Detect(signature("detect", rows))
    with pytest.raises(InputError, match="decoder movenet belongs to task keypoints"):
        Detect(signature("detect", rows, "movenet"))


# Comparison


def compared(*pairs, truths=None, task=None):
    comparer = (task or network()).comparer()
    for number, (reference, candidate) in enumerate(pairs):
        comparer.add(found(*reference), found(*candidate), None, truths[number] if truths else None)
    return comparer.figures()


def shifted(row, by, **changes):
    """The box moved to the right: of a box w wide that overlaps itself by (w - by) / (w + by)."""
    x0, y0, x1, y1, number, score = row
    return (x0 + by, y0, x1 + by, y1, changes.get("number", number), changes.get("score", score))


@pytest.mark.parametrize(
    ("reference", "candidate", "agreement"),
    [
        pytest.param([CAT, DOG], [DOG, CAT], 100, id="the same"),
        pytest.param([CAT, DOG], [CAT, shifted(DOG, 5)], 100, id="moved to an overlap of 25/35 = 0.71"),
        pytest.param([CAT, DOG], [CAT, shifted(DOG, 6)], 50, id="moved to an overlap of 24/36 = 0.67"),
        pytest.param([CAT, DOG], [CAT, shifted(DOG, 0, number=0)], 50, id="another class"),
        pytest.param([CAT, DOG], [CAT], 100 * 2 / 3, id="one is missing"),
        pytest.param([CAT], [CAT, DOG], 100 * 2 / 3, id="one is too many"),
        pytest.param([CAT, shifted(DOG, 0, score=0.34)], [CAT], 100, id="missing, but hardly above the threshold"),
        pytest.param([CAT], [CAT, shifted(DOG, 0, score=0.34)], 100, id="too many, but hardly above the threshold"),
        pytest.param([CAT, shifted(DOG, 0, score=0.36)], [CAT], 100 * 2 / 3, id="missing, not so near the threshold"),
        pytest.param([CAT], [CAT, shifted(CAT, 1, score=0.8)], 100 * 2 / 3, id="a box has one partner only"),
        pytest.param([], [], 100, id="nothing to find"),
        pytest.param([CAT], [], 0, id="nothing found"),
    ],
)
def test_boxes_with_a_partner_by_hand(reference, candidate, agreement):
    figures = compared((reference, candidate))
    assert figures.measure == "boxes matched at IoU 0.7"
    assert figures.agreement == pytest.approx(agreement, abs=1e-3)


@pytest.mark.parametrize(
    ("reference", "candidate", "boxes"),
    [([], [], 0), ([CAT, DOG], [CAT, DOG], 2), ([CAT], [CAT, DOG], 1.5)],  # a box without a partner is half of a pair
)
def test_how_many_boxes_were_compared_is_known(reference, candidate, boxes):
    assert compared((reference, candidate)).details == {"boxes compared": boxes}


def test_all_pictures_count_together():
    assert compared(([CAT], [CAT]), ([CAT, DOG], [CAT])).agreement == 80.0  # 4 of 5 boxes have a partner


def test_mean_average_precision_by_hand():
    truth = Truth(np.array([CAT[:4], DOG[:4]], np.float32), np.array([0, 1]), np.array([False, False]))
    alarm = (0, 0, 5, 5, 1, 0.9)
    figures = compared(([CAT, DOG], [CAT, DOG, alarm]), truths=[truth])
    # class 1: an alarm comes before the hit, so its precision is 1/2
    assert (figures.quality_name, figures.reference_quality, figures.quality) == ("mAP at IoU 0.5", 100.0, 75.0)


def test_the_curve_sees_boxes_below_the_threshold():
    truth = Truth(np.array([CAT[:4]], np.float32), np.array([0]), np.array([False]))
    faint = (*CAT[:4], 0, 0.1)
    figures = compared(([faint], [faint]), truths=[truth])
    assert (figures.agreement, figures.quality) == (100.0, 100.0)


def test_a_truth_that_is_none_is_refused():
    with pytest.raises(InputError, match=r"the truth must be an average_precision.Truth with boxes \(n, 4\)"):
        compared(([CAT], [CAT]), truths=[[CAT]])


# The form and the drawing

INNER = Result("classify", (Prediction("beagle", 0.75, 4),))


def test_json_with_all_that_an_object_can_have():
    one = Prediction("cat", 0.84375, 3, (1.04, 2, 3, 4.06), 9, ((1.0, 2.0, 1.0),), INNER)
    assert Detect.as_json(Result("detect", (one,)))["results"] == [
        {
            "label": "cat",
            "index": 3,
            "score": 0.8438,
            "box": [1.0, 2.0, 3.0, 4.1],
            "id": 9,
            "points": [[1.0, 2.0, 1.0]],
            "nested": {"task": "classify", "results": [{"label": "beagle", "index": 4, "score": 0.75}]},
        }
    ]


def test_a_line_names_five_and_counts_the_rest():
    many = tuple(Prediction("dog", 0.9, 0, (0.0, 0.0, 1.0, 1.0)) for _ in range(8))
    assert Detect.line(Result("detect", many)) == " | ".join(["dog 90%"] * 5) + " and 3 more"


GREY = np.full((240, 320, 3), 128, np.uint8)


def drawn(*predictions):
    out = GREY.copy()
    Detect.draw(out, Result("detect", predictions))
    return (out != GREY).any(axis=-1)


BOX = (100.0, 80.0, 200.0, 160.0)


def test_a_box_is_drawn_on_its_pixels():
    changed = drawn(Prediction("dog", 0.9, 1, BOX))
    assert changed[80:160, [100, 199]].all()
    assert changed[[80, 159], 100:200].all()
    assert not changed[82:158, 102:198].any()
    assert not changed[162:].any()


def test_what_a_nested_result_says_stands_below_the_label():
    plain, nested = drawn(Prediction("dog", 0.9, 1, BOX)), drawn(Prediction("dog", 0.9, 1, BOX, nested=INNER))
    assert nested[:80].sum() > 1.5 * plain[:80].sum()


@pytest.mark.parametrize(
    "inner",
    [
        Result("keypoints", poses=(Pose(((150.0, 120.0, 1.0),), ("nose",)),)),
        Result("detect", (Prediction("face", 0.9, 0, (145.0, 115.0, 156.0, 126.0)),)),
        Result("segment", mask=Mask(np.ones((240, 320), np.uint8), ("background", "dog"))),
    ],
)
def test_a_nested_result_with_places_is_drawn_where_they_are(inner):
    changed = drawn(Prediction("dog", 0.9, 1, BOX, nested=inner))
    assert changed[114:127, 144:157].any()


def test_landmarks_are_dots():
    changed = drawn(Prediction("face", 0.9, 0, BOX, points=((150.0, 120.0, 1.0), (float("nan"), 1.0, 1.0))))
    assert changed[118:122, 148:152].all()

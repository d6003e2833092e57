"""Keypoints: names, places on the frame, and distances worked out by hand."""

import numpy as np
import pytest

from edge.errors import InputError
from edge.imaging import InputFormat, placement_of
from edge.results import Pose, Result
from edge.signature import Input, Output, Signature, TaskSpec
from edge.tasks.keypoints import COCO, COCO_EDGES, Keypoints
from edge.tensors import real_outputs
from tests.tasks.networks import image, outputs, signature

SQUARE = image(100, 100)


def network(points=3, labels=None, people=None, **parameters):
    """A network of MoveNet's form on a square input of 100 pixels, for one person or several."""
    shape = (1, 1, points, 3) if people is None else (1, people, 3 * points + 5)
    rows = [("y", "points", shape)]
    return Keypoints(signature("keypoints", rows, "movenet", SQUARE, **parameters), labels, "labels.txt")


def one(*points):
    """points: x, y in pixels of the input, score."""
    return outputs(y=[[[(y / 100, x / 100, score) for x, y, score in points]]])


def several(*people):
    """people: points, box x0, y0, x1, y1 in pixels, score."""
    rows = []
    for points, (x0, y0, x1, y1), score in people:
        row = [value for x, y, s in points for value in (y / 100, x / 100, s)]
        rows.append([*row, y0 / 100, x0 / 100, y1 / 100, x1 / 100, score])
    return outputs(y=[rows])


THREE = ((10, 20, 0.9), (50, 60, 0.8), (90, 30, 0.1))


def test_points_lie_in_pixels_of_the_input_without_a_frame():
    (pose,) = network().decode(one(*THREE)).poses
    np.testing.assert_allclose(pose.points, THREE, atol=1e-5)
    assert pose.score == pytest.approx(0.6)
    assert pose.names == ("0", "1", "2")
    assert pose.certain() == (True, True, False)


def test_points_lie_in_pixels_of_the_frame():
    placement = placement_of((400, 200), (100, 100), "letterbox")  # a quarter, 25 pixels down
    (pose,) = network().decode(one((10, 30, 0.9), (50, 75, 0.8), (0, 25, 1)), placement).poses
    np.testing.assert_allclose(pose.points, [(40, 20, 0.9), (200, 200, 0.8), (0, 0, 1)], atol=1e-4)


def test_names_come_from_parameters_labels_coco_or_numbers():
    assert network(names=["a", "b", "c"], labels=["x", "y", "z"]).names == ("a", "b", "c")
    assert network(labels=["x", "y", "z"]).names == ("x", "y", "z")
    assert network(17).names == COCO
    assert network().names == ("0", "1", "2")


def test_coco_s_points_have_coco_s_edges():
    points = [(50, 50, 1.0)] * 17
    (pose,) = network(17).decode(one(*points)).poses
    assert pose.edges == COCO_EDGES
    assert {COCO[a].split()[0] for a, b in COCO_EDGES if "knee" in COCO[b]} == {"left", "right"}
    (other,) = network(17, names=[str(i) for i in range(17)]).decode(one(*points)).poses
    assert other.edges == ()
    (told,) = network(17, edges=[[0, 1]]).decode(one(*points)).poses
    assert told.edges == ((0, 1),)


def test_of_several_people_the_sure_ones_are_given_best_first():
    far = ((5, 5, 0.9),) * 3
    given = several((THREE, (0, 10, 90, 60), 0.5), (far, (0, 0, 10, 10), 0.9), (far, (0, 0, 1, 1), 0.1))
    found = network(people=3).decode(given).poses
    assert [pose.score for pose in found] == pytest.approx([0.9, 0.5])
    assert found[1].box == pytest.approx((0, 10, 90, 60), abs=1e-4)
    assert len(network(people=3, score_threshold=0.05).decode(given).poses) == 3


def test_one_person_is_given_however_unsure_unless_a_threshold_is_stated():
    unsure = one(*((50, 50, 0.05),) * 3)
    assert len(network().decode(unsure).poses) == 1
    assert network(score_threshold=0.1).decode(unsure).poses == ()
    assert Keypoints.line(network(score_threshold=0.1).decode(unsure)) == "nothing"


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"labels": ["a"]}, "each of the model's 3 classes, got 1 in labels.txt"),
        ({"names": ["a"]}, r"parameter names must be a list of 3 texts, got \['a'\]"),
        ({"edges": [[0, 3]]}, r"parameter edges must be pairs of whole numbers from 0 to 2, got \[\[0, 3\]\]"),
        ({"edges": [0, 1]}, "parameter edges must be pairs"),
        ({"point_threshold": 2}, "parameter point_threshold must be a number from 0 to 1"),
        (
            {"point_treshold": 0.2},
            "unknown parameter of task keypoints 'point_treshold': did you mean 'point_threshold'",
        ),
    ],
)
def test_parameters_are_checked(given, message):
    with pytest.raises(InputError, match=message):
        network(**given)


def test_a_decoder_must_be_named_and_be_of_this_task():
    rows = [("y", "points", (1, 1, 3, 3))]
    with pytest.raises(
        InputError, match=r"task keypoints needs a decoder, one of heatmaps, .*outputs are y \(1, 1, 3, 3\)"
    ):
        Keypoints(signature("keypoints", rows))
    with pytest.raises(InputError, match="decoder ssd belongs to task detect; those of task keypoints are heatmaps"):
        Keypoints(signature("keypoints", rows, "ssd"))


def test_heat_maps_are_decoded_too():
    maps = np.zeros((1, 4, 6, 2), np.float32)
    maps[0, 1, 2, 0] = 0.9
    maps[0, 3, 5, 1] = 0.8
    task = Keypoints(signature("keypoints", [("y", "heatmaps", (1, 4, 6, 2))], "heatmaps"), ["tip", "tail"])
    (pose,) = task.decode(outputs(y=maps)).poses
    np.testing.assert_allclose(pose.points, [(40, 24, 0.9), (88, 56, 0.8)], atol=1e-4)  # middles of cells of 16 pixels


# Comparison

DIAGONAL = np.hypot(100, 100)


def test_points_near_each_other_by_hand():
    comparer = network().comparer()
    moved = ((10, 22, 0.9), (50, 66, 0.8), (0, 0, 0.1))  # by 2 and 6 pixels; 2 % of the diagonal are 2.83
    comparer.add(one(*THREE), one(*moved), None, [(10, 20), (50, 60), (90, 30)])
    figures = comparer.figures()
    assert (figures.measure, figures.agreement) == ("points within 2 % of the diagonal", 50.0)
    assert figures.details["mean distance, % of the diagonal"] == pytest.approx(100 * 4 / DIAGONAL, abs=1e-3)
    assert figures.quality_name == "PCK at 5 % of the longer side"
    assert (figures.quality, figures.reference_quality) == (33.3333, 100.0)


def test_the_diagonal_is_the_frame_s():
    placement = placement_of((200, 200), (100, 100), "stretch")
    comparer = network().comparer()
    comparer.add(one(*THREE), one((10, 22, 0.9), *THREE[1:]), placement, [(20, 40, 1), (100, 120, 1), (0, 0, 0)])
    assert comparer.figures().agreement == 100.0  # 4 of 283 pixels
    assert comparer.figures().quality == 100.0  # the third true point is not visible


def test_people_are_paired_by_place_and_not_by_order():
    near, far = tuple((10, 10, 0.9) for _ in range(3)), tuple((80, 80, 0.9) for _ in range(3))
    box = (0, 0, 10, 10)
    comparer = network(people=2).comparer()
    comparer.add(several((near, box, 0.9), (far, box, 0.8)), several((far, box, 0.9), (near, box, 0.8)), None, None)
    assert comparer.figures().agreement == 100.0


@pytest.mark.parametrize("swapped", [False, True])
def test_a_person_that_only_one_side_has_counts_as_wrong(swapped):
    near, far = tuple((10, 10, 0.9) for _ in range(3)), tuple((80, 80, 0.9) for _ in range(3))
    box = (0, 0, 10, 10)
    sides = several((near, box, 0.9), (far, box, 0.8)), several((near, box, 0.9), (far, box, 0.1))
    comparer = network(people=2).comparer()
    comparer.add(*(sides[::-1] if swapped else sides), None, None)
    assert comparer.figures().agreement == 50.0


def test_parts_of_an_instance_are_compared_together():
    rows = [("contour", "points", (1, 9)), ("iris", "points", (1, 6))]
    comparer = Keypoints(signature("keypoints", rows, "landmarks", SQUARE)).comparer()
    values = np.arange(15, dtype=np.float32)[None]
    moved = values.copy()
    moved[0, 12] += 50  # the x of the last point
    given = [outputs(contour=each[:, :9], iris=each[:, 9:]) for each in (values, moved)]
    comparer.add(*given, None, np.reshape(values, (5, 3))[:, :2])
    figures = comparer.figures()
    assert (figures.agreement, figures.quality, figures.reference_quality) == (80.0, 80.0, 100.0)


def test_a_truth_of_another_shape_is_refused():
    with pytest.raises(InputError, match=r"the true points must be \(3, 2 or 3\) or a list of these, got \(2, 2\)"):
        network().comparer().add(one(*THREE), one(*THREE), None, [(0, 0), (1, 1)])


# The form and the drawing


def test_points_by_name_in_json():
    pose = Pose(((10.04, 20.0, 0.91234), (float("nan"), 5.0, 0.5)), ("tip", "tail"), 0.75, (0.0, 1.0, 2.0, 3.04))
    assert Keypoints.as_json(Result("keypoints", poses=(pose,)))["poses"] == [
        {"score": 0.75, "box": [0.0, 1.0, 2.0, 3.0], "points": {"tip": [10.0, 20.0, 0.9123], "tail": [None, 5.0, 0.5]}}
    ]


def test_what_a_person_reads():
    pose = Pose(((1, 1, 0.9), (2, 2, 0.1)), ("a", "b"), 0.91, point_threshold=0.3)
    assert Keypoints.line(Result("keypoints", poses=(pose,))) == "pose 91% with 1 of 2 points"


def test_uncertain_points_and_their_edges_are_not_drawn():
    picture = np.full((100, 200, 3), 128, np.uint8)
    points = ((20.0, 50.0, 0.9), (100.0, 50.0, 0.9), (180.0, 50.0, 0.1), (float("nan"), 0.0, 1.0))
    Keypoints.draw(
        picture, Result("keypoints", poses=(Pose(points, ("a", "b", "c", "d"), 1.0, None, ((0, 1), (1, 2)), 0.3),))
    )
    changed = (picture != 128).any(axis=-1)
    assert changed[50, 20:100].all()
    assert not changed[:, 110:].any()


def test_several_sets_of_points_are_parts_with_names_of_their_own():
    net = Signature(
        (Input("image", "image", (1, 10, 10, 3), "float32", InputFormat()),),
        (Output("contour", "points", (1, 9)), Output("iris", "points", (1, 6))),
        TaskSpec("keypoints", "landmarks", {"edges": [[0, 2], [2, 3], [3, 4]]}),
    )
    values = np.arange(15, dtype=np.float32)
    given = real_outputs({"contour": values[None, :9], "iris": values[None, 9:]})
    contour, iris = Keypoints(net).decode(given).poses
    assert (contour.part, contour.names, contour.edges) == ("contour", ("0", "1", "2"), ((0, 2),))
    assert (iris.part, iris.names, iris.edges) == ("iris", ("0", "1"), ((0, 1),))
    assert contour.points == ((0.0, 1.0, 1.0), (3.0, 4.0, 1.0), (6.0, 7.0, 1.0))
    assert iris.points == ((9.0, 10.0, 1.0), (12.0, 13.0, 1.0))
    json = Keypoints.as_json(Keypoints(net).decode(given))
    assert [pose["part"] for pose in json["poses"]] == ["contour", "iris"]

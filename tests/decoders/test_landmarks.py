"""Vectors of coordinates by hand, and the published network of an eye."""

import math

import numpy as np
import pytest

from edge.backends import open_model
from edge.decoders.landmarks import Landmarks, recognize, roles
from edge.errors import InputError
from tests.decoders.heads import decode, image, run, signature, spec
from tests.shared import needs_shared, shared

SIZE = (64, 48)


def test_every_output_is_a_set_of_points():
    outputs = {"a": ("points", [[1, 2, 9, 3, 4, 9]]), "b": ("points", [[5, 6, 9]])}
    found = decode("landmarks", outputs, SIZE)
    np.testing.assert_array_equal(found.points, [[[1, 2, 1], [3, 4, 1], [5, 6, 1]]])
    assert found.scores.tolist() == [1]


def test_two_dimensions_in_fractions():
    outputs = {"a": ("points", [[[[0.5, 0.25, 1.0, 1.0]]]])}
    found = decode("landmarks", outputs, SIZE, dimensions=2, coordinates="fractions")
    np.testing.assert_array_equal(found.points, [[[32, 12, 1], [64, 48, 1]]])


def test_the_presence_is_the_score():
    outputs = {"a": ("points", [[1, 2, 3]]), "p": ("scores", [[2.0]])}
    np.testing.assert_allclose(decode("landmarks", outputs, SIZE).scores, [1 / (1 + math.exp(-2))], rtol=1e-6)
    done = {**outputs, "p": ("scores", [[0.75]])}
    np.testing.assert_allclose(decode("landmarks", done, SIZE, activation="none").scores, [0.75])


def test_visibility_is_the_score_of_a_point_and_the_first_points_count():
    outputs = {"a": ("points", [[1, 2, 9, 0.5, 7, 3, 4, 9, -2, 7, 5, 6, 9, 0, 7]])}
    found = decode("landmarks", outputs, SIZE, dimensions=5, count=2)
    visible = [1 / (1 + math.exp(-0.5)), 1 / (1 + math.exp(2))]
    np.testing.assert_allclose(found.points, [[[1, 2, visible[0]], [3, 4, visible[1]]]], rtol=1e-6)


@pytest.mark.parametrize(
    ("outputs", "parameters", "words"),
    [
        ({"a": ("points", (1, 213)), "b": ("points", (1, 16))}, {}, "vectors of 3 numbers a point.*dimensions"),
        ({"a": ("points", (1, 5, 3))}, {}, "vectors of 3 numbers a point"),
        ({"a": ("tensor", (1, 213))}, {}, "got a \\(1, 213\\)"),
        ({"a": ("points", (1, 6)), "b": ("scores", (1, 2))}, {}, "at most one score"),
        ({"a": ("points", (1, 6))}, {"dimensions": 6}, "dimensions must be a whole number from 2 to 5"),
        ({"a": ("points", (1, 8))}, {"dimensions": 4}, "dimensions must be 2, 3 or 5, got 4"),
        ({"a": ("points", (1, 6))}, {"count": 3}, "count must be a whole number from 1 to 2, got 3"),
    ],
)
def test_what_does_not_fit_is_refused(outputs, parameters, words):
    with pytest.raises(InputError, match=words):
        Landmarks(signature("landmarks", outputs, SIZE, **parameters))


def test_roles():
    assert roles([spec("a", (1, 63)), spec("b", (1, 1))]) == ("points", "scores")
    assert roles([spec("a", (1, 63)), spec("b", (1, 1)), spec("c", (1, 1))]) == ("points", "tensor", "tensor")
    with pytest.raises(InputError, match="vectors of coordinates"):
        roles([spec("a", (1, 8, 8, 3))])


@pytest.mark.parametrize(
    ("size", "shapes", "fits"),
    [
        ((64, 64), [(1, 213), (1, 15)], True),
        ((192, 192), [(1, 1, 1, 1404), (1, 1, 1, 1)], True),
        ((224, 224), [(1, 63), (1, 1), (1, 1), (1, 63)], True),
        ((224, 224), [(1, 63), (1, 1), (1, 63)], False),
        ((256, 256), [(1, 195), (1, 1), (1, 256, 256, 1), (1, 64, 64, 39), (1, 117)], True),
        ((192, 192), [(1, 213), (1, 15)], False),
        ((64, 64), [(1, 213)], False),
    ],
)
def test_only_published_sizes_are_recognized(size, shapes, fits):
    rows = [spec(f"o{k}", shape) for k, shape in enumerate(shapes)]
    assert (recognize([image(size)], rows, (None,) * len(rows)) is not None) == fits


@pytest.mark.parametrize(
    ("size", "shapes", "roles", "parameters"),
    [
        pytest.param((64, 64), [(1, 213), (1, 15)], ("points", "points"), {"dimensions": 3}, id="an eye"),
        pytest.param(
            (224, 224),
            [(1, 63), (1, 1), (1, 1), (1, 63)],
            ("points", "scores", "tensor", "tensor"),
            {"dimensions": 3, "activation": "none"},
            id="a hand: the first of two equal outputs is in pixels, the other in metres",
        ),
        pytest.param(
            (256, 256),
            [(1, 117), (1, 64, 64, 39), (1, 195), (1, 1), (1, 256, 256, 1)],
            ("tensor", "tensor", "points", "scores", "tensor"),
            {"dimensions": 5, "count": 33, "activation": "none"},
            id="a body, its outputs in another order",
        ),
    ],
)
def test_what_the_outputs_of_published_networks_are(size, shapes, roles, parameters):
    rows = [spec(f"o{k}", shape) for k, shape in enumerate(shapes)]
    ends = ["sigmoid" if shape == (1, 1) else "linear" for shape in shapes]
    found = recognize([image(size)], rows, ends)
    assert (found.roles, found.task.parameters, found.input["resize"]) == (roles, parameters, "letterbox")
    assert "activation" not in recognize([image(size)], rows, ["linear"] * len(rows)).task.parameters


@needs_shared
def test_the_published_eye():
    path, picture = shared("models", "wild", "iris_landmark.tflite"), shared("images", "grace_hopper.bmp")
    poses, found, _ = run(path, picture)
    assert poses.points.shape == (1, 76, 3)
    import cv2

    with open_model(path, threads=1) as model:
        rgb = cv2.cvtColor(cv2.imread(str(picture)), cv2.COLOR_BGR2RGB)
        width = round(64 * rgb.shape[1] / rgb.shape[0])  # MediaPipe's graph fits the eye with its aspect ratio
        left = (64 - width) // 2
        pixels = np.full((64, 64, 3), 114, np.uint8)
        pixels[:, left : left + width] = cv2.resize(rgb, (width, 64))
        contour, iris = model.run([(pixels[None] / 255).astype(np.float32)])
    expected = np.concatenate([contour.reshape(71, 3), iris.reshape(5, 3)])[:, :2]
    np.testing.assert_allclose(poses.points[0, :, :2], expected, atol=1e-3)
    assert [output.role for output in found.signature.outputs] == ["points", "points"]

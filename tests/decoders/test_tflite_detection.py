"""The in-graph post-processing: the real operation in a file of its own, and both orders of its outputs."""

import itertools

import numpy as np
import pytest

from edge import decoders
from edge.backends import open_model
from edge.decoders.select import Selection, select
from edge.decoders.tflite_detection import TfliteDetection, recognize, roles
from edge.errors import InputError
from edge.tensors import Tensor
from tests.decoders import postprocess
from tests.decoders.heads import decode, image, signature, spec

TF1 = ("TFLite_Detection_PostProcess", *(f"TFLite_Detection_PostProcess:{k}" for k in (1, 2, 3)))
TF2 = tuple(f"StatefulPartitionedCall:{k}" for k in (3, 2, 1, 0))
"""Names of boxes, classes, scores and count, as the two converters give them."""

SHAPES = {"boxes": (1, 10, 4), "classes": (1, 10), "scores": (1, 10), "count": (1,)}
SIZE = (64, 48)


def outputs(**arrays):
    return {role: (role, array) for role, array in arrays.items()}


def ran(boxes, classes, scores, count, /, **parameters):
    rows = {"boxes": [boxes], "classes": [classes], "scores": [scores], "count": [count]}
    return decode("tflite_detection", outputs(**rows), SIZE, **parameters)


@pytest.mark.parametrize("names", [TF1, TF2], ids=["TF1", "TF2"])
def test_the_operation_itself(tmp_path, names):
    pytest.importorskip("ai_edge_litert")
    anchors = [[0.25, 0.25, 0.5, 0.5], [0.75, 0.75, 0.5, 0.5], [0.5, 0.5, 0.2, 0.2]]
    path = postprocess.write(tmp_path / "post.tflite", anchors, classes=2, most=4, names=names)
    encodings = np.zeros((1, 3, 4), np.float32)
    encodings[0, 0] = (1, -2, 0, np.log(2) / 0.2)  # as in test_anchors: 0.05, -0.35, 0.55, 0.65
    scores = np.array([[[0.1, 0.2, 0.9], [0.1, 0.7, 0.1], [0.9, 0.1, 0.1]]], np.float32)
    with open_model(path, threads=1) as model:
        found = roles(model.outputs)
        arrays = model.run([encodings, scores])
        specs = dict(zip(found, model.outputs, strict=True))
    made = TfliteDetection(signature("tflite_detection", {r: (r, s.shape) for r, s in specs.items()}, SIZE))
    tensors = {role: Tensor(array, specs[role]) for role, array in zip(found, arrays, strict=True)}
    chosen = select(made(tensors), Selection())
    expected = np.array([[-0.35, 0.05, 0.65, 0.55], [0.5, 0.5, 1, 1]]) * (64, 48, 64, 48)
    np.testing.assert_allclose(chosen.boxes, expected, atol=1e-3)
    np.testing.assert_allclose(chosen.scores, [0.9, 0.7], atol=1e-6)
    assert chosen.classes.tolist() == [1, 0]


@pytest.mark.parametrize("names", [TF1, TF2, ("a_boxes", "the_classes", "scores", "num")], ids=["TF1", "TF2", "words"])
@pytest.mark.parametrize("order", list(itertools.permutations(range(4))))
def test_the_order_of_the_outputs_says_nothing(names, order):
    rows = [spec(name, shape) for name, shape in zip(names, SHAPES.values(), strict=True)]
    assert roles([rows[k] for k in order]) == tuple(list(SHAPES)[k] for k in order)


@pytest.mark.parametrize(
    "names",
    [
        pytest.param(("a", "b", "c", "d"), id="no names"),
        pytest.param(tuple(f"StatefulPartitionedCall:{k}" for k in (31, 32, 33, 34)), id="numbers nobody knows"),
        pytest.param(("boxes", "class_scores", "score_classes", "count"), id="both words"),
        pytest.param(("TFLite_Detection_PostProcess", *["TFLite_Detection_PostProcess:2"] * 2, "n"), id="one twice"),
    ],
)
def test_names_that_do_not_tell_are_refused(names):
    rows = [spec(name, shape) for name, shape in zip(names, SHAPES.values(), strict=True)]
    assert recognize([image((300, 300))], rows, (None,) * 4) is None
    with pytest.raises(InputError, match=r'parameter order, like \["boxes", "classes", "scores", "count"\]'):
        roles(rows)


def test_recognized_with_where_classes_begin():
    rows = [spec(name, shape) for name, shape in zip(TF2, SHAPES.values(), strict=True)]
    found = recognize([image((320, 320))], rows, (None,) * 4)
    assert (found.task.decoder, found.task.parameters) == ("tflite_detection", {})
    words = ("detection_boxes", "detection_classes", "detection_scores", "num_detections")
    rows = [spec(name, shape) for name, shape in zip(words, SHAPES.values(), strict=True)]
    assert recognize([image((320, 320))], rows, (None,) * 4).task.parameters == {"first_class": 1}


def test_rows_behind_the_count_are_left_out():
    found = ran([[0.1, 0.2, 0.5, 0.6]] * 3, [2, 0, 7], [0.9, 0.8, 0.7], 2)
    np.testing.assert_allclose(found.boxes, [[12.8, 4.8, 38.4, 24]] * 2, rtol=1e-6)
    np.testing.assert_allclose(found.scores, [[0, 0, 0.9], [0.8, 0, 0]])
    assert found.suppressed
    assert ran([[0.1, 0.2, 0.5, 0.6]], [0], [0.9], 0).scores.shape == (0, 1)


def test_classes_may_begin_at_one_and_their_number_be_known():
    found = ran([[0, 0, 1, 1]], [3], [0.9], 1, first_class=1, classes=5)
    np.testing.assert_allclose(found.scores, [[0, 0, 0.9, 0, 0]])


@pytest.mark.parametrize(
    ("classes", "scores", "parameters", "words"),
    [
        pytest.param([0.9, 0.8], [1, 0], {}, "class numbers from 0 on", id="taken for one another"),
        pytest.param([1, 0], [7, 8], {}, "scores from 0 to 1", id="scores that are none"),
        pytest.param([1, 0], [0.9, 0.8], {"first_class": 1}, "class numbers from 1 on", id="begins at 0"),
        pytest.param([1, 5], [0.9, 0.8], {"classes": 4}, "class 5 of at most 4", id="more classes than labels"),
        pytest.param([float("nan"), 1], [0.9, 0.8], {}, "class numbers", id="not a number"),
    ],
)
def test_values_that_contradict_the_roles_are_refused(classes, scores, parameters, words):
    with pytest.raises(InputError, match=words):
        ran([[0, 0, 1, 1]] * 2, classes, scores, 2, **parameters)


def test_shapes_that_do_not_fit_are_refused():
    shapes = {**SHAPES, "scores": (1, 9)}
    with pytest.raises(InputError, match=r"scores \(1, n\).*got.*scores \(1, 9\)"):
        decoders.load("tflite_detection")(
            signature("tflite_detection", {role: (role, shape) for role, shape in shapes.items()})
        )

"""Decoding class scores, against values worked out by hand."""

import math

import numpy as np
import pytest

from edge import tasks
from edge.errors import InputError
from edge.tasks.classify import Classify, best, output_kind, probabilities, softmax
from edge.tensors import Quantization, TensorSpec

SIZE = (640, 480)


def spec_of(dtype="float32", classes=3, quantization=None, shape=None):
    return TensorSpec("scores", shape or (1, classes), np.dtype(dtype), quantization)


def test_softmax_by_hand():
    raised = [math.exp(v) for v in (1.0, 2.0, 3.0)]
    np.testing.assert_allclose(softmax(np.array([1, 2, 3], np.float32)), np.array(raised) / sum(raised), rtol=1e-6)


def test_softmax_of_large_numbers_does_not_overflow():
    np.testing.assert_allclose(softmax(np.array([1e4, 1e4, -1e4], np.float32)), [0.5, 0.5, 0.0])


def test_best_first_and_equals_in_class_order():
    scores = np.array([0.1, 0.3, 0.3, 0.2, 0.1], np.float32)
    assert best(scores, 4) == [1, 2, 3, 0]
    assert best(scores, 1) == [1]
    assert best(scores, 9) == [1, 2, 3, 0, 4]


def test_labels_scores_and_indices():
    task = Classify(["cat", "dog", "macaw"], "probabilities", top=2)
    found = task.decode([np.array([[0.1, 0.2, 0.7]], np.float32)], [spec_of()], SIZE).predictions
    assert [(p.label, p.index, p.box) for p in found] == [("macaw", 2, None), ("dog", 1, None)]
    assert [p.score for p in found] == pytest.approx([0.7, 0.2])


def test_without_labels_a_class_is_its_number():
    found = Classify(output="probabilities").decode([np.array([[0, 1, 0]], np.float32)], [spec_of()], SIZE)
    assert found.predictions[0].label == "1"


UINT8_SOFTMAX = Quantization(1 / 256, 0)
INT8_SOFTMAX = Quantization(1 / 256, -128)


@pytest.mark.parametrize(
    ("values", "dtype", "quantization", "kind"),
    [
        pytest.param([0.25, 0.25, 0.5], "float32", None, "probabilities", id="a float softmax"),
        pytest.param([0.2, 0.2, 0.2], "float32", None, "logits", id="in 0..1, but no distribution"),
        pytest.param([-1.0, 1.0, 1.0], "float32", None, "logits", id="sums to 1, but negative"),
        pytest.param([3.0, -2.0, 0.5], "float32", None, "logits", id="float logits"),
        pytest.param([13, 8, 2], "uint8", UINT8_SOFTMAX, "probabilities", id="uint8 softmax that sums to 0.09"),
        pytest.param([-100, 0, 20], "int8", INT8_SOFTMAX, "probabilities", id="int8 softmax"),
        pytest.param([100, 20, 20], "int8", Quantization(0.11, -5), "logits", id="int8 logits"),
    ],
)
def test_probabilities_are_told_from_logits(values, dtype, quantization, kind):
    array, spec = np.array([values], dtype), spec_of(dtype, quantization=quantization)
    scale, zero = (quantization.scale, quantization.zero_point) if quantization else (1.0, 0)
    real = np.array([(v - zero) * scale for v in values], np.float32)
    assert output_kind(real, spec) == kind
    expected = real if kind == "probabilities" else np.exp(real) / np.exp(real).sum()
    np.testing.assert_allclose(probabilities(array, spec, None), expected, rtol=1e-5)


def test_the_manifest_overrules_what_the_numbers_look_like():
    array = np.array([[0.25, 0.25, 0.5]], np.float32)
    raised = np.exp(array[0])
    np.testing.assert_allclose(probabilities(array, spec_of(), "logits"), raised / raised.sum(), rtol=1e-6)


@pytest.mark.parametrize("shape", [(1, 3), (1, 1, 1, 3), (3,)])
def test_one_vector_in_any_rank(shape):
    task = Classify(["a", "b", "c"], "probabilities")
    spec = spec_of(shape=shape)
    task.check([spec])
    assert task.decode([np.array([0, 0, 1], np.float32).reshape(shape)], [spec], SIZE).predictions[0].label == "c"


@pytest.mark.parametrize("shape", [(1, 7, 7, 3), (2, 3), ()])
def test_a_model_that_is_no_classifier_is_refused(shape):
    with pytest.raises(InputError, match="must be one vector of scores"):
        Classify().check([spec_of(shape=shape) if shape else TensorSpec("s", (), np.dtype("float32"))])


def test_labels_must_be_as_many_as_classes():
    with pytest.raises(InputError, match=r"each of the model's 1001 classes, got 1000 in imagenet\.txt"):
        Classify(["x"] * 1000, origin="imagenet.txt").check([spec_of("uint8", 1001, UINT8_SOFTMAX)])


def test_top_must_be_positive():
    with pytest.raises(InputError, match="top must be at least 1, got 0"):
        Classify(top=0)


def test_the_table_holds_what_it_lists():
    assert tasks.load("classify") is Classify
    with pytest.raises(InputError, match="unknown task 'clasify': did you mean 'classify'"):
        tasks.load("clasify")

"""Decoding class scores and comparing two answers, against values worked out by hand."""

import numpy as np
import pytest

from edge import tasks
from edge.errors import GateFailed, InputError
from edge.results import Prediction, Result
from edge.tasks.activation import find_activation
from edge.tasks.classify import Classify, best
from edge.tensors import Quantization, Tensor, TensorSpec, real_outputs
from tests.tasks.networks import outputs, quantized, signature


def network(classes=3, labels=None, origin="labels.txt", shape=None, **parameters):
    return Classify(signature("classify", [("y", "scores", shape or (1, classes))], **parameters), labels, origin)


def answer(task, values):
    found = task.decode(outputs(y=np.asarray(values, np.float32)))
    return [(p.label, pytest.approx(p.score, abs=1e-6)) for p in found.predictions]


def test_best_first_and_equals_in_class_order():
    scores = np.array([0.1, 0.3, 0.3, 0.2, 0.1], np.float32)
    assert best(scores, 4) == [1, 2, 3, 0]
    assert best(scores, 1) == [1]
    assert best(scores, 9) == [1, 2, 3, 0, 4]


def test_labels_scores_and_indices():
    task = network(labels=["cat", "dog", "macaw"], activation="none", top=2)
    found = task.decode(outputs(y=[[0.1, 0.2, 0.7]]))
    assert found.task == "classify"
    assert [(p.label, p.index, p.box) for p in found.predictions] == [("macaw", 2, None), ("dog", 1, None)]
    assert [p.score for p in found.predictions] == pytest.approx([0.7, 0.2])


def test_without_labels_a_class_is_its_number():
    assert answer(network(activation="none"), [[0, 1, 0]]) == [("1", 1.0)]


def test_a_softmax_by_hand():
    # e^1, e^2, e^3 over their sum
    assert answer(network(activation="softmax", top=3), [[1, 2, 3]]) == [
        ("2", 0.665241),
        ("1", 0.244728),
        ("0", 0.090031),
    ]


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        pytest.param(0.2, [("ok", 0.8), ("faulty", 0.2)], id="the first label"),
        pytest.param(0.9, [("faulty", 0.9), ("ok", 0.1)], id="the second label"),
        pytest.param(0.5, [("faulty", 0.5), ("ok", 0.5)], id="compared at 0.5, which is enough"),
    ],
)
@pytest.mark.parametrize("shape", [(1, 1), (1,), (1, 1, 1, 1)])
def test_one_sigmoid_has_two_labels(value, expected, shape):
    task = network(1, ["ok", "faulty"], shape=shape, activation="none", top=2)
    assert answer(task, np.full(shape, value)) == expected


def test_one_sigmoid_that_is_still_to_apply():
    # 1 / (1 + e^-2) = 0.880797
    assert answer(network(1, ["ok", "faulty"], activation="sigmoid"), [[2.0]]) == [("faulty", 0.880797)]
    assert answer(network(1, ["ok", "faulty"]), [[2.0]]) == [("faulty", 0.880797)]  # found out: beyond 1
    assert answer(network(1, ["ok", "faulty"]), [[0.75]]) == [("faulty", 0.75)]  # found out: within 0 to 1


def test_where_two_labels_part_can_be_told():
    task = network(1, ["ok", "faulty"], activation="none", threshold=0.9, top=2)
    assert [label for label, _ in answer(task, [[0.8]])] == ["ok", "faulty"]
    assert [label for label, _ in answer(task, [[0.95]])] == ["faulty", "ok"]


def test_independent_labels_keep_their_own_probabilities():
    task = network(labels=["rain", "wind", "snow"], multi_label=True, activation="none")
    assert answer(task, [[0.53, 0.9, 0.2]]) == [("wind", 0.9), ("rain", 0.53)]  # through a softmax 0.53 would be 0.29
    assert answer(task, [[0.1, 0.2, 0.3]]) == []


def test_independent_labels_have_a_threshold_and_a_limit():
    rows = [[0.53, 0.9, 0.2]]
    assert answer(network(multi_label=True, activation="none", threshold=0.1, top=2), rows) == [("1", 0.9), ("0", 0.53)]
    assert answer(network(multi_label=True, activation="none", threshold=0.95), rows) == []
    assert answer(network(1, ["person"], multi_label=True, activation="sigmoid"), [[2.0]]) == [("person", 0.880797)]


def test_one_label_of_many_can_have_a_threshold_too():
    task = network(activation="none", threshold=0.6)
    assert answer(task, [[0.5, 0.3, 0.2]]) == []
    assert answer(task, [[0.7, 0.2, 0.1]]) == [("0", 0.7)]


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        pytest.param([[0.25, 0.25, 0.5]], ("none", False), id="a float softmax"),
        pytest.param([[0.25, 0.25, 0.5], [0.1, 0.53, 0.2]], ("none", True), id="in 0..1, but no distribution"),
        pytest.param([[0.25, 0.25, 0.5], [-1.0, 1.0, 1.0]], ("softmax", False), id="negative in one run"),
        pytest.param([[3.0, -2.0, 0.5]], ("softmax", False), id="float logits"),
        pytest.param([[0.3]], ("none", False), id="one probability"),
        pytest.param([[-0.3]], ("sigmoid", False), id="one logit"),
    ],
)
def test_what_is_still_to_apply_to_floats(values, expected):
    assert find_activation([outputs(y=[row])["y"] for row in values]) == expected


@pytest.mark.parametrize(
    ("values", "dtype", "steps", "expected"),
    [
        pytest.param([13, 8, 2], "uint8", (1 / 256, 0), ("none", False), id="uint8 softmax that sums to 0.09"),
        pytest.param([-100, 0, -30], "int8", (1 / 256, -128), ("none", False), id="int8 softmax"),
        pytest.param([100, 100, 20], "int8", (1 / 256, -128), ("none", True), id="int8 sigmoids that sum to 2.4"),
        pytest.param([16384, 16384, 0], "int16", (1 / 32768, 0), ("none", False), id="int16 softmax"),
        pytest.param([100, 20, 20], "int8", (0.11, -5), ("softmax", False), id="int8 logits"),
        pytest.param([100], "int8", (1 / 256, -128), ("none", False), id="one int8 sigmoid"),
        pytest.param([100], "int8", (0.11, -5), ("sigmoid", False), id="one int8 logit"),
    ],
)
def test_what_is_still_to_apply_to_integers(values, dtype, steps, expected):
    assert find_activation([quantized("y", [values], dtype, *steps)["y"]]) == expected


def test_scores_that_rounding_makes_larger_than_a_sum_of_1_are_a_softmax_all_the_same():
    # 400 classes of 1/512 - a little each round up to 1/256: the sum is 400/256 + the rest, within 400 half steps.
    values = np.full((1, 400), -127, np.int8)
    assert find_activation([quantized("y", values, "int8", 1 / 256, -128)["y"]]) == ("none", False)


def test_the_manifest_overrules_what_the_numbers_look_like():
    # e^0.5 / (2 e^0.25 + e^0.5)
    assert answer(network(activation="softmax"), [[0.25, 0.25, 0.5]]) == [("2", 0.390991)]


@pytest.mark.parametrize("shape", [(1, 3), (1, 1, 1, 3), (1, 3, 1, 1), (3,)])
def test_one_vector_in_any_rank(shape):
    task = network(shape=shape, labels=["a", "b", "c"], activation="none")
    assert answer(task, np.reshape([0, 0, 1], shape)) == [("c", 1.0)]


@pytest.mark.parametrize("shape", [(1, 7, 7, 3), (2, 3), (1, 0), ()])
def test_a_network_that_is_no_classifier_is_refused(shape):
    with pytest.raises(InputError, match=r"task classify needs one vector, \(1, n\), got output 'y' \("):
        Classify(signature("classify", [("y", "scores", shape)]))


def test_an_output_of_another_role_is_refused():
    with pytest.raises(InputError, match="reads outputs with the role scores, got 'points' with the role points"):
        Classify(signature("classify", [("points", "points", (1, 210))]))


@pytest.mark.parametrize(
    ("classes", "labels", "message"),
    [
        (1001, ["x"] * 1000, "1001 classes, got 1000 in labels.txt; if the model's first class is the background"),
        (2, ["background", "a", "b"], "2 classes, got 3 in labels.txt; the model has no class for the background"),
        (1, ["person"], "2 classes, got 1 in labels.txt"),
        (5, ["a", "b"], "5 classes, got 2 in labels.txt$"),
    ],
)
def test_labels_must_be_as_many_as_classes(classes, labels, message):
    with pytest.raises(InputError, match=message):
        network(classes, labels)


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"top": 0}, "parameter top must be a whole number of at least 1, got 0"),
        ({"threshold": 1.5}, "parameter threshold must be a number from 0 to 1, got 1.5"),
        ({"activation": "relu"}, "parameter activation must be one of auto, none, softmax, sigmoid, got 'relu'"),
        ({"multi_label": "yes"}, "parameter multi_label must be true or false, got 'yes'"),
        ({"treshold": 0.5}, "unknown parameter of task classify 'treshold': did you mean 'threshold'"),
    ],
)
def test_parameters_are_checked(parameters, message):
    with pytest.raises(InputError, match=message):
        network(**parameters)


def test_a_softmax_over_one_number_is_refused():
    with pytest.raises(InputError, match=r"a softmax over one number is always 1.* for \(1, 1\)"):
        network(1, activation="softmax")


@pytest.mark.parametrize("activation", ["auto", "none", "softmax", "sigmoid"])
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 3e38])
def test_a_broken_network_gives_a_class_all_the_same(activation, value):
    (one,) = network(activation=activation, top=1).decode(outputs(y=[[value, value, 0]])).predictions
    assert one.label in "012"


# Comparison


def compared(task, pairs):
    """pairs: rows of the reference's scores, the candidate's, and the truth."""
    comparer = task.comparer()
    for reference, candidate, truth in pairs:
        comparer.add(outputs(y=[reference]), outputs(y=[candidate]), None, truth)
    return comparer.figures()


def test_agreement_and_accuracy_by_hand():
    rows = [
        ([0.7, 0.2, 0.1], [0.6, 0.3, 0.1], 0),
        ([0.7, 0.2, 0.1], [0.4, 0.5, 0.1], 1),
        ([0.1, 0.2, 0.7], [0.1, 0.2, 0.7], 1),
        ([0.1, 0.2, 0.7], [0.1, 0.2, 0.7], None),
    ]
    figures = compared(network(activation="none"), rows)
    assert (figures.samples, figures.measure, figures.agreement, figures.unit) == (4, "top-1", 75.0, "%")
    assert (figures.quality_name, figures.quality, figures.reference_quality) == ("accuracy", 66.6667, 33.3333)
    assert figures.max_error == pytest.approx(0.3, abs=1e-6)
    # signal: 4 * 0.54; noise: 0.02 + 0.18
    assert figures.snr == pytest.approx(10 * np.log10(2.16 / 0.2), abs=1e-3)


@pytest.mark.parametrize(
    ("reference", "candidate", "agreement"),
    [
        pytest.param([0.4, 0.4, 0.2], [0.3, 0.5, 0.2], 100, id="the reference has a tie"),
        pytest.param([0.4, 0.5, 0.1], [0.45, 0.45, 0.1], 100, id="the candidate has a tie, as rounded scores do"),
        pytest.param([0.4, 0.4, 0.2], [0.2, 0.2, 0.6], 0, id="a tie of others"),
    ],
)
def test_a_tie_at_the_top_is_no_disagreement(reference, candidate, agreement):
    assert compared(network(activation="none"), [(reference, candidate, None)]).agreement == agreement


@pytest.mark.parametrize(
    ("logits", "agreement"),
    [
        pytest.param([9.0, 7.0, 1.0], 0, id="cut off"),  # both are 4 in the file, whatever is best
        pytest.param([4.02, 4.01, 1.0], 100, id="within a step"),
    ],
)
def test_scores_that_are_cut_off_do_not_tie(logits, agreement):
    spec = TensorSpec("scores", (1, 3), np.dtype(np.int8), Quantization(4 / 127, 0))
    raw = np.clip(np.rint(np.asarray([logits]) / spec.quantization.scale), -128, 127).astype(np.int8)
    comparer = network(activation="softmax").comparer()
    comparer.add(real_outputs({"y": np.float32([logits])}), {"y": Tensor(raw, spec)}, None, None)
    assert comparer.figures().agreement == agreement


def test_two_labels_are_compared_where_they_part():
    rows = [([0.6], [0.8], 1), ([0.6], [0.4], 1), ([0.5], [0.4], 0)]  # at 0.5 itself both are the answer
    figures = compared(network(1, activation="none"), rows)
    assert (figures.agreement, figures.quality, figures.reference_quality) == (66.6667, 66.6667, 66.6667)


def test_independent_labels_are_compared_one_by_one():
    task = network(multi_label=True, activation="none")
    figures = compared(task, [([0.9, 0.6, 0.1], [0.9, 0.4, 0.1], [1, 1, 1]), ([0.9, 0.6, 0.1], [0.8, 0.7, 0.2], None)])
    assert (figures.measure, figures.agreement) == ("labels", 83.3333)
    assert (figures.quality_name, figures.quality, figures.reference_quality) == ("label accuracy", 33.3333, 66.6667)


@pytest.mark.parametrize("truth", [3, -1, 1.5, "cat", True])
def test_a_truth_that_is_no_class_is_refused(truth):
    with pytest.raises(InputError, match="the truth must be a class from 0 to 2"):
        compared(network(), [([0, 0, 1], [0, 0, 1], truth)])


def test_an_output_that_is_not_finite_fails_the_gate():
    with pytest.raises(GateFailed, match="the candidate's output 'y' has values that are not finite"):
        compared(network(), [([0, 0, 1], [0, np.nan, 1], None)])


def test_what_a_person_reads():
    found = (Prediction("junco, snowbird", 0.9, 0), Prediction("ring", 0.1, 1))
    assert Classify.line(Result("classify", found)) == "junco, snowbird 90% | ring 10%"
    assert Classify.line(Result("classify")) == "nothing"


def test_the_table_holds_what_it_lists():
    assert tasks.load("classify") is Classify
    with pytest.raises(InputError, match="unknown task 'clasify': did you mean 'classify'"):
        tasks.load("clasify")

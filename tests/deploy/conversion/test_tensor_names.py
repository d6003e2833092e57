"""Which tensor of a file is which of the model: by name, by order, by what it gives."""

import numpy as np
import pytest

from edge.cli import convert
from edge.deploy.conversion.source import SourceModel, open_source
from edge.deploy.conversion.tensor_names import find_names
from edge.errors import InputError
from edge.runnable import TensorNames
from edge.tensors import TensorSpec
from tests.backends import models
from tests.deploy.placement_report.made import Network

FLOAT = np.dtype(np.float32)


def pair_of(inputs=("a", "b"), outputs=("sum", "difference"), shape=(1, 3)):
    """Return a model that gives the sum of its first input and its second, and their difference."""
    first, second = inputs

    def reference(rows):
        found = {"sum": rows[first] + rows[second], "difference": rows[first] - rows[second]}
        return dict(zip(outputs, (found[name.split("/")[-1]] for name in outputs), strict=True))

    specs = [tuple(TensorSpec(name, shape, FLOAT) for name in names) for names in (inputs, outputs)]
    return SourceModel("net", *specs, reference)


@pytest.fixture
def file(tmp_path):
    return models.tflite_pair(tmp_path / "pair.tflite")


def test_equal_names_in_any_order(file):
    found = find_names(file, pair_of(("b", "a"), ("difference", "sum")))
    assert found == TensorNames({"b": "b", "a": "a"}, {"difference": "difference", "sum": "sum"})


def test_outputs_of_one_shape_are_told_by_what_they_give(file):
    """Without names of ours an order could be anybody's: the file gives the sum first, the model the difference."""
    found = find_names(file, pair_of(("x", "y"), ("its/difference", "its/sum")))
    assert found == TensorNames({"x": "a", "y": "b"}, {"its/difference": "difference", "its/sum": "sum"})


def test_other_shapes_are_refused(file):
    with pytest.raises(InputError, match=r"pair\.tflite must have the model's tensors, .*\(1, 4\)") as caught:
        find_names(file, pair_of(("x", "y"), shape=(1, 4)))
    assert "\n" not in str(caught.value)


def test_an_output_that_the_file_lacks_is_refused(tmp_path):
    path = models.tflite_conv(tmp_path / "conv.tflite")
    specs = (TensorSpec("image", models.IMAGE, FLOAT),), (TensorSpec("scores", (1, 7), FLOAT),)
    source = SourceModel("net", *specs, lambda rows: {"scores": np.zeros((1, 7), np.float32)})
    with pytest.raises(InputError, match="must have the model's outputs, scores"):
        find_names(path, source)


@pytest.mark.parametrize("name", ["", "same"])
def test_tensors_without_names_of_their_own_stay_in_order(name, tmp_path):
    net, real = Network(), {"kind": "FLOAT32", "scales": ()}
    a, b = (net.input((1, 4), **real) for _ in range(2))
    results = [*net.operation("ADD", [a, b], (1, 4), **real), *net.operation("SUB", [a, b], (1, 4), **real)]
    for tensor in net.graph.tensors:
        tensor.name = name
    source = open_source(str(net.write(tmp_path / "net.tflite", *results)))
    names = [spec.name for spec in source.inputs]
    assert len({*names}) == 2
    rows = np.random.default_rng(0).normal(size=(2, 6, 4)).astype(np.float32)
    given = dict(zip(names, rows, strict=True))
    found = source.reference(given)
    for got, expected in zip(found.values(), (rows[0] + rows[1], rows[0] - rows[1]), strict=True):
        np.testing.assert_array_equal(got, expected)
    np.savez(tmp_path / "data.npz", **given)
    data, out = str(tmp_path / "data.npz"), str(tmp_path / "net.edge")
    words = ["--task", "raw", "--input-kind", "tensor", "--tflite", "float32,int8", "--calibrate", data]
    assert convert.main([str(tmp_path / "net.tflite"), "--out", out, *words, "--verify", data, "--explain"]) == 0

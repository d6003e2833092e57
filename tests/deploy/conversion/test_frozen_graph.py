"""Frozen graphs of TensorFlow 1 against numpy: names found and named, sizes, batches, and what is refused."""

import numpy as np
import pytest

from edge.deploy._tensorflow import need
from edge.deploy.conversion.produce import make
from edge.deploy.conversion.recipe import Recipe
from edge.deploy.conversion.source import check_kind, open_source
from edge.errors import FileError, InputError
from tests.deploy.conversion.test_produce import signal_to_noise

tf = need("tensorflow")
v1 = tf.compat.v1
WEIGHTS = np.random.default_rng(0).normal(size=(3, 4)).astype(np.float32)


def scores(pictures):
    """The network by hand: the mean over each picture (n, height, width, 3), a dense layer and ReLU: (n, 4)."""
    return np.maximum(pictures.mean(axis=(1, 2)) @ WEIGHTS, 0)


def write(path, shape, more=None):
    """Write the network for pictures of ``shape``, with nodes that ``more`` adds from its scores."""
    with tf.Graph().as_default() as graph:
        pictures = v1.placeholder(tf.float32, shape, "picture")
        keep = v1.placeholder_with_default(1.0, (), "keep")
        means = tf.reduce_mean(pictures * keep, (1, 2))
        found = tf.nn.relu(tf.matmul(means, tf.constant(WEIGHTS)), name="scores")
        if more:
            more(found)
    path.write_bytes(graph.as_graph_def().SerializeToString())
    return str(path)


@pytest.mark.parametrize(
    ("shape", "shapes", "border"),
    [
        pytest.param((None, 8, 6, 3), {}, ((), ()), id="open batch"),
        pytest.param((1, 8, 6, 3), {}, ((), ()), id="batch of one"),
        pytest.param((4, 8, 6, 3), {}, ((), ()), id="batch of four"),
        pytest.param((None, None, None, 3), {"": (8, 6, 3)}, (("picture:0",), ("scores:0",)), id="named, open sizes"),
        pytest.param(None, {"picture": (1, 8, 6, 3)}, (("picture",), ("scores",)), id="named, of any shape"),
    ],
)
def test_a_frozen_graph_computes_what_it_says(tmp_path, shape, shapes, border):
    source = open_source(write(tmp_path / "net.pb", shape), shapes=shapes, border=border)
    assert [(spec.name, spec.shape) for spec in source.inputs] == [("picture", (1, 8, 6, 3))]
    assert [(spec.name, spec.shape) for spec in source.outputs] == [("scores", (1, 4))]
    pictures = np.random.default_rng(1).normal(size=(5, 8, 6, 3)).astype(np.float32)
    np.testing.assert_allclose(source.reference({"picture": pictures})["scores"], scores(pictures), atol=1e-5)
    samples = [{"picture": one[None]} for one in pictures]
    made = make(source, Recipe(("float32", "int8"), ("float32",)), samples, tmp_path)
    for one in made:
        found = open_source(str(one.path)).reference({"picture": pictures})
        (answers,) = found.values()
        assert signal_to_noise(scores(pictures), answers) > (25 if one.artifact.precision == "int8" else 100)


def test_an_inner_tensor_may_be_the_output(tmp_path):
    path = write(tmp_path / "net.pb", (None, 8, 6, 3), lambda found: tf.nn.softmax(found, name="shares"))
    assert [spec.name for spec in open_source(path).outputs] == ["shares"]
    assert [spec.name for spec in open_source(path, border=((), ("scores",))).outputs] == ["scores"]


@pytest.mark.parametrize(
    ("inputs", "outputs", "expected"),
    [
        pytest.param((), ("parts:1",), {"parts:1": 1}, id="the second output"),
        pytest.param((), ("parts:2", "parts:0"), {"parts:2": 2, "parts": 0}, id="the third and the first"),
        pytest.param(("scores:0",), ("parts", "rest:0"), {"parts": 0, "rest": 2}, id="between inner tensors"),
    ],
)
def test_tensors_are_named_with_the_index_of_an_output(tmp_path, inputs, outputs, expected):
    def split(found):
        tf.identity(tf.split(found, [1, 1, 2], axis=1, name="parts")[2], name="rest")

    source = open_source(write(tmp_path / "net.pb", (None, 8, 6, 3), split), border=(inputs, outputs))
    pictures = np.random.default_rng(1).normal(size=(5, 8, 6, 3)).astype(np.float32)
    parts = np.split(scores(pictures), [1, 2], axis=1)
    found = source.reference({source.inputs[0].name: scores(pictures) if inputs else pictures})
    assert list(found) == list(expected)
    for name, part in expected.items():
        np.testing.assert_allclose(found[name], parts[part], atol=1e-5)


def test_a_second_output_as_an_input_is_read_there(tmp_path):
    def split(found):
        tf.nn.relu(tf.split(found, 2, axis=1, name="parts")[1] * 2.0, name="twice")

    source = open_source(write(tmp_path / "net.pb", (None, 8, 6, 3), split), border=(("parts:1",), ("twice",)))
    assert [(spec.name, spec.shape) for spec in source.inputs] == [("parts:1", (1, 2))]
    np.testing.assert_array_equal(source.reference({"parts:1": np.array([[-1, 3]], np.float32)})["twice"], [[0, 6]])


def test_an_operation_that_tensorflow_does_not_know_is_named(tmp_path):
    graph = v1.GraphDef()
    graph.node.add(name="x", op="Placeholder").attr["dtype"].type = tf.float32.as_datatype_enum
    graph.node.add(name="y", op="OfAnotherLibrary", input=["x"])
    (tmp_path / "net.pb").write_bytes(graph.SerializeToString())
    with pytest.raises(InputError, match="OfAnotherLibrary"):
        open_source(str(tmp_path / "net.pb"), trust=True)


def variable(found):
    return found + v1.get_variable("moved", (4,), use_resource=True)


def writing(found):
    return tf.io.write_file("answers", tf.io.serialize_tensor(found))


@pytest.mark.parametrize(
    ("more", "border", "words"),
    [
        pytest.param(variable, ((), ()), "is not frozen: it has variables", id="variables"),
        pytest.param(writing, ((), ()), "uses WriteFile; add --trust", id="writes"),
        pytest.param(None, (("image",), ()), "unknown --inputs of net.pb 'image'", id="no such input"),
        pytest.param(None, (("picture:1",), ()), "and 'picture' has picture:0; got 'picture:1'", id="no such index"),
        pytest.param(None, ((), ("scores:x",)), "and 'scores' has scores:0; got 'scores:x'", id="no index"),
        pytest.param(None, ((), ("scores", "scores:0")), "must name each tensor once", id="twice"),
        pytest.param(None, ((), ("logits:0",)), "unknown --outputs of net.pb 'logits:0'", id="no such output"),
    ],
)
def test_what_cannot_be_converted_is_named(tmp_path, more, border, words):
    path = write(tmp_path / "net.pb", (None, 8, 6, 3), more)
    with pytest.raises(InputError, match=words):
        open_source(path, border=border)


def test_other_files_are_told_apart(tmp_path):
    (tmp_path / "noise.pb").write_bytes(b"\xff\xfenoise")
    with pytest.raises(FileError, match="not a readable frozen graph"):
        open_source(str(tmp_path / "noise.pb"))
    (tmp_path / "empty.pb").write_bytes(b"")
    with pytest.raises(FileError, match="has no operations"):
        open_source(str(tmp_path / "empty.pb"))
    (tmp_path / "saved_model.pb").write_bytes(b"\x08\x01")
    with pytest.raises(InputError, match="part of a SavedModel: give its folder"):
        open_source(str(tmp_path / "saved_model.pb"))
    (tmp_path / "net.tflite").write_bytes(b"")
    with pytest.raises(InputError, match="--inputs and --outputs are for a frozen graph"):
        check_kind(str(tmp_path / "net.tflite"), (("x",), ()))


def test_a_switch_of_training_is_no_input(tmp_path):
    def switched(found):
        tf.where(v1.placeholder(tf.bool, (), "phase"), found, found * 2.0, name="chosen")

    with pytest.raises(InputError, match=r"input 'phase' is a single number.*save the model with its value in place"):
        open_source(write(tmp_path / "net.pb", (None, 8, 6, 3), switched))

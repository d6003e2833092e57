"""A frozen network: a batch of 1 whatever was built in, inputs and outputs by name, nothing that no output needs."""

import numpy as np
import pytest

from edge.deploy import _tensorflow_private as private
from edge.deploy._tensorflow import need
from edge.deploy.conversion.freeze import freeze, freeze_keras
from edge.errors import InputError
from tests.deploy.keras_files import keras, run_frozen, small

tf = need("tensorflow")
layers = keras.layers


def shapes(specs):
    return {spec.name: spec.shape for spec in specs}


def test_the_batch_is_one_and_nothing_varies():
    model = small()
    frozen = freeze_keras(model)
    assert shapes(frozen.input_specs) == {"input": (1, 8, 8, 3)}
    ops = {node.op for node in frozen.graph.node}
    assert not {op for op in ops if "Var" in op or "Shape" in op or "Call" in op}
    assert not frozen.loops
    image = np.random.default_rng(0).normal(size=(1, 8, 8, 3)).astype(np.float32)
    (out,) = run_frozen(frozen, image)
    np.testing.assert_allclose(out, model(image), atol=1e-6)


def test_training_only_layers_are_off():
    model = keras.Sequential([keras.Input((8, 8, 3)), layers.Dropout(0.9)])
    image = np.ones((1, 8, 8, 3), np.float32)
    (out,) = run_frozen(freeze_keras(model), image)
    np.testing.assert_array_equal(out, image)


def test_a_batch_that_is_built_in_becomes_one():
    entry = keras.Input((8, 8, 3), batch_size=32, name="image")
    x = layers.Reshape((36, 4))(layers.Conv2D(4, 3)(entry))
    model = keras.Model(entry, layers.Dense(2)(layers.Flatten()(x)))
    image = np.random.default_rng(0).normal(size=(32, 8, 8, 3)).astype(np.float32)
    frozen = freeze_keras(model)
    assert shapes(frozen.input_specs) == {"image": (1, 8, 8, 3)}
    (out,) = run_frozen(frozen, image[-1:])
    np.testing.assert_allclose(out, model(image)[-1:], atol=1e-5)


def test_a_function_of_any_structure():
    def call(tensors):
        left, right = tensors["left"], tensors["right"]
        return {"sum": left + right, "more": [left * 2, {"unit": tf.nn.l2_normalize(right, -1)}]}

    specs = {name: tf.TensorSpec((16, 4), tf.float32) for name in ("left", "right")}
    frozen = freeze(call, specs)
    assert shapes(frozen.output_specs) == {"more/0": (1, 4), "more/1/unit": (1, 4), "sum": (1, 4)}
    left, right = np.array([[1, 2, 3, 4]], np.float32), np.array([[0, 3, 4, 0]], np.float32)
    twice, unit, total = run_frozen(frozen, left, right)
    np.testing.assert_allclose(twice, 2 * left)
    np.testing.assert_allclose(unit, right / 5, atol=1e-6)
    np.testing.assert_allclose(total, left + right)


def test_an_input_that_no_output_needs_is_left_out():
    specs = {name: tf.TensorSpec((1, 4), tf.float32) for name in ("used", "unused")}
    frozen = freeze(lambda tensors: (tf.exp(tensors["unused"]), tensors["used"] * 2)[1], specs)
    assert list(frozen.inputs) == ["used"]
    assert "Exp" not in {node.op for node in frozen.graph.node}


def test_an_open_size_is_refused():
    model = keras.Sequential([keras.Input((None, None, 3)), layers.GlobalAveragePooling2D()])
    with pytest.raises(InputError, match=r"fixed size to be converted, got \(None, None, None, 3\)"):
        freeze_keras(model)


def test_a_network_that_needs_its_batch_is_refused():
    specs = {"x": tf.TensorSpec((32, 4), tf.float32)}
    with pytest.raises(InputError, match="the model cannot run on a batch of 1") as caught:
        freeze(lambda tensors: tf.reshape(tensors["x"], (32, 2, 2)), specs)
    assert "\n" not in str(caught.value)


def test_an_output_whose_size_is_not_known_is_refused():
    frozen = freeze(lambda tensors: tf.boolean_mask(tensors["x"], tensors["x"] > 0), {"x": tf.TensorSpec((1, 4))})
    with pytest.raises(InputError, match="a size that is known before the network runs"):
        assert frozen.output_specs


def test_text_is_refused():
    with pytest.raises(InputError, match="'words' must hold numbers, it holds string"):
        freeze(lambda tensors: tf.strings.length(tensors["words"]), {"words": tf.TensorSpec((1, 4), tf.string)})


def test_several_outputs_keep_their_order_and_their_layers_names():
    entry = keras.Input((4,), name="features")
    outputs = [layers.Dense(width, name=name)(entry) for name, width in (("wide", 5), ("narrow", 2), ("middle", 3))]
    assert shapes(freeze_keras(keras.Model(entry, outputs)).output_specs) == {
        "wide": (1, 5), "narrow": (1, 2), "middle": (1, 3)
    }  # fmt: skip


def test_dictionaries_are_named_by_their_keys():
    entries = {"picture": keras.Input((4, 4, 3), name="a"), "numbers": keras.Input((2,), dtype="int32", name="b")}
    x = layers.Flatten()(entries["picture"])
    y = layers.Flatten()(layers.Embedding(9, 3)(entries["numbers"]))
    model = keras.Model(entries, {"scores": layers.Dense(3, name="s")(x), "boxes": layers.Dense(4, name="t")(y)})
    frozen = freeze_keras(model)
    assert shapes(frozen.input_specs) == {"numbers": (1, 2), "picture": (1, 4, 4, 3)}
    assert [spec.dtype.name for spec in frozen.input_specs] == ["int32", "float32"]
    assert shapes(frozen.output_specs) == {"boxes": (1, 4), "scores": (1, 3)}
    given = {"picture": np.ones((1, 4, 4, 3), np.float32), "numbers": np.array([[3, 7]], np.int32)}
    expected = model(given)
    boxes, scores = run_frozen(frozen, given["numbers"], given["picture"])
    np.testing.assert_allclose(boxes, expected["boxes"], atol=1e-6)
    np.testing.assert_allclose(scores, expected["scores"], atol=1e-6)


def test_one_layer_for_two_outputs_has_two_names():
    entry, shared = keras.Input((4,)), layers.Dense(4, name="shared")
    once = shared(entry)
    found = freeze_keras(keras.Model(entry, [once, shared(once)])).output_specs
    assert [spec.name for spec in found] == ["shared", "shared_1"]


def test_a_recurrent_layer_is_a_loop_unless_it_is_unrolled():
    for unroll in (False, True):
        model = keras.Sequential([keras.Input((5, 3)), layers.LSTM(2, unroll=unroll)])
        assert freeze_keras(model).loops is not unroll


@pytest.mark.parametrize("wrap", [lambda layer: layer, layers.Bidirectional], ids=["alone", "wrapped"])
def test_a_layer_that_keeps_its_state_from_call_to_call_is_refused(wrap):
    """A file would start each call from zero, and give other answers than the model without a word."""
    entry = keras.Input(batch_shape=(1, 5, 3))
    model = keras.Model(entry, wrap(layers.LSTM(2, stateful=True, name="memory"))(entry))
    with pytest.raises(InputError, match=r"layer '\w+' has stateful=True, .* build it with stateful=False"):
        freeze_keras(model)


def test_without_the_private_part_the_public_one_folds_the_variables(monkeypatch):
    from tensorflow.python.framework import convert_to_constants

    class Steps:
        """The steps as another version might have them: without the private names, with the public one."""

        convert_variables_to_constants_v2_as_graph = staticmethod(
            convert_to_constants.convert_variables_to_constants_v2_as_graph
        )

    monkeypatch.setattr(private, "need", lambda name: Steps if "convert_to_constants" in name else need(name))
    model = small()
    image = np.random.default_rng(0).normal(size=(1, 8, 8, 3)).astype(np.float32)
    (out,) = run_frozen(freeze_keras(model), image)
    np.testing.assert_allclose(out, model(image), atol=1e-6)

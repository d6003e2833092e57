import numpy as np
import pytest

from edge.deploy.convert.freeze import freeze, freeze_keras
from edge.errors import InputError
from tests.deploy.keras_files import keras, run_frozen, small


def test_the_batch_is_one_and_nothing_varies():
    model = small()
    frozen = freeze_keras(model)
    assert frozen.shape == (1, 8, 8, 3)
    assert [tuple(t.shape) for t in frozen.inputs] == [(1, 8, 8, 3)]
    ops = {node.op for node in frozen.graph.node}
    assert not {op for op in ops if "Var" in op or "Shape" in op or "Call" in op}
    image = np.random.default_rng(0).normal(size=(1, 8, 8, 3)).astype(np.float32)
    (out,) = run_frozen(frozen, image)
    np.testing.assert_allclose(out, model(image), atol=1e-6)


def test_training_only_layers_are_off():
    model = keras.Sequential([keras.Input((8, 8, 3)), keras.layers.Dropout(0.9)])
    image = np.ones((1, 8, 8, 3), np.float32)
    (out,) = run_frozen(freeze_keras(model), image)
    np.testing.assert_array_equal(out, image)


def test_a_fixed_batch_of_another_size_becomes_one():
    assert freeze(lambda x: x * 2.0, (16, 4, 4, 3)).shape == (1, 4, 4, 3)


def test_an_open_size_is_refused():
    model = keras.Sequential([keras.Input((None, None, 3)), keras.layers.GlobalAveragePooling2D()])
    with pytest.raises(InputError, match=r"fixed size to be converted, got \(None, None, None, 3\)"):
        freeze_keras(model)


def test_one_input():
    entries = [keras.Input((4,)) for _ in range(2)]
    model = keras.Model(entries, keras.layers.Dense(2)(keras.layers.Concatenate()(entries)))
    with pytest.raises(InputError, match="one input, got 2"):
        freeze_keras(model)


def test_several_outputs_keep_their_order():
    entry = keras.Input((4,))
    model = keras.Model(entry, [keras.layers.Dense(width)(entry) for width in (3, 2, 5)])
    assert [tuple(out.shape) for out in freeze_keras(model).outputs] == [(1, 3), (1, 2), (1, 5)]

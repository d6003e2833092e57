import numpy as np
import pytest

from edge.deploy._tensorflow import need
from edge.deploy.convert.freeze import freeze, freeze_keras
from edge.errors import InvalidInput
from tests.deploy.keras_files import keras, small

tf = need("tensorflow")


def test_the_batch_is_one_and_nothing_varies():
    model = small()
    frozen = freeze_keras(model)
    assert frozen.shape == (1, 8, 8, 3)
    assert [tuple(t.shape) for t in frozen.function.inputs] == [(1, 8, 8, 3)]
    assert not frozen.function.variables
    ops = {op.type for op in frozen.function.graph.get_operations()}
    assert not {op for op in ops if "Variable" in op or "Shape" in op}
    image = np.random.default_rng(0).normal(size=(1, 8, 8, 3)).astype(np.float32)
    (out,) = frozen.function(tf.constant(image))
    np.testing.assert_allclose(out, model(image), atol=1e-6)


def test_training_only_layers_are_off():
    model = keras.Sequential([keras.Input((8, 8, 3)), keras.layers.Dropout(0.9)])
    image = np.ones((1, 8, 8, 3), np.float32)
    (out,) = freeze_keras(model).function(tf.constant(image))
    np.testing.assert_array_equal(out, image)


def test_a_fixed_batch_of_another_size_becomes_one():
    assert freeze(lambda x: x * 2.0, (16, 4, 4, 3)).shape == (1, 4, 4, 3)


def test_an_open_size_is_refused():
    model = keras.Sequential([keras.Input((None, None, 3)), keras.layers.GlobalAveragePooling2D()])
    with pytest.raises(InvalidInput, match=r"fixed size to be converted, got \(None, None, None, 3\)"):
        freeze_keras(model)


@pytest.mark.parametrize(("inputs", "outputs", "what"), [(2, 1, "one input, got 2"), (1, 2, "one output, got 2")])
def test_one_input_and_one_output(inputs, outputs, what):
    entries = [keras.Input((4,)) for _ in range(inputs)]
    x = keras.layers.Concatenate()(entries) if inputs > 1 else entries[0]
    model = keras.Model(entries, [keras.layers.Dense(2)(x) for _ in range(outputs)])
    with pytest.raises(InvalidInput, match=what):
        freeze_keras(model)

"""Files taken apart: each layer reads what it is given, and errors are added where they are asked for."""

import numpy as np
import pytest

from edge.deploy._tensorflow import need

need("tensorflow")

import tf_keras as keras  # noqa: E402

from edge.deploy.conversion import freeze, tflite  # noqa: E402
from edge.deploy.conversion.tflite_object import TFLiteObject  # noqa: E402
from edge.deploy.explain.interpreter import Interpreter  # noqa: E402
from edge.deploy.explain.rewriting import compared_outputs, cut, with_errors, with_shapes  # noqa: E402

layers = keras.layers


@pytest.fixture(scope="module")
def chain():
    """Return the float file of 3 * (2 * x), with a softmax behind it."""
    entry = keras.Input((4,), name="x")
    twice = layers.Dense(4, use_bias=False, name="twice", kernel_initializer=keras.initializers.Identity(2))(entry)
    thrice = layers.Dense(4, use_bias=False, name="thrice", kernel_initializer=keras.initializers.Identity(3))(twice)
    return tflite.to_float32(freeze.freeze_keras(keras.Model(entry, layers.Softmax(name="p")(thrice))))


X = np.array([[1, -1, 0.5, 0]], np.float32)


def name_of(content, part):
    return next(spec.name for spec in Interpreter(content).specs.values() if part in spec.name and spec.shape == (1, 4))


def test_a_cut_layer_reads_what_it_is_given(chain):
    twice, thrice = name_of(chain, "twice"), name_of(chain, "thrice")
    parts = cut(chain, ["x", twice, thrice])
    file = Interpreter(parts.content)
    file.give({parts.given["x"]: X, parts.given[twice]: 100 * X, parts.given[thrice]: 0 * X})
    file.run()
    np.testing.assert_allclose(file.real(parts.computed[twice]), 2 * X)
    np.testing.assert_allclose(file.real(parts.computed[thrice]), 300 * X)
    np.testing.assert_allclose(file.real(file.outputs[0]), np.full((1, 4), 0.25))  # the softmax of the zeros


def test_an_error_goes_through_the_layers_behind_it(chain):
    twice, thrice = name_of(chain, "twice"), name_of(chain, "thrice")
    disturbed = with_errors(chain, [twice, thrice], [thrice])
    file = Interpreter(disturbed.content, inspected=False)
    file.give({file.inputs[0]: X, disturbed.given[twice]: 0 * X + 1, disturbed.given[thrice]: 0 * X})
    file.run()
    np.testing.assert_allclose(file.real(file.outputs[0]), 6 * X + 3, rtol=1e-6)


def test_files_are_compared_before_a_last_softmax(chain):
    assert compared_outputs(chain) == [name_of(chain, "thrice")]
    entry = keras.Input((4,), name="x")
    plain = tflite.to_float32(freeze.freeze_keras(keras.Model(entry, layers.Dense(4, name="last")(entry))))
    assert [Interpreter(plain).specs[Interpreter(plain).outputs[0]].name] == compared_outputs(plain)


def test_shapes_are_those_of_a_run_where_a_file_states_others(chain):
    file = TFLiteObject(chain)
    index = file.names()[name_of(chain, "twice")]
    file.model.subgraphs[0].tensors[index].shape = [7, 4]
    assert TFLiteObject(with_shapes(file.to_bytes())).shape(index) == (1, 4)

"""Tensors of a kernel that copies integers have one range, also where a concatenation has a wider one."""

from edge.deploy._tensorflow import need

tf = need("tensorflow")

import tf_keras as keras  # noqa: E402

from edge.deploy.conversion import freeze, tflite  # noqa: E402
from edge.deploy.conversion.tflite_object import TFLiteObject  # noqa: E402
from edge.deploy.conversion.unified_scales import unify_scales  # noqa: E402


def test_a_reversed_sequence_that_is_joined_has_the_range_of_the_whole():
    """The concatenation gives its scale to the output of REVERSE_V2 alone, whose integers then meant other numbers."""
    entry = keras.Input((6, 4))
    x = tf.reverse(keras.layers.Conv1D(4, 3, padding="same")(entry), [1])
    model = keras.Model(entry, tf.concat([x, keras.layers.Conv1D(4, 3, padding="same")(entry)], -1))
    file = TFLiteObject(tflite.to_float32(freeze.freeze_keras(model)))
    codes = file.schema.BuiltinOperator
    (turned,) = [one for code, one in file.operations() if code == codes.REVERSE_V2]
    (joined,) = [one for code, one in file.operations() if code == codes.CONCATENATION]
    found = unify_scales(
        file, {int(turned.inputs[0]): (-1.0, 1.0), int(turned.outputs[0]): (-1.0, 1.0), int(joined.outputs[0]): (-3, 2)}
    )
    assert set(found.values()) == {(-3, 2)}

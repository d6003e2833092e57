"""What a parsed TFLite file says of its tensors."""

from edge.deploy._tensorflow import need

need("tensorflow")
import tf_keras as keras  # noqa: E402

from edge.deploy.conversion import freeze, tflite  # noqa: E402
from edge.deploy.conversion.tflite_object import TFLiteObject  # noqa: E402


def test_what_a_concatenation_at_the_end_joins_is_at_the_border():
    """The logits of rare objects lie far from the others, and clipping them would lower every score."""
    entry = keras.Input((8, 8, 3))
    parts = [keras.layers.Conv2D(2, 1, name=name)(entry) for name in "ab"]
    joined = keras.layers.Activation("sigmoid")(keras.layers.Concatenate()(parts))
    file = TFLiteObject(tflite.to_float32(freeze.freeze_keras(keras.Model(entry, joined))))
    kind = file.schema.BuiltinOperator.CONV_2D
    convolutions = {int(operation.outputs[0]) for code, operation in file.operations() if code == kind}
    assert len(convolutions) == 2
    assert convolutions < file.border()

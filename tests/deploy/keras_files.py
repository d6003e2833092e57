"""Small Keras models and files for the tests of loading and converting. Importing this imports TensorFlow."""

import subprocess
import sys
from pathlib import Path

from edge.deploy._tensorflow import need

tf = need("tensorflow")

import tf_keras as keras  # noqa: E402

SIZE = (8, 8, 3)
CLASSES = 3


def small(name: str = "small", size=SIZE, classes: int = CLASSES, activation: str | None = "softmax"):
    """Return a convolution, a pooling and a dense layer, seeded."""
    keras.utils.set_random_seed(11)
    stack = [keras.layers.Conv2D(4, 3, activation="relu"), keras.layers.GlobalAveragePooling2D()]
    return keras.Sequential([keras.Input(size), *stack, keras.layers.Dense(classes, activation=activation)], name=name)


def with_lambda(name: str = "lambda"):
    """Return a model with code in its file."""
    return keras.Sequential([keras.Input(SIZE), keras.layers.Lambda(lambda x: x * 2.0), *small().layers], name=name)


def saved(model, path: Path) -> Path:
    from edge.deploy import quantized

    with quantized.saving_h5():
        model.save(path)
    return path


KERAS3 = """
import sys, keras
keras.utils.set_random_seed(11)
layers = keras.layers
"""
ONE_INPUT = """
stack = [layers.Conv2D(4, 3, activation='relu'), layers.GlobalAveragePooling2D(), layers.Dense(3, activation='softmax')]
model = keras.Sequential([keras.Input((8, 8, 3)), *stack])
"""
TWO_INPUTS_OF_32 = """
picture, number = keras.Input((8, 8, 3), batch_size=32, name='picture'), keras.Input((4,), batch_size=32, name='number')
x = layers.Reshape((36, 4))(layers.Conv2D(4, 3, activation='relu')(picture))
x = layers.Concatenate()([layers.Flatten()(x), number])
outputs = {'scores': layers.Dense(3, activation='softmax')(x), 'value': layers.Dense(2)(x)}
model = keras.Model({'picture': picture, 'number': number}, outputs)
"""


def keras3_file(path: Path, code: str = ONE_INPUT) -> Path:
    """Write a .keras file with Keras 3, in a process of its own: here Keras 2 is bound."""
    whole = f"{KERAS3}{code}model.save(sys.argv[1])"
    subprocess.run([sys.executable, "-c", whole, str(path)], check=True, capture_output=True)
    return path


def run_frozen(frozen, *inputs):
    """Return the outputs of a frozen graph on its own, a list: nothing of the network that it came from is used."""
    with tf.Graph().as_default() as graph:
        tf.import_graph_def(frozen.graph, name="")
        given = dict(zip((tensor.name for tensor in frozen.inputs.values()), inputs, strict=True))
        with tf.compat.v1.Session(graph=graph) as session:
            return session.run([out.name for out in frozen.outputs.values()], given)

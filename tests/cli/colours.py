"""A network that tells the flat colours of ``tests.models.training.pictures`` apart, its weights set by hand.

It needs no training, is never near a tie, and fits into a few kilobytes. Importing this imports TensorFlow.
"""

from pathlib import Path

import numpy as np

from edge.deploy._tensorflow import need
from tests.models.training.pictures import BGR

need("tensorflow")

import tf_keras as keras  # noqa: E402

LABELS = sorted(BGR)
SIZE = (32, 32, 3)


def classifier(activation: str | None = "softmax"):
    """Return the model: 3x3 averages of each RGB channel, averaged, then one dense layer; input -1 to 1."""
    stack = [
        keras.Input(SIZE),
        keras.layers.Conv2D(6, 3, padding="same", use_bias=False, name="features"),
        keras.layers.BatchNormalization(epsilon=1e-6, name="features_bn"),
        keras.layers.ReLU(name="features_relu"),
        keras.layers.GlobalAveragePooling2D(),
        keras.layers.Dense(3, activation=activation, name="classifier"),
    ]
    model = keras.Sequential(stack, name="colours")
    kernel = np.zeros((3, 3, 3, 6), np.float32)
    for channel in range(3):
        # No two weights are equal, so that pruning can tell them apart.
        average = (1 + np.linspace(-0.2, 0.2, 9).reshape(3, 3) + channel / 100) / 9
        kernel[..., channel, channel] = average  # what is above the middle
        kernel[..., channel, channel + 3] = -average - 1e-3  # what is below
    model.get_layer("features").set_weights([kernel])
    dense = np.zeros((6, 3), np.float32)
    for label, channel in enumerate((2, 1, 0)):  # blue, green, red among RGB
        dense[channel, label], dense[channel + 3, label] = 6, -6
    model.get_layer("classifier").set_weights([dense, np.zeros(3, np.float32)])
    return model


def saved(path: Path, model=None, labels=LABELS) -> Path:
    """Write the model and labels.txt beside it; return the model's path."""
    from edge.deploy import quantized

    path.parent.mkdir(parents=True, exist_ok=True)
    with quantized.saving_h5():
        (model or classifier()).save(path)
    path.with_name("labels.txt").write_text("".join(f"{label}\n" for label in labels))
    return path

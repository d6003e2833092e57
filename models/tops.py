"""Tops of classifiers, which map the last features to probabilities. ``backbones.TOP`` has their layers' names."""

from collections.abc import Mapping
from typing import Any

import tf_keras as keras

from edge.models.blocks import activation


def classifier(
    inputs: Any, x: Any, classes: int, name: str, dropout: float = 0.0, hidden: tuple[int, str] | None = None
) -> Any:
    """Return a ``keras.Model`` that ends in global average pooling, dropout, a dense layer and softmax.

    Args:
        inputs: the network's input.
        x: its features, (batch, height, width, channels).
        classes: number of outputs.
        name: the model's name.
        dropout: rate before the last layer; 0 for none.
        hidden: units and activation of a dense layer behind the pooling, for networks that have one.
    """
    x = keras.layers.GlobalAveragePooling2D(name="pool")(x)
    if hidden:
        x = keras.layers.Dense(hidden[0], kernel_initializer="he_normal", name="hidden")(x)
        x = activation(x, hidden[1], "hidden")
    return keras.Model(inputs, probabilities(x, classes, dropout), name=name)


def flat_classifier(
    inputs: Any, x: Any, hidden: Mapping[str, int], classes: int, name: str, dropout: float = 0.0
) -> Any:
    """Return a ``keras.Model`` that ends in flattening, hidden dense layers with ReLU, a dense layer and softmax.

    The number of weights of the first dense layer depends on the features' height and width.

    Args:
        inputs: the network's input.
        x: its features, (batch, height, width, channels).
        hidden: units of the hidden layers, by the layers' names.
        classes: number of outputs.
        name: the model's name.
        dropout: rate before each hidden layer; 0 for none.
    """
    x = keras.layers.Flatten(name="flatten")(x)
    for layer, units in hidden.items():
        if dropout:
            x = keras.layers.Dropout(dropout, name=f"{layer}_dropout")(x)
        x = keras.layers.Dense(units, kernel_initializer="he_normal", name=layer)(x)
        x = activation(x, "relu", layer)
    return keras.Model(inputs, probabilities(x, classes), name=name)


def probabilities(x: Any, classes: int, dropout: float = 0.0) -> Any:
    """Apply dropout, a dense layer and softmax: (batch, features) to (batch, classes).

    The output is float32, under mixed precision, too.
    """
    if dropout:
        x = keras.layers.Dropout(dropout, name="dropout")(x)
    x = keras.layers.Dense(classes, kernel_initializer="he_normal", name="classifier")(x)
    return softmax(x)


def softmax(x: Any) -> Any:
    """Apply softmax over the last axis. The output is float32, under mixed precision, too."""
    return keras.layers.Activation("softmax", dtype="float32", name="probabilities")(x)

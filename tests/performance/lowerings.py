"""The forms in which a layer can be written for LiteRT, timed against each other in one run, int8, one thread."""

import time
from collections.abc import Callable
from typing import Any

import numpy as np

from edge.deploy._tensorflow import need

tf = need("tensorflow")

import tf_keras as keras  # noqa: E402
from ai_edge_litert.interpreter import Interpreter  # noqa: E402

from edge.deploy.conversion import freeze, tflite  # noqa: E402
from edge.models import blocks  # noqa: E402
from tests import tflite_file  # noqa: E402

LAYERS = 6
ROUNDS = 150


def fused_hard_swish(x: Any) -> Any:
    """What the converter makes one HARD_SWISH of."""
    return x * tf.nn.relu6(x + 3) * (1 / 6)


def shuffle_5d(groups: int) -> Callable[[Any], Any]:
    """Return the paper's channel shuffle."""

    def shuffled(x: Any) -> Any:
        height, width, channels = x.shape[1:]
        split = tf.reshape(x, (-1, height, width, groups, channels // groups))
        return tf.reshape(tf.transpose(split, (0, 1, 2, 4, 3)), (-1, height, width, channels))

    return shuffled


def shuffle_gather(groups: int) -> Callable[[Any], Any]:
    """Return it as one permutation of the channels."""

    def shuffled(x: Any) -> Any:
        order = np.arange(x.shape[-1]).reshape(groups, -1).T.ravel()
        return tf.gather(x, order, axis=-1)

    return shuffled


def network(channels: int, side: int, groups: int = 1, behind: Any = None, split: bool = False) -> Any:
    """Return 1x1 convolutions, each with ``behind`` applied; split: groups as convolutions of their own."""
    from edge.models.layers import ChannelShuffle

    x = entry = keras.Input((side, side, channels))
    for number in range(LAYERS):
        if split:
            parts = tf.split(x, groups, axis=-1)
            parts = [blocks.conv(part, channels // groups, f"c{number}_{g}", act=None) for g, part in enumerate(parts)]
            x = tf.concat(parts, -1)
        else:
            x = blocks.conv(x, channels, f"c{number}", groups=groups, act=None)
        if behind == "hard_swish":
            x = blocks.hard_swish(x, f"a{number}")
        elif behind == "shuffle":
            x = ChannelShuffle(3, name=f"s{number}")(x)
        elif behind is not None:
            x = keras.layers.Lambda(behind)(x)
    return keras.Model(entry, x)


def forms() -> dict[str, dict[str, Any]]:
    """Return, for each layer, its forms as networks; the first is ours."""
    return {
        "hard_swish": {
            "add, multiply, multiply": network(32, 56, behind="hard_swish"),
            "fused": network(32, 56, behind=fused_hard_swish),
        },
        "channel shuffle": {
            "4-D transpose": network(240, 28, behind="shuffle"),
            "5-D transpose": network(240, 28, behind=shuffle_5d(3)),
            "gather": network(240, 28, behind=shuffle_gather(3)),
        },
        "grouped convolution": {
            "grouped": network(240, 28, groups=3),
            "split and concatenated": network(240, 28, groups=3, split=True),
        },
    }


def measure() -> dict[str, dict[str, dict[str, float]]]:
    """Return milliseconds (the median of rounds in which every form has its turn) and partitions, by layer and form."""
    found = {}
    for layer, networks in forms().items():
        files = {form: _int8(model) for form, model in networks.items()}
        times = _in_turn(list(files.values()))
        found[layer] = {
            form: {"ms": round(ms, 4), "partitions": tflite_file.delegate_partitions(content)[0]}
            for (form, content), ms in zip(files.items(), times, strict=True)
        }
    return found


def _int8(model: Any) -> bytes:
    rng = np.random.default_rng(0)
    samples = [rng.normal(0, 1, (1, *model.input_shape[1:])).astype(np.float32) for _ in range(4)]
    return tflite.to_int8(freeze.freeze_keras(model), samples)


def _in_turn(files: list[bytes]) -> list[float]:
    interpreters = [Interpreter(model_content=content, num_threads=1) for content in files]
    for interpreter in interpreters:
        interpreter.allocate_tensors()
        interpreter.invoke()
    seconds: list[list[float]] = [[] for _ in interpreters]
    for _ in range(ROUNDS):
        for interpreter, spent in zip(interpreters, seconds, strict=True):
            started = time.perf_counter()
            interpreter.invoke()
            spent.append(time.perf_counter() - started)
    return [1000 * float(np.median(spent)) for spent in seconds]

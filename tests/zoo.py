"""Every network of the table, made once a session: at the paper's size for its costs, and small for everything else.

The tables here also say which networks ``make test`` takes and which are left to ``make test-full``.
"""

import math
from contextlib import nullcontext
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pytest

from edge.models import build
from edge.models.networks import NETWORKS

SAME_BUILDER = {
    "mobilenet_v3_small": "mobilenet_v3_large",
    "mobilenet_v3_large_minimalistic": "mobilenet_v3_large",
    "mobilenet_v3_small_minimalistic": "mobilenet_v3_large",
    "mobilenet_v4_conv_medium": "mobilenet_v4_conv_small",
    "mobilenet_v1_025_96": "mobilenet_v1",
    **{f"efficientnet_lite{n}": "efficientnet_lite0" for n in range(1, 5)},
    "mcunet_vww2": "mcunet_in2",
    "resnet34": "resnet18",
    "squeezenet_1_0": "squeezenet_1_1",
    "fcn32s": "fcn8s",
    "fcn16s": "fcn8s",
    "m11": "m5",
    "mobilevit_xs": "mobilevit_xxs",
    "mobilevit_s": "mobilevit_xxs",
}
"""Networks that differ from another one in the numbers of their table, or have simpler kernels and activations."""
FAST = ("lenet5", "ds_cnn", "m5", "text_cnn", "toycar")
"""Representatives for ``make test``: a picture, normalizations, a sound, tokens, and an output that is no class."""
_BUILDERS = [name for name in NETWORKS if name not in SAME_BUILDER]
HEAVY = {"alexnet", "alexnet_2012", "vgg16", "c3d", "unet", "fcn32s", "fcn16s", "fcn8s"}
"""Networks whose weights take longer to draw than their layers to trace: their costs are counted without weights."""


def rows(builders_only: bool = False):
    """Return a row for each network, or for one network of each builder; those that are not FAST are slow.

    Both lists begin alike, so that pytest makes the fixtures of a network once.
    """
    names = _BUILDERS if builders_only else [*_BUILDERS, *SAME_BUILDER]
    slow = [[] if name in FAST else [pytest.mark.slow] for name in names]
    return [pytest.param(n, marks=[pytest.mark.xdist_group(n), *m]) for n, m in zip(names, slow, strict=True)]


def grouped(rows):
    """Return the rows, whose first value is a network, each in its network's group: one worker builds it for all."""
    group = pytest.mark.xdist_group
    return [pytest.param(*row.values, id=row.id, marks=[group(row.values[0]), *row.marks]) for row in rows]


@dataclass(frozen=True)
class Paper:
    """A network at the paper's size, or another one, without its weights.

    Attributes:
        costs: parameters and multiply-accumulates.
        outputs: the shapes of its outputs, without the batch.
    """

    costs: Any
    outputs: tuple[tuple[int, ...], ...]


def paper(name: str, input_shape=None, classes=None, width: float = 1.0, **options) -> Paper:
    """Return what ``name`` is at this size; None for the paper's. Each is built once in a worker."""
    row = NETWORKS[name]
    return _paper(name, input_shape or row.input_shape, classes or row.classes, width, **options)


@cache
def _paper(name: str, input_shape, classes: int, width: float, **options) -> Paper:
    import tensorflow as tf

    from edge.models.complexity import complexity

    with tf.Graph().as_default() if name in HEAVY else nullcontext():
        model = build(name, input_shape, classes, width, **options)
        return Paper(complexity(model), tuple(tuple(output.shape[1:]) for output in model.outputs))


WIDTH = 0.25
CLASSES = 5
LEAST_SIDE = {1: 32, 2: 256, 3: 32, 4: 32}
"""Of height and width by the input's dimensions: small, and several positions left after the usual strides."""


def input_shape(name: str, larger: int = 0) -> tuple[int, ...]:
    """Return a small input for ``name``; ``larger``: so many steps of what fits more, in each sliding dimension."""
    row = NETWORKS[name]
    least = 64 if row.tasks[0] == "detect" else LEAST_SIDE[len(row.smallest)]  # its extra maps halve the last
    step = math.lcm(16, row.multiple)
    sides = []
    for smallest in row.smallest[:-1]:
        # A clip's frames are few; an odd input like 63 stays what it is when it is the least.
        side = smallest if smallest >= least or (len(row.smallest) == 4 and not sides) else least
        sides.append(-(-side // row.multiple) * row.multiple + step * larger)
    channels = row.input_shape[-1] if len(row.input_shape) > 1 else max(row.smallest[0], 64) + 16 * larger
    return (*sides, channels)


OPTIONS = {"text_cnn": {"vocabulary": 64, "embedding": 16}}
"""Options with which a network is small in tests: its table of words has most of its weights."""


class Files:
    """A temporary folder, and what is made of ``model``, which a subclass has, in the same way for all."""

    def __init__(self) -> None:
        self._folder = TemporaryDirectory(prefix="edge-network-")
        self.folder = Path(self._folder.name)

    def write(self, name: str, content: bytes) -> Path:
        """Return the path of the new file."""
        path = self.folder / name
        path.write_bytes(content)
        return path

    def close(self) -> None:
        """Remove the folder."""
        self._folder.cleanup()

    @cached_property
    def frozen(self):
        from edge.deploy.conversion.freeze import freeze_keras

        return freeze_keras(self.model)

    @cached_property
    def float32(self) -> Path:
        from edge.deploy.conversion import tflite

        return self.write("float32.tflite", tflite.to_float32(self.frozen))


class Subject(Files):
    """One network; each property is computed when it is first asked for."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self.name, self.row = name, NETWORKS[name]

    def build(self, larger: int = 0, **options):
        """Return the network at the test's width and class count."""
        import tf_keras as keras

        keras.utils.set_random_seed(7)
        options = {**OPTIONS.get(self.name, {}), **options}
        return build(self.name, input_shape(self.name, larger), CLASSES, WIDTH, **options)

    @cached_property
    def model(self):
        """Return the network with moving statistics of one batch, so that its outputs are of an ordinary size."""
        model = self.build()
        settle(model, self.batch(model, 64, seed=1))
        return model

    @cached_property
    def larger(self):
        """Return the network for a larger input, in mixed precision."""
        import tf_keras as keras

        keras.mixed_precision.set_global_policy("mixed_bfloat16")
        try:
            return self.build(larger=1)
        finally:
            keras.mixed_precision.set_global_policy("float32")

    def batch(self, model, count, seed):
        """Return (count, …) inputs of the model's own type: normal values, or tokens of its vocabulary."""
        rng = np.random.default_rng(seed)
        entry = model.inputs[0]
        if entry.dtype.is_integer:
            return rng.integers(0, 20, (count, *entry.shape[1:])).astype(np.int32)
        return rng.normal(0, 1, (count, *entry.shape[1:])).astype(np.float32)

    @cached_property
    def inputs(self):
        return self.batch(self.model, 4, seed=2)

    @cached_property
    def expected(self):
        """Return the model's outputs on ``inputs``, a list."""
        return outputs(self.model, self.inputs)

    @cached_property
    def int8(self) -> Path:
        from edge.deploy.conversion import tflite

        return self.write("int8.tflite", tflite.to_int8(self.frozen, self.batch(self.model, 8, seed=3)[:, None]))

    @cached_property
    def onnx(self) -> Path:
        from edge.deploy.conversion import onnx

        target = self.folder / "float32.onnx"
        onnx.from_tflite(self.float32, target)
        return target


def outputs(model, inputs, training=False):
    """Return a Keras model's outputs as a list of arrays."""
    made = model(inputs, training=training)
    return [np.asarray(out, np.float32) for out in (made if isinstance(made, (list, tuple)) else [made])]


def settle(model, inputs):
    """Set the moving statistics of every normalization to those of one batch."""
    import tf_keras as keras

    norms = [layer for layer in model.submodules if isinstance(layer, keras.layers.BatchNormalization)]
    kept = [norm.momentum for norm in norms]
    for norm in norms:
        norm.momentum = 0.0
    model(inputs, training=True)
    for norm, momentum in zip(norms, kept, strict=True):
        norm.momentum = momentum


@cache
def subject(name: str) -> Subject:
    """Return the session's ``Subject``."""
    return Subject(name)

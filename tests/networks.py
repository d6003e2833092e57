"""Every network of the table made once a session: trained a little, pruned, quantized, converted.

The data are flat colours, one a class, with noise: a network separates them within a few steps, so that its
outputs are far from ties and a top-1 comparison speaks about the conversion, not about chance.
"""

from functools import cache, cached_property
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from edge.models import build

SIZE = (32, 32, 3)
WIDTH = 0.25
COLOURS = np.array([[1, -1, -1], [-1, 1, -1], [-1, -1, 1], [1, 1, -1]], np.float32)
CLASSES = len(COLOURS)
BATCH = 64
STEPS = 80
"""After them the least certain of the held-out images is far from a tie in all networks tried."""


def colours(count: int, seed: int):
    """Return (count, 32, 32, 3) float32 images and (count,) int64 classes."""
    rng = np.random.default_rng(seed)
    classes = np.arange(count) % CLASSES
    shades = 0.7 * COLOURS[classes] + rng.normal(0, 0.1, (count, 3))
    return (shades[:, None, None, :] + rng.normal(0, 0.1, (count, *SIZE))).astype(np.float32), classes


def run(model, images):
    """Return the outputs of a Keras model in inference mode."""
    return model(images, training=False).numpy()


class Network:
    """One network; each property is computed when it is first asked for."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._folder = TemporaryDirectory(prefix="edge-network-")
        self.folder = Path(self._folder.name)
        self.images, _ = colours(BATCH, seed=1)
        self.held_out, self.held_out_classes = colours(128, seed=2)

    @cached_property
    def trained(self):
        """Return (model, its loss on held-out images before and after)."""
        import tf_keras as keras

        keras.utils.set_random_seed(3)
        model = build(self.name, SIZE, CLASSES, WIDTH)
        before = self.loss(model)
        self.fit(model, keras.optimizers.schedules.CosineDecay(0.01, STEPS), STEPS)
        self._settle(model)
        return model, (before, self.loss(model))

    def loss(self, model) -> float:
        """Return the mean cross-entropy on the held-out images."""
        out = run(model, self.held_out)
        return float(-np.log(out[np.arange(len(out)), self.held_out_classes] + 1e-9).mean())

    def _settle(self, model) -> None:
        """Set the moving statistics to those of one large batch: the steps are too few for their average."""
        import tf_keras as keras

        norms = [layer for layer in model.layers if isinstance(layer, keras.layers.BatchNormalization)]
        kept = [norm.momentum for norm in norms]
        for norm in norms:
            norm.momentum = 0.0
        model(colours(4 * BATCH, seed=4)[0], training=True)
        for norm, momentum in zip(norms, kept, strict=True):
            norm.momentum = momentum

    @property
    def model(self):
        return self.trained[0]

    def fit(self, model, rate, steps, callbacks=()):
        """Fit for one epoch of ``steps`` fresh batches. A few steps are done before a graph would be traced."""
        import tf_keras as keras

        images, classes = colours(BATCH * steps, seed=5)
        model.compile(keras.optimizers.Adam(rate), keras.losses.CategoricalCrossentropy(), run_eagerly=steps < 5)
        targets = np.eye(CLASSES, dtype=np.float32)[classes]
        model.fit(images, targets, BATCH, shuffle=False, verbose=0, callbacks=list(callbacks))
        model.compile()

    @cached_property
    def frozen(self):
        from edge.deploy.convert.freeze import freeze_keras

        return freeze_keras(self.model)

    @cached_property
    def float32(self) -> Path:
        from edge.deploy.convert import tflite

        return self._write("float32.tflite", tflite.to_float32(self.frozen))

    @cached_property
    def int8(self) -> Path:
        from edge.deploy.convert import tflite

        return self._write("int8.tflite", tflite.to_int8(self.frozen, self.images[:, None]))

    def onnx(self, precision: str) -> Path:
        """Return the ONNX file derived from the TFLite file of ``precision``."""
        from edge.deploy.convert import onnx

        target = self.folder / f"{precision}.onnx"
        if not target.exists():
            onnx.from_tflite(getattr(self, precision), target)
        return target

    @cached_property
    def quantize_aware(self):
        """Return the quantization-aware network after two steps of training."""
        from edge.deploy.compress import qat

        simulated = qat.quantize_aware(self.model, [self.images])
        self.fit(simulated, rate=1e-4, steps=2)
        return simulated

    @cached_property
    def qat_int8(self) -> Path:
        from edge.deploy.convert import tflite
        from edge.deploy.convert.freeze import freeze_keras

        return self._write("qat.tflite", tflite.qat_to_int8(freeze_keras(self.quantize_aware)))

    @cached_property
    def pruned(self):
        """Return the network pruned to half, without wrappers."""
        from edge.deploy.compress import prune

        wrapped, callbacks = prune.prunable(self.model, 0.5, steps=3)
        self.fit(wrapped, rate=1e-4, steps=3, callbacks=callbacks)
        return prune.strip(wrapped)

    @cached_property
    def pruned_quantize_aware(self):
        """Return the pruned network quantization-aware after one step of training that may not fill its zeros."""
        from edge.deploy.compress import qat

        simulated = qat.quantize_aware(self.pruned, [self.images], keep_sparsity=True)
        self.fit(simulated, rate=1e-2, steps=1)
        return simulated

    def _write(self, name: str, content: bytes) -> Path:
        path = self.folder / name
        path.write_bytes(content)
        return path


@cache
def network(name: str) -> Network:
    """Return the session's ``Network``."""
    return Network(name)

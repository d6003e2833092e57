"""One network of every mobile family made once a session: trained a little, pruned, quantized, converted.

The data are flat colours, one a class, with noise: a network separates them within a few steps, so that its
outputs are far from ties and a top-1 comparison speaks about the conversion, not about chance.
"""

from functools import cache, cached_property
from pathlib import Path

import numpy as np

from edge.models import build
from tests import zoo

SIZE = (32, 32, 3)
WIDTH = 0.25
COLOURS = np.array([[1, -1, -1], [-1, 1, -1], [-1, -1, 1], [1, 1, -1]], np.float32)
CLASSES = len(COLOURS)
BATCH = 64
STEPS = 80
"""After them the least certain of the held-out images is far from a tie in all networks tried."""
HELD_OUT = 1000
PRUNED = ("mobilenet_v1", "mobilenet_v2", "shufflenet_v1", "shufflenet_v2")
"""Pruned while they are trained, which takes twice the time. The others' kernels are in the same kinds of layers."""


def colours(count: int, seed: int):
    """Return (count, 32, 32, 3) float32 images and (count,) int64 classes."""
    rng = np.random.default_rng(seed)
    classes = np.arange(count) % CLASSES
    shades = 0.7 * COLOURS[classes] + rng.normal(0, 0.1, (count, 3))
    return (shades[:, None, None, :] + rng.normal(0, 0.1, (count, *SIZE))).astype(np.float32), classes


def run(model, images):
    """Return the outputs of a Keras model in inference mode."""
    return model(images, training=False).numpy()


class Network(zoo.Files):
    """One network; each property is computed when it is first asked for, from the ones before."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self.name = name
        self.images, _ = colours(BATCH, seed=1)
        self.held_out, self.held_out_classes = colours(HELD_OUT, seed=2)

    @cached_property
    def trained(self):
        """Return the model and what it gave for the held-out images before; some are pruned to half meanwhile."""
        import tf_keras as keras

        from edge.deploy.compress import prune

        keras.utils.set_random_seed(3)
        model = build(self.name, SIZE, CLASSES, WIDTH)
        before = run(model, self.held_out)
        if self.name in PRUNED:
            wrapped, (update,) = prune.prunable(model, 0.5, STEPS)
            update.set_model(wrapped)
            fit(wrapped, update)
            model = prune.strip(wrapped)
        else:
            fit(model, keras.callbacks.Callback())
        settle(model)
        return model, before

    @property
    def model(self):
        return self.trained[0]

    @cached_property
    def expected(self):
        """Return what the model gives for the held-out images."""
        return run(self.model, self.held_out)

    @property
    def losses(self) -> tuple[float, float]:
        """Return the mean cross-entropy on the held-out images before the training and after."""
        rows = np.arange(HELD_OUT)
        before, after = (
            float(-np.log(out[rows, self.held_out_classes] + 1e-9).mean()) for out in (self.trained[1], self.expected)
        )
        return before, after

    @cached_property
    def int8(self) -> Path:
        from edge.deploy.conversion import tflite

        return self.write("int8.tflite", tflite.to_int8(self.frozen, self.images[:, None]))

    @cached_property
    def quantize_aware(self):
        """Return the network, quantization-aware, after a step of training that may not fill its zeros."""
        import tf_keras as keras

        from edge.deploy.compress import qat

        simulated = qat.quantize_aware(self.model, [self.images], keep_sparsity=True)
        images, targets = batches(1)
        simulated.compile(keras.optimizers.legacy.Adam(1e-4), "categorical_crossentropy", run_eagerly=True)
        simulated.fit(images, targets, BATCH, verbose=0)
        simulated.compile()
        qat.finish(simulated, self.model)
        return simulated

    @cached_property
    def qat_int8(self) -> Path:
        from edge.deploy.conversion import tflite
        from edge.deploy.conversion.freeze import freeze_keras

        return self.write("qat.tflite", tflite.qat_to_int8(freeze_keras(self.quantize_aware)))

    @cached_property
    def onnx(self) -> Path:
        """Return the ONNX file derived from the quantization-aware TFLite file."""
        from edge.deploy.conversion import onnx

        target = self.folder / "qat.onnx"
        onnx.from_tflite(self.qat_int8, target)
        return target


def batches(count: int):
    """Return images and one-hot targets for ``count`` steps."""
    images, classes = colours(BATCH * count, seed=5)
    return images, np.eye(CLASSES, dtype=np.float32)[classes]


def fit(model, callback) -> None:
    """Train for ``STEPS`` fresh batches. Keras' own loop takes three times as long to trace itself."""
    import tensorflow as tf
    import tf_keras as keras

    optimizer = keras.optimizers.legacy.Adam(keras.optimizers.schedules.CosineDecay(0.01, STEPS))
    entropy = keras.losses.CategoricalCrossentropy()

    def step(images, targets):
        with tf.GradientTape() as tape:
            loss = entropy(targets, model(images, training=True))
        optimizer.apply_gradients(zip(tape.gradient(loss, weights), weights, strict=True))

    weights = model.trainable_variables
    optimizer.apply_gradients([(tf.zeros_like(w), w) for w in weights])  # makes its variables, or it is traced twice
    optimizer.iterations.assign(0)
    model.optimizer = optimizer  # whose count of steps the callback begins with
    traced = tf.function(step, autograph=False)
    callback.on_train_begin()
    for number, (images, targets) in enumerate(tf.data.Dataset.from_tensor_slices(batches(STEPS)).batch(BATCH)):
        callback.on_train_batch_begin(number)
        traced(images, targets)
    callback.on_epoch_end(0)


def settle(model) -> None:
    """Set the moving statistics to those of one large batch: the steps are too few for their average."""
    zoo.settle(model, colours(4 * BATCH, seed=4)[0])


@cache
def network(name: str) -> Network:
    """Return the session's ``Network``."""
    return Network(name)

"""Average a fine-tuned network with the one that it started from.

Both lie in one basin of the loss, and a network between them generalizes better than either: Robust fine-tuning of
zero-shot models (Wortsman et al. 2022, https://arxiv.org/abs/2109.01903), section 3. The moving statistics must fit the
averaged weights, so they are computed again, as in Averaging weights leads to wider optima (Izmailov et al. 2018,
https://arxiv.org/abs/1803.05407), section 3.2.
"""

from typing import Any

import tf_keras as keras

from edge.models.training.dataset_task import DatasetTask

BATCHES, BATCH = 50, 256
"""The batches for the moving statistics and their size, which are enough for the mean to settle."""


def average(model: Any, start: list[Any], share: float, task: DatasetTask, seed: int) -> None:
    """Set the weights of a model to share * start + (1 - share) * its own, and compute its moving statistics again.

    Args:
        model: the fine-tuned network, which is changed.
        start: the weights of the network before, as ``get_weights`` returns them.
        share: from 0 to 1.
        task: the training samples for the moving statistics.
        seed: chooses the samples.
    """
    own = model.get_weights()
    model.set_weights([share * a + (1 - share) * b for a, b in zip(start, own, strict=True)])
    norms = [layer for layer in model.layers if isinstance(layer, keras.layers.BatchNormalization)]
    momenta = [layer.momentum for layer in norms]
    for step, batch in enumerate(task.inputs(BATCH, BATCHES * BATCH, seed), start=1):
        for layer in norms:
            layer.momentum = 1 - 1 / step  # the mean of all batches so far
        model(batch, training=True)
    for layer, momentum in zip(norms, momenta, strict=True):
        layer.momentum = momentum

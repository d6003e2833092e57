"""Average a fine-tuned network with the one that it started from.

The two lie in one basin, and what is between them generalizes better than either:
Robust fine-tuning of zero-shot models (Wortsman et al. 2022, https://arxiv.org/abs/2109.01903), section 3;
the moving statistics belong to the averaged weights and are taken anew, as in Averaging weights leads to wider
optima (Izmailov et al. 2018, https://arxiv.org/abs/1803.05407), section 3.2.
"""

from typing import Any

import tf_keras as keras

from edge.models.training.dataset_task import DatasetTask

BATCHES, BATCH = 50, 256
"""Images that the moving statistics are taken on: enough for their mean to settle."""


def average(model: Any, start: list[Any], share: float, task: DatasetTask, seed: int) -> None:
    """Set the weights of ``model`` to share * start + (1 - share) * its own, and take its BN statistics anew.

    start: as ``get_weights`` returns them, of the same network. share: 0 to 1. task: whose training samples.
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

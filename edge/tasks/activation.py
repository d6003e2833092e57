"""Which activation is still to apply to a network's scores, where no manifest says so."""

from collections.abc import Sequence

import numpy as np

from edge.tensors import Tensor, TensorSpec

SUM_TOLERANCE = 0.01
"""How far a float softmax over any number of classes may sum from 1. Logits in 0 to 1 that do so do not occur."""


def find_activation(tensors: Sequence[Tensor]) -> tuple[str, bool]:
    """Tell probabilities from logits by what a network gave, where no manifest does.

    Quantized outputs are told by their steps (``has_probability_steps``). Float probabilities lie within 0 to 1. Those
    of a softmax sum to 1; others are independent of each other, as those of several sigmoids.

    Args:
        tensors: the output of scores in one or more runs; more runs tell more.

    Returns:
        The activation that is still to apply, one of ``edge.decoders.activations.ACTIVATIONS``, and whether the
        classes are independent.
    """
    values = [tensor.real.ravel() for tensor in tensors]
    spec, count = tensors[0].spec, values[0].size
    if not are_probabilities(tensors):
        return ("sigmoid" if count == 1 else "softmax"), False
    sums = [float(real.sum()) for real in values]
    if spec.quantization is None:
        return "none", count > 1 and any(abs(total - 1) > SUM_TOLERANCE for total in sums)
    # Hundreds of small classes round to 0, so a small sum says nothing; a large one cannot be a softmax's.
    largest = 1 + count * spec.quantization.scale / 2
    return "none", count > 1 and any(total > largest + 1e-6 for total in sums)


def are_probabilities(tensors: Sequence[Tensor]) -> bool:
    """Tell whether an output comes from a softmax or a sigmoid: by its steps when quantized, else by its range."""
    spec = tensors[0].spec
    if spec.quantization is not None:
        return has_probability_steps(spec)
    return all(bool(tensor.raw.min() >= 0 and tensor.raw.max() <= 1) for tensor in tensors)


def has_probability_steps(spec: TensorSpec) -> bool:
    """Tell whether an output has the steps that TFLite gives to every softmax and sigmoid, and to little else.

    They are 1/256 from the lowest integer of eight bits, and 1/32768 from 0 for int16
    (https://ai.google.dev/edge/litert/models/quantization_spec). Files by other converters may be off by a rounding.
    """
    steps = spec.quantization
    if steps is None or spec.dtype.kind not in "iu":
        return False
    wide = spec.dtype == np.int16
    scale, lowest = (1 / 32768, 0) if wide else (1 / 256, int(np.iinfo(spec.dtype).min))
    return steps.zero_point == lowest and abs(steps.scale / scale - 1) < 1e-3

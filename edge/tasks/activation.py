"""``find_activation`` finds the activation that a network lacks, when no manifest states it."""

from collections.abc import Sequence

import numpy as np

from edge.tensors import Tensor, TensorSpec

SUM_TOLERANCE = 0.01
"""How far a float softmax over any number of classes may sum from 1. Logits in 0 to 1 that do so do not occur."""


def find_activation(tensors: Sequence[Tensor]) -> tuple[str, bool]:
    """Decide from the values of an output whether they are probabilities or logits.

    Quantized probabilities are recognized by their scale (``has_probability_steps``), float ones by the range 0 to 1.
    The probabilities of a softmax sum to 1. Otherwise the classes are independent, as with several sigmoids.

    Args:
        tensors: the output with the scores in one or more runs. More runs make the decision more certain.

    Returns:
        The activation that must still be applied, one of ``edge.decoders.activations.ACTIVATIONS``, and whether the
        classes are independent.
    """
    values = [tensor.real.ravel() for tensor in tensors]
    spec, count = tensors[0].spec, values[0].size
    if not are_probabilities(tensors):
        return ("sigmoid" if count == 1 else "softmax"), False
    sums = [float(real.sum()) for real in values]
    if spec.quantization is None:
        return "none", count > 1 and any(abs(total - 1) > SUM_TOLERANCE for total in sums)
    # Hundreds of small scores may round to 0, so the sum of a softmax may be below 1, but not far above.
    largest = 1 + count * spec.quantization.scale / 2
    return "none", count > 1 and any(total > largest + 1e-6 for total in sums)


def are_probabilities(tensors: Sequence[Tensor]) -> bool:
    """Return whether an output holds probabilities: by its scale when it is quantized, else by its range."""
    spec = tensors[0].spec
    if spec.quantization is not None:
        return has_probability_steps(spec)
    return all(bool(tensor.raw.min() >= 0 and tensor.raw.max() <= 1) for tensor in tensors)


def has_probability_steps(spec: TensorSpec) -> bool:
    """Return whether an output has the quantization of softmax and sigmoid in TFLite.

    For 8 bits the scale is 1/256 and the zero point the lowest integer. For int16 they are 1/32768 and 0
    (https://ai.google.dev/edge/litert/models/quantization_spec). Other converters may round them differently.
    """
    steps = spec.quantization
    if steps is None or spec.dtype.kind not in "iu":
        return False
    wide = spec.dtype == np.int16
    scale, lowest = (1 / 32768, 0) if wide else (1 / 256, int(np.iinfo(spec.dtype).min))
    return steps.zero_point == lowest and abs(steps.scale / scale - 1) < 1e-3

"""An estimate of the memory that the Edge TPU compiler needs on the chip for parameters.

The compiler pads channels and stores a bias and a multiplier for each output channel. The constants are fitted to the
parameters in published compiled files (google-coral/test_data): BodyPix 1,477,888 bytes, MobileNetV1 0.25 566,912 and
0.5 1,473,280, DeepLabV3 766,720. The estimate lies within 1 % of each.
"""

from math import prod

from edge.deploy.placement_report.graph import Operation

ON_CHIP = 8 << 20
"""The memory on the chip, about 8 MB (https://coral.ai/docs/edgetpu/compiler). Instructions take some of it."""

_CHANNELS, _DEPTHWISE_CHANNELS, _BYTES_OF_A_CHANNEL = 16, 64, 24


def parameter_bytes(operation: Operation) -> int:
    """Return the estimated bytes of an operation's parameters on the chip."""
    weights = operation.input(1)
    if operation.name == "DEPTHWISE_CONV_2D" and weights is not None and weights.shape:
        channels = _padded(weights.shape[-1], _DEPTHWISE_CHANNELS)
        return (prod(weights.shape[:-1]) + _BYTES_OF_A_CHANNEL) * channels
    if operation.name in ("CONV_2D", "FULLY_CONNECTED", "TRANSPOSE_CONV") and weights is not None and weights.shape:
        kernel = prod(weights.shape[1:-1]) * _padded(weights.shape[-1], _CHANNELS)
        return (kernel + _BYTES_OF_A_CHANNEL) * _padded(weights.shape[0], _CHANNELS)
    return sum(tensor.size for tensor in operation.constants if tensor.dtype in ("int8", "uint8"))


def _padded(channels: int, multiple: int) -> int:
    return -(-channels // multiple) * multiple

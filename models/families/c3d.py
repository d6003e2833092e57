"""C3D (Tran et al. 2015, https://arxiv.org/abs/1412.0767), figure 3, with 3x3x3 convolutions over a clip."""

from typing import Any

from edge.models.conv3d import MaxPool3D, clip_input, conv3d
from edge.models.scaling import scale_channels
from edge.models.tops import flat_classifier

# The channels of each convolution of a stage, and the pooling over (time, height, width) behind the stage.
ROWS = (
    ((64,), (1, 2, 2)),
    ((128,), (2, 2, 2)),
    ((256, 256), (2, 2, 2)),
    ((512, 512), (2, 2, 2)),
    ((512, 512), (2, 2, 2)),
)
HIDDEN = {"fc6": 4096, "fc7": 4096}


def c3d(input_shape: tuple[int, int, int, int], classes: int, width: float = 1.0, dropout: float = 0.0) -> Any:
    """Return C3D, which maps (batch, frames, height, width, channels) to one class a clip.

    The paper's dropout is 0.5. As in the released network, the last pooling rounds up: 112x112 leaves 4x4 positions.
    """
    inputs = x = clip_input(input_shape)
    for stage, (row, pool) in enumerate(ROWS, start=1):
        for block, channels in enumerate(row, start=1):
            name = f"stage{stage}_block{block}"
            x = conv3d(x, scale_channels(channels, width, name), name)
        x = MaxPool3D(pool, name=f"stage{stage}_pool")(x)
    hidden = {name: scale_channels(units, width, name) for name, units in HIDDEN.items()}
    return flat_classifier(inputs, x, hidden, classes, "c3d", dropout)

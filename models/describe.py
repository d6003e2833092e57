"""What a network is and costs, before it is trained."""

from dataclasses import asdict, dataclass
from typing import Any

from edge.models.networks import NETWORKS
from edge.models.registry import build


@dataclass(frozen=True)
class Description:
    """What a network is and costs.

    Attributes:
        name: the name that ``build`` takes.
        summary: from the table; "plug-in" for a network of another package.
        paper: from the table; empty for a plug-in.
        tasks: from the table; empty for a plug-in.
        input_shape: without the batch.
        outputs: the shape of each output, without the batch.
        parameters: trainable parameters, see ``Complexity``.
        total: all parameters, see ``Complexity``.
        macs: multiply-accumulates, see ``Complexity``.
        activation_peak: the largest number of activation values alive at once, see ``footprint``.
        receptive_field: input rows that one value of the last feature map depends on; None when it depends on all, or
            when no convolution slides over the input.
        strides: the last layer at each total stride, for ``backbones.tap``; empty unless it classifies images.
    """

    name: str
    summary: str
    paper: str
    tasks: tuple[str, ...]
    input_shape: tuple[int, ...]
    outputs: tuple[tuple[int, ...], ...]
    parameters: int
    total: int
    macs: int
    activation_peak: int
    receptive_field: int | None
    strides: dict[int, str]

    def as_json(self) -> dict[str, Any]:
        """Return the JSON object that ``edge-train --describe --json`` writes."""
        return asdict(self)


def describe(name: str, **options: Any) -> Description:
    """Build a network and count its costs.

    Args:
        name: the network.
        options: those of ``build``.

    Raises:
        InputError: ``build`` refuses the name or an option.
    """
    model = build(name, **options)
    from edge.models.backbones import TOP, taps
    from edge.models.complexity import complexity
    from edge.models.footprint import activation_peak, receptive_field

    row, cost = NETWORKS.get(name), complexity(model)
    top = next((layer for layer in model.layers if layer.name in TOP), None)
    last = top.inbound_nodes[0].parent_nodes[0].layer.name if top else None
    return Description(
        name=name,
        summary=row.summary if row else "plug-in",
        paper=row.paper if row else "",
        tasks=row.tasks if row else (),
        input_shape=tuple(model.input_shape[1:]),
        outputs=tuple(tuple(output.shape[1:]) for output in model.outputs),
        parameters=cost.trainable,
        total=cost.total,
        macs=cost.macs,
        activation_peak=activation_peak(model),
        receptive_field=receptive_field(model, last),
        strides=taps(model) if top and len(model.input_shape) == 4 else {},
    )

"""The interface of a network for the loop. A session, a worker process and a test's stand-in satisfy it."""

from collections.abc import Callable
from typing import Protocol

from edge.errors import InputError
from edge.imaging import Image, Prepared
from edge.results import Result
from edge.signature import Signature, describe


class Network(Protocol):
    """The interface of a network for the loop. ``edge.session.Session`` implements it.

    Attributes:
        signature: the network's inputs and outputs.
        preprocess: turns a picture (height, width, 3) uint8 BGR into the network's input. None when the network does
            not take one image.
    """

    @property
    def signature(self) -> Signature: ...

    @property
    def preprocess(self) -> Callable[[Image], Prepared] | None: ...

    def infer(self, prepared: Prepared) -> Result:
        """Run the network and decode its outputs. Raises BrokenOutput when the outputs are no numbers."""
        ...

    def retune(self, score_threshold: float | None) -> None:
        """Use another score threshold from the next frame on. None takes back the network's own."""
        ...


def image_input(network: Network) -> Callable[[Image], Prepared]:
    """Return the network's preprocessing. Raises InputError when the network does not take one image."""
    if network.preprocess is not None:
        return network.preprocess
    inputs = network.signature.inputs
    which = "is no image" if len(inputs) == 1 else "are not one image"
    raise InputError(
        f"a loop gives a network one image, and {describe(inputs)} {which}: run it with edge.load or edge-bench"
    )

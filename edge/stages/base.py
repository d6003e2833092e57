"""The interfaces of gates and stages, and ``per_source``, which keeps one for each source."""

from collections.abc import Callable, Iterable, Sequence
from operator import index
from typing import Generic, Protocol, TypeVar

from edge.errors import InputError
from edge.frames import Frame
from edge.results import Result

Region = tuple[int, int, int, int]
"""x0, y0, x1, y1 in pixels of the frame; x1 and y1 are exclusive."""


class Gate(Protocol):
    """Decides which frames the network processes, for example those with motion."""

    def __call__(self, frame: Frame, /) -> bool | Region:
        """Return False to skip ``frame``, True to process it, or the region of it that the network gets.

        A region is clipped to the frame, and one without any pixel of the frame ends the run with InputError.

        The gate is called once per frame, always in the same thread, in order of the frames of each stream.
        """
        ...


class Stage(Protocol):
    """Changes a result after the network: it adds identities, nested results or counters, or removes predictions."""

    def __call__(self, frame: Frame, result: Result, /) -> Result:
        """Return the result to go on with. It is called in the loop's thread, for results without a fault."""
        ...


def in_frame(region: Iterable[int], size: tuple[int, int]) -> Region:
    """Return a region clipped to a frame.

    Args:
        region: x0, y0, x1, y1 in pixels of the frame, as a gate returned it.
        size: the width and height of the frame.

    Raises:
        InputError: it is not four whole numbers, or it has no pixel of the frame.
    """
    try:
        x0, y0, x1, y1 = map(index, region)
    except (TypeError, ValueError):
        raise _no_region(region, size) from None
    found = max(0, x0), max(0, y0), min(size[0], x1), min(size[1], y1)
    if found[0] >= found[2] or found[1] >= found[3]:
        raise _no_region(region, size)
    return found


def _no_region(region: object, size: tuple[int, int]) -> InputError:
    return InputError(
        f"a gate's region must be x0, y0, x1, y1 in whole pixels, with a part of the frame of {size[0]}x{size[1]}, "
        f"got {region!r}"[:300]
    )


T = TypeVar("T")


class PerSource(Generic[T]):
    """Keeps one object for each source, such as a tracker, which must not mix the objects of two cameras."""

    def __init__(self, make: Callable[[], Callable[..., T]]) -> None:
        """Store the function that makes one. It is called at a source's first frame."""
        self._make = make
        self._of: dict[str, Callable[..., T]] = {}

    def __call__(self, frame: Frame, *rest: Result) -> T:
        """Call the gate or stage of the frame's source."""
        found = self._of.get(frame.stream)
        if found is None:
            found = self._of[frame.stream] = self._make()
        return found(frame, *rest)


class InTurn:
    """Several gates as one: a frame must pass all of them, and the last region counts."""

    def __init__(self, gates: Sequence[Gate]) -> None:
        """Store the gates, the cheapest first."""
        self._gates = gates

    def __call__(self, frame: Frame) -> bool | Region:
        """Ask each gate until one skips the frame."""
        decision: bool | Region = True
        for gate in self._gates:
            found = gate(frame)
            if found is False:
                return False
            decision = decision if found is True else found
        return decision

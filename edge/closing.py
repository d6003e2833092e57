"""What models, sources and sinks have in common: they are context managers that close."""

from types import TracebackType
from typing import Protocol, TypeVar

T = TypeVar("T", bound="Closing")


class Closing(Protocol):
    """A thing that holds a resource; subclasses define ``close`` and inherit the ``with`` statement."""

    def close(self) -> None:
        """Release the resource; calling it twice does nothing."""
        ...

    def __enter__(self: T) -> T:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

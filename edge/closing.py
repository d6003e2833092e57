"""``Closing`` is the common base of models, sources and sinks: a context manager that closes."""

from types import TracebackType
from typing import Protocol, TypeVar

T = TypeVar("T", bound="Closing")


class Closing(Protocol):
    """A holder of a resource. Subclasses define ``close`` and inherit the ``with`` statement."""

    def close(self) -> None:
        """Release the resource. A second call does nothing."""
        ...

    def __enter__(self: T) -> T:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

"""``Control`` holds the settings that may be changed while a loop runs. The web preview and MQTT change them."""

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from edge.errors import InputError
from edge.labels import has_control
from edge.places import Line, Zone

Shape = Line | Zone

EVERY_SOURCE = ""
"""The key of lines and zones that apply to all sources."""


@dataclass(frozen=True)
class Settings:
    """What may be changed while a loop runs.

    Attributes:
        score_threshold: the least score of a prediction, from 0 to 1. None keeps the network's own threshold.
        labels: the labels that are kept. None keeps all.
        shapes: lines and zones by the source's name; ``EVERY_SOURCE`` stands for all sources.
    """

    score_threshold: float | None = None
    labels: frozenset[str] | None = None
    shapes: Mapping[str, tuple[Shape, ...]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Raise InputError for a threshold outside 0 to 1, an unprintable label, or a name that a source has twice."""
        if self.score_threshold is not None and not 0 <= self.score_threshold <= 1:
            raise InputError(f"score_threshold must be from 0 to 1, got {self.score_threshold}")
        for label in self.labels or ():
            if has_control(label):
                raise InputError(f"labels must be printable text that UTF-8 can write, got {label!r}"[:200])
        for source in self.shapes:
            names = [shape.name for shape in self.of(source)]
            if twice := sorted({name for name in names if names.count(name) > 1}):
                raise InputError(f"lines and zones of a source must have different names, got {twice[0]!r} twice")

    def of(self, source: str) -> tuple[Shape, ...]:
        """Return the lines and zones of a source, those for every source first."""
        own = self.shapes.get(source, ()) if source != EVERY_SOURCE else ()
        return (*self.shapes.get(EVERY_SOURCE, ()), *own)


class Control:
    """The present settings. Any thread may read and change them."""

    def __init__(self, settings: Settings | None = None) -> None:
        """Start with ``settings``, or with those that change nothing."""
        self._lock = threading.Lock()
        self._settings = settings or Settings()
        self._check: Callable[[Settings], None] | None = None

    @property
    def settings(self) -> Settings:
        """The present settings. A change replaces the object, so that one that was read stays as it is."""
        return self._settings

    def change(self, **changes: Any) -> Settings:
        """Replace some of the settings and return the new ones.

        Args:
            changes: fields of ``Settings``.

        Raises:
            InputError: a value is not allowed. Nothing is changed then.
        """
        with self._lock:
            changed = replace(self._settings, **changes)
            if self._check is not None:
                self._check(changed)
            self._settings = changed
            return changed

    def check_with(self, check: Callable[[Settings], None]) -> None:
        """Check the present settings, and all changes from now on.

        Args:
            check: raises InputError for settings that do not fit what runs.
        """
        check(self._settings)
        self._check = check

"""``Stopwatch`` notes how long each stage of a conversion takes."""

import time


class Stopwatch:
    """Times stages that follow each other.

    Attributes:
        stages: the name and the seconds of each stage that has ended.
    """

    def __init__(self) -> None:
        self.stages: list[tuple[str, float]] = []
        self._since = time.perf_counter()

    def ended(self, stage: str) -> None:
        """Note the time since the last stage ended, or since the start, as that of ``stage``."""
        now = time.perf_counter()
        self.stages.append((stage, now - self._since))
        self._since = now

"""How old a picture of a stream is: by the sender's clock, or by its time stamp in the stream.

A sender's RTCP reports (RFC 3550, section 6.4.1) state its time of day at a time stamp of the stream. Where both
machines keep their clocks by NTP, the difference to the time of day here is the true age. Without reports, time stamps
only tell how much later than the fastest one a picture came.
"""

from collections import deque

SANE_AGES = (-0.05, 10.0)
"""The ages in seconds by a sender's clock that are believed. Clocks kept by NTP differ by less than 0.05 s."""

WINDOW_SECONDS = 30.0
"""How far back the fastest picture is looked for. In this time, clocks of two machines drift by some milliseconds."""

JUMP_SECONDS = 10.0
"""A time stamp that is so far from the expected one begins a new count, such as after the sender was set to 0."""


def by_sender(sent: float, now: float) -> float | None:
    """Return the age in seconds by the sender's clock, or None when that clock cannot be right.

    Args:
        sent: the time of day when the picture was sent, by the sender's clock, in seconds.
        now: the time of day here, in seconds.
    """
    least, most = SANE_AGES
    age = now - sent
    return max(0.0, age) if least <= age <= most else None


class StampAge:
    """Ages by the time stamps of a stream: how much later than the fastest picture a picture came."""

    def __init__(self) -> None:
        """Start without a picture."""
        self._lags: deque[tuple[float, float]] = deque()  # rising in both: the first lag is the least in the window

    def __call__(self, stamp: float, now: float) -> float:
        """Return the age of a picture in seconds.

        Args:
            stamp: its time stamp in the stream, in seconds.
            now: the monotonic time in seconds.
        """
        lag = now - stamp
        if self._lags and abs(lag - self._lags[0][1]) > JUMP_SECONDS:
            self._lags.clear()
        while self._lags and self._lags[-1][1] >= lag:
            self._lags.pop()
        self._lags.append((now, lag))
        while self._lags[0][0] < now - WINDOW_SECONDS:
            self._lags.popleft()
        return lag - self._lags[0][1]

"""The options of network streams, as ``--source-option NAME=VALUE`` states them, and how their texts are read."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeVar

from edge.errors import InputError
from edge.options import build

T = TypeVar("T")

TRANSPORTS = {"tcp": "tcp", "udp": "udp", "multicast": "udp_multicast", "http": "http"}
"""The transports of RTSP by name, as FFmpeg calls them."""

_WORDS = {"true": True, "yes": True, "on": True, "false": False, "no": False, "off": False}


@dataclass(frozen=True)
class StreamOptions:
    """The option of every network stream.

    Attributes:
        timeout: the longest time in seconds that connecting and the first frame may take.
    """

    timeout: float = 10.0

    def __post_init__(self) -> None:
        """Raise InputError for a time that is no limit."""
        if not (math.isfinite(self.timeout) and 0 < self.timeout <= 600):
            raise InputError(f"timeout must be above 0 and at most 600 seconds, got {self.timeout}")


@dataclass(frozen=True)
class RtspOptions(StreamOptions):
    """The options of rtsp:// and rtsps:// addresses.

    Attributes:
        transport: how the pictures travel. ``udp`` loses pictures on a bad network, ``tcp`` delays them. ``multicast``
            is UDP to many receivers, and ``http`` tunnels RTSP through a web proxy.
        reader: ``av`` is PyAV, which knows the sender's clock, ``opencv`` needs no extra. ``auto`` takes PyAV where it
            is installed.
    """

    transport: Literal["tcp", "udp", "multicast", "http"] = "tcp"
    reader: Literal["auto", "av", "opencv"] = "auto"


@dataclass(frozen=True)
class HttpOptions(StreamOptions):
    """The options of http:// and https:// addresses.

    Attributes:
        verify: whether the certificate of an https:// server is checked.
    """

    verify: bool = True


def parse(cls: type[T], options: Mapping[str, str], what: str) -> T:
    """Make a dataclass of options from texts.

    Args:
        cls: one of the dataclasses of this module.
        options: the texts by name.
        what: what the options are for, in messages.

    Raises:
        InputError: a name is unknown, or a text is no value of its option.
    """
    return build(cls, {name: _value(text) for name, text in options.items()}, what)


def _value(text: str) -> Any:
    """Return the truth value or number that a text states, or the text."""
    if text.lower() in _WORDS:
        return _WORDS[text.lower()]
    try:
        return float(text)
    except ValueError:
        return text

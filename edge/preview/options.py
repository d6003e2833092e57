"""``PreviewOptions`` states what a person may choose of the web preview."""

import re
from dataclasses import dataclass, field

from edge.errors import InputError

MIN_TOKEN, MAX_TOKEN = 12, 256
_NAME = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?\.?")


@dataclass(frozen=True)
class PreviewOptions:
    """The options of the sink ``preview``.

    Attributes:
        token: what a visitor must know, usually ``${NAME}`` or ``${file:PATH}``. Empty makes one, unless only this
            machine reaches the address.
        names: more host names under which browsers may ask for the page, such as that of a reverse proxy.
        rate: the most pictures per second.
        width: the width of the live picture in pixels. Narrower frames keep theirs.
        quality: the JPEG quality of the live picture, from 1 to 100.
        viewers: the most browsers at one time.
    """

    token: str = field(default="", repr=False)
    names: tuple[str, ...] = ()
    rate: float = 10.0
    width: int = 640
    quality: int = 80
    viewers: int = 16

    def __post_init__(self) -> None:
        """Raise InputError for a value out of its range."""
        for name, least, most in (("rate", 0.1, 30), ("width", 64, 4096), ("quality", 1, 100), ("viewers", 1, 64)):
            if not least <= getattr(self, name) <= most:
                raise InputError(f"{name} must be from {least:g} to {most}, got {getattr(self, name)}")
        for host in self.names:
            if not _NAME.fullmatch(host):
                raise InputError(f"names must be host names without scheme and port, got {host!r}")


def checked_token(token: str) -> str:
    """Return a token that is fit for an address and a cookie. The message of its InputError does not contain it."""
    if MIN_TOKEN <= len(token) <= MAX_TOKEN and re.fullmatch(r"[A-Za-z0-9._~-]+", token):
        return token
    raise InputError(
        f"the preview's token must have {MIN_TOKEN} to {MAX_TOKEN} characters of A-Z a-z 0-9 . _ ~ -; "
        f"the given one has {len(token)} characters; make one with: openssl rand -hex 16"
    )

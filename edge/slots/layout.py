"""Where everything lies below the root folder of a device."""

import re
from dataclasses import dataclass
from pathlib import Path

from edge.errors import InputError

DEFAULT_ROOT = Path("/opt/edgekit")
ROOT = re.compile(r"""[^\s"'%$\\\x00-\x1f\x7f]+""")
NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,40}")


@dataclass(frozen=True)
class App:
    """The folders of one application on a device: what one service runs.

    Attributes:
        root: the root folder, which all applications share.
        name: the application's name, which is also part of its unit's name.
    """

    root: Path
    name: str

    def __post_init__(self) -> None:
        if not NAME.fullmatch(self.name):
            raise InputError(
                f"an application's name must be lower-case letters, digits, - and _, at most 41, got {self.name!r}"
            )
        if not self.root.is_absolute():
            raise InputError(f"a device's root folder must be an absolute path, got {self.root}")
        if not ROOT.fullmatch(str(self.root)):
            raise InputError(
                "a device's root folder must have no spaces and none of \" ' % $ \\ in its path, because systemd reads "
                f"it, got {str(self.root)!r}"
            )

    @property
    def folder(self) -> Path:
        """The application's folder."""
        return self.root / "apps" / self.name

    @property
    def slots(self) -> Path:
        """The folder of the releases, one folder each."""
        return self.folder / "slots"

    @property
    def incoming(self) -> Path:
        """The folder of files that are not complete, or not yet in a release."""
        return self.folder / "incoming"

    @property
    def current(self) -> Path:
        """The link to the release in use."""
        return self.folder / "current"

    @property
    def state(self) -> Path:
        """The file that keeps the history."""
        return self.folder / "state.json"

    @property
    def unit(self) -> str:
        """The name of the systemd unit."""
        return f"edgekit-{self.name}.service"

    def slot(self, release: str) -> Path:
        """Return the folder of a release."""
        return self.slots / release

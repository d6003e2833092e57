"""``Check`` is one line of the doctor's report."""

from dataclasses import asdict, dataclass
from typing import Any, Literal

Status = Literal["ok", "absent", "warning", "broken"]
"""The result of a check.

``ok``: it works. ``absent``: it is optional and not there. ``warning``: it works only in part, or will not for long.
``broken``: it is required and does not work.
"""


@dataclass(frozen=True)
class Check:
    """One line of the report.

    Attributes:
        subject: what was checked.
        status: the result.
        found: what was found, such as a version.
        mend: the command that repairs it. Empty when nothing has to be repaired.
    """

    subject: str
    status: Status
    found: str
    mend: str = ""

    def as_json(self) -> dict[str, Any]:
        """Return the JSON object of the check."""
        return asdict(self)

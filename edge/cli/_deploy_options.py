"""The options of edge-deploy's commands that say which devices they are about, and what is told of each."""

import argparse
import asyncio
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edge.cli import _main
from edge.labels import printable

if TYPE_CHECKING:
    from edge.deploy.push.host import Host
    from edge.deploy.push.rollout import One, Outcome


def add_hosts(parser: argparse.ArgumentParser) -> None:
    """Add the options that choose devices."""
    group = parser.add_argument_group("devices")
    group.add_argument(
        "--to", action="append", default=[], metavar="USER@HOST[:PORT]", help="a device to reach by SSH; repeatable"
    )
    group.add_argument(
        "--inventory",
        type=Path,
        metavar="FILE",
        help='a TOML file with a table [hosts.NAME] for each device, and to = "user@host" in it',
    )
    group.add_argument(
        "--only",
        action="append",
        default=[],
        metavar="NAME",
        help="a device of the inventory; repeatable (default: all)",
    )
    group.add_argument("--app", metavar="NAME", help="the application on the device (default camera)")
    group.add_argument("--root", type=Path, metavar="DIR", help="the folder on the device (default /opt/edgekit)")
    group.add_argument(
        "--parallel", type=count, default=8, metavar="N", help="how many devices at the same time (default 8)"
    )
    _main.add_json(parser)


def hosts(arguments: argparse.Namespace) -> "list[Host]":
    """Return the devices of the options. Raises InputError or FileError when there is none or one is wrong."""
    from edge.deploy.push.host import chosen, distinct

    given = {name: getattr(arguments, name) for name in ("app", "root") if getattr(arguments, name) is not None}
    return distinct([replace(host, **given) for host in chosen(arguments.to, arguments.inventory, arguments.only)])


def on_all(found: "Sequence[Host]", one: "One", parallel: int, max_failures: int | None = None) -> "list[Outcome]":
    """Do the same on each device.

    Args:
        found: the devices.
        one: what is done on each.
        parallel: how many at the same time.
        max_failures: how many may fail before no other is begun; None for any number.
    """
    from edge.deploy.push import rollout

    allowed = len(found) if max_failures is None else max_failures
    return asyncio.run(rollout.run(found, one, parallel, allowed))


def told(path: Path | None, outcomes: "Sequence[Outcome]") -> int:
    """Print the errors, write the JSON, and return the exit code: that of the first failure, or 1 for several."""
    failed = [outcome for outcome in outcomes if outcome.code]
    for outcome in failed:
        print(f"edge-deploy: {printable(outcome.error)}", file=sys.stderr)
    rows: list[dict[str, Any]] = [
        {"host": o.host, "tried": o.tried, "error": o.error or None, **(o.answer or {})} for o in outcomes
    ]
    _main.write_json(path, {"hosts": rows})
    if len(outcomes) > 1:
        print(f"{len(outcomes) - len(failed)} of {len(outcomes)} devices done", file=sys.stderr)
    return failed[0].code if len(failed) == 1 else _main.FAILED if failed else _main.DONE


def count(text: str) -> int:
    """Parse a whole number of at least 1. Raises ArgumentTypeError, which argparse shows, for anything else."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"must be a whole number of at least 1, got {text!r}")
    return int(text)

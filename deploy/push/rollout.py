"""Many devices: the canaries first, then the others side by side, until all are done or too many have failed."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any

from edge.deploy.push.host import Host
from edge.errors import EdgeError

UNEXPECTED = 3
One = Callable[[Host], Awaitable[dict[str, Any]]]


@dataclass(frozen=True)
class Outcome:
    """What became of one device.

    Attributes:
        host: its name.
        answer: what its agent said; None when it failed or was left out.
        error: why it failed, or was left out; empty when it is done.
        code: the exit code for it.
        tried: whether anything was asked of it.
    """

    host: str
    answer: dict[str, Any] | None = None
    error: str = ""
    code: int = 0
    tried: bool = True


async def run(hosts: Sequence[Host], one: One, parallel: int, max_failures: int) -> list[Outcome]:
    """Do the same on many devices.

    Args:
        hosts: the devices.
        one: what is done on each.
        parallel: how many at the same time.
        max_failures: how many may fail; after one more no other device is begun. A canary may not fail at all.

    Returns:
        What became of each device, in their order.
    """
    found: dict[str, Outcome] = {}
    canaries = [host for host in hosts if host.canary]
    for host in canaries:
        found[host.name] = await _one(host, one)
        if found[host.name].code:
            break
    failed = next((outcome for outcome in found.values() if outcome.code), None)
    others = [host for host in hosts if host.name not in found]
    if failed is not None:
        return _ordered(hosts, found, f"not tried: the canary {failed.host} failed")
    limit, failures = asyncio.Semaphore(parallel), 0

    async def bounded(host: Host) -> None:
        nonlocal failures
        async with limit:
            if failures > max_failures:
                return
            found[host.name] = await _one(host, one)
            failures += bool(found[host.name].code)

    await asyncio.gather(*(bounded(host) for host in others))
    return _ordered(hosts, found, f"not tried: more than {max_failures} device(s) failed")


async def _one(host: Host, one: One) -> Outcome:
    try:
        return Outcome(host.name, await one(host))
    except EdgeError as error:
        return Outcome(host.name, error=str(error), code=error.exit_code)
    except Exception as error:  # what is wrong with one device must not end the others
        return Outcome(host.name, error=f"{host.name}: unexpected {type(error).__name__}: {error}", code=UNEXPECTED)


def _ordered(hosts: Sequence[Host], found: dict[str, Outcome], why: str) -> list[Outcome]:
    return [
        found.get(host.name) or Outcome(host.name, error=f"{host.name}: {why}", code=1, tried=False) for host in hosts
    ]

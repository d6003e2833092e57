"""Kill the switch to another release: a device runs the old or the new one, verified, and a next deploy succeeds.

``python -m tests.kills.slot_switch`` kills it 1,000 times: while it assembles the release, verifies it, writes its
state, renames the link, and deletes what is no longer kept.
"""

import argparse
import os
import sys
import tempfile
from pathlib import Path
from unittest.mock import patch

from edge import golden
from edge.opening import open_session
from edge.slots import health, release, switch
from edge.slots.layout import App
from edge.slots.lock import locked
from tests.kills.harness import READY, Command, Kills, kill_at_random_moments
from tests.slots import device

OLD, NEW = "mobilenet_v2", "shufflenet_v2"
MEASURED = {"median_ms": 1.0, "backend": "none"}


def activate(app: App, name: str) -> None:
    """Switch to a released bundle whose files are there. The health check writes nothing, and takes no part here."""
    with patch.object(health, "check", lambda *_: MEASURED), locked(app):
        switch.activate(app, device.request_for(device.released(f"{name}_cifar10"), keep=1))


class Target:
    """A device whose switches are killed."""

    def __init__(self, app: App) -> None:
        self.app = app
        self.bundles = {name: device.released(f"{name}_cifar10") for name in (OLD, NEW)}
        self.found = {OLD: 0, NEW: 0}

    def reset(self) -> None:
        """Deploy the old bundle, whatever a killed switch left, and send the files of the new one."""
        device.send(self.app, self.bundles[OLD])
        activate(self.app, OLD)
        assert device.in_use(self.app) == OLD
        there = [path.name for path in self.app.slots.iterdir()]
        assert there == [switch.current(self.app)], f"a killed switch left {there}"
        device.send(self.app, self.bundles[NEW])

    def check(self) -> None:
        """Verify the release in use and run its golden input, as the service does at its start."""
        self.found[device.in_use(self.app)] += 1
        with open_session(self.app.current / "bundle") as session:
            golden.check(session)
        assert release.service(self.app, str(switch.current(self.app))) == device.NO_SERVICE


def kill_switches(root: Path, count: int, seed: int) -> tuple[Kills, dict[str, int]]:
    """Kill ``count`` switches; returns how often the old and the new release was in use."""
    target = Target(device.make(root))
    command = Command([sys.executable, "-m", "tests.kills.slot_switch", "--switch", root], prints_ready=True)
    kills = kill_at_random_moments(command, target.check, count, seed, target.reset)
    target.reset()
    return kills, target.found


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.kills.slot_switch", description=__doc__)
    parser.add_argument("--count", type=int, default=1000, help="number of kills (default 1000)")
    parser.add_argument("--seed", type=int, default=1, help="seed of the moments (default 1)")
    parser.add_argument("--switch", type=Path, metavar="ROOT", help="be the switch, on this device")
    parser.add_argument(
        "--receive", type=Path, metavar="ROOT", help="receive the files of the new bundle, on this device"
    )
    a = parser.parse_args()
    if a.switch:
        app = App(a.switch, "camera")
        print(READY, flush=True)
        activate(app, NEW)
        os._exit(0)
    if a.receive:
        device.send(App(a.receive, "camera"), device.released(f"{NEW}_cifar10"))
        return 0
    with tempfile.TemporaryDirectory() as folder:
        kills, found = kill_switches(Path(folder, "root"), a.count, a.seed)
    print(f"{kills.killed} killed within {kills.duration_s:.3f} s, {kills.finished} had finished; {found}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())

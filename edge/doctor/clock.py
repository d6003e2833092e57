"""The check of the clock. A Raspberry Pi has none that runs without power, so that it may start in the past."""

import time

from edge.doctor.check import Check
from edge.doctor.system import System

EARLIEST = 1_735_689_600
"""The start of 2025 (UTC), before which this program did not exist."""

SET = "sudo timedatectl set-ntp true, with a network; without one: sudo date --set 'YYYY-MM-DD HH:MM'"


def clock(system: System) -> list[Check]:
    """Check that the clock is plausible and that a time service has set it.

    Times of results are wrong otherwise, and certificates and signatures count as not valid yet.
    """
    now = system.now()
    shown = time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime(max(0.0, min(now, 253_402_300_799.0))))
    if now < EARLIEST:
        return [Check("clock", "warning", f"{shown}, which is in the past", SET)]
    if system.exists("run/systemd/timesync/synchronized"):
        return [Check("clock", "ok", f"{shown}, set by systemd-timesyncd")]
    if system.exists("run/chrony/chronyd.pid") or system.exists("run/ntpd.pid"):
        return [Check("clock", "ok", f"{shown}, a time service runs")]
    if system.exists("run/systemd/timesync"):
        return [Check("clock", "warning", f"{shown}, not set from the network since the start", SET)]
    return [Check("clock", "absent", f"{shown}, no time service runs", "sudo apt install systemd-timesyncd")]

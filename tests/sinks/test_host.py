"""The temperature and the throttling of boards, from copies of their files."""

import shutil
from pathlib import Path

import pytest

from edge.sinks.host import FRESH_SECONDS, Host, HostState

TREES = Path(__file__).resolve().parents[1] / "doctor_trees"


def firmware(tree):
    return next((tree / "sys/devices/platform").glob("soc*/*firmware/get_throttled"))


@pytest.mark.parametrize(
    ("bits", "slow"),
    [("0", False), ("50000", False), ("4", True), ("1", True), ("80008", True)],
    ids=["nothing", "since the start only", "throttled", "under-voltage", "soft limit"],
)
def test_the_state_of_a_board(tmp_path, bits, slow):
    shutil.copytree(TREES / "pi4", tmp_path / "pi4")
    firmware(tmp_path / "pi4").write_text(f"{bits}\n")
    (tmp_path / "pi4/sys/class/thermal/thermal_zone0/temp").write_text("61234\n")
    assert Host(tmp_path / "pi4").state() == HostState(61.234, slow)


def test_a_machine_that_shows_nothing(tmp_path):
    assert Host(tmp_path).state() == HostState(None, None)


def test_it_is_read_again_when_it_is_no_longer_fresh(tmp_path):
    zone = tmp_path / "sys/class/thermal/thermal_zone0"
    zone.mkdir(parents=True)
    now = [0.0]
    host = Host(tmp_path, lambda: now[0])
    seen = []
    for now[0], temperature in ((0.0, 50000), (FRESH_SECONDS - 1, 60000), (FRESH_SECONDS, 70000)):
        (zone / "temp").write_text(str(temperature))
        seen.append(host.state().degrees)
    assert seen == [50.0, 50.0, 70.0]

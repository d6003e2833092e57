"""A switch that is killed, and the order in which it reaches the disk."""

import sys
from pathlib import Path

import pytest

from tests.kills.slot_switch import NEW, OLD, Target, kill_switches
from tests.kills.system_calls import recorded, why_not
from tests.slots import device


@pytest.mark.slow
def test_a_killed_switch_leaves_the_old_or_the_new_release(tmp_path):
    kills, found = kill_switches(tmp_path / "root", count=100, seed=1)
    assert kills.killed + kills.finished == 100
    assert kills.killed >= 20  # the moments are spread over its whole duration; a busy machine shifts them
    assert found[OLD] >= 1
    assert found[NEW] >= 3  # the undisturbed runs


@pytest.mark.slow
@pytest.mark.skipif(why_not() is not None, reason=str(why_not()))
def test_a_release_is_on_the_disk_before_the_link_points_to_it(tmp_path):
    app = device.make(tmp_path / "root")
    Target(app).reset()
    calls = recorded([sys.executable, "-m", "tests.kills.slot_switch", "--switch", app.root], tmp_path / "log")
    renames = [(index, call) for index, call in enumerate(calls) if call.kind == "rename"]
    names = {index: Path(call.path) for index, call in renames}
    (slot,) = [index for index, path in names.items() if path.parent == app.slots and path.name[0] != "."]
    (link,) = [index for index, call in renames if call.path == str(app.current)]
    before = [index for index, call in renames if call.path == str(app.state) and index < link]
    assert slot < before[-1] < link, "the release, then the note of it, then the switch"
    for index, folder in ((slot, app.slots), (link, app.folder)):
        assert (calls[index + 1].kind, calls[index + 1].path) == ("flush", str(folder))
    partial = calls[slot].source
    flushed = {call.path for call in calls[:slot] if call.kind == "flush"}
    assert {partial, f"{partial}/bundle"} <= flushed


@pytest.mark.skipif(why_not() is not None, reason=str(why_not()))
def test_a_received_file_is_on_the_disk_before_it_has_its_name(tmp_path):
    app = device.make(tmp_path / "root")
    calls = recorded([sys.executable, "-m", "tests.kills.slot_switch", "--receive", app.root], tmp_path / "log")
    wanted = device.request_for(device.released(f"{NEW}_cifar10")).files
    for one in wanted:
        path = f"{app.incoming}/{one.sha256}"
        (done,) = [index for index, call in enumerate(calls) if call.kind == "rename" and call.path == path]
        last = max(i for i, call in enumerate(calls) if call.kind == "write" and call.path == f"{path}.part")
        assert any(call.kind == "flush" and call.path == f"{path}.part" for call in calls[last:done])
        assert (calls[done + 1].kind, calls[done + 1].path) == ("flush", str(app.incoming))

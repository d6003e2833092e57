"""Files of events: their names, and the limit of the folder."""

import os
import shutil
from collections import namedtuple

import pytest

from edge.errors import FileError, InputError
from edge.files import replaced
from edge.sinks.event_folder import EventFolder

Usage = namedtuple("Usage", "total used free")
SECOND = 10**9


def test_names_sort_by_time_and_say_source_and_cause(tmp_path):
    folder = EventFolder(str(tmp_path / "new"), 1.0)
    path = folder.file(1_795_228_380_078_666_030, "front door/2", "zone:yard", ".mp4")
    assert path == tmp_path / "new" / "20261121T023300.078Z_front-door-2_zone-yard.mp4"
    path.touch()
    assert folder.file(1_795_228_380_078_666_030, "front door/2", "zone:yard", ".mp4").name.endswith("_zone-yard-1.mp4")


def test_the_oldest_files_are_deleted_and_other_files_are_left_alone(tmp_path):
    folder = EventFolder(str(tmp_path), 3 / 1024)
    (tmp_path / "holiday.mp4").write_bytes(bytes(1 << 20))
    made = [folder.file(second * SECOND, "cam", "any", ".jpg") for second in range(5)]
    for path in reversed(made):  # the order of names counts, not that of writing
        path.write_bytes(bytes(1 << 10))
    folder.limit()
    assert sorted(os.listdir(tmp_path)) == [*sorted(path.name for path in made[2:]), "holiday.mp4"]


def test_a_full_disk_is_known_before_a_file_is_begun(tmp_path, monkeypatch):
    folder = EventFolder(str(tmp_path), 1.0)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: Usage(1 << 30, 1 << 30, 4096))
    with pytest.raises(FileError, match="the disk is full: 4 KiB left, 32768 needed"):
        folder.file(0, "cam", "any", ".jpg")


def test_what_a_killed_process_left_is_deleted_and_what_another_writes_is_not(tmp_path):
    name = "20261121T023300.078Z_door_any.mp4"
    for left in (f".{name}.0.partial", ".holiday.mp4.0.partial"):
        (tmp_path / left).mkdir()
        (tmp_path / left / "half").write_bytes(b"half")
    with replaced(tmp_path / name.replace("door", "yard")) as temporary:
        EventFolder(str(tmp_path), 1.0)
        temporary.write_bytes(b"whole")
    assert sorted(os.listdir(tmp_path)) == [".holiday.mp4.0.partial", name.replace("door", "yard")]


@pytest.mark.parametrize("target", ["file", "file/folder"])
def test_a_folder_that_cannot_be_made_is_one_line(tmp_path, target):
    (tmp_path / "file").touch()
    with pytest.raises(FileError, match="cannot write"):
        EventFolder(str(tmp_path / target), 1.0)


def test_a_limit_of_nothing_is_refused(tmp_path):
    with pytest.raises(InputError, match="max_total_mb must be above 0, got 0"):
        EventFolder(str(tmp_path), 0)

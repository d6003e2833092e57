"""Files on their way to a device: resumed, compared, and never half taken for whole."""

import io
import os
import shutil
import time
from collections import namedtuple
from contextlib import suppress

import pytest

from edge import files
from edge.deploy.push import transfer
from edge.errors import FileError, InputError
from edge.slots import incoming, switch
from edge.slots.incoming import Wanted
from edge.slots.lock import locked
from tests.slots import device

Usage = namedtuple("Usage", "total used free")


@pytest.fixture
def open_app(app):
    with locked(app):
        yield app


def test_a_new_device_lacks_every_file(open_app, mobilenet):
    wanted = transfer.wanted(mobilenet.root)
    rows = incoming.missing(open_app, wanted)
    assert {row["sha256"] for row in rows} == {one.sha256 for one in wanted}
    assert all(row["offset"] == 0 for row in rows)


def test_a_broken_transfer_goes_on_where_it_ended(open_app, mobilenet):
    wanted = transfer.wanted(mobilenet.root)
    first = incoming.missing(open_app, wanted)
    with pytest.raises(InputError, match="broke off"):
        incoming.receive(open_app, device.stream(mobilenet, first, cut=300_000))
    rows = incoming.missing(open_app, wanted)
    assert sum(row["bytes"] - row["offset"] for row in rows) < sum(row["bytes"] for row in first)
    assert any(row["offset"] for row in rows), "a part of a file is kept"
    incoming.receive(open_app, device.stream(mobilenet, rows))
    assert incoming.missing(open_app, wanted) == []


@pytest.mark.parametrize("cut", [0, 1, 60, 200, 1000, 5000])
def test_a_transfer_may_end_anywhere(open_app, mobilenet, cut):
    wanted = transfer.wanted(mobilenet.root)
    with suppress(InputError):  # it says that it broke off, but for an end before the first file
        incoming.receive(open_app, device.stream(mobilenet, incoming.missing(open_app, wanted), cut=cut))
    incoming.receive(open_app, device.stream(mobilenet, incoming.missing(open_app, wanted)))
    assert incoming.missing(open_app, wanted) == []


def test_a_file_that_was_damaged_on_the_way_is_not_kept(open_app, mobilenet):
    wanted = transfer.wanted(mobilenet.root)
    rows = incoming.missing(open_app, wanted)
    content = bytearray(device.stream(mobilenet, rows).getvalue())
    content[-1] ^= 1
    with pytest.raises(FileError, match="damaged on the way"):
        incoming.receive(open_app, io.BytesIO(bytes(content)))
    assert {row["sha256"] for row in incoming.missing(open_app, wanted)} == {rows[-1]["sha256"]}


@pytest.mark.parametrize(
    "line",
    [
        b"nonsense\n",
        b"{}\n",
        b'{"sha256": "../../etc/passwd", "offset": 0, "bytes": 1}\n',
        b'{"sha256": "' + b"0" * 64 + b'", "offset": -1, "bytes": 1}\n',
        b'{"sha256": "' + b"0" * 64 + b'", "offset": 2, "bytes": 1}\n',
        b'{"sha256": "' + b"0" * 64 + b'", "offset": 5, "bytes": 9}\n',
    ],
    ids=["no JSON", "no fields", "a path", "negative", "beyond the end", "a part that is not there"],
)
def test_a_stream_of_another_form_is_refused(open_app, line):
    with pytest.raises(InputError):
        incoming.receive(open_app, io.BytesIO(line + b"x" * 10))
    assert list(open_app.incoming.glob("*.part")) == []


def test_files_that_a_release_holds_are_not_sent_again(app, mobilenet):
    device.deploy(app, mobilenet)
    with locked(app):
        rows = incoming.missing(app, transfer.wanted(mobilenet.root))
    assert rows == []


def test_a_full_disk_is_said_before_anything_is_sent(open_app, mobilenet, monkeypatch):
    monkeypatch.setattr(shutil, "disk_usage", lambda _: Usage(1, 1, 1 << 20))
    with pytest.raises(FileError, match=r"needs [\d.]+ MiB free .* it has 1.0 MiB"):
        incoming.missing(open_app, transfer.wanted(mobilenet.root))


def test_what_was_forgotten_is_deleted_after_a_day(open_app, mobilenet):
    forgotten, recent = open_app.incoming / ("0" * 64 + ".part"), open_app.incoming / ("1" * 64 + ".part")
    for path in (forgotten, recent):
        path.write_bytes(b"part of another bundle")
    old = time.time() - 2 * incoming.FORGOTTEN_S
    os.utime(forgotten, (old, old))
    incoming.missing(open_app, transfer.wanted(mobilenet.root))
    assert not forgotten.exists()
    assert recent.exists(), "another deploy may be sending it"


def test_a_file_that_another_deploy_has_taken_is_copied_from_its_release(app, mobilenet, shufflenet):
    """Both have the same labels, which the second does not send, as they are there; then the first takes them."""
    with locked(app):
        incoming.receive(app, device.stream(mobilenet, incoming.missing(app, transfer.wanted(mobilenet.root))))
        rows = incoming.missing(app, transfer.wanted(shufflenet.root))
        assert len(rows) < len(transfer.wanted(shufflenet.root))
    device.deploy(app, mobilenet)
    with locked(app):
        incoming.receive(app, device.stream(shufflenet, rows))
        switch.activate(app, device.request_for(shufflenet))
    assert device.in_use(app) == "shufflenet_v2"


def test_two_files_of_equal_content_are_sent_once(open_app, tmp_path):
    for name in ("a", "b"):
        (tmp_path / name).write_bytes(b"equal")
    digest = files.sha256(tmp_path / "a")
    wanted = [Wanted("a", 5, digest), Wanted("b", 5, digest)]
    assert len(incoming.missing(open_app, wanted)) == 1
    incoming.receive(open_app, io.BytesIO(transfer.line({"sha256": digest, "offset": 0, "bytes": 5}) + b"equal"))
    folder = tmp_path / "out"
    folder.mkdir()
    incoming.take(open_app, wanted, folder)
    assert [(folder / name).read_bytes() for name in ("a", "b")] == [b"equal"] * 2

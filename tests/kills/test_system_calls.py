"""The order of system calls: write, flush, rename, flush of the folder. After a power failure nothing is half there."""

import sys
from pathlib import Path

import pytest

from tests.kills.bundle_writer import writer
from tests.kills.system_calls import Call, parse, recorded, why_not

WRITE_BUNDLE = [sys.executable, "-m", "tests.kills.bundle_writer", "--write"]
STATE = """\
import sys
from pathlib import Path
from edge.cli._main import write_json
write_json(Path(sys.argv[1]), {"a": 1})
"""
WRITE_STATE = [sys.executable, "-c", STATE]


def check_order(calls, path):
    """Check the calls of a writer of ``path``."""
    (done,) = [i for i, call in enumerate(calls) if call.kind in ("rename", "exchange") and call.path == str(path)]
    temporary = calls[done].source
    assert Path(temporary).name == path.name
    inside = {call.path for call in calls[:done] if call.kind == "write" and is_in(call.path, temporary)}
    assert inside, "something must have been written"
    for file in inside:
        last = max(i for i, call in enumerate(calls) if call == Call("write", file))
        assert Call("flush", file) in calls[last:done], f"{file} must be flushed after it is written"
    assert calls[done - 1] == Call("flush", temporary)
    assert calls[done + 1] == Call("flush", str(path.parent))
    assert not [c for c in calls[done:] if c.kind == "write" and is_in(c.path, str(path.parent))]
    return inside


def is_in(path, folder):
    return path == folder or path.startswith(folder + "/")


needs_strace = pytest.mark.skipif(why_not() is not None, reason=str(why_not()))


@needs_strace
@pytest.mark.parametrize("name", ["net", "net.edge"], ids=["folder", "zip"])
@pytest.mark.parametrize("replaces", [False, True], ids=["new", "replaced"])
def test_a_bundle_is_flushed_before_it_has_its_name(tmp_path, name, replaces):
    path = tmp_path / "out" / name
    path.parent.mkdir()
    if replaces:
        writer("old")(path)
    calls = recorded([*WRITE_BUNDLE, path], tmp_path / "log")
    written = {Path(file).name for file in check_order(calls, path)}
    assert written == ({"net.edge"} if name == "net.edge" else {file.name for file in path.iterdir()})
    kinds = [call.kind for call in calls if call.path == str(path)]
    assert kinds == ["exchange" if replaces and name == "net" else "rename"]


@needs_strace
@pytest.mark.parametrize("replaces", [False, True], ids=["new", "replaced"])
def test_a_small_file_is_flushed_before_it_has_its_name(tmp_path, replaces):
    path = tmp_path / "state.json"
    if replaces:
        path.write_text("{}")
    check_order(recorded([*WRITE_STATE, path], tmp_path / "log"), path)
    assert path.read_text() == '{\n  "a": 1\n}\n'


@needs_strace
def test_a_file_that_is_only_renamed_is_caught(tmp_path):
    code = "import os, sys; open(sys.argv[1] + '.new', 'w').write('x'); os.replace(sys.argv[1] + '.new', sys.argv[1])"
    calls = recorded([sys.executable, "-c", code, tmp_path / "out"], tmp_path / "log")
    with pytest.raises(AssertionError):
        check_order(calls, tmp_path / "out")


@pytest.mark.parametrize(
    ("line", "call"),
    [
        ('12 write(3</t/a>, "x\\n"..., 80) = 80', Call("write", "/t/a")),
        ("12 fsync(3</t/a>) = 0", Call("flush", "/t/a")),
        ("12 sendfile(5</t/a>, 4</t/b>, NULL, 9) = 9", Call("write", "/t/a")),
        ('12 rename("/t/a", "/t/b") = 0', Call("rename", "/t/b", "/t/a")),
        (
            '12 renameat2(AT_FDCWD</w>, "/t/a", AT_FDCWD</w>, "/t/b", RENAME_EXCHANGE) = 0',
            Call("exchange", "/t/b", "/t/a"),
        ),
        ('12 rename("/t/a", "/t/b") = -1 ENOENT (No such file or directory)', None),
        ("12 +++ exited with 0 +++", None),
    ],
)
def test_lines_of_strace(line, call):
    assert parse(line) == call

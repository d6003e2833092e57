"""camera.toml: what it says, the line of what is wrong in it, and that what is written is read back."""

import os
from pathlib import Path

import pytest
import tomllib
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from edge.camera.config import CameraConfig, ModelConfig, SourceConfig
from edge.camera.mappings import as_mapping, build
from edge.camera.shown import without_secrets
from edge.camera.toml_file import failure, read
from edge.camera.toml_lines import line_of
from edge.camera.toml_text import dumps
from edge.errors import FileError, InputError

WHOLE = """\
model = "detector.edge"     # a path alone
show_labels = ["person", "dog"]

[[source]]
address = "rtsp://me:${CAMERA_PASSWORD}@door/stream"
name = "door"
rotate = 90
region = [0.0, 0.25, 1.0, 1]
options = { transport = "udp" }

[[source]]
address = "1"
name = "yard"
size = [1280, 720]
rate = 15

[[line]]
name = "gate"
source = "door"
points = [
  [0.1, 0.5],
  [0.9, 0.5],
]

[[zone]]
name = "lawn"
points = [[0, 0], [1, 0], [1, 1]]
dwell = 10

[[sink]]
kind = "mqtt"
target = "mqtt://broker"
discovery = "ha"
"""


@pytest.fixture
def file(tmp_path):
    return tmp_path / "camera.toml"


def config_of(file: Path, text: str) -> CameraConfig:
    file.write_text(text)
    return build(read(file), failure(file))


def test_a_whole_file(file):
    config = config_of(file, WHOLE)
    assert config.model == ModelConfig(Path("detector.edge"))
    assert config.show_labels == {"person", "dog"}
    door, yard = config.source
    assert (door.address, door.name, door.rotate) == ("rtsp://me:${CAMERA_PASSWORD}@door/stream", "door", 90)
    assert door.region == (0.0, 0.25, 1.0, 1.0)
    assert door.options == {"transport": "udp"}
    assert (yard.size, yard.rate) == ((1280, 720), 15.0)
    assert config.line[0].points == ((0.1, 0.5), (0.9, 0.5))
    assert config.zone[0].dwell == 10
    assert config.sink[0].options == {"discovery": "ha"}


def test_what_is_usual_may_be_left_out(file):
    assert config_of(file, 'model = "net.edge"').source == (SourceConfig(),)


@pytest.mark.parametrize(
    ("change", "to", "line"),
    [
        ("rotate = 90", "rotate = 45", ":7: source[0] rotate must be one of 0, 90, 180, 270, got 45"),
        ("rate = 15", 'rate = "fast"', ":15: source[1] rate must be a number, got 'fast'"),
        ("rate = 15", "rate = -1", ":11: source[1]: a rate must be above 0"),
        ("rate = 15", "raet = 15", ":15: unknown option of source[1] 'raet': did you mean 'rate'"),
        ('source = "door"', 'source = "shed"', "'gate' is of source 'shed', which is unknown: door, yard"),
        ("[0.9, 0.5],", "[0.9, 5],", ":17: line[0]: points of line 'gate' must be fractions of the frame"),
        ("[[zone]]", "[[zoen]]", ":25: unknown option 'zoen': did you mean 'zone'"),
        ("[[zone]]", "[zone]", ":25: each zone is a table of its own: write [[zone]]"),
        ('kind = "mqtt"', "", ":30: sink[0] must state kind"),
        ("dwell = 10", "dwell = ", "is not a TOML file: Invalid value (at line 28, column 9)"),
        ('model = "detector.edge"     # a path alone', "", "a camera needs a model"),
    ],
)
def test_the_line_of_what_is_wrong(file, change, to, line):
    assert change in WHOLE
    with pytest.raises(InputError) as caught:
        config_of(file, WHOLE.replace(change, to))
    assert line in str(caught.value)
    assert str(caught.value).startswith(str(file))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("content", [b"\xff\xfe\x00", b"x" * (1 << 21)], ids=["no text", "too large"])
def test_files_that_are_none(file, content):
    file.write_bytes(content)
    with pytest.raises((InputError, FileError)) as caught:
        read(file)
    assert str(file) in str(caught.value)


def test_a_byte_order_mark_of_an_editor_is_no_mistake(file):
    file.write_bytes(b"\xef\xbb\xbf" + WHOLE.encode())
    assert build(read(file)).source[0].name == "door"


def test_a_file_that_is_missing(file):
    with pytest.raises(FileError, match="cannot be read: No such file"):
        read(file)


def test_what_is_written_is_read_back(file):
    config = config_of(file, WHOLE)
    written = dumps(as_mapping(config))
    assert build(tomllib.loads(written)) == config
    assert dumps(as_mapping(config_of(file, written))) == written


def test_only_what_differs_from_the_defaults_is_written():
    assert dumps(as_mapping(build({"model": "net.edge"}))) == 'model = "net.edge"\n'


KEYS = st.text(min_size=1, max_size=8)
PLAIN = st.one_of(
    st.text(max_size=20), st.booleans(), st.integers(-(2**62), 2**62), st.floats(allow_nan=False, allow_infinity=False)
)


def _nested(inner):
    value = st.one_of(PLAIN, st.lists(PLAIN, max_size=3), inner, st.lists(inner, min_size=1, max_size=3))
    return st.dictionaries(KEYS, value, max_size=4)


@settings(suppress_health_check=[HealthCheck.too_slow])
@given(st.recursive(st.dictionaries(KEYS, PLAIN, max_size=4), _nested, max_leaves=12))
def test_any_mapping_is_read_back(values):
    assert tomllib.loads(dumps(values)) == values


def test_the_places_of_keys():
    assert line_of(WHOLE, ("source", 0, "rotate")) == 7
    assert line_of(WHOLE, ("source", 1)) == 11
    assert line_of(WHOLE, ("source", 1, "name")) == 13
    assert line_of(WHOLE, ("line", 0, "points", 1)) == 20
    assert line_of("a.b = 1\n['c d'.e]\nf = 2", ("c d", "e", "f")) == 3
    assert line_of("a.b = 1", ("a", "b")) == 1
    assert line_of("", ("a",)) is None


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ('source = "0"', "each source is a table of its own"),
        ("source = 3", "each source is a table of its own"),
        ("sink = 3", "each sink is a table of its own"),
        ('[[sink]]\nkind = "jsonl"\noptions = 3', "options"),
        ('[[sink]]\nkind = "jsnl"', ":3: unknown sink 'jsnl': did you mean 'jsonl'"),
        ('[[sink]]\nkind = "clips"\ntarget = "c"\npre_rol = 3', ":5: unknown option of sink clips 'pre_rol'"),
        ('[[sink]]\nkind = "jsonl"\ntarget = "c"\nrate = 3', ":2: sink jsonl has no options, got rate"),
        ('[[then]]\nmodel = "m"\nboxes = 3', ":4: then[0] boxes must be a table of options, got 3"),
        ("a = " + "[" * 5000 + "]" * 5000, "is not a TOML file"),
    ],
)
def test_values_of_another_kind_are_one_line(file, text, line):
    with pytest.raises(InputError) as caught:
        config_of(file, f'model = "m"\n{text}')
    assert line in str(caught.value)


@pytest.mark.parametrize(
    "text",
    [
        '[[sink]]\nkind = "preview"\ntoken = 12345678901234',
        '[[source]]\naddress = ["rtsp://me:12345678901234@h"]',
        '[[sink]]\nkind = "webhook"\ntarget = "http://h"\nheaders = ["Authorization: 12345678901234"]',
    ],
)
def test_no_message_shows_a_secret(file, text):
    with pytest.raises(InputError) as caught:
        config_of(file, f'model = "m"\n{text}')
    assert "12345678901234" not in str(caught.value)


def test_a_pipe_or_device_is_no_file(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path / "pipe", Path("/dev/zero"), tmp_path):
        with pytest.raises(FileError, match="must be a file"):
            read(path)


def test_null_has_no_form():
    with pytest.raises(InputError, match="has no null"):
        dumps({"model": {"file": "m", "parameters": {"x": None}}})


@pytest.mark.parametrize("headers", [{"X-Auth": "abc12345"}, {"Cookie": "abc12345"}, {"X-Anything": "abc12345"}])
def test_headers_are_not_shown(headers):
    config = build({"model": "m", "sink": [{"kind": "webhook", "target": "http://h", "headers": headers}]})
    shown, variables = without_secrets(as_mapping(config))
    assert "abc12345" not in str(shown)
    assert variables == ["EDGE_SECRET_1"]

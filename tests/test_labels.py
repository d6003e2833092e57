import pytest

from edge import labels
from edge.errors import FileError, InputError
from tests.shared import needs_shared, shared


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("cat\ndog\n", ["cat", "dog"], id="one a line"),
        pytest.param("cat\r\ndog", ["cat", "dog"], id="Windows line ends, no last one"),
        pytest.param("\n cat \n\ndog\n", ["cat", "dog"], id="blank lines and spaces"),
        pytest.param("0  person\n1  bicycle\n", ["person", "bicycle"], id="index and label"),
        pytest.param("1: b\n0: a\n", ["a", "b"], id="the index decides the order"),
        pytest.param("0\ta\n1\tb\n", ["a", "b"], id="a tab after the index"),
        pytest.param("n01\ttench\nn02\tray\n", ["n01 tench", "n02 ray"], id="a tab inside becomes a space"),
        pytest.param("0 a\n2 c\n", ["0 a", "2 c"], id="a gap: numbers are part of the label"),
        pytest.param("1 a\n2 b\n", ["1 a", "2 b"], id="not from 0: numbers are part of the label"),
        pytest.param(
            "1 cent\n10 cent\n2 cent\n5 cent\n", ["1 cent", "10 cent", "2 cent", "5 cent"], id="amounts are labels"
        ),
        pytest.param("00 cat\n01 dog\n", ["00 cat", "01 dog"], id="leading zeros are part of the label"),
        pytest.param("0 a\n1 b\nc\n", ["0 a", "1 b", "c"], id="a line without an index"),
        pytest.param("²\nⅧ a\n", ["²", "Ⅷ a"], id="other digits are letters"),
        pytest.param("a\u2028b\nc\n", ["a\u2028b", "c"], id="a separator that is no line end"),
        pytest.param("7\n8\n", ["7", "8"], id="digits alone are labels"),
        pytest.param("1 euro\n1 euro\n", ["1 euro", "1 euro"], id="a repeated number is part of the label"),
        pytest.param("500 euro\n200 euro\n", ["500 euro", "200 euro"], id="numbers far apart are part of the label"),
        pytest.param("été\n猫\n", ["été", "猫"], id="any script"),
    ],
)
def test_read(tmp_path, text, expected):
    path = tmp_path / "labels.txt"
    path.write_bytes(text.encode())
    assert labels.read(path) == expected


def test_known_indices_may_have_gaps(tmp_path):
    path = tmp_path / "labels.txt"
    path.write_text("0 person\n2 car\n")
    assert labels.read(path, gaps=True) == ["person", "1", "car"]
    for text in ("person\ncar\n", "0 person\n0 car\n", "999999999 car\n"):
        path.write_text(text)
        with pytest.raises(InputError, match="an index of its own and a label on every line"):
            labels.read(path, gaps=True)


@pytest.mark.parametrize(
    "names",
    [["0 b", "1 a"], ["1: b", "0: a"], ["1 cent", "10 cent"], [" a", "b "], ["a\u2028b", "c"]],
    ids=["indexed", "swapped", "amounts", "spaces", "separator"],
)
def test_a_file_of_our_own_is_read_as_it_was_written(tmp_path, names):
    path = tmp_path / "labels.txt"
    path.write_bytes("".join(f"{name}\n" for name in names).encode())
    assert labels.read_plain(path) == names


@pytest.mark.parametrize("read", [labels.read, labels.read_plain])
@pytest.mark.parametrize("control", ["\x1b[2J", "\x0c", "\x85", "\x9b", "\x7f", "\0"])
def test_a_control_character_is_refused(tmp_path, read, control):
    path = tmp_path / "labels.txt"
    path.write_text(f"a{control}b\nc\n", encoding="utf-8")
    with pytest.raises(InputError, match="no control characters, got 'a"):
        read(path)


def test_a_byte_order_mark_is_no_part_of_the_first_label(tmp_path):
    path = tmp_path / "labels.txt"
    path.write_bytes("cat\ndog\n".encode("utf-8-sig"))
    assert labels.read(path) == ["cat", "dog"]


@pytest.mark.parametrize(
    ("read", "content"), [(labels.read, b""), (labels.read, b"\n  \n"), (labels.read_plain, b"\n\n")]
)
def test_an_empty_file_is_refused(tmp_path, read, content):
    path = tmp_path / "labels.txt"
    path.write_bytes(content)
    with pytest.raises(InputError, match="is empty: expected one label a line"):
        read(path)


def test_unreadable_files_are_one_line(tmp_path):
    binary = tmp_path / "labels.txt"
    binary.write_bytes(b"\xff\xfe\x00")
    for path in (tmp_path / "none.txt", tmp_path, binary):
        with pytest.raises(FileError, match="cannot be read") as caught:
            labels.read(path)
        assert str(path) in str(caught.value)


def test_check_count():
    labels.check_count(["a", "b"], 2, "labels.txt")
    with pytest.raises(InputError, match=r"model's 3 classes, got 2 in labels\.txt"):
        labels.check_count(["a", "b"], 3, "labels.txt")


@needs_shared
def test_published_label_files():
    imagenet = labels.read(shared("models", "coral", "imagenet_labels.txt"))
    assert len(imagenet) == 1001
    assert imagenet[286] == "Egyptian cat"
    voc = labels.read(shared("models", "coral", "pascal_voc_segmentation_labels.txt"))
    assert (voc[0], voc[15], voc[20]) == ("background", "person", "tvmonitor")  # two lines of prose follow


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("photos/été.png", "photos/été.png"),
        ("a\nb\x1b[31m.png", "a\\x0ab\\x1b[31m.png"),
        ("caf\udce9.png", "caf\\udce9.png"),  # what Python makes of a byte that is no UTF-8
    ],
)
def test_any_file_name_can_be_printed(name, shown):
    assert labels.printable(name) == shown
    assert not labels.has_control(shown)
    assert labels.has_control(name) == (name != shown)

import pytest

from edge import labels
from edge.errors import FileProblem, InvalidInput
from tests.shared import needs_shared, shared


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("cat\ndog\n", ["cat", "dog"], id="one a line"),
        pytest.param("cat\r\ndog", ["cat", "dog"], id="Windows line ends, no last one"),
        pytest.param("\n cat \n\ndog\n", ["cat", "dog"], id="blank lines and spaces"),
        pytest.param("0  person\n1  bicycle\n", ["person", "bicycle"], id="index and label"),
        pytest.param("1: b\n0: a\n", ["a", "b"], id="the index decides the order"),
        pytest.param("0 a\n2 c\n", ["a", "1", "c"], id="a gap becomes its number"),
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


def test_a_byte_order_mark_is_no_part_of_the_first_label(tmp_path):
    path = tmp_path / "labels.txt"
    path.write_bytes("cat\ndog\n".encode("utf-8-sig"))
    assert labels.read(path) == ["cat", "dog"]


@pytest.mark.parametrize("content", [b"", b"\n  \n"])
def test_an_empty_file_is_refused(tmp_path, content):
    path = tmp_path / "labels.txt"
    path.write_bytes(content)
    with pytest.raises(InvalidInput, match="is empty: expected one label a line"):
        labels.read(path)


def test_unreadable_files_are_one_line(tmp_path):
    binary = tmp_path / "labels.txt"
    binary.write_bytes(b"\xff\xfe\x00")
    for path in (tmp_path / "none.txt", tmp_path, binary):
        with pytest.raises(FileProblem, match="cannot be read") as caught:
            labels.read(path)
        assert str(path) in str(caught.value)


def test_check_count():
    labels.check_count(["a", "b"], 2, "labels.txt")
    with pytest.raises(InvalidInput, match=r"model's 3 classes, got 2 in labels\.txt"):
        labels.check_count(["a", "b"], 3, "labels.txt")


@needs_shared
def test_published_label_files():
    imagenet = labels.read(shared("models", "coral", "imagenet_labels.txt"))
    assert len(imagenet) == 1001
    assert imagenet[286] == "Egyptian cat"

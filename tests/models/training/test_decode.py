import errno
import json

import cv2
import numpy as np
import pytest

from edge.errors import FileError, InputError
from edge.models.training import decode
from edge.models.training.decode import decode_image, decode_split
from edge.models.training.folder import open_folder
from tests.models.training.pictures import colour, encoded, image_folder

SIZE = (32, 32, 3)


def test_pixels_are_rgb():
    image = np.zeros((32, 32, 3), np.uint8)
    image[..., 0], image[..., 2] = 10, 200  # blue, red
    np.testing.assert_array_equal(decode_image(encoded(image, ".png"), SIZE)[0, 0], [200, 0, 10])


def test_grey_has_one_channel():
    image = np.full((32, 32, 3), 77, np.uint8)
    np.testing.assert_array_equal(decode_image(encoded(image, ".png"), (32, 32, 1)), np.full((32, 32, 1), 77))


def test_other_sizes_are_resized_as_the_device_does():
    image = colour("red", seed=1, side=50)
    expected = cv2.resize(image, (32, 32), interpolation=cv2.INTER_LINEAR)[..., ::-1]
    np.testing.assert_array_equal(decode_image(encoded(image, ".png"), SIZE), expected)


def _cut(data):
    return data[: len(data) // 2]


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"not an image", id="text"),
        pytest.param(_cut(encoded(colour("red", 1))), id="half a JPEG"),
        pytest.param(encoded(colour("red", 1))[:-2], id="a JPEG without its end"),
        pytest.param(_cut(encoded(colour("red", 1), ".png")), id="half a PNG"),
        pytest.param(b"\xff\xd8" + bytes(500) + b"\xff\xd9", id="only the markers of a JPEG"),
        pytest.param(b"\x89PNG" + bytes(500) + b"IEND", id="only the markers of a PNG"),
    ],
)
def test_what_is_not_a_whole_image_is_none(data, capfd):
    assert decode_image(data, SIZE) is None
    assert capfd.readouterr().err == ""


def test_a_split_comes_in_order_with_its_classes(tmp_path):
    folder = open_folder(image_folder(tmp_path / "set", train=2, test=1))
    seen = []
    found = decode_split(folder, "train", SIZE, tmp_path / "cache", lambda done, total: seen.append((done, total)))
    assert found.classes.tolist() == [0, 0, 1, 1, 2, 2]
    assert found.names == folder.splits["train"].names
    assert found.corrupt == ()
    assert seen[-1] == (6, 6)
    drawn = [colour(label, number)[..., ::-1] for label in ("blue", "green", "red") for number in (0, 1)]
    np.testing.assert_array_equal(found.images, drawn)


def test_corrupt_images_are_left_out_and_named(tmp_path):
    root = image_folder(tmp_path / "set", train=3, test=1)
    (root / "train/green/001.png").write_bytes(b"garbage")
    found = decode_split(open_folder(root), "train", SIZE, tmp_path / "cache")
    assert found.corrupt == ("train/green/001.png",)
    assert found.classes.tolist() == [0, 0, 0, 1, 1, 2, 2, 2]
    assert "train/green/001.png" not in found.names
    np.testing.assert_array_equal(found.images[4], colour("green", 2)[..., ::-1])


def test_a_split_without_one_good_image_is_refused(tmp_path):
    root = image_folder(tmp_path / "set", train=1, test=1)
    for path in root.glob("test/*/*"):
        path.write_bytes(b"garbage")
    with pytest.raises(InputError, match="none of the 3 images of test/ can be decoded"):
        decode_split(open_folder(root), "test", SIZE, tmp_path / "cache")


def test_only_one_and_three_channels(tmp_path):
    folder = open_folder(image_folder(tmp_path / "set", train=1, test=1))
    with pytest.raises(InputError, match="1 or 3 channels, got 4"):
        decode_split(folder, "train", (32, 32, 4), tmp_path / "cache")


@pytest.fixture
def decoding(monkeypatch):
    """Count the images that are decoded."""
    calls = []
    real = decode.decode_image
    monkeypatch.setattr(decode, "decode_image", lambda data, size: calls.append(size) or real(data, size))
    return calls


def test_the_cache_is_reused_for_the_same_list_and_size(tmp_path, decoding):
    folder = open_folder(image_folder(tmp_path / "set", train=1, test=1))
    first = decode_split(folder, "train", SIZE, tmp_path / "cache")
    again = decode_split(folder, "train", SIZE, tmp_path / "cache")
    assert len(decoding) == 3
    np.testing.assert_array_equal(first.images, again.images)
    decode_split(folder, "train", (40, 40, 3), tmp_path / "cache")
    assert len(decoding) == 6


def test_an_interrupted_cache_is_not_trusted(tmp_path, decoding, monkeypatch):
    folder = open_folder(image_folder(tmp_path / "set", train=2, test=1))

    def interrupted(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(decode.os, "replace", interrupted)  # the array is full, its index not in place
        with pytest.raises(KeyboardInterrupt):
            decode_split(folder, "train", SIZE, tmp_path / "cache")
    assert len(decoding) == 6
    found = decode_split(folder, "train", SIZE, tmp_path / "cache")
    assert len(decoding) == 12
    np.testing.assert_array_equal(found.images[5], colour("red", 1)[..., ::-1])


def test_the_index_lists_the_good_rows(tmp_path):
    folder = open_folder(image_folder(tmp_path / "set", train=1, test=1))
    decode_split(folder, "train", SIZE, tmp_path / "cache")
    (index,) = (tmp_path / "cache").glob("*.json")
    assert json.loads(index.read_text()) == {"good": [0, 1, 2]}


def test_a_subset_keeps_rows_together(tmp_path):
    folder = open_folder(image_folder(tmp_path / "set", train=2, test=1))
    whole = decode_split(folder, "train", SIZE, tmp_path / "cache")
    part = whole.subset(np.array([4, 1]))
    assert part.classes.tolist() == [2, 0]
    assert part.names == (whole.names[4], whole.names[1])
    np.testing.assert_array_equal(part.images, whole.images[[4, 1]])


def test_a_subset_copies_no_image(tmp_path):
    folder = open_folder(image_folder(tmp_path / "set", train=2, test=1))
    whole = decode_split(folder, "train", SIZE, tmp_path / "cache")
    part = whole.subset(np.array([5, 4, 1])).subset(np.array([2, 0]))
    assert part.images.array is whole.images
    assert (part.images.shape, len(part.images)) == ((2, *SIZE), 2)
    np.testing.assert_array_equal(part.images[np.array([1])], whole.images[[5]])
    np.testing.assert_array_equal(part.images, whole.images[[1, 5]])


def test_the_array_takes_its_space_on_the_disk_before_it_is_filled(tmp_path):
    folder = open_folder(image_folder(tmp_path / "set", train=2, test=1))
    decode_split(folder, "train", (256, 256, 3), tmp_path / "cache")
    (array,) = (tmp_path / "cache").glob("*.npy")
    assert array.stat().st_blocks * 512 >= 6 * 256 * 256 * 3


def full(*_):
    raise OSError(errno.ENOSPC, "No space left on device")


@pytest.mark.parametrize("step", ["posix_fallocate", "_write_zeros", "replace"])
def test_a_full_disk_is_one_line_and_leaves_nothing(tmp_path, monkeypatch, step):
    folder = open_folder(image_folder(tmp_path / "set", train=2, test=1))
    with monkeypatch.context() as patch:
        if step == "_write_zeros":
            patch.delattr(decode.os, "posix_fallocate", raising=False)
        patch.setattr(decode if step == "_write_zeros" else decode.os, step, full, raising=False)
        with pytest.raises(FileError, match=r"cannot write .*: No space left on device"):
            decode_split(folder, "train", SIZE, tmp_path / "cache")
    assert list((tmp_path / "cache").iterdir()) == []


def test_zeros_are_written_where_space_cannot_be_reserved(tmp_path, monkeypatch):
    monkeypatch.delattr(decode.os, "posix_fallocate", raising=False)
    folder = open_folder(image_folder(tmp_path / "set", train=2, test=1))
    found = decode_split(folder, "train", SIZE, tmp_path / "cache")
    np.testing.assert_array_equal(found.images[5], colour("red", 1)[..., ::-1])

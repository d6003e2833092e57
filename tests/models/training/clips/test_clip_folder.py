"""Clip data sets: videos and folders of frames, in a folder or a zip, and how frames are sampled."""

import shutil
import zipfile

import cv2
import numpy as np
import pytest

from edge.errors import FileError, InputError
from edge.models.training.clips.clip_folder import fitted, listing, open_clips, sampled, video_frames
from edge.video import Writer

SIZE = (4, 8, 10, 3)


def grey(value, shape=(16, 20, 3)):
    return np.full(shape, value, np.uint8)


def video(path, values):
    path.parent.mkdir(parents=True, exist_ok=True)
    with Writer(path, (20, 16), 10.0) as writer:
        for value in values:
            writer.write(grey(value))


def frames(folder, values):
    folder.mkdir(parents=True, exist_ok=True)
    for number, value in enumerate(values):
        cv2.imwrite(str(folder / f"{number:02d}.png"), grey(value))


@pytest.fixture
def root(tmp_path):
    """Return a set with a rising and a falling brightness; one as videos, one as frames."""
    folder = tmp_path / "set"
    video(folder / "train" / "rise" / "a.avi", range(20, 180, 20))
    video(folder / "test" / "rise" / "b.avi", range(30, 190, 20))
    frames(folder / "train" / "fall" / "a", range(200, 40, -20))
    frames(folder / "test" / "fall" / "b", range(190, 30, -20))
    return folder


def test_videos_and_folders_of_frames_are_clips(root):
    data = open_clips(root)
    assert data.labels == ("fall", "rise")
    assert [(clip.name, clip.label, len(clip.files)) for clip in data.splits["train"]] == [
        ("train/fall/a", 0, 8),
        ("train/rise/a.avi", 1, 1),
    ]
    assert data.evaluation() == "test"
    assert listing(root) == {"train": ("train/fall/a", "train/rise/a.avi"), "test": ("test/fall/b", "test/rise/b.avi")}


def test_a_zip_holds_the_same(root, tmp_path):
    target = tmp_path / "set.zip"
    with zipfile.ZipFile(target, "w") as archive:
        for path in sorted(root.rglob("*.*")):
            archive.write(path, f"outer/{path.relative_to(root)}")
    found, expected = (
        list(data.read(data.splits["train"], SIZE, 0)) for data in (open_clips(target), open_clips(root))
    )
    np.testing.assert_array_equal(found, expected)


def test_frames_come_in_order_and_resized(root):
    data = open_clips(root)
    fall, rise = data.read(data.splits["train"], SIZE, 0)
    assert fall.shape == rise.shape == SIZE
    np.testing.assert_array_equal(fall[:, 0, 0, 0], [200, 160, 100, 60])  # rows 0, 2, 5, 7 of eight
    np.testing.assert_allclose(rise[:, 0, 0, 0], [20, 60, 120, 160], atol=4)  # Motion JPEG loses a little


def test_colours_are_rgb_and_one_channel_is_grey():
    blue = np.zeros((4, 4, 3), np.uint8)
    blue[..., 0] = 255
    assert fitted(blue, (4, 4, 3))[0, 0].tolist() == [0, 0, 255]
    assert fitted(blue, (2, 2, 1))[0, 0].tolist() == [29]  # 0.114 of blue (ITU-R BT.601)


@pytest.mark.parametrize(
    ("length", "count", "step", "rows"),
    [
        pytest.param(9, 3, 0, [0, 4, 8], id="evenly"),
        pytest.param(9, 3, 1, [3, 4, 5], id="the middle"),
        pytest.param(9, 3, 2, [2, 4, 6], id="every second"),
        pytest.param(2, 4, 0, [0, 0, 1, 1], id="evenly over a short one"),
        pytest.param(2, 4, 1, [0, 1, 1, 1], id="a short one ends with its last frame"),
        pytest.param(1, 2, 5, [0, 0], id="one frame"),
    ],
)
def test_which_frames_are_taken(length, count, step, rows):
    found = sampled([grey(n, (1, 1, 1)) for n in range(length)], count, step)
    assert found.ravel().tolist() == rows


def test_what_cannot_be_decoded_has_no_frames(root, tmp_path):
    (root / "train" / "rise" / "c.avi").write_bytes(b"garbage")
    (root / "train" / "fall" / "c").mkdir()
    (root / "train" / "fall" / "c" / "0.png").write_bytes(b"garbage")
    data = open_clips(root)
    assert [clip is None for clip in data.read(data.splits["train"], SIZE, 0)] == [False, True, False, True]
    assert video_frames(tmp_path / "none.avi", (8, 8, 3)) == []


@pytest.mark.parametrize(
    ("spoil", "error", "words"),
    [
        pytest.param(shutil.rmtree, FileError, "does not exist", id="missing"),
        pytest.param(lambda root: shutil.rmtree(root / "train"), InputError, "has no clips to train on", id="no train"),
        pytest.param(
            lambda root: shutil.rmtree(root / "train" / "rise"), InputError, "got only the folder train/fall", id="one"
        ),
        pytest.param(
            lambda root: (root / "test" / "rise").rename(root / "test" / "ries"), InputError, "test/ries has no", id="x"
        ),
    ],
)
def test_what_does_not_fit_is_refused(root, spoil, error, words):
    spoil(root)
    with pytest.raises(error, match=words):
        open_clips(root)


def test_a_set_without_a_test_part_is_refused(root):
    shutil.rmtree(root / "test")
    with pytest.raises(InputError, match="no test/ and no validation/ folder"):
        open_clips(root).evaluation()


def test_hidden_files_and_pictures_beside_clips_are_no_clips(root):
    (root / "train" / "rise" / "cover.png").write_bytes(b"x")
    (root / "train" / "rise" / "._a.avi").write_bytes(b"x")
    (root / "notes.avi").write_bytes(b"x")
    assert len(open_clips(root).splits["train"]) == 2

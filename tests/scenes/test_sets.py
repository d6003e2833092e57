"""Every drawn set: read back from its files, the same from the same seed, complete or absent."""

import json
import wave
from pathlib import Path
from xml.etree import ElementTree

import cv2
import numpy as np
import pytest

from edge.errors import FileError, InputError
from edge.scenes import SETS, draw_set, sentences
from edge.scenes.box_set import write_boxes
from edge.scenes.faces import face, person, write_faces
from edge.scenes.figure import NAMES, figure
from edge.scenes.keypoint_set import write_keypoints
from edge.scenes.mask_set import write_masks
from edge.scenes.motions import MOTIONS, motion, write_clips
from edge.scenes.multi_object_scene import CLASSES, compose
from edge.scenes.sentences import write_sentences
from edge.scenes.sets import writer
from edge.scenes.tones import LABELS, RATE, tone, write_sounds
from edge.video import Capture

# A small set of each, and the files that it has.
SMALL = [
    pytest.param(write_boxes, {"train": 2, "test": 1, "size": 32}, 8, id="boxes"),
    pytest.param(write_masks, {"train": 2, "test": 1, "size": 32}, 7, id="masks"),
    pytest.param(write_keypoints, {"train": 2, "test": 1, "size": 32}, 5, id="keypoints"),
    pytest.param(write_faces, {"train": 2, "test": 1, "pictures": 2, "size": 32}, 6, id="faces"),
    pytest.param(write_sounds, {"voices": 2, "each": 1}, 8, id="sounds"),
    pytest.param(write_sentences, {"train": 5, "test": 2}, 2, id="sentences"),
    pytest.param(write_clips, {"train": 1, "test": 1, "frames": 2, "size": 32}, 12, id="clips"),
]


def files(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


@pytest.mark.parametrize(("write", "small", "count"), SMALL)
def test_equal_seeds_write_equal_bytes_and_others_do_not(tmp_path, write, small, count):
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        write(tmp_path / name, **small, seed=seed)
    first, again, other = (files(tmp_path / name) for name in "abc")
    assert len(first) == count
    assert first == again
    assert first != other


@pytest.mark.parametrize(("write", "small", "count"), SMALL)
def test_what_cannot_be_drawn_is_refused_and_nothing_stays(tmp_path, write, small, count):
    for name in small:
        with pytest.raises(InputError, match=r"needs .* of at least"):
            write(tmp_path / "set", **{**small, name: 15 if name == "size" else 0})
    assert not list(tmp_path.iterdir())
    (tmp_path / "file").touch()
    with pytest.raises(FileError, match="cannot write"):
        write(tmp_path / "file" / "set", **small)


def test_an_unknown_set_names_the_nearest(tmp_path):
    with pytest.raises(InputError, match="unknown drawn set 'scenes:box': did you mean 'scenes:boxes'"):
        draw_set("scenes:box", tmp_path / "set")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", SETS)
def test_every_row_can_be_called_with_a_folder_alone(name):
    defaults = writer(name).__defaults__
    assert len(defaults) == writer(name).__code__.co_argcount - 1


def test_objects_do_not_overlap_and_lie_in_their_boxes():
    for seed in range(30):
        scene = compose(np.random.default_rng(seed), 64)
        assert 1 <= len(scene.objects) <= 3
        assert sum(each.mask.astype(int) for each in scene.objects).max() == 1
        for each in scene.objects:
            x0, y0, x1, y1 = (int(v) for v in each.box)
            assert each.label in CLASSES
            assert each.mask[y0:y1, x0:x1].sum() == each.mask.sum() > 0


def test_annotations_count_from_one_and_include_the_last_pixel(tmp_path):
    write_boxes(tmp_path / "set", 1, 1, size=48, seed=3)
    scene = compose(np.random.default_rng([3, 0]), 48)
    tree = ElementTree.parse(tmp_path / "set" / "Annotations" / "train_00000.xml")
    found = [
        [int(each.findtext(f"bndbox/{key}")) for key in ("xmin", "ymin", "xmax", "ymax")]
        for each in tree.iter("object")
    ]
    expected = []
    for each in scene.objects:
        rows, columns = np.flatnonzero(each.mask.any(1)), np.flatnonzero(each.mask.any(0))
        expected.append([columns[0] + 1, rows[0] + 1, columns[-1] + 1, rows[-1] + 1])
    assert found == expected


def test_masks_hold_the_class_of_each_pixel(tmp_path):
    write_masks(tmp_path / "set", 4, 1, size=48, seed=3)
    assert (tmp_path / "set" / "labels.txt").read_text().split() == ["background", *CLASSES]
    rng = np.random.default_rng([3, 0])
    for number in range(4):
        mask = cv2.imread(str(tmp_path / "set" / "train" / "masks" / f"{number:05d}.png"), cv2.IMREAD_UNCHANGED)
        expected = np.zeros((48, 48), int)
        for each in compose(rng, 48).objects:
            expected += each.mask * (1 + CLASSES.index(each.label))
        np.testing.assert_array_equal(mask, expected)


def test_a_figure_is_light_where_its_keypoints_are():
    lighter = []
    for seed in range(30):
        drawn = figure(np.random.default_rng(seed), 96)
        grey = cv2.cvtColor(drawn.image, cv2.COLOR_BGR2GRAY).astype(float)
        x, y = drawn.points.T.astype(int)
        lighter.append(grey[y, x].mean() - np.median(grey))
        x0, y0, x1, y1 = drawn.box
        assert ((drawn.points >= (x0, y0)) & (drawn.points <= (x1, y1))).all()
        assert ((drawn.points > 0) & (drawn.points < 96)).all()
    assert min(lighter) > 0
    assert np.mean(lighter) > 50


def test_left_is_where_the_figure_has_it():
    for seed in range(30):
        at = dict(zip(NAMES, figure(np.random.default_rng(seed), 96).points, strict=True))
        assert at["left_foot"][0] > at["right_foot"][0]
        assert at["left_hand"][0] > at["right_hand"][0]
        assert at["head"][1] < min(at["left_foot"][1], at["right_foot"][1])


def test_keypoints_are_in_cocos_form(tmp_path):
    write_keypoints(tmp_path / "set", 2, 1, size=48, seed=4)
    content = json.loads((tmp_path / "set" / "annotations" / "train.json").read_text())
    assert content["categories"][0]["keypoints"] == list(NAMES)
    rng = np.random.default_rng([4, 0])
    for image, note in zip(content["images"], content["annotations"], strict=True):
        drawn = figure(rng, 48)
        assert note["image_id"] == image["id"]
        np.testing.assert_array_equal(cv2.imread(str(tmp_path / "set" / "train" / image["file_name"])), drawn.image)
        np.testing.assert_allclose(np.reshape(note["keypoints"], (-1, 3))[:, :2], drawn.points, atol=0.01)


def test_pictures_of_one_person_are_more_alike_than_of_two(tmp_path):
    rng = np.random.default_rng(0)
    people = [[_middle(face(rng, who, 64)) for _ in range(6)] for who in (person(rng) for _ in range(8))]
    means = np.array([np.mean(pictures, 0) for pictures in people])
    own = np.mean([np.linalg.norm(p - means[i]) for i, pictures in enumerate(people) for p in pictures])
    others = np.mean([np.linalg.norm(a - b) for i, a in enumerate(means) for b in means[i + 1 :]])
    assert others > own


def _middle(image):
    """Return the mean colour of the face's middle, where no background is."""
    return image[24:44, 24:40].astype(float).mean((0, 1))


def test_the_people_of_the_splits_differ(tmp_path):
    write_faces(tmp_path / "set", 3, 2, 1, size=32)
    names = [sorted(p.name for p in (tmp_path / "set" / split).iterdir()) for split in ("train", "test")]
    assert names == [["person_000", "person_001", "person_002"], ["person_003", "person_004"]]


@pytest.mark.parametrize("label", MOTIONS)
def test_a_clip_moves_as_its_class_says(label):
    """Look at the light pixels: the object is lighter than what is behind it."""
    for seed in range(8):
        frames = [f.astype(float).mean(2) for f in motion(np.random.default_rng(seed), label, 8, 48)]
        light = [frame > (frame.min() + frame.max()) / 2 + 10 for frame in (frames[0], frames[-1])]
        (y0, x0), (y1, x1) = (np.argwhere(part).mean(0) for part in light)
        grown = light[1].sum() / light[0].sum()
        found = {
            "across": abs(x1 - x0) > 16 and abs(y1 - y0) < 12,
            "fall": y1 - y0 > 12,
            "rise": y0 - y1 > 12,
            "grow": grown > 2,
            "shrink": grown < 0.5,
            "still": abs(x1 - x0) < 3 and abs(y1 - y0) < 3 and 0.8 < grown < 1.25,
        }
        assert found[label], (seed, x0, y0, x1, y1, grown)


def test_a_written_clip_has_its_frames(tmp_path):
    write_clips(tmp_path / "set", 1, 1, frames=5, size=32)
    with Capture(str(tmp_path / "set" / "test" / "rise" / "0000.avi")) as capture:
        assert capture.count() == 5
        assert capture.read().shape == (32, 32, 3)


def test_negations_turn_the_label():
    rng = np.random.default_rng(0)
    seen = set()
    for _ in range(300):
        label, text = sentences.sentence(rng)
        words = text.split()
        good = any(word in sentences.PRAISE for word in words)
        negated = "not" in words or "never" in words
        assert label == sentences.LABELS[good != negated]
        seen.add((good, negated))
    assert len(seen) == 4


def test_no_sentence_is_in_both_parts(tmp_path):
    write_sentences(tmp_path / "set", 300, 60)
    parts = [(tmp_path / "set" / f"{name}.tsv").read_text().splitlines() for name in ("train", "test")]
    assert [len(part) for part in parts] == [300, 60]
    assert len({line.split("\t")[1] for part in parts for line in part}) == 360


def test_more_sentences_than_the_grammar_has_are_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(sentences, "SUBJECTS", ("it",))
    monkeypatch.setattr(sentences, "ASIDES", ("",))
    with pytest.raises(InputError, match="fewer than 900 different sentences"):
        write_sentences(tmp_path / "set", 800, 100)


def test_the_pitch_moves_as_the_class_says():
    for seed in range(6):
        for label in LABELS:
            sound = tone(np.random.default_rng(seed), label, 300.0, np.array([1.0, 0.1]))
            loud = np.flatnonzero(np.abs(sound) > 0.1)
            found = [_pitch(part) for part in np.array_split(sound[loud[0] : loud[-1]], 12)]
            ratio, spread = np.mean(found[-3:]) / np.mean(found[:3]), max(found) / min(found)
            right = {"fall": ratio < 0.8, "rise": ratio > 1.25, "steady": spread < 1.1, "trill": 1.2 < spread < 1.7}
            assert right[label], (seed, label, found)


def _pitch(sound):
    """Return the strongest frequency, in hertz."""
    spectrum = np.abs(np.fft.rfft(sound * np.hanning(len(sound)), 1 << 15))
    return np.argmax(spectrum) * RATE / (1 << 15)


def test_sounds_are_one_second_of_16_bits(tmp_path):
    write_sounds(tmp_path / "set", voices=2, each=1)
    with wave.open(str(tmp_path / "set" / "trill_voice01_0.wav")) as file:
        assert (file.getframerate(), file.getnframes(), file.getsampwidth(), file.getnchannels()) == (RATE, RATE, 2, 1)

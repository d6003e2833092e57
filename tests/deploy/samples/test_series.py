"""Sounds, sentences and clips, as the training of the network made its inputs of them."""

import wave

import cv2
import numpy as np
import pytest

from edge.deploy.samples import CALIBRATION, VERIFICATION, open_samples
from edge.errors import FileError, InputError
from edge.models.training.sound.mel import Features
from tests.deploy.samples.network_info import COLOUR, everything, image, network, tensor

RATE = 4000


def write_wav(path, samples, rate=RATE):
    path.parent.mkdir(parents=True, exist_ok=True)
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(np.round(samples * 32767).astype("<i2").tobytes())


def tone(hertz, seconds=0.5):
    return 0.5 * np.sin(2 * np.pi * hertz * np.arange(round(seconds * RATE)) / RATE)


@pytest.fixture
def sounds(tmp_path):
    for label, hertz in (("high", 900), ("low", 200)):
        for speaker in ("ann", "bob", "eve"):
            write_wav(tmp_path / "sounds" / f"{label}_{speaker}_0.wav", tone(hertz))
    return tmp_path / "sounds"


RECORD = {"sound": {"rate": RATE, "samples": RATE, "kind": "mfcc", "hop": 190},
          "speakers": {"train": ["ann", "bob"], "report": ["eve"]}}  # fmt: skip


def test_features_are_those_of_the_record(sounds):
    wanted = network(tensor((20, 10, 1)), labels=("low", "high"), record=RECORD)
    samples = open_samples(sounds, wanted, VERIFICATION, everything)
    assert samples.ids == ("high_eve_0.wav", "low_eve_0.wav")
    assert samples.noun == "sound"
    assert samples.notes == ()
    found = list(samples.read())
    assert [sample.truth for sample in found] == [1, 0]
    padded = np.zeros(RATE, np.float32)
    padded[RATE // 4 : 3 * RATE // 4] = np.round(tone(900) * 32767) / 32768
    expected = Features(20, 10, RATE, RATE, "mfcc")(padded[None])
    np.testing.assert_allclose(found[0].inputs["x"], expected, atol=1e-4)


def test_calibration_hears_the_speakers_that_were_trained_on(sounds):
    wanted = network(tensor((20, 10, 1)), record=RECORD)
    ids = open_samples(sounds, wanted, CALIBRATION, everything).ids
    assert ids == ("high_ann_0.wav", "high_bob_0.wav", "low_ann_0.wav", "low_bob_0.wav")


def test_a_waveform_has_deviation_1(sounds):
    wanted = network(tensor((1000, 1)), record={"sound": {"rate": RATE, "samples": 1000, "kind": "waveform"}})
    for sample in open_samples(sounds, wanted, VERIFICATION, everything).read():
        assert sample.inputs["x"].shape == (1, 1000, 1)
        assert sample.inputs["x"].std() == pytest.approx(1, abs=1e-3)


def test_without_a_record_the_features_are_assumed_and_said(sounds):
    samples = open_samples(sounds, network(tensor((20, 10, 1))), VERIFICATION, everything)
    assert samples.notes == (f"assumed logmel features of 1 s at {RATE} Hz: no training record says",)
    assert next(samples.read()).inputs["x"].shape == (1, 20, 10, 1)


def test_sounds_without_labels_have_no_truth(tmp_path):
    write_wav(tmp_path / "sounds" / "anything.wav", tone(300))
    samples = open_samples(tmp_path / "sounds", network(tensor((1000, 1))), VERIFICATION, everything)
    assert [sample.truth for sample in samples.read()] == [None]


def test_a_damaged_sound_is_none_and_another_rate_is_refused(sounds):
    (sounds / "high_eve_0.wav").write_bytes(b"RIFF")
    write_wav(sounds / "low_eve_0.wav", tone(200), 8000)
    rows = open_samples(sounds, network(tensor((20, 10, 1)), record=RECORD), VERIFICATION, everything).read()
    assert next(rows) is None
    with pytest.raises(InputError, match=r"low_eve_0\.wav must have 4000 Hz, got 8000 Hz"):
        next(rows)


def test_no_readable_sound_is_a_damaged_set(tmp_path):
    (tmp_path / "sounds").mkdir()
    (tmp_path / "sounds" / "a.wav").write_bytes(b"RIFF")
    with pytest.raises(FileError, match="none of its 1 sounds can be read"):
        open_samples(tmp_path / "sounds", network(tensor((1000, 1))), VERIFICATION, everything)


@pytest.fixture
def beside(tmp_path):
    """Return a model's folder with its vocabulary."""
    (tmp_path / "vocabulary.txt").write_text("<PAD>\n<UNKNOWN>\ngood\nbad\nnot\n")
    return tmp_path


def sentences(folder, **choices):
    return network(tensor((4,), "int32", "tokens"), shape=(1, 2), folder=folder, **choices)


def test_sentences_become_tokens_of_the_models_own_vocabulary(beside):
    (beside / "data").mkdir()
    (beside / "data" / "train.tsv").write_text("nice\tGood good.\nnasty\tbad\n")
    (beside / "data" / "test.tsv").write_text("nasty\tnot good at all\nnice\tnot bad\n")
    wanted = sentences(beside, labels=("nice", "nasty"))
    found = list(open_samples(beside / "data", wanted, VERIFICATION, everything).read())
    assert [sample.inputs["tokens"].tolist() for sample in found] == [[[4, 2, 1, 1]], [[4, 3, 0, 0]]]
    assert [sample.truth for sample in found] == [1, 0]
    assert found[0].inputs["tokens"].dtype == np.int32


@pytest.mark.parametrize(
    ("text", "truths"),
    [
        pytest.param("nice\tgood\nnasty\tbad\n", [1, 0], id="labels"),
        pytest.param("good\nbad\n", [None, None], id="without labels"),
    ],
)
def test_one_file_of_sentences(beside, text, truths):
    (beside / "some.txt").write_text(text)
    found = list(open_samples(beside / "some.txt", sentences(beside), VERIFICATION, everything).read())
    assert [sample.inputs["tokens"][0, 0] for sample in found] == [2, 3]
    assert [sample.truth for sample in found] == truths


def test_sentences_need_the_vocabulary(beside):
    (beside / "some.txt").write_text("good\n")
    (beside / "vocabulary.txt").unlink()
    with pytest.raises(FileError, match=r"vocabulary .*vocabulary\.txt cannot be read"):
        open_samples(beside / "some.txt", sentences(beside), VERIFICATION, everything)


@pytest.fixture
def clips(tmp_path):
    """Clips as folders of frames: grey rises with the frame's number, class by class another step."""
    for split in ("train", "test"):
        for label, step in (("fast", 20), ("slow", 5)):
            place = tmp_path / "clips" / split / label / "one"
            place.mkdir(parents=True)
            for frame in range(9):
                cv2.imwrite(str(place / f"{frame:03}.png"), np.full((8, 8, 3), step * frame, np.uint8))
    return tmp_path / "clips"


def clip(**choices):
    return network(image((3, 4, 4, 3), COLOUR, "clip"), **choices)


def test_frames_are_spread_evenly_over_a_clip(clips):
    found = list(open_samples(clips, clip(labels=("slow", "fast")), VERIFICATION, everything).read())
    assert [sample.truth for sample in found] == [1, 0]
    (fast,) = found[0].inputs.values()
    assert fast.shape == (1, 3, 4, 4, 3)
    np.testing.assert_array_equal(fast[0, :, 0, 0, 0], [0, 80, 160])  # the first, the middle and the last frame


def test_frames_follow_each_other_as_the_record_says(clips):
    found = list(open_samples(clips, clip(record={"clip": {"step": 1}}), VERIFICATION, everything).read())
    (fast,) = found[0].inputs.values()
    np.testing.assert_array_equal(fast[0, :, 0, 0, 0], [60, 80, 100])  # the three in the middle


def test_a_clip_without_a_frame_is_none(clips):
    for path in (clips / "test" / "slow" / "one").iterdir():
        path.write_bytes(b"no picture")
    found = list(open_samples(clips, clip(), VERIFICATION, everything).read())
    assert [sample is None for sample in found] == [False, True]

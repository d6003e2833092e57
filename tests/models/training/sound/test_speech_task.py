"""Sounds: reading, features against independent values, distortion, the split by speaker, and the fit."""

import io
import math
import wave
import zipfile

import numpy as np
import pytest

from edge.deploy._tensorflow import need
from edge.errors import FileError, InputError

need("tensorflow")

import tensorflow as tf  # noqa: E402

from edge.models import build  # noqa: E402
from edge.models.training import fit  # noqa: E402
from edge.models.training.settings import Augmentation, Settings  # noqa: E402
from edge.models.training.sound import mel, speech_task  # noqa: E402
from edge.models.training.sound.sound_augmentation import Distortion, change_speed, distort, mask, tilt  # noqa: E402
from edge.models.training.sound.sound_folder import centred, decode, open_sounds  # noqa: E402

RATE = 8000
STILL = Distortion(speed=0, shift=0, tilt=0, noise=0, masks=0)
PLAIN = Augmentation(flip=False, crop=0)


def wav(values, rate=RATE, width=2, channels=1):
    """Return a PCM file of ``values``, integers."""
    kind = {1: "u1", 2: "<i2", 3: "u1", 4: "<i4"}[width]
    out = io.BytesIO()
    with wave.open(out, "wb") as file:
        file.setnchannels(channels)
        file.setsampwidth(width)
        file.setframerate(rate)
        file.writeframes(np.asarray(values).astype(kind).tobytes())
    return out.getvalue()


def tone(hertz, seconds=0.5, rate=RATE):
    return (8000 * np.sin(2 * np.pi * hertz * np.arange(round(seconds * rate)) / rate)).astype(np.int16)


WORDS = {"low": 400, "high": 1600}
VOICES = {"anna": 0.9, "bo": 1.0, "cy": 1.1}


@pytest.fixture
def folder(tmp_path):
    """Two words of three speakers, four times each: a word is a pitch, a speaker shifts it."""
    root = tmp_path / "sounds"
    root.mkdir()
    for word, hertz in WORDS.items():
        for speaker, factor in VOICES.items():
            for take in range(4):
                content = wav(tone(hertz * factor * (1 + 0.01 * take)))
                (root / f"{word}_{speaker}_{take}.wav").write_bytes(content)
    return root


def settings(**options):
    return Settings(epochs=2, batch=4, augmentation=PLAIN, optimizer="adam", learning_rate=0.01, **options)


class TestReading:
    def test_names_say_label_and_speaker(self, folder):
        data = open_sounds(folder)
        assert (data.labels, data.speakers, data.rate) == (("high", "low"), ("anna", "bo", "cy"), RATE)
        assert len(data.clips) == 24
        assert {clip.label for clip in data.of(("bo",)) if clip.name.startswith("low")} == {1}

    def test_a_zip_holds_the_same(self, folder, tmp_path):
        with zipfile.ZipFile(tmp_path / "sounds.zip", "w") as archive:
            for path in folder.iterdir():
                archive.write(path, f"any/{path.name}")
            archive.writestr("__MACOSX/._low_bo_1.wav", b"")
        packed, plain = open_sounds(tmp_path / "sounds.zip"), open_sounds(folder)
        assert packed.labels == plain.labels
        for one, other in zip(packed.clips, plain.clips, strict=True):
            np.testing.assert_array_equal(one.samples, other.samples)

    def test_a_label_may_hold_underscores(self, tmp_path):
        (tmp_path / "turn_it_off_anna_0.wav").write_bytes(wav([1, 2]))
        assert open_sounds(tmp_path).labels == ("turn_it_off",)

    @pytest.mark.parametrize(
        ("content", "expected"),
        [
            pytest.param(wav([0, 16384, -32768]), [0, 0.5, -1], id="16 bits"),
            pytest.param(wav([128, 192, 0], width=1), [0, 0.5, -1], id="8 bits, unsigned"),
            pytest.param(wav([0, 2**30, -(2**31)], width=4), [0, 0.5, -1], id="32 bits"),
            pytest.param(wav([0, 16384, -16384, 0], channels=2), [0.25, -0.25], id="stereo: the mean"),
        ],
    )
    def test_samples_are_from_minus_1_to_1(self, content, expected):
        samples, rate = decode(content)
        assert rate == RATE
        np.testing.assert_allclose(samples, expected, atol=1e-6)

    @pytest.mark.parametrize(
        "content",
        [
            pytest.param(b"", id="empty"),
            pytest.param(b"RIFF and no more", id="cut in the header"),
            pytest.param(wav([]), id="no samples"),
            pytest.param(wav(np.zeros(6), width=3), id="24 bits"),
            pytest.param(b"\xff\xfbmp3", id="another format"),
        ],
    )
    def test_what_cannot_be_read_is_none(self, content):
        assert decode(content) is None

    def test_damaged_files_are_left_out_and_named(self, folder):
        (folder / "low_bo_9.wav").write_bytes(b"no sound")
        data = open_sounds(folder)
        assert (len(data.clips), data.corrupt) == (24, ("low_bo_9.wav",))

    def test_progress_reaches_the_end(self, folder):
        seen = []
        open_sounds(folder, lambda done, total: seen.append((done, total)))
        assert seen[-1] == (24, 24)

    @pytest.mark.parametrize(
        ("files", "error", "words"),
        [
            pytest.param({"a.txt": b""}, InputError, "has no sounds: expected <label>_<speaker>", id="no sounds"),
            pytest.param({"a_b.wav": wav([1])}, InputError, "must be named .* got a_b.wav", id="name"),
            pytest.param({"a_b_0.wav": b""}, FileError, "none of the 1 sounds can be read", id="all damaged"),
            pytest.param(
                {"a_b_0.wav": wav([1]), "a_b_1.wav": wav([1], rate=16000)},
                InputError,
                "one rate, got 8000 Hz in a_b_0.wav and 16000 Hz in a_b_1.wav",
                id="rates",
            ),
        ],
    )
    def test_what_does_not_fit_is_refused(self, tmp_path, files, error, words):
        for name, content in files.items():
            (tmp_path / name).write_bytes(content)
        with pytest.raises(error, match=words):
            open_sounds(tmp_path)

    @pytest.mark.parametrize(
        ("length", "shift", "expected"),
        [
            pytest.param(5, 0, [0, 1, 2, 3, 0], id="shorter: zeros around it"),
            pytest.param(1, 0, [2], id="longer: its middle"),
            pytest.param(5, 2, [0, 0, 0, 1, 2], id="later"),
            pytest.param(5, -9, [0, 0, 0, 0, 0], id="out of sight"),
        ],
    )
    def test_a_clip_is_centred(self, length, shift, expected):
        assert centred(np.array([1, 2, 3], np.float32), length, shift).tolist() == expected


class TestFeatures:
    """Against TensorFlow's own signal operations, which share no code with ours."""

    clips = np.random.default_rng(0).normal(0, 0.1, (3, RATE)).astype(np.float32)

    def energies_of_tensorflow(self, bands):
        spectrum = tf.abs(tf.signal.stft(self.clips, 320, 160, 512, tf.signal.hann_window)) ** 2
        weights = tf.signal.linear_to_mel_weight_matrix(bands, 257, RATE, mel.LOWEST, RATE / 2)
        return (spectrum @ weights).numpy()

    def test_energies_are_tensorflows(self):
        got = mel.Features(49, 40, RATE, RATE).energies(self.clips)
        expected = self.energies_of_tensorflow(40)
        assert got.shape == expected.shape == (3, 49, 40)
        np.testing.assert_allclose(got, expected, rtol=1e-3, atol=1e-3 * expected.mean())

    def test_coefficients_are_tensorflows(self):
        logs = np.log(self.energies_of_tensorflow(40))
        assert logs.min() > logs.max((1, 2)).min() + math.log(mel.FLOOR)  # nothing lies below the floor here
        expected = tf.signal.mfccs_from_log_mel_spectrograms(logs)[..., :10].numpy()
        expected -= expected.mean(1, keepdims=True)
        expected /= expected.std(1, keepdims=True) + 1e-3  # the share that keeps silence finite
        got = mel.Features(49, 10, RATE, RATE, "mfcc")(self.clips)
        np.testing.assert_allclose(got[..., 0], expected, atol=2e-3)

    def test_mel_scale_in_numbers(self):
        # O'Shaughnessy: 1000 Hz are about 1000 mel; 700 Hz are 2595 log10(2).
        assert mel.hertz_to_mel(1000) == pytest.approx(999.99, abs=0.01)
        assert mel.hertz_to_mel(700) == pytest.approx(2595 * math.log10(2))

    def test_dct_is_orthonormal_and_its_first_column_the_mean(self):
        np.testing.assert_allclose(mel.dct(8) @ mel.dct(8).T, np.eye(8), atol=1e-6)
        np.testing.assert_allclose(mel.dct(4)[:, 0], 0.5)
        assert mel.dct(2)[:, 1] == pytest.approx([math.sqrt(0.5), -math.sqrt(0.5)])

    @pytest.mark.parametrize("kind", mel.KINDS)
    def test_level_does_not_count(self, kind):
        made = mel.Features(49, 20, RATE, RATE, kind)
        np.testing.assert_allclose(made(0.1 * self.clips), made(self.clips), atol=1e-3)

    @pytest.mark.parametrize("kind", mel.KINDS)
    def test_silence_is_zero(self, kind):
        found = mel.Features(49, 10, RATE, RATE, kind)(np.zeros((1, RATE)))
        np.testing.assert_allclose(found, 0, atol=1e-6)  # the rounding of a mean, over a deviation of 0.001 at least

    def test_a_tone_is_loudest_in_its_band(self):
        energies = mel.Features(49, 40, RATE, RATE).energies(tone(1000, 1.0)[None] / 32768)
        tops = np.linspace(mel.hertz_to_mel(mel.LOWEST), mel.hertz_to_mel(RATE / 2), 42)[1:-1]
        assert energies[0].mean(0).argmax() == np.abs(tops - mel.hertz_to_mel(1000)).argmin()

    @pytest.mark.parametrize(
        ("values", "words"),
        [
            pytest.param((49, 10, RATE, RATE, "fbank"), "features must be one of logmel, mfcc, got 'fbank'", id="kind"),
            pytest.param((2000, 10, RATE, RATE), "frames must be at most 999 in a clip of 8000", id="frames"),
            pytest.param((49, 41, RATE, RATE, "mfcc"), "mfcc has at most 40 coefficients, got 41", id="bins"),
        ],
    )
    def test_what_does_not_fit_is_refused(self, values, words):
        with pytest.raises(InputError, match=words):
            mel.Features(*values)


class TestDistortion:
    def test_nothing_changes_nothing(self):
        x = (tone(500) / 32768).astype(np.float32)
        got = distort(x, RATE, RATE, STILL, np.random.default_rng(0))
        np.testing.assert_array_equal(got, centred(x, RATE))

    def test_twice_as_fast_is_half_as_long_and_an_octave_up(self):
        x = change_speed((tone(500, 1.0) / 32768).astype(np.float32), 2)
        assert len(x) == RATE // 2
        assert np.abs(np.fft.rfft(x)).argmax() * RATE / len(x) == 1000

    def test_tilt_raises_high_against_low(self):
        low, high = tilt(tone(0 + 100, 1.0), 12), tilt(tone(3900, 1.0), 12)
        gain = [20 * math.log10(np.std(y) / np.std(tone(f, 1.0))) for y, f in ((low, 100), (high, 3900))]
        assert gain == pytest.approx([-6 + 12 * 100 / 4000, -6 + 12 * 3900 / 4000], abs=0.05)

    def test_noise_stays_below_its_level(self):
        x = (tone(500, 1.0) / 32768).astype(np.float32)
        how = Distortion(speed=0, shift=0, tilt=0, noise=20, masks=0)
        noise = distort(x, RATE, RATE, how, np.random.default_rng(1)) - x
        assert 0 < np.std(noise) < np.std(x) * 10 ** (-20 / 20)

    def test_masks_hide_up_to_a_fifth(self):
        rng = np.random.default_rng(3)
        found = []
        for _ in range(50):
            x = mask(np.ones((50, 20, 1), np.float32), 1, rng)[..., 0]
            rows, columns = (x == 0).all(1), (x == 0).all(0)
            assert (x[~rows][:, ~columns] == 1).all()
            found.append((int(rows.sum()), int(columns.sum())))
        assert np.max(found, 0).tolist() == [10, 4]  # a fifth

    @pytest.mark.parametrize("values", [{"speed": 1.0}, {"noise": -1.0}, {"shift": math.nan}])
    def test_what_does_not_fit_is_refused(self, values):
        with pytest.raises(InputError, match=next(iter(values))):
            Distortion(**values)


class TestSplit:
    speakers = ("anna", "bo", "cy", "dee")

    @pytest.mark.parametrize(
        ("reported", "holdout", "expected"),
        [
            pytest.param((), 0.0, (("anna", "bo", "cy"), ("dee",), ("dee",)), id="the last one by default"),
            pytest.param(("bo",), 0.0, (("anna", "cy", "dee"), ("bo",), ("bo",)), id="named"),
            pytest.param(("bo",), 0.1, (("anna", "cy"), ("dee",), ("bo",)), id="holdout: a whole speaker"),
        ],
    )
    def test_is_by_speaker(self, reported, holdout, expected):
        assert speech_task.split_speakers(self.speakers, reported, holdout) == expected

    @pytest.mark.parametrize(
        ("reported", "holdout", "words"),
        [
            pytest.param(("eve",), 0.0, "speakers must be among anna, bo, cy, dee, got 'eve'", id="unknown"),
            pytest.param(("anna", "bo", "cy", "dee"), 0.0, "at least one speaker must be left", id="nobody left"),
            pytest.param(("anna", "bo", "cy"), 0.5, "at least one speaker must be left", id="held out"),
        ],
    )
    def test_nobody_to_train_on_is_refused(self, reported, holdout, words):
        with pytest.raises(InputError, match=words):
            speech_task.split_speakers(self.speakers, reported, holdout)


class TestTask:
    @pytest.mark.parametrize("shape", [(4000, 1), (24, 10, 1)], ids=["waveform", "features"])
    def test_batches_have_the_networks_shape(self, folder, shape):
        task = speech_task.load(folder, shape, settings())
        inputs, targets = next(iter(task.training_batches(settings(), seed=0)))
        assert inputs.shape == (4, *shape)
        assert targets.shape == (4, 2)
        assert sum(len(x) for x, _ in task.monitor_batches(settings())) == len(task.report_on) == 8
        assert next(task.inputs(3, 3, seed=0)).shape == (3, *shape)

    def test_no_speaker_is_on_both_sides(self, folder):
        task = speech_task.load(folder, (4000, 1), settings(), speakers=("bo",))
        assert {clip.speaker for clip in task.train} == {"anna", "cy"}
        assert {clip.speaker for clip in task.report_on} == {"bo"}
        assert task.facts()["speakers"] == {"train": ["anna", "cy"], "report": ["bo"]}

    def test_same_seed_gives_the_same_batch(self, folder):
        task = speech_task.load(folder, (24, 10, 1), settings())
        one, other = (next(iter(task.training_batches(settings(), seed=5)))[0] for _ in range(2))
        np.testing.assert_array_equal(one, other)

    def test_mixup_blends_inputs_and_targets_alike(self):
        inputs, targets = np.eye(4, dtype=np.float32)[..., None], np.eye(4, dtype=np.float32)
        x, y = speech_task.mixup(inputs, targets, 0.4, np.random.default_rng(0))
        np.testing.assert_array_equal(x[..., 0], y)
        np.testing.assert_allclose(y.sum(1), 1, atol=1e-6)
        assert ((y > 0) & (y < 1)).any()

    def test_a_fit_reports_on_the_voice_held_out(self, folder, tmp_path):
        chosen = settings(weight_decay=0.0, label_smoothing=0.0, warmup=0.0)
        task = speech_task.load(folder, (24, 10, 1), chosen, distortion=Distortion(speed=0.1))
        (tmp_path / "run").mkdir()
        record = fit.train(lambda: build("ds_cnn", (24, 10, 1), 2, 0.25), task, chosen, tmp_path / "run")
        assert record["images"] == {"train": 16, "report": 8}
        assert set(record["accuracy_by_speaker"]) == {"cy"}
        assert 0 <= record["accuracy"] <= 1

    @pytest.mark.parametrize(
        ("shape", "augmentation", "words"),
        [
            pytest.param((24, 10, 3), PLAIN, r"sounds have the shape .* got input_shape \(24, 10, 3\)", id="channels"),
            pytest.param((24,), PLAIN, "sounds have the shape", id="dimensions"),
            pytest.param((24, 10, 1), Augmentation(cutout=4), "cutout is for images", id="cutout"),
        ],
    )
    def test_what_does_not_fit_is_refused(self, folder, shape, augmentation, words):
        with pytest.raises(InputError, match=words):
            speech_task.load(folder, shape, Settings(augmentation=augmentation))

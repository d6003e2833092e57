"""Networks of every task from model to bundle: gate, golden inputs, and a bundle that runs."""

import cv2
import numpy as np
import pytest

import edge
from edge import golden
from edge.bundle import open_bundle
from edge.deploy._tensorflow import need

need("tensorflow")

from edge.deploy.conversion import unrolling  # noqa: E402
from edge.deploy.conversion_options import Calibration, Callbacks, ConversionOptions  # noqa: E402
from edge.deploy.package import convert  # noqa: E402
from edge.deploy.parity import Gate  # noqa: E402
from edge.deploy.signature import Pixels  # noqa: E402
from edge.errors import InputError  # noqa: E402
from tests.deploy.metadata.files import described  # noqa: E402
from tests.deploy.networks_of_tasks import FAST, SLOW, saved  # noqa: E402

TASKS = {
    "detect": ("detect", "boxes matched at IoU 0.7", "mAP at IoU 0.5"),
    "ssdlite": ("detect", "boxes matched at IoU 0.7", "mAP at IoU 0.5"),
    "segment": ("segment", "pixels", "Dice"),
    "windows": ("segment", "pixels", "Dice"),
    "unet": ("segment", "pixels", "Dice"),
    "keypoints": ("keypoints", "points within 2 % of the diagonal", "PCK at 5 % of the longer side"),
    "poses": ("keypoints", "points within 2 % of the diagonal", "PCK at 5 % of the longer side"),
    "embed": ("embed", "mean cosine", None),
    "faces": ("embed", "mean cosine", None),
    "sound": ("classify", "top-1", "accuracy"),
    "waveform": ("classify", "top-1", "accuracy"),
    "text": ("classify", "top-1", "accuracy"),
    "clip": ("classify", "top-1", "accuracy"),
}
"""Task, measure and quality of each network."""


class Heard:
    """Keeps what a conversion says."""

    def __init__(self):
        self.lines = []

    @property
    def callbacks(self):
        return Callbacks(report=self.lines.append, progress=lambda what: lambda done, total: None)


def loose(data):
    """Random weights have no quality to lose; only what float32 files compute is held to."""
    return Gate(data, min_agreement=0, min_onnx_agreement=0, max_drop=100)


def given(bundle):
    """Return the golden inputs of a bundle's first file, by name."""
    entry = bundle.manifest.artifacts[0].golden
    return dict(np.load(bundle.root / entry.inputs.name))


@pytest.mark.parametrize("name", [*FAST, *(pytest.param(name, marks=pytest.mark.slow) for name in SLOW)])
def test_a_network_of_each_task_becomes_a_bundle_that_runs(name, tmp_path):
    case, heard = {**FAST, **SLOW}[name], Heard()
    model, data, out = saved(case, tmp_path / "run"), tmp_path / "data", tmp_path / "net"
    case.draw(data)
    options = ConversionOptions(out, calibration=Calibration(data, 6), gate=loose(data))
    manifest = convert(str(model), options, heard.callbacks)
    task, measure, quality = TASKS[name]
    assert manifest.signature.task.name == task
    kinds = [(a.format, a.precision) for a in manifest.artifacts]
    assert kinds == [("tflite", "float32"), ("onnx", "float32"), ("tflite", "int8"), ("onnx", "int8")]
    rows = manifest.measured["parity"]
    assert len(rows) == 6  # four files with the model, two ONNX files with their TFLite twins
    assert {(row["measure"], row["quality_name"]) for row in rows} == {(measure, quality)}
    for row in rows:
        # Random weights spread values evenly, and few samples fit the ranges: int8 keeps this much of any of them.
        assert row["snr"] is None or row["snr"] >= (80 if "float32" in row["candidate"] else 5)
    of_classes = ("assumed that the network's classes are those of", "no labels:")
    assert [line for line in heard.lines if not line.startswith(of_classes)] == []  # the record says all else
    assert len(heard.lines) == (task == "classify")
    bundle = open_bundle(out)
    assert bundle.manifest.signature == manifest.signature
    with edge.load(out) as net:
        golden.check(net)
        assert net(given(bundle)).task == task
        if case.record.get("view") == "crop":  # trained on windows: a whole picture has its mask at its own size
            assert net.signature.tiled
            assert net(np.full((50, 70, 3), 128, np.uint8)).mask.classes.shape == (50, 70)


def test_pictures_that_cannot_be_decoded_are_named_and_do_not_count_as_calibration(tmp_path):
    case, heard = FAST["segment"], Heard()
    model, data = saved(case, tmp_path / "run"), tmp_path / "pictures"
    data.mkdir()
    rng = np.random.default_rng(0)
    for name in ("a.png", "b.png", "c.png"):
        cv2.imwrite(str(data / name), rng.integers(0, 256, (40, 40, 3), np.uint8))
    (data / "b.png").write_bytes((data / "b.png").read_bytes()[:60])
    options = ConversionOptions(tmp_path / "net", tflite=("int8",), calibration=Calibration(data))
    manifest = convert(model, options, heard.callbacks)
    assert "left out 1 image(s) that cannot be decoded: b.png" in heard.lines
    assert sorted(manifest.provenance["calibration"]) == ["a.png", "c.png"]


def test_calibration_without_a_use_is_said(tmp_path):
    keras = need("tf_keras")
    steps = unrolling.MOST_STEPS + 1
    layers = [keras.Input((steps, 3)), keras.layers.GRU(4), keras.layers.Dense(2, activation="softmax")]
    keras.Sequential(layers).save(tmp_path / "gru.keras")
    np.savez(tmp_path / "rows.npz", input=np.random.default_rng(0).normal(size=(8, steps, 3)).astype(np.float32))
    heard = Heard()
    options = ConversionOptions(tmp_path / "net", calibration=Calibration(tmp_path / "rows.npz"))
    manifest = convert(tmp_path / "gru.keras", options, heard.callbacks)
    assert {artifact.precision for artifact in manifest.artifacts} == {"float32"}
    assert any(line.startswith("--calibrate has no use: gru") and "a loop" in line for line in heard.lines)


def test_an_option_without_an_effect_is_refused(tmp_path):
    faces, text = FAST.get("embed") or SLOW["embed"], FAST.get("text") or SLOW["text"]
    (tmp_path / "names.txt").write_text("a\nb\n")
    for case, options, words in (
        (faces, {"labels": tmp_path / "names.txt"}, "task embed has no classes that labels could name"),
        (text, {"pixels": Pixels(mean=(0.0,))}, "mean are about pixels, the network takes"),
    ):
        model = saved(case, tmp_path / words[:9])
        with pytest.raises(InputError, match=words):
            convert(model, ConversionOptions(tmp_path / "net", **options), Heard().callbacks)
    assert not (tmp_path / "net").exists()


def test_a_finished_file_stays_as_it_is_and_gives_its_signature(tmp_path):
    """The metadata of a file that we made is read when it comes back; a file from elsewhere gets none."""
    manifest, path = described("mobilenet_v2_cifar10", tmp_path)
    heard = Heard()
    convert(path, ConversionOptions(tmp_path / "net.edge"), heard.callbacks)
    again = open_bundle(tmp_path / "net.edge")
    assert again.path(again.manifest.artifacts[0]).read_bytes() == path.read_bytes()
    assert again.manifest.labels == manifest.labels
    assert again.manifest.signature.task == manifest.signature.task
    assert again.manifest.signature.inputs[0].format == manifest.signature.inputs[0].format
    assert "read from the file: task classify" in heard.lines


def test_a_converted_file_says_without_its_bundle_what_it_is(tmp_path):
    model = saved(FAST.get("segment") or SLOW["segment"], tmp_path)
    convert(model, ConversionOptions(tmp_path / "net", onnx=("float32",), tflite=("float32",)))
    bundle = open_bundle(tmp_path / "net")
    for artifact in bundle.manifest.artifacts:
        with edge.load(bundle.path(artifact)) as net:
            assert net.signature == bundle.manifest.signature
            assert (net.labels or ()) == bundle.manifest.labels


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_calibration_samples_are_finite(tmp_path, value):
    keras = need("tf_keras")
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3)])
    rows = np.random.default_rng(0).normal(size=(5, 4)).astype(np.float32)
    rows[3, 2] = value
    np.savez(tmp_path / "rows.npz", input=rows)
    options = ConversionOptions(tmp_path / "net", tflite=("int8",), calibration=Calibration(tmp_path / "rows.npz"))
    with pytest.raises(InputError, match="calibration samples must be finite numbers, got NaN or infinity in input"):
        convert(model, options)
    assert not (tmp_path / "net").exists()


def test_a_calibration_without_a_picture_that_can_be_decoded_says_so(tmp_path):
    keras = need("tf_keras")
    layers = [keras.Input((16, 16, 3)), keras.layers.Conv2D(4, 3), keras.layers.GlobalAveragePooling2D()]
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "a.png").write_bytes(b"no picture")
    options = ConversionOptions(tmp_path / "net", tflite=("int8",), calibration=Calibration(tmp_path / "data"))
    with pytest.raises(InputError, match=r"none of the calibration samples can be decoded: left out 1 .*: a\.png"):
        convert(keras.Sequential(layers), options)

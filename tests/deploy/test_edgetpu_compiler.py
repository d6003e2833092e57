"""The Edge TPU compiler is run where it is installed. Here a script stands for it, which prints a log as it does."""

import os
import sys
from pathlib import Path

import numpy as np
import pytest

import edge
from edge import golden
from edge.bundle import open_bundle
from edge.cli import convert as command
from edge.custom_operations import target_of
from edge.deploy._tensorflow import need
from edge.deploy.edgetpu_compiler import PROGRAM
from edge.errors import GateFailed, InputError
from tests.edgetpu import library

need("tensorflow")

ROOT = Path(__file__).resolve().parents[2]

LOG = """Edge TPU Compiler version 16.0.384591198
Operator                       Count      Status

CONV_2D                        1          Mapped to Edge TPU
FULLY_CONNECTED                1          Mapped to Edge TPU
MEAN                           1          Mapped to Edge TPU
SOFTMAX                        1          Mapped to Edge TPU
On-chip memory used for caching model parameters: 2.00KiB
On-chip memory remaining for caching model parameters: 7.00MiB
Off-chip memory used for streaming uncached model parameters: 0.00B
"""

COMPILES = """
given = pathlib.Path(sys.argv[-1])
out = pathlib.Path(sys.argv[sys.argv.index("--out_dir") + 1])
from tests.edgetpu.compiled import compiled
(out / f"{given.stem}_edgetpu.tflite").write_bytes(compiled(given.read_bytes()))
print(LOG)
"""

SCRIPTS = {
    "compiles": COMPILES,
    "compiles with a log of its own": COMPILES.replace("print(LOG)", "print('done')"),
    "maps nothing": COMPILES.replace("compiled(given.read_bytes())", "given.read_bytes()"),
    "renames outputs": COMPILES.replace("read_bytes())", "read_bytes(), rename='other')"),
    "refuses": "print('ERROR: restored the plan')\nprint('Internal compiler error. Aborting!')\nexit(1)",
}


@pytest.fixture(scope="module")
def network(tmp_path_factory):
    keras = need("tf_keras")
    keras.utils.set_random_seed(0)
    layers = [
        keras.Input((16, 16, 3)),
        keras.layers.Conv2D(4, 3, activation="relu"),
        keras.layers.GlobalAveragePooling2D(),
        keras.layers.Dense(3, activation="softmax"),
    ]
    folder = tmp_path_factory.mktemp("network")
    keras.Sequential(layers).save(folder / "net.keras")
    rng = np.random.default_rng(0)
    np.savez(folder / "data.npz", images=rng.integers(0, 256, (8, 16, 16, 3), np.uint8))
    return folder


def put_in_place(kind, folder, monkeypatch):
    """Install a script in the place of the compiler.

    kind: what it does, a key of SCRIPTS. folder: where its folder is made.
    """
    (folder / "bin").mkdir(exist_ok=True)
    script = folder / "bin" / PROGRAM
    head = f"#!{sys.executable}\nimport pathlib, sys\nsys.path.insert(0, {str(ROOT)!r})\nLOG = {LOG!r}\n"
    script.write_text(head + SCRIPTS[kind])
    script.chmod(0o755)
    monkeypatch.setenv("PATH", str(script.parent), prepend=os.pathsep)


@pytest.fixture
def installed(tmp_path, monkeypatch):
    """Return a function that installs a script in the place of the compiler."""
    return lambda kind: put_in_place(kind, tmp_path, monkeypatch)


def convert(network, out, *options):
    words = [str(network / "net.keras"), "--out", str(out), "--target", "coral-usb"]
    return command.main([*words, "--calibrate", str(network / "data.npz"), *options])


def test_the_bundle_of_a_coral_has_the_compiled_file(network, tmp_path, installed, capsys):
    installed("compiles")
    assert convert(network, tmp_path / "net") == 0
    said = capsys.readouterr().err
    assert "model_int8_edgetpu.tflite: 4 of 4 operations on the Edge TPU, by edgetpu_compiler 16.0" in said
    assert "parameters: 2 KiB on the chip" in said
    bundle = open_bundle(tmp_path / "net")
    cpu, compiled = bundle.manifest.artifacts
    assert (cpu.target, compiled.target) == ("cpu", "edgetpu")
    assert compiled.file == "model_int8_edgetpu.tflite"
    assert compiled.tensors == cpu.tensors
    assert compiled.golden == cpu.golden
    assert target_of(bundle.path(compiled)) == "edgetpu"
    with edge.load(tmp_path / "net") as net:  # a CPU is never given the compiled file
        assert net.path.name == cpu.file
    assert bundle.runnable([".tflite"], None, ["edgetpu"]).path.name == compiled.file


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("refuses", "edgetpu_compiler refuses model_int8.tflite: Internal compiler error. Aborting!"),
        (
            "maps nothing",
            "made model_int8_edgetpu.tflite of model_int8.tflite, which has nothing for the Edge TPU in it",
        ),
        ("renames outputs", "made model_int8_edgetpu.tflite of model_int8.tflite, whose inputs or outputs are others"),
        (None, "the package edgetpu-compiler of https://packages.cloud.google.com/apt"),
    ],
)
def test_without_a_compiled_file_the_bundle_is_for_the_cpu_and_the_rules_say_what_would_run(
    network, tmp_path, installed, monkeypatch, capsys, kind, words
):
    if kind:
        installed(kind)
    else:
        monkeypatch.setenv("PATH", str(tmp_path))
    assert convert(network, tmp_path / "net") == 0
    said = capsys.readouterr().err
    assert words in said
    assert "model_int8.tflite: 4 of 4 operations on the Edge TPU" in said
    bundle = open_bundle(tmp_path / "net")
    assert [artifact.target for artifact in bundle.manifest.artifacts] == ["cpu"]
    with pytest.raises(InputError, match="edgetpu"):
        bundle.runnable([".tflite"], None, ["edgetpu"])


def test_the_bundle_runs_on_both_and_both_are_checked(network, tmp_path, installed, tmp_path_factory, monkeypatch):
    """The stub of libedgetpu computes another network, which the golden output finds out."""
    installed("compiles")
    assert convert(network, tmp_path / "net.edge") == 0
    library.use(monkeypatch, library.stub(tmp_path_factory))
    with edge.load(tmp_path / "net.edge") as session:
        assert (session.backend, session.path.name) == ("edgetpu", "model_int8_edgetpu.tflite")
        with pytest.raises(GateFailed, match="must give its golden output"):
            golden.check(session)
    monkeypatch.setenv("STUB_MODE", "refuse")
    with edge.load(tmp_path / "net.edge") as session:
        assert (session.backend, session.path.name) == ("litert", "model_int8.tflite")
        golden.check(session)


def test_a_log_that_says_nothing_is_no_failure(network, tmp_path, installed, capsys):
    installed("compiles with a log of its own")
    assert convert(network, tmp_path / "net") == 0
    assert "model_int8_edgetpu.tflite: compiled; its log does not say what is mapped" in capsys.readouterr().err

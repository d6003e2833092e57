"""docs/coral.md: each of its commands is run here, or stands in a block that says that it is not."""

import importlib
import re
import shlex
from pathlib import Path

import numpy as np
import pytest

from tests.deploy import test_edgetpu_compiler as compiler
from tests.edgetpu import library

PAGE = (Path(__file__).resolve().parents[1] / "docs/coral.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```(\S*)\n(.*?)```", PAGE, re.DOTALL)
RUN = [line.removeprefix("$ ") for kind, block in BLOCKS if kind == "sh" for line in block.splitlines()]
NOT_RUN = [line.removeprefix("$ ") for kind, block in BLOCKS if kind == "not-run" for line in block.splitlines()]


def test_every_block_says_whether_it_is_run():
    assert {kind for kind, _ in BLOCKS} == {"sh", "not-run"}
    assert all(line.startswith("edge-") for line in RUN)
    assert not any(line.startswith("edge-") for line in NOT_RUN)
    assert len(RUN) == 7


def test_the_package_is_the_one_that_messages_name():
    from edge.backends import _libedgetpu

    (address,) = [line for line in NOT_RUN if "feranick" in line]
    assert f"{_libedgetpu.PACKAGE}_{_libedgetpu.FITTING}-1" in address
    assert _libedgetpu.VARIABLE in PAGE


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """Return a folder with a small model and pictures, as the page names them."""
    from edge.deploy._tensorflow import need

    keras = need("tf_keras")
    keras.utils.set_random_seed(0)
    folder = tmp_path_factory.mktemp("home")
    layers = [
        keras.Input((16, 16, 3)),
        keras.layers.Conv2D(4, 3, activation="relu"),
        keras.layers.GlobalAveragePooling2D(),
        keras.layers.Dense(3, activation="softmax"),
    ]
    keras.Sequential(layers).save(folder / "model.keras")
    np.savez(folder / "photos.npz", images=np.random.default_rng(0).integers(0, 256, (8, 16, 16, 3), np.uint8))
    return folder


def run(line):
    """Run a command of the page and return its exit code."""
    name, *words = shlex.split(line)
    return importlib.import_module(f"edge.cli.{name.removeprefix('edge-')}").main(words)


@pytest.mark.slow
def test_the_commands_run_in_the_pages_order(home, tmp_path_factory, monkeypatch, capsys):
    monkeypatch.chdir(home)
    compiler.put_in_place("compiles", home, monkeypatch)
    library.use(monkeypatch, library.stub(tmp_path_factory))
    said = {}
    for line in RUN:
        if "model_int8.tflite" in line:
            from edge.bundle import open_bundle

            bundle = open_bundle(Path("net.edge"))
            Path("model_int8.tflite").write_bytes(bundle.path(bundle.manifest.artifacts[0]).read_bytes())
        assert run(line) == 0, line
        said[line] = capsys.readouterr().out
    assert " on edgetpu, " in said["edge-camera --model net.edge --source synthetic --max-frames 5"]
    assert "edgetpu" in said["edge-bench net.edge --seconds 0.1"]


@pytest.mark.slow
def test_the_table_of_what_happens_without_the_stick(home, tmp_path_factory, monkeypatch, capsys):
    monkeypatch.chdir(home)
    compiler.put_in_place("compiles", home, monkeypatch)
    library.use(monkeypatch, library.stub(tmp_path_factory))
    assert run(RUN[0]) == 0
    plain, asked = RUN[3], RUN[5]
    for mode in ("refuse", "mismatch", "lost=2"):
        monkeypatch.setenv("STUB_MODE", mode)
        capsys.readouterr()
        assert run(plain) == 0
        assert "model_int8.tflite on " in "".join(capsys.readouterr())
        assert run(asked) == 2
        assert len(capsys.readouterr().err.splitlines()) == 1

"""A bundle for a Coral: on an Edge TPU, without one, and when it stops. A stub stands for libedgetpu."""

import json
import re
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

import edge
from edge import golden
from edge.bundle import open_bundle, write_bundle
from edge.cli import bench, camera
from edge.errors import DeviceError, GateFailed, InputError
from edge.imaging import InputFormat
from edge.manifest import Artifact, Manifest, StoredFile
from edge.opening import open_session
from edge.runnable import Runnable
from edge.session import SessionOptions
from edge.signature import Input, Output, Signature, TaskSpec
from edge.tuning import tuning_file
from tests.backends import models
from tests.edgetpu import library

LABELS = ("blue", "green", "red")
SIGNATURE = Signature(
    (Input("image", "image", (1, 8, 8, 3), "int8", InputFormat(colour="BGR", mean=(0.0,), std=(255.0,))),),
    (Output("scores", "scores", (1, 3)),),
    TaskSpec("classify", None, {"activation": "none"}),
)
GREEN = np.full((8, 8, 3), (20, 200, 90), np.uint8)
TOLERANCE = 2 / 255
"""A step of the scores for the rounding of the input, and one for that of the mean."""


@pytest.fixture
def stub(tmp_path_factory, monkeypatch):
    """Return a function that sets the stub's mode."""
    built = library.stub(tmp_path_factory)
    library.use(monkeypatch, built)
    return lambda mode: monkeypatch.setenv("STUB_MODE", mode)


@pytest.fixture
def no_library(monkeypatch):
    pytest.importorskip("ai_edge_litert")
    monkeypatch.setenv("EDGE_LIBEDGETPU", "/nowhere/libedgetpu.so.1")


def bundle(folder, targets=("cpu", "edgetpu")):
    """Write a bundle as edge-convert --target coral-usb does: both files share the golden outputs of the CPU's."""
    folder.mkdir(exist_ok=True)
    paths = {"cpu": folder / "means_int8.tflite", "edgetpu": folder / "means_int8_edgetpu.tflite"}
    for target, path in paths.items():
        models.tflite_means(path, compiled=target == "edgetpu")
    sources = {path.name: path for path in paths.values()}

    def artifacts(proof=None):
        return tuple(
            Artifact("tflite", "int8", (StoredFile(paths[target].name),), target, golden=proof) for target in targets
        )

    plain = Artifact("tflite", "int8", (StoredFile(paths["cpu"].name),))
    write_bundle(folder / "plain", Manifest("means", SIGNATURE, LABELS, (plain,)), sources)
    with open_session(folder / "plain") as session:
        proof, made = golden.make(session, folder, paths["cpu"].name)
    out = folder / "net.edge"
    write_bundle(out, Manifest("means", SIGNATURE, LABELS, artifacts(proof)), sources | made)
    return out


def best(session):
    return session(GREEN).predictions[0]


def test_it_runs_on_an_edge_tpu_and_gives_its_golden_output(tmp_path, stub):
    with open_session(bundle(tmp_path)) as session:
        assert (session.backend, session.path.name) == ("edgetpu", "means_int8_edgetpu.tflite")
        assert session.notes == ()
        assert best(session).label == "green"
        assert best(session).score == pytest.approx(200 / 255, abs=TOLERANCE)
        assert golden.check(session) == {"scores": pytest.approx(0, abs=TOLERANCE)}


def test_a_wrong_answer_of_the_edge_tpu_fails_the_golden_check(tmp_path, stub, monkeypatch):
    with open_session(bundle(tmp_path)) as session:
        run = session.model.run
        monkeypatch.setattr(session.model, "run", lambda arrays: [~out for out in run(arrays)])
        with pytest.raises(GateFailed, match=r"golden output scores within .* on edgetpu"):
            golden.check(session)


@pytest.mark.parametrize(
    ("mode", "why"),
    [
        ("refuse", "no Edge TPU is connected: plug it in"),
        ("reason", "no Edge TPU can be opened: the stub has a reason"),
        ("mismatch", "does not fit libedgetpu .* unsupported runtime version; compile it again"),
    ],
)
def test_without_a_usable_edge_tpu_the_twin_runs_on_the_cpu_and_one_note_says_why(tmp_path, stub, mode, why):
    stub(mode)
    with open_session(bundle(tmp_path)) as session:
        assert (session.backend, session.path.name) == ("litert", "means_int8.tflite")
        (note,) = session.notes
        assert note.startswith("runs means_int8.tflite on the CPU: ")
        assert re.search(why, note), note
        assert best(session).label == "green"
        golden.check(session)


def test_without_the_library_the_note_says_how_to_get_it(tmp_path, no_library):
    with open_session(bundle(tmp_path)) as session:
        (note,) = session.notes
    assert "/nowhere/libedgetpu.so.1 is not installed: download libedgetpu1-std 16.0tf2" in note
    assert "sudo apt install ./libedgetpu1-std_*.deb" in note


def test_who_asks_for_the_edge_tpu_gets_an_error_instead_of_the_cpu(tmp_path, stub):
    stub("refuse")
    with pytest.raises(DeviceError, match=r"^no Edge TPU 'usb:1' is connected: plug it in"):
        open_session(bundle(tmp_path), SessionOptions(backend="edgetpu", device="usb:1"))


def test_a_device_chooses_among_edge_tpus_and_still_falls_back(tmp_path, stub, monkeypatch):
    monkeypatch.setenv("STUB_RECORD", str(tmp_path / "options"))
    packed = bundle(tmp_path)
    with edge.load(packed, device="usb:1") as session:
        assert session.backend == "edgetpu"
    assert (tmp_path / "options").read_text() == "device=usb:1\n"
    stub("refuse")
    with edge.load(packed, device="usb:1") as session:
        assert session.backend == "litert"
        assert "no Edge TPU 'usb:1'" in session.notes[0]


def test_a_cpu_backend_is_not_given_the_compiled_file_and_no_device(tmp_path, stub):
    packed = bundle(tmp_path)
    with edge.load(packed, backend="litert") as session:
        assert session.path.name == "means_int8.tflite"
    with pytest.raises(InputError, match="takes no device, got usb:0"):
        edge.load(packed, backend="litert", device="usb:0")
    with pytest.raises(InputError, match="takes no device, got usb:0"):
        edge.load(bundle(tmp_path / "cpu", ("cpu",)), device="usb:0")


def test_a_bundle_without_a_twin_needs_the_edge_tpu(tmp_path, stub):
    packed = bundle(tmp_path, ("edgetpu",))
    with open_session(packed) as session:
        assert best(session).label == "green"
    stub("refuse")
    with pytest.raises(DeviceError, match="no Edge TPU is connected"):
        open_session(packed)


def test_an_edge_tpu_that_stops_is_replaced_by_the_cpu_and_said_once(tmp_path, stub, capsys):
    stub("lost=2")
    with open_session(bundle(tmp_path)) as session:
        found = [best(session) for _ in range(5)]
        assert [one.label for one in found] == ["green"] * 5
        assert [one.score for one in found] == pytest.approx([200 / 255] * 5, abs=TOLERANCE)
        assert (session.backend, session.path.name) == ("litert", "means_int8.tflite")
        (note,) = session.notes
        golden.check(session)
    assert capsys.readouterr().err == f"{note}\n"
    assert note == (
        "the Edge TPU stopped while it ran means_int8_edgetpu.tflite: Failed to execute request. "
        "USB transfer error 5 [LibUsbDataOutCallback]; plug the stick in again, on a port or hub that can supply "
        "900 mA; goes on with means_int8.tflite on litert"
    )


def test_who_asked_for_the_edge_tpu_gets_an_error_when_it_stops(tmp_path, stub):
    stub("lost=0")
    asked = SessionOptions(backend="edgetpu")
    with open_session(bundle(tmp_path), asked) as session, pytest.raises(DeviceError, match="Edge TPU stopped while"):
        session(GREEN)


def test_a_twin_with_another_border_does_not_take_over(tmp_path, stub):
    stub("lost=0")
    packed = bundle(tmp_path)
    with open_session(packed) as session:
        other = Runnable(models.tflite_means(tmp_path / "other.tflite", size=16), "other")
        session._standby = replace(session._standby, runnable=other)
        with pytest.raises(InputError, match=r"other\.tflite cannot take over: its inputs or outputs are not"):
            session(GREEN)


def camera_command(packed, tmp_path, *options):
    return ["--model", str(packed), "--source", "synthetic:64x48@100", "--max-frames", "6", "--quiet", *options]


def test_edge_camera_keeps_running_and_reports_the_backend_that_it_ended_with(tmp_path, stub, capsys):
    stub("lost=3")
    packed, result = bundle(tmp_path), tmp_path / "result.json"
    assert camera.main(camera_command(packed, tmp_path, "--json", str(result))) == 0
    assert "goes on with means_int8.tflite on litert" in capsys.readouterr().err
    content = json.loads(result.read_text())
    assert (content["backend"], content["frames"]) == ("litert", 6)


def test_a_library_that_ends_the_process_does_so_without_hurting_the_next_start(tmp_path, stub, monkeypatch):
    """In some states of a pulled stick libedgetpu aborts. The service starts again, and finds no Edge TPU."""
    packed = bundle(tmp_path)
    command = [sys.executable, "-m", "edge.cli.camera", *camera_command(packed, tmp_path)]
    stub("abort=3")
    assert subprocess.run(command, capture_output=True, timeout=60).returncode == -6
    stub("refuse")
    again = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert (again.returncode, again.stderr) == (0, "")
    assert "runs means_int8.tflite on the CPU: no Edge TPU is connected" in again.stdout


def test_edge_bench_measures_both_files_each_on_its_backend(tmp_path, stub, monkeypatch, capsys):
    monkeypatch.setenv("STUB_RECORD", str(tmp_path / "options"))
    packed, result = bundle(tmp_path), tmp_path / "bench.json"
    words = [str(packed), "--threads", "1", "--seconds", "0.05", "--device", "usb:0", "--tune", "--json", str(result)]
    assert bench.main(words) == 0
    rows = json.loads(result.read_text())["measurements"]
    assert {row["backend"] for row in rows if "error" not in row} == {"litert", "edgetpu"}  # openvino refuses int8
    assert (tmp_path / "options").read_text() == "device=usb:0\n"
    record = tuning_file(packed)
    record.write_text(record.read_text().replace('"litert"', '"edgetpu"'))
    with edge.load(packed) as session:
        assert session.backend == "edgetpu"
    stub("refuse")
    with edge.load(packed) as session:  # measured with a stick that is gone now
        assert (session.backend, session.threads) == ("litert", 1)
    assert bench.main([str(bundle(tmp_path / "cpu", ("cpu",))), "--device", "usb:0", "--seconds", "0.05"]) == 2
    assert "none of the files runs on an accelerator" in capsys.readouterr().err


def test_a_bare_compiled_file_runs_on_an_edge_tpu_or_names_its_twin(tmp_path, stub):
    compiled = models.tflite_means(tmp_path / "means_int8_edgetpu.tflite", compiled=True)
    with open_session(compiled, SessionOptions(task="classify")) as session:
        assert session.backend == "edgetpu"
    stub("refuse")
    with pytest.raises(DeviceError, match=r"no Edge TPU .* or run the file that it was compiled from on the CPU$"):
        open_session(compiled)
    models.tflite_means(tmp_path / "means_int8.tflite")
    with pytest.raises(DeviceError, match=r"no Edge TPU .* or run means_int8\.tflite on the CPU$"):
        open_session(compiled)


def test_the_manifest_keeps_one_golden_output_for_both_files(tmp_path):
    cpu, compiled = open_bundle(bundle(tmp_path)).manifest.artifacts
    assert cpu.golden == compiled.golden
    assert cpu.golden is not None

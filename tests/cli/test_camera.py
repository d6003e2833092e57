"""edge-camera from its arguments to its exit code, on a model that says which quarter of a picture is brightest."""

import json
import os
import re
import signal
import subprocess
import sys
import threading

import cv2
import numpy as np
import pytest

from edge.cli import camera
from edge.video import Capture
from tests.loops import BANDS, fake_model, labels_file, picture
from tests.shared import needs_shared, shared
from tests.sources.rtsp import Server, needs_server


@pytest.fixture
def folder(tmp_path):
    """Four images, one for each label."""
    made = tmp_path / "images"
    made.mkdir()
    for number, label in enumerate(BANDS):
        cv2.imwrite(str(made / f"{number}_{label}.png"), picture(number, (160, 120)))
    return made


@pytest.fixture
def arguments(tmp_path, folder):
    return ["--model", str(fake_model(tmp_path)), "--labels", str(labels_file(tmp_path)), "--source", str(folder)]


def objects(path):
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_images_get_their_labels_on_the_terminal(arguments, folder, capsys):
    assert camera.main(arguments) == 0
    out, err = capsys.readouterr()
    head, found, assumed, *lines, summary = out.splitlines()
    assert head.startswith("bands on fake, ")
    assert (found, assumed) == (
        "found one vector of 4 scores: task classify",
        "whether scores are logits or probabilities is told by their values",
    )
    for number, (label, line) in enumerate(zip(BANDS, lines, strict=True)):
        assert line.startswith(f"{folder}/{number}_{label}.png #{number}  {label} ")
    assert summary.startswith("4 frames, 0 dropped, ")
    assert err == ""


def test_every_result_at_once(arguments, tmp_path):
    out = tmp_path / "out"
    files = ["--jsonl", f"{out}/r.jsonl", "--record", f"{out}/r.avi", "--snapshot", f"{out}/r.png"]
    assert camera.main([*arguments, *files, "--json", f"{out}/r.json", "--quiet", "--top", "2"]) == 0
    rows = objects(out / "r.jsonl")
    assert [row["results"][0]["label"] for row in rows] == list(BANDS)
    assert {len(row["results"]) for row in rows} == {2}
    with Capture(str(out / "r.avi")) as capture:
        assert capture.count() == 4
    assert cv2.imread(str(out / "r.png")).shape == (120, 160, 3)
    summary = json.loads((out / "r.json").read_text())
    assert (summary["frames"], summary["backend"]) == (4, "fake")
    assert [summary[name] for name in ("dropped", "skipped", "lost", "sinks_dropped", "sink_errors")] == [0] * 5
    assert sorted(p.name for p in out.iterdir()) == ["r.avi", "r.json", "r.jsonl", "r.png"]


def test_a_segmenter_runs_on_tiles(tmp_path, folder):
    """Its input is 16 x 12 pixels and its output their brightness: only tiles give the thin line back."""
    line = np.full((120, 160, 3), 20, np.uint8)
    line[:, 77] = 230
    cv2.imwrite(str(folder / "9_line.png"), line)
    shape = (1, 12, 16, 1)
    model = fake_model(tmp_path, shape, "float32", [{"name": "same", "shape": shape, "dtype": "float32"}])
    form = ["--task", "segment", "--colour", "GRAY", "--mean", "0", "--std", "255", "--parameter", "activation=none"]
    files = ["--jsonl", f"{tmp_path}/r.jsonl", "--snapshot", f"{tmp_path}/r.png", "--quiet"]
    run = ["--model", str(model), "--source", str(folder), *form, *files]
    shares = {}
    for resize in ("tile", "stretch"):
        assert camera.main([*run, "--resize", resize]) == 0
        classes = [row["mask"]["classes"] for row in objects(tmp_path / "r.jsonl")]
        shares[resize] = [sum(one["share"] for one in each if one["label"] == "foreground") for each in classes]
    assert shares["tile"] == pytest.approx([0.25, 0.25, 0.25, 0.25, 1 / 160], abs=1e-3)
    assert shares["stretch"][-1] == 0
    assert cv2.imread(str(tmp_path / "r.png")).shape == (120, 160, 3)


def test_json_lines_on_stdout_are_alone_there(arguments, capfd):
    assert camera.main([*arguments, "--jsonl", "-"]) == 0
    out, err = capfd.readouterr()
    assert [json.loads(line)["frame"] for line in out.splitlines()] == [0, 1, 2, 3]
    assert "4 frames" in err


def test_max_frames(arguments, tmp_path):
    assert camera.main([*arguments, "--max-frames", "2", "--jsonl", str(tmp_path / "r.jsonl"), "--quiet"]) == 0
    assert [row["frame"] for row in objects(tmp_path / "r.jsonl")] == [0, 1]


def test_a_live_source(arguments, tmp_path):
    live = [*arguments[:-1], "synthetic:64x48@200", "--max-frames", "5", "--sink", f"jsonl={tmp_path / 'r.jsonl'}"]
    assert camera.main(live) == 0
    frames = [row["frame"] for row in objects(tmp_path / "r.jsonl")]
    assert len(frames) == 5
    assert frames == sorted(frames)


def test_a_corrupt_image_is_skipped_and_named(arguments, folder, tmp_path, capsys):
    (folder / "2a.jpg").write_bytes(b"no image")
    assert camera.main([*arguments, "--jsonl", str(tmp_path / "r.jsonl"), "--quiet"]) == 0
    assert [row["frame"] for row in objects(tmp_path / "r.jsonl")] == [0, 1, 2, 3]
    assert "skipped" in capsys.readouterr().err


def with_option(option, value):
    return lambda arguments, folder: [*arguments, option, value]


def swapped(option, make):
    def change(arguments, folder):
        out = list(arguments)
        out[out.index(option) + 1] = str(make(folder.parent))
        return out

    return change


def written(name, content):
    def make(folder):
        (folder / name).write_bytes(content)
        return folder / name

    return make


BAD = [
    pytest.param(swapped("--model", lambda d: d / "no.tflite"), "no.tflite does not exist", id="no model"),
    pytest.param(swapped("--model", written("m.tflite", b"junk" * 99)), "m.tflite", id="unreadable model"),
    pytest.param(swapped("--model", written("m.pb", b"junk")), "must end in .tflite, .onnx", id="another format"),
    pytest.param(swapped("--model", lambda d: fake_model(d, (1, 490))), "is no image: run it", id="no image model"),
    pytest.param(swapped("--labels", lambda d: labels_file(d, ("a", "b"))), "4 classes, got 2 in", id="labels"),
    pytest.param(swapped("--labels", lambda d: d / "none.txt"), "none.txt cannot be read", id="no labels"),
    pytest.param(swapped("--source", lambda d: d / "none.mp4"), "none.mp4' does not exist", id="no video"),
    pytest.param(swapped("--source", written("v.mp4", b"junk" * 99)), "v.mp4 cannot be opened", id="bad video"),
    pytest.param(swapped("--source", lambda d: "251"), "camera /dev/video251 does not exist", id="no camera"),
    pytest.param(with_option("--record", "out.gif"), "must end in .avi or .mp4", id="recording's suffix"),
    pytest.param(with_option("--sink", "printer=1"), "unknown sink 'printer'", id="unknown sink"),
    pytest.param(with_option("--backend", "tensorrt"), "unknown backend 'tensorrt'", id="unknown backend"),
    pytest.param(with_option("--resize", "tile"), "got task classify; state resize", id="tiles for a classifier"),
    pytest.param(with_option("--mean", "1000"), "takes pixels as they are", id="a mean for plain integers"),
]


@pytest.mark.parametrize(("change", "line"), BAD)
def test_bad_input_is_one_line_exit_code_2_and_no_file(arguments, folder, tmp_path, capfd, change, line):
    out = tmp_path / "out"
    code = camera.main([*change(arguments, folder), "--jsonl", f"{out}/r.jsonl", "--json", f"{out}/r.json"])
    if line is None:
        assert code == 0
        return
    assert code == 2
    (error,) = capfd.readouterr().err.splitlines()
    assert error.startswith("edge-camera: ")
    assert line in error
    assert not out.exists() or not list(out.iterdir())


@pytest.mark.parametrize("option", ["--jsonl", "--record", "--snapshot", "--json"])
def test_a_folder_that_cannot_be_written_is_one_line(arguments, tmp_path, capsys, option):
    """A path below a file: unlike permissions, it stops the administrator too."""
    (tmp_path / "file").touch()
    target = {"--record": "r.avi", "--snapshot": "r.png"}.get(option, "r.json")
    assert camera.main([*arguments, option, str(tmp_path / "file" / target), "--quiet"]) == 2
    (error,) = capsys.readouterr().err.splitlines()
    assert error.startswith(f"edge-camera: cannot write {tmp_path / 'file' / target}")


@pytest.mark.skipif(os.geteuid() == 0, reason="permissions do not stop the administrator")
def test_a_read_only_folder_is_one_line(arguments, tmp_path, capsys):
    (tmp_path / "out").mkdir(mode=0o500)
    assert camera.main([*arguments, "--jsonl", str(tmp_path / "out" / "r.jsonl"), "--quiet"]) == 2
    assert "cannot write" in capsys.readouterr().err


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs /dev/full, a device that is always full")
def test_a_full_disk_ends_with_one_line(arguments, capsys):
    assert camera.main([*arguments, "--jsonl", "/dev/full", "--quiet"]) == 2
    assert capsys.readouterr().err == "edge-camera: cannot write /dev/full: No space left on device\n"


@pytest.mark.parametrize("option", [["--top", "0"], ["--mean", "1,2"], ["--std", "x"], ["--colour", "HSV"]])
def test_bad_usage(arguments, capsys, option):
    with pytest.raises(SystemExit) as caught:
        camera.main([*arguments, *option])
    assert caught.value.code == 2
    assert "edge-camera: error: argument --" in capsys.readouterr().err


def test_signals_while_a_stream_is_waited_for_end_the_command(arguments):
    """Several SIGTERMs, as a service manager and a process group give them, within the pause before a new attempt."""
    command = [sys.executable, "-m", "edge.cli.camera", *arguments[:-1], "http://127.0.0.1:9/none"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    watchdog = threading.Timer(60, process.kill)
    watchdog.start()
    try:
        assert "opening it again" in process.stderr.readline()
        for _ in range(20):
            process.send_signal(signal.SIGTERM)
        process.communicate()
    finally:
        watchdog.cancel()
    assert process.returncode == 0


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 0), (signal.SIGHUP, 0)])
def test_a_signal_completes_the_files(arguments, tmp_path, number, code):
    files = ["--jsonl", f"{tmp_path}/r.jsonl", "--record", f"{tmp_path}/r.avi"]
    command = [sys.executable, "-m", "edge.cli.camera", *arguments[:-1], "synthetic:64x48@100", *files]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    watchdog = threading.Timer(60, process.kill)
    watchdog.start()
    try:
        head, _, _, first = (process.stdout.readline() for _ in range(4))  # between them, what was found out
        process.send_signal(number)
        out, err = process.communicate()
    finally:
        watchdog.cancel()
    assert (process.returncode, err) == (code, "")
    assert head.startswith("bands on fake")
    assert first.startswith("synthetic:64x48@100 #")
    assert re.match(r"\d+ frames?, ", out.splitlines()[-1])
    assert len(objects(tmp_path / "r.jsonl")) >= 1
    with Capture(f"{tmp_path}/r.avi") as capture:
        assert capture.read() is not None


@pytest.mark.parametrize(("source", "code"), [("synthetic:64x48@100", 0), ("no-such-file", 2)])
def test_a_read_that_never_returns_does_not_hold_up_the_end(arguments, source, code):
    words = ["edge-camera", *arguments[:-1], source, "--max-frames", "1"]
    script = (
        "import sys, threading\nfrom edge.cli.camera import main\nfrom edge.sources.reading import ReadingThread\n"
        "class Stuck(ReadingThread):\n    def run(self):\n        threading.Event().wait()\n"
        f"Stuck('read cam').start()\nsys.argv = {words!r}\nmain()\nprint('the process went on')"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == code, done.stderr
    assert "the process went on" not in done.stdout
    assert ("1 frame, " in done.stdout) == (code == 0)


@needs_server
@pytest.mark.slow
def test_a_run_over_a_stream_that_opencv_reads_ends_as_it_should(arguments):
    """The reader's thread was often inside OpenCV when Python ended, which aborted three of four runs."""
    with Server(fps=15) as server:
        options = ["--max-frames", "9", "--source-option", "reader=opencv"]
        command = [sys.executable, "-m", "edge.cli.camera", *arguments[:-1], server.address, *options]
        codes = [subprocess.run(command, capture_output=True, check=False, timeout=60).returncode for _ in range(4)]
    assert codes == [0] * 4


@pytest.mark.parametrize("options", [["--jsonl", "-", "--quiet"], []], ids=["JSON lines", "lines for a person"])
def test_a_reader_that_leaves_ends_the_loop_quietly(arguments, options):
    """As in ``edge-camera … | head``."""
    command = [sys.executable, "-m", "edge.cli.camera", *arguments[:-1], "synthetic:64x48@100", *options]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    watchdog = threading.Timer(60, process.kill)
    watchdog.start()
    process.stdout.readline()
    process.stdout.close()
    err = process.stderr.read()
    assert process.wait() == 0
    watchdog.cancel()
    process.stderr.close()
    assert "Error" not in err


@pytest.mark.parametrize("command", ["--help", "--model {model} --source {source} --quiet"])
def test_neither_tensorflow_nor_a_benchmark_is_imported(arguments, command):
    words = command.format(model=arguments[1], source=arguments[-1]).split()
    code = (
        "import sys\nfrom edge.cli.camera import main\n"
        f"try:\n    main({words!r})\nexcept SystemExit:\n    pass\n"
        "print(sorted(m for m in ('tensorflow', 'tf_keras', 'keras', 'matplotlib', 'edge.bench') if m in sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


def test_help_imports_nothing_heavy():
    code = "import sys, edge.cli.camera; print([m for m in ('numpy', 'cv2', 'json.tool') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@needs_shared
@pytest.mark.parametrize(
    ("file", "label"),
    [
        ("cat.bmp", "Egyptian cat"),
        ("parrot.jpg", "macaw"),
        ("bird.bmp", "chickadee"),
        ("grace_hopper.bmp", "military uniform"),
    ],
)
def test_a_published_classifier_names_what_photographs_show(tmp_path, file, label):
    coral = shared("models", "coral")
    model = [
        "--model",
        str(coral / "mobilenet_v2_1.0_224_quant.tflite"),
        "--labels",
        str(coral / "imagenet_labels.txt"),
    ]
    files = ["--jsonl", str(tmp_path / "r.jsonl"), "--quiet"]
    assert camera.main([*model, "--source", str(shared("images", file)), *files]) == 0
    assert objects(tmp_path / "r.jsonl")[0]["results"][0]["label"] == label

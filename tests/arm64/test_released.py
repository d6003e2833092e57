"""Released bundles give their golden outputs, and their loop says nothing on stderr, on this processor."""

import subprocess
import sys
from pathlib import Path

import pytest

import edge
from edge import golden
from tests.arm64 import clip

BUNDLES = sorted(clip.WEIGHTS.glob("*.edge"))
COMMANDS = Path(sys.executable).parent


@pytest.mark.parametrize("backend", ["litert", "onnxruntime"])
@pytest.mark.parametrize("path", BUNDLES, ids=lambda path: path.stem)
def test_golden_outputs_are_within_their_tolerance(path, backend):
    pytest.importorskip("onnxruntime" if backend == "onnxruntime" else "ai_edge_litert.interpreter")
    with edge.load(path, backend=backend, threads=1) as net:
        assert set(golden.check(net)) == {output.name for output in net.signature.outputs}


@pytest.mark.parametrize("backend", ["litert", "onnxruntime"])
def test_no_native_library_prints_for_the_user(tmp_path, backend):
    """Without ``/sys``, cpuinfo prints three lines of errors for each runtime: make test-arm64 runs this so, too."""
    pytest.importorskip("onnxruntime" if backend == "onnxruntime" else "ai_edge_litert.interpreter")
    done = clip.camera(clip.BUNDLES[0], clip.write(tmp_path / "c.avi"), tmp_path / "o.jsonl", "--backend", backend)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("command", [["edge-doctor"], ["edge-bench", str(BUNDLES[0]), "--seconds", "0.01"]])
def test_the_other_commands_are_as_quiet(command, tmp_path):
    done = subprocess.run(
        [COMMANDS / command[0], *command[1:]], capture_output=True, text=True, check=False, cwd=tmp_path
    )
    noise = [line for line in done.stderr.splitlines() if not line.startswith("measured ")]
    assert (done.returncode, noise) == (0, []), done.stdout

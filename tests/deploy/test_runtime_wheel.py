"""The runtime wheel of devices is the installed package without the workstation's parts."""

import csv
import io
import os
import shutil
import subprocess
import sys
import zipfile
from base64 import urlsafe_b64decode
from email.parser import Parser
from hashlib import sha256
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.version import Version

import edge
from edge.deploy import runtime_wheel
from edge.errors import InputError

ROOT = Path(edge.__file__).parent
BUNDLE = Path(__file__).parents[2] / "models" / "weights" / "shufflenet_v2_cifar10_int8.edge"


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    return runtime_wheel.build(tmp_path_factory.mktemp("wheel"))


@pytest.fixture(scope="module")
def members(wheel):
    with zipfile.ZipFile(wheel) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


@pytest.fixture(scope="module")
def described(members):
    (name,) = (name for name in members if name.endswith("/METADATA"))
    return Parser().parsestr(members[name].decode())


def test_it_holds_the_package_without_the_workstation_s_parts(members):
    inner = {path.relative_to(ROOT) for path in ROOT.rglob("*.py")} | {Path("py.typed")}
    inner |= {path.relative_to(ROOT) for path in (ROOT / "preview/page").rglob("*") if path.is_file()}
    assert Path("preview/page/index.html") in inner
    expected = {f"edge/{path}" for path in inner if path.parts[0] not in ("models", "deploy", "calibration")}
    assert {name for name in members if name.startswith("edge/")} == expected
    assert members["edge/pipeline.py"] == (ROOT / "pipeline.py").read_bytes()


def test_an_installed_package_gives_the_same_wheel_as_a_checkout(wheel, tmp_path, monkeypatch):
    """In an installation the three folders lie inside edge/, and bytecode lies beside the modules."""
    shutil.copytree(ROOT, tmp_path / "edge")
    for part in runtime_wheel.WORKSTATION:
        folder = tmp_path / "edge" / part
        folder.mkdir(exist_ok=True)
        (folder / "__init__.py").touch()
    monkeypatch.setattr(edge, "__file__", str(tmp_path / "edge" / "__init__.py"))
    again = runtime_wheel.build(tmp_path / "out")
    assert again.name == wheel.name
    assert again.read_bytes() == wheel.read_bytes()


def test_equal_code_has_an_equal_version_and_other_code_another(tmp_path, monkeypatch):
    before = runtime_wheel.version()
    shutil.copytree(ROOT, tmp_path / "edge")
    monkeypatch.setattr(edge, "__file__", str(tmp_path / "edge" / "__init__.py"))
    assert runtime_wheel.version() == before
    with (tmp_path / "edge" / "labels.py").open("a") as file:
        file.write("# one line more\n")
    assert runtime_wheel.version() != before


def test_the_version_names_the_release_and_the_content(wheel, described):
    version = Version(described["Version"])
    assert described["Version"] == str(version) == runtime_wheel.version()
    assert version.public == edge.__version__
    kind, digest = str(version.local).split(".")
    assert (kind, len(digest)) == ("runtime", runtime_wheel.DIGITS)
    assert wheel.name == f"edgekit-{version}-py3-none-any.whl"


def test_a_digest_without_letters_is_not_taken_for_a_number():
    """A part of a version that is only digits loses its leading zeros: 1.0+runtime.01234567 means runtime.1234567."""
    found = {runtime_wheel._version("1.0", {"n": b"%d" % n}, {}) for n in range(300)}  # one in 43 has no letter
    assert len(found) == 300
    assert all(str(Version(version)) == version for version in found)


def test_it_requires_what_a_device_needs_and_offers_no_training(described):
    requirements = [Requirement(line) for line in described.get_all("Requires-Dist")]
    always = {one.name for one in requirements if "extra" not in str(one.marker or "")}
    assert always == {"numpy", "opencv-python-headless", "ai-edge-litert"}
    assert described.get_all("Provides-Extra") == list(runtime_wheel.EXTRAS)
    assert {"onnxruntime", "cryptography", "tflite-runtime", "picamera2"} <= {one.name for one in requirements}
    assert not {"tensorflow", "pytest", "asyncssh"} & {one.name for one in requirements}


@pytest.mark.parametrize(
    ("machine", "names"),
    [
        ("aarch64", {"numpy", "opencv-python-headless", "ai-edge-litert"}),
        ("x86_64", {"numpy", "opencv-python-headless", "ai-edge-litert"}),
        ("armv7l", {"numpy", "opencv-python-headless"}),
        ("armv6l", {"numpy", "opencv-python-headless"}),
    ],
)
def test_a_marker_keeps_litert_out_on_32_bit_arm(described, machine, names):
    """No index has a wheel of it for these machines, and pip would end with an error."""
    environment = {"platform_machine": machine, "python_version": "3.11", "extra": ""}
    requirements = map(Requirement, described.get_all("Requires-Dist"))
    assert {one.name for one in requirements if one.marker is None or one.marker.evaluate(environment)} == names


def test_the_record_lists_every_file_with_its_digest(members):
    (record,) = (name for name in members if name.endswith("/RECORD"))
    rows = {name: (digest, size) for name, digest, size in csv.reader(io.StringIO(members[record].decode()))}
    assert set(rows) == set(members)
    for name, (digest, size) in rows.items():
        if name != record:
            assert urlsafe_b64decode(digest.removeprefix("sha256=") + "=") == sha256(members[name]).digest()
            assert int(size) == len(members[name])


def test_the_licence_is_inside(members, described):
    (name,) = (name for name in members if name.endswith(".dist-info/licenses/LICENSE"))
    assert members[name] == (Path(__file__).parents[2] / "LICENSE").read_bytes()
    assert described["License-File"] == "LICENSE"


def test_a_package_that_is_not_installed_is_refused_in_one_line(tmp_path, monkeypatch):
    monkeypatch.setattr(runtime_wheel, "DISTRIBUTION", "edgekit-which-is-not-here")
    with pytest.raises(InputError, match="takes its requirements from the installed package, and edgekit-which-is"):
        runtime_wheel.build(tmp_path)
    assert not list(tmp_path.iterdir())


@pytest.fixture(scope="module")
def device(wheel, tmp_path_factory):
    """Install the wheel with pip where nothing of the checkout is: with the packages of this environment, by a path."""
    folder = tmp_path_factory.mktemp("device")
    pip = [sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--no-index", "--no-compile"]
    subprocess.run([*pip, "--target", str(folder), str(wheel)], check=True)
    return folder


def run(device, *command):
    """Run a module with the installed wheel before everything else, and without the editable installation's finder."""
    code = (
        "import runpy, sys\n"
        "sys.meta_path[:] = [f for f in sys.meta_path "
        "if 'editable' not in getattr(f, '__module__', '') + getattr(f, '__name__', '')]\n"
        "sys.argv[:] = sys.argv[1:]\n"
        "runpy.run_module(sys.argv[0], run_name='__main__')"
    )
    environment = os.environ | {"PYTHONPATH": str(device)}
    return subprocess.run(
        [sys.executable, "-c", code, *command], capture_output=True, text=True, check=False, env=environment, cwd=device
    )


def test_pip_installs_the_device_s_commands_only(device):
    assert {path.name for path in (device / "bin").iterdir()} == set(runtime_wheel.COMMANDS)
    assert not [part for part in runtime_wheel.WORKSTATION if (device / "edge" / part).exists()]


def test_the_doctor_runs_there(device):
    done = run(device, "edge.cli.doctor")
    assert done.returncode == 0, done.stderr
    assert "everything that is required works" in done.stdout


def test_the_camera_runs_a_released_bundle_there(device):
    done = run(device, "edge.cli.camera", "--model", str(BUNDLE), "--source", "synthetic", "--max-frames", "5")
    assert done.returncode == 0, done.stderr
    assert "5 frames, 0 dropped" in done.stdout


def test_the_bench_runs_a_released_bundle_there(device):
    done = run(device, "edge.cli.bench", str(BUNDLE), "--threads", "1", "--seconds", "0.01")
    assert done.returncode == 0, done.stderr
    assert "litert" in done.stdout


@pytest.mark.parametrize("command", ["train", "convert", "compress"])
def test_a_workstation_s_command_says_in_one_line_where_to_run_it(device, command, tmp_path):
    arguments = {
        "train": ("lenet5", "--data", "drawn", "--out", "out"),
        "convert": (str(tmp_path / "net.keras"), "--out", "out"),
        "compress": (str(tmp_path / "net.keras"), "--data", "drawn", "--out", "out", "--qat"),
    }[command]
    (tmp_path / "net.keras").touch()
    done = run(device, f"edge.cli.{command}", *arguments)
    assert (done.returncode, len(done.stderr.splitlines())) == (2, 1), done.stderr
    assert "run this command on a workstation" in done.stderr


def test_a_device_can_install_whatever_a_camera_may_need():
    from edge.backends import BACKENDS
    from edge.deploy.push.runtime import WHEELS
    from edge.deploy.wheelhouse import WITH
    from edge.sinks import SINKS

    needed = {row.extra for row in (*SINKS.values(), *BACKENDS.values()) if row.extra} | {"track"}
    assert needed <= set(runtime_wheel.EXTRAS)
    assert needed - {"tflite-runtime"} <= set(WHEELS) & set(WITH)

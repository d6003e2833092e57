"""Wheelhouses are gathered by the real pip: from a folder of small wheels that are made here, and from the index."""

import hashlib
import json
import platform
import re
import subprocess
import sys
import zipfile
from email.parser import Parser

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name, parse_wheel_filename

from edge.cli import deploy as command
from edge.deploy import runtime_wheel, wheelhouse
from edge.deploy.wheelhouse import Wheelhouse
from edge.errors import InputError

ANY = "py3-none-any"
INDEX = {
    "numpy 2.0.0 cp311-cp311-manylinux_2_27_aarch64": [],
    "numpy 2.0.0 cp311-cp311-manylinux_2_27_x86_64": [],
    "numpy 2.0.0 cp313-cp313-manylinux_2_27_aarch64": [],
    "numpy 2.1.0 cp311-cp311-manylinux_2_40_aarch64": [],  # newer than Bookworm's C library
    "numpy 2.2.0 cp311-cp311-manylinux_2_27_aarch64": [],  # outside the constraints of a test
    "opencv_python_headless 4.10.0 cp37-abi3-manylinux2014_aarch64": ["numpy"],
    "opencv_python_headless 4.10.0 cp37-abi3-manylinux2014_x86_64": ["numpy"],
    "ai_edge_litert 2.1.0 cp311-cp311-manylinux_2_27_aarch64": ["tqdm"],
    "ai_edge_litert 2.1.0 cp313-cp313-manylinux_2_27_aarch64": ["tqdm"],
    f"tqdm 4.0 {ANY}": [],
}
"""Small wheels that stand for the index: a name, a version and tags, with what it requires."""


@pytest.fixture(scope="module")
def index(tmp_path_factory):
    folder = tmp_path_factory.mktemp("index")
    for name, requires in INDEX.items():
        project, version, tags = name.split()
        info = f"{project}-{version}.dist-info"
        lines = [f"Requires-Dist: {one}" for one in requires]
        with zipfile.ZipFile(folder / f"{project}-{version}-{tags}.whl", "w") as archive:
            described = "\n".join(["Metadata-Version: 2.1", f"Name: {project}", f"Version: {version}", *lines, ""])
            archive.writestr(f"{info}/METADATA", described)
            archive.writestr(f"{info}/WHEEL", f"Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: {tags}\n")
            archive.writestr(f"{info}/RECORD", "")
    return folder


@pytest.fixture
def offline(index, monkeypatch, tmp_path):
    """Let pip find nothing but the small wheels; the constraints pin one of them."""
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(index))
    pins = tmp_path / "pins.txt"
    pins.write_text('# tested\nnumpy==1.0; python_version < "3.11"\nnumpy<2.2; python_version >= "3.11"\n')
    return pins


def projects(folder):
    return {parse_wheel_filename(path.name)[0]: path for path in folder.glob("*.whl")}


def test_it_holds_the_runtime_and_what_it_needs_for_the_device(offline, tmp_path):
    lines = []
    done = wheelhouse.gather(Wheelhouse("pi4", "3.11", (), offline), tmp_path / "wheels", lines.append)
    found = projects(done.folder)
    assert set(found) == {"edgekit", "numpy", "opencv-python-headless", "ai-edge-litert", "tqdm"}
    assert found["edgekit"].name == f"edgekit-{runtime_wheel.version()}-py3-none-any.whl"
    assert found["numpy"].name == "numpy-2.0.0-cp311-cp311-manylinux_2_27_aarch64.whl"
    assert found["opencv-python-headless"].name.endswith("aarch64.whl")
    assert done.sizes == {path.name: path.stat().st_size for path in found.values()}
    assert {found["numpy"].name, found["tqdm"].name} <= set(lines)


def test_the_digests_lie_beside_the_wheels_as_sha256sum_reads_them(offline, tmp_path):
    folder = wheelhouse.gather(Wheelhouse("pi5", "3.11", (), offline), tmp_path / "wheels", print).folder
    listed = dict(reversed(line.split("  ")) for line in (folder / "SHA256SUMS").read_text().splitlines())
    assert listed == {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.glob("*.whl")}
    subprocess.run(["sha256sum", "--strict", "--quiet", "-c", "SHA256SUMS"], cwd=folder, check=True)
    assert [path.name for path in wheelhouse.check(folder)] == sorted(listed)


@pytest.mark.parametrize("damage", ["changed", "missing", "added", "no list"])
def test_a_damaged_wheelhouse_is_refused(offline, tmp_path, damage):
    folder = wheelhouse.gather(Wheelhouse("pi4", "3.11", (), offline), tmp_path / "wheels", print).folder
    tqdm = folder / f"tqdm-4.0-{ANY}.whl"
    match damage:
        case "changed":
            tqdm.write_bytes(tqdm.read_bytes()[:-1] + b"!")
        case "missing":
            tqdm.unlink()
        case "added":
            (folder / f"tqdm-5.0-{ANY}.whl").write_bytes(tqdm.read_bytes())
        case "no list":
            (folder / "SHA256SUMS").unlink()
    with pytest.raises(InputError, match="no wheelhouse" if damage == "no list" else r"tqdm-\d.0-.* is not the file"):
        wheelhouse.check(folder)


def test_constraints_are_those_of_the_device_s_python(offline, tmp_path):
    """pip would compare the conditions with the Python that runs it."""
    from edge.deploy._pip import _for_python

    assert _for_python(offline, "3.10") == "# tested\nnumpy==1.0\n"
    assert _for_python(offline, "3.13") == "# tested\nnumpy<2.2\n"


@pytest.mark.parametrize(("python", "version"), [("3.11", "1.24"), ("3.13", "2.2")])
def test_for_csi_cameras_numpy_stays_that_of_the_system(offline, tmp_path, capsys, monkeypatch, python, version):
    monkeypatch.chdir(tmp_path)
    arguments = ["--target", "pi4", "--python", python, "--with", "picamera", "--out", "wheels"]
    code = command.main(["wheelhouse", *arguments, "--constraints", str(offline), "--json", "made.json"])
    printed = capsys.readouterr()
    assert code == 0, printed.err
    assert "numpy" not in projects(tmp_path / "wheels")
    assert f"numpy is left out: the device keeps its system's {version}, which picamera2 was built for" in printed.out
    assert set(json.loads((tmp_path / "made.json").read_text())["wheels"]) == {
        path.name for path in (tmp_path / "wheels").glob("*.whl")
    }


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (
            ["--target", "arm/v7"],
            "there is no wheel of numpy, OpenCV or LiteRT for 32-bit ARM (arm/v7): install a 64-bit",
        ),
        (["--target", "pi-zero"], "there is no wheel of numpy, OpenCV or LiteRT for 32-bit ARM (pi-zero)"),
        (["--target", "pi6"], "unknown target of a wheelhouse 'pi6': did you mean 'pi5'?"),
        (["--target", "phone"], "unknown target of a wheelhouse 'phone'"),
        (["--target", "pi4", "--python", "3.9"], "--python must be one of 3.10, 3.11, 3.12, 3.13, got 3.9"),
        (["--target", "pi4", "--with", "train"], "unknown part for --with 'train'"),
        (
            ["--target", "x86", "--with", "picamera"],
            "--with picamera must have a Pi as --target and --python 3.11 or 3.13",
        ),
        (["--target", "pi4", "--constraints", "none.txt"], "--constraints must be a text file that pip can read"),
        (["--target", "x86", "--python", "3.13"], "pip finds no set of wheels for that machine and Python 3.13: "),
    ],
)
def test_what_cannot_be_gathered_is_said_in_one_line_and_leaves_nothing(
    offline, tmp_path, monkeypatch, capsys, arguments, said
):
    monkeypatch.chdir(tmp_path)
    before = sorted(tmp_path.iterdir())
    assert command.main(["wheelhouse", *arguments, "--out", "wheels"]) == 2
    error = capsys.readouterr().err
    assert len(error.splitlines()) == 1
    assert said in error
    assert sorted(tmp_path.iterdir()) == before


def test_an_unreachable_index_is_said_in_one_line(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    monkeypatch.delenv("PIP_FIND_LINKS", raising=False)
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:9/simple")  # the port "discard", where nothing listens
    assert command.main(["wheelhouse", "--target", "pi4", "--out", str(tmp_path / "wheels")]) == 2
    error = capsys.readouterr().err
    assert error == (
        "edge-deploy wheelhouse: the package index cannot be reached: connect this machine, or set PIP_INDEX_URL to a "
        "mirror\n"
    )
    assert not list(tmp_path.iterdir())


def test_another_folder_is_not_replaced_and_an_older_wheelhouse_is(offline, tmp_path):
    folder = tmp_path / "photos"
    folder.mkdir()
    (folder / "cat.jpg").touch()
    house = Wheelhouse("pi4", "3.11", (), offline)
    with pytest.raises(InputError, match="--out must be a new or empty folder, or an older wheelhouse"):
        wheelhouse.gather(house, folder, print)
    (folder / "cat.jpg").rename(folder / "SHA256SUMS")
    wheelhouse.gather(house, folder, print)
    assert len(wheelhouse.check(folder)) == 5


def test_pip_must_be_there(tmp_path, monkeypatch):
    from edge.deploy import _pip

    found = _pip.metadata.version

    def absent(name):
        if name == "pip":
            raise _pip.metadata.PackageNotFoundError(name)
        return found(name)

    monkeypatch.setattr(_pip.metadata, "version", absent)
    with pytest.raises(InputError, match=r"gathered by pip, which .* lacks; run python -m ensurepip"):
        wheelhouse.gather(Wheelhouse("pi4"), tmp_path / "wheels", print)


def gather_or_skip(house, folder):
    """Gather a wheelhouse from the index, or skip where that cannot be reached."""
    try:
        return wheelhouse.gather(house, folder, print).folder
    except InputError as error:
        if "cannot be reached" in str(error):
            pytest.skip(str(error))
        raise


@pytest.mark.slow
@pytest.mark.parametrize(("target", "python"), [("pi5", "3.13"), ("pi-zero2", "3.11"), ("x86", "3.11")])
def test_what_the_index_has_for_real_devices_is_complete(target, python, tmp_path):
    """Every requirement that holds on the device is met by a wheel that the device can load."""
    house = Wheelhouse(target, python, ("onnx", "signed"))
    folder = gather_or_skip(house, tmp_path / "wheels")
    machine = wheelhouse.MACHINES[house.target]
    environment = {
        "platform_machine": machine,
        "platform_system": "Linux",
        "sys_platform": "linux",
        "python_version": house.python,
        "python_full_version": f"{house.python}.2",
        "platform_python_implementation": "CPython",
        "extra": "",
    }
    found = {name: (parse_wheel_filename(path.name), path) for name, path in projects(folder).items()}
    assert {"edgekit", "numpy", "opencv-python-headless", "ai-edge-litert", "onnxruntime", "cryptography"} <= set(found)
    for (_, _, _, tags), path in found.values():
        assert any(tag.platform in ("any", *house.platforms) for tag in tags), path
        for text in requirements(path):
            requirement = Requirement(text)
            if requirement.marker is None or requirement.marker.evaluate(environment):
                (_, version, _, _), _ = found[canonicalize_name(requirement.name)]
                assert requirement.specifier.contains(version, prereleases=True), f"{path.name} requires {text}"


def requirements(path):
    with zipfile.ZipFile(path) as archive:
        (name,) = (name for name in archive.namelist() if re.fullmatch(r"[^/]+\.dist-info/METADATA", name))
        return Parser().parsestr(archive.read(name).decode()).get_all("Requires-Dist") or []


BYTES_OF_THE_RUNTIME = 320e6
"""The bar for an installed runtime with numpy, OpenCV and LiteRT. It is 307 MB on x86, of which 21 are bytecode."""


@pytest.mark.slow
def test_what_was_gathered_installs_without_an_index_and_stays_small(tmp_path):
    """The environment has no pip of its own, which would be 14 MB more; the one outside installs into it."""
    here = f"{sys.version_info[0]}.{sys.version_info[1]}"
    if platform.machine() != "x86_64":
        pytest.skip("wheels of x86_64 are installed")
    folder = gather_or_skip(Wheelhouse("x86", here), tmp_path / "wheels")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", tmp_path / "venv"], check=True)
    pip = [sys.executable, "-m", "pip", "--python", str(tmp_path / "venv/bin/python")]
    subprocess.run([*pip, "install", "-q", "--no-index", "--no-deps", *folder.glob("*.whl")], check=True)
    done = subprocess.run([tmp_path / "venv/bin/edge-doctor"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    packages = tmp_path / f"venv/lib/python{here}/site-packages"
    counted = subprocess.run(["du", "-sB1", str(packages)], capture_output=True, text=True, check=True)
    size = int(counted.stdout.split()[0])
    print(f"installed runtime: {size / 1e6:.0f} MB with bytecode")
    assert size <= BYTES_OF_THE_RUNTIME

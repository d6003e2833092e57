"""What is installed on devices: names, wheelhouses that fit, and the archive in which they are sent."""

import asyncio
import io
import subprocess
import tarfile

import pytest

from edge import files
from edge.deploy import wheelhouse
from edge.deploy.push import runtime
from edge.deploy.push.probe import facts
from edge.deploy.push.runtime import Wheels
from edge.errors import InputError
from tests.deploy.push.test_probe import PI5


def house(folder, *names):
    """Make a wheelhouse of empty wheels."""
    folder.mkdir()
    for name in names:
        (folder / f"{name}-1.0-py3-none-any.whl").write_bytes(name.encode())
    sums = "".join(f"{files.sha256(path)}  {path.name}\n" for path in sorted(folder.iterdir()))
    (folder / wheelhouse.SUMS).write_text(sums)
    return folder


@pytest.fixture
def wheel(tmp_path):
    path = tmp_path / "edgekit-0.1.0+runtime.01234567-py3-none-any.whl"
    path.write_bytes(b"the runtime")
    return path


def test_equal_content_has_equal_names(wheel):
    assert Wheels(wheel).name((3, 11, 2)) == "0.1.0+runtime.01234567-py311"
    assert Wheels(wheel, ("signed", "onnx")).name((3, 13, 0)) == "0.1.0+runtime.01234567-onnx-signed-py313"


def test_the_runtime_of_a_wheelhouse_is_not_sent(wheel, tmp_path):
    folder = house(tmp_path / "house", "edgekit", "numpy", "opencv_python_headless")
    sent = [path.name for path in Wheels(wheel, folder=folder).sent()]
    assert sent == [wheel.name, "numpy-1.0-py3-none-any.whl", "opencv_python_headless-1.0-py3-none-any.whl"]


@pytest.mark.parametrize(
    ("names", "extras", "csi", "match"),
    [
        (["numpy"], ("signed",), False, "must hold cryptography: edge-deploy wheelhouse --with signed"),
        (["numpy"], ("onnx",), False, "must hold onnxruntime: edge-deploy wheelhouse --with onnx"),
        (["numpy"], (), True, "must not hold numpy for a CSI camera"),
        (None, (), True, "--csi must come with --wheelhouse"),
    ],
)
def test_a_wheelhouse_that_does_not_fit_is_refused(wheel, tmp_path, names, extras, csi, match):
    folder = None if names is None else house(tmp_path / "house", *names)
    with pytest.raises(InputError, match=match):
        Wheels(wheel, extras, folder, csi).check()


def test_a_wheelhouse_that_fits(wheel, tmp_path):
    Wheels(wheel, ("signed",), house(tmp_path / "house", "numpy", "cryptography")).check()
    Wheels(wheel, (), house(tmp_path / "csi", "opencv_python_headless"), system_packages=True).check()
    Wheels(wheel, ("signed",)).check()


def test_the_archive_is_one_that_tar_unpacks_and_sha256sum_checks(wheel, tmp_path):
    folder = house(tmp_path / "house", "numpy")
    big = folder / "opencv-1.0-py3-none-any.whl"
    big.write_bytes(bytes(range(256)) * 5000)

    async def collect():
        return b"".join([block async for block in runtime._archive([wheel, *sorted(folder.glob("*.whl"))])])

    content = asyncio.run(collect())
    with tarfile.open(fileobj=io.BytesIO(content)) as archive:
        assert wheel.name in archive.getnames()
    out = tmp_path / "out"
    out.mkdir()
    subprocess.run(["tar", "-x", "-C", str(out)], input=content, check=True)
    subprocess.run(["sha256sum", "--check", "--quiet", wheelhouse.SUMS], cwd=out, check=True)
    assert (out / big.name).read_bytes() == big.read_bytes()


FITTING = (
    "numpy-2.4.6-cp311-cp311-manylinux_2_27_aarch64.manylinux_2_28_aarch64.whl",
    "opencv_python_headless-5.0.0.93-cp37-abi3-manylinux_2_28_aarch64.whl",
    "tqdm-4.70.1-py3-none-any.whl",
)


def of_names(folder, *names):
    for name in names:
        (folder / name).touch()
    return Wheels(folder / "edgekit-0.1.0+runtime.00000000-py3-none-any.whl", folder=folder)


def test_wheels_of_the_device_are_taken(tmp_path):
    of_names(tmp_path, *FITTING).check_device("pi", facts("pi", "/opt/edgekit", PI5))
    Wheels(tmp_path / "edgekit-0.1.0-py3-none-any.whl").check_device("pi", facts("pi", "/opt/edgekit", PI5))


@pytest.mark.parametrize(
    "name",
    [
        "numpy-2.4.6-cp313-cp313-manylinux_2_28_aarch64.whl",
        "numpy-2.4.6-cp311-cp311-manylinux_2_28_x86_64.whl",
        "opencv_python_headless-5.0.0.93-cp37-abi3-manylinux_2_28_x86_64.whl",
    ],
)
def test_wheels_of_another_device_are_refused(tmp_path, name):
    with pytest.raises(InputError, match=f"another device, such as {name}, this one has Python 3.11 on aarch64"):
        of_names(tmp_path, *FITTING, name).check_device("pi", facts("pi", "/opt/edgekit", PI5))

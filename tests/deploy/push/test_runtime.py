"""What is installed on a device fits it, which is asked before anything is sent."""

import pytest

from edge.deploy.push.probe import facts
from edge.deploy.push.runtime import Wheels
from edge.errors import InputError
from tests.deploy.push.test_probe import PI5

FITTING = (
    "numpy-2.4.6-cp311-cp311-manylinux_2_27_aarch64.manylinux_2_28_aarch64.whl",
    "opencv_python_headless-5.0.0.93-cp37-abi3-manylinux_2_28_aarch64.whl",
    "tqdm-4.70.1-py3-none-any.whl",
)


def wheels(folder, *names):
    for name in names:
        (folder / name).touch()
    return Wheels(folder / "edgekit-0.1.0+runtime.00000000-py3-none-any.whl", folder=folder)


def test_wheels_of_the_device_are_taken(tmp_path):
    wheels(tmp_path, *FITTING).check("pi", facts("pi", "/opt/edgekit", PI5))
    Wheels(tmp_path / "edgekit-0.1.0-py3-none-any.whl").check("pi", facts("pi", "/opt/edgekit", PI5))


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
        wheels(tmp_path, *FITTING, name).check("pi", facts("pi", "/opt/edgekit", PI5))

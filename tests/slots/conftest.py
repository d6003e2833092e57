import pytest

from tests.slots import device


@pytest.fixture
def app(tmp_path):
    return device.make(tmp_path / "root")


@pytest.fixture(scope="session")
def mobilenet():
    return device.released("mobilenet_v2_cifar10")


@pytest.fixture(scope="session")
def shufflenet():
    return device.released("shufflenet_v2_cifar10")

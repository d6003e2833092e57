"""The Edge TPU's backend with a stub in the place of libedgetpu: options, refusals, and libraries that do not fit."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from edge.backends import _libedgetpu, _tflite, backend, edgetpu, selfcheck
from edge.backends.base import OpenOptions
from edge.coral import EdgeTpu
from edge.errors import DeviceError, GateFailed, InputError
from tests.backends import models
from tests.edgetpu import library
from tests.shared import needs_shared, shared


@pytest.fixture
def stub(tmp_path_factory, monkeypatch):
    built = library.stub(tmp_path_factory)
    library.use(monkeypatch, built)
    return built


@pytest.fixture
def compiled(tmp_path):
    return models.tflite_not(tmp_path / "net_edgetpu.tflite")


def opened(path, **options):
    return backend("edgetpu").open(path, OpenOptions(**options))


@pytest.mark.parametrize("device", ["usb", "usb:0", "usb:1", "pci", "pci:0", ":0", None])
def test_the_device_is_passed_on(stub, compiled, tmp_path, monkeypatch, device):
    monkeypatch.setenv("STUB_RECORD", str(tmp_path / "record"))
    opened(compiled, device=device).close()
    assert (tmp_path / "record").read_text() == (f"device={device}\n" if device else "no options\n")


@pytest.mark.parametrize("device", ["", "usb0", "usb:", "gpu:0", "usb:-1", "usb:0 ", "0"])
def test_other_devices_are_refused_before_the_library_is_asked(stub, compiled, tmp_path, monkeypatch, device):
    monkeypatch.setenv("STUB_RECORD", str(tmp_path / "record"))
    with pytest.raises(InputError, match=r"device must be usb, pci, usb:N, pci:N or :N with N from 0, got"):
        opened(compiled, device=device)
    assert not (tmp_path / "record").exists()


def test_a_given_library_takes_the_place_of_the_systems(stub, compiled, monkeypatch):
    monkeypatch.delenv(_libedgetpu.VARIABLE)
    with opened(compiled, delegate=stub) as model:
        assert [spec.name for spec in model.outputs] == ["inverted"]


def test_its_version_names_both_libraries(stub):
    assert backend("edgetpu").version().startswith("libedgetpu RuntimeVersion(14), ai-edge-litert 2.")


def one_line(function, *arguments, **options):
    """Return the line of the DeviceError that a call ends with."""
    with pytest.raises(DeviceError) as caught:
        function(*arguments, **options)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_a_missing_library_is_one_line_with_the_route(compiled, tmp_path, capfd):
    pytest.importorskip("ai_edge_litert")
    line = one_line(opened, compiled, delegate=tmp_path / "libedgetpu.so.1")
    assert line.startswith(f"{tmp_path}/libedgetpu.so.1 is not installed: download libedgetpu1-std 16.0tf2")
    assert capfd.readouterr().err == ""


def test_another_library_is_one_line(stub, compiled, tmp_path_factory, capfd):
    other = library.stub(tmp_path_factory, "-DNOT_A_DELEGATE", "-Wno-unused-function")
    line = one_line(opened, compiled, delegate=other)
    assert line.startswith(f"{other} is not libedgetpu: it has no tflite_plugin_create_delegate; download")
    assert capfd.readouterr().err == ""  # LiteRT alone prints a traceback here


def test_a_file_that_is_no_library_is_one_line(compiled, tmp_path):
    pytest.importorskip("ai_edge_litert")
    path = tmp_path / "libedgetpu.so.1"
    path.write_text("an ELF file for another processor\n" * 9)
    assert f"{path} cannot be loaded, is it for another processor? " in one_line(opened, compiled, delegate=path)


@pytest.mark.parametrize(
    ("reason", "words"),
    [
        ("libusb-1.0.so.0: cannot open shared object file: No such file or directory", "sudo apt install libusb-1.0-0"),
        ("libedgetpu.so.1: cannot open shared object file: No such file or directory", "is not installed: download"),
        ("/usr/lib/libedgetpu.so.1: wrong ELF class: ELFCLASS64", "another processor"),
    ],
)
def test_what_the_loader_says_becomes_advice(reason, words):
    assert words in _libedgetpu._why_not("libedgetpu.so.1", reason)


STICK = EdgeTpu("usb", "18d1:9302", 5000, Path("/dev/bus/usb/002/003"), True)


@pytest.mark.parametrize(
    ("mode", "found", "words"),
    [
        ("refuse", [], "no Edge TPU is connected: plug it in, and see edge-doctor"),
        ("refuse", [STICK], "connected is USB stick 18d1:9302 (with its firmware); end the other process"),
        ("refuse", [STICK._replace(usable=False)], "this user may not open USB stick"),
        ("reason", [STICK], "no Edge TPU can be opened: the stub has a reason"),
    ],
)
def test_a_refused_delegate_says_why(stub, compiled, monkeypatch, mode, found, words):
    monkeypatch.setattr(edgetpu.coral, "connected", lambda: found)
    monkeypatch.setenv("STUB_MODE", mode)
    assert words in one_line(opened, compiled)


def test_a_file_of_another_compiler_is_one_line_with_the_librarys_version(stub, compiled, monkeypatch, capfd):
    monkeypatch.setenv("STUB_MODE", "mismatch")
    line = one_line(opened, compiled)
    assert "does not fit libedgetpu (libedgetpu RuntimeVersion(14)): Failed to prepare for TPU." in line
    assert "compile it again with edgetpu_compiler 16, or download" in line
    assert capfd.readouterr().err == ""


def test_a_file_that_is_not_compiled_is_refused(stub, tmp_path):
    with pytest.raises(
        InputError, match="is not compiled for an Edge TPU; compile it with edge-convert --target coral"
    ):
        opened(models.tflite_conv(tmp_path / "net.tflite", int8=True))
    with pytest.raises(InputError, match="needs the custom operation Mine"):
        _tflite.refuse_custom_operations(
            models.tflite_pair(tmp_path / "x.tflite", "Mine"), known=("edgetpu-custom-op",)
        )


@needs_shared
@pytest.mark.parametrize("name", ["mobilenet_v1_0.25_128_quant_edgetpu.tflite", "split_concat_edgetpu.tflite"])
def test_published_files_reach_the_library_with_their_program(stub, name):
    """The stub cannot compute them: their program is not one of its own. What reaches it is the whole file."""
    with opened(shared("models", "coral", name)) as model:
        assert model.inputs[0].dtype.name == "uint8"
        with pytest.raises(DeviceError, match="the Edge TPU stopped while it ran"):
            model.run([np.zeros(spec.shape, spec.dtype) for spec in model.inputs])


STATUS = """Package: libedgetpu1-std
Status: {state}
Architecture: arm64
Version: {version}

Package: libelf1
Status: install ok installed
Version: 0.188-2.1
"""


@pytest.mark.parametrize(
    ("state", "version", "expected"),
    [
        ("install ok installed", "16.0", "16.0"),
        ("install ok installed", "16.0tf2.19.1-1", "16.0tf2.19.1-1"),
        ("deinstall ok config-files", "16.0", None),
    ],
)
def test_the_package_that_it_came_from(tmp_path, state, version, expected):
    assert _libedgetpu.packaged(tmp_path) is None
    (tmp_path / "var/lib/dpkg").mkdir(parents=True)
    (tmp_path / "var/lib/dpkg/status").write_text(STATUS.format(state=state, version=version))
    assert _libedgetpu.packaged(tmp_path) == expected


def test_the_library_of_2021_is_refused_before_it_ends_the_process(compiled, monkeypatch):
    pytest.importorskip("ai_edge_litert")
    monkeypatch.delenv(_libedgetpu.VARIABLE, raising=False)
    monkeypatch.setattr(_libedgetpu, "packaged", lambda: "16.0")
    line = one_line(opened, compiled)
    assert line.startswith("libedgetpu.so.1 16.0 was built for the runtimes of 2021, and today's would end by a signal")


def test_a_library_built_for_the_runtimes_of_2021_does_not_run(compiled, tmp_path_factory):
    """Why it is refused: the interpreter reads beyond the registration. Mostly the process ends by a signal."""
    old = library.stub(tmp_path_factory, "-DRUNTIME_OF_2021")
    code = (
        "import sys, numpy as np\nfrom pathlib import Path\nfrom edge.backends import open_model\n"
        "model = open_model(Path(sys.argv[1]))\n"
        "model.run([np.zeros(spec.shape, spec.dtype) for spec in model.inputs])"
    )
    environment = {**os.environ, _libedgetpu.VARIABLE: str(old)}
    done = subprocess.run([sys.executable, "-c", code, str(compiled)], env=environment, capture_output=True, timeout=60)
    assert done.returncode != 0


def test_a_library_that_does_not_fit_may_be_told_by_the_interpreter(stub, compiled):
    with opened(compiled) as model:
        found = model.failure("Encountered an unresolved custom op. Node number 2 (EdgeTpuDelegateForCustomOp) failed")
    assert "libedgetpu (libedgetpu RuntimeVersion(14)) does not fit this runtime: download" in str(found)


def test_the_self_check_opens_the_device(stub, monkeypatch):
    selfcheck.run_here("edgetpu")
    monkeypatch.setenv("STUB_MODE", "refuse")
    with pytest.raises(DeviceError, match="no Edge TPU is connected"):
        selfcheck.run_here("edgetpu")
    with pytest.raises(GateFailed, match="no Edge TPU is connected"):
        selfcheck.check("edgetpu")
    monkeypatch.setenv("STUB_MODE", "crash")
    with pytest.raises(GateFailed, match="edgetpu crashed with signal 6"):
        selfcheck.check("edgetpu")

"""The Coral Edge TPU: LiteRT hands the compiled part of a ``.tflite`` file to libedgetpu."""

import re
from pathlib import Path
from typing import Any

from edge import coral
from edge.backends import _libedgetpu, _opening, _tflite
from edge.backends.base import DEFAULT, Backend, Model, OpenOptions
from edge.custom_operations import EDGE_TPU, target_of
from edge.errors import DeviceError, EdgeError, InputError
from edge.quiet import info, quiet

_DEVICE = re.compile(r"(usb|pci)|(usb|pci)?:[0-9]{1,3}")
_KERNEL = "EdgeTpuDelegateForCustomOp"
"""What libedgetpu's part of a network is called in the interpreter's messages."""


class EdgeTpu(Backend):
    """It runs ``.tflite`` files that were compiled for an Edge TPU. The parts that were not mapped run on the CPU."""

    name = "edgetpu"
    formats = (".tflite",)
    targets = ("edgetpu",)

    def open(self, path: Path, options: OpenOptions = DEFAULT) -> Model:
        """See Backend.

        Raises:
            DeviceError: there is no Edge TPU, its library is missing or does not fit, or it refuses the file.
        """
        from ai_edge_litert.interpreter import Interpreter

        _opening.readable(path)
        if target_of(path) != "edgetpu":
            with _tflite.load(Interpreter, path, _tflite.TFLiteModel, num_threads=1):  # a damaged file is said to be so
                raise InputError(
                    f"model {path} is not compiled for an Edge TPU; compile it with edge-convert --target coral-usb, "
                    "or run it with --backend litert"
                )
        _tflite.refuse_custom_operations(path, known=(EDGE_TPU,))
        delegate = open_delegate(options)
        return _tflite.load(
            Interpreter, path, _EdgeTpuModel, num_threads=options.threads, experimental_delegates=[delegate]
        )

    def version(self) -> str:
        """See Backend. Without a library that can be loaded it is LiteRT's version alone."""
        from importlib import metadata

        runtime = f"ai-edge-litert {metadata.version('ai-edge-litert')}"
        try:
            return f"{describe_library()}, {runtime}"
        except DeviceError:
            return runtime

    def check(self) -> None:
        """Open the first Edge TPU and close it again. Raises DeviceError when it cannot be used."""
        open_delegate(DEFAULT)


class _EdgeTpuModel(_tflite.TFLiteModel):
    """A network of which a part runs on an Edge TPU."""

    @classmethod
    def refusal(cls, path: Path, reason: str) -> EdgeError:
        """See TFLiteModel. What the Edge TPU's part refuses is a matter of the library, not of the file alone."""
        if _KERNEL not in reason:
            return super().refusal(path, reason)
        return DeviceError(
            f"model {path} does not fit libedgetpu ({describe_library()}): {_reason(reason)}; "
            f"compile it again with edgetpu_compiler 16, or {_libedgetpu.ROUTE}"
        )

    def failure(self, reason: str) -> EdgeError:
        """See TFLiteModel."""
        if _KERNEL not in reason:
            return super().failure(reason)
        if "unresolved custom op" in reason:  # what the interpreter finds in a structure of an older runtime
            return DeviceError(f"libedgetpu ({describe_library()}) does not fit this runtime: {_libedgetpu.ROUTE}")
        return DeviceError(
            f"the Edge TPU stopped while it ran {self._path.name}: {_reason(reason)}; "
            "plug the stick in again, on a port or hub that can supply 900 mA"
        )


def describe_library(library: str | None = None) -> str:
    """Return the name of the chosen library with its versions. Raises DeviceError when it cannot be loaded."""
    library = library or _libedgetpu.chosen(None)
    loaded = _libedgetpu.load(library)
    package = _libedgetpu.packaged() if library == _libedgetpu.NAME else None
    return " ".join(filter(None, ("libedgetpu", package, _libedgetpu.version(loaded))))


def open_delegate(options: OpenOptions) -> Any:
    """Return LiteRT's delegate for an Edge TPU.

    Args:
        options: ``device`` is one of ``usb``, ``pci``, ``usb:N``, ``pci:N`` and ``:N`` (the N-th of any kind, from 0);
            ``delegate`` is the library.

    Raises:
        InputError: the device is none of these.
        DeviceError: the library cannot be loaded, or opens no Edge TPU.
    """
    from ai_edge_litert.interpreter import load_delegate

    if options.device is not None and not _DEVICE.fullmatch(options.device):
        raise InputError(f"device must be usb, pci, usb:N, pci:N or :N with N from 0, got {options.device!r}")
    library = _libedgetpu.chosen(options.delegate)
    # LiteRT would load it too, but prints a traceback when it is not a delegate, because its object is half made.
    _libedgetpu.load(library)
    try:
        with quiet(info):
            return load_delegate(library, {"device": options.device} if options.device else {})
    except ValueError as error:
        raise DeviceError(_why_refused(options.device, str(error))) from error


def _why_refused(device: str | None, said: str) -> str:
    """Return the line for a delegate that was refused. libedgetpu gives no reason, so the kernel is asked."""
    reason = " ".join(said.split("\n")[1:]).strip()
    wanted = f"no Edge TPU {device!r}" if device else "no Edge TPU"
    found = coral.connected()
    if reason:
        return f"{wanted} can be opened: {_tflite.one_line(reason)}"
    if not found:
        return f"{wanted} is connected: plug it in, and see edge-doctor"
    here = ", ".join(one.describe() for one in found)
    if not all(one.usable for one in found):
        return (
            f"{wanted} can be opened: this user may not open {here}: sudo usermod -aG plugdev $USER, then log in again"
        )
    return f"{wanted} can be opened: connected is {here}; end the other process that uses it, or plug it in again"


def _reason(said: str) -> str:
    """Return the interpreter's message without the part that names the node."""
    return _tflite.one_line(re.sub(rf"Node number \d+ \({_KERNEL}\) failed to \w+\.?", "", said)) or "no reason given"

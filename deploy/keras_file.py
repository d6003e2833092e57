"""What a Keras model file is, read from its content: its format, the configuration in it, and the Keras that wrote it.

People give files any suffix: an HDF5 file may be called ``net.keras``, and ``net.h5`` may be the pointer that Git LFS
leaves in place of a file. Nothing is loaded here, so that a file can be refused before TensorFlow is imported.
"""

import json
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edge.deploy._tensorflow import need
from edge.errors import FileError, InputError
from edge.private_folders import PrivateFolder

HDF5, ZIP = b"\x89HDF\r\n\x1a\n", b"PK\x03\x04"
GIT_LFS = b"version https://git-lfs"

SUFFIXES = {".keras": ZIP, ".h5": HDF5, ".hdf5": HDF5}
"""The usual suffixes of Keras files, with the first bytes of their format."""

FROM_A_FUNCTION = "or give a function that returns the network with its weights loaded, as package.module:function"


@dataclass(frozen=True)
class KerasFile:
    """A Keras model file.

    Attributes:
        path: the file.
        suffix: the suffix by which Keras knows the format, ``.keras`` or ``.h5``, whatever the file is called.
        config: the network's configuration, parsed JSON.
        keras3: whether Keras 3 wrote it.
        loss: the loss that the network was compiled with, as Keras stores it. None where the file has none.
    """

    path: Path
    suffix: str
    config: Any
    keras3: bool
    loss: Any = None

    @property
    def text(self) -> str:
        """The configuration as text."""
        return json.dumps(self.config)

    @contextmanager
    def named(self) -> Iterator[Path]:
        """Yield a path with the suffix that Keras needs: the file's own, or a link to it."""
        if self.path.suffix == self.suffix:
            yield self.path
            return
        with PrivateFolder("keras") as folder:
            link = Path(folder, self.path.stem + self.suffix)
            link.symlink_to(self.path.resolve())
            yield link


def is_keras(path: Path) -> bool:
    """Return whether a file has the suffix or the content of a Keras model."""
    return path.suffix in SUFFIXES or first_bytes(path).startswith(HDF5)


def model_in(folder: Path) -> str:
    """Return a hint at the model of a run in ``folder``, for a message, or an empty text when there is none."""
    found = next((folder / name for name in ("model.keras", "model.h5") if (folder / name).is_file()), None)
    return f"; give {found}" if found else ""


def first_bytes(path: Path, count: int = 64) -> bytes:
    """Return the first bytes of a file. Raises FileError when it cannot be read."""
    try:
        with path.open("rb") as file:
            return file.read(count)
    except OSError as error:
        raise FileError(f"model {path} cannot be read: {error.strerror or error}") from error


def refuse_pointer(path: Path) -> None:
    """Raise FileError for a Git LFS pointer, the few lines of text that stand for a file that was not downloaded."""
    if first_bytes(path).startswith(GIT_LFS):
        raise FileError(f"model {path} is a Git LFS pointer and not the file itself; get the file with: git lfs pull")


def read(path: Path) -> KerasFile:
    """Read what a Keras file is.

    Raises:
        FileError: it is no Keras file, a Git LFS pointer, or damaged.
        InputError: it holds weights only.
    """
    refuse_pointer(path)
    head = first_bytes(path)
    if head.startswith(ZIP):
        return _zip(path)
    if head.startswith(HDF5):
        return _hdf5(path)
    raise FileError(
        f"model {path} is not a readable Keras file: expected a zip (.keras) or HDF5 (.h5), got another one"
    )


def _zip(path: Path) -> KerasFile:
    with zipfile.ZipFile(path) as archive:
        names = archive.namelist()
        if "config.json" not in names:
            if "model.weights.h5" in names:
                raise _only_weights(path)
            raise FileError(f"model {path} is not a readable Keras file: the zip has no config.json")
        config = json.loads(archive.read("config.json"))
        metadata = json.loads(archive.read("metadata.json")) if "metadata.json" in names else None
    version = metadata.get("keras_version") if isinstance(metadata, dict) else None
    compiled = config.get("compile_config") if isinstance(config, dict) else None
    loss = compiled.get("loss") if isinstance(compiled, dict) else None
    return KerasFile(path, ".keras", config, str(version).startswith("3"), loss)


def _hdf5(path: Path) -> KerasFile:
    with need("h5py").File(path, "r") as file:
        if "model_config" not in file.attrs:
            raise _only_weights(path)
        config = json.loads(file.attrs["model_config"])
        version = file.attrs.get("keras_version", "")
        compiled = json.loads(file.attrs.get("training_config", "null"))
    loss = compiled.get("loss") if isinstance(compiled, dict) else None
    version = version.decode() if isinstance(version, bytes) else str(version)
    return KerasFile(path, ".h5", config, version.startswith("3"), loss)


def _only_weights(path: Path) -> InputError:
    return InputError(
        f"model {path} holds weights only, without the network: save the whole model with model.save(), "
        f"{FROM_A_FUNCTION}"
    )

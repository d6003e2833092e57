"""``Gallery`` names what an embedding network sees: the most similar of some known pictures, or ``unknown``."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from edge.errors import FileError, InputError
from edge.frames import Frame
from edge.imaging import Image
from edge.labels import has_control, printable
from edge.pictures import SUFFIXES
from edge.reports import Report, to_stderr
from edge.results import Prediction, Result
from edge.signature import Signature
from edge.sources.images import load_image

Doubles = NDArray[np.float64]


class EmbeddingNetwork(Protocol):
    """The network of a gallery. ``edge.session.Session`` implements it.

    Attributes:
        signature: the network's inputs and outputs, with the task ``embed``.
    """

    @property
    def signature(self) -> Signature: ...

    def __call__(self, value: Image) -> Result:
        """Return the result, with an embedding, of a picture (height, width, 3) uint8 BGR."""
        ...


@dataclass(frozen=True)
class GalleryOptions:
    """How an embedding is compared with those of the known pictures.

    Attributes:
        threshold: the least cosine of a known name. The default, 0.5, is an angle of 60 degrees. Networks that are
            trained with cosines give different things values near 0: OpenCV's face recognition SFace is used at 0.363.
            Networks whose outputs are never negative need a higher one; a line at the start says so.
        combine: how the pictures of one name count: ``best`` takes the most similar one, ``mean`` their mean.
        unknown: the label of what is like nobody.
    """

    threshold: float = 0.5
    combine: Literal["best", "mean"] = "best"
    unknown: str = "unknown"

    def __post_init__(self) -> None:
        """Raise InputError for a value that is not allowed."""
        if not -1 <= self.threshold <= 1:
            raise InputError(f"threshold of a gallery must be a cosine from -1 to 1, got {self.threshold}")
        if self.combine not in ("best", "mean"):
            raise InputError(f"combine of a gallery must be best or mean, got {self.combine!r}")
        if not self.unknown or has_control(self.unknown):
            raise InputError(f"unknown of a gallery must be a printable label, got {self.unknown!r}")


class Gallery:
    """A stage that adds the nearest name as a prediction, whose score is the cosine, at least 0.

    It names the result of an embedding network, and those of a second network for the boxes of a detector.

    Attributes:
        names: the known names, sorted.
        pictures: the number of pictures that are used.
        unknown: the label of what is like nobody.
    """

    def __init__(
        self,
        folder: str | Path,
        network: EmbeddingNetwork,
        options: GalleryOptions | None = None,
        report: Report = to_stderr,
    ) -> None:
        """Embed all pictures of a folder: ``NAME.jpg``, and those in subfolders ``NAME``.

        Args:
            folder: the pictures. They should show what the network gets, such as a face and not a whole person.
            network: the network whose results are named.
            options: how embeddings are compared.
            report: gets a line for each picture that cannot be used, and for names that are too similar.

        Raises:
            InputError: the network gives no embedding, or a picture has the name of the unknown.
            FileError: the folder does not exist or has no picture that can be used.
        """
        task = network.signature.task.name
        if task != "embed":
            raise InputError(f"a gallery needs a network of the task embed, got {task}: choose an embedding network")
        self._options, self._report = options or GalleryOptions(), report
        vectors = self._embedded(Path(folder), network)
        if not vectors:
            raise FileError(
                f"gallery {printable(str(folder))} holds no picture that can be used: put NAME.jpg or NAME/*.jpg there"
            )
        self.names, self.unknown = tuple(sorted(vectors)), self._options.unknown
        self.pictures = sum(map(len, vectors.values()))
        if self._options.combine == "mean":
            vectors = {name: [_unit(np.mean(rows, axis=0))] for name, rows in vectors.items()}
        self._vectors = np.stack([row for name in self.names for row in vectors[name]])
        self._owners = np.repeat(np.arange(len(self.names)), [len(vectors[name]) for name in self.names])
        self._warn_of_similar_names()

    def __call__(self, frame: Frame, result: Result) -> Result:
        """Return the result with names."""
        if result.embedding is not None:
            return replace(result, predictions=(self.nearest(result.embedding),))
        if not any(one.nested is not None and one.nested.embedding is not None for one in result.predictions):
            return result
        return replace(result, predictions=tuple(self._named(one) for one in result.predictions))

    def nearest(self, embedding: NDArray[np.float32]) -> Prediction:
        """Return the nearest name with its cosine, or the unknown, whose index is the number of names.

        Raises:
            InputError: the embedding has another length than those of the pictures.
        """
        vector = _unit(np.asarray(embedding, np.float64).ravel())
        if vector.shape != self._vectors.shape[1:]:
            raise InputError(f"an embedding must have {self._vectors.shape[1]} numbers, got {vector.size}")
        cosines = self._vectors @ vector
        best = int(cosines.argmax())
        known = bool(vector.any()) and bool(np.isfinite(cosines).all())  # it has a direction
        cosine = float(cosines[best]) if known else 0.0
        score = min(1.0, max(0.0, cosine))
        if not known or cosine < self._options.threshold:
            return Prediction(self._options.unknown, score, len(self.names))
        owner = int(self._owners[best])
        return Prediction(self.names[owner], score, owner)

    def _named(self, one: Prediction) -> Prediction:
        if one.nested is None or one.nested.embedding is None:
            return one
        found = self.nearest(one.nested.embedding)
        return replace(one, nested=replace(one.nested, predictions=(found,)))

    def _embedded(self, folder: Path, network: EmbeddingNetwork) -> dict[str, list[Doubles]]:
        found: dict[str, list[Doubles]] = {}
        for name, path in _listed(folder):
            if name == self._options.unknown or has_control(name):
                raise InputError(
                    f"a name of a gallery must be printable and not {self._options.unknown!r}, got {name!r} "
                    f"in {printable(str(folder))}: rename it"
                )
            try:
                image = load_image(path)
            except FileError as error:
                self._report(f"gallery picture left out: {error}")
                continue
            vector = network(image).embedding
            unit = None if vector is None else _unit(np.asarray(vector, np.float64).ravel())
            if unit is None or not np.isfinite(unit).all() or not unit.any():
                self._report(f"gallery picture {printable(str(path))} left out: the network gives no direction for it")
                continue
            found.setdefault(name, []).append(unit)
        return found

    def _warn_of_similar_names(self) -> None:
        """Report the most similar pictures of two names when the threshold cannot tell these apart."""
        cosines = self._vectors @ self._vectors.T
        cosines[self._owners[:, None] == self._owners[None, :]] = -1
        worst = float(cosines.max())
        if len(self.names) > 1 and worst >= self._options.threshold:
            first, second = (self.names[self._owners[i]] for i in np.unravel_index(cosines.argmax(), cosines.shape))
            self._report(
                f"gallery: pictures of {first} and {second} have a cosine of {worst:.2f}, not below the threshold "
                f"{self._options.threshold:g}: a stranger may get a name; choose a threshold above {worst:.2f}"
            )


def _listed(folder: Path) -> Iterator[tuple[str, Path]]:
    """Yield the name and path of each picture, sorted. Raises FileError when the folder cannot be read."""
    try:
        entries = sorted(folder.iterdir())
        for entry in entries:
            if entry.is_dir() and not entry.name.startswith("."):
                yield from ((entry.name, path) for path in sorted(entry.iterdir()) if _is_picture(path))
            elif _is_picture(entry):
                yield entry.stem, entry
    except OSError as error:
        raise FileError(f"gallery {printable(str(folder))} cannot be read: {error.strerror or error}") from None


def _is_picture(path: Path) -> bool:
    return path.suffix.lower() in SUFFIXES and not path.name.startswith(".") and path.is_file()


def _unit(vector: Doubles) -> Doubles:
    """Return a vector of length 1; a vector of zeros stays."""
    length = float(np.linalg.norm(vector))
    return vector / length if 0 < length < np.inf else vector

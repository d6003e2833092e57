"""Open and run damaged copies of a model; a process of its own, because what is tested is that it survives.

python -m tests.backends.mutate FILE COUNT [BACKEND]    prints how many ran, and how many were refused
"""

import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from edge.backends import open_model
from edge.errors import EdgeError


def damaged(whole: bytes, number: int) -> bytes:
    """Return ``whole`` cut short (every third) or with one to three bits flipped, decided by ``number``."""
    draw = np.random.default_rng(number)
    copy = bytearray(whole)
    if number % 3 == 0:
        return bytes(copy[: draw.integers(len(copy))])
    for _ in range(draw.integers(1, 4)):
        copy[draw.integers(len(copy))] ^= 1 << draw.integers(8)
    return bytes(copy)


def survives(path: Path, backend: str | None = None) -> bool:
    """Return whether the file opened and ran; an EdgeError is a refusal, anything else ends the process."""
    try:
        with open_model(path, backend, threads=1) as model:
            model.run([np.zeros(spec.shape, spec.dtype) for spec in model.inputs])
        return True
    except EdgeError as error:
        if "\n" in str(error):
            raise AssertionError("a refusal must be one line") from error
        return False


def main(source: Path, count: int, backend: str | None = None) -> None:
    whole = source.read_bytes()
    ran = 0
    with TemporaryDirectory() as folder:
        target = Path(folder) / f"damaged{source.suffix}"
        for number in range(count):
            print(f"number {number}", file=sys.stderr, flush=True)
            target.write_bytes(damaged(whole, number))
            ran += survives(target, backend)
    print(f"{ran} ran, {count - ran} refused")


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), *sys.argv[3:])

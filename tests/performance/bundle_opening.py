"""What opening a bundle costs for each MiB of its files, beside hashing the same bytes in memory.

    python -m tests.performance.bundle_opening

Opening reads every byte and computes its SHA-256 digest before an interpreter sees it. The cost of a MiB is the slope
between a small and a large bundle, so that what does not depend on the size takes no part. Figures are the fastest of
RUNS, which alternate between the two sizes. A zip is unpacked besides, so it is compared with inflating and hashing.
"""

import hashlib
import tempfile
import time
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np

from edge.bundle import open_bundle, write_bundle
from edge.manifest import Artifact, Manifest, StoredFile
from edge.signature import Input, Output, Signature, TaskSpec

SMALL_MIB, LARGE_MIB = 4, 68
RUNS = 7
MS_PER_MIB = 0.6
OVER_HASHING = 1.3
"""At most this many times the time of the digests alone: the rest is reading from the cache of the system, and for a
zip its CRC-32 and writing."""

SIGNATURE = Signature((Input("x", "tensor", (1, 4)),), (Output("y", "tensor", (1, 2)),), TaskSpec("raw"))


def measure() -> dict[str, float]:
    """Return milliseconds for each MiB of a folder, a zip and hashing; what a folder takes of hashing, and a zip of
    inflating and hashing."""
    with tempfile.TemporaryDirectory() as base:
        weights = {mib: _weights(mib) for mib in (SMALL_MIB, LARGE_MIB)}
        paths = {(mib, name): _write(Path(base), mib, name) for mib in weights for name in ("folder", "zip.edge")}
        folder = _slope(lambda mib: open_bundle(paths[mib, "folder"]))
        zipped = _slope(lambda mib: open_bundle(paths[mib, "zip.edge"]), runs=2)
        hashing = _slope(lambda mib: hashlib.sha256(weights[mib]).digest())
        deflated = {mib: zlib.compress(content) for mib, content in weights.items()}
        inflating = _slope(lambda mib: zlib.decompress(deflated[mib]), runs=2)
    return {
        "folder_ms_per_mib": round(folder, 3),
        "zip_ms_per_mib": round(zipped, 3),
        "hashing_ms_per_mib": round(hashing, 3),
        "over_hashing": round(folder / hashing, 2),
        "zip_over_unpacking": round(zipped / (inflating + hashing), 2),
    }


def is_good(found: dict[str, float]) -> bool:
    """Return whether opening is within the bar, or as near to it as hashing on this machine allows."""
    return found["folder_ms_per_mib"] <= MS_PER_MIB or found["over_hashing"] <= OVER_HASHING


def is_good_zip(found: dict[str, float]) -> bool:
    """Return whether a zip costs little more than inflating and hashing it."""
    return found["zip_over_unpacking"] <= OVER_HASHING


def _weights(mib: int) -> bytes:
    """Return int8 weights of a normal distribution, which deflate makes a sixth smaller, as it does real ones."""
    return np.random.default_rng(0).normal(0, 25, mib << 20).astype(np.int8).tobytes()


def _write(base: Path, mib: int, name: str) -> Path:
    source = base / f"{mib}.tflite"
    source.write_bytes(_weights(mib))
    artifact = Artifact("tflite", "int8", (StoredFile(source.name),))
    path = base / f"{mib}-{name}"
    write_bundle(path, Manifest("net", SIGNATURE, (), (artifact,)), {source.name: source})
    return path


def _slope(run: Callable[[int], object], runs: int = RUNS) -> float:
    """Return the milliseconds that a MiB more takes."""
    best = dict.fromkeys((SMALL_MIB, LARGE_MIB), float("inf"))
    for _ in range(runs):
        for mib in best:
            start = time.perf_counter()
            run(mib)
            best[mib] = min(best[mib], time.perf_counter() - start)
    return (best[LARGE_MIB] - best[SMALL_MIB]) * 1000 / (LARGE_MIB - SMALL_MIB)


if __name__ == "__main__":
    print(measure())

"""Exported apps for the tests, and drawn frames for their cameras."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from edge.deploy.web import WebOptions, export
from edge.deploy.web.runtime import NAMES, PACKAGE, VERSION, runtime_files
from edge.errors import FileError

WEIGHTS = Path(__file__).resolve().parents[3] / "models" / "weights"
BUNDLES = {
    "detect": WEIGHTS / "ssdlite_shufflenet_v2_bccd_int8.edge",
    "classify": WEIGHTS / "mobilenet_v2_cifar10_int8.edge",
    "segment": WEIGHTS / "unet_membrane_int8.edge",
}


def real_runtime():
    """Return nothing where LiteRT.js is in the cache or can be fetched, else skip."""
    try:
        runtime_files()
    except FileError as error:
        pytest.skip(f"needs LiteRT.js: {error}")


def without_runtime(folder):
    """Write a package that has the names of LiteRT.js and none of its content, for tests that run nothing."""
    (folder / "wasm").mkdir(parents=True)
    (folder / "package.json").write_text(f'{{"name": "{PACKAGE}", "version": "{VERSION}"}}')
    for name in NAMES:
        (folder / "wasm" / name).write_bytes(b"\0asm" * 1000)
    return folder


def exported(bundle, out, **options):
    """Write the app of a bundle with the real runtime."""
    real_runtime()
    export(bundle, out, WebOptions(**options))
    return out


def cells(count, size=(320, 240)):
    """Return frames of red discs that move, as a microscope shows blood; the seed is fixed."""
    rng = np.random.default_rng(7)
    width, height = size
    places, speeds = rng.uniform(0, 1, (14, 2)) * size, rng.uniform(-4, 4, (14, 2))
    radii, shades = rng.integers(12, 24, 14), rng.integers(-25, 25, (14, 3))
    frames = []
    for number in range(count):
        frame = np.full((height, width, 3), (215, 205, 225), np.uint8)
        for place, speed, radius, shade in zip(places, speeds, radii, shades, strict=True):
            x, y = (int(value) for value in (place + number * speed) % size)
            colour = tuple(int(value) for value in np.array((150, 110, 190)) + shade)
            cv2.circle(frame, (x, y), int(radius), colour, cv2.FILLED, cv2.LINE_AA)
            cv2.circle(frame, (x, y), int(radius) // 2, (180, 160, 205), cv2.FILLED, cv2.LINE_AA)
        noise = rng.normal(0, 3, frame.shape)
        frames.append(np.clip(frame + noise, 0, 255).astype(np.uint8))
    return frames


def changed(content, change):
    """Return a TFLite file after ``change(model, schema)``."""
    import flatbuffers

    schema = pytest.importorskip("ai_edge_litert.schema_py_generated")
    model = schema.ModelT.InitFromPackedBuf(content, 0)
    change(model, schema)
    builder = flatbuffers.Builder(1 << 20)
    builder.Finish(model.Pack(builder), b"TFL3")
    return bytes(builder.Output())

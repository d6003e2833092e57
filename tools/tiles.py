"""``python -m tools.tiles BUNDLE --data ZIP``: what a segmenter finds on whole pictures, stretched and on tiles.

Each picture of the test set goes through the network as a loop runs it. ``docs/decisions/tiles.md`` has the figures.
"""

import argparse
import math
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge import backends
from edge.bundle import open_bundle
from edge.cli import _main
from edge.deploy.samples.annotated import bgr
from edge.errors import InputError
from edge.imaging import Resize
from edge.models.training.segmentation.mask_folder import decoded, open_masks
from edge.runnable import Runnable
from edge.session import Session, SessionOptions
from edge.signature import Input
from edge.tasks.pixel_counts import Counts, count, foreground
from edge.tiles import spans
from tools.restate import resized

RESIZES: tuple[Resize, ...] = ("stretch", "tile")
COLUMNS = ("resize", "windows a picture", "Dice, %", "IoU, %", "pixel accuracy, %", "ms a picture")
Truth = tuple[NDArray[np.uint8], NDArray[np.uint8]]
"""A picture, (height, width, 3) BGR, and its class numbers, (height, width)."""


def parser() -> argparse.ArgumentParser:
    """Return the command's parser."""
    p = argparse.ArgumentParser("python -m tools.tiles", description="Measure a segmenter on whole pictures.")
    p.add_argument("bundle", type=Path, metavar="BUNDLE", help="a segmenter; the resize that it states does not count")
    p.add_argument("--data", type=Path, required=True, metavar="ZIP", help="pictures with masks; the test set counts")
    return p


def body(a: argparse.Namespace) -> None:
    """Run the command."""
    runnable = open_bundle(a.bundle).runnable(tuple(backends.PREFERENCE))
    signature = runnable.signature
    entry = None if signature is None else signature.image
    if signature is None or entry is None or entry.format is None or signature.task.name != "segment":
        raise InputError(f"{a.bundle} must be a segmenter with one image input, to be measured on pictures with masks")
    channels = 1 if entry.format.colour == "GRAY" else 3
    data = open_masks(a.data, channels)
    read = (decoded(pair, channels) for pair in data.splits["test"])
    truths = [(bgr(image), data.classes[mask]) for image, mask in read]
    print(f"| {' | '.join(COLUMNS)} |\n|---|{'---:|' * (len(COLUMNS) - 1)}")
    for resize in RESIZES:
        made = replace(runnable, signature=replace(signature, inputs=(resized(entry, resize),)))
        print(f"| {' | '.join([resize, *figures(made, entry, resize, truths)])} |", flush=True)


def figures(runnable: Runnable, entry: Input, resize: Resize, truths: Sequence[Truth]) -> list[str]:
    """Return the cells of one row: windows, quality over the pixels of all pictures, time on one thread."""
    counts: Counts | None = None
    with Session(runnable, backends.for_file(runnable.path), 1, SessionOptions()) as session:
        start = time.perf_counter()
        masks = [_classes(session, picture) for picture, _ in truths]
        seconds = time.perf_counter() - start
    for found, (_, true) in zip(masks, truths, strict=True):
        one = count(found, true, len(session.labels or ()))
        counts = one if counts is None else counts + one
    assert counts is not None
    sides = [zip(picture.shape[1::-1], entry.size, strict=True) for picture, _ in truths]
    windows = max(math.prod(len(spans(*side)) for side in each) for each in sides) if resize == "tile" else 1
    quality = (foreground(counts.dice()), foreground(counts.iou()), counts.accuracy())
    return [str(windows), *(f"{100 * value:.2f}" for value in quality), f"{1e3 * seconds / len(truths):.0f}"]


def _classes(session: Session, picture: NDArray[np.uint8]) -> NDArray[Any]:
    mask = session(picture).mask
    assert mask is not None
    return mask.classes


def main(argv: Sequence[str] | None = None) -> int:
    """Entry point; returns the exit code."""
    return _main.run(parser(), body, argv)


if __name__ == "__main__":
    sys.exit(main())

"""``python -m tools.restate OLD NEW --resize tile``: a bundle whose manifest states another way into the image input.

Model files, labels and golden files stay as they are, byte for byte; the manifest and its digest are written again.
It mends bundles from before ``edge-convert`` knew tiles: networks trained with ``view=crop`` were stated to stretch.
"""

import argparse
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from edge.bundle import open_bundle, write_bundle
from edge.cli import _main
from edge.errors import InputError
from edge.imaging import Resize
from edge.signature import Input


def parser() -> argparse.ArgumentParser:
    """Return the command's parser."""
    p = argparse.ArgumentParser("python -m tools.restate", description="State another resize in a bundle's manifest.")
    p.add_argument("old", type=Path, metavar="OLD", help="the bundle to read")
    p.add_argument("new", type=Path, metavar="NEW", help="the bundle to write, which may be OLD")
    p.add_argument(
        "--resize", required=True, choices=("stretch", "letterbox", "crop", "tile"), help="how pictures go into it"
    )
    return p


def body(a: argparse.Namespace) -> None:
    """Run the command."""
    bundle = open_bundle(a.old)
    manifest = bundle.manifest
    if manifest.signature.image is None:
        raise InputError(f"a bundle needs one image input to state its resize, {a.old} has none or several")
    inputs = tuple(resized(entry, a.resize) for entry in manifest.signature.inputs)
    restated = replace(manifest, signature=replace(manifest.signature, inputs=inputs))
    write_bundle(a.new, restated, {name: bundle.root / name for name in manifest.stored()})
    print(f"{a.new}: resize {a.resize}")


def resized(entry: Input, resize: Resize) -> Input:
    """Return the input with another resize; one that is no image stays what it is."""
    return entry if entry.format is None else replace(entry, format=replace(entry.format, resize=resize))


def main(argv: Sequence[str] | None = None) -> int:
    """Entry point; returns the exit code."""
    return _main.run(parser(), body, argv)


if __name__ == "__main__":
    sys.exit(main())

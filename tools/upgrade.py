"""``python -m tools.upgrade OLD NEW``: a bundle of schema 1 as one of schema 2, with golden inputs of this machine.

The model files stay as they are, byte for byte. The manifest gets the tensors' names, and each file its golden input.
"""

import argparse
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from edge import backends, golden
from edge.backends.base import OpenOptions
from edge.bundle import Bundle, open_bundle, write_bundle
from edge.cli import _main
from edge.manifest import Artifact
from edge.runnable import TensorNames
from edge.session import Session, SessionOptions


def parser() -> argparse.ArgumentParser:
    """Return the command's parser."""
    p = argparse.ArgumentParser("python -m tools.upgrade", description="Write a bundle of schema 1 as one of schema 2.")
    p.add_argument("old", type=Path, metavar="OLD", help="the bundle to read")
    p.add_argument("new", type=Path, metavar="NEW", help="the bundle to write, a folder or a file NAME.edge")
    return p


def body(a: argparse.Namespace) -> None:
    """Run the command."""
    bundle = open_bundle(a.old)
    with tempfile.TemporaryDirectory(prefix="edge-upgrade-") as scratch:
        sources = {name: bundle.root / name for name in bundle.manifest.stored()}
        artifacts = []
        for artifact in bundle.manifest.artifacts:
            named = replace(artifact, tensors=tensor_names(bundle, artifact))
            with _session(bundle, named) as session:
                made, files = golden.make(session, Path(scratch), Path(artifact.file).name)
            sources |= files
            artifacts.append(replace(named, golden=made))
        write_bundle(a.new, replace(bundle.manifest, artifacts=tuple(artifacts)), sources)
    print(f"{a.new}: schema 2, {len(artifacts)} artifact(s)")


def tensor_names(bundle: Bundle, artifact: Artifact) -> TensorNames:
    """Return which tensor of a file is which of the signature: schema 1 had them in one order."""
    signature = bundle.manifest.signature
    path = bundle.path(artifact)
    with backends.for_file(path).open(path, OpenOptions()) as model:
        inputs = {known.name: spec.name for known, spec in zip(signature.inputs, model.inputs, strict=True)}
        outputs = {known.name: spec.name for known, spec in zip(signature.outputs, model.outputs, strict=True)}
    return TensorNames(inputs, outputs)


def _session(bundle: Bundle, artifact: Artifact) -> Session:
    path = bundle.path(artifact)
    return Session(bundle.as_runnable(artifact), backends.for_file(path), 1, SessionOptions())


def main(argv: Sequence[str] | None = None) -> int:
    """Entry point; returns the exit code."""
    return _main.run(parser(), body, argv)


if __name__ == "__main__":
    sys.exit(main())

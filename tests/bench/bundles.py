"""Bundles of fake and hand-written networks, to measure without training one."""

from edge.bundle import Artifact, Manifest, write_bundle
from edge.imaging import InputFormat
from tests.backends import models


def small_bundle(path, folder, formats=("tflite", "fake")):
    """Write a bundle that holds one hand-written network for each of ``formats``; returns its path."""
    make = {"tflite": models.tflite_conv, "onnx": models.onnx_conv, "fake": models.fake}
    folder.mkdir(exist_ok=True)
    sources = [make[kind](folder / f"net.{kind}") for kind in formats]
    precisions = {"tflite": "float32", "onnx": "float32", "fake": "int8"}
    artifacts = tuple(
        Artifact(source.name, kind, precisions[kind], "any", 0, "")
        for source, kind in zip(sources, formats, strict=True)
    )
    manifest = Manifest("net", "classify", ("a", "b"), (4, 5, 3), InputFormat(), "logits", artifacts)
    write_bundle(path, manifest, sources)
    return path
